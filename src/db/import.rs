//! What an import reads and writes, as whoever imports: every statement names the schema of everything, operators too.

use super::cached_query::CachedQuery;
use super::{DbError, Statement, arrival};
use crate::host::clock;
use pgrx::datum::TimestampWithTimeZone;
use pgrx::pg_sys::BuiltinOid::*;
use pgrx::prelude::*;
use pgrx::{IntoDatum, Uuid};
use voice_core::import::{Agent, Import, ToolCall, Turn};

thread_local! {
    static KNOWN: CachedQuery = CachedQuery::fresh_snapshot(include_str!("../../sql/queries/import_known.sql"), &[TEXTOID, TEXTOID]);
    static AGENT: Statement =
        const { Statement::for_session(include_str!("../../sql/queries/import_agent_known.sql"), &[TEXTOID, TEXTOID]) };
    static NEW_AGENT: Statement = const {
        Statement::for_session(
            include_str!("../../sql/queries/import_agent.sql"),
            &[TEXTOID, TEXTOID, TEXTOID, TEXTOID, TEXTOID, TEXTOID],
        )
    };
    static CALL: Statement = const {
        Statement::for_session(
            include_str!("../../sql/queries/import_call.sql"),
            &[
                UUIDOID, TEXTOID, TEXTOID, TEXTOID, TEXTOID, TEXTOID, TEXTOID, TIMESTAMPTZOID, TIMESTAMPTZOID, INT4OID,
                TEXTOID, TEXTOID, TEXTOID, TEXTOID, TEXTOID, TEXTOID, TEXTOID,
            ],
        )
    };
    static TURNS: Statement = const {
        Statement::for_session(
            include_str!("../../sql/queries/import_turns.sql"),
            &[
                UUIDOID, TEXTOID, TEXTARRAYOID, TEXTARRAYOID, TIMESTAMPTZARRAYOID, TIMESTAMPTZARRAYOID, TEXTARRAYOID,
                BOOLARRAYOID, INT4ARRAYOID, INT4ARRAYOID, INT4ARRAYOID, INT4ARRAYOID, TEXTARRAYOID,
            ],
        )
    };
    static TOOL_CALLS: Statement = const {
        Statement::for_session(
            include_str!("../../sql/queries/import_tool_calls.sql"),
            &[
                UUIDOID, TEXTOID, TEXTARRAYOID, TEXTARRAYOID, TEXTARRAYOID, TEXTARRAYOID, INT4ARRAYOID,
                TIMESTAMPTZARRAYOID, INT8ARRAYOID,
            ],
        )
    };
}

/// A call that has the external id already.
pub struct Known {
    pub id: Uuid,
    pub in_progress: bool,
}

/// The call of this tenant that has this external id. Until the transaction ends nobody else imports or starts it.
pub fn known(external_id: &str, tenant: &str) -> Option<Known> {
    arrival::lock(&[external_id], tenant);
    let mut known: Option<Known> = None;
    // In a snapshot of its own: whoever held the lock before has committed since the import began.
    KNOWN.with(|question| {
        question.execute(&[external_id.into_datum(), tenant.into_datum()], |row| {
            let (Some(id), in_progress) = (row.get::<Uuid>(1), row.get(2).unwrap_or(false)) else { return };
            // Plain INSERTs can give two calls one external id: the first is meant.
            if known.as_ref().is_none_or(|known| id.as_bytes() < known.id.as_bytes()) {
                known = Some(Known { id, in_progress });
            }
        });
    });
    known
}

/// Makes the agent if it is not there. `false`: the id is somebody else's.
pub fn agent(id: &str, tenant: &str, agent: &Agent) -> Result<bool, DbError> {
    Spi::connect_mut(|client| {
        if !AGENT.with(|s| Ok::<_, DbError>(s.run(client, &[id.into(), tenant.into()])?.is_empty()))? {
            return Ok(true);
        }
        let (name, vertical) = (agent.name.as_deref().unwrap_or(id), agent.vertical.as_str());
        let values = [
            id.into(),
            tenant.into(),
            name.into(),
            vertical.into(),
            agent.prompt_hash.clone().into(),
            agent.voice.clone().into(),
        ];
        NEW_AGENT.with(|s| s.run(client, &values).map(drop))?;
        // Another import may have made it meanwhile, or another tenant have it.
        AGENT.with(|s| Ok(!s.run(client, &[id.into(), tenant.into()])?.is_empty()))
    })
}

