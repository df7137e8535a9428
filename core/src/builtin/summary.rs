//! What a person reads first: a line on the call in its own words, its topic, and what to do next.
//!
//! Extractive on purpose: a rule that writes new sentences about people would write wrong ones.

use foldhash::HashSet;
use std::sync::LazyLock;

use super::intent::{Reading, Spot};
use crate::analysis::{Entities, Intent, SUMMARY_MAX_CHARS};
use crate::text::{Utterance, Word, list, written};
use crate::transcript::Role;
use crate::vocabulary::is_hot_lead;

const TOPIC_MAX_WORDS: usize = 8;
const QUOTE_MAX_CHARS: usize = 110;

/// Openings that come before what the caller wants.
static OPENERS: LazyLock<HashSet<&str>> = LazyLock::new(|| {
    list(
        "hi hello hey good morning afternoon evening there yes yeah okay ok um uh so well i i'd i'm would \
         like to want need can could you please we we'd help me am looking calling just have do hola \
         buenas tardes buenos días quiero oh and are is what my",
    )
});

/// The sentence in which the caller says what they want.
fn request<'s, 't>(said: &'s [Utterance<'t>], reading: &Reading) -> Option<(&'s Utterance<'t>, &'s [Word<'t>])> {
    let (turn, word) = request_at(said, reading)?;
    sentence_at(&said[turn], word)
}

/// Where the caller says what they want: at the sign which decided the intent, else at the beginning of the first sentence
/// of four words or more.
fn request_at(said: &[Utterance], reading: &Reading) -> Option<Spot> {
    let of_user = said.iter().enumerate().filter(|(_, s)| s.role == Role::User);
    let mut sentences =
        of_user.flat_map(|(turn, s)| s.sentences().map(move |(start, words)| ((turn, start), words.len())));
    let first = || sentences.clone().find(|(_, words)| *words >= 4).or_else(|| sentences.next()).map(|(at, _)| at);
    reading.request.or_else(first)
}

/// Where the intent was decided; one that nothing speaks for, which is information, is asked for in the first sentence.
pub fn decided_at(said: &[Utterance], reading: &Reading) -> Option<Spot> {
    let asked = || request_at(said, reading).filter(|_| reading.intent == Intent::Info);
    reading.decided.or_else(asked)
}

fn sentence_at<'s, 't>(said: &'s Utterance<'t>, word: usize) -> Option<(&'s Utterance<'t>, &'s [Word<'t>])> {
    let (_, words) = said.sentences().find(|(start, words)| (*start..start + words.len()).contains(&word))?;
    Some((said, words))
}

/// What the call is about, in the caller's words.
pub fn topic(said: &[Utterance], reading: &Reading) -> Option<String> {
    let (said, words) = request(said, reading)?;
    let skip = words.iter().take_while(|w| w.is_in(&OPENERS)).count();
    let core = &words[if skip == words.len() { 0 } else { skip }..];
    let topic = written(said.text, &core[..core.len().min(TOPIC_MAX_WORDS)]);
    let topic = topic.trim_matches(|c: char| !c.is_alphanumeric());
    (!topic.is_empty()).then(|| shorten(topic, 80))
}

/// At most 240 characters: what the caller wanted, and how it ended, each as it was said.
pub fn summary(said: &[Utterance], reading: &Reading) -> String {
    let quote = |(said, words): (&Utterance, &[Word])| shorten(written(said.text, words), QUOTE_MAX_CHARS);
    let wanted = request(said, reading);
    let ended = match reading.booked {
        Some((turn, word)) => sentence_at(&said[turn], word).map(|s| ("Agent", quote(s))),
        None => last_words(said, wanted.map(|(said, _)| said)).map(|s| ("At the end", quote(s))),
    };
    let wanted = wanted.map(|s| format!("Caller: “{}”", quote(s)));
    let ended = ended.map(|(who, words)| format!("{who}: “{words}”"));
    let parts: Vec<String> = [wanted, ended].into_iter().flatten().collect();
    shorten(&parts.join(" "), SUMMARY_MAX_CHARS)
}

