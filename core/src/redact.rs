//! What a language model need not know: card numbers, e-mail addresses, phone numbers and US social security numbers are
//! replaced by placeholders before a transcript leaves the database. What stands for what is kept by the asker and
//! resolves what comes back. What is caught and what is not is measured in `docs/redaction.md`.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::ops::Range;

use crate::analysis::{Analysis, ENTITY_MAX_CHARS, NEXT_ACTION_MAX_CHARS, SUMMARY_MAX_CHARS};
use crate::pii::{Found, Kind, find};
use crate::transcript::Turn;

/// What the placeholders of one call stand for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PlaceholderMap {
    numbers: HashMap<(Kind, String), u32>,
    /// What the words of the call name themselves: no placeholder of ours has such a number.
    spoken: HashSet<(Kind, u32)>,
    /// The highest number that was given out, of each kind.
    last: [u32; Kind::ALL.len()],
}

/// The turns with placeholders, and what these stand for. The same value has the same placeholder throughout, however it
/// was spelt; words of a caller that look like a placeholder are never one of ours. Takes time linear in the text.
pub fn redact(turns: &[Turn]) -> (Vec<Turn>, PlaceholderMap) {
    let spoken = turns.iter().flat_map(|turn| placeholders(&turn.text)).map(|p| (p.kind, p.number));
    let mut secrets = PlaceholderMap { spoken: spoken.collect(), ..PlaceholderMap::default() };
    let mut redacted: Vec<Turn> = Vec::with_capacity(turns.len());
    for turn in turns {
        let found = find(&turn.text, redacted.last().map_or("", |before| &before.text));
        redacted.push(Turn {
            role: turn.role,
            speaker: turn.speaker.clone(),
            text: secrets.replace(&turn.text, found),
        });
    }
    (redacted, secrets)
}

impl PlaceholderMap {
    pub fn is_empty(&self) -> bool {
        self.numbers.is_empty()
    }

    /// How many different values of a kind.
    pub fn count(&self, kind: Kind) -> usize {
        self.numbers.keys().filter(|(k, _)| *k == kind).count()
    }

    fn replace(&mut self, text: &str, found: Vec<Found>) -> String {
        let mut out = String::with_capacity(text.len());
        let mut at = 0;
        for Found { place, kind, value } in found {
            let (last, spoken) = (&mut self.last[kind as usize], &self.spoken);
            let number = *self.numbers.entry((kind, value)).or_insert_with(|| {
                // Ends: no call names all of them.
                *last =
                    (last.saturating_add(1)..).find(|number| !spoken.contains(&(kind, *number))).unwrap_or(u32::MAX);
                *last
            });
            out.push_str(&text[at..place.start]);
            out.push_str(&format!("[{}_{number}]", kind.as_str()));
            at = place.end;
        }
        out.push_str(&text[at..]);
        out
    }

    /// A text with the values of its placeholders, as far as they come back. Placeholders that nobody gave out stay.
    pub fn resolve<'t>(&self, text: &'t str) -> Cow<'t, str> {
        let mut out = String::new();
        let mut at = 0;
        for placeholder in placeholders(text) {
            let Some(value) = self.value(&placeholder) else { continue };
            out.push_str(&text[at..placeholder.place.start]);
            out.push_str(value);
            at = placeholder.place.end;
        }
        if at == 0 {
            return Cow::Borrowed(text);
        }
        out.push_str(&text[at..]);
        Cow::Owned(out)
    }

    /// The analysis of redacted words as one of the words themselves. A text that would be longer than is allowed keeps
    /// its placeholders.
    pub fn resolve_analysis(&self, analysis: Analysis) -> Analysis {
        if self.is_empty() {
            return analysis;
        }
        let within = |text: String, max: usize| match self.resolve(&text) {
            Cow::Owned(resolved) if resolved.chars().count() <= max => resolved,
            _ => text,
        };
        let mut entities = analysis.entities;
        for entity in [&mut entities.name, &mut entities.email, &mut entities.phone, &mut entities.topic] {
            *entity = entity.take().map(|text| {
                // Some models take the brackets for decoration.
                let bare = format!("[{text}]");
                let text = if placeholders(&bare).any(|p| p.place.len() == bare.len()) { bare } else { text };
                within(text, ENTITY_MAX_CHARS)
            });
        }
        Analysis {
            entities,
            summary: within(analysis.summary, SUMMARY_MAX_CHARS),
            next_action: within(analysis.next_action, NEXT_ACTION_MAX_CHARS),
            ..analysis
        }
    }

    fn value(&self, placeholder: &Placeholder) -> Option<&str> {
        let known =
            |(key, number): (&'_ (Kind, String), &u32)| key.0 == placeholder.kind && *number == placeholder.number;
        if !comes_back(placeholder.kind) {
            return None;
        }
        self.numbers.iter().find(|(key, number)| known((key, number))).map(|((_, value), _)| value.as_str())
    }
}

/// Whether the value is put back into what is stored. How to reach the caller is what an analysis is for; a card's or
/// social security number stays where it was said, so that no row that others read is one more copy of it.
fn comes_back(kind: Kind) -> bool {
    matches!(kind, Kind::Email | Kind::Phone)
}

struct Placeholder {
    place: Range<usize>,
    kind: Kind,
    number: u32,
}

/// What looks like a placeholder, in letters of either size.
fn placeholders(text: &str) -> impl Iterator<Item = Placeholder> + '_ {
    text.match_indices('[').filter_map(|(start, _)| {
        // No kind is longer than EMAIL, and no number than ten digits.
        let inside =
            text[start + 1..].bytes().take(17).position(|b| b == b']').map(|end| &text[start + 1..start + 1 + end])?;
        let (word, number) = inside.split_once('_')?;
        let kind = Kind::ALL.into_iter().find(|kind| kind.as_str().eq_ignore_ascii_case(word))?;
        let number = number.bytes().all(|b| b.is_ascii_digit()).then(|| number.parse().ok())??;
        Some(Placeholder { place: start..start + inside.len() + 2, kind, number })
    })
}
