//! The triggers on `voice.call`. In Rust, and without conditions of their own: Postgres parses a CHECK or a WHEN anew at
//! every statement, which was a third of the cost of writing a call (docs/decisions/0005). Declared in
//! `sql/ingest/call_rules.sql`.

use crate::db::enqueue;
use crate::db::rethrow;
use crate::declare_function;
use crate::guc;
use crate::host::error::{raise, warn};
use crate::host::trigger::{self, Row};
use crate::host::{clock, commit_hooks};
use pgrx::prelude::*;
use pgrx::{IntoDatum, pg_sys};
use std::cell::Cell;
use voice_core::call::{Call, CallError, IN_PROGRESS, is_amount};

declare_function!(voice_complete_call, pg_finfo_voice_complete_call, trigger::TriggerCall, complete);
declare_function!(voice_call_written, pg_finfo_voice_call_written, trigger::TriggerCall, written);

/// `voice._complete_call()`, BEFORE: fills in what the end of a call leaves open.
fn complete(trigger: trigger::TriggerCall<'_>) -> pg_sys::Datum {
    let (Some(new_row), old_row) = (trigger.new_row(), trigger.old_row()) else { return trigger.unchanged() };
    // What must not be NULL and is, the table refuses by itself.
    let Some(new) = read(&new_row) else { return trigger.stored_with(&new_row, []) };
    let old = old_row.as_ref().and_then(read);
    if old.is_none() {
        warn_of_distance(&new);
    }
    match new.completed(old.as_ref(), clock::now) {
        Ok(same) if same == new => trigger.stored_with(&new_row, []),
        Ok(completed) => trigger.stored_with(
            &new_row,
            [
                ("status", pg_sys::TEXTOID, completed.status.into_datum()),
                ("ended_at", pg_sys::TIMESTAMPTZOID, completed.ended_at.and_then(clock::time_datum)),
                ("duration_ms", pg_sys::INT4OID, completed.duration_ms.into_datum()),
            ],
        ),
        Err(refusal) => refuse(refusal, &new, old.as_ref()),
    }
}

/// `voice._call_written()`, AFTER: holds the row to the rules as it stands, whatever the triggers of others made of it;
/// a call that has ended in this transaction gets its job in it.
fn written(trigger: trigger::TriggerCall<'_>) -> pg_sys::Datum {
    let (Some(new_row), old_row) = (trigger.new_row(), trigger.old_row()) else { return pg_sys::Datum::null() };
    if let Some(new) = read(&new_row) {
        let old = old_row.as_ref().and_then(read);
        if let Err(refusal) = new.check() {
            refuse(refusal, &new, old.as_ref());
        }
        if let Some(cost) = new_row.number("cost").filter(|cost| !is_amount(*cost)) {
            raise(
                PgSqlErrorCode::ERRCODE_CHECK_VIOLATION,
                "a cost is an amount of money",
                &format!("cost is {cost}."),
                "Write what the call cost in cost_currency, or NULL where that is not known.",
            );
        }
        let deleted = |row: &Row<'_>| row.time("deleted_at").is_some();
        // A call that is no longer deleted comes back.
        let is_new = match (&old, &old_row) {
            (Some(old), Some(row)) => !deleted(&new_row) && (old.status == IN_PROGRESS || deleted(row)),
            _ => true,
        };
        if new.status != IN_PROGRESS && is_new {
            let id = pgrx::Uuid::from_bytes(new.id);
            enqueue::enqueue(id, new.tenant, guc::ANALYZE_DELAY.get()).unwrap_or_else(|e| rethrow(e));
            commit_hooks::call_is_enqueued(new.id);
            commit_hooks::wake_at_commit();
        }
    }
    pg_sys::Datum::null()
}

thread_local! {
    /// The statement that was told last.
    static WARNED: Cell<i64> = const { Cell::new(0) };
}

