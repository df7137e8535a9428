//! What is known of the LLM's server: where it is, and whether it wants us. A configuration that it (or the key file)
//! refuses costs no attempts: jobs wait until something changes.

use super::key;
use crate::guc::Settings;
use std::sync::Arc;
use std::time::{Duration, Instant};
use voice_net::{Answer, Class, Endpoint};

/// How often a refused configuration is tried with one request, in case the provider has changed its mind.
const PROBE: Duration = Duration::from_secs(60);

struct Hold {
    reason: String,
    settings: Settings,
    /// `None`: a request could not even be sent; only a change helps.
    probe_at: Option<Instant>,
}

/// The server that judges calls.
#[derive(Default)]
pub struct Provider {
    endpoint: Option<Arc<Endpoint>>,
    hold: Option<Hold>,
}

impl Provider {
    /// Takes the settings as they are now, the key file included. A change ends a hold. An error says what is wrong.
    pub fn configure(&mut self, settings: &Settings) -> Result<(), String> {
        if self.hold.as_ref().is_some_and(|h| h.settings != *settings) {
            self.hold = None;
        }
        let api_key = match key::read(settings) {
            Ok(api_key) => api_key,
            Err(reason) => {
                self.endpoint = None;
                self.hold = Some(Hold { reason: reason.clone(), settings: settings.clone(), probe_at: None });
                return Err(reason);
            }
        };
        let endpoint = Endpoint {
            url: settings.llm_url.clone(),
            model: settings.llm_model.clone(),
            api_key,
            timeout: settings.llm_timeout,
        };
        if self.endpoint.as_deref() != Some(&endpoint) {
            // Another key or server: what was refused may be welcome now.
            self.hold = None;
            self.endpoint = Some(Arc::new(endpoint));
        }
        Ok(())
    }

    /// Nobody is to be asked (another analyzer is configured).
    pub fn dismiss(&mut self) {
        *self = Provider::default();
    }

    pub fn endpoint(&self) -> Option<Arc<Endpoint>> {
        self.endpoint.clone()
    }

    /// An answer says something about the provider too.
    pub fn hear(&mut self, answer: &Answer, settings: &Settings) {
        match &answer.outcome {
            Ok(_) => self.hold = None,
            Err(failure) if failure.class == Class::Configuration => {
                self.hold = Some(Hold {
                    reason: failure.message.clone(),
                    settings: settings.clone(),
                    probe_at: Some(Instant::now() + PROBE),
                });
            }
            Err(_) => {}
        }
    }

    /// How many requests may leave now, given how many are on their way.
    pub fn room(&self, limit: usize, in_flight: usize) -> usize {
        match &self.hold {
            Some(Hold { probe_at: Some(at), .. }) => usize::from(*at <= Instant::now() && in_flight == 0),
            Some(Hold { probe_at: None, .. }) => 0,
            None => limit.saturating_sub(in_flight),
        }
    }

    /// Why nothing is asked.
    pub fn refusal(&self) -> Option<&str> {
        self.hold.as_ref().map(|h| h.reason.as_str())
    }

    /// When one request may try whether the refusal still holds.
    pub fn probe_at(&self) -> Option<Instant> {
        self.hold.as_ref().and_then(|h| h.probe_at)
    }
}
