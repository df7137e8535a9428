//! A block, given to psql as a person would type it.

use std::io::Write;
use std::process::Stdio;

use harness::Cluster;

use crate::page::Block;

const MARK: &str = "----8<----\n";

/// Analyses come by themselves, a moment later; a page does not show the moment.
const LET_THE_WORKER_FINISH: &str = "
\\o /dev/null
DO $$
BEGIN
  IF to_regclass('voice.job') IS NOT NULL THEN
    FOR attempt IN 1..1000 LOOP
      EXIT WHEN NOT EXISTS (SELECT FROM voice.job);
      PERFORM pg_sleep(0.01);
    END LOOP;
  END IF;
END $$;
\\o
";

pub fn run(cluster: &Cluster, block: &Block) -> Result<(), String> {
    let mut script = String::from("\\pset pager off\n\\set ON_ERROR_STOP 1\n");
    for statement in &block.statements {
        script += LET_THE_WORKER_FINISH;
        script += &format!("\\echo {MARK}{}\n", statement.input);
    }
    let output = psql(cluster, &script)?;
    let mut printed = output.split(MARK).skip(1);
    for statement in &block.statements {
        let printed = printed.next().unwrap_or_default();
        match &statement.output {
            Some(expected) if same(expected) != same(printed) => {
                return Err(format!("{}\nprinted\n{printed}\nand not\n{expected}", statement.input));
            }
            _ => {}
        }
    }
    Ok(())
}

fn psql(cluster: &Cluster, script: &str) -> Result<String, String> {
    let mut child = cluster
        .client("psql")
        .args(["-X", "-d", "voice"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|e| format!("psql: {e}"))?;
    let mut input = child.stdin.take().ok_or("psql takes no input")?;
    input.write_all(script.as_bytes()).map_err(|e| format!("psql: {e}"))?;
    drop(input);
    let output = child.wait_with_output().map_err(|e| format!("psql: {e}"))?;
    if output.status.success() {
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    } else {
        Err(String::from_utf8_lossy(&output.stderr).into_owned())
    }
}

/// What is compared: not column widths, and not what differs at every run (ids, times of day).
fn same(output: &str) -> String {
    let lines = output.lines().map(|line| {
        let words = line.split_whitespace().map(|word| match word {
            rule if rule.chars().all(|c| c == '-' || c == '+') => "-",
            id if is_uuid(id) => "<id>",
            time if is_time(time) => "<time>",
            word => word,
        });
        words.collect::<Vec<_>>().join(" ")
    });
    lines.filter(|line| !line.is_empty()).collect::<Vec<_>>().join("\n")
}

fn is_uuid(word: &str) -> bool {
    word.len() == 36 && word.chars().all(|c| c.is_ascii_hexdigit() || c == '-')
}

/// 2026-11-20 or 13:43:49.123+00
fn is_time(word: &str) -> bool {
    let separators = word.chars().filter(|c| matches!(c, ':' | '-')).count();
    separators >= 2 && word.chars().all(|c| c.is_ascii_digit() || matches!(c, ':' | '-' | '.' | '+'))
}
