//! What every case needs: a server, a stub LLM, calls, and a count of what became of them.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use harness::stub::{Reply, StubLlm};
use harness::voice::{SOON, Voice};
use harness::{Builder, wait_until};

/// Every time an analysis is written, by whom and why ever, this remembers it: two of the same are a duplicate effect.
/// The worker's own ledger is not asked, for it might be wrong as well.
const WITNESS: &str = "
    CREATE TABLE IF NOT EXISTS public.effect (call_id uuid, hash bytea, prompt_version text);
    GRANT INSERT ON public.effect TO PUBLIC;
    CREATE OR REPLACE FUNCTION public.witness() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        INSERT INTO public.effect VALUES (NEW.call_id, NEW.transcript_hash, NEW.prompt_version);
        RETURN NULL;
    END $$;
    CREATE TRIGGER witness AFTER INSERT OR UPDATE OF computed_at ON voice.analytics
    FOR EACH ROW EXECUTE FUNCTION public.witness()";

/// A number of the short form, which is part of `make test`, or of the long one (`make faults`).
pub fn short_or_long<T>(short: T, long: T) -> T {
    if std::env::var("VOICE_FAULTS").is_ok_and(|form| form == "long") { long } else { short }
}

pub struct Fixture {
    pub stub: StubLlm,
    pub voice: Voice,
    /// Requests that belong to earlier cases on the same server.
    asked_before: usize,
}

/// What a case counted.
pub struct Tally {
    pub calls: i64,
    pub analytics: i64,
    pub requests: usize,
    pub dead: i64,
    pub lost: i64,
    pub duplicates: i64,
}

impl Fixture {
    pub fn start() -> Fixture {
        Fixture::with(|builder| builder)
    }

    /// With settings of the case's own.
    pub fn with(change: impl FnOnce(Builder) -> Builder) -> Fixture {
        let stub = StubLlm::start();
        let voice = Voice::on(change(Voice::asking(&stub)));
        Fixture::of(voice, stub)
    }

    fn of(voice: Voice, stub: StubLlm) -> Fixture {
        let mut fixture = Fixture { stub, voice, asked_before: 0 };
        fixture.furnish();
        fixture
    }

    /// The extension is new in this database: somebody to watch it, and an agent.
    pub fn furnish(&mut self) {
        self.voice.client.batch_execute(WITNESS).unwrap();
        let agent = "INSERT INTO voice.agent (id, name, vertical) VALUES ('a', 'Ava', 'healthcare')";
        self.voice.client.batch_execute(agent).unwrap();
    }

    /// So many calls that end in one transaction.
    pub fn calls_end(&mut self, calls: usize) {
        let sql = format!(
            "INSERT INTO voice.call (agent_id, from_number, to_number) SELECT 'a', '+15550100', '+15550199' FROM generate_series(1, {calls});
             INSERT INTO voice.turn (call_id, role, text) SELECT id, 'user', 'hello, this is ' || id FROM voice.call WHERE status = 'in_progress';
             UPDATE voice.call SET status = 'completed', ended_at = clock_timestamp() WHERE status = 'in_progress'"
        );
        self.voice.client.batch_execute(&sql).unwrap();
    }

    /// Waits until the stub has seen so many requests in this case.
    #[track_caller]
    pub fn asked(&self, requests: usize) {
        self.stub.wait_for(self.asked_before + requests, SOON);
    }

    pub fn requests(&self) -> usize {
        self.stub.count() - self.asked_before
    }

    /// The crash has been noticed, and the server is back.
    pub fn reconnect(&mut self) {
        let client = &mut self.voice.client;
        wait_until("the server to notice", SOON, || client.batch_execute("").is_err().then_some(()));
        let config = self.voice.cluster.config("app");
        self.voice.client = wait_until("the server to be back", SOON, || self.voice.cluster.try_connect(&config).ok());
    }

