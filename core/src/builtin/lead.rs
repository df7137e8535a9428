//! How promising a caller is: points for what was heard, added up, 0 to 100.

use std::sync::LazyLock;

use super::agreement::is_negated;
use super::intent::{Reading, Spot};
use super::summary;
use crate::analysis::{Entities, Intent};
use crate::text::{Phrases, Utterance};
use crate::transcript::Role;

/// What the rules look at.
#[derive(Debug, Default)]
pub struct Facts {
    intent: Option<Intent>,
    /// Where the intent was decided.
    pub(super) intent_at: Option<Spot>,
    booked: Option<Spot>,
    agreed: Option<Spot>,
    name: bool,
    contact: bool,
    sentiment: f64,
    heard: [Option<Spot>; Heard::ALL.len()],
}

/// What callers say that a salesperson would note down.
#[derive(Debug, Clone, Copy)]
enum Heard {
    Urgency,
    Means,
    Size,
    Commitment,
    Price,
    Hesitation,
    LeavesUs,
}

impl Heard {
    const ALL: [(Heard, &str); 7] = [
        (
            Heard::Urgency,
            "today | tonight | tomorrow | right away/now | as soon as | asap | immediately | urgent | this week | \
             the sooner the better | before the | by the end of | hoy | mañana | cuanto antes",
        ),
        (
            Heard::Means,
            "cash | pre-approved/preapproved | budget | fund it | deposit | signed off | down payment | my accountant | \
             the company's paying | thousand dollars | thousand to start | al contado | presupuesto",
        ),
        (
            Heard::Size,
            "team of | our company | my company | my business | for my/our office/team/staff | i own | i run | i import | \
             business account/one | i'm the owner | party of",
        ),
        (
            Heard::Commitment,
            "let's do it | let's go | go ahead | i'll/we'll take it/that/one/nine | i'm ready | i'm in | sign me/us up | book it | \
             make an offer | open an account | sounds good | that works | looking forward | perfecto/perfecta",
        ),
        (
            Heard::Price,
            "how much | price | prices | pricing | cost | costs | rate | rates | fee | fees | a quote | commission | cuánto cuesta",
        ),
        (
            Heard::Hesitation,
            "just looking/browsing/checking/curious | wanted to check/know | think about it | too expensive | not sure | not ready | \
             some other time | maybe later | not right now | not booking | thanks anyway",
        ),
        (Heard::LeavesUs, "cancel | cancel it/my | close my account | never again | going elsewhere | cancelar"),
    ];
}

static HEARD: LazyLock<Phrases<Heard>> = LazyLock::new(|| Phrases::new(Heard::ALL));

impl Facts {
    /// Collect them from a call.
    pub fn gather(said: &[Utterance], reading: &Reading, entities: &Entities, sentiment: f64) -> Self {
        let mut heard = [None; Heard::ALL.len()];
        for (turn, said) in said.iter().enumerate().filter(|(_, s)| s.role == Role::User) {
            for hit in HEARD.find(&said.words).filter(|hit| !is_negated(&said.words, hit.at)) {
                heard[hit.what as usize].get_or_insert((turn, hit.at));
            }
        }
        Facts {
            intent: Some(reading.intent),
            intent_at: summary::decided_at(said, reading),
            booked: reading.booked,
            agreed: reading.agreed,
            name: entities.name.is_some(),
            contact: entities.email.is_some() || entities.phone.is_some(),
            sentiment,
            heard,
        }
    }

    fn heard(&self, what: Heard) -> bool {
        self.heard[what as usize].is_some()
    }

    fn wants(&self, intent: Intent) -> bool {
        self.intent == Some(intent)
    }

    /// Wants something that we sell.
    fn is_prospect(&self) -> bool {
        self.wants(Intent::Sales) || self.wants(Intent::Booking) || self.wants(Intent::Info)
    }
}

