//! What only the owner of the tables can do, done for who asks. In Rust and not SECURITY DEFINER: in such a function
//! nobody knows who called it, and a pin that comes from the role whose code runs would be forgotten there.

use crate::db::as_owner;
use crate::db::rethrow;
use crate::host::user;
use pgrx::prelude::*;

#[pg_extern(sql = false)]
fn voice_reanalyze(call_id: Option<pgrx::Uuid>) -> Option<i64> {
    user::as_voice_worker(|| as_owner::reanalyze(call_id)).unwrap_or_else(|e| rethrow(e))
}

#[pg_extern(sql = false)]
#[allow(clippy::too_many_arguments)] // a turn's
fn voice_finish_turn_from_chunks(
    call_id: Option<pgrx::Uuid>,
    turn_id: Option<i64>,
    ended_at: Option<TimestampWithTimeZone>,
    interrupted: Option<bool>,
    transcription_ms: Option<i32>,
    llm_ttft_ms: Option<i32>,
    tts_ttfb_ms: Option<i32>,
    e2e_latency_ms: Option<i32>,
) {
    let arguments = [
        call_id.into(),
        turn_id.into(),
        ended_at.into(),
        interrupted.into(),
        transcription_ms.into(),
        llm_ttft_ms.into(),
        tts_ttfb_ms.into(),
        e2e_latency_ms.into(),
    ];
    user::as_voice_worker(|| as_owner::finish_turn(&arguments)).unwrap_or_else(|e| rethrow(e));
}
