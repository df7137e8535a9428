//! How search documents are written, and why they cannot be.

use crate::db::search::Search;
use crate::db::transaction;
use pgrx::pg_sys;

/// The text search configuration in use.
#[derive(Default)]
pub struct SearchState {
    pub search: Search,
    /// Why documents cannot be written with the configured one.
    error: Option<String>,
}

impl SearchState {
    /// Applies the setting `search_config`.
    ///
    /// # Errors
    /// There is no such configuration; with the reason.
    pub fn configure(&mut self, role: pg_sys::Oid, config: &str) -> Result<(), String> {
        let doing = "voice_analytics: checking search_config";
        let begun = transaction(doing, role, |client| Search::begin(client, config));
        self.error = begun.as_ref().err().map(|e| format!("search_config: {}", e.message));
        self.search = begun.unwrap_or_else(|_| Search::by_name(config));
        self.error.clone().map_or(Ok(()), Err)
    }

    /// Why documents cannot be written.
    pub fn error(&self) -> Option<&str> {
        self.error.as_deref()
    }
}
