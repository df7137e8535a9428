//! Strings and whole numbers of a JSON text, replaced where they stand: the text stays the JSON that it was, to the blank.

use serde::de::IgnoredAny;

/// Strings that are JSON themselves are read as such, so deep.
const NESTED_MAX: usize = 4;

/// A string or a whole number of a JSON text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scalar<'t> {
    /// Its characters, without escapes.
    Text(&'t str),
    /// A whole number from 0: its digits.
    Digits(&'t str),
}

/// What is to stand in the place of a scalar; `None`: it stays. Its second argument is what it is called: its key and the key
/// of what it is in, as words ("customer phone number").
pub(crate) type Replace<'r> = dyn FnMut(Scalar<'_>, &str) -> Option<String> + 'r;

/// `json` with the strings that `replace` gives; a number that is replaced becomes a string. `None`: nothing was replaced, or
/// it is no JSON.
pub(crate) fn replace_scalars(json: &str, replace: &mut Replace<'_>) -> Option<String> {
    replace_nested(json, replace, NESTED_MAX)
}

/// Whether a text is JSON.
pub(crate) fn is_json(text: &str) -> bool {
    serde_json::from_str::<IgnoredAny>(text).is_ok()
}

fn replace_nested(json: &str, replace: &mut Replace<'_>, nested: usize) -> Option<String> {
    is_json(json)
        .then(|| Walk { json, at: 0, names: Vec::new(), out: String::new(), copied: 0 }.run(replace, nested))?
}

/// A walk over the tokens of a text that is JSON.
struct Walk<'t> {
    json: &'t str,
    at: usize,
    /// What the objects and arrays around are called, from outside; an array's name is that of its elements.
    names: Vec<Level<'t>>,
    out: String,
    /// What of the text is in `out`.
    copied: usize,
}

/// An object or an array that is open.
struct Level<'t> {
    is_object: bool,
    /// The key of it, in the object around it.
    name: &'t str,
    /// The key that was read last, until its value has been read.
    key: Option<&'t str>,
}

impl<'t> Walk<'t> {
    fn run(mut self, replace: &mut Replace<'_>, nested: usize) -> Option<String> {
        while let Some(byte) = self.json.as_bytes().get(self.at) {
            match byte {
                b'{' | b'[' => {
                    let name = self.name();
                    self.names.push(Level { is_object: *byte == b'{', name, key: None });
                    self.at += 1;
                }
                b'}' | b']' => {
                    self.names.pop();
                    self.at += 1;
                }
                b',' => {
                    if let Some(level) = self.names.last_mut() {
                        level.key = None;
                    }
                    self.at += 1;
                }
                b'"' => self.string(replace, nested),
                b'-' | b'0'..=b'9' => self.number(replace),
                _ => self.at += 1,
            }
        }
        (self.copied > 0).then(|| {
            self.out.push_str(&self.json[self.copied..]);
            self.out
        })
    }

    /// The key of what comes next, or of the array that it is in.
    fn name(&self) -> &'t str {
        self.names.last().map_or("", |level| if level.is_object { level.key.unwrap_or_default() } else { level.name })
    }

    /// What the next value is called: the key of what it is in, and its own.
    fn called(&self) -> String {
        let around = match self.names.last() {
            Some(level) if level.is_object => level.name,
            _ => "",
        };
        words(around) + &words(self.name())
    }

    fn string(&mut self, replace: &mut Replace<'_>, nested: usize) {
        let (start, end) = (self.at, end_of_string(self.json, self.at));
        self.at = end;
        let token = &self.json[start..end];
        let inside = &token[1..token.len().saturating_sub(1).max(1)];
        let is_key = self.names.last().is_some_and(|level| level.is_object && level.key.is_none());
        let decoded;
        let text = match inside.contains('\\') {
            false => inside,
            true => {
                // A lone surrogate is no text: it stays as it is.
                decoded = serde_json::from_str::<String>(token).unwrap_or_default();
                &decoded
            }
        };
        let called = if is_key { String::new() } else { self.called() };
        let as_json = match text.trim_start().starts_with(['{', '[']) && nested > 0 {
            true => replace_nested(text, replace, nested - 1),
            false => None,
        };
        if let Some(instead) = as_json.or_else(|| replace(Scalar::Text(text), &called)) {
            self.put(start, &instead);
        }
        if let Some(level) = self.names.last_mut().filter(|_| is_key) {
            level.key = Some(inside);
        }
    }

    fn number(&mut self, replace: &mut Replace<'_>) {
        let rest = &self.json[self.at..];
        let token = &rest[..rest.find([',', '}', ']', ' ', '\t', '\n', '\r']).unwrap_or(rest.len())];
        let start = self.at;
        self.at += token.len();
        if token.bytes().all(|b| b.is_ascii_digit())
            && let Some(instead) = replace(Scalar::Digits(token), &self.called())
        {
            self.put(start, &instead);
        }
    }

    /// Puts a string in the place of what stands from `start` to where the walk is.
    fn put(&mut self, start: usize, instead: &str) {
        self.out.push_str(&self.json[self.copied..start]);
        self.out.push_str(&serde_json::Value::from(instead).to_string());
        self.copied = self.at;
    }
}

