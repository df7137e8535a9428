//! Two servers between which a tenant moves by scripts/move-tenant.sh, and a program that writes its calls meanwhile.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use harness::voice::Voice;
use harness::{Builder, Cluster};
use postgres::error::SqlState;
use postgres::{Client, Config};

pub const TENANT: &str = "acme";
const TABLES: &str = "call turn transcript_chunk tool_call analytics attempt search_document result agent analysis label live alert
    alert_event backfill daily_usage daily daily_result daily_detail daily_cost job dead_job label_sample label_task trial trial_result
    erasure webhook tenant_limit _sending _move_mark";

pub struct Cells {
    pub servers: [Voice; 2],
    /// Where the tenant lives: 0 or 1.
    pub home: usize,
    /// What a pooler would know: the number of the server to which the tenant's sessions go.
    route: PathBuf,
}

pub struct Writer {
    stop: Arc<AtomicBool>,
    written: Arc<AtomicUsize>,
    thread: JoinHandle<Written>,
}

/// What the program knows of the calls it has written.
pub struct Written {
    /// Calls whose end was acknowledged.
    pub ids: Vec<String>,
    /// Errors that it met and tried again.
    pub errors: usize,
    /// The longest a call took, errors and all.
    pub longest: Duration,
}

pub fn builder() -> Builder {
    Cluster::builder().setting("wal_level", "logical")
}

impl Cells {
    /// The tenant lives on the first of them, beside another one that is on both.
    pub fn start() -> Cells {
        Cells::with(builder)
    }

    pub fn with(builder: impl Fn() -> Builder) -> Cells {
        let mut servers = [Voice::on(builder()), Voice::on(builder())];
        for (number, server) in servers.iter_mut().enumerate() {
            let sql = format!(
                "CREATE ROLE app LOGIN; SELECT voice_grant('app', 'reader'), voice_grant('app', 'writer');
                 INSERT INTO voice.agent (id, tenant_id, vertical) VALUES ('globex-{number}', 'globex', 'salon');
                 SET voice_analytics.tenant = 'globex';
                 INSERT INTO voice.call (agent_id) SELECT 'globex-{number}' FROM generate_series(1, 20);
                 UPDATE voice.call SET status = 'completed' WHERE tenant_id = 'globex';
                 SET voice_analytics.tenant = '{TENANT}'"
            );
            server.client.batch_execute(&sql).unwrap();
        }
        let history = "INSERT INTO voice.agent (id, vertical) VALUES ('a', 'salon'), ('b', 'salon');
            SELECT count(voice_import_call(jsonb_build_object('id', 'h' || n, 'agent', 'a', 'started_at', now() - n * interval '8 hours',
                'turns', '[{\"role\": \"user\", \"text\": \"I would like to book a haircut\"}, {\"role\": \"assistant\", \"text\": \"gladly\"}]'::jsonb,
                'tool_calls', '[{\"name\": \"lookup\", \"args\": {}}]'::jsonb))) FROM generate_series(1, 150) n";
        servers[0].client.batch_execute(history).unwrap();
        servers[0].drained();
        let route = servers[0].cluster.folder().join("route");
        let cells = Cells { servers, home: 0, route };
        cells.route_to(0);
        cells
    }

    fn route_to(&self, server: usize) {
        std::fs::write(&self.route, server.to_string()).expect("the route");
    }

    pub fn home(&mut self) -> &mut Voice {
        &mut self.servers[self.home]
    }

    pub fn away(&mut self) -> &mut Voice {
        &mut self.servers[1 - self.home]
    }

    pub fn address(&self, server: usize) -> String {
        format!("host={} port=5432 user=postgres dbname=app", self.servers[server].cluster.folder().display())
    }

