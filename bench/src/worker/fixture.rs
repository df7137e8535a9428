//! A server of its own for the worker, a stub LLM beside it, and what /proc says of both.

use std::fs;
use std::time::{Duration, Instant};

use harness::processes::{children_of, cpu_time, cpu_time_of_ended_children};
use harness::stub::{Reply, StubLlm};
use harness::{Cluster, wait_until};
use postgres::Client;

use crate::machine;

pub const DATABASE: &str = "bench";
const TEXTS: &str = include_str!("../../sql/worker/texts.sql");
const CALLS: &str = include_str!("../../sql/worker/calls.sql");
pub const END: &str =
    "UPDATE voice.call SET status = 'completed', ended_at = clock_timestamp() WHERE status = 'in_progress'";

pub struct Fixture {
    pub cluster: Cluster,
    pub stub: StubLlm,
    pub client: Client,
    /// Of the client here, whose work is not the product's.
    own_backend: i32,
}

/// CPU seconds used so far.
#[derive(Clone, Copy)]
pub struct Cpu {
    pub worker: f64,
    /// Every process of the server, the worker too, and those that have ended.
    pub server: f64,
    pub stub: f64,
}

/// Megabytes of the worker.
#[derive(Clone, Copy, Default)]
pub struct Memory {
    /// RssAnon + RssFile: all that is resident but shared memory, which is PostgreSQL's and everybody's.
    pub own: f64,
    /// VmHWM: its peak, the shared buffers that it has touched included.
    pub peak: f64,
}

impl Fixture {
    pub fn start() -> Fixture {
        let stub = StubLlm::start();
        stub.keep_requests(false);
        let cluster = Cluster::builder()
            .setting("voice_analytics.analyzer", "openai")
            .setting("voice_analytics.llm_url", stub.url())
            .setting("fsync", "on")
            .setting("shared_buffers", format!("{}MB", (machine::memory_mb() / 8).min(2048)))
            .setting("max_wal_size", "4GB")
            .setting("checkpoint_timeout", "30min")
            .setting("autovacuum_naptime", "10s")
            .start();
        let mut client = cluster.create_voice_database(DATABASE);
        client.batch_execute(TEXTS).expect("texts");
        let own_backend = client.query_one("SELECT pg_backend_pid()", &[]).expect("pid").get(0);
        cluster.worker_pid(DATABASE);
        Fixture { cluster, stub, client, own_backend }
    }

    /// The LLM's delay, how many may be in flight, and who judges.
    pub fn configure(&mut self, delay: Duration, in_flight: usize, analyzer: &str) {
        self.stub.answer_always(Reply::analysis().delay(delay));
        // The worker takes them over in a moment; making the calls that follow takes longer.
        self.cluster.set("voice_analytics.max_concurrency", &in_flight.to_string());
        self.cluster.set("voice_analytics.analyzer", analyzer);
    }

    /// Calls in progress, ten turns each; their ids.
    pub fn open_calls(&mut self, calls: usize) -> Vec<String> {
        let rows = self.client.query(CALLS, &[&(calls as i64)]).unwrap_or_else(|e| panic!("calls: {e:?}"));
        rows.iter().map(|row| row.get(0)).collect()
    }

    /// A backlog: so many calls have ended while the worker pauses.
    pub fn backlog(&mut self, calls: usize) {
        self.client.execute("SELECT voice_pause('bench')", &[]).expect("pause");
        for first in (0..calls).step_by(5000) {
            self.open_calls((calls - first).min(5000));
            self.client.execute(END, &[]).expect("the end of the calls");
        }
        self.client.batch_execute("VACUUM ANALYZE").expect("vacuum");
        self.client.batch_execute("CHECKPOINT").expect("checkpoint");
    }

    pub fn resume(&mut self) -> Instant {
        self.client.execute("SELECT voice_resume()", &[]).expect("resume");
        Instant::now()
    }

    pub fn jobs(&mut self) -> i64 {
        self.client.query_one("SELECT count(*) FROM voice.job", &[]).expect("jobs").get(0)
    }

    pub fn jobs_of(&mut self, kind: &str) -> i64 {
        let sql = "SELECT count(*) FROM voice.job WHERE kind = $1";
        self.client.query_one(sql, &[&kind]).expect("jobs").get(0)
    }

    pub fn drained(&mut self, within: Duration) {
        wait_until("the queue to be empty", within, || {
            let sql = "SELECT NOT EXISTS (SELECT FROM voice.job)";
            std::thread::sleep(Duration::from_millis(10));
            self.client.query_one(sql, &[]).expect("a look").get::<_, bool>(0).then_some(())
        });
    }

    pub fn worker(&self) -> i32 {
        self.cluster.worker_pid(DATABASE)
    }

    pub fn cpu(&self) -> Cpu {
        let postmaster = self.cluster.postmaster_pid();
        let of = |pid: i32| cpu_time(pid).as_secs_f64();
        let processes = children_of(postmaster).into_iter().filter(|pid| *pid != self.own_backend);
        // Those that end meanwhile (autovacuum, clients) are counted by the postmaster from then on.
        let ended = cpu_time_of_ended_children(postmaster).as_secs_f64();
        let server = of(postmaster) + ended + processes.map(of).sum::<f64>();
        Cpu { worker: of(self.worker()), server, stub: stub_cpu() }
    }
}

impl Cpu {
    pub fn since(self, before: Cpu) -> Cpu {
        Cpu { worker: self.worker - before.worker, server: self.server - before.server, stub: self.stub - before.stub }
    }
}

impl Memory {
    pub fn of(pid: i32) -> Memory {
        let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
        let mb = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name)?.trim().strip_suffix(" kB"));
            line.and_then(|kb| kb.trim().parse::<f64>().ok()).unwrap_or(0.0) / 1024.0
        };
        Memory { own: mb("RssAnon:") + mb("RssFile:"), peak: mb("VmHWM:") }
    }

    pub fn max(self, other: Memory) -> Memory {
        Memory { own: self.own.max(other.own), peak: self.peak.max(other.peak) }
    }
}

/// How often the threads of a process have gone to sleep: each time something woke them again.
pub fn sleeps(pid: i32) -> u64 {
    let tasks = fs::read_dir(format!("/proc/{pid}/task")).expect("threads").flatten();
    let count = |path: std::path::PathBuf| -> Option<u64> {
        let status = fs::read_to_string(path.join("status")).ok()?;
        status.lines().find_map(|line| line.strip_prefix("voluntary_ctxt_switches:")?.trim().parse().ok())
    };
    tasks.filter_map(|task| count(task.path())).sum()
}

/// Of the stub's one thread, which lives in this process.
fn stub_cpu() -> f64 {
    let tasks = fs::read_dir("/proc/self/task").expect("threads").flatten();
    let of = |path: std::path::PathBuf| -> Option<f64> {
        let stat = fs::read_to_string(path.join("stat")).ok()?;
        let fields: Vec<&str> = stat[stat.rfind(')')? + 2..].split(' ').collect();
        let ticks = fields[11].parse::<f64>().ok()? + fields[12].parse::<f64>().ok()?;
        stat.contains("(stub-llm)").then_some(ticks / 100.0)
    };
    tasks.filter_map(|task| of(task.path())).sum()
}
