//! What one request asks of a call: the fixed fields, definitions, or both; or notes on one part of a long call; or a look at a
//! call that goes on. Words and schema are built once, for all calls that are asked the same.

mod schema;
mod words;

use std::borrow::Cow;
use std::sync::Arc;

use serde_json::value::RawValue;

use crate::definition::Definition;
use crate::live::Fields;
use crate::long_call;

/// What the fixed fields can be shown by a quote of.
pub(crate) const FIXED_CLAIMS: [&str; 3] = ["sentiment", "lead_score", "intent"];

/// What a request for notes on a part of a long call is called where requests are counted by what they ask.
pub const NOTES: &str = "(notes)";
/// Names of so many definitions stand there in full.
const NAMES_MAX: usize = 6;

/// See the module.
#[derive(Debug, Clone)]
pub struct Question {
    fixed: bool,
    definitions: Vec<Arc<Definition>>,
    part: Option<Part>,
    look: Option<Fields>,
    system: Cow<'static, str>,
    schema: Box<RawValue>,
}

/// One part of a long call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Part {
    /// From 1.
    pub number: usize,
    /// How many there are, the last one included.
    pub of: usize,
}

impl Question {
    /// `fixed`: the fixed fields are asked for. They are as well where there are no definitions: a question without
    /// anything in it is none.
    pub fn new(fixed: bool, definitions: Vec<Arc<Definition>>) -> Question {
        let fixed = fixed || definitions.is_empty();
        let system = Cow::Owned(words::system(fixed, &definitions));
        let schema =
            RawValue::from_string(schema::of_reply(fixed, &definitions)).expect("what is written there is JSON");
        Question { fixed, definitions, part: None, look: None, system, schema }
    }

    /// Notes on one part of a long call, for the request that judges the whole.
    pub fn notes(part: Part) -> Question {
        let (system, schema) = (Cow::Borrowed(long_call::PART_SYSTEM), long_call::part_schema().to_owned());
        Question { fixed: false, definitions: Vec::new(), part: Some(part), look: None, system, schema }
    }

    /// A look at a call that goes on: some of the fixed fields, and the criteria of these definitions.
    pub fn look(fields: Fields, definitions: Vec<Arc<Definition>>) -> Question {
        let system = Cow::Owned(words::of_look(fields, &definitions));
        let schema =
            RawValue::from_string(schema::of_look(fields, &definitions)).expect("what is written there is JSON");
        Question { fixed: false, definitions, part: None, look: Some(fields), system, schema }
    }

    /// The fixed fields alone.
    pub fn fixed_fields() -> Question {
        Question::new(true, Vec::new())
    }

    /// The same, with instructions after those that it has.
    #[must_use]
    pub fn with_instructions(mut self, instructions: &str) -> Question {
        if !instructions.trim().is_empty() {
            let said =
                "\n\nThe business that runs the agent adds, and where it differs it goes before what stands above:\n";
            self.system = Cow::Owned(format!("{}{said}{}", self.system, instructions.trim()));
        }
        self
    }

    /// Whether the fixed fields are asked for.
    pub fn is_fixed(&self) -> bool {
        self.fixed
    }

    /// The part on which notes are asked for, and nothing else.
    pub fn part(&self) -> Option<Part> {
        self.part
    }

    /// Which of the fixed fields a look asks for; `None`: it is none.
    pub fn look_fields(&self) -> Option<Fields> {
        self.look
    }

    /// What is asked beside them.
    pub fn definitions(&self) -> &[Arc<Definition>] {
        &self.definitions
    }

    /// What is asked, for where requests are counted by it: `fixed`, names of definitions, joined by `+`.
    pub fn asked(&self) -> String {
        if self.part.is_some() {
            return NOTES.to_owned();
        }
        let mut names: Vec<Cow<'_, str>> = Vec::new();
        names.extend(self.fixed.then_some(Cow::Borrowed("fixed")));
        names.extend(self.definitions.iter().take(NAMES_MAX).map(|definition| Cow::Borrowed(definition.name.as_str())));
        if let more @ 1.. = self.definitions.len().saturating_sub(NAMES_MAX) {
            names.push(Cow::Owned(format!("{more} more")));
        }
        names.join("+")
    }

    /// The instructions.
    pub fn system(&self) -> &str {
        &self.system
    }

    /// The schema of an answer.
    pub fn schema(&self) -> &RawValue {
        &self.schema
    }
}
