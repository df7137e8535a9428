//! What callers have with us or look for, and what is the matter with it.
//!
//! Callers seldom use the words of a form; they name a thing and say what it does: "the wifi keeps dropping", "my order
//! never came", "I need a policy for a van". Which thing it is matters less than whose it is and which verb is near: so
//! both are lists of single words, and any of the one beside any of the other is a sign.

use foldhash::{HashMap, HashSet};
use std::sync::LazyLock;

use super::intent::Spot;
use crate::analysis::Intent;
use crate::text::{Word, list};

/// What is the matter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Matter {
    /// Something of the caller's does not work, is late or is lost.
    Trouble,
    /// Something of the caller's is to be changed, explained or ended.
    Change,
    /// The caller looks for something that we sell.
    Wish,
}

const MATTERS: [Matter; 3] = [Matter::Trouble, Matter::Change, Matter::Wish];

/// Each is worth so many points for its intent.
const POINTS: i32 = 3;

/// What was the matter in a call, and where it was said first.
#[derive(Debug)]
pub struct Matters {
    /// The business mends things: trouble with one is the wish for a visit.
    trade: bool,
    heard: [Option<Spot>; MATTERS.len()],
}

impl Matters {
    pub fn new(vertical: &str) -> Self {
        Matters { trade: is_trade(vertical), heard: Default::default() }
    }

    /// Take in a caller's sentence, which begins at `start` of its turn.
    pub fn hear(&mut self, (turn, start): Spot, sentence: &[Word]) {
        if let Some((matter, at)) = matter(sentence) {
            self.heard[matter as usize].get_or_insert((turn, start + at));
        }
    }

    /// Where it was said, for each matter that speaks for this intent.
    fn spots(&self, intent: Intent) -> impl Iterator<Item = Spot> {
        let speaks_for = move |matter: &Matter| match matter {
            Matter::Trouble if self.trade => intent == Intent::Booking,
            Matter::Trouble | Matter::Change => intent == Intent::Support,
            Matter::Wish => intent == Intent::Sales,
        };
        MATTERS.into_iter().filter(speaks_for).filter_map(|matter| self.heard[matter as usize])
    }

    pub fn points(&self, intent: Intent) -> i32 {
        self.spots(intent).map(|_| POINTS).sum()
    }

    /// What speaks for this intent, as far as something does.
    pub fn first(&self, intent: Intent) -> Option<Spot> {
        self.spots(intent).next()
    }
}

/// Whether a business of this vertical comes, or takes things in, to mend them.
fn is_trade(vertical: &str) -> bool {
    let trades = ["home", "plumb", "electric", "hvac", "roof", "repair", "automotive", "auto_", "mechanic", "cleaning"];
    trades.iter().any(|trade| vertical.contains(trade))
}

/// Whether callers of a business of this vertical have a contract, an account or an order with it: who asks nothing there wants
/// something done.
pub fn is_help_desk(vertical: &str) -> bool {
    ["telecom", "internet", "media", "utilit", "energy", "software", "assistant", "retail", "insurance", "support"]
        .iter()
        .any(|desk| vertical.contains(desk))
}

/// Whether a business of this vertical lives by appointments: who is offered a time there wants one.
pub fn keeps_calendar(vertical: &str) -> bool {
    [
        "health",
        "dental",
        "clinic",
        "salon",
        "spa",
        "beauty",
        "veterin",
        "fitness",
        "legal",
        "law",
        "automotive",
        "home_",
    ]
    .iter()
    .any(|business| vertical.contains(business))
}

/// How many words may lie between a thing and what is said of it.
const REACH: usize = 10;

/// What a business runs for its customers, sends them, keeps for them, or comes to mend.
static THINGS: LazyLock<HashSet<&str>> = LazyLock::new(|| {
    list(
        "internet wifi wi-fi modem network signal connection line tv phone phones screen app website site page \
         portal login password code codes pin email e-mail link system software update calendar sync video audio sound \
         camera printer computer laptop tablet device machine alarm thermostat lights outlet breaker gas heat heating \
         heater boiler furnace ac conditioner conditioning fridge refrigerator freezer oven stove dishwasher washer dryer \
         toilet sink shower tap faucet drain drains pipe pipes ceiling roof elevator lock fob buzzer garage gate meter \
         car truck van engine tire battery transmission order orders package parcel delivery shipment item \
         bill bills statement invoice payment payments transfer withdrawal card account claim policy membership \
         subscription plan contract prescription medicine medication meds pills tablets inhaler results records paperwork \
         paper receipt voucher",
    )
});

