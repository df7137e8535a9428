//! Check hooks: Postgres calls them with a new value of a setting, and refuses the value if they give `false`.
#![allow(unsafe_code)] // C callbacks

use pgrx::pg_sys;
use pgrx::prelude::*;
use std::ffi::{CStr, CString, c_char, c_void};
use voice_core::live::{Scope, ScopeError};
use voice_core::protocol::{OptionsError, RequestOptions, names_an_endpoint};
use voice_core::retention::{self, RetentionError};
use voice_core::url::{self, Url, UrlError};

#[pg_guard]
pub unsafe extern "C-unwind" fn url(
    value: *mut *mut c_char,
    _extra: *mut *mut c_void,
    source: pg_sys::GucSource::Type,
) -> bool {
    use pg_sys::GucSource::{PGC_S_DATABASE, PGC_S_DATABASE_USER, PGC_S_FILE, PGC_S_USER};
    // What was set before 0.2.0 is not refused where it is only read again: the default would take its place, and send
    // transcripts somewhere else. The worker refuses it (`worker/provider.rs`).
    // SAFETY: a flag of this process.
    let at_start = unsafe { !pg_sys::IsUnderPostmaster };
    let is_old =
        matches!(source, PGC_S_DATABASE | PGC_S_DATABASE_USER | PGC_S_USER) || (source == PGC_S_FILE && at_start);
    // SAFETY: Postgres hands a valid C string or NULL.
    unsafe {
        verdict(value, |url| {
            let error = match Url::parse_base(url) {
                Ok(base) => return (names_an_endpoint(base.path) && !is_old).then_some(WHOLE_URL),
                Err(error) => error,
            };
            Some(match error {
                UrlError::Scheme => (c"The URL must begin with https:// or http://.", EXAMPLE),
                UrlError::Host => (c"The URL names no host.", EXAMPLE),
                UrlError::Port => (c"The port is not a number from 1 to 65535.", EXAMPLE),
                UrlError::Credentials => (
                    c"The URL carries credentials, and settings are visible to everyone.",
                    c"Put the key into a file and name it in voice_analytics.llm_api_key_file.",
                ),
                UrlError::Query | UrlError::Fragment => {
                    (c"The URL has a query or a fragment.", c"Give the base only, up to and including /v1.")
                }
                UrlError::Malformed => {
                    (c"The URL contains white space, control characters, or others that must be encoded.", EXAMPLE)
                }
            })
        })
    }
}

const EXAMPLE: &CStr = c"For example https://api.openai.com/v1.";
const WHOLE_URL: Objection = (
    c"The URL is that of a single endpoint, and requests go to {llm_url}/chat/completions.",
    c"Leave out what follows /v1.",
);

#[pg_guard]
pub unsafe extern "C-unwind" fn proxy(
    value: *mut *mut c_char,
    _extra: *mut *mut c_void,
    _source: pg_sys::GucSource::Type,
) -> bool {
    const EXAMPLE: &CStr = c"For example http://proxy.example.com:3128.";
    // SAFETY: Postgres hands a valid C string or NULL.
    unsafe {
        verdict(value, |proxy| {
            if proxy.is_empty() {
                return None;
            }
            Some(match Url::parse_base(proxy) {
                Ok(base) if base.https => (c"The connection to the proxy itself is plain HTTP.", EXAMPLE),
                Ok(base) if !matches!(base.path, "" | "/") => (c"The URL of a proxy has no path.", EXAMPLE),
                Ok(_) => return None,
                Err(UrlError::Credentials) => (
                    c"The URL carries credentials, and settings are visible to everyone.",
                    c"Name a proxy that lets this server through without a password.",
                ),
                Err(_) => (c"It is not the URL of an HTTP proxy.", EXAMPLE),
            })
        })
    }
}

#[pg_guard]
pub unsafe extern "C-unwind" fn params(
    value: *mut *mut c_char,
    _extra: *mut *mut c_void,
    _source: pg_sys::GucSource::Type,
) -> bool {
    const EXAMPLE: &CStr = c"For example {\"temperature\": 0, \"max_completion_tokens\": 2000}.";
    // SAFETY: Postgres hands a valid C string or NULL.
    unsafe {
        verdict(value, |params| {
            Some(match RequestOptions::parse(params, 0).err()? {
                OptionsError::NotAnObject => (c"It is not a JSON object.", EXAMPLE),
                OptionsError::DuplicateKey => (c"A key is there twice.", EXAMPLE),
                OptionsError::Reserved => (
                    c"It sets one of messages, model, response_format and stream.",
                    c"The model is named in voice_analytics.llm_model; the others are part of how a call is judged.",
                ),
            })
        })
    }
}

