//! What dashboards ask: one client, everything in memory, medians.

use std::time::{Duration, Instant};

use postgres::Client;
use serde_json::json;

use crate::pgbench::{Length, Mode, Outcome, Run, median};
use crate::progress::step;
use crate::report::{Report, Row, Target, Unit};
use crate::server::Server;
use crate::tenants;

pub const THEIRS: &str = "theirs";
pub const OURS: &str = "ours";
pub const TENANTS: &str = "tenants";

const PRISMA: &str = include_str!("../sql/theirs/top_prisma.sql");
const SIMPLE: &str = include_str!("../sql/theirs/top_simple.sql");
const TOP: &str = include_str!("../sql/ours/top.sql");
const BUSIEST: &str = "healthcare";
const OTHERS: [&str; 5] = ["real_estate", "salon", "hospitality", "forex", "behavioral_health"];
const WINDOWS: [u32; 3] = [7, 30, 90];
const FRESH_SESSIONS: usize = 30;

pub struct Bench<'a> {
    pub server: &'a Server,
    /// There are no tenants, and the other design has not the same calls.
    pub alone: bool,
    pub seconds: u32,
    pub rounds: usize,
    pub report: &'a mut Report,
}

impl Bench<'_> {
    /// A few executions for nothing, then the measurement.
    pub fn measure(&mut self, name: &str, mut run: Run) -> Outcome {
        step(&format!("{name}: {} {:?}", run.database, run.mode));
        let length = std::mem::replace(&mut run.length, Length::TransactionsOfEachClient(8));
        run.run(self.server);
        run.length = length;
        let outcome = run.run(self.server);
        let key = format!("{name} {} {:?} {}", run.database, run.mode, run.user);
        self.report.raw(key.trim(), outcome.raw());
        outcome
    }

    /// So many hours before the newest call of the load, whenever that was.
    pub fn since(&self, hours: u32) -> String {
        let sql =
            format!("SELECT to_char(now - interval '{hours} hours', 'YYYY-MM-DD\"T\"HH24:MI:SS.MS+00') FROM load_plan");
        self.server.connect(THEIRS).query_one(&sql, &[]).expect("load_plan").get(0)
    }

    fn both(&mut self, name: &str, theirs: Run, ours: Run) -> (Outcome, Outcome) {
        (self.measure(name, theirs), self.measure(name, ours))
    }
}

pub fn run(bench: &mut Bench) {
    for days in WINDOWS {
        top_leads(bench, days);
    }
    fresh_session(bench);
    if !bench.alone {
        as_tenant(bench);
    }
    last_day(bench);
    let theirs = trend(bench);
    trend_from_daily(bench, theirs);
    page(bench);
    transcript(bench);
    missing(bench);
    tools(bench);
}

fn top<'a>(database: &'a str, sql: &str, mode: Mode, seconds: u32, vertical: &str, since: &str) -> Run<'a> {
    Run::of(database, sql, mode, seconds).with("v", vertical).with("since", since).with("min", 70)
}

