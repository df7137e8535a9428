//! The cases of tests/injection, as its README says they are written.

use std::fs;
use std::path::Path;

use harness::stub::repeated;
use serde_json::Value;

pub struct Case {
    /// File and heading.
    pub title: String,
    /// Only for the run in which values are taken out of what is sent.
    pub redacted: bool,
    pub turns: Vec<(String, String)>,
    pub tools: Vec<Tool>,
    pub expected: Expected,
}

pub struct Tool {
    pub name: String,
    pub result: Option<Value>,
    pub error: Option<String>,
}

pub enum Expected {
    /// A row with these values.
    Stored(Value),
    /// No row, and a reason that says this.
    Dead(String),
}

/// All of them, file by file.
pub fn all() -> Vec<Case> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("injection");
    let files = fs::read_dir(&folder).expect("tests/injection").map(|file| file.expect("a file").path());
    let mut files: Vec<_> = files.filter(|file| file.extension().is_some_and(|kind| kind == "txt")).collect();
    files.sort();
    let mut cases = Vec::new();
    for file in files {
        let name = file.file_stem().expect("a name").to_string_lossy().into_owned();
        let text = fs::read_to_string(&file).expect("a file of cases");
        cases.extend(text.split("\n# ").map(|case| Case::read(&name, case)));
    }
    cases
}

impl Case {
    fn read(file: &str, text: &str) -> Case {
        let mut lines = text.lines().filter(|line| !line.is_empty());
        let title = format!("{file}: {}", lines.next().expect("a title").trim_start_matches("# "));
        let (mut turns, mut tools, mut expected) = (Vec::new(), Vec::new(), None);
        for line in lines {
            let (what, rest) = line.split_once(": ").unwrap_or_else(|| panic!("{title}: what is {line:?}?"));
            match what {
                "user" | "assistant" | "system" => turns.push((what.to_owned(), characters(rest))),
                "tool" => tools.push(Tool::read(rest)),
                "expect" => expected = Some(Expected::read(rest)),
                _ => panic!("{title}: what is {line:?}?"),
            }
        }
        let expected = expected.unwrap_or_else(|| panic!("{title}: what is expected?"));
        Case { redacted: file.starts_with("redacted"), title, turns, tools, expected }
    }
}

impl Tool {
    fn read(text: &str) -> Tool {
        let (name, outcome) = text.split_once(' ').expect("a tool's name and its outcome");
        let error = outcome.strip_prefix('!').map(characters);
        let result = error.is_none().then(|| serde_json::from_str(outcome).expect("a tool's result is JSON"));
        Tool { name: characters(name), result, error }
    }
}

impl Expected {
    fn read(text: &str) -> Expected {
        match text.split_once(' ').unwrap_or((text, "")) {
            ("stored", "") => Expected::Stored(Value::Object(Default::default())),
            ("stored", values) => Expected::Stored(serde_json::from_str(values).expect("the stored values as JSON")),
            ("dead", reason) => Expected::Dead(reason.to_owned()),
            _ => panic!("expect: stored or dead, not {text}"),
        }
    }
}

/// `\u{202e}` is that character; `[[x*500]]` is x five hundred times.
fn characters(text: &str) -> String {
    let mut pieces = text.split("\\u{");
    let mut plain = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        let (code, rest) = piece.split_once('}').expect("the end of a character");
        plain.extend(u32::from_str_radix(code, 16).ok().and_then(char::from_u32));
        plain += rest;
    }
    repeated(&plain, "[[", "]]")
}