    /// Waits until the worker waits for this (`Lock`, or the name of a wait event).
    #[track_caller]
    pub fn worker_waits_for(&mut self, what: &str) {
        self.voice.until(&format!(
            "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE backend_type = 'voice_analytics worker'
             AND '{what}' IN (wait_event_type, wait_event))"
        ));
    }

    /// As `voice.drained()`, where more is to be done than fits into its deadline; a failure says how things stand.
    #[track_caller]
    pub fn drained_within(&mut self, deadline: Duration) {
        let start = Instant::now();
        let drained = wait_until("a look at the queue", deadline + SOON, || {
            let left = self.voice.count("SELECT count(*) FROM voice.job");
            (left == 0 || start.elapsed() >= deadline).then_some(left == 0)
        });
        assert!(drained, "not done after {deadline:?}: {}", self.how_things_stand());
    }

    /// For the words of a failure.
    fn how_things_stand(&mut self) -> String {
        let sql = "SELECT jsonb_pretty(jsonb_build_object('status', (SELECT to_jsonb(s) FROM voice_status() s),
            'now', clock_timestamp(),
            'jobs', (SELECT jsonb_agg(j) FROM (SELECT * FROM voice.job ORDER BY run_at LIMIT 5) j),
            'attempts', (SELECT jsonb_agg(a) FROM (SELECT * FROM voice.attempt ORDER BY created_at DESC LIMIT 20) a)))";
        let said = self.voice.text(sql, &[]).unwrap_or_default();
        format!("{} requests, {} connections\n{said}", self.stub.count(), self.stub.connections())
    }

    /// The next case on the same server: nothing is there, nothing has been asked.
    pub fn clear(&mut self) {
        self.voice.client.batch_execute("DELETE FROM voice.call; TRUNCATE public.effect, voice.dead_job").unwrap();
        self.asked_before = self.stub.count();
        self.stub.answer_always(Reply::analysis());
    }

    /// Counts, prints and keeps the row of this case; nothing may be lost or done twice.
    #[track_caller]
    pub fn tally(&mut self, case: &str, did: &str, remark: &str) -> Tally {
        let requests = self.requests();
        let tally = Tally::count(&mut self.voice, requests);
        row(case, did, Some(&tally), remark);
        assert_eq!((tally.lost, tally.duplicates), (0, 0), "lost, duplicate effects");
        tally
    }
}

impl Tally {
    /// Of a database that nobody watched from its beginning: its ledger is what tells of duplicates, where it has one.
    pub fn of_copy(voice: &mut Voice, requests: usize) -> Tally {
        voice
            .client
            .batch_execute("CREATE TABLE IF NOT EXISTS public.effect (call_id uuid, hash bytea, prompt_version text)")
            .unwrap();
        Tally::count(voice, requests)
    }

    pub fn count(voice: &mut Voice, requests: usize) -> Tally {
        let calls = voice.count("SELECT count(*) FROM voice.call WHERE status <> 'in_progress'");
        let analytics = voice.count("SELECT count(*) FROM voice.analytics");
        let dead = voice.count("SELECT count(DISTINCT call_id) FROM voice.dead_job");
        let lost = voice.count(
            "SELECT count(*) FROM voice.call c WHERE status <> 'in_progress'
             AND NOT EXISTS (SELECT FROM voice.analytics a WHERE a.call_id = c.id)
             AND NOT EXISTS (SELECT FROM voice.dead_job d WHERE d.call_id = c.id)",
        );
        let duplicates =
            voice.count("SELECT count(*) - count(DISTINCT (call_id, hash, prompt_version)) FROM public.effect");
        let twice_in_the_ledger = voice.count(
            "SELECT coalesce(sum(n - 1), 0)::bigint FROM (SELECT count(*) n FROM voice.attempt WHERE outcome = 'ok' AND kind = 'analyze' GROUP BY call_id) x",
        );
        // A case whose calls' words change counts its effects itself.
        Tally { calls, analytics, requests, dead, lost, duplicates: duplicates.max(twice_in_the_ledger) }
    }
}

/// One line of the table in docs/reliability.md; `fault_table` puts them together.
pub fn row(case: &str, did: &str, tally: Option<&Tally>, remark: &str) {
    let counts = tally.map_or("| | | | | |".to_owned(), |t| {
        format!("| {} | {} | {} | {} | {} | {} |", t.calls, t.analytics, t.requests, t.dead, t.lost, t.duplicates)
    });
    let number = case.split_whitespace().next().unwrap_or_default();
    let line = format!("| {number} | {did} {counts} {remark} |");
    println!("{line}");
    let folder = table_folder();
    fs::create_dir_all(&folder).expect("target/faults");
    fs::write(folder.join(format!("{}.md", case.replace(' ', "-"))), line).expect("target/faults");
}

fn table_folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/faults")
}
