//! Why the caller called, by signs in what both sides say.
//!
//! A sign counts once, however often it is heard: a long call is not more of anything than a short one. The intent with
//! the most points wins; of two with as many, the one that is costlier to miss.

use foldhash::HashSet;
use std::sync::LazyLock;

use super::agreement::{agrees, is_negated, refuses};
use super::answered_by::{AnsweredBy, answered_by};
use super::answers::ANSWERS;
use super::conduct::Conduct;
use super::misdialled::misdialled;
use super::signs::{SIGNS, Sign};
use super::slots;
use super::things::Matters;
use crate::analysis::Intent;
use crate::text::{Phrases, Stop, Utterance, Word, list};
use crate::transcript::Role;

/// Fewer points are a coincidence.
const ENOUGH: i32 = 3;

/// Points of a call that is not for us: more than any other sign has.
const NOT_FOR_US: i32 = 9;

/// Words of an agent who offers to book, or asks to confirm it.
static OFFER: LazyLock<Phrases<()>> = LazyLock::new(|| {
    Phrases::new([(
        (),
        "would you like | do you want | do you wish | shall/should/can/may i | want me to | please confirm | confirm | confirming | \
         is that/this correct/right | is that all right | just to confirm | le gustaría | quiere que",
    )])
});

/// What can be booked, and the doing of it.
static BOOKABLE: LazyLock<Phrases<()>> = LazyLock::new(|| {
    Phrases::new([(
        (),
        "book/booking/reserve/reserving/reservation/schedule/scheduling/rent | buy/buying/purchase/purchasing | \
         appointment/table/ticket/tickets/visit/viewing/seats/room/rooms | mesa/cita/reserva",
    )])
});

/// Words of an agent who has booked something.
static BOOKED: LazyLock<Phrases<()>> = LazyLock::new(|| {
    Phrases::new([(
        (),
        "booked/reserved/scheduled/rescheduled/purchased/rented | reservada/reservado/agendada/agendado | bought | in the book | \
         on the list | made the/your/a reservation/booking/appointment/purchase | \
         reservation/appointment/booking/visit/purchase/ticket/tickets has/have/is/was/are been/now/confirmed/complete/set/made/successful | \
         reservation/appointment/booking/visit/purchase confirmed/complete/successful | \
         appointment/reservation/visit/tickets * * confirmed/made/set",
    )])
});

/// Words of a caller who asks whether to book at all: "Do I need a reservation?" asks for none.
static WHETHER: LazyLock<Phrases<()>> = LazyLock::new(|| {
    Phrases::new([((), "do/should i/we need/have/book/reserve | is a reservation/booking | are reservations")])
});

/// Words of a caller who did not ask for what the agent reports.
static PROTESTS: LazyLock<Phrases<()>> = LazyLock::new(|| {
    Phrases::new([(
        (),
        "no stop | stop | wait no | no wait | only/just wanted/asked/want/asking | didn't/never want/wanted/ask/asked/say/said/mean/agreed/agree | \
         did not want/ask/say/mean/agree | don't/not want | don't/not book | cancel/undo that/it | no no | not so fast | no quiero | \
         sólo/solo quería",
    )])
});

/// Words of a caller who asks for a price: what is priced is not asked for.
static PRICES: LazyLock<Phrases<()>> = LazyLock::new(|| {
    Phrases::new([(
        (),
        "how much | what do/does/would/is * * cost/charge | what do/does/would * cost/charge | what's/what the price/cost | \
         price of/for | cost of | cuánto cuesta/vale/es",
    )])
});

static CALLER: LazyLock<Phrases<usize>> = LazyLock::new(|| rows(&SIGNS));
static AGENT: LazyLock<Phrases<usize>> = LazyLock::new(|| rows(&ANSWERS));

fn rows(signs: &'static [Sign]) -> Phrases<usize> {
    Phrases::new(signs.iter().enumerate().map(|(row, sign)| (row, sign.phrases)))
}

/// Greetings and sounds: a caller who says nothing else wanted nothing that we know of.
static SMALL_TALK: LazyLock<HashSet<&str>> = LazyLock::new(|| {
    list(
        "hello hi hey good morning afternoon evening bye goodbye yes yeah no ok okay um uh sorry hola \
         buenas thanks",
    )
});

/// A turn and a word in it, each from 0.
pub type Spot = (usize, usize);

/// The call as the rules for intent, lead score and summary see it.
#[derive(Debug)]
pub struct Reading {
    pub intent: Intent,
    /// Where the caller says best what the call is about.
    pub request: Option<Spot>,
    /// Where the agent says that something is booked.
    pub booked: Option<Spot>,
    /// Where the caller said yes to an offer to book.
    pub agreed: Option<Spot>,
    /// What speaks most for the intent: the request, else an answer of the agent, else a booking.
    pub decided: Option<Spot>,
    pub answered_by: AnsweredBy,
}

