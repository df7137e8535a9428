//! The settings, `voice_analytics.*`. Postgres checks units and bounds; what a number cannot say
//! (a URL's form) is checked in `check.rs`, when the setting is made, not when the first call needs it.
#![allow(unsafe_code)] // they are registered with C callbacks

mod check;
mod define;
mod settings;
mod values;

use define::{bool, checked, int, reserve_prefix, string};
use pgrx::{GucContext, GucFlags, GucRegistry, GucSetting};
use std::ffi::CString;
use std::time::Duration;
use voice_core::quota::Limit;
use voice_core::vocabulary::{CONCURRENCY_LIMIT, REQUESTS_PER_MINUTE_LIMIT};
use voice_core::webhook::url::Policy;

pub use settings::Settings;
pub use values::{Analyzer, LongTranscripts};

pub static ANALYZER: GucSetting<Analyzer> = GucSetting::<Analyzer>::new(Analyzer::builtin);
static LLM_URL: GucSetting<Option<CString>> = GucSetting::<Option<CString>>::new(Some(c"https://api.openai.com/v1"));
static LLM_MODEL: GucSetting<Option<CString>> = GucSetting::<Option<CString>>::new(Some(c"gpt-4o-mini"));
static LLM_API_KEY_FILE: GucSetting<Option<CString>> = GucSetting::<Option<CString>>::new(Some(c""));
static LLM_API_KEY_ENV: GucSetting<Option<CString>> = GucSetting::<Option<CString>>::new(Some(c""));
static LLM_HEADERS_FILE: GucSetting<Option<CString>> = GucSetting::<Option<CString>>::new(Some(c""));
static LLM_PROXY: GucSetting<Option<CString>> = GucSetting::<Option<CString>>::new(Some(c""));
static LLM_PARAMS: GucSetting<Option<CString>> = GucSetting::<Option<CString>>::new(Some(c""));
static LLM_MAX_TOKENS: GucSetting<i32> = GucSetting::<i32>::new(0);
static LLM_TIMEOUT: GucSetting<i32> = GucSetting::<i32>::new(60_000);
static MAX_CONCURRENCY: GucSetting<i32> = GucSetting::<i32>::new(16);
static REQUESTS_PER_MINUTE: GucSetting<i32> = GucSetting::<i32>::new(0);
pub static ANALYZE_DELAY: GucSetting<i32> = GucSetting::<i32>::new(0);
static TENANT_MAX_CONCURRENCY: GucSetting<i32> = GucSetting::<i32>::new(0);
static TENANT_REQUESTS_PER_MINUTE: GucSetting<i32> = GucSetting::<i32>::new(0);
static TRANSCRIPT_MAX_CHARS: GucSetting<i32> = GucSetting::<i32>::new(60_000);
static LONG_TRANSCRIPTS: GucSetting<LongTranscripts> = GucSetting::<LongTranscripts>::new(LongTranscripts::summarize);
static MAX_ATTEMPTS: GucSetting<i32> = GucSetting::<i32>::new(5);
static SWEEP_INTERVAL: GucSetting<i32> = GucSetting::<i32>::new(10_000);
static DATABASES: GucSetting<Option<CString>> = GucSetting::<Option<CString>>::new(Some(c"*"));
static ENABLED: GucSetting<bool> = GucSetting::<bool>::new(true);
static SEARCH_CONFIG: GucSetting<Option<CString>> = GucSetting::<Option<CString>>::new(Some(c"simple"));
static TIMEZONE: GucSetting<Option<CString>> = GucSetting::<Option<CString>>::new(Some(c"UTC"));
static PARTITION_MONTHS_AHEAD: GucSetting<i32> = GucSetting::<i32>::new(3);
static RETENTION: GucSetting<Option<CString>> = GucSetting::<Option<CString>>::new(Some(c"off"));
static MAINTENANCE: GucSetting<bool> = GucSetting::<bool>::new(true);
static WEBHOOK_PRIVATE_ADDRESSES: GucSetting<bool> = GucSetting::<bool>::new(false);
static WEBHOOK_MAX_AGE: GucSetting<i32> = GucSetting::<i32>::new(86_400);
static WEBHOOK_ALLOWED_HOSTS: GucSetting<Option<CString>> = GucSetting::<Option<CString>>::new(Some(c""));
static REDACT: GucSetting<bool> = GucSetting::<bool>::new(false);
static REQUIRE_TENANT: GucSetting<bool> = GucSetting::<bool>::new(false);
static END_STALE_CALLS_AFTER: GucSetting<i32> = GucSetting::<i32>::new(0);
pub static LIVE_INTERVAL: GucSetting<i32> = GucSetting::<i32>::new(0);
static LIVE_ANALYSES: GucSetting<Option<CString>> =
    GucSetting::<Option<CString>>::new(Some(c"sentiment, intent, lead_score"));
