//! What requests to the LLM server authenticate with: the API key and further headers, read from where the settings point,
//! held in memory, shown nowhere. Reasons name the file or the variable, never what is in it.

use crate::guc::Settings;
use std::os::unix::fs::MetadataExt;
use voice_core::credentials;
use voice_net::{ApiKey, Header};

/// Longer than any key, shorter than a file named by mistake.
const LONGEST: u64 = 16 * 1024;

/// The key, `None` where none is configured.
///
/// # Errors
/// A configured key cannot be had; with the reason.
pub fn api_key(settings: &Settings) -> Result<Option<ApiKey>, String> {
    let path = &settings.llm_api_key_file;
    if !path.is_empty() {
        let text = from_file(path).map_err(|e| format!("llm_api_key_file \"{path}\": {e}"))?;
        let key = credentials::api_key(&text).map_err(|e| format!("llm_api_key_file \"{path}\" {e}"))?;
        return Ok(Some(ApiKey::new(key)));
    }
    let name = &settings.llm_api_key_env;
    if !name.is_empty() {
        let text = std::env::var(name).map_err(|_| {
            format!("llm_api_key_env: the server's environment has no variable \"{name}\" (it is read at server start)")
        })?;
        let key = credentials::api_key(&text).map_err(|e| format!("llm_api_key_env: variable \"{name}\" {e}"))?;
        return Ok(Some(ApiKey::new(key)));
    }
    Ok(None)
}

/// The headers that are sent with each request.
///
/// # Errors
/// They cannot be had; with the reason.
pub fn headers(settings: &Settings) -> Result<Vec<Header>, String> {
    let path = &settings.llm_headers_file;
    if path.is_empty() {
        return Ok(Vec::new());
    }
    let text = from_file(path).map_err(|e| format!("llm_headers_file \"{path}\": {e}"))?;
    let headers = credentials::headers(&text).map_err(|e| format!("llm_headers_file \"{path}\" {e}"))?;
    Ok(headers.into_iter().map(|(name, value)| Header { name: name.to_owned(), value: ApiKey::new(value) }).collect())
}

fn from_file(path: &str) -> Result<String, String> {
    let meta = std::fs::metadata(path).map_err(|e| e.to_string())?;
    if !meta.is_file() {
        return Err("not a regular file".to_owned());
    }
    if meta.mode() & 0o077 != 0 {
        return Err(format!("mode {:04o} lets others read it; chmod 0600", meta.mode() & 0o7777));
    }
    if meta.len() > LONGEST {
        return Err("too large for a key".to_owned());
    }
    std::fs::read_to_string(path).map_err(|e| e.to_string())
}
