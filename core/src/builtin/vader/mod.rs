//! VADER: a valence for each word, bent by its neighbours (Hutto & Gilbert 2014, ICWSM).
//!
//! A port of the Python reference, vaderSentiment 3.3.2, its quirks included: what they do to a single
//! score is debatable, a baseline that others can reproduce is not. `reference.tsv` holds the two together.

use foldhash::{HashMap, HashSet};
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::sync::LazyLock;

const BOOST: f64 = 0.293;
const CAPS: f64 = 0.733;
const NEGATION: f64 = -0.74;
/// Approximates the largest sum one expects, so that the score tends to ±1 slowly.
const ALPHA: f64 = 15.0;

static LEXICON: LazyLock<HashMap<&'static str, f64>> =
    LazyLock::new(|| rows(include_str!("lexicon.tsv")).filter_map(|(w, v)| Some((w, v.parse().ok()?))).collect());

static EMOJI: LazyLock<HashMap<char, &'static str>> =
    LazyLock::new(|| rows(include_str!("emoji.tsv")).filter_map(|(e, d)| Some((e.chars().next()?, d))).collect());

static BOOSTERS: LazyLock<HashMap<&'static str, f64>> = LazyLock::new(|| {
    let up = include_str!("boosters.txt").split_whitespace().map(|w| (w, BOOST));
    let down = include_str!("dampeners.txt").split_whitespace().map(|w| (w, -BOOST));
    up.chain(down).collect()
});

static NEGATIONS: LazyLock<HashSet<&'static str>> =
    LazyLock::new(|| include_str!("negations.txt").split_whitespace().collect());

/// Phrases that mean something else than their words; they set the valence of the word they touch.
const IDIOMS: [(&[&str], f64); 8] = [
    (&["the", "shit"], 3.0),
    (&["the", "bomb"], 3.0),
    (&["bad", "ass"], 1.5),
    (&["bus", "stop"], 0.0),
    (&["yeah", "right"], -2.0),
    (&["kiss", "of", "death"], -1.5),
    (&["to", "die", "for"], 3.0),
    (&["beating", "heart"], 3.5),
];

/// Dampeners of two words. The reference lists "just enough" too.
const DAMPENING_PAIRS: [[&str; 2]; 3] = [["just", "enough"], ["kind", "of"], ["sort", "of"]];

fn rows(table: &'static str) -> impl Iterator<Item = (&'static str, &'static str)> {
    table.lines().filter_map(|line| line.split_once('\t'))
}

/// The compound score of a text, −1.0..=1.0, equal to the reference's before it rounds to four decimals.
pub fn compound(text: &str) -> f64 {
    compound_without(text, |_, _| false)
}

/// The same, with the valence of the words that `silenced` names counted as nothing. It is given each word with the
/// one after it ("" at the end), in lower case.
/// They keep their place, so they still boost, negate and separate as before.
pub fn compound_without(text: &str, silenced: impl Fn(&str, &str) -> bool) -> f64 {
    let text = spell_out_emoji(text);
    let words: Vec<Word> = text.split(is_space).filter(|t| !t.is_empty()).map(Word::read).collect();
    let shouted = words.iter().filter(|w| w.is_upper).count();
    // Capitals only emphasise where not everything is in capitals.
    let emphasis = if 0 < shouted && shouted < words.len() { CAPS } else { 0.0 };
    let mut valences: Vec<f64> = (0..words.len())
        .map(|i| {
            let next = words.get(i + 1).map_or("", |w| w.lower.as_str());
            if silenced(&words[i].lower, next) { 0.0 } else { valence(&words, i, emphasis) }
        })
        .collect();
    weigh_around_but(&words, &mut valences);

    let sum: f64 = valences.iter().sum();
    let punctuation = punctuation_emphasis(&text);
    let sum = match sum {
        s if s > 0.0 => s + punctuation,
        s if s < 0.0 => s - punctuation,
        s => s,
    };
    (sum / (sum * sum + ALPHA).sqrt()).clamp(-1.0, 1.0)
}

