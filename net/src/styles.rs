//! What is known of which server takes which form of request, shared by the requests of a pool: [`SharedStyles`].

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use voice_core::protocol::{Style, Styles};
use voice_core::time::Timestamp;

/// Clones are the same.
#[derive(Debug, Clone)]
pub struct SharedStyles {
    styles: Arc<Mutex<Styles>>,
    /// The zero of [`Timestamp`]s.
    began: Instant,
}

impl Default for SharedStyles {
    fn default() -> SharedStyles {
        SharedStyles { styles: Arc::default(), began: Instant::now() }
    }
}

impl SharedStyles {
    /// Looks again at every server.
    pub fn forget(&self) {
        self.styles().forget();
    }

    pub(crate) fn style(&self, url: &str, model: &str, first: Style) -> Style {
        let now = self.now();
        self.styles().style(url, model, first, now)
    }

    pub(crate) fn answered(&self, url: &str, model: &str, style: Style, first: Style) {
        let now = self.now();
        self.styles().answered(url, model, style, first, now);
    }

    fn now(&self) -> Timestamp {
        self.began.elapsed()
    }

    fn styles(&self) -> MutexGuard<'_, Styles> {
        self.styles.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