/// What things do when they do not do what they should.
static TROUBLE: LazyLock<HashSet<&str>> = LazyLock::new(|| {
    list(
        "out down slow dead broken broke stuck cracked leak leaking leaks leaked dripping flooded flooding clogged blocked \
         backed backing jammed frozen freezes crashed crashes crashing blank missing gone lost wrong error errors failed fails failing expired \
         declined fix fixing repair repairing nothing never stopped stops stopping cutting cuts dropping drops keeps won't doesn't isn't \
         can't cannot couldn't hasn't haven't aren't trouble problem problems issue issues faulty damaged defective \
         smell smells sparks flashing blinking beeping buffering noises rattling overheating late delayed overdue higher twice incorrect \
         empty",
    )
});

/// What callers want done with what they have.
static CHANGES: LazyLock<HashSet<&str>> = LazyLock::new(|| {
    list(
        "change update renew cancel pause paused freeze suspend stop end close transfer activate reset pay explain resend \
         replace return exchange refill reactivate add remove correct pick copy forward check track find ready shipped \
         done finished fixed started cancelled canceled moved put back information about know see view details question questions understand high higher lower summary status",
    )
});

/// What callers look for when they are to become customers.
static OFFERS: LazyLock<HashSet<&str>> = LazyLock::new(|| {
    list(
        "account membership policy coverage cover insurance plan subscription contract package system software licence \
         license franchise loan mortgage quote estimate bid proposal internet cable service connection phone line",
    )
});

static SEEKS: LazyLock<HashSet<&str>> = LazyLock::new(|| {
    list("get start open join buy sign need want wanna looking interested take purchase switch switching give set")
});

/// Whether something is a thing that callers have, and one that they look for.
#[derive(Debug, Default)]
struct Kind {
    known: bool,
    offered: bool,
}

static KINDS: LazyLock<HashMap<&str, Kind>> = LazyLock::new(|| {
    let mut kinds: HashMap<&str, Kind> = HashMap::default();
    THINGS.iter().for_each(|thing| kinds.entry(thing).or_default().known = true);
    OFFERS.iter().for_each(|thing| kinds.entry(thing).or_default().offered = true);
    kinds
});

const OURS: [&str; 8] = ["my", "our", "his", "her", "their", "the", "this", "your"];
const ANY: [&str; 6] = ["a", "an", "some", "new", "another", "any"];

/// The first thing in a sentence that something is the matter with, and where it stands.
fn matter(sentence: &[Word]) -> Option<(Matter, usize)> {
    sentence.iter().enumerate().find_map(|(at, word)| {
        let Kind { known, offered } = *KINDS.get(word.lower.strip_suffix("'s").unwrap_or(&word.lower))?;
        let near = &sentence[at.saturating_sub(REACH)..sentence.len().min(at + REACH + 1)];
        let said = |words: &HashSet<&str>| near.iter().any(|word| word.is_in(words));
        let before = || sentence[at.saturating_sub(3)..at].iter().rev();
        let owned = || before().any(|word| word.is_one_of(&OURS));
        let sought = || {
            before()
                .take(2)
                .take_while(|word| !word.is_one_of(&OURS))
                .any(|word| word.is_one_of(&ANY) || word.is_in(&SEEKS))
        };
        let matter = if known && said(&TROUBLE) {
            Matter::Trouble
        } else if known && owned() && said(&CHANGES) {
            Matter::Change
        } else if offered && sought() && said(&SEEKS) {
            Matter::Wish
        } else {
            return None;
        };
        Some((matter, at))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::Utterance;
    use crate::transcript::Role;

    fn of(text: &str) -> Option<Matter> {
        let said = Utterance::new(Role::User, text);
        said.sentences().find_map(|(_, sentence)| matter(sentence)).map(|(matter, _)| matter)
    }

    #[test]
    fn whose_it_is_and_what_it_does_tell_trouble_from_a_change_and_from_a_wish() {
        assert_eq!(of("The printer keeps jamming."), Some(Matter::Trouble));
        assert_eq!(of("My parcel never showed up."), Some(Matter::Trouble));
        assert_eq!(of("I need to renew my policy."), Some(Matter::Change));
        assert_eq!(of("I'm looking for a policy for two vans."), Some(Matter::Wish));
        assert_eq!(of("What does a membership cost?"), None);
        assert_eq!(of("I can't do Thursdays."), None);
    }

    #[test]
    fn trouble_with_a_thing_that_we_mend_is_the_wish_for_a_visit() {
        let intents = |vertical: &str| {
            let said = Utterance::new(Role::User, "Hi. The heater keeps clicking.");
            let mut matters = Matters::new(vertical);
            said.sentences().for_each(|(start, sentence)| matters.hear((2, start), sentence));
            [Intent::Booking, Intent::Support].map(|intent| (matters.points(intent), matters.first(intent)))
        };
        assert_eq!(intents("home_services"), [(3, Some((2, 2))), (0, None)]);
        assert_eq!(intents("telecom"), [(0, None), (3, Some((2, 2)))]);
    }
}
