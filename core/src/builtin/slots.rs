//! Days and times of day: what an agent offers, what a caller takes, and what both settle.

use foldhash::{HashMap, HashSet};
use std::sync::LazyLock;

use crate::text::{Hit, Phrases, Stop, Utterance, Word, list};

/// What a word may be in a day or a time of day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    Day,
    Month,
    Hour,
    /// "Half past", "quarter to".
    Fraction,
    Noon,
}

static PARTS: LazyLock<HashMap<&str, Part>> = LazyLock::new(|| {
    let words = [
        (
            Part::Day,
            "monday tuesday wednesday thursday friday saturday sunday mondays tuesdays wednesdays thursdays fridays saturdays \
             sundays today tomorrow tonight lunes martes miércoles jueves viernes sábado domingo mañana hoy",
        ),
        (Part::Month, "january february march april may june july august september october november december"),
        (Part::Hour, "one two three four five six seven eight nine ten eleven twelve 1 2 3 4 5 6 7 8 9 10 11 12"),
        (Part::Fraction, "half quarter"),
        (Part::Noon, "noon midday"),
    ];
    words.into_iter().flat_map(|(part, words)| words.split_whitespace().map(move |word| (word, part))).collect()
});

fn part(word: &Word) -> Option<Part> {
    PARTS.get(word.lower.as_str()).copied()
}

fn is_hour(word: &Word) -> bool {
    part(word) == Some(Part::Hour)
}

static MINUTES: LazyLock<HashSet<&str>> =
    LazyLock::new(|| list("fifteen twenty thirty forty forty-five fifty o'clock oclock am pm a.m p.m sharp"));

const BEFORE_AN_HOUR: [&str; 9] = ["at", "from", "around", "by", "after", "before", "about", "past", "between"];

const BEFORE_A_MONTH: [&str; 10] = ["of", "in", "for", "on", "by", "until", "this", "next", "early", "late"];

/// "21st"
fn is_ordinal(word: &Word) -> bool {
    let rest = word.lower.trim_start_matches(|c: char| c.is_ascii_digit());
    rest.len() < word.lower.len() && ["st", "nd", "rd", "th"].contains(&rest)
}

/// Whether a day is named at `at`. Some months are names too: "June speaking."
fn is_day(words: &[Word], at: usize) -> bool {
    let word = &words[at];
    let dated = || {
        let next = words.get(at + 1).filter(|_| word.stop == Stop::No);
        next.is_some_and(|next| next.lower.starts_with(|c: char| c.is_ascii_digit()))
            || (at > 0 && (words[at - 1].is_one_of(&BEFORE_A_MONTH) || is_ordinal(&words[at - 1])))
    };
    match part(word) {
        Some(Part::Day) => true,
        Some(Part::Month) => dated(),
        Some(_) => false,
        None => is_ordinal(word),
    }
}

/// Whether a time of day stands at `at`: "noon", "8:15", "seven thirty", "at five", "half past".
fn is_clock(words: &[Word], at: usize) -> bool {
    let word = &words[at];
    let next = || words.get(at + 1).filter(|_| word.stop == Stop::No);
    match part(word) {
        Some(Part::Noon) => true,
        Some(Part::Fraction) => next().is_some_and(|next| next.is_one_of(&["past", "to", "after"])),
        Some(Part::Hour) => {
            next().is_some_and(|next| next.is_in(&MINUTES))
                || (at > 0 && words[at - 1].is_one_of(&BEFORE_AN_HOUR) && !words[at - 1].ends_sentence())
        }
        Some(Part::Day | Part::Month) => false,
        None if word.lower.len() > 7 || !word.lower.starts_with(|c: char| c.is_ascii_digit()) => false,
        None => {
            let rest = word.lower.trim_start_matches(|c: char| c.is_ascii_digit());
            rest.starts_with(':') || ["am", "pm"].contains(&rest)
        }
    }
}

/// Whether a day or a time of day is named.
pub fn are_in(words: &[Word]) -> bool {
    (0..words.len()).any(|at| is_day(words, at) || is_clock(words, at))
}