#[pg_guard]
pub unsafe extern "C-unwind" fn timezone(
    value: *mut *mut c_char,
    _extra: *mut *mut c_void,
    _source: pg_sys::GucSource::Type,
) -> bool {
    // SAFETY: Postgres hands a valid C string or NULL; pg_tzset gets a C string of our own.
    unsafe {
        verdict(value, |name| {
            let known = CString::new(name).is_ok_and(|name| !pg_sys::pg_tzset(name.as_ptr()).is_null());
            (!known).then_some((c"There is no such time zone.", c"SELECT name FROM pg_timezone_names lists them."))
        })
    }
}

#[pg_guard]
pub unsafe extern "C-unwind" fn hosts(
    value: *mut *mut c_char,
    _extra: *mut *mut c_void,
    _source: pg_sys::GucSource::Type,
) -> bool {
    // SAFETY: Postgres hands a valid C string or NULL.
    unsafe {
        verdict(value, |hosts| {
            let bad = |entry: &str| {
                // An entry with a port was taken before 0.2.0, and allows nothing. Refused, it would leave a server that is
                // restarted with the default, which allows every host.
                let has_port = |(host, port): &(&str, &str)| {
                    port.bytes().all(|b| b.is_ascii_digit()) && (!host.contains(':') || host.ends_with(']'))
                };
                let entry = entry.rsplit_once(':').filter(has_port).map_or(entry, |(host, _)| host);
                let bracketed = entry.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
                !url::is_host(entry.strip_prefix("*.").or(bracketed).unwrap_or(entry))
            };
            hosts.split(',').map(str::trim).filter(|entry| !entry.is_empty()).any(bad).then_some((
                c"A host is a name or an address, without scheme, path or port.",
                c"For example hooks.slack.com, *.example.com.",
            ))
        })
    }
}

#[pg_guard]
pub unsafe extern "C-unwind" fn live_analyses(
    value: *mut *mut c_char,
    _extra: *mut *mut c_void,
    _source: pg_sys::GucSource::Type,
) -> bool {
    const EXAMPLE: &CStr = c"For example sentiment, lead_score, booking, care.greeting.";
    // SAFETY: Postgres hands a valid C string or NULL. Whether there are such analyses is each tenant's question.
    unsafe {
        verdict(value, |entries| {
            Some(match Scope::parse(entries).err()? {
                ScopeError::Empty => (c"It names nothing; live_interval = 0 switches looks off.", EXAMPLE),
                ScopeError::NotAName => {
                    (c"An entry is neither a name nor two names with a full stop between.", EXAMPLE)
                }
            })
        })
    }
}

#[pg_guard]
pub unsafe extern "C-unwind" fn not_empty(
    value: *mut *mut c_char,
    _extra: *mut *mut c_void,
    _source: pg_sys::GucSource::Type,
) -> bool {
    // SAFETY: Postgres hands a valid C string or NULL.
    unsafe {
        verdict(value, |v| {
            let bad = v.trim().is_empty() || v.chars().any(char::is_control);
            bad.then_some((
                c"The value is empty or contains control characters.",
                c"Name a model that the server offers.",
            ))
        })
    }
}

#[pg_guard]
pub unsafe extern "C-unwind" fn path(
    value: *mut *mut c_char,
    _extra: *mut *mut c_void,
    _source: pg_sys::GucSource::Type,
) -> bool {
    // SAFETY: Postgres hands a valid C string or NULL. Whether the file can be read is the worker's question: this process may run on another
    // user's behalf, and the file may come later.
    unsafe {
        verdict(value, |v| {
            (!v.is_empty() && !v.starts_with('/'))
                .then_some((c"The path is not absolute.", c"Name the file by its absolute path."))
        })
    }
}

#[pg_guard]
pub unsafe extern "C-unwind" fn retention(
    value: *mut *mut c_char,
    _extra: *mut *mut c_void,
    _source: pg_sys::GucSource::Type,
) -> bool {
    // SAFETY: Postgres hands a valid C string or NULL.
    unsafe {
        verdict(value, |v| {
            let detail = match retention::check(v).err()? {
                RetentionError::Unreadable => c"It is neither off nor a number of days, weeks, months or years.",
                RetentionError::NotPositive => c"Zero or less would drop calls that have just ended.",
                RetentionError::TooLong => c"It is more than a thousand years.",
            };
            Some((detail, c"For example '13 months', or off to keep everything."))
        })
    }
}

type Objection = (&'static CStr, &'static CStr);

/// Gives `judge` the value; sets DETAIL and HINT where it objects.
///
/// # Safety
/// `value` points to a valid C string pointer or NULL, as check hooks are given.
unsafe fn verdict(value: *mut *mut c_char, judge: impl Fn(&str) -> Option<Objection>) -> bool {
    // SAFETY: as the caller says; pstrdup copies literals, and its ERROR (out of memory) passes through the guards.
    unsafe {
        if value.is_null() || (*value).is_null() {
            return true;
        }
        let given = CStr::from_ptr(*value).to_string_lossy();
        let Some((detail, hint)) = judge(&given) else { return true };
        // What the macros GUC_check_errdetail and GUC_check_errhint do.
        pg_sys::GUC_check_errdetail_string = pg_sys::pstrdup(detail.as_ptr());
        pg_sys::GUC_check_errhint_string = pg_sys::pstrdup(hint.as_ptr());
        false
    }
}

