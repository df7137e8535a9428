//! The worker reads calls in the leaf that holds them, by plans that it keeps: wherever they lie, and whatever a DBA does to
//! the leaves meanwhile.

use crate::voice::Voice;

/// Ended calls of one turn that began at these moments, written in one transaction.
fn calls(voice: &mut Voice, began: &[&str]) {
    let began = began.iter().map(|at| format!("({at})")).collect::<Vec<_>>().join(", ");
    voice
        .client
        .batch_execute(&format!(
            "BEGIN;
             INSERT INTO voice.agent (id, name, vertical) VALUES ('a', 'Ava', 'salon') ON CONFLICT DO NOTHING;
             WITH c AS (INSERT INTO voice.call (id, agent_id, started_at, from_number)
                        SELECT voice_uuidv7(t.began), 'a', t.began, '+15550100' FROM (VALUES {began}) t(began) RETURNING id)
             INSERT INTO voice.turn (call_id, role, text) SELECT id, 'user', 'I want to book an appointment' FROM c;
             UPDATE voice.call SET status = 'completed', ended_at = started_at + interval '1 minute' WHERE status = 'in_progress';
             COMMIT"
        ))
        .unwrap();
}

/// Every call has its analytics, document and ledger, in the leaves of its own month.
fn all_are_stored(voice: &mut Voice, count: i64) {
    voice.drained();
    assert_eq!(voice.count("SELECT count(*) FROM voice.call"), count);
    for family in ["analytics", "search_document", "attempt"] {
        let stored = format!(
            "SELECT count(*) FROM voice.{family} x JOIN voice.call c ON c.id = x.call_id AND c.tenant_id = x.tenant_id
             WHERE replace(x.tableoid::regclass::text, '{family}', '') = replace(c.tableoid::regclass::text, 'call', '')"
        );
        assert_eq!(voice.count(&stored), count, "{family}");
    }
    let copied = "SELECT count(*) FROM voice.analytics a JOIN voice.call c ON c.id = a.call_id
                  WHERE (a.agent_id, a.started_at, a.from_number, a.vertical) = (c.agent_id, c.started_at, c.from_number, 'salon')";
    assert_eq!(voice.count(copied), count);
}

const NOW: &str = "now()";
const LAST_MONTH: &str = "date_trunc('month', now() AT TIME ZONE 'UTC') AT TIME ZONE 'UTC' - interval '1 hour'";
const NO_MONTH: &str = "now() - interval '3 years'";

#[test]
fn calls_of_one_month_of_several_and_of_none_are_stored_alike() {
    let mut voice = Voice::start();
    calls(&mut voice, &[NOW, NOW, NOW]);
    all_are_stored(&mut voice, 3);
    calls(&mut voice, &[LAST_MONTH]);
    all_are_stored(&mut voice, 4);
    calls(&mut voice, &[NO_MONTH, NO_MONTH]);
    all_are_stored(&mut voice, 6);
    calls(&mut voice, &[NOW, LAST_MONTH, NO_MONTH]);
    all_are_stored(&mut voice, 9);
    // More months than plans are kept for.
    voice.client.batch_execute("SELECT voice_create_partitions(0, now() - interval '8 months')").unwrap();
    for months in 2..8 {
        calls(&mut voice, &[&format!("now() - interval '{months} months'")]);
    }
    all_are_stored(&mut voice, 15);
}

#[test]
fn a_leaf_that_has_another_name_or_has_become_another_is_found() {
    let mut voice = Voice::start();
    calls(&mut voice, &[NOW]);
    all_are_stored(&mut voice, 1);
    let rename = "DO $$ DECLARE leaf regclass; BEGIN
        SELECT tableoid::regclass INTO leaf FROM voice.call LIMIT 1;
        EXECUTE format('ALTER TABLE %s RENAME TO \"call of \"\"this\"\" month\"', leaf);
    END $$";
    voice.client.batch_execute(rename).unwrap();
    calls(&mut voice, &[NOW]);
    voice.drained();
    assert_eq!(voice.count("SELECT count(*) FROM voice.analytics"), 2);
    assert_eq!(voice.text("SELECT last_error FROM voice_status()", &[]), None);

    // What lay in the DEFAULT leaves is a month of its own, and what is called so now are others.
    calls(&mut voice, &[NO_MONTH]);
    voice.drained();
    voice.client.batch_execute("SELECT voice_create_partitions(0, now() - interval '3 years')").unwrap();
    calls(&mut voice, &[NO_MONTH, "now() - interval '9 years'"]);
    voice.drained();
    assert_eq!(voice.count("SELECT count(*) FROM voice.analytics"), 5);
    assert_eq!(voice.count("SELECT count(*) FROM voice.analytics_default"), 1);
}

#[test]
fn another_month_may_be_locked_for_as_long_as_it_takes() {
    let mut voice = Voice::start();
    calls(&mut voice, &[NOW]);
    voice.drained();
    let mut dba = voice.cluster.connect("app");
    let lock = "DO $$ DECLARE leaf regclass; BEGIN
        FOR leaf IN SELECT i.inhrelid::regclass FROM pg_inherits i
            WHERE i.inhparent IN ('voice.call'::regclass, 'voice.turn'::regclass, 'voice.analytics'::regclass)
              AND NOT EXISTS (SELECT FROM voice.call c WHERE c.tableoid::regclass::text LIKE '%' || right(i.inhrelid::regclass::text, 7))
        LOOP EXECUTE format('LOCK TABLE %s', leaf); END LOOP;
    END $$";
    let mut transaction = dba.transaction().unwrap();
    transaction.batch_execute(lock).unwrap();
    // By its id, so that it is planned for its own month.
    let call = voice.call(&[("user", "I want to book an appointment")]);
    voice.until(&format!("SELECT count(*) = 1 FROM voice.analytics WHERE call_id = '{call}'"));
    transaction.rollback().unwrap();
    voice.drained();
    assert_eq!(voice.count("SELECT count(*) FROM voice.analytics"), 2);
}

#[test]
fn a_leaf_that_shows_its_rows_to_the_family_only_is_read_through_it() {
    let mut voice = Voice::start();
    calls(&mut voice, &[NOW]);
    all_are_stored(&mut voice, 1);
    let each = |what: &str| {
        format!(
            "DO $$ DECLARE leaf regclass; BEGIN
                 FOR leaf IN SELECT i.inhrelid::regclass FROM pg_inherits i
                     WHERE i.inhparent IN ('voice.call'::regclass, 'voice.turn'::regclass, 'voice.analytics'::regclass)
                 LOOP EXECUTE format('ALTER TABLE %s {what}', leaf); END LOOP;
             END $$"
        )
    };
    // Nothing would be seen by its name.
    voice.client.batch_execute(&each("FORCE ROW LEVEL SECURITY")).unwrap();
    calls(&mut voice, &[NOW, NOW]);
    all_are_stored(&mut voice, 3);
    voice.client.batch_execute(&each("NO FORCE ROW LEVEL SECURITY")).unwrap();
    // It would be refused.
    voice.client.batch_execute("CREATE ROLE somebody; GRANT USAGE ON SCHEMA voice TO somebody").unwrap();
    voice.client.batch_execute(&each("OWNER TO somebody")).unwrap();
    calls(&mut voice, &[NOW, NOW]);
    all_are_stored(&mut voice, 5);
    assert_eq!(voice.count("SELECT count(*) FROM voice.analytics WHERE model LIKE 'rule/%'"), 0);
    assert_eq!(voice.count("SELECT count(*) FROM voice.attempt WHERE outcome <> 'ok'"), 0);
}