/// A token with all that the rules ask about it.
struct Word {
    lower: String,
    valence: Option<f64>,
    boost: f64,
    is_upper: bool,
}

impl Word {
    fn read(token: &str) -> Self {
        let bare = token.trim_matches(|c: char| c.is_ascii_punctuation());
        // Two characters or fewer left: it was likely an emoticon.
        let shown = if bare.chars().nth(2).is_some() { bare } else { token };
        let lower = shown.to_lowercase();
        Word {
            valence: LEXICON.get(lower.as_str()).copied(),
            boost: BOOSTERS.get(lower.as_str()).copied().unwrap_or(0.0),
            is_upper: shown.chars().any(char::is_uppercase) && !shown.chars().any(char::is_lowercase),
            lower,
        }
    }

    fn is(&self, word: &str) -> bool {
        self.lower == word
    }

    fn negates(&self) -> bool {
        NEGATIONS.contains(self.lower.as_str()) || self.lower.contains("n't")
    }
}

/// What Python's `str.split` takes for white space.
fn is_space(c: char) -> bool {
    c.is_whitespace() || ('\u{1c}'..='\u{1f}').contains(&c)
}

fn spell_out_emoji(text: &str) -> String {
    let mut spelled = String::with_capacity(text.len());
    let mut after_space = true;
    for c in text.chars() {
        // No emoji is that low, and nearly all text is.
        match (c > '\u{a0}').then(|| EMOJI.get(&c)).flatten() {
            Some(description) => {
                if !after_space {
                    spelled.push(' ');
                }
                spelled.push_str(description);
                after_space = false;
            }
            None => {
                spelled.push(c);
                after_space = c == ' ';
            }
        }
    }
    spelled
}

/// The valence of word `i` among its neighbours.
fn valence(words: &[Word], i: usize, emphasis: f64) -> f64 {
    let word = &words[i];
    let next = words.get(i + 1);
    if word.boost != 0.0 || (word.is("kind") && next.is_some_and(|n| n.is("of"))) {
        return 0.0;
    }
    let Some(own) = word.valence else { return 0.0 };

    // "no" before a word of the lexicon negates it and says nothing by itself.
    let mut valence = if word.is("no") && next.is_some_and(|n| n.valence.is_some()) { 0.0 } else { own };
    let before = |steps: usize| i.checked_sub(steps).map(|at| &words[at]);
    let no = |steps: usize| before(steps).is_some_and(|w| w.is("no"));
    if no(1) || no(2) || (no(3) && before(1).is_some_and(|w| w.is("or") || w.is("nor"))) {
        valence = own * NEGATION;
    }
    if word.is_upper {
        valence += if valence > 0.0 { emphasis } else { -emphasis };
    }
    for steps in 1..=3 {
        let Some(neighbour) = before(steps).filter(|w| w.valence.is_none()) else { continue };
        // The further away, the less it boosts.
        let fade = [1.0, 0.95, 0.9][steps - 1];
        valence += fade * boost(neighbour, valence, emphasis);
        valence = negate(valence, words, i, steps);
        if steps == 3 {
            valence = idiom(valence, words, i);
        }
    }
    if before(1).is_some_and(|w| w.is("least") && w.valence.is_none())
        && !before(2).is_some_and(|w| w.is("at") || w.is("very"))
    {
        valence *= NEGATION;
    }
    valence
}

fn boost(word: &Word, valence: f64, emphasis: f64) -> f64 {
    if word.boost == 0.0 {
        return 0.0;
    }
    let scalar = if valence < 0.0 { -word.boost } else { word.boost };
    match word.is_upper {
        true if valence > 0.0 => scalar + emphasis,
        true => scalar - emphasis,
        false => scalar,
    }
}