/// Words of an agent who says what is free, before the day or time.
static FREE: LazyLock<Phrases<()>> = LazyLock::new(|| {
    Phrases::new([(
        (),
        "i/we have/can/could/do | i've/we've got | i/we still have | has | could/can see/take/do/fit/look/come | there's | how about | \
         would/will you like/prefer | would * work/suit/do | is/are free/available | left at/on | earliest | soonest | puedo ofrecerle | le puedo",
    )])
});

/// So many words at most lie between "has" and a time: "Dr. Lang has one at nine".
const SOON: usize = 4;

/// What else has a time: goods that are ready or come, and hours of opening.
static OTHER: LazyLock<HashSet<&str>> = LazyLock::new(|| {
    list(
        "ready deliver delivered delivers delivery pickup shipped ships arrive arrives arrived back until open opens close \
         closes closed hours weekdays weekends outage crew crews refund",
    )
});

/// Whether an agent offers a day or a time of day.
pub fn are_offered(said: &Utterance) -> bool {
    if !are_in(&said.words) || said.words.iter().any(|word| word.is_in(&OTHER)) {
        return false;
    }
    // "There's tomorrow at eight", but not "There's a concert, at eight"; of who can do something it is said in its sentence.
    let near = |hit: Hit<()>| {
        let (words, rest) = (&said.words[hit.at], &said.words[hit.at + hit.len..]);
        let sentence = rest.iter().position(Word::ends_sentence).map_or(rest.len(), |end| end + 1);
        match words.lower.as_str() {
            "there's" => !rest.is_empty() && is_day(rest, 0),
            "has" => are_in(&rest[..sentence.min(SOON)]),
            _ => are_in(&rest[..sentence]),
        }
    };
    said.asks() || FREE.find(&said.words).any(near)
}

/// Whether a caller who was offered one names one: "Tuesday at ten. That'll do.", "Eleven.", "Not Friday, Saturday."
pub fn are_taken(said: &Utterance) -> bool {
    are_in(&said.words) || said.sentences().any(|(_, words)| words.iter().take(3).any(is_hour))
}

/// Words of an agent after which a day or a time is a booking; true: it stands before them ("Friday at nine it is.").
static SETTLED: LazyLock<Phrases<bool>> = LazyLock::new(|| {
    Phrases::new([
        (
            false,
            "is/are confirmed/set | you're confirmed/set/down/in | you are down/in | you're all set | i've/i put/got/have you | see you | i'll see you | \
         seeing you | is/are yours | le esperamos | nos vemos",
        ),
        (true, "it is ."),
    ])
});

/// Where an agent's sentence settles a day or a time.
pub fn settled(sentence: &[Word]) -> Option<usize> {
    let named = |words: &[Word]| are_in(words) || words.iter().any(is_hour);
    let hit = SETTLED.find(sentence).find(|hit| named(if hit.what { &sentence[..hit.at] } else { sentence }))?;
    Some(hit.at)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transcript::Role;

    fn said(text: &str) -> Utterance<'_> {
        Utterance::new(Role::Assistant, text)
    }

    #[test]
    fn times_of_day_are_told_from_other_numbers() {
        for text in ["at five", "seven thirty works", "half past ten", "8:15", "around 7pm", "noon", "on the 21st"] {
            assert!(are_in(&said(text).words), "{text}");
        }
        for text in
            ["one bedroom", "two of us", "forty dollars", "unit seven", "five five five oh one", "June speaking"]
        {
            assert!(!are_in(&said(text).words), "{text}");
        }
    }

    #[test]
    fn what_is_free_is_offered_and_what_is_ready_is_not() {
        assert!(are_offered(&said("Dr. Lang has ten thirty on Friday.")));
        assert!(are_offered(&said("Wednesday at noon?")));
        assert!(are_offered(&said("There's tomorrow at nine.")));
        assert!(!are_offered(&said("There's a concert at the hall, at nine.")));
        assert!(!are_offered(&said("It'll be ready at four.")));
        assert!(!are_offered(&said("We close at half past nine.")));
    }
}
