//! Requests to a model: sent in the style that the server takes, answered by a validated reply or a [`Failure`].

use std::sync::Arc;
use std::time::{Duration, Instant};

use voice_core::http::HttpResponse;
use voice_core::prompt::Prompt;
use voice_core::protocol::{Class, Failure, Kind, Protocol, Rejection, ReplyError, Style};
use voice_core::question::Question;
use voice_core::reply::{Reply, Tokens};

use crate::endpoint::Endpoint;
use crate::pool::Pool;
use crate::styles::SharedStyles;
use crate::task::{Task, TaskError};
use crate::transport::{BodyLimit, BodyLimits, Post, Transport};
use crate::waker::Waker;

/// An answer has a few hundred bytes for the fixed fields and some for each property; a longer body is none. Of a rejection only the first words matter, but cut JSON
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
    /// What is asked of the call.
    pub question: Arc<Question>,
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

/// What came of asking.
pub struct LlmExchange {
    outcome: Result<Reply, Failure>,
    http_status: Option<u16>,
    spent: Tokens,
}

/// A pool for analyses. No thread is started yet.
pub fn pool(waker: &Waker, styles: SharedStyles) -> Pool<AnalysisRequest> {
    let client = Arc::new(LlmClient { transport: Transport::default(), styles });
    Pool::new(waker, LIMIT, move |request, deadline| {
        let client = Arc::clone(&client);
        async move { client.request(&request, deadline).await }
    })
}

/// What the requests of one pool share.
struct LlmClient {
    transport: Transport,
    styles: SharedStyles,
}

/// What came of one request.
enum Sent {
    Done(Box<LlmExchange>),
    /// The server, or one behind it, has not answered; the response had this status, and cost this.
    Rejected(Rejection, u16, Tokens),
}

impl LlmClient {
    /// Sends the request, and again in another style where the style may be what is rejected. The deadline covers all
    /// tries. A style is learnt from an answer only.
    async fn request(&self, request: &AnalysisRequest, deadline: Instant) -> LlmExchange {
        let AnalysisRequest { endpoint, protocol, .. } = request;
        let first = protocol.first_style();
        let mut style = self.styles.style(&endpoint.url, &endpoint.model, first);
        loop {
            let (rejection, status, spent) = match self.send(request, style, deadline).await {
                Sent::Done(exchange) => {
                    if exchange.outcome.is_ok() {
                        self.styles.answered(&endpoint.url, &endpoint.model, style, first);
                    }
                    return *exchange;
                }
                Sent::Rejected(rejection, status, spent) => (rejection, status, spent),
            };
            let Some(next) = protocol.fallback(style, &rejection) else {
                // The body that was sent has been freed.
                let sent = render(request, style).body;
                let failure = Failure::of_rejection(*protocol, &rejection, &sent, &endpoint.secrets());
                return LlmExchange { spent, ..LlmExchange::failed(failure, Some(status)) };
            };
            style = next;
        }
    }

    /// One request.
    async fn send(&self, request: &AnalysisRequest, style: Style, deadline: Instant) -> Sent {
        let endpoint = &*request.endpoint;
        let http = render(request, style);
        let url = endpoint.url_of(http.path);
        let (headers, body) = (&http.headers, http.body.into());
        let post = Post { url: &url, headers, more: &endpoint.headers, proxy: endpoint.proxy.as_deref(), body };
        match self.transport.send(post, deadline, LIMITS).await {
            Ok(response) if response.is_success() => read_reply(request, response),
            Ok(response) => {
                let status = response.status;
                let HttpResponse { location, retry_after, .. } = response;
                let words = request.protocol.error_text(&response.body);
                let rejection = Rejection { status, body: None, words, location, retry_after };
                Sent::Rejected(rejection, status, Tokens::default())
            }
            Err(failed) => {
                let failure = Failure::of_transport(&failed.error, endpoint.timeout, &endpoint.secrets());
                Sent::Done(Box::new(LlmExchange::failed(failure, failed.status)))
            }
        }
    }
}

fn render(request: &AnalysisRequest, style: Style) -> voice_core::http::HttpRequest {
    let AnalysisRequest { endpoint, protocol, question, vertical, transcript, .. } = request;
    let api_key = endpoint.api_key.as_ref().map(|key| key.expose());
    protocol.request(&Prompt { question, vertical, transcript }, &endpoint.model, api_key, style, &endpoint.options)
}

fn read_reply(request: &AnalysisRequest, response: HttpResponse) -> Sent {
    let AnalysisRequest { endpoint, protocol, question, .. } = request;
    let secrets = endpoint.secrets();
    let outcome = match protocol.parse(question, &response.body) {
        Ok(reply) if reply.repeats_one_of(&secrets) => Err(Failure::of_reply("it repeats the API key", &secrets)),
        Ok(reply) if reply.model.is_empty() => Ok(Reply { model: endpoint.model.clone(), ..reply }),
        Ok(reply) => Ok(reply),
        Err(ReplyError::Refused(error)) => Err(Failure::of_reply(error, &secrets)),
        Err(ReplyError::Rejected(rejection)) => {
            let rejection = Rejection { retry_after: response.retry_after, ..rejection };
            return Sent::Rejected(rejection, response.status, protocol.tokens(&response.body));
        }
    };
    let spent = match &outcome {
        Ok(reply) => reply.tokens(),
        Err(_) => protocol.tokens(&response.body),
    };
    Sent::Done(Box::new(LlmExchange { outcome, http_status: Some(response.status), spent }))
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
                    let message = format!("internal error while asking the LLM server: {panic}");
                    Failure::new(Class::Job, Kind::Transport, message, &secrets)
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
