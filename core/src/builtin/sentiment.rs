//! How the caller felt, over the whole call.

use foldhash::HashSet;
use std::sync::LazyLock;

use super::vader;
use crate::text::{Phrases, Utterance, list};

/// Words that are manners on the telephone, not feelings. VADER was fitted to social media, where "thanks", "please" and
/// "yes" are praise; callers say them while they complain. They lose their valence but still negate ("no good").
static MANNERS: LazyLock<HashSet<&str>> = LazyLock::new(|| {
    list(
        "please thanks thank thx yes yeah yep no ok okay sure hello hi welcome help like want care well \
         sorry fine alright regards sir dear",
    )
});

/// Words that say what the call is about, not how the caller feels: a patient's pain is the reason to call.
static MATTERS: LazyLock<HashSet<&str>> = LazyLock::new(|| {
    list(
        "pain pains painful hurt hurts injury injured sick ill sharp emergency alarm party celebrate free \
         cancel cancelled interest interested share cut kind wrong",
    )
});

/// A turn without feeling says what is wanted, not how it is going, and there are many of them.
const WEIGHT_WITHOUT_FEELING: f64 = 0.3;

/// The last turn counts this many times the first.
const END_OVER_START: f64 = 3.0;

/// How somebody feels who complains, and how much of the score that is: the rules for intent know what the words do not,
/// for polite complaints and sarcastic ones are complaints.
const COMPLAINING: f64 = -0.8;
const COMPLAINING_SHARE: f64 = 0.6;

/// How somebody feels who got what they called for.
const SERVED: f64 = 0.25;

/// Words of that strength leave no doubt.
const PLAIN: f64 = 0.5;

/// The sentiment of a caller who complains: three fifths of the way to −0.8.
pub fn of_a_complaint(sentiment: f64) -> f64 {
    sentiment + COMPLAINING_SHARE * (COMPLAINING - sentiment)
}

/// The sentiment of a caller who wanted something else: halfway to 0.25. Few words of feeling are spoken on the telephone,
/// and people hear a content caller where words have none. From ±0.5 on, words count more and more, and ±1 is ±1.
pub fn of_a_request(sentiment: f64) -> f64 {
    let halfway = |sentiment: f64| (sentiment + SERVED) / 2.0;
    let beyond = (sentiment.abs() - PLAIN) / (1.0 - PLAIN);
    if beyond <= 0.0 {
        return halfway(sentiment);
    }
    let plain = halfway(PLAIN.copysign(sentiment));
    plain + beyond * (1.0_f64.copysign(sentiment) - plain)
}

/// Sentiment −1.0..=1.0 over the caller's turns.
///
/// A weighted mean of each turn's VADER score. The weight grows evenly from 1 for the first turn to 3 for the last:
/// what people remember of an experience is its peak and its end (Kahneman et al. 1993), and a caller who came angry
/// and leaves content is a call that went well. Turns without any feeling count three tenths, or "Tuesday at four" said
/// ten times would drown the one sentence that matters.
pub fn sentiment(caller: &[&Utterance]) -> Felt {
    Felt::over(caller, of_turn)
}

/// How the caller felt, and where.
#[derive(Debug)]
pub struct Felt {
    pub sentiment: f64,
    of_turn: fn(&Utterance) -> f64,
    /// The caller's turns that count most towards gladness and towards anger, each with how much.
    best: (f64, Option<usize>),
    worst: (f64, Option<usize>),
}

impl Felt {
    /// The mean over the scores of a caller's turns, weighted as [`sentiment`] says.
    pub fn over(caller: &[&Utterance], of_turn: fn(&Utterance) -> f64) -> Felt {
        let mut felt = Felt { sentiment: 0.0, of_turn, best: (0.0, None), worst: (0.0, None) };
        felt.sentiment = weighted_mean(caller.iter().map(|said| of_turn(said)), |i, weighted| {
            if weighted > felt.best.0 {
                felt.best = (weighted, Some(i));
            } else if weighted < felt.worst.0 {
                felt.worst = (weighted, Some(i));
            }
        });
        felt
    }

    /// Which of the caller's turns speaks most for this sentiment, from 0. `None`: none does.
    pub fn strongest(&self, sentiment: f64) -> Option<usize> {
        match sentiment {
            glad if glad > 0.0 => self.best.1,
            angry if angry < 0.0 => self.worst.1,
            _ => None,
        }
    }

