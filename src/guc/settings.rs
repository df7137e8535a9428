//! What the worker reads of the settings.

use super::*;
use voice_core::live::Scope;

/// The worker's settings at one moment, so that one job sees one truth.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Settings {
    pub analyzer: Analyzer,
    pub llm_url: String,
    pub llm_model: String,
    pub llm_api_key_file: String,
    pub llm_api_key_env: String,
    pub llm_headers_file: String,
    /// Empty: no proxy.
    pub llm_proxy: String,
    /// A JSON object; empty: none.
    pub llm_params: String,
    /// 0: not said.
    pub llm_max_tokens: u32,
    pub llm_timeout: Duration,
    pub max_concurrency: usize,
    /// 0: no limit.
    pub requests_per_minute: u32,
    /// Default limit for tenants without a row in voice.tenant_limit.
    pub tenant_limit: Limit,
    pub transcript_max_chars: usize,
    pub long_transcripts: LongTranscripts,
    pub redact: bool,
    pub max_attempts: i16,
    pub sweep_interval: Duration,
    pub enabled: bool,
    pub search_config: String,
    pub partition_months_ahead: i32,
    pub maintenance: bool,
    pub webhooks: Policy,
    /// Zero: calls in progress are not looked at.
    pub live_interval: Duration,
    pub live: Scope,
}

impl Settings {
    pub fn current() -> Settings {
        Settings {
            analyzer: ANALYZER.get(),
            llm_url: text(&LLM_URL),
            llm_model: text(&LLM_MODEL),
            llm_api_key_file: text(&LLM_API_KEY_FILE),
            llm_api_key_env: text(&LLM_API_KEY_ENV),
            llm_headers_file: text(&LLM_HEADERS_FILE),
            llm_proxy: text(&LLM_PROXY),
            llm_params: text(&LLM_PARAMS),
            llm_max_tokens: LLM_MAX_TOKENS.get().max(0) as u32,
            llm_timeout: millis(&LLM_TIMEOUT),
            max_concurrency: MAX_CONCURRENCY.get().max(1) as usize,
            requests_per_minute: REQUESTS_PER_MINUTE.get().max(0) as u32,
            tenant_limit: Limit {
                max_concurrency: TENANT_MAX_CONCURRENCY.get().max(0) as u32,
                requests_per_minute: TENANT_REQUESTS_PER_MINUTE.get().max(0) as u32,
            },
            transcript_max_chars: TRANSCRIPT_MAX_CHARS.get().max(1) as usize,
            long_transcripts: LONG_TRANSCRIPTS.get(),
            redact: REDACT.get(),
            max_attempts: MAX_ATTEMPTS.get() as i16,
            sweep_interval: millis(&SWEEP_INTERVAL),
            enabled: ENABLED.get(),
            search_config: text(&SEARCH_CONFIG),
            partition_months_ahead: PARTITION_MONTHS_AHEAD.get(),
            maintenance: MAINTENANCE.get(),
            webhooks: webhook_policy(),
            live_interval: millis(&LIVE_INTERVAL),
            live: Scope::parse(&text(&LIVE_ANALYSES)).unwrap_or_default(),
        }
    }
}
