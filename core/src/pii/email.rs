//! E-mail addresses, written or spoken.

use foldhash::HashSet;
use std::ops::Range;
use std::sync::LazyLock;

use super::{Found, Kind, is_free};
use crate::text::{NumberWord, Stop, Utterance, Word, list, number_word, path_of, spelled, spelled_at_end};

/// All of them, from left to right.
pub fn find(said: &Utterance) -> Vec<Found> {
    let text = said.text;
    let mut found = written(text);
    let (mut spoken, mut end_of_last) = (Vec::new(), 0);
    for (words, value) in spoken_emails(said) {
        let Some((words, value)) = whole_address(&said.words[words], value) else { continue };
        let (Some(first), Some(last)) = (words.first(), words.last()) else { continue };
        let place = path_of(text, first.bare)..path_of(text, last.bare) + last.bare.len();
        // What has been replaced already is no part of another address.
        let whole = !text[place.clone()].contains(['[', ']']);
        if whole && place.start >= end_of_last && is_free(&found, &place) {
            end_of_last = place.end;
            spoken.push(Found { place, kind: Kind::Email, value });
        }
    }
    found.append(&mut spoken);
    found.sort_by_key(|f| f.place.start);
    found
}

/// The words and what they say, without the labels at the end that make no domain: in "jane at example dot com dot I mean"
/// the last one belongs to what is said next.
fn whole_address<'w, 't>(mut words: &'w [Word<'t>], mut value: String) -> Option<(&'w [Word<'t>], String)> {
    while !is_address(words.last()?.bare, &value) {
        let (shorter, label) = value.rsplit_once('.')?;
        let of_one_word = words.last()?.lower == label && shorter.split_once('@')?.1.contains('.');
        if !of_one_word {
            return None;
        }
        value = shorter.to_owned();
        // The label, and the "dot" before it.
        words = words.get(..words.len().checked_sub(2)?)?;
    }
    Some((words, value))
}

/// "Rated at 4.5", "arrive at Philadelphia.Tickets are …": no domain ends in a digit, and after a full stop without a
/// space a sentence begins.
fn is_address(last_word: &str, address: &str) -> bool {
    let top = address.rsplit('.').next().unwrap_or_default();
    let sentence = last_word.rsplit_once('.').is_some_and(|(_, next)| next.starts_with(char::is_uppercase));
    top.chars().count() >= 2 && top.chars().all(char::is_alphabetic) && !sentence
}

/// Around each `@`, whatever stands beside the address: `<mailto:kim@example.com>;`
fn written(text: &str) -> Vec<Found> {
    let mut found: Vec<Found> = Vec::new();
    for (at, _) in text.match_indices('@') {
        let end_of_last = found.last().map_or(0, |f| f.place.end);
        // "kim @ example.com", as some speech-to-text writes it.
        let apart = text[..at].strip_suffix(' ').zip(text[at + 1..].strip_prefix(' '));
        let (before, after) = apart.unwrap_or((&text[..at], &text[at + 1..]));
        let local = before.len() - before.chars().rev().take_while(|c| in_local(*c)).map(char::len_utf8).sum::<usize>();
        let local = local.max(end_of_last);
        let local = before.len() - before[local..].trim_start_matches(|c: char| !opens_local(c)).len();
        let domain: usize = after.chars().take_while(|c| in_domain(*c)).map(char::len_utf8).sum();
        // "kim@example.com..also": two stops end a sentence, and no domain has them.
        let domain = after[..domain].split("..").next().unwrap_or_default();
        let domain = domain.trim_end_matches(|c: char| !c.is_alphanumeric());
        if local == before.len() || !is_domain(domain) {
            continue;
        }
        let start_of_domain = text.len() - after.len();
        found.push(Found {
            place: local..start_of_domain + domain.len(),
            kind: Kind::Email,
            value: format!("{}@{domain}", unspelt(&before[local..])).to_lowercase(),
        });
    }
    found
}

/// "D-A-N-A.9" is how "dana.9" is spelt. Stops between letters are the address's own.
fn unspelt(local: &str) -> String {
    if !local.contains('-') {
        return local.to_owned();
    }
    let of_part = |part: &str| spelled(part).unwrap_or_else(|| part.to_owned());
    let between_stops = |part: &str| part.split('_').map(of_part).collect::<Vec<_>>().join("_");
    local.split('.').map(between_stops).collect::<Vec<_>>().join(".")
}

fn in_local(c: char) -> bool {
    c.is_alphanumeric() || "._%+-'".contains(c)
}

fn opens_local(c: char) -> bool {
    c.is_alphanumeric() || c == '_' || c == '+'
}

fn in_domain(c: char) -> bool {
    c.is_alphanumeric() || c == '.' || c == '-'
}

fn is_domain(domain: &str) -> bool {
    let top = domain.rsplit_once('.').map_or("", |(_, top)| top);
    top.chars().count() >= 2 && top.chars().all(|c| c.is_alphanumeric() || c == '-') && !domain.starts_with('.')
}

