//! What SQL cannot compute of labels: samples, doubt, agreement and drift. The work is that of `core/src/agreement`; SQL finds
//! the rows (`sql/operate/label_sample.sql`, `sql/read/agreement.sql`, `sql/read/drift.sql`).

use crate::declare_function;
use crate::host::error::raise;
use crate::host::function::{self, jsonb};
use pgrx::pg_sys;
use pgrx::prelude::*;
use serde_json::{Value, json};
use voice_core::agreement::{
    Candidate, Draw, DriftRequest, Judgement, ReportError, Request, draw_evenly, draw_stratified, drift, report,
};

declare_function!(voice_agreement_of, pg_finfo_voice_agreement_of, function::FunctionCall, agreement_of);
declare_function!(voice_drift_of, pg_finfo_voice_drift_of, function::FunctionCall, drift_of);

/// `voice._agreement(request)`: the agreement of one property, a group an element.
fn agreement_of(call: function::FunctionCall<'_>) -> pg_sys::Datum {
    let request = Request::parse(&call.json(0).unwrap_or_default()).unwrap_or_else(|error| refuse(&error.to_string()));
    match report(&request) {
        Ok(groups) => jsonb(&Value::Array(groups).to_string()),
        Err(ReportError::NoSuchFigure(property, figure, known)) => raise(
            PgSqlErrorCode::ERRCODE_INVALID_PARAMETER_VALUE,
            "there is no such figure",
            &format!("targets asks for {figure} of {property}."),
            &format!("Its figures are {known}."),
        ),
        Err(ReportError::Agreement(error)) => refuse(&error.to_string()),
    }
}

/// `voice._drift(request)`: how one property has moved, a part of its calls an element.
fn drift_of(call: function::FunctionCall<'_>) -> pg_sys::Datum {
    let request =
        DriftRequest::parse(&call.json(0).unwrap_or_default()).unwrap_or_else(|error| refuse(&error.to_string()));
    jsonb(&Value::Array(drift(&request)).to_string())
}

/// `voice._draw_sample`: which of the candidates people are asked to label, in the order of labelling.
#[pg_extern(sql = false)]
fn voice_draw_sample(
    lead_scores: Array<'_, i16>,
    intents: Array<'_, &str>,
    agents: Array<'_, &str>,
    durations_ms: Array<'_, i32>,
    sample: i32,
    seed: i64,
    stratified: bool,
) -> pgrx::JsonB {
    let sides = lead_scores.iter().zip(intents.iter()).zip(agents.iter().zip(durations_ms.iter()));
    let candidates: Vec<Candidate<'_>> = sides
        .map(|((lead_score, intent), (agent, duration_ms))| Candidate {
            lead_score: lead_score.and_then(|score| u8::try_from(score).ok()).unwrap_or_default(),
            intent: intent.unwrap_or_default(),
            agent: agent.unwrap_or_default(),
            duration_ms: duration_ms.and_then(|duration| u32::try_from(duration).ok()).unwrap_or_default(),
        })
        .collect();
    let sample = usize::try_from(sample).unwrap_or_default();
    let Draw { strata, drawn } = match stratified {
        true => draw_stratified(&candidates, sample, seed as u64),
        false => draw_evenly(candidates.len(), sample, seed as u64),
    };
    let drawn = drawn.iter().map(|drawn| {
        let stratum = &strata[drawn.stratum];
        json!({"place": drawn.place + 1, "stratum": stratum.name, "calls": stratum.calls})
    });
    pgrx::JsonB(drawn.collect())
}

/// `voice._doubt`: how far the judgements of a call contradict each other.
#[pg_extern(sql = false)]
fn voice_doubt(judgements: pgrx::JsonB, claims: i32, unsupported: i32) -> f64 {
    let pairs = judgements.0.as_array().map(Vec::as_slice).unwrap_or_default();
    let judgements: Vec<Judgement<'_>> =
        pairs.iter().map(|pair| Judgement::from_stored(pair[0].as_str().unwrap_or_default(), &pair[1])).collect();
    let count = |n: i32| u32::try_from(n).unwrap_or_default();
    voice_core::agreement::doubt(&judgements, count(claims), count(unsupported))
}

/// SQL of ours writes the request, so whoever sees this has called the function by itself.
fn refuse(why: &str) -> ! {
    raise(
        PgSqlErrorCode::ERRCODE_INVALID_PARAMETER_VALUE,
        "this is no request of ours",
        why,
        "Call voice_agreement() or voice_drift().",
    )
}