    /// The score of one turn, or a piece of one, by the same rules.
    pub fn of(&self, said: &Utterance) -> f64 {
        (self.of_turn)(said)
    }
}

/// `counts`: told how much each turn counts.
fn weighted_mean(scores: impl ExactSizeIterator<Item = f64>, mut counts: impl FnMut(usize, f64)) -> f64 {
    let last = scores.len().saturating_sub(1).max(1) as f64;
    let (mut sum, mut weights) = (0.0, 0.0);
    for (i, score) in scores.enumerate() {
        let place = 1.0 + (END_OVER_START - 1.0) * i as f64 / last;
        let weight = if score == 0.0 { place * WEIGHT_WITHOUT_FEELING } else { place };
        counts(i, weight * score);
        sum += weight * score;
        weights += weight;
    }
    if weights > 0.0 { (sum / weights).clamp(-1.0, 1.0) } else { 0.0 }
}

/// What callers say without a single word of feeling, and what it adds to the score of the turn.
static IDIOMS: LazyLock<Phrases<f64>> = LazyLock::new(|| {
    Phrases::new([
        (
            0.5,
            "over the moon | made my day/week/morning | lifesaver | you're a/an star/genius/gem/angel/saint/treasure | \
             can't thank you | couldn't be better | exactly what i needed | looking forward | \
         that was easy/quick/easier | thank goodness | \
             so relieved | what a relief | a relief | weight off | you rock | guys rock | you're the best | \
         god bless | bless you | appreciate you | so happy/excited/glad | \
             very/so kind/helpful | works again | it works | that was painless/quick/fast | there it is/goes | can't wait",
        ),
        (
            -0.5,
            "kept waiting | still waiting | long enough | on hold | how many times | sick of | had it with | \
         give up | fed up | \
             last time | wrong code/bill/order/amount | nobody came/called/answered | no one came/called/answered | \
         never called/came | \
             third/fourth/fifth time | i bet you | money back | stop calling | take me off | won't be back | \
         a person . | representative | \
             charged me | billed me | coming through my | hung up on | for nothing | in tears | let down | \
         shouldn't have/be | uncalled for | \
             we'll see . | give me a break | never again | every single time",
        ),
    ])
});

fn of_turn(said: &Utterance) -> f64 {
    let greets = |word: &str, next: &str| word == "good" && ["morning", "afternoon", "evening"].contains(&next);
    let words = vader::compound_without(said.text, |word, next| {
        MANNERS.contains(word) || MATTERS.contains(word) || greets(word, next)
    });
    let idioms: f64 = IDIOMS.find(&said.words).map(|hit| hit.what).sum();
    (words + idioms).clamp(-1.0, 1.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transcript::Role;

    fn of(turns: &[&str]) -> f64 {
        let said: Vec<Utterance> = turns.iter().map(|text| Utterance::new(Role::User, text)).collect();
        sentiment(&said.iter().collect::<Vec<_>>()).sentiment
    }

    #[test]
    fn saying_goodbye_politely_is_not_joy() {
        assert_eq!(of(&["No, that's all. Thanks."]), 0.0);
    }

    #[test]
    fn the_end_weighs_more_than_the_beginning() {
        assert!(of(&["This is terrible.", "This is wonderful."]) > 0.1);
        assert!(of(&["This is wonderful.", "This is terrible."]) < -0.1);
    }

    #[test]
    fn who_was_served_is_content_and_plain_words_stay_plain() {
        let close = |a: f64, b: f64| (a - b).abs() < 1e-9;
        for (words, call) in [(-1.0, -1.0), (-0.5, -0.125), (0.0, 0.125), (0.5, 0.375), (0.75, 0.6875), (1.0, 1.0)] {
            assert!(close(of_a_request(words), call), "{words}: {}", of_a_request(words));
        }
        for (words, call) in [(-1.0, -0.88), (0.0, -0.48), (1.0, -0.08)] {
            assert!(close(of_a_complaint(words), call), "{words}: {}", of_a_complaint(words));
        }
    }

    #[test]
    fn no_turns_no_feeling() {
        assert_eq!(of(&[]), 0.0);
    }
}
