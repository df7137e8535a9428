//! Requests to a model: sent in the style that the server takes, answered by a validated reply or a [`Failure`].

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use voice_core::http::HttpResponse;
use voice_core::prompt::Prompt;
use voice_core::protocol::{Class, Failure, Protocol, Style};
use voice_core::reply::{Reply, Tokens};

use crate::endpoint::Endpoint;
use crate::pool::Pool;
use crate::task::{Task, TaskError};
use crate::transport::{BodyLimit, BodyLimits, Post, PostBody, Transport};
use crate::waker::Waker;

/// An analysis has a few hundred bytes; a longer body is none. Of a rejection only the first words matter, but cut JSON
/// would not be read as JSON.
const LIMITS: BodyLimits = BodyLimits { success: BodyLimit::Whole(1024 * 1024), rejection: 64 * 1024 };
/// Requests at once until [`Pool::set_limit`].
const LIMIT: usize = 16;

/// One call to be analysed.
#[derive(Debug, Clone)]
pub struct AnalysisRequest {
    /// The caller's own number, given back with the response.
    pub request_id: u64,
    pub endpoint: Arc<Endpoint>,
    /// What the endpoint speaks.
    pub protocol: &'static dyn Protocol,
    pub vertical: String,
    pub transcript: String,
}

/// The response to an [`AnalysisRequest`].
#[derive(Debug, Clone)]
pub struct AnalysisResponse {
    pub request_id: u64,
    pub outcome: Result<Reply, Failure>,
    /// Of the last response; `None` if there was none.
    pub http_status: Option<u16>,
    /// What the answer cost, also when it was refused.
    pub spent: Tokens,
    /// From the start of the request to the parsed answer.
    pub latency: Duration,
}

/// What a thread gives back.
pub struct LlmExchange {
    outcome: Result<Reply, Failure>,
    http_status: Option<u16>,
    spent: Tokens,
}

/// A pool for analyses. No thread is started yet.
pub fn pool(waker: &Waker) -> Pool<AnalysisRequest> {
    let client = LlmClient::default();
    Pool::new(waker, LIMIT, move |request, deadline| client.request(&request, deadline))
}

/// What the requests of one pool share.
#[derive(Default)]
struct LlmClient {
    transport: Transport,
    /// The style that a server takes, by its URL and model, where it rejected the first style.
    styles: Mutex<HashMap<(String, String), Style>>,
}

impl LlmClient {
    /// Sends the request, and again in another style if the server rejects the style. The deadline covers all tries.
    fn request(&self, request: &AnalysisRequest, deadline: Instant) -> LlmExchange {
        let AnalysisRequest { endpoint, protocol, .. } = request;
        let mut style = self.style(endpoint, *protocol);
        loop {
            let rejection = match self.send(request, style, deadline) {
                Ok(exchange) => return exchange,
                Err(rejection) => rejection,
            };
            let Some(next) = protocol.fallback(style, &rejection) else {
                // The body that was sent has been freed.
                let sent = render(request, style).body;
                let failure = Failure::of_rejection(*protocol, &rejection, &sent, &endpoint.secrets());
                return LlmExchange::failed(failure, Some(rejection.status));
            };
            self.styles().insert(key(endpoint), next);
            style = next;
        }
    }

    fn style(&self, endpoint: &Endpoint, protocol: &dyn Protocol) -> Style {
        self.styles().get(&key(endpoint)).copied().unwrap_or_else(|| protocol.first_style())
    }

    fn styles(&self) -> MutexGuard<'_, HashMap<(String, String), Style>> {
        self.styles.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// One request. `Err`: the server rejected it.
    fn send(&self, request: &AnalysisRequest, style: Style, deadline: Instant) -> Result<LlmExchange, HttpResponse> {
        let endpoint = &*request.endpoint;
        let http = render(request, style);
        let url = endpoint.url_of(http.path);
        let post = Post { url: &url, headers: &http.headers, body: PostBody::Owned(http.body) };
        match self.transport.send(post, deadline, LIMITS) {
            Ok(response) if response.is_success() => Ok(read_reply(endpoint, request.protocol, &response)),
            Ok(response) => Err(response),
            Err(failed) => {
                let failure = Failure::of_transport(&failed.error, endpoint.timeout, &endpoint.secrets());
                Ok(LlmExchange::failed(failure, failed.status))
            }
        }
    }
}

fn key(endpoint: &Endpoint) -> (String, String) {
    (endpoint.url.clone(), endpoint.model.clone())
}

fn render(request: &AnalysisRequest, style: Style) -> voice_core::http::HttpRequest {
    let AnalysisRequest { endpoint, protocol, vertical, transcript, .. } = request;
    let api_key = endpoint.api_key.as_ref().map(|key| key.expose());
    protocol.request(&Prompt { vertical, transcript }, &endpoint.model, api_key, style)
}

fn read_reply(endpoint: &Endpoint, protocol: &dyn Protocol, response: &HttpResponse) -> LlmExchange {
    let secrets = endpoint.secrets();
    let outcome = match protocol.parse(&response.body) {
        Ok(reply) if reply.repeats_one_of(&secrets) => Err("it repeats the API key".to_owned()),
        Ok(reply) if reply.model.is_empty() => Ok(Reply { model: endpoint.model.clone(), ..reply }),
        Ok(reply) => Ok(reply),
        Err(invalid) => Err(invalid.to_string()),
    };
    let outcome = outcome
        .map_err(|reason| Failure::new(Class::Job, format!("the model's reply was refused: {reason}"), &secrets));
    let spent = match &outcome {
        Ok(reply) => Tokens { prompt: reply.prompt_tokens, completion: reply.completion_tokens },
        Err(_) => protocol.tokens(&response.body),
    };
    LlmExchange { outcome, http_status: Some(response.status), spent }
}

impl LlmExchange {
    fn failed(failure: Failure, http_status: Option<u16>) -> LlmExchange {
        LlmExchange { outcome: Err(failure), http_status, spent: Tokens::default() }
    }
}

impl Task for AnalysisRequest {
    type Output = LlmExchange;
    type Context = (u64, Arc<Endpoint>);
    type Response = AnalysisResponse;

    fn timeout(&self) -> Duration {
        self.endpoint.timeout
    }

    fn context(&self) -> Self::Context {
        (self.request_id, Arc::clone(&self.endpoint))
    }

    fn response(
        (request_id, endpoint): Self::Context,
        output: Result<LlmExchange, TaskError>,
        latency: Duration,
    ) -> AnalysisResponse {
        let secrets = endpoint.secrets();
        let LlmExchange { outcome, http_status, spent } = output.unwrap_or_else(|error| {
            let failure = match error {
                TaskError::NoThread(error) => {
                    Failure::provider(format!("no thread for the request: {error}"), false, &secrets)
                }
                // A bug that this request brings out: of the job, so that it does not come back for ever.
                TaskError::Panic(panic) => {
                    Failure::new(Class::Job, format!("internal error while asking the LLM server: {panic}"), &secrets)
                }
                TaskError::Abandoned => Failure::abandoned(endpoint.timeout, &secrets),
            };
            LlmExchange::failed(failure, None)
        });
        AnalysisResponse { request_id, outcome, http_status, spent, latency }
    }
}

#[cfg(test)]
mod tests;
