//! `voice._tenant()`: stands in the defaults and the row-level security of every table, so it is asked for every row that
//! is written, and for every row that a sequential scan reads. What pins it: `host/pin.rs`.

use crate::declare_function;
use crate::guc;
use crate::host::error::raise;
use crate::host::{function, tenant_binding, trigger, user};
use pgrx::prelude::*;
use pgrx::{IntoDatum, pg_sys};

declare_function!(voice_tenant, pg_finfo_voice_tenant, function::FunctionCall, tenant_of_session);
declare_function!(voice_pinned_to, pg_finfo_voice_pinned_to, function::FunctionCall, pinned_to);
declare_function!(voice_pins_changed, pg_finfo_voice_pins_changed, trigger::TriggerCall, pins_changed);

/// The session's tenant: its pin, or its setting. Without either, and with the setting `require_tenant`, an ordinary role is
/// refused: it has forgotten to say whose rows it means.
pub fn current() -> String {
    tenant_binding::tenant().unwrap_or_else(|| {
        let tenant = guc::tenant();
        if tenant.is_empty() && guc::requires_tenant() && !user::bypasses_rls(user::caller()) {
            raise(
                PgSqlErrorCode::ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE,
                "no tenant is set",
                "voice_analytics.require_tenant is on, and voice_analytics.tenant is ''.",
                "SET voice_analytics.tenant = '…' (SET LOCAL in a transaction only), or pin the role with voice_pin_tenant().",
            );
        }
        tenant
    })
}

fn tenant_of_session(call: function::FunctionCall<'_>) -> pg_sys::Datum {
    current().into_datum().unwrap_or_else(|| call.null())
}

/// `voice._pinned_to()`
fn pinned_to(call: function::FunctionCall<'_>) -> pg_sys::Datum {
    tenant_binding::tenant().and_then(IntoDatum::into_datum).unwrap_or_else(|| call.null())
}

/// `voice._pins_changed()`, on `voice._pin`.
fn pins_changed(trigger: trigger::TriggerCall<'_>) -> pg_sys::Datum {
    tenant_binding::changed(trigger.leaf());
    pg_sys::Datum::null()
}
