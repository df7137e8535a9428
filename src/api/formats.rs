//! `voice_import`, `voice_import_call` and `voice_export`: calls as we and other programs write and read them
//! (core/src/import, core/src/export).

use super::complete::complete;
use super::import::{in_progress, new_call, refuse_with};
use super::scores;
use crate::db::export as read;
use crate::db::import as store;
use crate::declare_function;
use crate::host::error::{notice, raise};
use crate::host::{clock, function};
use pgrx::prelude::*;
use pgrx::{IntoDatum, pg_sys};
use voice_core::export::vcon::{Analysis, Envelope, vcon};
use voice_core::export::voice::voice;
use voice_core::import::{Import, ImportError, from_format};

declare_function!(voice_import, pg_finfo_voice_import, function::FunctionCall, import);
declare_function!(voice_import_call, pg_finfo_voice_import_call, function::FunctionCall, import_call);
declare_function!(voice_export, pg_finfo_voice_export, function::FunctionCall, export);

pub(super) const HINT: &str = "docs/integrations.md says what each format takes; what the payload does not say can be an option: \
                    voice_import(format, payload, '{\"speakers\": {\"0\": \"user\"}, \"started_at\": \"…\"}').";

const OWN_FORM: &str = "A call is {\"id\", \"duration_ms\" | \"started_at\" and \"ended_at\", \"agent\" | \"vertical\", \"status\", \
                        \"from\", \"to\", \"turns\": [{\"role\", \"text\", \"start_ms\", \"end_ms\"}], \"tool_calls\": \
                        [{\"name\", \"args\", \"result\", \"offset_ms\"}]}; of these only turns is required.";

/// `voice_import(format, payload, options)`.
fn import(sql: function::FunctionCall) -> pg_sys::Datum {
    let format = sql.text(0).unwrap_or_else(|| refuse(&missing("format", "auto or the name of a format")));
    let payload = sql.json(1).unwrap_or_else(|| refuse(&missing("the payload", "JSON")));
    let options = sql.json(2).unwrap_or_else(|| "{}".to_owned());
    let call = from_format(&format, &payload, &options).unwrap_or_else(|refused| refuse(&refused));
    stored(sql, &call)
}

/// `voice_import_call(call)`: the form voice, for which options have nothing to say.
fn import_call(sql: function::FunctionCall<'_>) -> pg_sys::Datum {
    let refuse = |refused: &ImportError| -> ! { refuse_with(refused, OWN_FORM) };
    let json = sql.json(0).unwrap_or_else(|| refuse(&missing("the call", "a JSON object")));
    stored(sql, &Import::parse(&json).unwrap_or_else(|refused| refuse(&refused)))
}

fn stored(sql: function::FunctionCall<'_>, call: &Import) -> pg_sys::Datum {
    let id = store_call(call, &super::tenant::current());
    scores::of_imports(&[(id, call)]);
    id.into_datum().unwrap_or_else(|| sql.null())
}

/// Stores the call, or completes the one that has its external id.
pub(super) fn store_call(call: &Import, tenant: &str) -> pgrx::Uuid {
    for note in &call.notes {
        notice(note);
    }
    let known = call.external_id.as_ref().and_then(|id| Some((id, store::known(id, tenant)?)));
    match known {
        None => new_call(call, tenant),
        Some((external_id, known)) if known.in_progress => in_progress(external_id, &known),
        Some((_, known)) => {
            complete(known.id, tenant, call);
            known.id
        }
    }
}

/// `voice_export(call_id, format)`; NULL: no such call.
fn export(sql: function::FunctionCall) -> pg_sys::Datum {
    let format = sql.text(1).unwrap_or_default();
    if !matches!(format.as_str(), "vcon" | "voice") {
        raise(
            PgSqlErrorCode::ERRCODE_INVALID_PARAMETER_VALUE,
            "there is no such format",
            &format!("format is '{format}'."),
            "A call goes out as vcon, or as voice, which voice_import takes again.",
        );
    }
    let Some(id) = sql.uuid(0) else { return sql.null() };
    let Some(call) = read::call(id) else { return sql.null() };
    let json = match format.as_str() {
        "voice" => voice(&call),
        _ => {
            let (analytics, results) = (read::analytics(id), read::results(id));
            let analyses: Vec<_> = analytics.iter().flat_map(fixed_fields).chain(results.iter().map(result)).collect();
            let uuid = id.to_string();
            let created_ms = clock::transaction_start() as f64 / 1000.0;
            vcon(&call, &Envelope { uuid: &uuid, created_ms, analyses: &analyses })
        }
    };
    function::jsonb(&json)
}

fn fixed_fields(analytics: &read::Analytics) -> [Analysis<'_>; 2] {
    let of = |kind, schema, body| Analysis { kind, product: &analytics.model, schema, body };
    [of("summary", "text", &analytics.summary), of("report", "voice_analytics.analytics", &analytics.all)]
}

fn result(result: &read::AnalysisResult) -> Analysis<'_> {
    Analysis { kind: "report", product: &result.model, schema: &result.schema, body: &result.body }
}

fn missing(path: &str, expected: &str) -> ImportError {
    ImportError { path: path.to_owned(), value: None, expected: expected.to_owned() }
}

fn refuse(refused: &ImportError) -> ! {
    refuse_with(refused, HINT)
}