/// A rule: its name, its points, when it holds, and which words it holds by.
struct Rule(&'static str, i32, fn(&Facts) -> bool, By);

/// What a rule holds by.
enum By {
    Intent,
    Booked,
    Agreed,
    Heard(Heard),
    /// By what is known of the caller from the whole call.
    Entities,
}

const RULES: [Rule; 17] = [
    Rule("wants to buy", 50, |f| f.wants(Intent::Sales), By::Intent),
    Rule("wants to book", 35, |f| f.wants(Intent::Booking), By::Intent),
    Rule("wants to know something", 10, |f| f.wants(Intent::Info), By::Intent),
    Rule("has a problem with what they have", 5, |f| f.wants(Intent::Support), By::Intent),
    Rule("complains", 3, |f| f.wants(Intent::Complaint), By::Intent),
    Rule("the agent has booked it", 10, |f| f.is_prospect() && f.booked.is_some(), By::Booked),
    Rule("said yes to an offer", 3, |f| f.is_prospect() && f.agreed.is_some(), By::Agreed),
    Rule("gave a phone number or e-mail", 15, |f| f.is_prospect() && f.contact, By::Entities),
    Rule("gave a name", 7, |f| f.is_prospect() && f.name, By::Entities),
    Rule("names money at hand", 12, |f| f.is_prospect() && f.heard(Heard::Means), By::Heard(Heard::Means)),
    Rule("is in a hurry", 8, |f| f.is_prospect() && f.heard(Heard::Urgency), By::Heard(Heard::Urgency)),
    Rule("decides for a business or a group", 8, |f| f.is_prospect() && f.heard(Heard::Size), By::Heard(Heard::Size)),
    Rule("commits", 6, |f| f.is_prospect() && f.heard(Heard::Commitment), By::Heard(Heard::Commitment)),
    Rule("asks for the price", 4, |f| f.is_prospect() && f.heard(Heard::Price), By::Heard(Heard::Price)),
    Rule("hesitates", -12, |f| f.heard(Heard::Hesitation), By::Heard(Heard::Hesitation)),
    Rule("cancels", -25, |f| f.heard(Heard::LeavesUs), By::Heard(Heard::LeavesUs)),
    Rule("wants nothing of us", -100, |f| f.wants(Intent::None), By::Intent),
];

impl Facts {
    /// The words of the rule that moved the score most, of those that hold by certain words.
    pub fn decided(&self) -> Option<Spot> {
        let held = RULES.iter().filter(|Rule(_, _, holds, _)| holds(self));
        let spots = held.filter_map(|Rule(_, points, _, by)| self.spot(by).map(|spot| (points.abs(), spot)));
        spots.reduce(|most, other| if other.0 > most.0 { other } else { most }).map(|(_, spot)| spot)
    }

    fn spot(&self, by: &By) -> Option<Spot> {
        match by {
            By::Intent => self.intent_at,
            By::Booked => self.booked,
            By::Agreed => self.agreed,
            By::Heard(what) => self.heard[*what as usize],
            By::Entities => None,
        }
    }
}

/// The rules as the documentation lists them: name and points.
pub fn points() -> impl Iterator<Item = (&'static str, i32)> {
    RULES.iter().map(|Rule(name, points, ..)| (*name, *points))
}

/// The lead score, 0..=100.
pub fn score(facts: &Facts) -> i32 {
    let sum: i32 = RULES.iter().filter(|Rule(_, _, holds, _)| holds(facts)).map(|Rule(_, points, ..)| points).sum();
    // An angry buyer is a buyer who may leave.
    let sum = if facts.sentiment < -0.5 { sum / 2 } else { sum };
    sum.clamp(0, 100)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_wants_nothing_is_no_lead_whatever_else_was_said() {
        let mut facts =
            Facts { intent: Some(Intent::Sales), booked: Some((1, 0)), contact: true, name: true, ..Facts::default() };
        assert!(score(&facts) >= 80);
        facts.intent = Some(Intent::None);
        assert_eq!(score(&facts), 0);
    }

    #[test]
    fn what_is_heard_has_its_own_place() {
        for (i, (heard, _)) in Heard::ALL.into_iter().enumerate() {
            assert_eq!(heard as usize, i);
        }
    }
}
