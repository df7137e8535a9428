//! Whatever JSON is imported is refused by the place of what is wrong, or says nothing that the tables refuse, and the
//! same again when it is written down.

use serde_json::value::RawValue;
use voice_core::import::{Import, Time};
use voice_core::turn;

const MAX_MS: f64 = 2_147_483_647.0;

pub fn holds(bytes: &[u8]) {
    let Ok(json) = str::from_utf8(bytes) else { return };
    match Import::parse(json) {
        Ok(call) => {
            is_what_the_tables_take(&call);
            assert_eq!(Import::parse(&voice_core::export::voice::voice(&call)).as_ref(), Ok(&call));
        }
        Err(refused) => {
            assert!(!refused.path.is_empty() && !refused.expected.is_empty(), "{refused:?}");
            assert!(refused.value.is_none_or(|value| json.contains(&value)), "a value that nobody gave");
        }
    }
}

pub fn is_what_the_tables_take(call: &Import) {
    assert!(["completed", "failed", "transferred"].contains(&call.status.as_str()), "{}", call.status);
    assert!(["inbound", "outbound"].contains(&call.direction.as_str()), "{}", call.direction);
    assert!(call.external_id.as_ref().is_none_or(|id| !id.is_empty()));
    assert!(call.agent.id.as_ref().is_none_or(|id| !id.is_empty()) && !call.agent.vertical.is_empty());
    let texts = [
        &call.external_id,
        &call.from,
        &call.to,
        &call.end_reason,
        &call.recording_url,
        &call.language,
        &call.agent.id,
        &call.agent.name,
        &call.agent.prompt_hash,
        &call.agent.voice,
    ];
    texts.into_iter().flatten().chain([&call.agent.vertical]).for_each(is_text);
    [&call.started_at, &call.ended_at].into_iter().flatten().for_each(is_moment);
    call.duration_ms.into_iter().chain(call.last_word_ms()).for_each(is_duration);
    call.meta.iter().for_each(is_json);
    for t in &call.turns {
        assert_eq!(turn::Turn { role: &t.role, latencies: t.latencies, times: [None; 2] }.check(), Ok(()));
        // Where both times are in one unit; a time of day is Postgres' to compare.
        assert!(t.end_ms.is_none_or(|end| t.start_ms.unwrap_or(0.0) <= end), "{t:?}");
        t.start_ms.into_iter().chain(t.end_ms).for_each(is_duration);
        [&t.started_at, &t.ended_at].into_iter().flatten().for_each(is_moment);
        t.audio_url.iter().chain([&t.text]).for_each(is_text);
    }
    for tool in &call.tool_calls {
        assert!(!tool.name.is_empty() && tool.latency_ms.is_none_or(|ms| ms >= 0));
        tool.error_text.iter().chain([&tool.name]).for_each(is_text);
        tool.args.iter().chain(&tool.result).for_each(is_json);
        tool.invoked_at.iter().for_each(is_moment);
        tool.offset_ms.into_iter().for_each(is_duration);
    }
}

fn is_text(text: &String) {
    assert!(!text.contains('\0'), "Postgres stores no NUL: {text:?}");
}

fn is_moment(time: &Time) {
    let text = match time {
        Time::Text(text) => text,
        Time::EpochMs(ms) => return assert!((946_684_800_000.0..4_102_444_800_000.0).contains(ms), "{ms}"),
    };
    assert!(text.is_ascii() && text.len() >= 10 && text.as_bytes()[4] == b'-' && !text.contains('\0'), "{text:?}");
}

fn is_duration(ms: f64) {
    assert!((0.0..=MAX_MS).contains(&ms), "{ms}");
}

fn is_json(json: &String) {
    assert!(serde_json::from_str::<&RawValue>(json).is_ok() && json != "null", "{json:?}");
}
