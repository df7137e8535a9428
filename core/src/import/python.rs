//! Python literals as JSON: what `str()` makes of a tool's answer that is a dict or a list.

/// So deep a literal is read; what is deeper stays text.
const DEEPEST: usize = 64;

/// The JSON of a dict or a list of strings, numbers, `True`, `False`, `None`, dicts, lists and tuples; `None`: it is none.
/// A dict whose keys are not strings has them as strings, as `json.dumps` does.
pub fn literal(text: &str) -> Option<String> {
    let text = text.trim();
    if !text.starts_with(['{', '[']) {
        return None;
    }
    let mut reader = Reader { rest: text, json: String::with_capacity(text.len()) };
    reader.value(0)?;
    reader.rest.is_empty().then_some(reader.json)
}

struct Reader<'a> {
    rest: &'a str,
    json: String,
}

impl Reader<'_> {
    fn skip(&mut self, what: &str) -> bool {
        match self.rest.strip_prefix(what) {
            Some(rest) => {
                self.rest = rest.trim_start();
                true
            }
            None => false,
        }
    }

    fn value(&mut self, depth: usize) -> Option<()> {
        if depth > DEEPEST {
            return None;
        }
        match self.rest.as_bytes().first()? {
            b'{' => self.dict(depth),
            b'[' => self.list(depth, "[", "]"),
            b'(' => self.list(depth, "(", ")"),
            b'\'' | b'"' => self.string(),
            b'-' | b'0'..=b'9' => self.number(),
            _ => {
                let words = [("True", "true"), ("False", "false"), ("None", "null")];
                let (_, json) = words.into_iter().find(|(word, _)| self.skip(word))?;
                self.json.push_str(json);
                Some(())
            }
        }
    }

    fn dict(&mut self, depth: usize) -> Option<()> {
        self.skip("{");
        self.json.push('{');
        let mut first = true;
        while !self.skip("}") {
            if !first {
                self.json.push(',');
            }
            first = false;
            let key = self.json.len();
            if self.rest.starts_with(['{', '[', '(']) {
                return None;
            }
            self.value(depth + 1)?;
            if !self.json[key..].starts_with('"') {
                let text = self.json.split_off(key);
                self.json.push_str(&super::fields::quoted(&text));
            }
            if !self.skip(":") {
                return None;
            }
            self.json.push(':');
            self.value(depth + 1)?;
            if !self.skip(",") && !self.rest.starts_with('}') {
                return None;
            }
        }
        self.json.push('}');
        Some(())
    }

    fn list(&mut self, depth: usize, open: &str, close: &str) -> Option<()> {
        self.skip(open);
        self.json.push('[');
        let mut first = true;
        while !self.skip(close) {
            if !first {
                self.json.push(',');
            }
            first = false;
            self.value(depth + 1)?;
            if !self.skip(",") && !self.rest.starts_with(close) {
                return None;
            }
        }
        self.json.push(']');
        Some(())
    }

    fn number(&mut self) -> Option<()> {
        let end =
            self.rest.find(|c: char| !matches!(c, '-' | '+' | '.' | 'e' | 'E' | '0'..='9')).unwrap_or(self.rest.len());
        let (number, rest) = self.rest.split_at(end);
        serde_json::from_str::<serde_json::Number>(number).ok()?;
        self.json.push_str(number);
        self.rest = rest.trim_start();
        Some(())
    }

    fn string(&mut self) -> Option<()> {
        let quote = self.rest.chars().next()?;
        let mut text = String::new();
        let mut chars = self.rest[1..].char_indices();
        loop {
            let (at, c) = chars.next()?;
            match c {
                c if c == quote => {
                    self.rest = self.rest[1 + at + 1..].trim_start();
                    break;
                }
                '\\' => {
                    let hex = |chars: &mut std::str::CharIndices<'_>, digits: usize| {
                        let code: String = chars.take(digits).map(|(_, c)| c).collect();
                        u32::from_str_radix(&code, 16).ok().and_then(char::from_u32)
                    };
                    text.push(match chars.next()?.1 {
                        'n' => '\n',
                        'r' => '\r',
                        't' => '\t',
                        'x' => hex(&mut chars, 2)?,
                        'u' => hex(&mut chars, 4)?,
                        'U' => hex(&mut chars, 8)?,
                        c @ ('\\' | '\'' | '"') => c,
                        _ => return None,
                    });
                }
                c => text.push(c),
            }
        }
        // Postgres stores no NUL.
        if text.contains('\0') {
            return None;
        }
        self.json.push_str(&super::fields::quoted(&text));
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use super::literal;
    use proptest::prelude::*;

    #[test]
    fn what_str_makes_of_a_dict_is_json() {
        for (python, json) in [
            ("{'booked': 'Friday', 'at': (9, 30)}", r#"{"booked":"Friday","at":[9,30]}"#),
            ("[True, False, None, -1.5e3]", "[true,false,null,-1.5e3]"),
            (r#"{"it's": 'a "b" \'c\' \n \xe9 \u20ac'}"#, r#"{"it's":"a \"b\" 'c' \n é €"}"#),
            ("{1: {}, None: []}", r#"{"1":{},"null":[]}"#),
            ("[(1,)]", "[[1]]"),
        ] {
            assert_eq!(literal(python).as_deref(), Some(json), "{python}");
        }
        let deep = "[".repeat(1000);
        for other in
            ["booked", "{", "{'a'}", "{1, 2}", "{'a': <object at 0x7f>}", "['\\0']", "[nan]", "[1 2]", "[1] x", &deep]
        {
            assert_eq!(literal(other), None, "{other}");
        }
    }

    proptest! {
        #[test]
        fn what_comes_out_is_json(text in "[\\[{('\"]{1,3}[a-z0-9é'\"\\\\:, (){}\\[\\]TrueNone]{0,30}") {
            if let Some(json) = literal(&text) {
                prop_assert!(serde_json::from_str::<serde_json::Value>(&json).is_ok(), "{text}: {json}");
            }
        }
    }
}
