//! Before anything is measured: do both designs hold the same, and is what was loaded what ordinary statements would
//! have left?

use std::collections::BTreeMap;

use postgres::Client;

use crate::ours;

/// Each line is a figure of a table; the same from both, or the load is wrong.
const THEIRS: &str = "
    SELECT 'calls', count(*)::text FROM \"Call\"
    UNION ALL SELECT 'calls that ended', count(\"endedAt\")::text FROM \"Call\"
    UNION ALL SELECT 'milliseconds', sum(\"durationMs\")::text FROM \"Call\"
    UNION ALL SELECT 'starts', sum((extract(epoch FROM \"startedAt\") * 1000)::numeric(20))::text FROM \"Call\"
    UNION ALL SELECT 'callers', sum(hashtext(\"fromNumber\"))::text FROM \"Call\"
    UNION ALL SELECT 'meta', sum(hashtext(meta::text))::text FROM \"Call\"
    UNION ALL SELECT 'turns', count(*)::text FROM \"Turn\"
    UNION ALL SELECT 'words', sum(hashtext(role || text))::text FROM \"Turn\"
    UNION ALL SELECT 'tool calls', sum(hashtext(name || args::text || result::text || \"latencyMs\"))::text FROM \"ToolCall\"
    UNION ALL SELECT 'analyses', sum(hashtext(intent || entities::text || \"leadScore\" || sentiment))::text FROM \"Analytics\"";
const OURS: &str = "
    SELECT 'calls', count(*)::text FROM voice.call
    UNION ALL SELECT 'calls that ended', count(ended_at)::text FROM voice.call
    UNION ALL SELECT 'milliseconds', sum(duration_ms)::text FROM voice.call
    UNION ALL SELECT 'starts', sum((extract(epoch FROM started_at) * 1000)::numeric(20))::text FROM voice.call
    UNION ALL SELECT 'callers', sum(hashtext(from_number))::text FROM voice.call
    UNION ALL SELECT 'meta', sum(hashtext(meta::text))::text FROM voice.call
    UNION ALL SELECT 'turns', count(*)::text FROM voice.turn
    UNION ALL SELECT 'words', sum(hashtext(role || text))::text FROM voice.turn
    UNION ALL SELECT 'tool calls', sum(hashtext(name || args::text || result::text || latency_ms))::text FROM voice.tool_call
    UNION ALL SELECT 'analyses', sum(hashtext(intent || entities::text || lead_score || sentiment))::text FROM voice.analytics";

pub fn same_content(theirs: &mut Client, ours: &mut Client) {
    let figures = |client: &mut Client, sql| -> BTreeMap<String, Option<String>> {
        let rows = client.query(sql, &[]).unwrap_or_else(|e| panic!("{sql}: {e:?}"));
        rows.iter().map(|row| (row.get(0), row.get(1))).collect()
    };
    let (theirs, ours) = (figures(theirs, THEIRS), figures(ours, OURS));
    assert_eq!(ours, theirs, "the two databases do not hold the same calls");
}

/// What must not be, counted.
const WRONG: &str = "
    SELECT 'jobs for history', count(*) FROM voice.job
    UNION ALL SELECT 'calls in a DEFAULT partition', count(*) FROM voice.call_default
    UNION ALL SELECT 'turns without their call', count(*) FROM voice.turn t
        WHERE NOT EXISTS (SELECT FROM voice.call c WHERE c.id = t.call_id AND c.tenant_id = t.tenant_id)
    UNION ALL SELECT 'copies that differ from the call', count(*) FROM voice.analytics a JOIN voice.call c ON c.id = a.call_id
        WHERE (a.{copies}) IS DISTINCT FROM (c.{copied})
    UNION ALL SELECT 'analyses without a ledger row', count(*) FROM voice.analytics a
        WHERE NOT EXISTS (SELECT FROM voice.attempt t WHERE t.call_id = a.call_id)
    UNION ALL SELECT 'ended calls without search document', count(*) FROM voice.call c
        WHERE c.ended_at IS NOT NULL AND NOT EXISTS (SELECT FROM voice.search_document d WHERE d.call_id = c.id)";

/// Writes some of the loaded calls once more, in the ordinary way and under new ids, and compares the rows; then takes
/// all of it back.
const AGAIN: &str = include_str!("../sql/ours/insert_again.sql");

pub fn as_inserted(client: &mut Client) {
    let copies = ours::copied_columns(client);
    let wrong = WRONG.replace("{copies}", &copies.join(", a.")).replace("{copied}", &copies.join(", c."));
    for row in client.query(&wrong, &[]).unwrap_or_else(|e| panic!("{e:?}")) {
        assert_eq!(row.get::<_, i64>(1), 0, "{}", row.get::<_, String>(0));
    }
    let mut transaction = client.transaction().expect("begin");
    transaction.batch_execute(AGAIN).unwrap_or_else(|e| panic!("insert_again.sql: {e:?}"));
    let row = transaction.query_one("SELECT compared, differing FROM again_result", &[]).expect("result");
    let (compared, differing): (i64, i64) = (row.get(0), row.get(1));
    assert!(compared > 100, "nothing was compared ({compared} rows)");
    assert_eq!(differing, 0, "rows that ordinary statements would have left otherwise, of {compared}");
    transaction.rollback().expect("rollback");
}
