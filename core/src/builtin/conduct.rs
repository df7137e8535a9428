//! What the agent does, for calls in which no sign tells what the caller wants.
//!
//! How a call is answered says what it was, whatever words the caller had for it: who is offered a time wants a place in
//! the calendar, who is asked for a budget means to buy, and for whom something is done has had it already. Who only
//! asks and is only answered wants to know something.

use foldhash::HashSet;
use std::sync::LazyLock;

use super::intent::{Spot, meaningful_words};
use super::things::{is_help_desk, keeps_calendar};
use crate::analysis::Intent;
use crate::text::{Phrases, Utterance, list};
use crate::transcript::Role;

/// What an agent does.
#[derive(Debug, Clone, Copy)]
enum Act {
    /// Sees to something.
    Acts,
    /// Is sorry.
    Regrets,
    /// And says so with emphasis.
    RegretsMuch,
    Sells,
}

static SAID: LazyLock<Phrases<Act>> = LazyLock::new(|| {
    Phrases::new([
        (
            Act::Acts,
            "i'll/i send/check/ask/renew/move/reset/order/fix/log/find/update/change/add/call/email/text/note/replace/cancel/transfer/refresh/file/mail/show/explain | \
         i/we can/could/will send/check/ask/renew/move/reset/order/fix/log/find/update/change/add/call/email/text/note/replace/cancel/transfer/mail/hold/keep | \
         i'm/we're sending/checking/asking/renewing/moving/resetting/ordering/fixing/logging/updating/changing/adding/calling/opening/replacing/transferring | \
         i've/we've sent/checked/asked/renewed/moved/reset/ordered/fixed/logged/found/updated/changed/added/called/opened/started/removed/replaced | \
         i am sending/checking/asking/renewing/moving/resetting/ordering/fixing/updating/changing/adding | \
         let me look/see/check/find | \
         someone/somebody/maintenance/housekeeping will/is | there it is | it's/they're at/with the/our | \
         has it/them | please turn/try/press/restart/delete/open/hold/unplug",
        ),
        (
            Act::Regrets,
            "sorry . | sorry about/to/that/this/there | sorry for the/that/this/it | apologize/apologise | \
         apologies | lo siento | disculpe",
        ),
        (Act::RegretsMuch, "so/very/really/terribly/truly sorry | apologize/apologise | apologies | lo siento mucho"),
        (
            Act::Sells,
            "price range | value it | a valuation | our sales/contract/business team | your budget | \
         what/how much can/would you spend | \
         our/an/one agent/advisor/specialist/manager/consultant call/calls/will/contact | \
         agent/advisor/specialist call you | you the/an/a papers/offer/contract/brochure/application | a year's contract | \
         what kind of business/place/property/home/house | which plan/package/model | first year",
        ),
    ])
});

/// With these a question begins, if it is one for something that the caller does not know.
static ASKS: LazyLock<HashSet<&str>> = LazyLock::new(|| {
    list(
        "how what what's when where where's which who who's why do does did is are may am have has cuánto qué cuándo dónde hay",
    )
});

/// A question that asks the agent to do something.
static ASKS_FOR: LazyLock<HashSet<&str>> = LazyLock::new(|| list("can could would will puede podría"));

/// What was seen of the agent.
#[derive(Debug, Default)]
pub struct Conduct {
    offers_time: Option<Spot>,
    acts: Option<Spot>,
    regrets: Option<Spot>,
    regrets_much: Option<Spot>,
    sells: Option<Spot>,
}

impl Conduct {
    /// Take in a turn of the agent. `offers_time`: it offers a day or a time.
    pub fn see(&mut self, turn: usize, said: &Utterance, offers_time: bool) {
        if offers_time {
            self.offers_time.get_or_insert((turn, 0));
        }
        for hit in SAID.find(&said.words) {
            let seen = match hit.what {
                Act::Acts => &mut self.acts,
                Act::Regrets => &mut self.regrets,
                Act::RegretsMuch => &mut self.regrets_much,
                Act::Sells => &mut self.sells,
            };
            seen.get_or_insert((turn, hit.at));
        }
    }

    /// What the caller wants, by that; and where it shows, as far as the agent shows it. `None`: to know something.
    pub fn intent(
        &self,
        said: &[Utterance],
        vertical: &str,
        declined: bool,
        sentiment: f64,
    ) -> Option<(Intent, Option<Spot>)> {
        let mut caller = said.iter().filter(|said| said.role == Role::User);
        let request = caller.find(|said| meaningful_words(&said.words) >= 3)?;
        let opening = || request.words.iter().filter(|word| meaningful_words(std::slice::from_ref(word)) > 0).take(2);
        let asks_for = opening().any(|word| word.is_in(&ASKS_FOR));
        let asks = !asks_for && (request.asks() || opening().any(|word| word.is_in(&ASKS)));
        if self.sells.is_some() {
            return Some((Intent::Sales, self.sells));
        }
        if asks || sentiment > PLEASED {
            return None;
        }
        if self.offers_time.is_some() && !declined && keeps_calendar(vertical) {
            return Some((Intent::Booking, self.offers_time));
        }
        // Who is sorry and mends it speaks of a fault; who is very sorry, or only sorry, of a grievance.
        if self.regrets.is_some() && (self.acts.is_none() || self.regrets_much.is_some()) && sentiment <= 0.0 {
            return Some((Intent::Complaint, self.regrets));
        }
        if self.acts.is_some() {
            return Some((Intent::Support, self.acts));
        }
        (!asks_for && is_help_desk(vertical)).then_some((Intent::Support, None))
    }
}

/// A caller so pleased has called to say so.
const PLEASED: f64 = 0.5;