pub fn call(
    id: Uuid,
    tenant: &str,
    agent: &str,
    call: &Import,
    start: i64,
    end: i64,
    duration_ms: Option<i32>,
) -> Result<(), DbError> {
    let text = |value: &Option<String>| value.clone().into();
    let values = [
        id.into(),
        tenant.into(),
        agent.into(),
        text(&call.external_id),
        call.direction.as_str().into(),
        text(&call.from),
        text(&call.to),
        stored(start).into(),
        stored(end).into(),
        duration_ms.into(),
        call.status.as_str().into(),
        text(&call.end_reason),
        text(&call.recording_url),
        text(&call.language),
        text(&call.meta),
        call.cost.as_ref().map(|cost| cost.amount.to_string()).into(),
        call.cost.as_ref().map(|cost| cost.currency.clone()).into(),
    ];
    Spi::connect_mut(|client| CALL.with(|s| s.run(client, &values).map(drop)))
}

/// Turns with their start and end, in spoken order; gives their ids in the same.
pub fn turns(call: Uuid, tenant: &str, turns: &[(i64, Option<i64>, &Turn)]) -> Result<Vec<i64>, DbError> {
    if turns.is_empty() {
        return Ok(Vec::new());
    }
    let latency = |at: usize| turns.iter().map(|(.., turn)| turn.latencies[at]).collect::<Vec<_>>();
    let values = [
        call.into(),
        tenant.into(),
        turns.iter().map(|(.., turn)| turn.role.as_str()).collect::<Vec<_>>().into(),
        turns.iter().map(|(.., turn)| turn.text.as_str()).collect::<Vec<_>>().into(),
        turns.iter().map(|(began, ..)| stored(*began)).collect::<Vec<_>>().into(),
        turns.iter().map(|(_, over, _)| over.and_then(stored)).collect::<Vec<_>>().into(),
        turns.iter().map(|(.., turn)| turn.audio_url.as_deref()).collect::<Vec<_>>().into(),
        turns.iter().map(|(.., turn)| turn.interrupted).collect::<Vec<_>>().into(),
        latency(0).into(),
        latency(1).into(),
        latency(2).into(),
        latency(3).into(),
        turns.iter().map(|(.., turn)| turn.speaker.as_deref()).collect::<Vec<_>>().into(),
    ];
    Spi::connect_mut(|client| {
        let rows = TURNS.with(|s| s.run(client, &values))?;
        rows.map(|row| Ok(row.get::<i64>(1)?.unwrap_or_default())).collect()
    })
}

/// Tool calls with the moment they were made and the turn they belong to, in order.
pub fn tool_calls(call: Uuid, tenant: &str, tool_calls: &[(i64, Option<i64>, &ToolCall)]) -> Result<(), DbError> {
    if tool_calls.is_empty() {
        return Ok(());
    }
    let text = |of: fn(&ToolCall) -> Option<&str>| tool_calls.iter().map(|(.., t)| of(t)).collect::<Vec<_>>();
    let values = [
        call.into(),
        tenant.into(),
        text(|t| Some(&t.name)).into(),
        text(|t| t.args.as_deref()).into(),
        text(|t| t.result.as_deref()).into(),
        text(|t| t.error_text.as_deref()).into(),
        tool_calls.iter().map(|(.., t)| t.latency_ms).collect::<Vec<_>>().into(),
        tool_calls.iter().map(|(invoked, ..)| stored(*invoked)).collect::<Vec<_>>().into(),
        tool_calls.iter().map(|(_, turn, _)| *turn).collect::<Vec<_>>().into(),
    ];
    Spi::connect_mut(|client| TOOL_CALLS.with(|s| s.run(client, &values).map(drop)))
}

fn stored(at: i64) -> Option<TimestampWithTimeZone> {
    clock::timestamp(at)
}