static TENANT: GucSetting<Option<CString>> = GucSetting::<Option<CString>>::new(Some(c""));

/// Whether the setting `databases` (`*`, or names separated by commas) covers this database.
pub fn covers_database(name: &str) -> bool {
    text(&DATABASES).split(',').map(str::trim).any(|d| d == "*" || d == name)
}

/// Where webhooks may go.
pub fn webhook_policy() -> Policy {
    Policy { private_addresses: WEBHOOK_PRIVATE_ADDRESSES.get(), allowed_hosts: text(&WEBHOOK_ALLOWED_HOSTS) }
}

/// How many characters of a call are sent at most, in all its requests together.
pub fn judged_chars() -> i32 {
    match LONG_TRANSCRIPTS.get() {
        LongTranscripts::summarize => i32::MAX,
        LongTranscripts::ends => TRANSCRIPT_MAX_CHARS.get(),
    }
}

/// Whether a session without a tenant is refused.
pub fn requires_tenant() -> bool {
    REQUIRE_TENANT.get()
}

/// How long nothing is said in a call in progress before maintenance ends it, in seconds; `None`: it is left open.
pub fn end_stale_calls_after() -> Option<i32> {
    Some(END_STALE_CALLS_AFTER.get()).filter(|seconds| *seconds > 0)
}

/// What the session has set as its tenant; a pin goes before it (`api/tenant.rs`).
pub fn tenant() -> String {
    text(&TENANT)
}