/// Read a whole call.
pub fn read(said: &[Utterance], vertical: &str, sentiment: f64) -> Reading {
    let mut heard = [None; SIGNS.len()];
    let mut answered = [None; ANSWERS.len()];
    let mut matters = Matters::new(vertical);
    let mut conduct = Conduct::default();
    let (mut booked, mut agreed) = (None, None);
    let (mut declined, mut to_book) = (false, false);
    let (mut offered, mut offered_time, mut just_booked) = (false, false, false);
    for (turn, said) in said.iter().enumerate() {
        match said.role {
            Role::User => {
                let protests = just_booked && refuses(said) && PROTESTS.are_in(&said.words);
                if std::mem::take(&mut just_booked) && protests {
                    (booked, declined) = (None, true);
                }
                // Repeating the day takes the offer of it: "Tuesday at ten. That'll do."
                let takes_time = offered_time && slots::are_taken(said);
                if offered || offered_time {
                    if agrees(said) || takes_time {
                        agreed.get_or_insert((turn, 0));
                        to_book |= offered;
                    }
                    if refuses(said) && !takes_time {
                        declined = true;
                        // Who takes a time and then declines to have it booked has only asked for it.
                        agreed = agreed.filter(|_| !offered || to_book || booked.is_some());
                    }
                }
                (offered, offered_time) = (false, false);
                for (start, sentence) in said.sentences() {
                    matters.hear((turn, start), sentence);
                    let asks_whether = is_question(sentence) && WHETHER.are_in(sentence);
                    let asks_price = || PRICES.are_in(sentence);
                    for hit in CALLER.find(sentence).filter(|hit| !is_negated(sentence, hit.at)) {
                        let sign = &SIGNS[hit.what];
                        let only_named = sign.names_service && asks_price();
                        if !(only_named || (asks_whether && sign.intent == Intent::Booking)) {
                            heard[hit.what].get_or_insert((turn, start + hit.at));
                        }
                    }
                }
            }
            Role::Assistant => {
                for hit in AGENT.find(&said.words).filter(|hit| !is_negated(&said.words, hit.at)) {
                    answered[hit.what].get_or_insert((turn, hit.at));
                }
                offered_time = slots::are_offered(said);
                conduct.see(turn, said, offered_time);
                offered = OFFER.are_in(&said.words) && BOOKABLE.are_in(&said.words);
                let books = has_booked(said);
                just_booked = books.is_some();
                booked = books.map(|at| (turn, at)).or(booked);
            }
            Role::System => {}
        }
    }

    let points = |intent: Intent| -> i32 {
        let signs = SIGNS.iter().zip(&heard).chain(ANSWERS.iter().zip(&answered));
        let of_signs = signs.filter(|(sign, heard)| sign.intent == intent && heard.is_some());
        of_signs.map(|(sign, _)| sign.points).sum::<i32>() + matters.points(intent)
    };
    let mut booking = points(Intent::Booking).min(7);
    if booked.is_some() {
        booking += 3;
    }
    match (agreed.is_some(), declined) {
        (true, _) if booked.is_some() => booking += 5,
        (true, _) => booking += 3,
        (false, true) => booking -= 2,
        (false, false) => {}
    }
    let mut complaint = points(Intent::Complaint);
    let regretted = first_of(Intent::Complaint, &ANSWERS, &answered).is_some();
    match complaint {
        0 => {}
        _ if sentiment < -0.3 => complaint += 2,
        _ if sentiment < 0.0 && regretted => complaint += 1,
        // Who lets us book and is not unhappy has been put right.
        _ if sentiment >= 0.0 && booked.is_some() => complaint /= 2,
        _ => {}
    }
    let mut sales = points(Intent::Sales);
    if is_sold_in_steps(vertical) {
        // There, an appointment is a step towards the sale.
        booking = if sales > ENOUGH + 1 { booking.min(sales + 2) } else { booking };
        sales += if sales > 0 { 2 } else { 0 };
    }
    let misdialled = misdialled(said);
    let none = if misdialled.is_some() { NOT_FOR_US } else { points(Intent::None) };
    // Costlier to miss first: max_by_key keeps the last of equals.
    let ranking = [
        (Intent::Booking, booking),
        (Intent::Support, points(Intent::Support).min(8)),
        (Intent::Sales, sales),
        (Intent::Complaint, complaint),
        // Who lets us book something was only declining one of the offers.
        (Intent::None, if booked.or(agreed).is_some() { 0 } else { none }),
    ];
    let best = ranking.into_iter().max_by_key(|(_, points)| *points).filter(|(_, points)| *points >= ENOUGH);
    let answered_by = answered_by(said);
    let by_conduct = || conduct.intent(said, vertical, declined, sentiment);
    let (intent, shown) = match best {
        _ if answered_by != AnsweredBy::Person => (Intent::None, None),
        Some((intent, _)) => (intent, None),
        None if said_something(said) => by_conduct().unwrap_or((Intent::Info, None)),
        None => (Intent::None, None),
    };
    let request = first_of(intent, &SIGNS, &heard).or_else(|| matters.first(intent));
    let request = request.or(misdialled.filter(|_| intent == Intent::None));
    let done = booked.or(agreed).filter(|_| intent == Intent::Booking);
    let decided = request.or_else(|| first_of(intent, &ANSWERS, &answered)).or(done).or(shown);
    Reading { intent, request, booked, agreed, decided, answered_by }
}

