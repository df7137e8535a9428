//! pgbench runs the statements as any client would, and logs how long each transaction took; read here.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::server::Server;

/// How the statements are sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Named statements, kept by the session: after five executions the planner may settle for a generic plan.
    Prepared,
    /// Unnamed statements, planned anew with their parameters each time: what Prisma's adapter sends.
    Extended,
}

pub struct Run<'a> {
    pub database: &'a str,
    pub script: String,
    pub mode: Mode,
    pub variables: Vec<(&'a str, String)>,
    pub clients: u32,
    pub length: Length,
    pub user: &'a str,
    /// Of the session.
    pub settings: Vec<(&'a str, &'a str)>,
}

#[derive(Clone, Copy)]
pub enum Length {
    Seconds(u32),
    TransactionsOfEachClient(u32),
}

/// What came of it. Latencies in milliseconds, sorted.
pub struct Outcome {
    pub latencies: Vec<f64>,
    pub tps: f64,
}

impl<'a> Run<'a> {
    pub fn of(database: &'a str, script: impl Into<String>, mode: Mode, seconds: u32) -> Run<'a> {
        Run {
            database,
            script: script.into(),
            mode,
            variables: Vec::new(),
            clients: 1,
            length: Length::Seconds(seconds),
            user: "postgres",
            settings: Vec::new(),
        }
    }

    pub fn with(mut self, name: &'a str, value: impl ToString) -> Run<'a> {
        self.variables.push((name, value.to_string()));
        self
    }

    pub fn run(&self, server: &Server) -> Outcome {
        let folder = std::env::temp_dir().join(format!("voice-pgbench-{}", std::process::id()));
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(&folder).unwrap_or_else(|e| panic!("{}: {e}", folder.display()));
        let outcome = self.run_in(server, &folder);
        let _ = fs::remove_dir_all(&folder);
        outcome
    }

    fn run_in(&self, server: &Server, folder: &Path) -> Outcome {
        let script = folder.join("script.sql");
        fs::write(&script, &self.script).expect("the script");
        let mut pgbench = server.cluster.client("pgbench");
        pgbench.current_dir(folder).args(["--no-vacuum", "--log", "--log-prefix=log"]);
        pgbench.arg(format!("--protocol={}", format!("{:?}", self.mode).to_lowercase()));
        pgbench.arg(format!("--client={}", self.clients)).arg(format!("--jobs={}", self.clients.min(2)));
        pgbench.arg(match self.length {
            Length::Seconds(seconds) => format!("--time={seconds}"),
            Length::TransactionsOfEachClient(count) => format!("--transactions={count}"),
        });
        for (name, value) in &self.variables {
            pgbench.arg(format!("--define={name}={value}"));
        }
        let settings = self.settings.iter().map(|(name, value)| format!("-c {name}={value}"));
        pgbench.env("PGOPTIONS", settings.collect::<Vec<_>>().join(" "));
        pgbench.arg("--file").arg(&script).env("PGUSER", self.user).arg(self.database);
        let output = pgbench.output().expect("pgbench");
        let said = String::from_utf8_lossy(&output.stdout);
        assert!(
            output.status.success() && !said.contains("aborted"),
            "pgbench of {} failed: {said}\n{}",
            self.database,
            String::from_utf8_lossy(&output.stderr)
        );
        let tps = said.lines().find_map(|line| line.strip_prefix("tps = ")?.split(' ').next()?.parse().ok());
        Outcome { latencies: latencies(folder), tps: tps.unwrap_or_else(|| panic!("no tps in {said}")) }
    }
}

/// Of all threads' logs: `client transaction microseconds …` a line.
fn latencies(folder: &Path) -> Vec<f64> {
    let logs = fs::read_dir(folder).expect("the logs").flatten().map(|entry| entry.path());
    let is_log = |path: &PathBuf| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("log."));
    let mut all = Vec::new();
    for log in logs.filter(is_log) {
        let text = fs::read_to_string(&log).expect("a log");
        all.extend(text.lines().filter_map(|line| line.split(' ').nth(2)?.parse::<f64>().ok()).map(|us| us / 1000.0));
    }
    all.sort_by(f64::total_cmp);
    all
}

impl Outcome {
    pub fn of(mut latencies: Vec<f64>) -> Outcome {
        let tps = 1000.0 * latencies.len() as f64 / latencies.iter().sum::<f64>();
        latencies.sort_by(f64::total_cmp);
        Outcome { latencies, tps }
    }

    pub fn median(&self) -> f64 {
        percentile(&self.latencies, 50)
    }

    pub fn p95(&self) -> f64 {
        percentile(&self.latencies, 95)
    }

    pub fn raw(&self) -> Value {
        json!({
            "transactions": self.latencies.len(), "tps": self.tps, "median_ms": self.median(), "p95_ms": self.p95(),
            "min_ms": self.latencies.first(), "max_ms": self.latencies.last(),
        })
    }
}

pub fn percentile(sorted: &[f64], percent: usize) -> f64 {
    assert!(!sorted.is_empty(), "nothing was measured");
    sorted[(sorted.len() * percent / 100).min(sorted.len() - 1)]
}

/// Of few values: an even number of them has its middle between two.
pub fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    if values.len().is_multiple_of(2) { (values[middle - 1] + values[middle]) / 2.0 } else { values[middle] }
}
