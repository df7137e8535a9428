//! How settings are registered, by their type. The prefix `voice_analytics.` is part of each name.

use pgrx::prelude::*;
use pgrx::{GucContext, GucFlags, GucRegistry, GucSetting};
use std::ffi::{CStr, CString};

pub fn int(
    name: &'static CStr,
    says: &'static CStr,
    setting: &'static GucSetting<i32>,
    bounds: std::ops::RangeInclusive<i32>,
    flags: GucFlags,
) {
    let context = GucContext::Suset;
    GucRegistry::define_int_guc(name, says, c"", setting, *bounds.start(), *bounds.end(), context, flags);
}

pub fn bool(name: &'static CStr, says: &'static CStr, setting: &'static GucSetting<bool>) {
    GucRegistry::define_bool_guc(name, says, c"", setting, GucContext::Suset, GucFlags::default());
}

pub fn string(
    name: &'static CStr,
    says: &'static CStr,
    setting: &'static GucSetting<Option<CString>>,
    context: GucContext,
) {
    GucRegistry::define_string_guc(name, says, c"", setting, context, GucFlags::default());
}

pub fn checked(
    name: &'static CStr,
    says: &'static CStr,
    more: &'static CStr,
    setting: &'static GucSetting<Option<CString>>,
    hook: pg_sys::GucStringCheckHook,
) {
    // SAFETY: the hooks of check.rs are guarded: a panic becomes an ERROR of Postgres.
    unsafe {
        GucRegistry::define_string_guc_with_hooks(
            name,
            says,
            more,
            setting,
            GucContext::Suset,
            GucFlags::default(),
            hook,
            None,
            None,
        );
    }
}

/// Postgres 14 has the same call under its older name.
pub fn reserve_prefix() {
    // SAFETY: called from _PG_init, with a literal.
    unsafe {
        #[cfg(feature = "pg14")]
        pg_sys::EmitWarningsOnPlaceholders(c"voice_analytics".as_ptr());
        #[cfg(not(feature = "pg14"))]
        pg_sys::MarkGUCPrefixReserved(c"voice_analytics".as_ptr());
    }
}
