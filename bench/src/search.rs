//! Full-text search, which the other design has not: a word of thirty calls, and one of nearly all.

use crate::pgbench::{Mode, Run};
use crate::reads::{Bench, OURS, TENANTS};
use crate::report::{Row, Target, Unit};
use crate::tenants;

const SEARCH: &str = include_str!("../sql/ours/search.sql");
const WORDS: [(&str, &str, f64); 2] = [("rare", "zanzibar", 5.0), ("common", "appointment", 50.0)];

pub fn run(bench: &mut Bench) {
    let tenants = tenants::measured(bench.server, OURS);
    for (kind, word, most) in WORDS {
        let run = Run::of(OURS, SEARCH, Mode::Prepared, bench.seconds).with("word", word);
        let found = bench.measure(&format!("search, a {kind} word"), run);
        bench.report.add(
            Row::new(format!("search, a {kind} word, 50 hits with headlines"), Unit::Milliseconds, found.median())
                .target(Target::AtMost(most))
                .remark(format!("in {} calls; p95 {:.1} ms", share(bench, word), found.p95())),
        );
    }
    if bench.alone {
        return;
    }
    for (kind, word, most) in WORDS {
        let run = Run::of(TENANTS, SEARCH, Mode::Prepared, bench.seconds).with("word", word);
        let run = Run { user: "bench_app", settings: vec![("voice_analytics.tenant", &tenants[0].id)], ..run };
        let found = bench.measure(&format!("search as a tenant, a {kind} word"), run);
        bench.report.add(
            Row::new(
                format!("search, a {kind} word, as the busiest of 200 tenants"),
                Unit::Milliseconds,
                found.median(),
            )
            .target(Target::AtMost(most))
            .remark(format!("row-level security in force; p95 {:.1} ms", found.p95())),
        );
    }
}

fn share(bench: &Bench, word: &str) -> String {
    let sql =
        "SELECT count(*) FILTER (WHERE document @@ to_tsquery('simple', $1)), count(*) FROM voice.search_document";
    let row = bench.server.connect(OURS).query_one(sql, &[&word]).expect("count");
    format!("{} of {}", row.get::<_, i64>(0), row.get::<_, i64>(1))
}