fn top_leads(bench: &mut Bench, days: u32) {
    let (since, seconds) = (bench.since(days * 24), bench.seconds);
    let name = format!("top leads, {days} days");
    let prisma =
        bench.measure(&format!("{name}, Prisma's SQL"), top(THEIRS, PRISMA, Mode::Extended, seconds, BUSIEST, &since));
    let plain = [Mode::Prepared, Mode::Extended]
        .map(|mode| bench.measure(&format!("{name}, plain join"), top(THEIRS, SIMPLE, mode, seconds, BUSIEST, &since)));
    let [prepared, extended] = [Mode::Prepared, Mode::Extended]
        .map(|mode| bench.measure(&format!("{name}, {BUSIEST}"), top(OURS, TOP, mode, seconds, BUSIEST, &since)));
    let mut verticals = vec![(BUSIEST, extended.median())];
    for vertical in OTHERS {
        let run = top(OURS, TOP, Mode::Extended, seconds.div_ceil(3), vertical, &since);
        verticals.push((vertical, bench.measure(&format!("{name}, {vertical}"), run).median()));
    }
    let mut row =
        Row::new(format!("{name}, {BUSIEST}: Prisma's SQL, unnamed statements"), Unit::Milliseconds, extended.median())
            .against(prisma.median())
            .target(Target::AtMost(1.0))
            .remark(format!("p95 {:.2} against {:.0} ms", extended.p95(), prisma.p95()));
    if days == 7 {
        row = row.target(Target::RatioAtLeast(30.0));
    }
    bench.report.add(row);
    let best = plain.iter().map(Outcome::median).fold(f64::INFINITY, f64::min);
    bench.report.add(
        Row::new(format!("{name}, {BUSIEST}: the plain join's best plan"), Unit::Milliseconds, prepared.median())
            .against(best)
            .target(Target::AtMost(1.0))
            .target(Target::RatioAtLeast(1.0))
            .remark(format!("theirs prepared {:.2}, planned each time {:.2} ms", plain[0].median(), plain[1].median())),
    );
    let list = verticals.iter().map(|(vertical, ms)| format!("{vertical} {ms:.2}")).collect::<Vec<_>>().join(", ");
    let slowest = verticals.iter().map(|of| of.1).fold(0.0, f64::max);
    bench.report.add(
        Row::new(format!("{name}, the slowest of six verticals"), Unit::Milliseconds, slowest)
            .target(Target::AtMost(1.0))
            .remark(list),
    );
}

/// The first execution of a session; connecting is not counted.
fn fresh_session(bench: &mut Bench) {
    step("top leads in a fresh session");
    let since = bench.since(7 * 24);
    // What a script of pgbench binds, bound by hand.
    let bind = |sql: &str| {
        let text = [(":v", "$1::text"), (":since", "$2::text::timestamptz"), (":min", "$3::int")];
        text.iter().fold(sql.trim_end().trim_end_matches(';').to_owned(), |sql, (name, value)| sql.replace(name, value))
    };
    let first = |database: &str, sql: &str| {
        let times = (0..FRESH_SESSIONS).map(|_| {
            let mut client = bench.server.connect(database);
            let start = Instant::now();
            client.query(sql, &[&BUSIEST, &since, &70]).unwrap_or_else(|e| panic!("{sql}: {e:?}"));
            start.elapsed().as_secs_f64() * 1000.0
        });
        Outcome::of(times.collect())
    };
    let theirs = first(THEIRS, &bind(PRISMA).replace("::timestamptz", "::timestamp"));
    let ours = first(OURS, &bind(TOP));
    bench.report.raw("fresh session theirs", theirs.raw());
    bench.report.raw("fresh session ours", ours.raw());
    bench.report.add(
        Row::new("top leads, 7 days, first query of a session", Unit::Milliseconds, ours.median())
            .against(theirs.median())
            .target(Target::AtMost(5.0))
            .remark(format!("{FRESH_SESSIONS} sessions, connecting not counted; p95 {:.1} ms", ours.p95())),
    );
}

/// A tenant under row-level security against a superuser who names the same tenant, in turns.
fn as_tenant(bench: &mut Bench) {
    let since = bench.since(7 * 24);
    for (tenant, kind) in tenants::measured(bench.server, OURS).iter().zip(["the busiest", "one in the middle"]) {
        for mode in [Mode::Prepared, Mode::Extended] {
            let (mut ratios, mut secured, mut free) = (Vec::new(), Vec::new(), Vec::new());
            for _ in 0..bench.rounds {
                let mut medians = ["postgres", "bench_app"].map(|user| {
                    let run = top(TENANTS, TOP, mode, bench.seconds.div_ceil(3), &tenant.vertical, &since);
                    let run = Run { user, settings: vec![("voice_analytics.tenant", &tenant.id)], ..run };
                    bench.measure("top leads as a tenant", run).median()
                });
                // A hundredth of a millisecond is what pgbench itself needs.
                medians.iter_mut().for_each(|m| *m = m.max(0.001));
                free.push(medians[0]);
                secured.push(medians[1]);
                ratios.push(medians[1] / medians[0]);
            }
            let key = format!("as a tenant, {kind}, {mode:?}");
            bench.report.raw(key, json!({"superuser": free, "tenant": secured}));
            bench.report.add(
                Row::new(
                    format!("top leads, 7 days, as {kind} of 200 tenants, {mode:?}").to_lowercase(),
                    Unit::Milliseconds,
                    median(secured),
                )
                .ratio(median(ratios))
                .target(Target::AtMost(1.0))
                .target(Target::RatioAtMost(1.2))
                .remark(format!("ratio to the same without row-level security, {:.3} ms", median(free))),
            );
        }
    }
}

