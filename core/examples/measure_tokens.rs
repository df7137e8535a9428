//! Prints what a model is sent of calls that a data set describes, for `bench/tokens.sh` to count: JSON, one object a line.
//!
//! ```text
//! measure_tokens FILE[.gz] [CALLS]
//! ```
//!
//! The first line has `instructions` and `schema`, which are the same for every call; each further one the data of a call,
//! `spoken` (its turns) and `whole` (its tool calls too, which is what is sent). The file has a call a line, with
//! `vertical`, `turns` (`role`, `text`, `start_ms`) and `tool_calls` (`name`, `args`, `result`, `offset_ms`).

use std::error::Error;
use std::fs::File;
use std::io::{BufRead, BufReader, Read};

use serde::Deserialize;
use serde_json::json;
use serde_json::value::RawValue;
use voice_core::prompt::Prompt;
use voice_core::question::Question;
use voice_core::transcript::{self, Line, Role, ToolCall, Turn};

#[derive(Deserialize)]
struct Call {
    vertical: String,
    turns: Vec<SpokenTurn>,
    #[serde(default)]
    tool_calls: Vec<CalledTool>,
}

#[derive(Deserialize)]
struct SpokenTurn {
    role: String,
    text: String,
    start_ms: i64,
}

#[derive(Deserialize)]
struct CalledTool {
    name: String,
    args: Box<RawValue>,
    result: Option<Box<RawValue>>,
    offset_ms: i64,
}

impl Call {
    /// In the order of time; a tool goes before what is said at the same moment.
    fn lines(&self, tools: bool) -> Vec<Line> {
        let turns = self.turns.iter().map(|turn| (turn.start_ms, 1, turn.line()));
        let tools = self.tool_calls.iter().filter(|_| tools).map(|tool| (tool.offset_ms, 0, tool.line()));
        let mut lines: Vec<(i64, u8, Line)> = tools.chain(turns).collect();
        lines.sort_by_key(|(at, kind, _)| (*at, *kind));
        lines.into_iter().map(|(_, _, line)| line).collect()
    }

    fn data(&self, question: &Question, tools: bool) -> String {
        let transcript = transcript::render(&self.lines(tools), 1_000_000);
        Prompt { question, vertical: &self.vertical, transcript: &transcript }.data()
    }
}

impl SpokenTurn {
    fn line(&self) -> Line {
        let role = if self.role == "user" { Role::User } else { Role::Assistant };
        Turn { role, speaker: None, text: self.text.clone() }.into()
    }
}

impl CalledTool {
    fn line(&self) -> Line {
        let result = self.result.as_ref().map(|result| result.get().to_owned());
        ToolCall { name: self.name.clone(), args: self.args.get().to_owned(), result, ..ToolCall::default() }.into()
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let (file, calls) = match &args[..] {
        [file] => (file, usize::MAX),
        [file, calls] => (file, calls.parse()?),
        _ => return Err("usage: measure_tokens FILE[.gz] [CALLS]".into()),
    };
    let question = Question::fixed_fields();
    println!("{}", json!({"instructions": question.system(), "schema": question.schema().get()}));
    let opened = File::open(file)?;
    let text: Box<dyn Read> =
        if file.ends_with(".gz") { Box::new(flate2::read::GzDecoder::new(opened)) } else { Box::new(opened) };
    for line in BufReader::new(text).lines().take(calls) {
        let call: Call = serde_json::from_str(&line?)?;
        println!("{}", json!({"spoken": call.data(&question, false), "whole": call.data(&question, true)}));
    }
    Ok(())
}