#[cfg(feature = "pg_test")]
#[pg_schema]
mod tests {
    use crate::guc::{Analyzer, Settings};
    use crate::pg_test::{refusal, value};
    use pgrx::prelude::*;
    use std::time::Duration;

    /// Each of these values is refused by the setting, as invalid, with a detail that contains the words and with a hint.
    #[track_caller]
    fn refuses(setting: &str, values: &[(&str, &str)]) {
        for (value, words) in values {
            let refused = refusal(&format!("SET LOCAL voice_analytics.{setting} = '{value}'"))
                .unwrap_or_else(|| panic!("{setting} takes {value:?}"));
            assert_eq!(refused.code, PgSqlErrorCode::ERRCODE_INVALID_PARAMETER_VALUE, "{refused:?}");
            assert!(refused.detail.contains(words) && !refused.hint.is_empty(), "{value:?}: {refused:?}");
        }
    }

    #[track_caller]
    fn takes(setting: &str, values: &[&str]) {
        for value in values {
            assert_eq!(refusal(&format!("SET LOCAL voice_analytics.{setting} = '{value}'")), None, "{value:?}");
        }
    }

    #[pg_test]
    fn llm_url_is_a_base_url_without_credentials_and_query() {
        refuses(
            "llm_url",
            &[
                ("ftp://example.com/v1", "http://"),
                ("https:///v1", "host"),
                ("https://example.com:99999/v1", "port"),
                ("https://key@example.com/v1", "credentials"),
                ("https://example.com/v1?key=1", "query"),
                ("https://example.com/v1#x", "fragment"),
                ("https://example.com/a b", "white space"),
            ],
        );
        takes("llm_url", &["https://example.com/v1", "http://localhost:11434/v1"]);
    }

    #[pg_test]
    fn a_time_zone_is_one_that_the_server_knows() {
        refuses("timezone", &[("Mars/Olympus", "time zone"), ("", "time zone")]);
        takes("timezone", &["UTC", "Australia/Lord_Howe"]);
    }

    #[pg_test]
    fn hosts_of_webhooks_are_names_and_addresses() {
        refuses(
            "webhook_allowed_hosts",
            &[("https://example.com", "scheme"), ("example.com/hook", "path"), ("a b", "name")],
        );
        takes("webhook_allowed_hosts", &["", "hooks.slack.com, *.example.com", "10.0.0.1", "[::1]"]);
    }

    #[pg_test]
    fn retention_is_off_or_a_positive_interval_of_a_thousand_years_at_most() {
        refuses(
            "retention",
            &[("soon", "neither"), ("0 days", "Zero"), ("-1 month", "Zero"), ("2000 years", "thousand")],
        );
        takes("retention", &["off", "13 months", "90 days", "1 year"]);
    }

    #[pg_test]
    fn a_model_has_a_name_and_a_key_file_an_absolute_path() {
        refuses("llm_model", &[("", "empty"), ("  ", "empty"), ("a\tb", "control")]);
        takes("llm_model", &["gpt-4o-mini"]);
        refuses("llm_api_key_file", &[("llm.key", "absolute"), ("~/llm.key", "absolute")]);
        takes("llm_api_key_file", &["", "/etc/postgresql/llm.key"]);
    }

    #[pg_test]
    fn looks_ask_for_names() {
        refuses("live_analyses", &[("", "nothing"), ("call me", "name"), ("care.", "name")]);
        takes("live_analyses", &["sentiment", "lead_score, booking, care.greeting"]);
    }

    #[pg_test]
    fn a_misspelled_setting_and_a_number_out_of_range_are_errors() {
        assert!(refusal("SET LOCAL voice_analytics.max_concurency = 1").is_some());
        assert!(refusal("SET LOCAL voice_analytics.max_concurrency = 0").is_some());
        assert!(refusal("SET LOCAL voice_analytics.max_concurrency = 1025").is_some());
        assert_eq!(refusal("SET LOCAL voice_analytics.max_concurrency = 1024"), None);
    }

    #[pg_test]
    fn what_is_set_is_what_the_worker_reads_in_its_units() {
        Spi::run(
            "SET LOCAL voice_analytics.analyzer = 'openai'; SET LOCAL voice_analytics.llm_timeout = '2min';
             SET LOCAL voice_analytics.sweep_interval = '1500ms'; SET LOCAL voice_analytics.tenant = 'acme'",
        )
        .expect("settings");
        let now = Settings::current();
        assert_eq!(now.analyzer, Analyzer::openai);
        assert_eq!(now.llm_timeout, Duration::from_secs(120));
        assert_eq!(now.sweep_interval, Duration::from_millis(1500));
        assert_eq!(crate::guc::tenant(), "acme");
        assert_eq!(value::<String>("SHOW voice_analytics.llm_timeout").as_deref(), Some("2min"));
    }
}
