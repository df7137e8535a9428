//! What is said to a language model, and how its answer is read. One file for each vendor's messages; the transport
//! (`net/`) knows none of them.

mod completion;
pub mod failure;
pub mod openai_chat;
mod options;
mod rejection;
mod style;

use std::fmt;

pub use failure::{Class, Failure, Kind};
pub use openai_chat::OPENAI_CHAT;
pub use options::{OptionsError, RequestOptions};
pub use rejection::Rejection;
pub use style::{Style, Styles};

use crate::analysis::AnalysisError;
use crate::http::HttpRequest;
use crate::prompt::Prompt;
use crate::question::Question;
use crate::reply::{Reply, Tokens};

/// Why the body of a 2xx is no analysis.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ReplyError {
    /// The server, or one behind it, has not answered: as if its status had said so.
    Rejected(Rejection),
    /// The model has answered, and the answer is no analysis.
    Refused(AnalysisError),
}

impl From<AnalysisError> for ReplyError {
    fn from(error: AnalysisError) -> ReplyError {
        ReplyError::Refused(error)
    }
}

impl fmt::Display for ReplyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ReplyError::Rejected(rejection) => f.write_str(rejection.body.as_deref().unwrap_or_default()),
            ReplyError::Refused(error) => error.fmt(f),
        }
    }
}

/// Whether a path is that of an API's endpoint, as documentations give it, and not the base before it.
pub fn names_an_endpoint(path: &str) -> bool {
    let path = path.trim_end_matches('/').to_ascii_lowercase();
    ["/completions", "/responses", "/api/chat", "/api/generate"].iter().any(|endpoint| path.ends_with(endpoint))
}

/// The messages of one kind of server.
pub trait Protocol: fmt::Debug + Send + Sync {
    /// The request that asks `model` for an analysis. `api_key`: `None` where the server wants none.
    fn request(
        &self,
        prompt: &Prompt<'_>,
        model: &str,
        api_key: Option<&str>,
        style: Style,
        options: &RequestOptions,
    ) -> HttpRequest;

    /// Reads the body of a response whose status is 2xx, to a request that asked this.
    ///
    /// # Errors
    /// The body holds no whole, valid answer.
    fn parse(&self, question: &Question, body: &[u8]) -> Result<Reply, ReplyError>;

    /// What the answer cost, read from any body: a refused answer has been paid for as well.
    fn tokens(&self, body: &[u8]) -> Tokens;

    /// The server's own words in the body of a response whose status is not 2xx.
    fn error_text(&self, body: &[u8]) -> String;

    /// The style of the first request to a server.
    fn first_style(&self) -> Style;

    /// The style to try next, before anybody is blamed for this rejection. Each style is given once at most.
    fn fallback(&self, style: Style, rejection: &Rejection) -> Option<Style>;

    /// Whose fault a rejection is as long as nothing else is known. `error`: the server's words, cleaned.
    fn classify(&self, rejection: &Rejection, error: &str) -> Class {
        failure::of_status(rejection, error)
    }
}
