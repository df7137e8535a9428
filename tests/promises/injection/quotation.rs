//! Whether what a caller said is still inside the quotation of the request, and the request is otherwise ours.

use harness::stub::Request;
use serde_json::Value;

use super::case::Case;

const OPENING: &str = r#"\"transcript\":\""#;
const CLOSING: &str = r#"\"}"}],"response_format":"#;
const MAX_CHARS: usize = 12_000;

/// What stands before and after the words in a request about a call in which nobody tried anything.
pub struct Quotation {
    before: String,
    after: String,
}

impl Quotation {
    pub fn of(request: &Request) -> Quotation {
        let body = str::from_utf8(&request.body).expect("UTF-8");
        let opening = body.find(OPENING).expect("the words of the call") + OPENING.len();
        let closing = body.rfind(CLOSING).expect("the end of them");
        Quotation { before: body[..opening].to_owned(), after: body[closing..].to_owned() }
    }

    /// The words that were sent; panics if they have left their quotation or anything else has changed.
    pub fn words(&self, request: &Request, title: &str) -> String {
        let body = str::from_utf8(&request.body).expect("UTF-8");
        let inside = body.strip_prefix(&*self.before).and_then(|rest| rest.strip_suffix(&*self.after));
        let inside = inside.unwrap_or_else(|| panic!("{title}: the request around the words has changed: {body}"));
        // One string, twice: in the message, and in the data that the message is.
        let string = |json: &str| -> String {
            serde_json::from_str(&format!("\"{json}\"")).unwrap_or_else(|e| panic!("{title}: {e}: {json}"))
        };
        let words = string(&string(inside));

        let body: Value = request.json();
        let roles: Vec<&str> = body["messages"].as_array().unwrap().iter().filter_map(|m| m["role"].as_str()).collect();
        assert_eq!(roles, ["system", "user"], "{title}");
        let data: Value = serde_json::from_str(body["messages"][1]["content"].as_str().unwrap()).unwrap();
        assert_eq!(data, serde_json::json!({"vertical": "healthcare", "transcript": words}), "{title}");
        words
    }
}

/// Every turn is one numbered line of whoever spoke it, and every tool call one after them; the words are the caller's own,
/// unless values were taken out.
pub fn has_a_line_for_each_turn(words: &str, case: &Case, redacts: bool) {
    let title = &case.title;
    let is_break = |c: char| matches!(c as u32, 0xa..=0xd | 0x1c..=0x1e | 0x85 | 0x2028 | 0x2029);
    let spoken: Vec<String> = (1..)
        .zip(&case.turns)
        .map(|(number, (role, text))| format!("[{number}] {role}: {}", text.replace(is_break, " ")))
        .collect();
    let lines: Vec<&str> = words.split('\n').collect();
    let tools = case.tools.len();
    if words.contains(" left out …]") || lines.len() < spoken.len() + tools || words.contains("[…]") {
        assert!(words.chars().count() <= MAX_CHARS, "{title}");
        let begins = |line: &str| {
            let numbered = line.strip_prefix('[').and_then(|line| line.split_once("] "));
            numbered.is_some_and(|(number, _)| number.parse::<u32>().is_ok()) || line.starts_with("[… ")
        };
        assert!(lines.len() <= spoken.len() + tools + 1 && lines.iter().all(|line| begins(line)), "{title}: {lines:?}");
        return;
    }
    assert_eq!(lines.len(), spoken.len() + tools, "{title}: {lines:?}");
    assert!(!words.replace('\n', "").contains(is_break), "{title}");
    let (turns, of_tools) = lines.split_at(spoken.len());
    for (line, spoken) in turns.iter().zip(&spoken) {
        let begins = spoken.split_inclusive(": ").next().unwrap_or_default();
        assert!(line.starts_with(begins), "{title}: {line}");
        assert!(redacts || line == spoken, "{title}: {line:?} is not {spoken:?}");
    }
    for (line, number) in of_tools.iter().zip(spoken.len() + 1..) {
        assert!(line.starts_with(&format!("[{number}] tool ")), "{title}: {line}");
    }
}
