use std::fmt::Write;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};

use super::Request;

/// What the stub answers, and how badly.
#[derive(Debug, Clone)]
pub struct Reply {
    pub(super) delay: Duration,
    pub(super) held: bool,
    pub(super) way: Way,
    status: u16,
    headers: Vec<(String, String)>,
    body: Arc<[u8]>,
}

#[derive(Debug, Clone)]
pub(super) enum Way {
    Whole,
    /// Exactly these bytes, then the connection is closed.
    Raw(Arc<[u8]>),
    /// So many bytes of the body, then the connection is closed.
    CutAfter(usize),
    /// So many bytes at a time, with a pause before each.
    Drip(usize, Duration),
    /// Nothing at all, the connection stays open.
    Hang,
    /// Nothing at all, the connection is closed.
    Close,
}

impl Reply {
    /// A good answer.
    pub fn analysis() -> Reply {
        Reply::content(&Reply::good().to_string())
    }

    /// The content of a good answer, to be spoilt.
    pub fn good() -> Value {
        json!({
            "summary": "Maria asked for Botox prices and booked a consultation for Tuesday at ten.",
            "sentiment": 0.6,
            "intent": "booking",
            "lead_score": 85,
            "entities": {"name": "Maria", "email": null, "phone": "+1 555 010 2000", "topic": "Botox consultation"},
            "next_action": "Confirm the consultation by text message."
        })
    }

    /// A completion whose message says this.
    pub fn content(content: &str) -> Reply {
        Reply::message(json!({"role": "assistant", "content": content, "refusal": null}), "stop")
    }

    /// A completion with this message.
    pub fn message(message: Value, finish_reason: &str) -> Reply {
        Reply::json(&json!({
            "id": "chatcmpl-stub",
            "object": "chat.completion",
            "created": 1_700_000_000,
            "model": "stub-1",
            "choices": [{"index": 0, "message": message, "logprobs": null, "finish_reason": finish_reason}],
            "usage": {"prompt_tokens": 221, "completion_tokens": 87, "total_tokens": 308}
        }))
    }

    /// A declined request, as OpenAI words it.
    pub fn refusal(words: &str) -> Reply {
        Reply::message(json!({"role": "assistant", "content": null, "refusal": words}), "stop")
    }

    /// This JSON as the body.
    pub fn json(body: &Value) -> Reply {
        Reply::body(body.to_string().as_bytes())
    }

    /// These bytes as the body of a 200.
    pub fn body(body: &[u8]) -> Reply {
        Reply {
            delay: Duration::ZERO,
            held: false,
            way: Way::Whole,
            status: 200,
            headers: Vec::new(),
            body: body.into(),
        }
    }

    /// An error, worded as OpenAI words its own.
    pub fn error(status: u16, message: &str) -> Reply {
        let body = json!({"error": {"message": message, "type": "error", "param": null, "code": null}});
        Reply { status, ..Reply::json(&body) }
    }

    /// What a server says that knows no strict schemas.
    pub fn rejects_json_schema(request: &Request) -> Reply {
        match request.style().as_str() {
            "json_schema" => Reply::error(400, "Invalid value: 'json_schema'. response_format must be json_object."),
            _ => Reply::analysis(),
        }
    }

    /// Exactly these bytes on the wire, status line and all, then the connection is closed.
    pub fn raw(bytes: &[u8]) -> Reply {
        Reply { way: Way::Raw(bytes.into()), ..Reply::body(b"") }
    }

    /// No answer, ever; the connection stays open.
    pub fn hang() -> Reply {
        Reply { way: Way::Hang, ..Reply::body(b"") }
    }

    /// No answer; the connection is closed.
    pub fn close() -> Reply {
        Reply { way: Way::Close, ..Reply::body(b"") }
    }

    /// The same, later.
    pub fn delay(self, delay: Duration) -> Reply {
        Reply { delay, ..self }
    }

    /// The same, but not before [`StubLlm::release`](super::StubLlm::release).
    pub fn held(self) -> Reply {
        Reply { held: true, ..self }
    }

    /// The same, with another status.
    pub fn status(self, status: u16) -> Reply {
        Reply { status, ..self }
    }

    /// The same, with a header more.
    pub fn header(mut self, name: &str, value: &str) -> Reply {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// The same, but the connection is closed after so many bytes of the body.
    pub fn cut_after(self, bytes: usize) -> Reply {
        Reply { way: Way::CutAfter(bytes), ..self }
    }

    /// The same, but in pieces of so many bytes, with a pause before each.
    pub fn drip(self, bytes: usize, pause: Duration) -> Reply {
        Reply { way: Way::Drip(bytes.max(1), pause), ..self }
    }

    /// Status line, headers and body.
    pub(super) fn wire(&self) -> Vec<u8> {
        if let Way::Raw(bytes) = &self.way {
            return bytes.to_vec();
        }
        let mut head = format!("HTTP/1.1 {} Stub\r\ncontent-type: application/json\r\n", self.status);
        for (name, value) in &self.headers {
            let _ = write!(head, "{name}: {value}\r\n");
        }
        let _ = write!(head, "content-length: {}\r\n\r\n", self.body.len());
        let mut wire = head.into_bytes();
        match self.way {
            Way::CutAfter(bytes) => wire.extend_from_slice(&self.body[..bytes.min(self.body.len())]),
            _ => wire.extend_from_slice(&self.body),
        }
        wire
    }
}