/// Whether an appointment with a business of this vertical may be a step towards a sale.
fn is_sold_in_steps(vertical: &str) -> bool {
    matches!(vertical, "real_estate" | "forex" | "finance" | "home_services" | "automotive")
}

/// Where the first sign of an intent was heard that was heard at all.
fn first_of(intent: Intent, signs: &[Sign], heard: &[Option<Spot>]) -> Option<Spot> {
    signs.iter().zip(heard).filter(|(sign, _)| sign.intent == intent).find_map(|(_, heard)| *heard)
}

/// Where the agent reports a booking: not in a question, and not one that failed.
fn has_booked(said: &Utterance) -> Option<usize> {
    static FAILED: LazyLock<HashSet<&str>> =
        LazyLock::new(|| list("couldn't unable unfortunately fully failed can't cannot could wasn't if"));
    said.sentences().find_map(|(start, sentence)| {
        let failed = || sentence.iter().any(|w| w.is_in(&FAILED));
        let mut reported = BOOKED.find(sentence).map(|hit| hit.at).chain(slots::settled(sentence));
        let at = reported.find(|at| !is_negated(sentence, *at))?;
        (!is_question(sentence) && !failed()).then_some(start + at)
    })
}

fn is_question(sentence: &[Word]) -> bool {
    sentence.last().is_some_and(|w| w.stop == Stop::Question)
}

fn said_something(said: &[Utterance]) -> bool {
    said.iter().filter(|s| s.role == Role::User).map(|s| meaningful_words(&s.words)).sum::<usize>() >= 2
}

/// How many of these words are more than a greeting or a sound.
pub fn meaningful_words(words: &[Word]) -> usize {
    words.iter().filter(|w| !w.is_in(&SMALL_TALK)).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn intent(turns: &[(Role, &str)]) -> Intent {
        let said: Vec<_> = turns.iter().map(|(role, text)| Utterance::new(*role, text)).collect();
        read(&said, "", 0.0).intent
    }
    use Role::{Assistant as A, User as U};

    #[test]
    fn asking_for_an_appointment_is_booking() {
        assert_eq!(intent(&[(U, "I'd like to make an appointment for Monday.")]), Intent::Booking);
    }

    #[test]
    fn an_offer_to_book_that_is_declined_is_information() {
        let turns = [
            (U, "Is the pool heated?"),
            (A, "It is. Would you like me to book a room?"),
            (U, "No thanks, not right now."),
        ];
        assert_eq!(intent(&turns), Intent::Info);
    }

    #[test]
    fn a_booking_that_failed_is_not_an_outcome() {
        let said = Utterance::new(A, "I'm sorry, it could not be booked. Is it booked elsewhere?");
        assert_eq!(has_booked(&said), None);
    }

    #[test]
    fn a_price_is_information_and_a_booking_that_nobody_wanted_is_none() {
        assert_eq!(intent(&[(U, "How much is a cut?")]), Intent::Info);
        assert_eq!(
            intent(&[(U, "How much is a cut?"), (A, "Forty."), (U, "Too expensive, I will not book.")]),
            Intent::Info
        );
        let booked_unasked = |answer| {
            intent(&[
                (U, "How much is a cut?"),
                (A, "Forty dollars, and I've booked you for Tuesday at ten."),
                (U, answer),
            ])
        };
        assert_eq!(booked_unasked("No, stop, I only wanted the price."), Intent::Info);
        assert_eq!(booked_unasked("No, I didn't ask for that."), Intent::Info);
        assert_eq!(booked_unasked("No, that's all, thanks."), Intent::Booking);
        assert_eq!(intent(&[(U, "I want a cut. How much is it?")]), Intent::Booking);
    }

    #[test]
    fn a_repeated_sign_counts_once() {
        assert_eq!(intent(&[(U, "awful awful awful, what are your hours")]), Intent::Info);
    }

    #[test]
    fn hello_is_no_intent() {
        assert_eq!(intent(&[(U, "Hello? Hello?")]), Intent::None);
    }
}
