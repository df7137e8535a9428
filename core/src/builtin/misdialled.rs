//! Calls that want nothing of us: a wrong number, voices that do not speak to the agent, somebody who was rung up and has
//! no time for it.

use foldhash::HashSet;
use std::sync::LazyLock;

use super::agreement::refuses;
use super::intent::Spot;
use crate::text::{Phrases, Utterance, Word, list};
use crate::transcript::Role;

/// An agent who was asked for something else says who was reached.
static DENIES: LazyLock<Phrases<()>> = LazyLock::new(|| {
    Phrases::new([(
        (),
        "this is | we're a/an/not | we are a/an/not | nobody/no-one here/by/called/named | no one here/by/called/named | \
         there's/there is no * here/by | wrong number | what number are/did",
    )])
});

/// And the caller sees it.
static REGRETS: LazyLock<HashSet<&str>> =
    LazyLock::new(|| list("sorry oops whoops wrong mistake pardon apologies misread misheard perdón disculpe"));

/// An agent who doubts that anybody listens.
static CALLS_OUT: LazyLock<Phrases<()>> = LazyLock::new(|| {
    Phrases::new([(
        (),
        "hear me | are you there | you still there | still on the line | anybody/anyone there | hello .",
    )])
});

/// Words of somebody who speaks to the agent.
static ADDRESSES: LazyLock<HashSet<&str>> = LazyLock::new(|| {
    list(
        "you your you're yours please want need looking calling call help thanks thank how appointment booking order i'd \
         account problem",
    )
});

/// How an agent begins who rings somebody up.
static RINGS_UP: LazyLock<Phrases<()>> = LazyLock::new(|| {
    Phrases::new([(
        (),
        "have a minute/moment/second | a few minutes | a quick survey/question | bad/convenient time to/for | \
         to talk about | \
         tiene un minuto/momento",
    )])
});

/// How somebody says no who was rung up.
static NO_TIME: LazyLock<Phrases<()>> = LazyLock::new(|| {
    Phrases::new([(
        (),
        "don't need/want/have | do not need/want | no need | not interested | no interest | no time | no thanks | \
         i'm busy/driving/working | \
         in a meeting | changed my mind | no me interesa",
    )])
});

/// How many turns a caller needs to find out that the number is wrong.
const SOON: usize = 3;

/// Where it shows that the call is not for us.
pub fn misdialled(said: &[Utterance]) -> Option<Spot> {
    wrong_number(said).or_else(|| voices(said)).or_else(|| no_time(said))
}

fn wrong_number(said: &[Utterance]) -> Option<Spot> {
    let mut turns_of_caller = 0;
    let mut denied = false;
    for (turn, said) in said.iter().enumerate() {
        match said.role {
            Role::User if said.words.is_empty() => {}
            Role::User => {
                turns_of_caller += 1;
                let regret = said.words.iter().position(|word| word.is_in(&REGRETS));
                if let Some(at) = regret.filter(|_| denied) {
                    return Some((turn, at));
                }
                denied = false;
                if turns_of_caller > SOON {
                    return None;
                }
            }
            Role::Assistant => denied = turns_of_caller > 0 && DENIES.are_in(&said.words),
            Role::System => {}
        }
    }
    None
}

fn voices(said: &[Utterance]) -> Option<Spot> {
    let first = said.iter().position(|said| said.role == Role::User && !said.words.is_empty())?;
    let of = |role| said.iter().filter(move |said| said.role == role);
    let asked = || said[first..].iter().any(|said| said.role == Role::Assistant && CALLS_OUT.are_in(&said.words));
    let talks_to_us = |word: &Word| word.is_in(&ADDRESSES);
    let to_us = of(Role::User).any(|said| said.asks() || said.words.iter().any(talks_to_us));
    (!to_us && asked()).then_some((first, 0))
}

fn no_time(said: &[Utterance]) -> Option<Spot> {
    let opens = said.iter().find(|said| !said.words.is_empty())?;
    if opens.role != Role::Assistant || !RINGS_UP.are_in(&opens.words) {
        return None;
    }
    let caller = said.iter().enumerate().filter(|(_, said)| said.role == Role::User);
    let declines = |said: &Utterance| refuses(said) || NO_TIME.are_in(&said.words);
    caller.take(SOON).find(|(_, said)| declines(said)).map(|(turn, _)| (turn, 0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use Role::{Assistant as A, User as U};

    fn is_misdialled(turns: &[(Role, &str)]) -> bool {
        misdialled(&turns.iter().map(|(role, text)| Utterance::new(*role, text)).collect::<Vec<_>>()).is_some()
    }

    #[test]
    fn who_reached_somebody_else_is_no_caller() {
        let asks = (U, "Two large fries and a cola.");
        assert!(is_misdialled(&[(A, "Lakeside Clinic."), asks, (A, "This is a clinic."), (U, "Oh, sorry!")]));
        assert!(!is_misdialled(&[(A, "This is a clinic."), (U, "Sorry, I know. I need Dr. Lang.")]));
        assert!(!is_misdialled(&[(U, "Is it far?"), (A, "This is a ten minute walk."), (U, "Great.")]));
    }

    #[test]
    fn voices_that_do_not_answer_are_nobody() {
        let hello = (A, "Hello? Can you hear me?");
        assert!(is_misdialled(&[(U, "put it on the shelf"), hello, (U, "no the left one")]));
        assert!(!is_misdialled(&[(U, "hi I need a table"), hello, (U, "yes I hear you")]));
    }

    #[test]
    fn who_was_rung_up_and_has_no_time_wants_nothing() {
        let rings = (A, "Hi, this is Ellis from Meridian. Do you have a moment?");
        assert!(is_misdialled(&[rings, (U, "I'm driving, sorry.")]));
        assert!(is_misdialled(&[rings, (U, "No. Who gave you this number?")]));
        assert!(!is_misdialled(&[rings, (U, "Sure, what is it?")]));
        assert!(!is_misdialled(&[(A, "Meridian, hello."), (U, "No, wait, I'm driving. I need a table.")]));
    }
}