/// Registers every setting and reserves the prefix, so that a misspelled one is an error.
pub fn init() {
    GucRegistry::define_enum_guc(
        c"voice_analytics.analyzer",
        c"Who analyses ended calls: builtin (no key, no network) or openai (any OpenAI-compatible server).",
        c"",
        &ANALYZER,
        GucContext::Suset,
        GucFlags::default(),
    );
    checked(
        c"voice_analytics.llm_url",
        c"Base URL of the OpenAI-compatible server, up to and including /v1.",
        c"Requests go to {llm_url}/chat/completions.",
        &LLM_URL,
        Some(check::url),
    );
    checked(
        c"voice_analytics.llm_model",
        c"Model named in requests to the LLM.",
        c"",
        &LLM_MODEL,
        Some(check::not_empty),
    );
    checked(
        c"voice_analytics.llm_api_key_file",
        c"File that holds the LLM's API key, readable by the server's user only (mode 0600); read again on reload.",
        c"Absolute path. Empty, with llm_api_key_env empty too: no Authorization header is sent.",
        &LLM_API_KEY_FILE,
        Some(check::path),
    );
    string(
        c"voice_analytics.llm_api_key_env",
        c"Name of the variable in the server's environment that holds the LLM's API key.",
        &LLM_API_KEY_ENV,
        GucContext::Suset,
    );
    checked(
        c"voice_analytics.llm_headers_file",
        c"File of headers that are sent to the LLM server, a line each, readable by the server's user only (mode 0600); read again on reload.",
        c"Absolute path. For gateways that want an api-key, an HTTP-Referer and the like.",
        &LLM_HEADERS_FILE,
        Some(check::path),
    );
    checked(
        c"voice_analytics.llm_proxy",
        c"HTTP proxy through which requests to the LLM server go (CONNECT); empty is none.",
        c"For example http://proxy.example.com:3128. The environment is not looked at.",
        &LLM_PROXY,
        Some(check::proxy),
    );
    checked(
        c"voice_analytics.llm_params",
        c"JSON object that is merged into each request to the LLM, such as {\"temperature\": 0}; empty is none.",
        c"Everyone can read it. It sets neither messages, model, response_format nor stream.",
        &LLM_PARAMS,
        Some(check::params),
    );
    int(
        c"voice_analytics.llm_max_tokens",
        c"Longest answer of the LLM, in tokens, sent as max_tokens; 0 leaves it to the server.",
        &LLM_MAX_TOKENS,
        0..=1_000_000,
        GucFlags::default(),
    );
    int(
        c"voice_analytics.llm_timeout",
        c"How long one request to the LLM may take, name resolution and reply included.",
        &LLM_TIMEOUT,
        100..=3_600_000,
        GucFlags::UNIT_MS,
    );
    int(
        c"voice_analytics.max_concurrency",
        c"Requests to the LLM in flight at once, per database.",
        &MAX_CONCURRENCY,
        1..=CONCURRENCY_LIMIT,
        GucFlags::default(),
    );
    int(
        c"voice_analytics.requests_per_minute",
        c"Requests to the LLM a minute at most, per database, evenly spread; 0 is no limit.",
        &REQUESTS_PER_MINUTE,
        0..=REQUESTS_PER_MINUTE_LIMIT,
        GucFlags::default(),
    );
    int(
        c"voice_analytics.tenant_max_concurrency",
        c"Requests to the LLM in flight at once, for each tenant; 0 is no limit. voice_limit_tenant() sets that of one tenant.",
        &TENANT_MAX_CONCURRENCY,
        0..=CONCURRENCY_LIMIT,
        GucFlags::default(),
    );
    int(
        c"voice_analytics.tenant_requests_per_minute",
        c"Requests to the LLM a minute at most, for each tenant; 0 is no limit. voice_limit_tenant() sets that of one tenant.",
        &TENANT_REQUESTS_PER_MINUTE,
        0..=REQUESTS_PER_MINUTE_LIMIT,
        GucFlags::default(),
    );
    int(
        c"voice_analytics.analyze_delay",
        c"How long after hang-up the analysis of a call starts.",
        &ANALYZE_DELAY,
        0..=86_400_000,
        GucFlags::UNIT_MS,
    );
    int(
        c"voice_analytics.transcript_max_chars",
        c"Longest transcript of one request to the LLM, in characters; long_transcripts says what becomes of longer ones.",
        &TRANSCRIPT_MAX_CHARS,
        200..=10_000_000,
        GucFlags::default(),
    );
    GucRegistry::define_enum_guc(
        c"voice_analytics.long_transcripts",
        c"Longer transcripts: summarize (in parts, judged with the last one as it was said) or ends (beginning and end are judged).",
        c"",
        &LONG_TRANSCRIPTS,
        GucContext::Suset,
        GucFlags::default(),
    );
    bool(
        c"voice_analytics.redact",
        c"Whether card, phone and social security numbers and e-mail addresses are replaced before a transcript is sent to an LLM.",
        &REDACT,
    );
    int(
        c"voice_analytics.max_attempts",
        c"Failed attempts after which a job moves to voice.dead_job.",
        &MAX_ATTEMPTS,
        1..=100,
        GucFlags::default(),
    );
    int(
        c"voice_analytics.sweep_interval",
        c"How often the worker looks at the queue without being woken; 0 leaves it to wake-ups alone.",
        &SWEEP_INTERVAL,
        0..=3_600_000,
        GucFlags::UNIT_MS,
    );
    GucRegistry::define_string_guc(
        c"voice_analytics.databases",
        c"Databases in which a worker may run: * or names separated by commas.",
        c"",
        &DATABASES,
        GucContext::Sighup,
        GucFlags::default(),
    );
    bool(c"voice_analytics.enabled", c"Whether the worker takes jobs; off leaves them in the queue.", &ENABLED);
    string(
        c"voice_analytics.search_config",
        c"Text search configuration of the search documents and of voice_search.",
        &SEARCH_CONFIG,
        GucContext::Suset,
    );
    checked(
        c"voice_analytics.timezone",
        c"Time zone of the days in trends and roll-ups.",
        c"",
        &TIMEZONE,
        Some(check::timezone),
    );
    int(
        c"voice_analytics.partition_months_ahead",
        c"How many months of partitions the worker keeps ready ahead of the current one.",
        &PARTITION_MONTHS_AHEAD,
        0..=120,
        GucFlags::default(),
    );
    bool(
        c"voice_analytics.webhook_private_addresses",
        c"Whether webhooks may go to private and link-local addresses, and by plain http to other machines.",
        &WEBHOOK_PRIVATE_ADDRESSES,
    );
    checked(
        c"voice_analytics.webhook_allowed_hosts",
        c"Hosts that webhooks may go to, separated by commas; *.example.com is what is below it; empty is any.",
        c"",
        &WEBHOOK_ALLOWED_HOSTS,
        Some(check::hosts),
    );
    int(
        c"voice_analytics.webhook_max_age",
        c"How long after its start a call can be a hot lead of which webhooks are told; 0 is no limit.",
        &WEBHOOK_MAX_AGE,
        0..=315_360_000,
        GucFlags::UNIT_S,
    );
    checked(
        c"voice_analytics.retention",
        c"How long calls are kept before the worker drops their month: off, or an interval.",
        c"For example '13 months'. A month goes when all of its calls are older; roll-ups stay.",
        &RETENTION,
        Some(check::retention),
    );
    bool(
        c"voice_analytics.maintenance",
        c"Whether the worker creates partitions ahead of time, rolls up days and applies the retention.",
        &MAINTENANCE,
    );
    int(
        c"voice_analytics.end_stale_calls_after",
        c"How long nothing is said in a call in progress before maintenance ends it at its last word; 0 leaves it open.",
        &END_STALE_CALLS_AFTER,
        0..=2_592_000,
        GucFlags::UNIT_S,
    );
    int(
        c"voice_analytics.live_interval",
        c"How often a call in progress is looked at while something is said in it; 0 leaves it until it ends.",
        &LIVE_INTERVAL,
        0..=3_600_000,
        GucFlags::UNIT_MS,
    );
    checked(
        c"voice_analytics.live_analyses",
        c"What a look at a call in progress asks for: sentiment, intent, lead_score, and analyses or single criteria of theirs.",
        c"Separated by commas; the criteria of an analysis by its name, one of them as name.criterion.",
        &LIVE_ANALYSES,
        Some(check::live_analyses),
    );
    bool(
        c"voice_analytics.require_tenant",
        c"Whether ordinary roles are refused unless voice_analytics.tenant says whose rows they mean.",
        &REQUIRE_TENANT,
    );
    string(
        c"voice_analytics.tenant",
        c"The session's tenant: what its rows are written with and which rows it sees.",
        &TENANT,
        GucContext::Userset,
    );
    reserve_prefix();
}

fn text(setting: &GucSetting<Option<CString>>) -> String {
    setting.get().map(|v| v.to_string_lossy().into_owned()).unwrap_or_default()
}

fn millis(setting: &GucSetting<i32>) -> Duration {
    Duration::from_millis(setting.get().max(0) as u64)
}
