//! The claims of a reply. One that cannot be read is left out: evidence is never a reason to refuse what it is for.

use serde_json::Value;

use super::{CLAIMS_MAX, Claim, QUOTE_MAX_CHARS};
use crate::analysis::cut;
use crate::strip_invisible::strip_invisible;

/// Reads a list of claims about what `known` names; it may be missing. Gives them, and whether one was left out or read in
/// another form than was asked for.
pub(super) fn read(value: Option<&Value>, known: &[impl AsRef<str>]) -> (Vec<Claim>, bool) {
    let entries = match value {
        Some(Value::Array(entries)) => entries,
        None => return (Vec::new(), false),
        Some(_) => return (Vec::new(), true),
    };
    let mut mended = entries.len() > CLAIMS_MAX;
    let mut claims = Vec::new();
    for entry in entries.iter().take(CLAIMS_MAX) {
        match claim(entry, known) {
            Some((claim, exact)) => {
                mended |= !exact;
                claims.push(claim);
            }
            None => mended = true,
        }
    }
    (claims, mended)
}

/// A claim, and whether it is in the form that was asked for.
fn claim(entry: &Value, known: &[impl AsRef<str>]) -> Option<(Claim, bool)> {
    let about = entry.get("claim")?.as_str()?.trim();
    let (claim, exact) = named(about, known)?;
    let quote = strip_invisible(entry.get("quote")?.as_str()?).trim().to_owned();
    let (quote, whole) = match cut(&quote, QUOTE_MAX_CHARS) {
        None => (quote, true),
        Some(short) => (short, false),
    };
    let turn = entry.get("turn")?;
    let number = match turn {
        Value::Number(number) => number.as_f64(),
        // "12", "[12]"
        Value::String(text) => text.trim_matches(|c: char| c.is_whitespace() || matches!(c, '[' | ']')).parse().ok(),
        _ => None,
    }?;
    let is_turn = number.fract() == 0.0 && (0.0..=f64::from(u32::MAX)).contains(&number);
    // Whole and of 32 bits as just checked, so the cast is exact.
    let turn_number = if is_turn { number as u32 } else { 0 };
    Some((Claim { claim, turn: turn_number, quote }, exact && whole && turn.is_number()))
}

/// The name of ours, and whether it was given as it is. A last part alone will do where only one name ends with it, and an
/// object for what is in it.
fn named(about: &str, known: &[impl AsRef<str>]) -> Option<(String, bool)> {
    let names = || known.iter().map(AsRef::as_ref);
    if let Some(name) = names().find(|name| *name == about) {
        return Some((name.to_owned(), true));
    }
    let is_object = |name: &str| name.strip_prefix(about).is_some_and(|inner| inner.starts_with('.'));
    if about.contains('.') && names().any(is_object) {
        return Some((about.to_owned(), false));
    }
    let ends = |name: &str| name.strip_suffix(about).is_some_and(|before| before.ends_with('.'));
    let mut ending = names().filter(|name| !about.is_empty() && ends(name));
    match (ending.next(), ending.next()) {
        (Some(name), None) => Some((name.to_owned(), false)),
        _ => None,
    }
}
