use serde_json::{Map, Value, json};

use super::{Reply, Request};

impl Reply {
    /// A model that answers what it is asked in the form that the request's schema gives: the good fields, a value for each
    /// property, full points for each criterion, and quotes of the first words that the user said.
    pub fn fitting(request: &Request) -> Reply {
        let schema = &request.json()["response_format"]["json_schema"]["schema"];
        Reply::content(&Reply::fitting_content(request, schema).to_string())
    }

    /// The content of that answer, to be spoilt.
    pub fn fitting_content(request: &Request, schema: &Value) -> Value {
        let transcript = request.transcript();
        let (turn, quote) = transcript.lines().find_map(first_words_of_user).unwrap_or((1, String::new()));
        let mut content = value_of(schema, &[], turn, &quote);
        let good = Reply::good();
        for (field, value) in good.as_object().into_iter().flatten() {
            if content.get(field).is_some() {
                content[field] = value.clone();
            }
        }
        if let Some(notes) = content.get_mut("notes") {
            let number =
                |line: Option<&str>| line.and_then(|line| line.split(['[', ']']).nth(1)).unwrap_or("").to_owned();
            *notes = json!(format!(
                "Lines ({}) to ({}).",
                number(transcript.lines().next()),
                number(transcript.lines().last())
            ));
        }
        content
    }
}

/// The number of a line that the user spoke, and its first words.
fn first_words_of_user(line: &str) -> Option<(u64, String)> {
    let (number, rest) = line.strip_prefix('[')?.split_once("] user: ")?;
    let words: Vec<&str> = rest.split_whitespace().take(4).collect();
    Some((number.parse().ok()?, words.join(" ")))
}

/// A value that fits; `path`: the properties on the way to it.
fn value_of(schema: &Value, path: &[&str], turn: u64, quote: &str) -> Value {
    if let Some(allowed) = schema["enum"].as_array() {
        return allowed[0].clone();
    }
    let kind = match &schema["type"] {
        Value::Array(kinds) => kinds[0].as_str().unwrap_or_default(),
        kind => kind.as_str().unwrap_or_default(),
    };
    match kind {
        "object" => {
            let properties = schema["properties"].as_object().cloned().unwrap_or_default();
            let mut object = Map::new();
            for (name, of) in &properties {
                let path: Vec<&str> = path.iter().copied().chain([name.as_str()]).collect();
                object.insert(name.clone(), value_of(of, &path, turn, quote));
            }
            Value::Object(object)
        }
        "array" => {
            let items = &schema["items"];
            match items["properties"]["claim"]["enum"].as_array() {
                Some(claims) => {
                    claims.iter().map(|claim| json!({"claim": claim, "turn": turn, "quote": quote})).collect()
                }
                None => json!([value_of(items, path, turn, quote)]),
            }
        }
        "integer" => json!(3),
        "number" => json!(1.5),
        "boolean" => json!(true),
        "string" if path.last().is_some_and(|name| name.contains("day") || name.contains("date")) => {
            json!("2026-01-02")
        }
        "string" => json!("something"),
        _ => Value::Null,
    }
}