    /// scripts/move-tenant.sh from the tenant's server to the other one.
    pub fn command(&self, options: &[&str]) -> Command {
        let psql = self.servers[0].cluster.client("psql");
        let programs = Path::new(psql.get_program()).parent().expect("a folder of programs").to_owned();
        let path = format!("{}:{}", programs.display(), std::env::var("PATH").unwrap_or_default());
        let mut command = Command::new(Path::new(env!("CARGO_MANIFEST_DIR")).join("../scripts/move-tenant.sh"));
        // A script that is killed leaves its folder behind: it goes with the cluster.
        command.env("PATH", path).env("TMPDIR", self.servers[0].cluster.folder()).stdin(Stdio::null());
        command.args([self.address(self.home), self.address(1 - self.home), TENANT.to_owned()]);
        command.arg("--on-switch").arg(format!("echo {} > {}", 1 - self.home, self.route.display()));
        command.args(["--settled", "5 seconds"]).args(options);
        command
    }

    /// Runs it to its end, which must be a good one; gives what it said.
    #[track_caller]
    pub fn moves(&mut self, options: &[&str]) -> String {
        let output = self.command(options).output().expect("move-tenant.sh");
        let said = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert!(output.status.success(), "{said}");
        said
    }

    /// The same, and the tenant lives on the other server from then on.
    #[track_caller]
    pub fn arrives(&mut self, options: &[&str]) -> String {
        let said = self.moves(options);
        self.home = 1 - self.home;
        said
    }

    /// The run and its output, once it has said this; `None`: it ended without saying it.
    pub fn runs_until(&self, line: &str) -> (Child, Option<BufReader<ChildStdout>>) {
        let mut child = self.command(&[]).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().expect("move-tenant.sh");
        let mut output = BufReader::new(child.stdout.take().expect("its output"));
        let mut said = String::new();
        loop {
            said.clear();
            match output.read_line(&mut said) {
                Ok(0) | Err(_) => return (child, None),
                Ok(_) if said.contains(line) => return (child, Some(output)),
                Ok(_) => {}
            }
        }
    }

    pub fn write(&self) -> Writer {
        let configs = self.servers.iter().map(|server| {
            let mut config = server.cluster.config("app");
            config.user("app").options("-c voice_analytics.tenant=acme");
            config
        });
        self.write_to(configs.collect())
    }

    /// Writes by these connections: one a server, or the same for both.
    pub fn write_to(&self, configs: Vec<Config>) -> Writer {
        let (stop, written) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
        let route = self.route.clone();
        let thread = thread::spawn({
            let (stop, written) = (Arc::clone(&stop), Arc::clone(&written));
            move || write_calls(&configs, &route, &stop, &written)
        });
        Writer { stop, written, thread }
    }

    /// Every call that was acknowledged is on the tenant's server, with its turns, its analysis, made once, and its search document;
    /// on the other one nothing is left. Gives (calls, analytics, lost, duplicates).
    #[track_caller]
    pub fn account(&mut self, written: &Written) -> (i64, i64, i64, i64) {
        let home = self.home();
        home.client.batch_execute("RESET ROLE").unwrap();
        home.drained();
        let all = "FROM unnest($1::text[]) i(id) LEFT JOIN voice.call c ON c.id = i.id::uuid AND c.tenant_id = 'acme' AND c.status = 'completed'";
        let one = |client: &mut Client, what: &str| -> i64 { client.query_one(what, &[&written.ids]).unwrap().get(0) };
        let lost = one(
            &mut home.client,
            &format!(
                "SELECT count(*) {all} WHERE c.id IS NULL OR (SELECT count(*) FROM voice.turn t WHERE t.call_id = c.id) <> 2
                 OR NOT EXISTS (SELECT FROM voice.analytics a WHERE a.call_id = c.id)
                 OR NOT EXISTS (SELECT FROM voice.search_document d WHERE d.call_id = c.id)"
            ),
        );
        let duplicates = one(
            &mut home.client,
            &format!(
                "SELECT coalesce(sum((SELECT count(*) FROM voice.attempt t WHERE t.call_id = c.id AND t.outcome = 'ok' AND t.kind = 'analyze') - 1), 0)::bigint {all}"
            ),
        );
        let history = "SELECT count(*) FROM voice.call c JOIN voice.analytics a ON a.call_id = c.id WHERE c.tenant_id = 'acme' AND c.external_id LIKE 'h%'";
        assert_eq!(home.count(history), 150);
        let calls = home.count("SELECT count(*) FROM voice.call WHERE tenant_id = 'acme'");
        assert_eq!(calls, 150 + written.ids.len() as i64, "calls that nobody has written");
        let analytics = home.count("SELECT count(*) FROM voice.analytics WHERE tenant_id = 'acme'");
        for table in TABLES.split_whitespace() {
            let left = self.away().count(&format!("SELECT count(*) FROM voice.{table} WHERE tenant_id = 'acme'"));
            assert_eq!(left, 0, "rows are left of voice.{table}");
        }
        for server in &mut self.servers {
            let traces = "SELECT (SELECT count(*) FROM pg_publication) + (SELECT count(*) FROM pg_subscription) + (SELECT count(*) FROM pg_replication_slots)
                + (SELECT count(*) FROM pg_policy WHERE polname LIKE 'moving%') + (SELECT count(*) FROM voice._move_mark)
                + (SELECT count(*) FROM pg_class WHERE relnamespace = 'voice'::regnamespace AND relkind IN ('r', 'p') AND relreplident <> 'd')";
            assert_eq!(
                server.count(traces),
                0,
                "publications, subscriptions, slots, policies, marks, replica identities"
            );
            assert_eq!(server.count("SELECT count(*) FROM voice.call WHERE tenant_id = 'globex'"), 20);
        }
        (calls, analytics, lost, duplicates)
    }
}

