//! Digits and numbers that are spoken.

use foldhash::HashMap;
use std::sync::LazyLock;

/// What a word says in a number that is spoken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NumberWord {
    /// A digit. `opens`: a number may begin with it; others are words of their language too ("um", "due").
    Digit { digit: char, opens: bool },
    /// Ten to nineteen.
    Teen(u8),
    /// Twenty to ninety; a digit may follow.
    Tens(u8),
    /// "Eight hundred": so many zeros.
    Zeros(usize),
    /// "Double five": how often the digit after it is meant.
    Times(usize),
    /// "Dash": a sign between two groups.
    Joint,
}

/// English, Spanish, Portuguese, German, French, Italian and Dutch.
const DIGITS: [&str; 10] = [
    "zero oh o nought naught cero null zéro nul",
    "one uno eins ein een",
    "two dos dois duas zwei zwo deux twee",
    "three tres três drei trois tre drie",
    "four cuatro quatro vier quatre quattro",
    "five cinco fünf cinq cinque vijf",
    "six seis sechs meia zes",
    "seven siete sete sieben sept sette zeven",
    "eight ocho oito acht huit otto",
    "nine nueve nove neun neuf negen niner",
];

/// Digits of those languages that are common words elsewhere: they only go on with a number that has begun.
const WITHIN: [&str; 10] = ["", "um uma un una une", "due", "", "", "", "sei", "", "", ""];

static WORDS: LazyLock<HashMap<&str, NumberWord>> = LazyLock::new(|| {
    let mut words = HashMap::default();
    for (names, opens) in [(DIGITS, true), (WITHIN, false)] {
        for (digit, names) in names.iter().enumerate() {
            let digit = char::from_digit(digit as u32, 10).unwrap_or_default();
            words.extend(names.split_whitespace().map(|name| (name, NumberWord::Digit { digit, opens })));
        }
    }
    let teens = "ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen";
    words.extend(teens.split(' ').zip(10..).map(|(name, value)| (name, NumberWord::Teen(value))));
    let tens = "twenty thirty forty fifty sixty seventy eighty ninety";
    words.extend(tens.split(' ').zip(2..).map(|(name, tens)| (name, NumberWord::Tens(tens * 10))));
    words.extend([("hundred", NumberWord::Zeros(2)), ("thousand", NumberWord::Zeros(3))]);
    for (times, names) in [(2, "double doble doppel dupla duplo"), (3, "triple treble")] {
        words.extend(names.split(' ').map(|name| (name, NumberWord::Times(times))));
    }
    let joints = "dash hyphen dot point then space stroke guion guión tiret strich bindestrich";
    words.extend(joints.split(' ').map(|name| (name, NumberWord::Joint)));
    words
});

/// Most words are looked up in vain. Which lengths, one bit each, the words have that begin and end with these bytes.
static LENGTHS: LazyLock<[[u32; 32]; 32]> = LazyLock::new(|| {
    let mut lengths = [[0; 32]; 32];
    for word in WORDS.keys() {
        let (first, last) = ends(word).unwrap_or_default();
        lengths[first][last] |= 1 << word.len();
    }
    lengths
});

/// The lower five bits of the first and of the last byte.
fn ends(word: &str) -> Option<(usize, usize)> {
    let bits = |byte: &u8| usize::from(byte & 31);
    Some((bits(word.as_bytes().first()?), bits(word.as_bytes().last()?)))
}

/// What a word, in small letters, says in a number.
pub fn number_word(lower: &str) -> Option<NumberWord> {
    let (first, last) = ends(lower)?;
    let lengths = LENGTHS[first][last].checked_shr(u32::try_from(lower.len()).ok()?)?;
    if lengths & 1 == 1 { WORDS.get(lower).copied() } else { None }
}