/// The caller's last sentence of four words or more, in a turn after that of the request.
fn last_words<'s, 't>(
    said: &'s [Utterance<'t>],
    request: Option<&Utterance<'t>>,
) -> Option<(&'s Utterance<'t>, &'s [Word<'t>])> {
    let after = request.and_then(|request| said.iter().position(|s| std::ptr::eq(request, s))).map_or(0, |at| at + 1);
    let turns = said[after..].iter().rev().filter(|s| s.role == Role::User);
    turns.flat_map(|s| s.sentences().map(move |(_, words)| (s, words))).find(|(_, words)| words.len() >= 4)
}

/// At most `max` characters, cut at a space if there is one, white space and control characters made single spaces.
fn shorten(text: &str, max: usize) -> String {
    let mut clean = String::new();
    for word in text.split(|c: char| c.is_whitespace() || c.is_control()).filter(|w| !w.is_empty()) {
        let room = max - clean.chars().count().min(max);
        if clean.is_empty() {
            if word.chars().count() > max {
                return word.chars().take(max - 1).chain(['…']).collect();
            }
            clean.push_str(word);
        } else if word.chars().count() < room {
            clean.push(' ');
            clean.push_str(word);
        } else {
            // The last character makes place for the mark that something is missing.
            while clean.chars().count() >= max {
                clean.pop();
            }
            clean.push('…');
            break;
        }
    }
    clean
}

/// What to do with the call, by intent and by what is known.
pub fn next_action(reading: &Reading, entities: &Entities, lead_score: i32) -> String {
    let contact = entities.phone.as_ref().map(|phone| format!(" on {phone}"));
    let contact = contact.or_else(|| entities.email.as_ref().map(|email| format!(" at {email}"))).unwrap_or_default();
    let who = entities.name.as_deref().unwrap_or("the caller");
    match reading.intent {
        Intent::Sales if is_hot_lead(lead_score, Intent::Sales) => format!("Call {who}{contact} today: a hot lead."),
        Intent::Sales => format!("Follow up with {who}{contact} about the offer."),
        Intent::Booking if reading.booked.is_some() => format!("Send {who} a confirmation{contact}."),
        Intent::Booking => format!("Finish the booking with {who}{contact}."),
        Intent::Complaint => format!("Have a person get back to {who}{contact} and put it right."),
        Intent::Support => format!("Check that the problem of {who} is solved{contact}."),
        Intent::Info if lead_score >= 40 => format!("Follow up with {who}{contact}."),
        Intent::Info | Intent::None => "none".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_said_before_the_request_is_not_the_end() {
        let turns = [
            (Role::User, "Hi, I am calling about my visit yesterday."),
            (Role::Assistant, "Of course."),
            (Role::User, "The dryer burned my ear and nobody apologised, I want my money back."),
        ];
        let said: Vec<_> = turns.iter().map(|(role, text)| Utterance::new(*role, text)).collect();
        let told = |said: &[Utterance]| summary(said, &super::super::intent::read(said, "", 0.0));
        let request = "Caller: “The dryer burned my ear and nobody apologised, I want my money back.”";
        assert_eq!(told(&said), request);
        let mut more = said;
        more.push(Utterance::new(Role::User, "Call me back on Tuesday, please."));
        assert_eq!(told(&more), format!("{request} At the end: “Call me back on Tuesday, please.”"));
    }

    #[test]
    fn shortening_keeps_whole_words_and_the_limit() {
        assert_eq!(shorten("one two three", 9), "one two…");
        assert_eq!(shorten("one\n two\u{0}three", 99), "one two three");
        assert_eq!(shorten("abcdef", 4), "abc…");
        for max in 1..20 {
            assert!(shorten("añb ccc dddd eeeee", max).chars().count() <= max);
        }
    }
}