/// Spoken addresses, and the words that say them.
fn spoken_emails<'s>(said: &'s Utterance) -> impl Iterator<Item = (Range<usize>, String)> + 's {
    let at = said.words.iter().enumerate().filter(|(_, word)| is_at(word));
    at.filter_map(|(at, _)| spoken_email(&said.words, at))
}

fn is_at(word: &Word) -> bool {
    word.is("at") || word.is("arroba")
}

fn written_email(token: &str) -> Option<String> {
    let address = token.trim_matches(|c: char| !c.is_alphanumeric() && c != '_' && c != '+').to_lowercase();
    let (local, domain) = address.split_once('@')?;
    let in_local = |c: char| c.is_alphanumeric() || "._%+-'".contains(c);
    let in_domain = |c: char| c.is_alphanumeric() || c == '.' || c == '-';
    let labels_fine = domain.contains('.') && domain.split('.').all(|label| !label.is_empty());
    let fine = !local.is_empty() && local.chars().all(in_local) && domain.chars().all(in_domain) && labels_fine;
    (fine && address.chars().count() <= 254).then_some(address)
}

/// What a spoken sign between the parts of an address stands for.
fn sign(word: &Word) -> Option<char> {
    match word.lower.as_str() {
        "dot" | "period" | "punto" => Some('.'),
        "underscore" | "guion" => Some('_'),
        "dash" | "hyphen" => Some('-'),
        "plus" => Some('+'),
        _ => None,
    }
}

/// Words that stand before a spoken address and are no part of it.
static BEFORE_ADDRESS: LazyLock<HashSet<&str>> = LazyLock::new(|| {
    list(
        "it's is its that's email e-mail mail me to use address my yeah yes sure um uh so okay ok and the \
         would be under es correo try send us letters spelled spelt",
    )
});

/// "kim dot ortega at example dot com": back from the "at" to where the address begins, forward while dots follow.
fn spoken_email(words: &[Word], at: usize) -> Option<(Range<usize>, String)> {
    let label = |word: &Word| spelled(&word.lower).unwrap_or_else(|| word.lower.clone());
    let mut domain = label(words.get(at + 1)?);
    let mut end = at + 1;
    while !words[end].ends_sentence() && end - at < 8 {
        let (Some(dot), Some(next)) = (words.get(end + 1), words.get(end + 2)) else { break };
        if sign(dot) != Some('.') {
            break;
        }
        domain = format!("{domain}.{}", label(next));
        end += 2;
    }
    if !domain.contains('.') {
        return None;
    }
    // "carla and dev at …, all one word"
    let one_word = words[end..].iter().take(4).any(|w| w.is("word"));
    let (start, local) = spoken_local(&words[..at], one_word);
    let address = written_email(&format!("{local}@{domain}"))?;
    Some((start..end + 1, address))
}

/// What these words say before the "at", back to where the address begins: its place, and the part itself. Who spells
/// pauses between letters.
fn spoken_local(words: &[Word], one_word: bool) -> (usize, String) {
    const WORDS_MAX: usize = 24;
    const PARTS_MAX: usize = 12;
    let mut start = words.len();
    let mut parts: Vec<String> = Vec::new();
    while start > 0 && words.len() - start < WORDS_MAX {
        let word = &words[start - 1];
        // "D.A.N.A." ends no sentence.
        if (!word.ends_sentence() || spelled(word.bare).is_some())
            && let Some((letters, count)) = spelled_at_end(&words[..start])
        {
            parts.push(letters);
            start -= count;
            continue;
        }
        let opens = word.is_in(&BEFORE_ADDRESS) && !(one_word && word.is("and"));
        if word.stop != Stop::No || opens || parts.len() >= PARTS_MAX {
            break;
        }
        parts.push(sign(word).map_or_else(|| word.lower.clone(), String::from));
        start -= 1;
    }
    parts.reverse();
    (start, with_digits(&parts))
}

/// The parts as one, its numbers in digits: "kim", "ninety", "nine" are "kim99".
fn with_digits(parts: &[String]) -> String {
    let english = |part: &str| match number_word(part) {
        // "Otto" and "null" are names and words too.
        Some(NumberWord::Digit { digit, .. }) if ENGLISH_DIGITS.contains(&part) => Some(digit.to_string()),
        Some(NumberWord::Teen(value) | NumberWord::Tens(value)) => Some(value.to_string()),
        _ => None,
    };
    let mut local = String::new();
    let mut after_tens = false;
    for part in parts {
        let number = english(part);
        if after_tens && number.as_ref().is_some_and(|digit| digit.len() == 1 && digit != "0") {
            local.pop();
        }
        after_tens = matches!(number_word(part), Some(NumberWord::Tens(_)));
        local.push_str(number.as_deref().unwrap_or(part));
    }
    local
}

const ENGLISH_DIGITS: [&str; 10] = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"];
