//! The LLM's API key: read from where the settings point, held in memory, shown nowhere.

use crate::guc::Settings;
use std::os::unix::fs::MetadataExt;
use voice_net::ApiKey;

/// Longer than any key, shorter than a file named by mistake.
const LONGEST: u64 = 16 * 1024;

/// The key, `None` where none is configured, or why a configured one cannot be had. The reason names the file or
/// the variable, never what is in it.
pub fn read(settings: &Settings) -> Result<Option<ApiKey>, String> {
    let path = &settings.llm_api_key_file;
    if !path.is_empty() {
        let text = from_file(path).map_err(|e| format!("llm_api_key_file \"{path}\": {e}"))?;
        return parse(&text).map(Some).ok_or_else(|| format!("llm_api_key_file \"{path}\" holds no key"));
    }
    let name = &settings.llm_api_key_env;
    if !name.is_empty() {
        let text = std::env::var(name).map_err(|_| {
            format!("llm_api_key_env: the server's environment has no variable \"{name}\" (it is read at server start)")
        })?;
        return parse(&text).map(Some).ok_or_else(|| format!("llm_api_key_env: variable \"{name}\" holds no key"));
    }
    Ok(None)
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

/// One line of visible ASCII, as a header value can carry it.
fn parse(text: &str) -> Option<ApiKey> {
    let key = text.trim();
    (!key.is_empty() && key.bytes().all(|b| b.is_ascii_graphic())).then(|| ApiKey::new(key))
}
