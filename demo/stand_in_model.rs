//! What `make demo` asks where nobody has given it a model: an OpenAI-compatible server on a free port of the loopback, which
//! prints its URL and serves until it is stopped. It is no model. The fixed fields are the builtin analyzer's. Of each property
//! and criterion it looks for the phrases that stand in quotation marks in its description: in what the agent says, the caller
//! or a tool, whichever the description begins with ("The agent …", "The caller …", "A tool …"). One of them is enough; the
//! model `stand-in-strict` wants all.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};

use serde_json::{Map, Value, json};
use voice_core::builtin;
use voice_core::transcript::{Role, Turn};

fn main() -> std::io::Result<()> {
    let listener = TcpListener::bind(("127.0.0.1", 0))?;
    println!("http://{}/v1", listener.local_addr()?);
    for connection in listener.incoming() {
        let connection = connection?;
        std::thread::spawn(move || serve(connection));
    }
    Ok(())
}

/// Answers the requests of one connection.
fn serve(connection: TcpStream) -> std::io::Result<()> {
    let mut reader = BufReader::new(connection.try_clone()?);
    let mut writer = connection;
    loop {
        let (mut line, mut length) = (String::new(), 0);
        while reader.read_line(&mut line)? > 2 {
            let lower = line.to_ascii_lowercase();
            if let Some(value) = lower.strip_prefix("content-length:") {
                length = value.trim().parse().unwrap_or(0);
            }
            line.clear();
        }
        if line.is_empty() {
            return Ok(());
        }
        let mut body = vec![0; length];
        reader.read_exact(&mut body)?;
        let answer = answer(&serde_json::from_slice(&body).unwrap_or_default()).to_string();
        write!(
            writer,
            "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{answer}",
            answer.len()
        )?;
    }
}

/// A chat completion for this request.
fn answer(request: &Value) -> Value {
    let text = |at: usize| request["messages"][at]["content"].as_str().unwrap_or_default();
    let data: Value = serde_json::from_str(text(1)).unwrap_or_default();
    let lines: Vec<Line> = data["transcript"].as_str().unwrap_or_default().lines().filter_map(Line::read).collect();
    let schema = &request["response_format"]["json_schema"]["schema"]["properties"];
    let mut content = Map::new();
    if schema.get("notes").is_some() {
        let ends = [lines.first(), lines.last()]
            .into_iter()
            .flatten()
            .map(|line| format!("\"{}\" ({})", line.text, line.number));
        content.insert("notes".into(), json!(ends.collect::<Vec<_>>().join(" … ")));
    }
    // Of a call in progress only some of the fixed fields are asked for.
    if ["summary", "sentiment", "intent", "lead_score"].iter().any(|name| schema.get(*name).is_some()) {
        let mut all = Map::new();
        fixed(&lines, data["vertical"].as_str().unwrap_or_default(), &mut all);
        content.extend(all.into_iter().filter(|(name, _)| schema.get(name).is_some()));
    }
    if let Some(analyses) = schema["analyses"]["properties"].as_object() {
        let all = request["model"] == "stand-in-strict";
        let judged =
            analyses.iter().map(|(name, of)| (name.clone(), analysis(name, &of["properties"], text(0), &lines, all)));
        content.insert("analyses".into(), Value::Object(judged.collect()));
    }
    let content = Value::Object(content).to_string();
    let tokens = |text: &str| text.chars().count().div_ceil(4);
    json!({
        "object": "chat.completion",
        "model": request["model"],
        "choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": content}}],
        "usage": {"prompt_tokens": tokens(text(0)) + tokens(text(1)), "completion_tokens": tokens(&content)}
    })
}

/// One line of the transcript.
struct Line<'a> {
    number: u64,
    /// `user`, `assistant`, …, `tool`.
    who: &'a str,
    text: &'a str,
}

impl Line<'_> {
    fn read(line: &str) -> Option<Line<'_>> {
        let (number, rest) = line.strip_prefix('[')?.split_once("] ")?;
        let (who, text) = match rest.strip_prefix("tool ") {
            Some(call) => ("tool", call),
            None => rest.split_once(": ")?,
        };
        Some(Line { number: number.parse().ok()?, who, text })
    }
}

