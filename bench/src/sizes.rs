//! Bytes a call, indexes included, of the two loaded databases.

use serde_json::json;

use crate::reads::{Bench, OURS, THEIRS};
use crate::report::{Row, Target, Unit};

/// What the other design does not keep at all.
const BESIDE: [&str; 4] = ["search_document", "attempt", "job", "dead_job"];

pub fn run(bench: &mut Bench) {
    let sizes = |database: &str, sql: &str| -> Vec<(String, i64)> {
        let rows = bench.server.connect(database).query(sql, &[]).expect("sizes");
        rows.iter().map(|row| (row.get(0), row.get(1))).collect()
    };
    let theirs = sizes(THEIRS, include_str!("../sql/theirs/sizes.sql"));
    let ours = sizes(OURS, include_str!("../sql/ours/sizes.sql"));
    let row = bench
        .server
        .connect(OURS)
        .query_one(
            "SELECT count(*), (SELECT coalesce(sum(pg_column_size(summary) + pg_column_size(next_action)
                               + pg_column_size(model) + pg_column_size(prompt_version) + pg_column_size(transcript_hash)), 0)
                               FROM voice.analytics)::bigint
             FROM voice.call",
            &[],
        )
        .expect("calls");
    let (calls, extra) = (row.get::<_, i64>(0) as f64, row.get::<_, i64>(1) as f64);
    bench.report.raw("sizes", json!({"theirs": theirs, "ours": ours, "calls": calls, "summaries and the like": extra}));

    let total = |sizes: &[(String, i64)]| sizes.iter().map(|s| s.1 as f64).sum::<f64>() / calls;
    let (same, beside): (Vec<_>, Vec<_>) = ours.iter().cloned().partition(|(name, _)| !BESIDE.contains(&name.as_str()));
    let list = |sizes: &[(String, i64)]| {
        let large = sizes.iter().filter(|s| s.1 as f64 > calls);
        large.map(|(name, bytes)| format!("{name} {:.0}", *bytes as f64 / calls)).collect::<Vec<_>>().join(", ")
    };
    bench.report.add(
        Row::new("bytes a call, the same content", Unit::Bytes, total(&same) - extra / calls)
            .against(total(&theirs))
            .target(Target::RatioAtMost(0.8))
            .remark(format!(
                "{:.0} with summary, next action, model, prompt version and hash, which theirs does not keep; {}",
                total(&same),
                list(&same)
            )),
    );
    bench.report.add(
        Row::new("bytes a call, with search documents and ledger", Unit::Bytes, total(&ours))
            .against(total(&theirs))
            .remark(list(&beside)),
    );
}