fn negate(valence: f64, words: &[Word], i: usize, steps: usize) -> f64 {
    let at = |steps: usize| &words[i - steps];
    let so_or_this = |steps: usize| at(steps).is("so") || at(steps).is("this");
    let doubt = |steps: usize| at(steps).is("doubt");
    // "never so good" is praise. The reference's precedence lets "so" and "this" do it alone three words on; kept.
    let never_so = match steps {
        2 => at(2).is("never") && so_or_this(1),
        3 => (at(3).is("never") && so_or_this(2)) || so_or_this(1),
        _ => false,
    };
    let without_doubt = match steps {
        2 => at(2).is("without") && doubt(1),
        3 => at(3).is("without") && (doubt(2) || doubt(1)),
        _ => false,
    };
    if never_so {
        valence * 1.25
    } else if !without_doubt && at(steps).negates() {
        valence * NEGATION
    } else {
        valence
    }
}

/// Special idioms around word `i`, which has at least three words before it.
fn idiom(mut valence: f64, words: &[Word], i: usize) -> f64 {
    let known = |from: usize, len: usize| {
        let span = words.get(from..from + len)?;
        let same = |phrase: &[&str]| phrase.len() == len && phrase.iter().zip(span).all(|(p, w)| w.is(p));
        IDIOMS.iter().find(|(phrase, _)| same(phrase)).map(|(_, valence)| *valence)
    };
    let behind = [(i - 1, 2), (i - 2, 3), (i - 2, 2), (i - 3, 3), (i - 3, 2)];
    if let Some(set) = behind.into_iter().find_map(|(from, len)| known(from, len)) {
        valence = set;
    }
    for len in [2, 3] {
        if let Some(set) = known(i, len) {
            valence = set;
        }
    }
    for from in [i - 3, i - 2] {
        if DAMPENING_PAIRS.iter().any(|[a, b]| words[from].is(a) && words[from + 1].is(b)) {
            valence -= BOOST;
        }
    }
    valence
}

/// After the first "but" counts half as much again, before it half.
///
/// The reference finds each valence by its value, so where two are equal it changes the first one twice.
/// The heaps give the same answer without its quadratic search.
fn weigh_around_but(words: &[Word], valences: &mut [f64]) {
    let Some(but) = words.iter().position(|w| w.is("but")) else { return };
    let mut places: HashMap<u64, BinaryHeap<Reverse<usize>>> = HashMap::default();
    for (at, valence) in valences.iter().enumerate().filter(|(_, v)| **v != 0.0) {
        places.entry(valence.to_bits()).or_default().push(Reverse(at));
    }
    for i in 0..valences.len() {
        let value = valences[i];
        let Some(Reverse(first)) = places.get(&value.to_bits()).and_then(|heap| heap.peek().copied()) else { continue };
        let scale = match first.cmp(&but) {
            std::cmp::Ordering::Less => 0.5,
            std::cmp::Ordering::Equal => continue,
            std::cmp::Ordering::Greater => 1.5,
        };
        if let Some(heap) = places.get_mut(&value.to_bits()) {
            heap.pop();
        }
        valences[first] = value * scale;
        places.entry(valences[first].to_bits()).or_default().push(Reverse(first));
    }
}

/// Up to four exclamation marks; question marks only from the second on.
fn punctuation_emphasis(text: &str) -> f64 {
    let count = |mark: u8| text.bytes().filter(|b| *b == mark).count();
    let questions = match count(b'?') {
        0 | 1 => 0.0,
        n @ (2 | 3) => n as f64 * 0.18,
        _ => 0.96,
    };
    count(b'!').min(4) as f64 * 0.292 + questions
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_sentence_of_the_reference_file_scores_as_in_python() {
        for line in include_str!("reference.tsv").lines() {
            let (expected, sentence) = line.split_once('\t').unwrap();
            assert_eq!(format!("{:.4}", compound(sentence) + 0.0), expected, "{sentence}");
        }
    }

    #[test]
    fn a_silenced_word_has_no_valence_but_still_negates() {
        let no_is_polite = |word: &str, _: &str| word == "no";
        assert_eq!(compound_without("No.", no_is_polite), 0.0);
        assert!(compound_without("no good", no_is_polite) < 0.0);
    }

    #[test]
    fn equal_valences_around_but_do_not_make_it_quadratic() {
        let text = "good but ".repeat(200_000);
        assert!(compound(&text) > 0.99);
    }
}
