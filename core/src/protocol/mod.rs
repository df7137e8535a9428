//! What is said to a language model, and how its answer is read. One file for each vendor's messages; the transport
//! (`net/`) knows none of them.

pub mod failure;
pub mod openai_chat;

use std::fmt;

pub use failure::{Class, Failure};
pub use openai_chat::OPENAI_CHAT;

use crate::analysis::AnalysisError;
use crate::http::{HttpRequest, HttpResponse};
use crate::prompt::Prompt;
use crate::reply::{Reply, Tokens};

/// How the server is told which form the answer must have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Style {
    /// The server holds the model to the schema.
    JsonSchema,
    /// The server holds the model to JSON of any form. The form is described in words.
    JsonObject,
}

/// The messages of one kind of server.
pub trait Protocol: fmt::Debug + Send + Sync {
    /// The request that asks `model` for an analysis. `api_key`: `None` where the server wants none.
    fn request(&self, prompt: &Prompt<'_>, model: &str, api_key: Option<&str>, style: Style) -> HttpRequest;

    /// Reads the body of a response whose status is 2xx.
    ///
    /// # Errors
    /// The body holds no whole, valid analysis.
    fn parse(&self, body: &[u8]) -> Result<Reply, AnalysisError>;

    /// What the answer cost, read from any body: a refused answer has been paid for as well.
    fn tokens(&self, body: &[u8]) -> Tokens;

    /// The server's own words in the body of a rejection.
    fn error_text(&self, body: &[u8]) -> String;

    /// The style of the first request to a server.
    fn first_style(&self) -> Style;

    /// The style to try next, if this rejection is about the style of the request. Each style is given once at most.
    fn fallback(&self, style: Style, rejection: &HttpResponse) -> Option<Style>;

    /// Who is to blame for a rejection. `error`: [`Protocol::error_text`], cleaned.
    fn classify(&self, rejection: &HttpResponse, error: &str) -> Class {
        failure::of_status(rejection, error)
    }
}
