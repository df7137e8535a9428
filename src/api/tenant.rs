//! `voice._tenant()`: stands in the defaults and the row-level security of every table, so it is asked for every row that
//! is written, and for every row that a sequential scan reads.

use crate::declare_function;
use crate::guc;
use crate::host::function;
use pgrx::{IntoDatum, pg_sys};

declare_function!(voice_tenant, pg_finfo_voice_tenant, function::Call, tenant);

fn tenant(call: function::Call) -> pg_sys::Datum {
    guc::tenant().into_datum().unwrap_or_else(|| call.null())
}
