//! Settings that the worker makes for itself, whatever ALTER DATABASE or ALTER ROLE say for others.

use pgrx::prelude::*;
use std::ffi::{CStr, CString, c_int};

/// The value of a setting; `None`: there is no setting of this name.
pub fn setting(name: &CStr) -> Option<String> {
    // SAFETY: a C string; missing_ok, so nothing is raised. The value is copied at once.
    unsafe {
        let value = pg_sys::GetConfigOption(name.as_ptr(), true, false);
        (!value.is_null()).then(|| CStr::from_ptr(value).to_string_lossy().into_owned())
    }
}

/// Applies a setting of this database (`ALTER DATABASE … SET`) as it would have been applied at connect. A bad value is
/// a line in the log.
pub fn apply_database_setting(name: &str, value: &str) {
    let (Ok(name), Ok(value)) = (CString::new(name), CString::new(value)) else { return };
    // SAFETY: two C strings, which Postgres copies; WARNING as the level makes a bad value a log line, not an error.
    unsafe {
        pg_sys::set_config_option(
            name.as_ptr(),
            value.as_ptr(),
            pg_sys::GucContext::PGC_SUSET,
            pg_sys::GucSource::PGC_S_DATABASE,
            pg_sys::GucAction::GUC_ACTION_SET,
            true,
            pg_sys::WARNING as c_int,
            false,
        );
    }
}

fn set_for_session(name: &CStr, value: &CStr) {
    // SAFETY: two C strings, which Postgres copies.
    unsafe {
        pg_sys::SetConfigOption(
            name.as_ptr(),
            value.as_ptr(),
            pg_sys::GucContext::PGC_SUSET,
            pg_sys::GucSource::PGC_S_OVERRIDE,
        )
    }
}

/// Sets what the worker's statements rely on, for the life of the session.
pub fn pin_session_settings() {
    for (name, value) in [
        (c"search_path", c"pg_catalog, pg_temp"),
        // Settle locks first and reads afterwards: the read must see what the lock has waited for.
        (c"default_transaction_isolation", c"read committed"),
        (c"default_transaction_read_only", c"off"),
        (c"default_transaction_deferrable", c"off"),
        (c"session_replication_role", c"origin"),
        (c"row_security", c"on"),
        // The worker waits for locks on tables only briefly: a settle transaction already holds locks that others wait
        // for. Well below deadlock_timeout (1 s): in a deadlock with a DBA's DROP or ALTER the worker gives way, before
        // Postgres chooses the DBA's command.
        (c"lock_timeout", c"200ms"),
        // The statements are written for it.
        (c"standard_conforming_strings", c"on"),
        // Maintenance reads a month in one transaction; each statement of ours has a limit of its own.
        #[cfg(any(feature = "pg17", feature = "pg18"))]
        (c"transaction_timeout", c"0"),
        // Short statements over few rows: neither pays.
        (c"jit", c"off"),
        (c"max_parallel_workers_per_gather", c"0"),
    ] {
        set_for_session(name, value);
    }
}

/// While this lives, plans read tables through their indexes, in order, and generic plans are used whatever the
/// arguments are: a custom plan for few of them looks cheaper than the kept one, and is made anew each time.
pub struct PlannerOverride {
    before: (bool, bool, bool, i32),
}

impl PlannerOverride {
    pub fn by_index() -> PlannerOverride {
        PlannerOverride::begin(true)
    }

    /// Sorting is the last resort, too: rows come in the order of an index.
    pub fn in_order() -> PlannerOverride {
        PlannerOverride::begin(false)
    }

    fn begin(sorts: bool) -> PlannerOverride {
        // SAFETY: variables of this process that the planner reads. `drop` puts them back, also while an error unwinds,
        // so the machinery of settings never sees these values.
        unsafe {
            let before =
                (pg_sys::enable_seqscan, pg_sys::enable_bitmapscan, pg_sys::enable_sort, pg_sys::plan_cache_mode);
            pg_sys::enable_seqscan = false;
            pg_sys::enable_bitmapscan = false;
            pg_sys::enable_sort &= sorts;
            pg_sys::plan_cache_mode = pg_sys::PlanCacheMode::PLAN_CACHE_MODE_FORCE_GENERIC_PLAN as i32;
            PlannerOverride { before }
        }
    }
}

impl Drop for PlannerOverride {
    fn drop(&mut self) {
        // SAFETY: the variables that `begin` has set, in the same process.
        unsafe {
            (pg_sys::enable_seqscan, pg_sys::enable_bitmapscan, pg_sys::enable_sort, pg_sys::plan_cache_mode) =
                self.before;
        }
    }
}