/// Where the string that begins at `start` ends, behind its quotation mark.
fn end_of_string(json: &str, start: usize) -> usize {
    let mut escaped = false;
    let inside = json.as_bytes().iter().enumerate().skip(start + 1);
    for (at, byte) in inside {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => return at + 1,
            _ => {}
        }
    }
    json.len()
}

/// A key as words, each with a blank after it: `phone_number`, `phoneNumber`.
fn words(key: &str) -> String {
    let mut words = String::with_capacity(key.len() + 4);
    let mut before = ' ';
    for c in key.chars() {
        if c.is_uppercase() && before.is_lowercase() {
            words.push(' ');
        }
        words.push(if c.is_alphanumeric() { c } else { ' ' });
        before = c;
    }
    words.push(' ');
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The text with marks for the scalars, and what these were called.
    fn walked(json: &str) -> (Option<String>, Vec<String>) {
        let mut seen = Vec::new();
        let replaced = replace_scalars(json, &mut |scalar, called| {
            let called = called.split_whitespace().collect::<Vec<_>>().join(" ");
            seen.push(match scalar {
                Scalar::Text(text) => format!("{called}: {text}"),
                Scalar::Digits(digits) => format!("{called}# {digits}"),
            });
            match scalar {
                Scalar::Text("x") | Scalar::Digits("7") => Some("a\"b".to_owned()),
                _ => None,
            }
        });
        (replaced, seen)
    }

    #[test]
    fn scalars_are_replaced_and_nothing_else_changes() {
        let (replaced, _) =
            walked("{ \"x\" : [ \"x\", 7 ,70, 7.0, -7, 7e0, true, null, \"y\\u0041\"], \"b\": {\"c\":\"x\"} }");
        let expected = "{ \"a\\\"b\" : [ \"a\\\"b\", \"a\\\"b\" ,70, 7.0, -7, 7e0, true, null, \"y\\u0041\"], \"b\": {\"c\":\"a\\\"b\"} }";
        assert_eq!(replaced.as_deref(), Some(expected));
        assert_eq!(walked("7").0.as_deref(), Some("\"a\\\"b\""));
        assert_eq!(walked("{\"a\": 1, \"b\": [\"y\"]}").0, None);
    }

    #[test]
    fn a_scalar_is_called_by_its_key_and_the_key_around_it() {
        let (_, seen) = walked(r#"{"contact": {"phoneNumber": 12, "all_mails": ["a", {"x-y": "b"}]}, "n": "c\n"}"#);
        assert_eq!(
            seen,
            [
                ": contact",
                ": phoneNumber",
                "contact phone Number# 12",
                ": all_mails",
                "all mails: a",
                ": x-y",
                "all mails x y: b",
                ": n",
                "n: c\n"
            ]
        );
    }

    #[test]
    fn json_in_a_string_is_json_too() {
        let (replaced, _) = walked(r#"{"body": "{\"n\": 7, \"s\": \"x\"}", "not": "{x"}"#);
        let replaced: serde_json::Value = serde_json::from_str(&replaced.unwrap()).unwrap();
        let inner: serde_json::Value = serde_json::from_str(replaced["body"].as_str().unwrap()).unwrap();
        assert_eq!(inner, serde_json::json!({"n": "a\"b", "s": "a\"b"}));
        assert_eq!(replaced["not"], "{x");
    }

    #[test]
    fn what_is_no_json_is_left_alone() {
        for text in ["", "x", "{\"a\": \"x\"", "{\"a\": 7}}", "[7,]"] {
            assert_eq!(walked(text), (None, vec![]), "{text}");
        }
    }
}
