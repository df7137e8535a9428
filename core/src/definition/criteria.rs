//! The scorecard of a definition: what a call is judged by, one thing at a time.

use super::DefinitionError;
use super::object::is_name;
use super::ordered::{self, Node};
use super::words::one_line;
use crate::scrub::shortened;

/// Criteria of one definition.
const CRITERIA_MAX: usize = 50;
/// Longest rubric, in characters.
const RUBRIC_MAX_CHARS: usize = 2000;
/// Points of a criterion that does not say how many it has.
const MAX_DEFAULT: u32 = 5;
/// Most points that one can have.
const MAX_MAX: u64 = 100;
/// Heaviest weight.
const WEIGHT_MAX: f64 = 1000.0;

/// One criterion.
#[derive(Debug, Clone, PartialEq)]
pub struct Criterion {
    pub name: String,
    /// What is looked for, on one line.
    pub rubric: String,
    pub grading: Grading,
    /// More than 0.
    pub weight: f64,
}

/// How a criterion is judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Grading {
    PassFail,
    /// Points from 0 to `max`.
    Score {
        max: u32,
    },
}

impl Criterion {
    /// Most points; `None`: it has none.
    pub fn max(&self) -> Option<u32> {
        match self.grading {
            Grading::PassFail => None,
            Grading::Score { max } => Some(max),
        }
    }
}

/// Reads a list of criteria.
///
/// # Errors
/// It is no such list.
pub(super) fn parse(text: &str) -> Result<Vec<Criterion>, DefinitionError> {
    let hint = "Write [{\"name\": \"greeting\", \"rubric\": \"The agent says its name.\", \"kind\": \"pass_fail\"}].";
    let list = match ordered::parse("criteria", text)? {
        Node::List(list) => list,
        // SQL's null arrives as JSON's where somebody casts it.
        Node::Null => return Ok(Vec::new()),
        other => {
            return Err(DefinitionError::new("criteria are not a list", format!("They are {}.", other.noun()), hint));
        }
    };
    if list.len() > CRITERIA_MAX {
        return Err(DefinitionError::new(
            "there are too many criteria",
            format!("There are {}, at most {CRITERIA_MAX} are allowed.", list.len()),
            "Define two analyses: all that apply to a call are asked in one request.",
        ));
    }
    let mut criteria: Vec<Criterion> = Vec::with_capacity(list.len());
    for (at, node) in list.iter().enumerate() {
        let criterion = criterion(at + 1, node, hint)?;
        if let Some(other) = criteria.iter().find(|other| other.name.eq_ignore_ascii_case(&criterion.name)) {
            return Err(DefinitionError::new(
                format!("the criterion \"{}\" has a name that is taken", criterion.name),
                format!("\"{}\" is there as well.", other.name),
                "Choose another name: names that differ in case only are the same to SQL.",
            ));
        }
        criteria.push(criterion);
    }
    Ok(criteria)
}

/// `at`: its place in the list, from 1.
fn criterion(at: usize, node: &Node, hint: &str) -> Result<Criterion, DefinitionError> {
    let Node::Object(fields) = node else {
        let message = format!("criterion {at} is not an object");
        return Err(DefinitionError::new(message, format!("It is {}.", node.noun()), hint));
    };
    let name = match node.get("name").and_then(Node::as_text) {
        Some(name) if is_name(name) => name,
        _ => {
            return Err(DefinitionError::new(
                format!("criterion {at} has no name"),
                "A name has letters of ASCII, digits and underscores, begins with no digit, and has 63 characters at most.",
                hint,
            ));
        }
    };
    let wrong = |what: &str, detail: String, hint: &str| {
        Err(DefinitionError::new(format!("the criterion \"{name}\" {what}"), detail, hint))
    };
    if let Some((key, _)) =
        fields.iter().find(|(key, _)| !["name", "rubric", "kind", "max", "weight"].contains(&&**key))
    {
        let what = format!("has the key \"{}\", which says nothing", shortened(key, 60));
        return wrong(&what, "Its keys are name, rubric, kind, max and weight.".into(), "Leave it out.");
    }
    let rubric = match node.get("rubric") {
        Some(Node::Text(text)) => one_line(text),
        Some(other) => return wrong("has a wrong \"rubric\"", format!("It is {}.", other.noun()), "Write a string."),
        None => String::new(),
    };
    if rubric.is_empty() {
        let hint = "Say in a sentence when it is passed, or what the points are given for.";
        return wrong("has no \"rubric\"", "A model cannot judge what it is not told.".into(), hint);
    }
    if rubric.chars().count() > RUBRIC_MAX_CHARS {
        let detail = format!("It has {} characters, at most {RUBRIC_MAX_CHARS} are allowed.", rubric.chars().count());
        return wrong("has a \"rubric\" that is too long", detail, "Shorten it, or make two criteria of it.");
    }
    let max = node.get("max").filter(|max| **max != Node::Null);
    let grading = match (node.get("kind").and_then(Node::as_text), max) {
        (Some("pass_fail"), None) => Grading::PassFail,
        (Some("pass_fail"), Some(_)) => {
            let hint = "Leave \"max\" out, or write \"kind\": \"score\".";
            return wrong("has a \"max\" and no points", "It is passed or failed.".into(), hint);
        }
        (Some("score"), max) => Grading::Score { max: points(max).map_or_else(|got| wrong_max(name, &got), Ok)? },
        (kind, _) => {
            let detail = match (kind, node.get("kind")) {
                (Some(kind), _) => format!("It is \"{}\".", shortened(kind, 40)),
                (None, Some(other)) => format!("It is {}.", other.noun()),
                (None, None) => "It is missing.".into(),
            };
            return wrong("has no known \"kind\"", detail, "Write \"pass_fail\" or \"score\".");
        }
    };
    let weight = match node.get("weight") {
        None | Some(Node::Null) => 1.0,
        Some(Node::Number(number)) => number.as_f64().unwrap_or(f64::NAN),
        Some(_) => f64::NAN,
    };
    if !(weight > 0.0 && weight <= WEIGHT_MAX) {
        let detail = format!("It must be a number above 0, at most {WEIGHT_MAX}.");
        return wrong(
            "has a wrong \"weight\"",
            detail,
            "Leave \"weight\" out for 1, or leave the criterion out for 0.",
        );
    }
    Ok(Criterion { name: name.to_owned(), rubric, grading, weight })
}

/// Most points, or what stands there instead.
fn points(max: Option<&Node>) -> Result<u32, String> {
    match max {
        None => Ok(MAX_DEFAULT),
        Some(Node::Number(number)) => match number.as_u64().filter(|max| (1..=MAX_MAX).contains(max)) {
            Some(max) => Ok(max as u32),
            None => Err(number.to_string()),
        },
        Some(other) => Err(other.noun().to_owned()),
    }
}

fn wrong_max(name: &str, got: &str) -> Result<u32, DefinitionError> {
    Err(DefinitionError::new(
        format!("the criterion \"{name}\" has a wrong \"max\""),
        format!("It must be a whole number from 1 to {MAX_MAX}, not {got}."),
        format!("Leave \"max\" out for {MAX_DEFAULT}."),
    ))
}