/// Once a statement: a client that sends local times as UTC (or UTC as local) does it with all its calls.
fn warn_of_distance(new: &Call<'_>) {
    let Some(us) = new.noticed_distance() else { return };
    if WARNED.replace(clock::statement_start()) == clock::statement_start() {
        return;
    }
    let minutes = (us.abs() + 30_000_000) / 60_000_000;
    warn(
        "the start of a call is not the time in its id",
        &format!(
            "Call {} starts at {}, {} h {} min {} the time in its id.",
            pgrx::Uuid::from_bytes(new.id),
            clock::shown(new.started_at),
            minutes / 60,
            minutes % 60,
            if us > 0 { "after" } else { "before" },
        ),
        "Some clients send times without their zone: let their sessions run in UTC (docs/orm.md). For a call that began \
         earlier, set id = voice_uuidv7(started_at).",
    );
}

fn read<'row>(row: &'row Row<'_>) -> Option<Call<'row>> {
    Some(Call {
        id: row.uuid("id")?,
        tenant: row.text("tenant_id")?,
        status: row.text("status")?,
        direction: row.text("direction")?,
        started_at: row.time("started_at")?,
        ended_at: row.time("ended_at"),
        duration_ms: row.integer("duration_ms"),
    })
}

fn refuse(refusal: CallError, new: &Call<'_>, old: Option<&Call<'_>>) -> ! {
    // Not restrict_violation (23001): ORMs call that one a foreign key.
    use PgSqlErrorCode::ERRCODE_CHECK_VIOLATION as CHECK;
    let id = |call: &Call<'_>| pgrx::Uuid::from_bytes(call.id).to_string();
    let end = |call: &Call<'_>| call.ended_at.map_or("NULL".to_owned(), clock::shown);
    let before = old.unwrap_or(new);
    let start = clock::shown(new.started_at);
    match refusal {
        CallError::Moved => raise(
            CHECK,
            "a call keeps its id and its tenant",
            &format!(
                "Call {} of tenant \"{}\" was to become {} of tenant \"{}\".",
                id(before),
                before.tenant,
                id(new),
                new.tenant
            ),
            "Insert another call and delete this one.",
        ),
        CallError::Restarted => raise(
            CHECK,
            "a call that has ended does not start again",
            &format!("Call {} is {} since {}.", id(before), before.status, end(before)),
            "Start a new call; external_id or meta can say that it continues this one.",
        ),
        CallError::UnknownStatus => raise(
            CHECK,
            "there is no such status",
            &format!("status is '{}'.", new.status),
            "A call is in_progress, then completed, failed or transferred.",
        ),
        CallError::UnknownDirection => raise(
            CHECK,
            "there is no such direction",
            &format!("direction is '{}'.", new.direction),
            "A call is inbound (the caller rang) or outbound (the agent did).",
        ),
        CallError::NoTime => raise(
            CHECK,
            "the id of a call must carry its start",
            &format!("{} is not a UUIDv7.", id(new)),
            "Leave id out, or set id = voice_uuidv7(started_at).",
        ),
        CallError::FarFromStart => raise(
            CHECK,
            "the id of a call must carry its start",
            &format!(
                "Id {} is of {}, more than 24 hours from started_at, {start}.",
                id(new),
                clock::shown(voice_core::uuid7::unix_ms(&new.id) * 1000)
            ),
            match old {
                None => "set id = voice_uuidv7(started_at)",
                Some(_) => "A call keeps its id, and with it its day: insert another call and delete this one.",
            },
        ),
        CallError::NegativeDuration => raise(
            CHECK,
            "a call cannot last less than no time",
            &format!("duration_ms is {}.", new.duration_ms.unwrap_or_default()),
            "Leave duration_ms NULL: it is computed from started_at and ended_at.",
        ),
        CallError::NoClockShowsTheEnd => raise(
            CHECK,
            "a call has an end that a clock can show",
            &format!("ended_at is {}.", end(new)),
            "Leave ended_at NULL: it becomes the moment of the end.",
        ),
        CallError::EndsBeforeItStarts => raise(
            CHECK,
            "a call cannot end before it starts",
            &format!("started_at is {start}, ended_at {}.", end(new)),
            "Set both from the same clock, or leave ended_at NULL: it becomes the moment of the end.",
        ),
        CallError::HalfEnded => raise(
            CHECK,
            "a call is in progress or it has an end",
            &format!("status is '{}', ended_at {}.", new.status, end(new)),
            "Set both, or neither; a BEFORE trigger of yours may have changed one of them.",
        ),
    }
}

#[cfg(feature = "pg_test")]
#[pg_schema]
mod tests {
    use crate::pg_test::{ended_call, refusal, value};
    use pgrx::prelude::*;

