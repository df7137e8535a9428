//! One question, asked: request, response, verdict.

use std::collections::HashSet;
use std::io::Read;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use ureq::Body;
use ureq::http::Response;
use ureq::http::header::{AUTHORIZATION, CONTENT_TYPE, LOCATION, RETRY_AFTER};
use voice_core::prompt::{self, Style};
use voice_core::reply::{self, Reply, Tokens};

use crate::agent::Agents;
use crate::endpoint::Endpoint;
use crate::failure::{self, Class, Failure};
use crate::pool::AnalysisRequest;

/// An analysis has a few hundred bytes; what is larger than this is no analysis.
const BODY_MAX: u64 = 1024 * 1024;
/// Of a rejection only the first words matter, but cut JSON would not be read as JSON.
const ERROR_BODY_MAX: u64 = 64 * 1024;

/// Servers that need no key are given one like `none` or `EMPTY`: words, and no secrets.
const SECRET_LEAST: usize = 16;

/// What came of it.
pub struct LlmExchange {
    pub outcome: Result<Reply, Failure>,
    pub http_status: Option<u16>,
    pub spent: Tokens,
}

/// Everything that requests share.
#[derive(Default)]
pub struct Client {
    agents: Agents,
    /// Which (URL, model) rejected `json_schema`: asked with `json_object` right away from then on.
    json_object: Mutex<HashSet<(String, String)>>,
}

impl Client {
    /// Asks, and asks a second time in the other style if the server rejects the first. `deadline` covers both.
    pub fn ask(&self, question: AnalysisRequest, deadline: Instant) -> LlmExchange {
        let AnalysisRequest { endpoint, vertical, transcript, .. } = question;
        let style = self.style(&endpoint);
        let body = prompt::request(&endpoint.model, &vertical, &transcript, style);
        // From here on the request is all there is: with a thousand in flight, every copy of a transcript is megabytes.
        drop((vertical, transcript));
        let rejected = match self.send(&endpoint, &body, deadline) {
            Ok(asked) => return asked,
            Err(rejected) => rejected,
        };
        if style == Style::JsonSchema
            && failure::rejects_json_schema(rejected.status, &rejected.body)
            && let Some(body) = prompt::in_json_object_style(body)
        {
            self.learned().insert((endpoint.url.clone(), endpoint.model.clone()));
            return self.send(&endpoint, &body, deadline).unwrap_or_else(|rejected| rejected.verdict(&endpoint));
        }
        rejected.verdict(&endpoint)
    }

    fn style(&self, endpoint: &Endpoint) -> Style {
        match self.learned().contains(&(endpoint.url.clone(), endpoint.model.clone())) {
            true => Style::JsonObject,
            false => Style::JsonSchema,
        }
    }

    fn learned(&self) -> MutexGuard<'_, HashSet<(String, String)>> {
        self.json_object.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn send(&self, endpoint: &Endpoint, body: &[u8], deadline: Instant) -> Result<LlmExchange, Rejected> {
        let failed = |failure| LlmExchange { outcome: Err(failure), http_status: None, spent: Tokens::default() };
        let secrets = endpoint.secrets();
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Ok(failed(Failure::provider(failure::timed_out(endpoint.timeout), true, &secrets)));
        }
        let url = endpoint.completions_url();
        let mut request = self.agents.of(&url).post(&url).header(CONTENT_TYPE, "application/json");
        if let Some(key) = &endpoint.api_key {
            request = request.header(AUTHORIZATION, format!("Bearer {}", key.expose()));
        }
        let sent = request.config().timeout_global(Some(left)).build().send(body);
        match sent {
            Err(error) => Ok(failed(failure::of_transport(&error, endpoint.timeout, &secrets))),
            Ok(response) if response.status().is_success() => Ok(read_reply(endpoint, response)),
            Ok(response) => Err(Rejected::read(response, body, &secrets)),
        }
    }
}

fn read_reply(endpoint: &Endpoint, mut response: Response<Body>) -> LlmExchange {
    let secrets = endpoint.secrets();
    let http_status = Some(response.status().as_u16());
    let body = match response.body_mut().with_config().limit(BODY_MAX).read_to_vec() {
        Ok(body) => body,
        Err(error) => {
            let failure = match error {
                ureq::Error::BodyExceedsLimit(_) => {
                    Failure::new(Class::Job, "the model's reply was refused: it is larger than 1 MB", &secrets)
                }
                error => failure::of_transport(&error, endpoint.timeout, &secrets),
            };
            return LlmExchange { outcome: Err(failure), http_status, spent: Tokens::default() };
        }
    };
    let parsed = reply::parse(&body).map_err(|invalid| invalid.to_string());
    let outcome = parsed
        .and_then(|reply| match repeats_a_secret(&reply, &secrets) {
            true => Err("it repeats the API key".to_owned()),
            false => Ok(reply),
        })
        .map(|mut reply| {
            if reply.model.is_empty() {
                reply.model.clone_from(&endpoint.model);
            }
            reply
        })
        .map_err(|invalid| Failure::new(Class::Job, format!("the model's reply was refused: {invalid}"), &secrets));
    let spent = match &outcome {
        Ok(reply) => Tokens { prompt: reply.prompt_tokens, completion: reply.completion_tokens },
        Err(_) => reply::tokens(&body),
    };
    LlmExchange { outcome, http_status, spent }
}

/// What a proxy in its debugging mode says, or a server that wants to be found out, does not go into a table.
fn repeats_a_secret(reply: &Reply, secrets: &[&str]) -> bool {
    let analysis = &reply.analysis;
    let entities = serde_json::to_string(&analysis.entities).unwrap_or_default();
    let said = [&reply.model, &analysis.summary, &analysis.next_action, &entities];
    secrets.iter().filter(|secret| secret.len() >= SECRET_LEAST).any(|secret| said.iter().any(|s| s.contains(*secret)))
}

/// A response that is not 2xx, as far as it matters.
struct Rejected {
    status: u16,
    location: Option<String>,
    retry_after: Option<Duration>,
    body: Vec<u8>,
    /// What it says, without what it repeats of the request.
    words: String,
}

impl Rejected {
    fn read(mut response: Response<Body>, request: &[u8], secrets: &[&str]) -> Rejected {
        let header = |name| response.headers().get(name).and_then(|value| value.to_str().ok());
        let location = header(LOCATION).map(str::to_owned);
        let retry_after = header(RETRY_AFTER).and_then(|value| failure::retry_after(value, SystemTime::now()));
        let status = response.status().as_u16();
        let mut body = Vec::new();
        // A rejection is a rejection, however much of its words arrived.
        let _ = response.body_mut().as_reader().take(ERROR_BODY_MAX).read_to_end(&mut body);
        let words = failure::error_body_excerpt(&body, request, secrets);
        Rejected { status, location, retry_after, body, words }
    }

    fn verdict(self, endpoint: &Endpoint) -> LlmExchange {
        let failure = failure::of_status(
            self.status,
            self.location.as_deref(),
            self.retry_after,
            &self.words,
            &endpoint.secrets(),
        );
        LlmExchange { outcome: Err(failure), http_status: Some(self.status), spent: Tokens::default() }
    }
}
