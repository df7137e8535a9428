//! How fast the worker is beside an LLM of known slowness; run as `bench worker`. Prints one table, asserts nothing.

use harness::Cluster;
use harness::stub::{Reply, StubLlm};
use postgres::Client;
use std::time::{Duration, Instant};

const CALLS: i64 = 1000;
const DELAY: Duration = Duration::from_millis(200);
const IN_FLIGHT: u32 = 64;
const SINGLES: usize = 50;
const DEADLINE: Duration = Duration::from_secs(120);

pub fn run() {
    let stub = StubLlm::start();
    let cluster = Cluster::builder()
        .setting("voice_analytics.analyzer", "openai")
        .setting("voice_analytics.llm_url", stub.url())
        .setting("voice_analytics.max_concurrency", IN_FLIGHT)
        .setting("fsync", "on")
        .start();
    let mut client = cluster.create_voice_database("bench");
    client
        .batch_execute("INSERT INTO voice.agent (id, name, vertical) VALUES ('a', 'Ava', 'salon')")
        .expect("an agent");
    cluster.worker_pid("bench");
    println!("{:<58} {:>10} {:>10}", "", "median", "p95");
    singles(&stub, &mut client);
    throughput(&stub, &cluster, &mut client);
}

/// One call at a time on an idle system.
fn singles(stub: &StubLlm, client: &mut Client) {
    let (mut leaving, mut storing) = (Vec::new(), Vec::new());
    for n in 0..SINGLES {
        let id: String = client.query_one(&insert_call("'in_progress'", 1), &[]).expect("a call").get(0);
        let update =
            "UPDATE voice.call SET status = 'completed', ended_at = clock_timestamp() WHERE id = $1::text::uuid";
        client.execute(update, &[&id]).expect("the end of the call");
        let committed = Instant::now();
        let arrived = stub.wait_for(n + 1, DEADLINE)[n].arrived;
        // The stub answers in the moment the request is whole.
        let sql = "SELECT count(*) FROM voice.analytics WHERE call_id = $1::text::uuid";
        while client.query_one(sql, &[&id]).expect("a look").get::<_, i64>(0) == 0 {
            assert!(arrived.elapsed() < DEADLINE, "no analytics");
        }
        // The request may even arrive before the client hears of its commit.
        leaving.push(arrived.saturating_duration_since(committed));
        storing.push(arrived.elapsed());
    }
    print("commit (as the client sees it) to request at the LLM, ms", &mut leaving);
    print("LLM's answer to row visible, ms", &mut storing);
}

/// A backlog, against an LLM that takes its time.
fn throughput(stub: &StubLlm, cluster: &Cluster, client: &mut Client) {
    stub.keep_requests(false);
    stub.answer_always(Reply::analysis().delay(DELAY));
    let pid = cluster.worker_pid("bench");
    let cpu_before = cpu_seconds(pid);
    client.query(&insert_call("'in_progress'", CALLS), &[]).expect("calls");
    let began = Instant::now();
    client
        .execute(
            "UPDATE voice.call SET status = 'completed', ended_at = clock_timestamp() WHERE status = 'in_progress'",
            &[],
        )
        .expect("the end of the calls");
    let committed = Instant::now();
    let goal = SINGLES as i64 + CALLS;
    while client.query_one("SELECT count(*) FROM voice.analytics", &[]).expect("a look").get::<_, i64>(0) < goal {
        assert!(began.elapsed() < DEADLINE, "not drained");
        std::thread::sleep(Duration::from_millis(5));
    }
    let took = committed.elapsed().as_secs_f64();
    let ideal = f64::from(IN_FLIGHT) / DELAY.as_secs_f64();
    let rate = CALLS as f64 / took;
    println!(
        "{CALLS} calls, LLM {DELAY:?}, {IN_FLIGHT} in flight: {rate:.0} calls/s, {:.0} % of {ideal:.0}",
        100.0 * rate / ideal
    );
    println!(
        "worker: {} MB resident at its peak, {:.2} ms CPU a call",
        peak_mb(pid),
        1000.0 * (cpu_seconds(pid) - cpu_before) / CALLS as f64
    );
}

fn insert_call(status: &str, calls: i64) -> String {
    format!(
        "WITH c AS (INSERT INTO voice.call (agent_id, from_number, to_number, status)
             SELECT 'a', '+15550100', '+15550199', {status} FROM generate_series(1, {calls}) RETURNING id),
         t AS (INSERT INTO voice.turn (call_id, role, text)
             SELECT id, (ARRAY['user', 'assistant'])[1 + n % 2], 'we can schedule your appointment on tuesday morning, turn ' || n
             FROM c, generate_series(0, 9) n)
         SELECT id::text FROM c"
    )
}

fn print(what: &str, times: &mut [Duration]) {
    times.sort();
    let at = |p: usize| times[(times.len() * p / 100).min(times.len() - 1)].as_secs_f64() * 1000.0;
    println!("{what:<58} {:>10.2} {:>10.2}", at(50), at(95));
}

/// Peak resident size (VmHWM), which counts the shared buffers the process has touched too.
fn peak_mb(pid: i32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let kb =
        status.lines().find_map(|l| l.strip_prefix("VmHWM:")?.trim().strip_suffix(" kB")?.trim().parse::<u64>().ok());
    kb.unwrap_or(0) / 1024
}

fn cpu_seconds(pid: i32) -> f64 {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let fields: Vec<&str> = stat.rsplit(") ").next().unwrap_or_default().split(' ').collect();
    let ticks = |i: usize| fields.get(i).and_then(|f| f.parse::<f64>().ok()).unwrap_or(0.0);
    // User and system time, in the hundredths of a second that Linux always reports here.
    (ticks(11) + ticks(12)) / 100.0
}
