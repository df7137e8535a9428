//! What SQL cannot judge of a webhook: its URL, and its secret. Declared in `sql/webhooks/webhook.sql`.

use super::uuid;
use crate::declare_function;
use crate::guc;
use crate::host::error::raise;
use crate::host::function;
use pgrx::prelude::*;
use pgrx::{IntoDatum, pg_sys};
use voice_core::webhook::Format;
use voice_core::webhook::secret::Secret;
use voice_core::webhook::url;

declare_function!(voice_webhook_url, pg_finfo_voice_webhook_url, function::FunctionCall, webhook_url);
declare_function!(voice_webhook_secret, pg_finfo_voice_webhook_secret, function::FunctionCall, webhook_secret);

const INVALID: PgSqlErrorCode = PgSqlErrorCode::ERRCODE_INVALID_PARAMETER_VALUE;

/// `voice._webhook_url(url, format, look_up)`.
fn webhook_url(call: function::FunctionCall<'_>) -> pg_sys::Datum {
    let Some(given) = call.text(0) else { refuse("The URL is NULL.", "For example https://example.com/hooks/voice.") };
    let Some(format) = call.text(1).as_deref().and_then(Format::from_word) else {
        raise(
            INVALID,
            "there is no such format",
            "The format is neither of the two.",
            "The formats are standard and slack.",
        )
    };
    let policy = guc::webhook_policy();
    let target = match url::check(&given, format, &policy) {
        Ok(target) => target,
        Err(fault) => refuse(&fault.detail(), fault.hint()),
    };
    if call.boolean(2) == Some(true)
        && caller_may_add()
        && let Err(where_to) = voice_net::check_resolved_addresses(target.host, target.port, policy.private_addresses)
    {
        let hint = "Use a name with a public address, or let a superuser set voice_analytics.webhook_private_addresses \
                    if that network is meant to be called.";
        refuse(&format!("{where_to}."), hint);
    }
    url::shown(&given, format).into_datum().unwrap_or_else(|| call.null())
}

/// Names are looked up for those only who may have them called: others would learn what the server's network is made of.
fn caller_may_add() -> bool {
    Spi::get_one("SELECT pg_catalog.has_table_privilege('voice.webhook', 'INSERT, UPDATE')") == Ok(Some(true))
}

/// `voice._webhook_secret(secret)`.
fn webhook_secret(call: function::FunctionCall<'_>) -> pg_sys::Datum {
    let secret = match call.text(0) {
        None => Secret::new(uuid::random()),
        Some(given) => Secret::parse(&given).unwrap_or_else(|fault| {
            raise(
                INVALID,
                "this is no secret for a webhook",
                &fault.to_string(),
                "Leave it out and one is made, or pass whsec_ and 24 to 64 random bytes in base64.",
            )
        }),
    };
    secret.expose().into_datum().unwrap_or_else(|| call.null())
}

fn refuse(detail: &str, hint: &str) -> ! {
    raise(INVALID, "a webhook cannot go there", detail, hint)
}