fn last_day(bench: &mut Bench) {
    let (since, seconds) = (bench.since(24), bench.seconds);
    let (theirs, ours) = bench.both(
        "top leads, 24 hours",
        Run::of(THEIRS, include_str!("../sql/theirs/top_all.sql"), Mode::Prepared, seconds).with("since", &since),
        Run::of(OURS, include_str!("../sql/ours/top_all.sql"), Mode::Prepared, seconds).with("since", &since),
    );
    bench.report.add(
        Row::new("top leads of all verticals, 24 hours", Unit::Milliseconds, ours.median())
            .against(theirs.median())
            .target(Target::AtMost(1.0))
            .remark(format!("p95 {:.2} against {:.0} ms", ours.p95(), theirs.p95())),
    );
}

/// Gives how long theirs takes.
fn trend(bench: &mut Bench) -> f64 {
    let (since, seconds) = (bench.since(7 * 24), bench.seconds);
    let (theirs, ours) = bench.both(
        "sentiment trend",
        Run::of(THEIRS, include_str!("../sql/theirs/trend.sql"), Mode::Prepared, seconds).with("since", &since),
        Run::of(OURS, include_str!("../sql/ours/trend.sql"), Mode::Prepared, seconds).with("since", &since),
    );
    bench.report.add(
        Row::new("sentiment trend per agent, 7 days", Unit::Milliseconds, ours.median())
            .against(theirs.median())
            .target(Target::AtMost(10.0))
            .remark(format!("p95 {:.1} against {:.0} ms", ours.p95(), theirs.p95())),
    );
    theirs.median()
}

/// The last seven days that are over, rolled up, have the same figures; so a dashboard may ask for those.
fn trend_from_daily(bench: &mut Bench, theirs: f64) {
    let (since, seconds) = (bench.since(7 * 24)[..10].to_owned(), bench.seconds);
    let mut client = bench.server.connect(OURS);
    step("rolling up seven days");
    let roll_up = "SELECT voice_rollup($1::text::date + n) FROM generate_series(0, 6) n";
    client.query(roll_up, &[&since]).unwrap_or_else(|e| panic!("roll-up: {e:?}"));
    let others = "WITH live AS (
            SELECT bucket::date AS day, agent_id, calls, avg_sentiment, avg_lead_score FROM voice_sentiment_trend($1::text::timestamptz)
            WHERE bucket < $1::text::date + 7), rolled AS (
            SELECT day, agent_id, analyzed AS calls, avg_sentiment, avg_lead_score FROM voice.daily
            WHERE day BETWEEN $1::text::date AND $1::text::date + 6 AND analyzed > 0)
        SELECT count(*), count(*) FILTER (WHERE l.calls IS DISTINCT FROM r.calls
            OR abs(l.avg_sentiment - r.avg_sentiment) > 1e-12 OR l.avg_lead_score IS DISTINCT FROM r.avg_lead_score)
        FROM live l FULL JOIN rolled r USING (day, agent_id)";
    client.batch_execute("SET timezone = 'UTC'").expect("a time zone");
    let row = client.query_one(others, &[&since]).unwrap_or_else(|e| panic!("{others}: {e:?}"));
    let (rows, differ) = (row.get::<_, i64>(0), row.get::<_, i64>(1));
    assert!(rows > 0 && differ == 0, "{differ} of {rows} figures differ");
    let ours = bench.measure(
        "sentiment trend, voice.daily",
        Run::of(OURS, include_str!("../sql/ours/trend_daily.sql"), Mode::Prepared, seconds).with("since", &since),
    );
    bench.report.add(
        Row::new("sentiment trend per agent, 7 days, from voice.daily", Unit::Milliseconds, ours.median())
            .against(theirs)
            .target(Target::AtMost(2.0))
            .remark(format!("p95 {:.1} ms; {rows} sums, the same as those of voice_sentiment_trend()", ours.p95())),
    );
}

