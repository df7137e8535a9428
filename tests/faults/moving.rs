//! A tenant moves to another server while it writes, whatever dies in between; and what stands in the way is said beforehand.

use harness::stub::{Reply, StubLlm};
use harness::voice::{SOON, Voice};
use harness::{needs_major, wait_until};

use crate::cells::{self, Cells, TENANT};
use crate::fixture::{Tally, row, short_or_long};

/// What the script says when each of its steps begins.
const STEPS: [&str; 8] = [
    "the source publishes",
    "the target makes ready",
    "the target subscribes",
    "all tables are ready",
    "settled calls are alike",
    "the switch",
    "the tenant is on the target",
    "rolled up on the target",
];

fn tally(counted: (i64, i64, i64, i64)) -> Tally {
    let (calls, analytics, lost, duplicates) = counted;
    Tally { calls, analytics, requests: 0, dead: 0, lost, duplicates }
}

#[test]
fn a_tenant_moves_while_it_writes_and_back_again() {
    if !needs_major(15) {
        return;
    }
    let mut cells = Cells::start();
    let writer = cells.write();
    wait_until("calls before the move", SOON, || (writer.written() > 20).then_some(()));
    let said = cells.arrives(&[]);
    let before = writer.written();
    wait_until("calls on the new server", SOON, || (writer.written() > before + 20).then_some(()));
    cells.arrives(&[]);
    let before = writer.written();
    wait_until("calls on the old server again", SOON, || (writer.written() > before + 20).then_some(()));
    let written = writer.stop();
    let tally = tally(cells.account(&written));
    let pause = said.lines().find_map(|line| line.split("the pause was ").nth(1)).unwrap_or_default().to_owned();
    let remark = format!(
        "{} calls written meanwhile, {} errors tried again, the longest call {} ms; pause {pause}",
        written.ids.len(),
        written.errors,
        written.longest.as_millis()
    );
    row("18a", "a tenant moved to another server while it writes, and back", Some(&tally), &remark);
    assert_eq!((tally.lost, tally.duplicates), (0, 0));
    assert_eq!(tally.calls, tally.analytics);
    // Nobody is surprised by a second run of the same.
    cells.home = 1 - cells.home;
    assert!(cells.moves(&[]).contains("nothing of it is left at the source"));
}

/// PgBouncer before both servers, as the account of the servers; ends with the value.
struct Pooler {
    process: std::process::Child,
    config: std::path::PathBuf,
    folder: std::path::PathBuf,
}

impl Pooler {
    fn start(cells: &Cells) -> Option<Pooler> {
        let cluster = &cells.servers[0].cluster;
        let folder = cluster.folder().to_owned();
        cluster.write_file("users", "\"acme_app\" \"\"\n\"postgres\" \"\"\n", 0o644);
        let text = format!(
            "[databases]\n{TENANT} = {}\n* = host=nowhere\n[pgbouncer]\nlisten_addr =\nlisten_port = 6432\nunix_socket_dir = {folder}\nauth_type = trust
auth_file = {folder}/users\nadmin_users = postgres\npool_mode = transaction\nlogfile = {folder}/pgbouncer.log\npidfile =\nignore_startup_parameters = extra_float_digits\n",
            cells.address(0).replace(" user=postgres", ""),
            folder = folder.display()
        );
        let config = cluster.write_file("pgbouncer.ini", &text, 0o644);
        let mut command = std::process::Command::new("pgbouncer");
        if nix::unistd::geteuid().is_root() {
            command.args(["-u", "postgres"]);
        }
        command.arg("-q").arg(&config).stdout(std::process::Stdio::null()).stderr(std::process::Stdio::null());
        match command.spawn() {
            Ok(process) => Some(Pooler { process, config, folder }),
            Err(_) => {
                harness::skipped("there is no pgbouncer");
                None
            }
        }
    }

    fn config(&self, user: &str, database: &str) -> postgres::Config {
        let mut config = postgres::Config::new();
        config.host_path(&self.folder).port(6432).user(user).dbname(database);
        config
    }
}

