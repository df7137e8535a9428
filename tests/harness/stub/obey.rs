use serde_json::{Deserializer, Value};

use super::{Reply, Request};

const EXACTLY: &str = "reply exactly: ";
const WITH: &str = "reply with: ";

impl Reply {
    /// A model that does what it is told, whoever speaks: the last "reply exactly: …" of the transcript, to the end of the
    /// line, is what it says; the last "reply with: {…}" puts these fields into a good answer. "{{x*500}}" in it is x five
    /// hundred times: nobody has to say it all to make a model write it.
    pub fn obeying(request: &Request) -> Reply {
        let transcript = request.transcript();
        let (exactly, with) = (transcript.rfind(EXACTLY), transcript.rfind(WITH));
        if let Some(at) = exactly.filter(|_| exactly > with) {
            return Reply::content(&repeated(first_line(&transcript[at + EXACTLY.len()..]), "{{", "}}"));
        }
        let mut good = Reply::good();
        let schema = &request.json()["response_format"]["json_schema"]["schema"];
        if schema["properties"].get("notes").is_some() {
            good["notes"] = "Somebody spoke.".into();
        }
        if schema["properties"].get("analyses").is_some() {
            good = Reply::fitting_content(request, schema);
            // It shows everything by the words that told it what to say.
            if let Some(at) = with {
                let words: Vec<&str> = first_line(&transcript[at..]).split_whitespace().take(12).collect();
                let turn = transcript[..at].matches('\n').count() + 1;
                show_by(&mut good, turn, &words.join(" "));
            }
        }
        if let Some(at) = with {
            let mut demanded = repeated(first_line(&transcript[at + WITH.len()..]), "{{", "}}");
            // What stands in a string of a tool's result is JSON once more.
            if demanded.starts_with("{\\\"") {
                demanded = demanded.replace("\\\"", "\"");
            }
            // What follows the object is talk.
            let fields = Deserializer::from_str(&demanded).into_iter::<Value>().next();
            let Some(Ok(Value::Object(fields))) = fields else { return Reply::content(&demanded) };
            for (field, value) in fields {
                good[field] = value;
            }
        }
        Reply::content(&good.to_string())
    }
}

fn show_by(answer: &mut Value, turn: usize, quote: &str) {
    match answer {
        Value::Object(fields) if fields.contains_key("claim") => {
            fields.insert("turn".into(), turn.into());
            fields.insert("quote".into(), quote.into());
        }
        Value::Object(fields) => fields.values_mut().for_each(|field| show_by(field, turn, quote)),
        Value::Array(items) => items.iter_mut().for_each(|item| show_by(item, turn, quote)),
        _ => {}
    }
}

fn first_line(text: &str) -> &str {
    text.split('\n').next().unwrap_or_default()
}

/// The text with every `{{x*500}}` written out, or what else opens and closes it.
pub fn repeated(text: &str, opens: &str, closes: &str) -> String {
    let (mut written, mut rest) = (String::new(), text);
    while let Some((before, inside)) = rest.split_once(opens) {
        let times = inside.split_once(closes).and_then(|(inside, after)| {
            let (what, times) = inside.rsplit_once('*')?;
            Some((what.repeat(times.parse().ok()?), after))
        });
        written += before;
        match times {
            Some((what, after)) => {
                written += &what;
                rest = after;
            }
            None => {
                written += opens;
                rest = inside;
            }
        }
    }
    written + rest
}