/// The page of a week, its days and those of the week before rolled up, what came since then read from the calls.
fn page(bench: &mut Bench) {
    let (since, seconds) = (bench.since(7 * 24), bench.seconds);
    step("rolling up the days of a report");
    let mut client = bench.server.connect(OURS);
    let roll_up = "SELECT voice_rollup(d::date) FROM generate_series($1::text::timestamptz - interval '8 days', now() - interval '1 day', '1 day') d";
    client.query(roll_up, &[&since]).unwrap_or_else(|e| panic!("roll-up: {e:?}"));
    // As the maintenance process does every few minutes.
    client.batch_execute("SELECT voice._roll_up_open_days()").expect("sums of today");
    let sql = include_str!("../sql/ours/report.sql");
    let ours = bench.measure("report, 7 days", Run::of(OURS, sql, Mode::Extended, seconds).with("since", &since));
    bench.report.add(
        Row::new("voice_report(), the page of 7 days", Unit::Milliseconds, ours.median())
            .target(Target::AtMost(200.0))
            .remark(format!("p95 {:.0} ms", ours.p95())),
    );
    cost(bench, &mut client, &since);
}

/// Every call with a cost of its own, and what two models took of each agent a day.
fn cost(bench: &mut Bench, client: &mut Client, since: &str) {
    let spent = "UPDATE voice.call SET cost = 0.05, cost_currency = 'USD'
            WHERE id >= voice_uuid_at($1::text::timestamptz - interval '1 day') AND started_at >= $1::text::timestamptz";
    client.execute(spent, &[&since]).unwrap_or_else(|e| panic!("costs: {e:?}"));
    let used = "INSERT INTO voice.daily_usage (day, tenant_id, agent_id, model, analysis, requests, prompt_tokens, completion_tokens)
        SELECT d::date, a.tenant_id, a.id, m, '', 13, 13000, 2000
        FROM generate_series($1::text::timestamptz, now(), '1 day') d, voice.agent a, unnest('{gpt-4o-mini,gpt-4.1-mini}'::text[]) m
        ON CONFLICT DO NOTHING";
    client.execute(used, &[&since]).unwrap_or_else(|e| panic!("usage: {e:?}"));
    let again =
        "SELECT voice_rollup(d::date) FROM generate_series($1::text::timestamptz, now() - interval '1 day', '1 day') d";
    client.query(again, &[&since]).unwrap_or_else(|e| panic!("roll-up: {e:?}"));
    client.batch_execute("SELECT voice._roll_up_open_days()").expect("sums of today");
    client.batch_execute("VACUUM ANALYZE voice.daily_usage").expect("VACUUM");
    for by in ["day", "agent"] {
        let sql = format!("SELECT count(*) FROM voice_cost(:since, by => '{by}');");
        let ours = bench.measure(
            &format!("cost by {by}, 7 days"),
            Run::of(OURS, &sql, Mode::Extended, bench.seconds).with("since", since),
        );
        bench.report.add(
            Row::new(format!("voice_cost() by {by}, 7 days"), Unit::Milliseconds, ours.median())
                .target(Target::AtMost(50.0))
                .remark(format!("p95 {:.0} ms; 200 agents, two models", ours.p95())),
        );
    }
}