impl Drop for Pooler {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

#[test]
fn through_a_pooler_a_move_is_a_wait_and_no_client_sees_an_error() {
    if !needs_major(15) {
        return;
    }
    let mut cells = Cells::start();
    for server in &mut cells.servers {
        let role = "CREATE ROLE acme_app LOGIN; SELECT voice_grant('acme_app', 'reader'), voice_grant('acme_app', 'writer'), voice_pin_tenant('acme_app', 'acme')";
        server.client.batch_execute(role).unwrap();
    }
    let Some(pooler) = Pooler::start(&cells) else { return };
    let through = pooler.config("acme_app", TENANT);
    wait_until("the pooler", SOON, || through.connect(postgres::NoTls).ok().map(drop));
    let writer = cells.write_to(vec![through.clone(), through]);
    wait_until("calls before the move", SOON, || (writer.written() > 20).then_some(()));
    let console = format!("host={} port=6432 user=postgres dbname=pgbouncer", pooler.folder.display());
    let config = pooler.config.display().to_string();
    for _ in 0..2 {
        cells.arrives(&["--pooler", &console, "--pooler-config", &config]);
        let before = writer.written();
        wait_until("calls on the new server", SOON, || (writer.written() > before + 20).then_some(()));
    }
    let written = writer.stop();
    let tally = tally(cells.account(&written));
    let remark = format!(
        "{} calls written meanwhile, {} errors, the longest call {} ms",
        written.ids.len(),
        written.errors,
        written.longest.as_millis()
    );
    row("18f", "the same through PgBouncer", Some(&tally), &remark);
    assert_eq!((tally.lost, tally.duplicates, written.errors), (0, 0, 0));
    // A tenant without a line of its own is not moved: its sessions would go on at the old server.
    let output =
        cells.command(&["--pooler", &console, "--pooler-config", &config, "--pooler-db", "other"]).output().unwrap();
    assert!(!output.status.success());
    assert!(String::from_utf8_lossy(&output.stderr).contains("needs one of its own"), "{output:?}");
}

#[test]
fn figures_of_all_servers_are_read_in_one_place() {
    if !harness::has_library("postgres_fdw") {
        harness::skipped("there is no postgres_fdw");
        return;
    }
    let mut cells = Cells::start();
    for server in &mut cells.servers {
        let role = "CREATE ROLE fleet LOGIN BYPASSRLS; SELECT voice_grant('fleet', 'analyst'); GRANT pg_monitor TO fleet; SELECT voice_rollup(CURRENT_DATE), voice_rollup(CURRENT_DATE - 1)";
        server.client.batch_execute(role).unwrap();
    }
    cells.servers[0].cluster.create_database("fleet");
    let script = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/fleet.sql");
    let mut psql = cells.servers[0].cluster.client("psql");
    let output = psql.args(["-X", "-q", "-v", "ON_ERROR_STOP=1", "-d", "fleet", "-f"]).arg(script).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let mut fleet = cells.servers[0].cluster.connect("fleet");
    for number in [0, 1] {
        let address = cells.address(number).replace(" user=postgres", "");
        fleet.execute(&format!("CALL fleet.add('cell-{number}', '{address}', 'fleet')"), &[]).unwrap();
    }
    let one = |fleet: &mut postgres::Client, sql: &str| -> i64 { fleet.query_one(sql, &[]).unwrap().get(0) };
    let sum = "SELECT sum(calls)::bigint FROM voice.daily";
    let here = cells.servers[0].count(sum) + cells.servers[1].count(sum);
    assert_eq!(one(&mut fleet, "SELECT sum(calls)::bigint FROM fleet.day"), here);
    assert_eq!(one(&mut fleet, "SELECT count(*) FROM fleet.tenant WHERE tenant_id = 'acme' AND cell = 'cell-0'"), 1);
    assert_eq!(one(&mut fleet, "SELECT count(*) FROM fleet.metrics WHERE worker_up = 1"), 2);
    for view in ["scorecard", "tokens", "call_cost"] {
        fleet.batch_execute(&format!("SELECT * FROM fleet.{view}")).unwrap();
    }
    // Calls of no tenant are each server's own, whatever their agents are called.
    for server in &mut cells.servers {
        let of_nobody =
            "INSERT INTO voice.daily (tenant_id, day, agent_id, calls) VALUES ('', CURRENT_DATE - 3, 'desk', 5)";
        server.client.batch_execute(of_nobody).unwrap();
    }
    assert_eq!(one(&mut fleet, "SELECT calls::bigint FROM fleet.tenant WHERE tenant_id = ''"), 10);
    // The page of all of them, drawn by the extension.
    let refused = fleet.batch_execute("SELECT fleet.report(current_date - 30)").unwrap_err();
    assert_eq!(refused.as_db_error().unwrap().message(), "the report is made by voice_analytics");
    fleet.batch_execute("CREATE EXTENSION voice_analytics").unwrap();
    let over =
        "SELECT coalesce(sum(calls), 0)::bigint FROM voice.daily WHERE day < CURRENT_DATE AND day >= CURRENT_DATE - 30";
    let over = cells.servers[0].count(over) + cells.servers[1].count(over);
    assert!(over > 0, "calls of days that are over");
    let shown =
        "SELECT sum((d->>'calls')::bigint)::bigint FROM jsonb_array_elements(fleet.report_data(current_date - 30)->";
    for list in ["'days'", "'agents'", "'cells'"] {
        assert_eq!(one(&mut fleet, &format!("{shown}{list}) d")), over, "{list}");
    }
    let page: String = fleet.query_one("SELECT fleet.report(current_date - 30)", &[]).unwrap().get(0);
    for said in ["by 2 tenants on 2 cells", ">cell-1<", ">acme<", ">(no tenant)<", ">Cells<"] {
        assert!(page.contains(said), "{said}: {page}");
    }
    fleet.execute("CALL fleet.remove('cell-1')", &[]).unwrap();
    assert_eq!(one(&mut fleet, "SELECT sum(calls)::bigint FROM fleet.day"), cells.servers[0].count(sum));
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Victim {
    Source,
    Target,
    Script,
}

/// Kills the victim when the step begins, and brings it back. The script's end does not matter.
fn killed_at(cells: &mut Cells, step: &str, victim: Victim) {
    let (mut script, output) = cells.runs_until(step);
    assert!(output.is_some(), "{step}: the script ended before");
    match victim {
        Victim::Script => script.kill().expect("kill the script"),
        Victim::Source | Victim::Target => {
            let server = if victim == Victim::Source { cells.home } else { 1 - cells.home };
            let server = &mut cells.servers[server];
            server.cluster.kill_postmaster();
            drop(output);
            script.wait().expect("the script");
            server.cluster.start();
            server.client = server.cluster.connect("app");
            server.client.batch_execute("SET voice_analytics.tenant = 'acme'").unwrap();
        }
    }
    script.wait().expect("the script");
}

fn whatever_is_killed(case: &str, victim: Victim) {
    if !needs_major(15) {
        return;
    }
    let mut cells = Cells::start();
    let writer = cells.write();
    let mut undone = 0;
    for (number, step) in STEPS.iter().enumerate() {
        // The short form kills at the steps that differ most.
        if short_or_long(number % 2 == 0 && number != 6 || number == 5, true) {
            killed_at(&mut cells, step, victim);
            // Before the switch, every other time, it is given up first.
            if number < 5 && number % 4 == 0 {
                cells.moves(&["--undo"]);
                undone += 1;
            }
            cells.arrives(&[]);
        }
    }
    let written = writer.stop();
    let tally = tally(cells.account(&written));
    let remark = format!(
        "{} calls written meanwhile, {} errors tried again; {undone} moves undone first",
        written.ids.len(),
        written.errors
    );
    row(
        case,
        &format!(
            "`kill -9` of the {} at each step of a move, which is then resumed",
            format!("{victim:?}").to_lowercase()
        ),
        Some(&tally),
        &remark,
    );
    assert_eq!((tally.lost, tally.duplicates), (0, 0));
    assert_eq!(tally.calls, tally.analytics);
}

#[test]
fn a_source_killed_at_any_step_loses_nothing_and_the_move_goes_on() {
    whatever_is_killed("18b", Victim::Source);
}

#[test]
fn a_target_killed_at_any_step_loses_nothing_and_the_move_goes_on() {
    whatever_is_killed("18c", Victim::Target);
}

#[test]
fn a_script_killed_at_any_step_loses_nothing_and_the_move_goes_on() {
    whatever_is_killed("18d", Victim::Script);
}

#[test]
fn a_month_made_during_a_move_goes_with_it_and_nobodys_changes_are_refused() {
    if !needs_major(15) {
        return;
    }
    let mut cells = Cells::start();
    // The copy is done and the script is gone: the move is under way.
    killed_at(&mut cells, "settled calls are alike", Victim::Script);
    let months = "SELECT voice_create_partitions(3, now() - interval '5 months')";
    cells.home().client.batch_execute(months).unwrap();
    for (tenant, agent) in [(TENANT, "a"), ("globex", "globex-0")] {
        let import = format!(
            "SET voice_analytics.tenant = '{tenant}';
             SELECT voice_import_call('{{\"id\": \"old\", \"agent\": \"{agent}\", \"turns\": [{{\"role\": \"user\", \"text\": \"words\"}}]}}'::jsonb
                 || jsonb_build_object('started_at', now() - interval '130 days'));
             UPDATE voice.call SET end_reason = 'changed' WHERE external_id = 'old';
             UPDATE voice.turn SET text = 'other words' WHERE call_id IN (SELECT id FROM voice.call WHERE external_id = 'old')"
        );
        cells.home().client.batch_execute(&import).unwrap();
    }
    cells
        .home()
        .client
        .batch_execute("DELETE FROM voice.call WHERE external_id = 'old' AND tenant_id = 'globex'")
        .unwrap();
    cells.home().client.batch_execute(&format!("SET voice_analytics.tenant = '{TENANT}'")).unwrap();
    cells.home().drained();
    cells.arrives(&[]);
    let arrived = "SELECT count(*) FROM voice.call c JOIN voice.turn t ON t.call_id = c.id JOIN voice.analytics a ON a.call_id = c.id
        WHERE c.external_id = 'old' AND c.end_reason = 'changed' AND t.text = 'other words'";
    assert_eq!((cells.home().count(arrived), cells.away().count(arrived)), (1, 0));
}

#[test]
fn what_waits_goes_with_the_tenant_and_no_model_is_asked_twice() {
    if !needs_major(15) {
        return;
    }
    let stub = StubLlm::start();
    let mut cells = Cells::with(|| {
        Voice::asking(&stub).setting("wal_level", "logical").setting("voice_analytics.max_concurrency", 4)
    });
    let before = stub.count();
    stub.answer_always(Reply::analysis().held());
    for _ in 0..12 {
        cells.home().call(&[("user", "hello")]);
    }
    stub.wait_for(before + 4, SOON);
    // A switch that would take too long is given up: what waited waits again, and everybody is let to the tenant.
    let output = cells.command(&["--max-pause", "1"]).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(
        !output.status.success() && said.contains("goes on at the source") && said.contains("are still running"),
        "{said}"
    );
    cells.home().until("SELECT count(*) = 12 FROM voice.job");
    let mut session = cells.servers[0].cluster.connect_as("app", "app");
    session
        .batch_execute(
            "SET voice_analytics.tenant = 'acme'; UPDATE voice.call SET end_reason = 'x' WHERE external_id = 'h1'",
        )
        .unwrap();
    drop(session);
    let (mut script, output) = cells.runs_until("the switch");
    assert!(output.is_some(), "the script ended before the switch");
    // Eight of them wait: they are taken out at once, four are with the model.
    cells.home().until("SELECT count(*) = 4 AND count(*) FILTER (WHERE lease IS NULL) = 0 FROM voice.job");
    stub.answer_always(Reply::analysis());
    stub.release();
    for line in std::io::BufRead::lines(output.unwrap()) {
        drop(line);
    }
    assert!(script.wait().unwrap().success());
    cells.home = 1;
    cells.home().drained();
    let analysed = "SELECT count(*) FROM voice.analytics WHERE tenant_id = 'acme'";
    assert_eq!((cells.home().count(analysed), cells.away().count(analysed)), (162, 0));
    assert_eq!(stub.count() - before, 12, "requests for twelve calls");
    let twice = "SELECT count(*) FROM (SELECT FROM voice.attempt WHERE outcome = 'ok' AND tenant_id = 'acme' GROUP BY call_id HAVING count(*) > 1) x";
    assert_eq!(cells.home().count(twice), 0);
    row(
        "18e",
        "a tenant moved with 4 requests in flight and 8 jobs waiting",
        Some(&Tally { calls: 162, analytics: 162, requests: 12, dead: 0, lost: 0, duplicates: 0 }),
        "the four are waited for, the eight are asked once, by the new server",
    );
}

#[test]
fn after_a_move_everything_works_there_and_settings_came_along() {
    if !needs_major(15) {
        return;
    }
    let mut cells = Cells::start();
    let hook = StubLlm::start();
    hook.answer_always(Reply::body(b""));
    let settings = format!(
        "SELECT voice_limit_tenant('{TENANT}', 7, 60, 2.5);
         SELECT voice_add_webhook('{}', events => '{{call.analyzed}}');
         SELECT voice_define_analysis('booking', '{{\"type\": \"object\", \"properties\": {{\"day\": {{\"type\": \"string\", \"description\": \"x\"}}}}}}');
         SELECT voice_add_alert('quiet', 'volume', '<', 0.5, '3 hours');
         SELECT voice_label_sample(5, '-infinity', by => 'random');
         SELECT voice_label((SELECT id FROM voice.call WHERE external_id = 'h1'), 0.5, 50, labeller => 'anna');
         INSERT INTO voice.trial (since, sample, calls) VALUES (now(), 5, 5);
         INSERT INTO voice.trial_result (trial_id, call_id) SELECT currval('voice.trial_id_seq'), id FROM voice.call WHERE external_id = 'h1';
         INSERT INTO voice.erasure (kind, removed) VALUES ('call', '{{}}');
         INSERT INTO voice.dead_job (id, call_id, attempts, kind, last_error) SELECT 1, id, 3, 'analyze', 'x' FROM voice.call WHERE external_id = 'h2';
         INSERT INTO voice.daily (day, agent_id, calls) VALUES ('2020-02-02', 'a', 9);
         INSERT INTO voice.daily_usage (day, agent_id, model, analysis, requests) VALUES ('2020-02-02', 'a', 'm', 'fixed', 4)",
        hook.url()
    );
    cells.home().client.batch_execute(&settings).unwrap();
    // Ids that the other server has given to others.
    let taken = "SET voice_analytics.tenant = 'globex'; SELECT voice_label_sample(3, '-infinity', by => 'random');
        INSERT INTO voice.trial (since, sample, calls) VALUES (now(), 5, 5);
        INSERT INTO voice.dead_job (id, call_id, attempts, kind) SELECT 1, id, 1, 'analyze' FROM voice.call LIMIT 1;
        SET voice_analytics.tenant = 'acme'";
    cells.away().client.batch_execute(taken).unwrap();
    let open = cells.home().open_call_of("b", &[("user", "still talking")]);
    let said = cells.arrives(&[]);
    assert!(said.contains("comes without its secret, and disabled"), "{said}");

    let home = cells.home();
    let came = "SELECT concat_ws(' ', (SELECT format('%s %s %s', max_concurrency, requests_per_minute, budget_per_day) FROM voice.tenant_limit WHERE tenant_id = 'acme'),
        (SELECT format('%s %s', enabled, events) FROM voice.webhook WHERE tenant_id = 'acme'), (SELECT name FROM voice.analysis WHERE tenant_id = 'acme'),
        (SELECT name FROM voice.alert WHERE tenant_id = 'acme'), (SELECT labeller FROM voice.label WHERE tenant_id = 'acme'),
        (SELECT count(*) FROM voice.label_sample s JOIN voice.label_task t ON t.sample_id = s.id WHERE s.tenant_id = 'acme' AND t.tenant_id = 'acme' AND s.id > 1),
        (SELECT count(*) FROM voice.trial t JOIN voice.trial_result r ON r.trial_id = t.id WHERE t.tenant_id = 'acme' AND t.id > 1),
        (SELECT count(*) FROM voice.erasure WHERE tenant_id = 'acme'), (SELECT last_error FROM voice.dead_job WHERE tenant_id = 'acme'),
        (SELECT sum(calls) FROM voice.daily WHERE tenant_id = 'acme' AND day = '2020-02-02'),
        (SELECT sum(requests) FROM voice.daily_usage WHERE tenant_id = 'acme' AND day = '2020-02-02'))";
    assert_eq!(home.text(came, &[]).unwrap(), "7 60 2.5 f {call.analyzed} booking quiet anna 5 1 1 x 9 4");
    // Its roll-ups are made here, and those of days whose calls had left stay.
    assert_eq!(
        home.count("SELECT sum(calls)::bigint - 9 FROM voice.daily WHERE tenant_id = 'acme'"),
        home.count(
            "SELECT count(*) FROM voice.call WHERE tenant_id = 'acme' AND started_at < date_trunc('day', now())"
        )
    );
    home.client.batch_execute("SELECT voice_rollup('2020-02-02')").unwrap();
    assert_eq!(home.count("SELECT sum(calls)::bigint FROM voice.daily WHERE day = '2020-02-02'"), 9);

    // A call that was going on goes on, a late turn comes in, words are found, a call is erased, a webhook is told.
    home.client.batch_execute("SELECT voice_enable_webhook(id) FROM voice.webhook WHERE tenant_id = 'acme'").unwrap();
    home.turn(&open, "assistant", "now on the other server");
    home.end(&open);
    home.drained();
    home.turn(&open, "user", "one word more, xylophone");
    home.drained();
    let judged =
        format!("SELECT count(*) FROM voice.attempt WHERE call_id = '{open}' AND outcome = 'ok' AND kind = 'analyze'");
    assert_eq!(home.count(&judged), 2);
    assert_eq!(home.count("SELECT count(*) FROM voice_search('xylophone')"), 1);
    assert_eq!(home.count("SELECT count(*) FROM voice_search('haircut', max_rows => 1000)"), 150);
    let told = hook.wait_for(1, SOON);
    assert_eq!(told[0].json()["data"]["call_id"], open.as_str());
    home.client.batch_execute("SELECT voice_erase_call(id) FROM voice.call WHERE external_id = 'h3'").unwrap();
    assert_eq!(
        home.count(
            "SELECT count(*) FROM voice.turn t WHERE NOT EXISTS (SELECT FROM voice.call c WHERE c.id = t.call_id)"
        ),
        0
    );
    assert_eq!(home.count("SELECT count(*) FROM voice.call WHERE external_id = 'h3'"), 0);
}

#[test]
fn a_call_in_progress_is_looked_at_by_the_new_server() {
    if !needs_major(15) {
        return;
    }
    let stub = StubLlm::start();
    stub.answer(|request| {
        let is_look = request.json()["response_format"]["json_schema"]["schema"]["properties"].get("notes").is_some();
        let look = serde_json::json!({"notes": "n", "sentiment": 0.25, "intent": "info", "lead_score": 10});
        if is_look { Reply::content(&look.to_string()) } else { Reply::analysis() }
    });
    let builder =
        || Voice::asking(&stub).setting("wal_level", "logical").setting("voice_analytics.live_interval", "10min");
    let mut cells = Cells::with(builder);
    let open = cells.home().open_call_of("b", &[("user", "still talking")]);
    let waits = format!(
        "SELECT count(*) FROM voice.job j JOIN voice.live l USING (call_id) WHERE j.kind = 'live' AND call_id = '{open}'"
    );
    assert_eq!(cells.home().count(&waits), 1);
    cells.arrives(&[]);
    assert_eq!((cells.home().count(&waits), cells.away().count(&waits)), (1, 0));
    let due = "UPDATE voice.job SET run_at = now() WHERE kind = 'live'; SELECT voice._wake()";
    cells.home().client.batch_execute(due).unwrap();
    cells.home().until(&format!("SELECT sentiment = 0.25 FROM voice.live WHERE call_id = '{open}'"));
    cells.home().end(&open);
    cells.home().until("SELECT NOT EXISTS (SELECT FROM voice.job) AND NOT EXISTS (SELECT FROM voice.live)");
}

/// The statement is refused with this message, and with a hint of the way out.
#[track_caller]
fn refused(voice: &mut Voice, sql: &str, message: &str) {
    let error = voice.client.batch_execute(sql).expect_err(sql);
    let error = error.as_db_error().expect("the server's own error").clone();
    assert_eq!(error.message(), message, "{error:?}");
    assert!(error.hint().is_some_and(|hint| hint.len() > 10), "{error:?}");
    voice.client.batch_execute("ROLLBACK").unwrap();
}

#[test]
fn what_stands_in_the_way_of_a_move_is_refused_with_the_way_out() {
    if !needs_major(15) {
        return;
    }
    let mut cells = Cells::start();
    let mut without = Voice::start();
    without.client.batch_execute("INSERT INTO voice.agent (id, tenant_id) VALUES ('a', 'acme')").unwrap();
    refused(&mut without, "SELECT voice_send_tenant('acme')", "this server does not log what replication needs");
    refused(cells.home(), "SELECT voice_send_tenant('nobody')", "there is no such tenant");
    refused(cells.home(), "SELECT voice_hold_tenant('acme')", "this tenant is not being sent");
    refused(cells.home(), "SELECT voice_forget_tenant('acme')", "this tenant lives here");
    let print = |cells: &mut Cells| {
        cells.home().text("SELECT voice_tenant_print('acme')::text", &[]).unwrap().replace('\'', "''")
    };
    let receive = |print: &str, change: &str| format!("SELECT voice_receive_tenant('{print}'::jsonb || '{change}')");
    let said = print(&mut cells);
    refused(cells.home(), &receive(&said, "{}"), "a tenant does not move to where it is");
    refused(cells.away(), "SELECT voice_receive_tenant('{}')", "this is no print of a tenant");
    refused(
        cells.away(),
        &receive(&said, "{\"version\": \"0.1.0\"}"),
        "the two servers have different versions of voice_analytics",
    );
    refused(
        cells.away(),
        &receive(&said, "{\"search_config\": \"english\"}"),
        "the two servers have different settings",
    );
    refused(cells.away(), &receive(&said, "{\"timezone\": \"Asia/Tokyo\"}"), "the two servers have different settings");
    refused(
        cells.away(),
        &receive(&said, "{\"columns\": {\"call\": [\"mood\"]}}"),
        "tables have columns there that they lack here",
    );
    refused(
        cells.away(),
        &receive(&said, "{\"agents\": [\"globex-1\"]}"),
        "agents of other tenants have the same ids here",
    );
    refused(
        cells.away(),
        &format!(
            "SET voice_analytics.retention = '1 month'; {}",
            receive(&said, "{\"oldest\": \"2020-01-01T00:00:00Z\"}")
        ),
        "this server would drop months of the tenant",
    );
    cells.away().client.batch_execute("RESET voice_analytics.retention").unwrap();
    let identity = "ALTER TABLE voice.call_default REPLICA IDENTITY USING INDEX call_default_id_tenant_id_key";
    cells.away().client.batch_execute(identity).unwrap();
    refused(cells.away(), &receive(&said, "{}"), "tables here have a replica identity that no move can use");
    cells.home().client.batch_execute(identity).unwrap();
    refused(
        cells.home(),
        "SELECT voice_send_tenant('acme')",
        "tables here have a replica identity that no move can use",
    );
    cells.home().client.batch_execute("ALTER TABLE voice.call_default REPLICA IDENTITY DEFAULT").unwrap();
    cells.away().client.batch_execute("ALTER TABLE voice.call_default REPLICA IDENTITY DEFAULT").unwrap();
    cells.away().client.batch_execute("INSERT INTO voice.agent (id, vertical) VALUES ('left over', 'salon')").unwrap();
    refused(cells.away(), &receive(&said, "{}"), "rows of this tenant are here already");
    cells.away().client.batch_execute("DELETE FROM voice.agent WHERE id = 'left over'").unwrap();
    refused(
        cells.away(),
        &format!("SELECT voice_tenant_arrived('acme', '{said}')"),
        "this tenant is not expected here",
    );

    // On the way.
    let subscribe = cells.home().text("SELECT voice_send_tenant('acme')", &[]).unwrap();
    let name = subscribe.split_whitespace().nth(2).unwrap().to_owned();
    cells.away().client.batch_execute(&receive(&said, "{}")).unwrap();
    refused(cells.away(), &format!("SELECT voice_tenant_arrived('acme', '{said}')"), "tables are not ready");
    refused(cells.away(), "SELECT voice_send_tenant('globex-none')", "there is no such tenant");
    let subscription = format!("CREATE SUBSCRIPTION {name} CONNECTION '{}' PUBLICATION {name}", cells.address(0));
    cells.away().client.batch_execute(&subscription).unwrap();
    let ready = format!(
        "SELECT count(*) = 16 FROM pg_subscription_rel r JOIN pg_subscription s ON s.oid = r.srsubid WHERE srsubstate = 'r' AND subname = '{name}'"
    );
    cells.away().until(&ready);
    // Its sessions are kept from it where it has not arrived.
    let mut session = cells.servers[1].cluster.connect_as("app", "app");
    session.batch_execute("SET voice_analytics.tenant = 'acme'").unwrap();
    let error = session.batch_execute("INSERT INTO voice.call (agent_id) VALUES ('a')").unwrap_err();
    assert_eq!(error.code().map(|code| code.code()), Some("57P03"), "{error:?}");
    session
        .batch_execute("SET voice_analytics.tenant = 'globex'; INSERT INTO voice.call (agent_id) VALUES ('globex-1')")
        .unwrap();
    cells
        .away()
        .client
        .batch_execute("DELETE FROM voice.call WHERE status = 'in_progress' AND tenant_id = 'globex'")
        .unwrap();
    // A backfill of everybody leaves its calls to the server that they are still of.
    cells
        .away()
        .client
        .batch_execute("DELETE FROM voice.analytics WHERE tenant_id = 'acme'; SELECT voice_backfill()")
        .unwrap();
    assert_eq!(cells.away().count("SELECT count(*) FROM voice.job WHERE tenant_id = 'acme'"), 0);
    refused(
        cells.away(),
        &format!("SELECT voice_tenant_arrived('acme', '{said}')"),
        "what is here is not what is there",
    );
    refused(
        cells.home(),
        "SELECT voice_release_tenant('acme')",
        "another server still receives the changes of this tenant",
    );
    refused(
        cells.home(),
        "SELECT voice_forget_tenant('acme')",
        "another server still receives the changes of this tenant",
    );
    refused(
        cells.away(),
        "SELECT voice_forget_tenant('acme')",
        "this server still receives the changes of this tenant",
    );
    cells.away().client.batch_execute(&format!("DROP SUBSCRIPTION {name}")).unwrap();
    refused(cells.home(), "SELECT voice_forget_tenant('acme')", "this tenant is not held");
    cells.home().until("SELECT voice_hold_tenant('acme')");
    refused(cells.home(), "SELECT voice_forget_tenant('acme')", "nothing proves that this tenant has arrived");
    assert_eq!(cells.away().text("SELECT voice_forget_tenant('acme')::text", &[]).unwrap(), "0");
    assert_eq!(cells.home().text("SELECT voice_release_tenant('acme')::text", &[]).unwrap(), "true");

    // What had all its columns logged before, for a program that reads changes, has so afterwards.
    let is_full = "SELECT string_agg(relname, ' ' ORDER BY relname) FROM pg_class
        WHERE relnamespace = 'voice'::regnamespace AND relkind IN ('r', 'p') AND relreplident = 'f'";
    let by_hand = "ALTER TABLE voice.call_default REPLICA IDENTITY FULL; ALTER TABLE voice.agent REPLICA IDENTITY FULL; ALTER TABLE voice.backfill REPLICA IDENTITY FULL";
    cells.home().client.batch_execute(by_hand).unwrap();
    cells.home().text("SELECT voice_send_tenant('acme')", &[]).unwrap();
    cells.home().text("SELECT voice_send_tenant('globex')", &[]).unwrap();
    assert_eq!(cells.home().text("SELECT voice_release_tenant('acme')::text", &[]).unwrap(), "true");
    assert!(cells.home().text(is_full, &[]).unwrap().contains("turn_default"), "somebody is sent still");
    assert_eq!(cells.home().text("SELECT voice_release_tenant('globex')::text", &[]).unwrap(), "true");
    assert_eq!(cells.home().text(is_full, &[]).unwrap(), "agent backfill call_default");
    let undo = by_hand.replace("FULL", "DEFAULT");
    cells.home().client.batch_execute(&undo).unwrap();

    // The whole of it, and a write that passed the fence.
    cells.arrives(&["--keep"]);
    let source = cells.away();
    source.client.batch_execute("UPDATE voice.call SET end_reason = 'by a superuser' WHERE external_id = 'h1'; INSERT INTO voice.call (agent_id) VALUES ('a')").unwrap();
    let proof = cells.home().text("SELECT voice_tenant_print('acme', now())::text", &[]).unwrap();
    refused(
        cells.away(),
        &format!("SELECT voice_forget_tenant('acme', '{proof}')"),
        "somebody has written here since this tenant left",
    );
    let other = proof.replace("\"arrived\": \"", "\"arrived\": \"0");
    assert!(cells.away().client.batch_execute(&format!("SELECT voice_forget_tenant('acme', '{other}')")).is_err());
    cells
        .away()
        .client
        .batch_execute("DELETE FROM voice.call WHERE status = 'in_progress' AND tenant_id = 'acme'")
        .unwrap();
    assert_eq!(cells.away().count(&format!("SELECT voice_forget_tenant('acme', '{proof}', 100)")), 50);
    refused(cells.away(), "SELECT voice_release_tenant('acme')", "this tenant has left");
    assert_eq!(cells.away().count("SELECT voice_forget_tenant('acme')"), 0);
    drop(cells::builder());
}
