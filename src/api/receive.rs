//! `voice_receive`: a webhook is taken from whom it says it is of, and only then read.

use super::formats::{HINT, store_call};
use super::import::refuse_with;
use crate::db::{receive as store, rethrow};
use crate::declare_function;
use crate::host::error::raise;
use crate::host::{clock, function};
use pgrx::prelude::*;
use pgrx::{IntoDatum, pg_sys};
use voice_core::import::{Format, from_format};
use voice_core::receive::{Refusal, check_secret, verify};

declare_function!(voice_receive, pg_finfo_voice_receive, function::FunctionCall, receive);
declare_function!(voice_receive_secret, pg_finfo_voice_receive_secret, function::FunctionCall, set_secret);

/// `voice_receive(format, headers, body, options)`.
fn receive(sql: function::FunctionCall) -> pg_sys::Datum {
    let format = format(sql);
    let headers = sql.json(1).unwrap_or_else(|| "{}".to_owned());
    let body = sql.text(2).unwrap_or_default();
    let options = sql.json(3).unwrap_or_else(|| "{}".to_owned());
    let tenant = super::tenant::current();
    let secrets = store::secrets(&tenant, format).unwrap_or_else(|e| rethrow(e));
    if secrets.is_empty() {
        raise(
            PgSqlErrorCode::ERRCODE_INVALID_AUTHORIZATION_SPECIFICATION,
            "nobody knows who sends these webhooks",
            &format!("Tenant \"{tenant}\" has no secret for format {format}."),
            &format!(
                "SELECT voice_receive_secret('{format}', secret) with what the sender signs with; a dump has none."
            ),
        );
    }
    let verified = |secret: &String| verify(format, &headers, &body, secret, clock::now() / 1000);
    // What the newer one finds wrong is told.
    if let Err(refusal) = verified(&secrets[0])
        && secrets.iter().skip(1).all(|secret| verified(secret).is_err())
    {
        refuse(&refusal);
    }
    let call = from_format(format, &body, &options).unwrap_or_else(|refused| refuse_with(&refused, HINT));
    store_call(&call, &tenant).into_datum().unwrap_or_else(|| sql.null())
}

/// `voice_receive_secret(format, secret, overlap)`: true, so that clients that cannot read void can call it.
fn set_secret(sql: function::FunctionCall) -> pg_sys::Datum {
    let format = format(sql);
    let secret = sql.text(1);
    if let Some(secret) = &secret
        && check_secret(format, secret).is_err()
    {
        raise(
            PgSqlErrorCode::ERRCODE_INVALID_PARAMETER_VALUE,
            "the secret is none of the sender's",
            &format!("Of {format} it is not one that can sign."),
            "Retell: the API key; ElevenLabs, Vapi: the secret as it is shown; others: Standard Webhooks, whsec_ and base64.",
        );
    }
    store::set_secret(&super::tenant::current(), format, secret.as_deref(), sql.interval(2))
        .unwrap_or_else(|e| rethrow(e));
    true.into_datum().unwrap_or_else(|| sql.null())
}

/// A format is named: whose signature it is cannot be told by the payload.
fn format(sql: function::FunctionCall) -> &'static str {
    let name = sql.text(0).unwrap_or_default();
    match Format::named(&name) {
        Some(format) => format.name(),
        None => raise(
            PgSqlErrorCode::ERRCODE_INVALID_PARAMETER_VALUE,
            "there is no such format",
            &format!("format is '{name}'."),
            &format!("One of {}.", Format::ALL.map(Format::name).join(", ")),
        ),
    }
}

fn refuse(refusal: &Refusal) -> ! {
    let (detail, hint) = match refusal {
        Refusal::Headers => ("The headers are no JSON object.".to_owned(), "Pass {\"name\": \"value\"}."),
        Refusal::Missing(name) => (
            format!("The header {name} is missing."),
            "Hand on all headers of the request; the sender signs only where it was given a secret.",
        ),
        Refusal::Malformed(name) => {
            (format!("The header {name} is not what its sender writes."), "Hand on headers as they came.")
        }
        Refusal::Stale { age_ms } => (
            format!("It was signed {} s ago.", age_ms / 1000),
            "Hand webhooks on as they come; compare the clocks of both machines.",
        ),
        Refusal::Mismatch | Refusal::Secret => (
            "The signature is not of this body by this secret.".to_owned(),
            "Hand on the body byte for byte, not parsed and written anew; SELECT voice_receive_secret(format, secret) sets another secret.",
        ),
    };
    raise(
        PgSqlErrorCode::ERRCODE_INVALID_AUTHORIZATION_SPECIFICATION,
        "the webhook is not from whom it says",
        &detail,
        hint,
    );
}
