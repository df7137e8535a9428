//! Which words decided: the evidence of an analysis by rules.

use super::Decided;
use super::course::Course;
use super::intent::Spot;
use super::lead;
use super::sentiment::Felt;
use crate::strip_invisible::strip_invisible;
use crate::text::{Utterance, Word, written};
use crate::transcript::{Role, Turn};

/// Longest quote.
const QUOTE_MAX_WORDS: usize = 20;
const QUOTE_MAX_CHARS: usize = 200;
/// Words of a longer sentence that stand before what decided.
const WORDS_BEFORE: usize = 7;

/// A call, and what the rules say of it.
pub struct Judged<'a, 't> {
    pub said: &'a [Utterance<'t>],
    pub felt: &'a Felt,
    pub course: &'a Course,
    /// As it is given, which is not the mean of the turns where the caller complains.
    pub sentiment: f64,
    pub facts: &'a lead::Facts,
}

impl Judged<'_, '_> {
    /// What decided the sentiment, the lead score and the intent, as far as words did: a caller without any feeling has none
    /// that show it.
    pub fn decided(&self, turns: &[&Turn]) -> Vec<Decided> {
        let intent = self.facts.intent_at.and_then(|at| self.around(at));
        let lead_score = match self.facts.decided() {
            at if at == self.facts.intent_at => intent,
            at => at.and_then(|at| self.around(at)),
        };
        // How the caller feels is not shown by the agent's words.
        let by_caller = intent.filter(|(turn, _)| self.sentiment < 0.0 && self.said[*turn].role == Role::User);
        let by_course = || self.course.shown(self.sentiment).and_then(|at| self.around(at));
        let sentiment = self.feeling().or_else(by_course).or(by_caller);
        let places = [("sentiment", sentiment), ("lead_score", lead_score), ("intent", intent)];
        let claims = places.into_iter().filter_map(|(claim, place)| {
            let (turn, quote) = place?;
            shown(turns[turn], &self.said[turn], quote).map(|quote| Decided { claim, turn, quote })
        });
        claims.collect()
    }

    /// The turn with the strongest feeling of the kind that the whole call has, or of a long turn the words that have most of it.
    fn feeling(&self) -> Option<(usize, &str)> {
        let caller = self.felt.strongest(self.sentiment)?;
        let (turn, said) = self.said.iter().enumerate().filter(|(_, said)| said.role == Role::User).nth(caller)?;
        if said.words.len() <= QUOTE_MAX_WORDS {
            return Some((turn, written(said.text, &said.words)));
        }
        let pieces = said.sentences().flat_map(|(_, words)| words.chunks(QUOTE_MAX_WORDS));
        let pieces = pieces.map(|words| written(said.text, words));
        let strength = |piece: &str| self.felt.of(&Utterance::new(Role::User, piece)) * self.sentiment.signum();
        let strongest = pieces
            .map(|piece| (strength(piece), piece))
            .reduce(|best, piece| if piece.0 > best.0 { piece } else { best });
        strongest.map(|(_, piece)| (turn, piece))
    }

    /// The words around one, in its sentence.
    fn around(&self, (turn, word): Spot) -> Option<(usize, &str)> {
        let said = self.said.get(turn)?;
        let (start, sentence) =
            said.sentences().find(|(start, words)| (*start..start + words.len()).contains(&word))?;
        Some((turn, written(said.text, window(sentence, word - start))))
    }
}

/// What a recording said that nobody answers.
pub fn recorded(said: &[Utterance], at: Option<Spot>, turns: &[&Turn]) -> Vec<Decided> {
    let Some((turn, word)) = at else { return Vec::new() };
    let words = window(&said[turn].words, word);
    let quote = shown(turns[turn], &said[turn], written(said[turn].text, words));
    let claims = quote
        .map(|quote| ["sentiment", "lead_score", "intent"].map(|claim| Decided { claim, turn, quote: quote.clone() }));
    claims.map(Vec::from).unwrap_or_default()
}

fn window<'w, 't>(words: &'w [Word<'t>], word: usize) -> &'w [Word<'t>] {
    let start = if words.len() <= QUOTE_MAX_WORDS { 0 } else { word.saturating_sub(WORDS_BEFORE) };
    &words[start..words.len().min(start + QUOTE_MAX_WORDS)]
}

/// The quote as it is stored, if it stands in its turn: of a huge turn only the two ends are read, side by side.
fn shown(turn: &Turn, said: &Utterance, quote: &str) -> Option<String> {
    let limit = Some(quote).filter(|quote| quote.len() > QUOTE_MAX_CHARS);
    let quote = match limit.and_then(|quote| quote.char_indices().nth(QUOTE_MAX_CHARS)) {
        None => quote,
        Some((limit, _)) => &quote[..quote[..limit].rfind(char::is_whitespace).unwrap_or(limit)],
    };
    if said.text.len() != turn.text.len() && !turn.text.contains(quote) {
        return None;
    }
    let is_plain = quote.bytes().all(|b| (b' '..=b'~').contains(&b));
    let quote = if is_plain { quote.to_owned() } else { strip_invisible(quote).trim().to_owned() };
    (!quote.is_empty()).then_some(quote)
}
