//! What the operator adds to each request: [`RequestOptions`].

use std::fmt;

use serde_json::{Map, Value};

/// What is never taken from there: it is said by the protocol itself, and read by it.
const RESERVED: [&str; 4] = ["messages", "model", "response_format", "stream"];
/// The names that servers have for the limit of tokens.
const TOKEN_LIMITS: [&str; 3] = ["max_tokens", "max_completion_tokens", "max_output_tokens"];

/// Fields of a request beside those of the protocol.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RequestOptions {
    params: Map<String, Value>,
    max_tokens: Option<u32>,
}

/// Why parameters are refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OptionsError {
    NotAnObject,
    /// One of `messages`, `model`, `response_format`, `stream`.
    Reserved,
    DuplicateKey,
}

impl fmt::Display for OptionsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            OptionsError::NotAnObject => "it is not a JSON object",
            OptionsError::Reserved => "messages, model, response_format and stream are not to be set",
            OptionsError::DuplicateKey => "a key is there twice",
        })
    }
}

impl RequestOptions {
    /// `params`: a JSON object, merged into each request; empty: none. `max_tokens`: the longest answer; 0: not said.
    ///
    /// # Errors
    /// `params` is no JSON object, or has a key that it must not have.
    pub fn parse(params: &str, max_tokens: u32) -> Result<RequestOptions, OptionsError> {
        let params = if params.trim().is_empty() { Map::new() } else { object(params)? };
        if RESERVED.iter().any(|key| params.contains_key(*key)) {
            return Err(OptionsError::Reserved);
        }
        let max_tokens = Some(max_tokens).filter(|max| *max > 0);
        Ok(RequestOptions { params, max_tokens })
    }

    /// The fields that are merged into a request. A limit of tokens among the parameters goes before the other one.
    pub(super) fn fields(&self) -> impl Iterator<Item = (&str, Value)> {
        let limited = TOKEN_LIMITS.iter().any(|key| self.params.contains_key(*key));
        let max_tokens = self.max_tokens.filter(|_| !limited).map(|max| ("max_tokens", Value::from(max)));
        self.params.iter().map(|(key, value)| (key.as_str(), value.clone())).chain(max_tokens)
    }
}

fn object(text: &str) -> Result<Map<String, Value>, OptionsError> {
    use crate::analysis::{UniqueError, unique_json};
    match unique_json(text) {
        Ok(Value::Object(params)) => Ok(params),
        Ok(_) | Err(UniqueError::NotJson) => Err(OptionsError::NotAnObject),
        Err(UniqueError::DuplicateKey) => Err(OptionsError::DuplicateKey),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(params: &str, max_tokens: u32) -> Vec<(String, Value)> {
        let options = RequestOptions::parse(params, max_tokens).unwrap();
        options.fields().map(|(key, value)| (key.to_owned(), value)).collect()
    }

    #[test]
    fn parameters_and_the_limit_of_tokens_are_fields_of_the_request() {
        assert_eq!(fields("", 0), []);
        assert_eq!(fields(" ", 500), [("max_tokens".to_owned(), 500.into())]);
        assert_eq!(fields(r#"{"temperature": 0}"#, 0), [("temperature".to_owned(), 0.into())]);
    }

    #[test]
    fn a_limit_among_the_parameters_is_the_only_one() {
        let given = fields(r#"{"max_completion_tokens": 700}"#, 500);
        assert_eq!(given, [("max_completion_tokens".to_owned(), 700.into())]);
    }

    #[test]
    fn what_the_protocol_says_itself_is_no_parameter() {
        for key in ["messages", "model", "response_format", "stream"] {
            let params = format!(r#"{{"temperature": 0, "{key}": null}}"#);
            assert_eq!(RequestOptions::parse(&params, 0), Err(OptionsError::Reserved), "{key}");
        }
        for text in ["[]", "1", "temperature=0", "{", "null", "{} {}"] {
            assert_eq!(RequestOptions::parse(text, 0), Err(OptionsError::NotAnObject), "{text}");
        }
        assert_eq!(RequestOptions::parse(r#"{"top_p": 1, "top_p": 0}"#, 0), Err(OptionsError::DuplicateKey));
    }
}