/// A thousand calls, one after the other, each id bound to a prepared statement, as an application does it.
fn transcript(bench: &mut Bench) {
    let ids = |client: &mut Client, sql: &str| -> Vec<String> {
        client.query(sql, &[]).expect("ids").iter().map(|row| row.get(0)).collect()
    };
    let uuids = ids(
        &mut bench.server.connect(THEIRS),
        "SELECT load_uuid(id)::text FROM (SELECT id FROM \"Call\" ORDER BY md5(id) LIMIT 1000) c",
    );
    let cuids = ids(&mut bench.server.connect(THEIRS), "SELECT id FROM \"Call\" ORDER BY md5(id) LIMIT 1000");
    let mut time = |what: &str, database: &str, sql: &str, ids: &[String]| {
        step(&format!("{what}: {database}"));
        let mut client = bench.server.connect(database);
        let statement = client.prepare(sql).unwrap_or_else(|e| panic!("{sql}: {e:?}"));
        let mut one = |id: &String| {
            let start = Instant::now();
            client.query(&statement, &[id]).unwrap_or_else(|e| panic!("{sql}: {e:?}"));
            start.elapsed().as_secs_f64() * 1000.0
        };
        for id in ids.iter().take(20) {
            one(id);
        }
        let (began, length) = (Instant::now(), Duration::from_secs(bench.seconds.into()));
        let times = ids.iter().cycle().take_while(|_| began.elapsed() < length).map(one).collect();
        let outcome = Outcome::of(times);
        bench.report.raw(format!("{what} {database}"), outcome.raw());
        outcome
    };
    let uuid = |sql: &str| sql.replace("$1", "$1::text::uuid");
    let theirs = time("transcript", THEIRS, include_str!("../sql/theirs/transcript.sql"), &cuids);
    let plain = time("transcript, plain SELECT", OURS, &uuid(include_str!("../sql/ours/turns.sql")), &uuids);
    let function = time("voice_transcript", OURS, &uuid(include_str!("../sql/ours/transcript.sql")), &uuids);
    for (work, ours) in
        [("transcript of one call, voice_transcript()", function), ("transcript of one call, plain SELECT", plain)]
    {
        bench.report.add(
            Row::new(work, Unit::Milliseconds, ours.median())
                .against(theirs.median())
                .target(Target::AtMost(0.15))
                .remark(format!("p95 {:.3} against {:.3} ms", ours.p95(), theirs.p95())),
        );
    }
}

/// What a backfill has to find.
fn missing(bench: &mut Bench) {
    let counted = |sql: &str| format!("SELECT count(*) FROM ({}) s;", sql.trim());
    let seconds = bench.seconds;
    let (theirs, ours) = bench.both(
        "calls without analytics",
        Run::of(THEIRS, counted(include_str!("../sql/theirs/missing.sql")), Mode::Extended, seconds),
        Run::of(OURS, counted(include_str!("../sql/ours/missing.sql")), Mode::Extended, seconds),
    );
    let pairwise = format!("SET enable_partitionwise_join = on;\n{}", counted(include_str!("../sql/ours/missing.sql")));
    let pairwise =
        bench.measure("calls without analytics, month by month", Run::of(OURS, pairwise, Mode::Extended, seconds));
    bench.report.add(
        Row::new("calls without analytics, of all", Unit::Milliseconds, ours.median().min(pairwise.median()))
            .against(theirs.median())
            .target(Target::AtMost(750.0))
            .remark(format!(
                "at once {:.0}, month by month (partitionwise join) {:.0} ms",
                ours.median(),
                pairwise.median()
            )),
    );
}

fn tools(bench: &mut Bench) {
    let (since, seconds) = (bench.since(7 * 24), bench.seconds);
    let (theirs, ours) = bench.both(
        "tool statistics",
        Run::of(THEIRS, include_str!("../sql/theirs/tools.sql"), Mode::Prepared, seconds).with("since", &since),
        Run::of(OURS, include_str!("../sql/ours/tools.sql"), Mode::Prepared, seconds).with("since", &since),
    );
    bench.report.add(
        Row::new("tool statistics, 7 days", Unit::Milliseconds, ours.median())
            .against(theirs.median())
            .remark("theirs has no index for it but (name, invokedAt), and no query: the plain one"),
    );
    // As the maintenance process does every few minutes.
    bench.server.connect(OURS).batch_execute("SELECT voice._roll_up_open_days()").expect("sums of today");
    let summed = bench.measure(
        "tool statistics, from roll-ups",
        Run::of(OURS, include_str!("../sql/ours/tools_daily.sql"), Mode::Prepared, seconds).with("since", &since),
    );
    bench.report.add(
        Row::new("tool statistics, 7 days, from roll-ups", Unit::Milliseconds, summed.median())
            .against(theirs.median())
            .target(Target::AtMost(5.0))
            .remark(format!("p95 {:.1} ms; latencies within 2.5 %", summed.p95())),
    );
}