impl Writer {
    /// Calls that were written so far.
    pub fn written(&self) -> usize {
        self.written.load(Ordering::Acquire)
    }

    pub fn stop(self) -> Written {
        self.stop.store(true, Ordering::Release);
        self.thread.join().expect("the writer")
    }
}

/// One call after the other, each tried again until it is acknowledged: by a role that may only write, connected to where the
/// route says. A call that is there already was acknowledged to nobody, and counts.
fn write_calls(configs: &[Config], route: &Path, stop: &AtomicBool, written: &AtomicUsize) -> Written {
    let mut result = Written { ids: Vec::new(), errors: 0, longest: Duration::ZERO };
    let mut session: Option<Client> = None;
    while !stop.load(Ordering::Acquire) {
        let begun = Instant::now();
        let mut id: Option<String> = None;
        loop {
            match write_call(&mut session, configs, route, &mut id) {
                Ok(()) => break,
                Err(error) if error.code() == Some(&SqlState::UNIQUE_VIOLATION) => break,
                Err(_) => {
                    result.errors += 1;
                    session = None;
                    thread::sleep(Duration::from_millis(5));
                }
            }
        }
        result.longest = result.longest.max(begun.elapsed());
        result.ids.extend(id);
        written.store(result.ids.len(), Ordering::Release);
        thread::sleep(Duration::from_millis(10));
    }
    result
}

fn write_call(
    session: &mut Option<Client>,
    configs: &[Config],
    route: &Path,
    id: &mut Option<String>,
) -> Result<(), postgres::Error> {
    if session.as_ref().is_none_or(Client::is_closed) {
        let server: usize = std::fs::read_to_string(route).ok().and_then(|n| n.trim().parse().ok()).unwrap_or(0);
        *session = Some(configs[server].connect(postgres::NoTls)?);
    }
    let Some(client) = session.as_mut() else { return Ok(()) };
    if id.is_none() {
        // Simple queries: a pooler of transactions has no prepared statements.
        let said = client.simple_query("SELECT voice_uuidv7()")?;
        *id = said.iter().find_map(|message| match message {
            postgres::SimpleQueryMessage::Row(row) => row.get(0).map(str::to_owned),
            _ => None,
        });
    }
    let id = id.as_deref().unwrap_or_default();
    client.batch_execute(&format!(
        "BEGIN;
         INSERT INTO voice.call (id, agent_id, from_number) VALUES ('{id}', 'b', '+12125550142');
         INSERT INTO voice.turn (call_id, role, text) VALUES ('{id}', 'user', 'please book a haircut'), ('{id}', 'assistant', 'gladly');
         UPDATE voice.call SET status = 'completed', ended_at = clock_timestamp() WHERE id = '{id}';
         COMMIT"
    ))
}
