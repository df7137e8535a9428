//! What the figures were measured on.

use std::fs;
use std::process::Command;

use postgres::Client;

pub fn cores() -> usize {
    std::thread::available_parallelism().map_or(2, usize::from)
}

pub fn memory_mb() -> u64 {
    let info = fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let kb = info.lines().find_map(|l| l.strip_prefix("MemTotal:")?.trim().strip_suffix(" kB")?.parse::<u64>().ok());
    kb.unwrap_or(4 << 20) / 1024
}

/// Of the last minute: a machine that had other things to do gives other figures.
pub fn load() -> String {
    let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    load.split(' ').next().unwrap_or_default().to_owned()
}

/// One line on hardware, one on software, one on settings that matter.
pub fn describe(client: &mut Client) -> Vec<String> {
    let cpu = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = cpu.lines().find_map(|l| l.strip_prefix("model name")?.split_once(": ")).map_or("unknown CPU", |m| m.1);
    let version: String = client.query_one("SELECT split_part(version(), ' on ', 1)", &[]).expect("version").get(0);
    let settings: String = client
        .query_one(
            "SELECT string_agg(name || ' = ' || current_setting(name), ', ' ORDER BY name) FROM unnest(ARRAY['shared_buffers',
             'effective_cache_size', 'fsync', 'synchronous_commit', 'full_page_writes', 'autovacuum', 'jit', 'work_mem',
             'random_page_cost', 'max_wal_size', 'checkpoint_timeout', 'voice_analytics.enabled']) AS name",
            &[],
        )
        .expect("settings")
        .get(0);
    vec![
        format!("{} cores of {model}, {:.1} GB of memory", cores(), memory_mb() as f64 / 1024.0),
        format!("{version}; {}; voice_analytics at {}", output("uname", &["-sr"]), revision()),
        settings,
    ]
}

fn revision() -> String {
    let commit = output("git", &["-C", env!("CARGO_MANIFEST_DIR"), "rev-parse", "--short", "HEAD"]);
    let dirty = !output("git", &["-C", env!("CARGO_MANIFEST_DIR"), "status", "--porcelain", "-uno"]).is_empty();
    format!("{commit}{}", if dirty { " with changes" } else { "" })
}

fn output(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).output();
    output.map_or("unknown".into(), |o| String::from_utf8_lossy(&o.stdout).trim().to_owned())
}
