//! What a model is asked of one call, whatever protocol carries it. [`VERSION`] is stored with every analysis and decides
//! whether it is current.

use serde::Serialize;

use crate::question::Question;

/// Changes whenever the words of a [`Question`] or its schema change: calls analysed by another version are stale.
pub const VERSION: &str = "4";

/// A question, and the call that it is asked of.
#[derive(Debug, Clone, Copy)]
pub struct Prompt<'a> {
    pub question: &'a Question,
    /// Vertical of the business; blank: not known.
    pub vertical: &'a str,
    pub transcript: &'a str,
}

impl Prompt<'_> {
    /// The call as a JSON object, for a message of its own: no words of a caller can end the quotation.
    pub fn data(&self) -> String {
        #[derive(Serialize)]
        struct Data<'a> {
            vertical: Option<&'a str>,
            #[serde(skip_serializing_if = "Option::is_none")]
            part: Option<String>,
            transcript: &'a str,
        }
        let vertical = Some(self.vertical.trim()).filter(|vertical| !vertical.is_empty());
        let part = self.question.part().map(|part| format!("{} of {}", part.number, part.of));
        let json =
            to_json(&Data { vertical, part, transcript: self.transcript }, self.transcript.len() * 17 / 16 + 100);
        String::from_utf8(json).expect("serde_json writes UTF-8")
    }
}

/// `value` as JSON, in one buffer. `capacity`: its expected length in bytes.
pub(crate) fn to_json(value: &impl Serialize, capacity: usize) -> Vec<u8> {
    let mut json = Vec::with_capacity(capacity);
    serde_json::to_writer(&mut json, value).expect("writing text and numbers to memory does not fail");
    json
}