/// The fixed fields.
fn fixed(lines: &[Line<'_>], vertical: &str, content: &mut Map<String, Value>) {
    let spoken: Vec<&Line<'_>> = lines.iter().filter(|line| line.who != "tool").collect();
    let turn = |line: &&Line<'_>| Turn {
        role: match line.who.split(' ').next() {
            Some("user") => Role::User,
            Some("assistant") => Role::Assistant,
            _ => Role::System,
        },
        speaker: None,
        text: line.text.to_owned(),
    };
    let turns: Vec<Turn> = spoken.iter().map(turn).collect();
    let (analysis, decided) = builtin::analyze(&turns, vertical);
    if let Ok(Value::Object(fields)) = serde_json::to_value(&analysis) {
        content.extend(fields);
    }
    let evidence = decided
        .iter()
        .filter_map(|one| Some(json!({"claim": one.claim, "turn": spoken.get(one.turn)?.number, "quote": one.quote})));
    content.insert("evidence".into(), evidence.collect());
}

/// One analysis. `schema`: the properties of its part of the answer. `all`: all phrases are wanted.
fn analysis(name: &str, schema: &Value, instructions: &str, lines: &[Line<'_>], all: bool) -> Value {
    let own = instructions.split_once(&format!("\n\nAnalysis {name}")).map_or("", |(_, rest)| rest);
    let own = own.split("\n\nAnalysis ").next().unwrap_or_default();
    let (mut values, mut criteria, mut evidence) = (Map::new(), Map::new(), Vec::new());
    let listed = |part: &str| schema[part]["properties"].as_object().cloned().unwrap_or_default();
    for (name, of) in listed("values") {
        let found = found(&name, own, lines, all);
        let kind = of["type"].as_str().or(of["type"][0].as_str()).unwrap_or_default();
        let value = match (kind, found.first()) {
            ("boolean", first) => json!(first.is_some()),
            ("integer" | "number", _) => json!(found.len()),
            ("string", Some(line)) => json!(quote(line.text)),
            _ => Value::Null,
        };
        if let Some(line) = found.first() {
            evidence.push(json!({"claim": format!("values.{name}"), "turn": line.number, "quote": quote(line.text)}));
        }
        values.insert(name, value);
    }
    for (name, of) in listed("criteria") {
        let found = found(&name, own, lines, all);
        let judged = match (of["properties"].get("points"), found.is_empty()) {
            (None, empty) => json!({"verdict": if empty { "fail" } else { "pass" }}),
            (Some(_), true) => json!({"points": 1}),
            (Some(_), false) => json!({"points": 5}),
        };
        if let Some(line) = found.first() {
            evidence.push(json!({"claim": format!("criteria.{name}"), "turn": line.number, "quote": quote(line.text)}));
        }
        criteria.insert(name, judged);
    }
    json!({"values": values, "criteria": criteria, "evidence": evidence})
}

/// The lines in which the phrases stand that the description of this property or criterion names.
fn found<'l, 't>(name: &str, instructions: &str, lines: &'l [Line<'t>], all: bool) -> Vec<&'l Line<'t>> {
    let Some((_, description)) =
        instructions.split_once(&format!("* {name} (")).and_then(|(_, rest)| rest.split_once("): "))
    else {
        return Vec::new();
    };
    let description = description.lines().next().unwrap_or_default();
    let who = match description {
        said if said.starts_with("The caller") => "user",
        said if said.starts_with("A tool") => "tool",
        _ => "assistant",
    };
    let phrases: Vec<String> = description.split('"').skip(1).step_by(2).map(str::to_lowercase).collect();
    let said: Vec<&Line<'_>> = lines.iter().filter(|line| line.who.starts_with(who)).collect();
    let stands = |phrase: &String| said.iter().any(|line| line.text.to_lowercase().contains(phrase.as_str()));
    if phrases.is_empty() || (all && !phrases.iter().all(stands)) {
        return Vec::new();
    }
    let has_one = |line: &&&Line<'_>| phrases.iter().any(|phrase| line.text.to_lowercase().contains(phrase.as_str()));
    said.iter().filter(has_one).copied().collect()
}

/// The first words.
fn quote(text: &str) -> String {
    text.split_whitespace().take(14).collect::<Vec<_>>().join(" ")
}