    #[pg_test]
    fn the_end_of_a_call_is_filled_in_and_queues_it_once() {
        let id = ended_call("acme", "hello");
        let end = "SELECT format('%s %s', ended_at = clock.at, duration_ms BETWEEN 0 AND 60000)
            FROM voice.call, LATERAL (SELECT ended_at AS at) clock WHERE status = 'completed'";
        assert_eq!(value::<String>(end).as_deref(), Some("t t"));
        Spi::run_with_args("UPDATE voice.call SET meta = '{}' WHERE id = $1", &[id.into()]).expect("another update");
        let job =
            "SELECT string_agg(format('%s %s %s %s', kind, tenant_id, attempt, run_at <= now()), ',') FROM voice.job";
        assert_eq!(value::<String>(job).as_deref(), Some("analyze acme 0 t"));
    }

    #[pg_test]
    fn the_delay_of_the_setting_is_that_of_the_job() {
        Spi::run("SET LOCAL voice_analytics.analyze_delay = '90s'").expect("the setting");
        ended_call("", "hello");
        let pause = "SELECT round(extract(epoch FROM run_at - now()))::int FROM voice.job";
        assert_eq!(value::<i32>(pause), Some(90));
    }

    #[pg_test]
    fn rows_of_partitions_whose_columns_stand_elsewhere_are_read_by_name() {
        // The partition is made with a column too many, in front, that is dropped again.
        Spi::run(
            "CREATE TABLE voice.elsewhere (gone int, LIKE voice.call INCLUDING DEFAULTS INCLUDING CONSTRAINTS);
             ALTER TABLE voice.elsewhere DROP COLUMN gone;
             ALTER TABLE voice.call ATTACH PARTITION voice.elsewhere
                FOR VALUES FROM (voice_uuid_at('1990-01-01Z')) TO (voice_uuid_at('1990-02-01Z'))",
        )
        .expect("a partition");
        Spi::run(
            "INSERT INTO voice.agent (id, vertical) VALUES ('a', 'salon');
             INSERT INTO voice.call (id, agent_id, started_at, status, ended_at)
             VALUES (voice_uuidv7('1990-01-02Z'), 'a', '1990-01-02Z', 'completed', '1990-01-02 00:01Z')",
        )
        .expect("a call of then");
        let call =
            "SELECT format('%s %s', tableoid::regclass, duration_ms) FROM voice.call WHERE started_at < '2000-01-01'";
        assert_eq!(value::<String>(call).as_deref(), Some("voice.elsewhere 60000"));
    }

    #[pg_test]
    fn what_breaks_a_rule_is_refused_with_its_value_and_the_way_out() {
        let insert = "INSERT INTO voice.call (id, started_at, ended_at)
            VALUES (voice_uuidv7('2026-01-02Z'), '2026-01-02Z', '2026-01-01Z')";
        let before = refusal(insert).expect("an end");
        assert_eq!(before.code, PgSqlErrorCode::ERRCODE_CHECK_VIOLATION);
        assert_eq!(before.message, "a call cannot end before it starts");
        assert!(before.detail.contains("2026-01-02") && before.hint.contains("ended_at"), "{before:?}");
        ended_call("", "hello");
        let again = refusal("UPDATE voice.call SET status = 'in_progress', ended_at = NULL").expect("a restart");
        assert_eq!(again.code, PgSqlErrorCode::ERRCODE_CHECK_VIOLATION);
        assert!(again.detail.contains("is completed since"), "{again:?}");
    }

    #[pg_test]
    fn a_table_that_is_not_of_the_extension_is_told_so_and_not_read() {
        Spi::run(
            "CREATE TABLE pg_temp.mine (id text);
             CREATE TRIGGER mine AFTER INSERT ON pg_temp.mine FOR EACH ROW EXECUTE FUNCTION voice._call_written()",
        )
        .expect("a trigger on a table of one's own");
        let refused = refusal("INSERT INTO pg_temp.mine VALUES ('x')").expect("an error");
        assert_eq!(refused.code, PgSqlErrorCode::ERRCODE_UNDEFINED_COLUMN);
        assert!(refused.detail.contains("no column id of the type"), "{refused:?}");
    }
}
