use std::sync::Arc;
use std::time::Instant;

use serde_json::Value;

/// One request, as it arrived.
#[derive(Debug, Clone)]
pub struct Request {
    /// When its last byte was read.
    pub arrived: Instant,
    pub method: String,
    pub path: String,
    pub headers: Vec<(String, String)>,
    pub body: Arc<[u8]>,
    /// Tells connections apart: two requests with the same number came over the same one.
    pub connection: u64,
}

impl Request {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(other, _)| other.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    /// The body, or null if it is not JSON.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }

    /// The `response_format` type: `json_schema` or `json_object`.
    pub fn style(&self) -> String {
        self.json()["response_format"]["type"].as_str().unwrap_or_default().to_owned()
    }

    /// The transcript that is to be judged.
    pub fn transcript(&self) -> String {
        let body = self.json();
        let data = body["messages"][1]["content"].as_str().unwrap_or_default();
        let data: Value = serde_json::from_str(data).unwrap_or_default();
        data["transcript"].as_str().unwrap_or_default().to_owned()
    }
}
