//! Why the caller called, by signs in what both sides say.
//!
//! A sign counts once, however often it is heard: a long call is not more of anything than a short one. The intent with
//! the most points wins; of two with as many, the one that is costlier to miss.

use std::collections::HashSet;
use std::sync::LazyLock;

use super::words::{Phrases, Said, Stop, Word, agrees, is_negated, list, refuses};
use crate::analysis::Intent;
use crate::transcript::Role;

/// Fewer points are a coincidence.
const ENOUGH: i32 = 3;

/// Phrases that, said by the caller, speak for an intent.
struct Sign {
    intent: Intent,
    points: i32,
    phrases: &'static str,
}

const fn sign(intent: Intent, points: i32, phrases: &'static str) -> Sign {
    Sign { intent, points, phrases }
}

const SIGNS: [Sign; 23] = [
    // Something went wrong, and it is our fault.
    sign(
        Intent::Complaint,
        4,
        "complaint | complain | unacceptable | outrageous | ridiculous | disgusting | disgusted | disgraceful | furious | \
         rip-off | rip off | lawyer | fed up | not happy | queja | pésimo | pésima | vergüenza | inaceptable",
    ),
    sign(
        Intent::Complaint,
        4,
        "money back | refund/refunded | overcharged | charged/billed me | charged/billed twice | reembolso",
    ),
    sign(
        Intent::Complaint,
        4,
        "speak/talk to/with a/the/your manager/supervisor | your supervisor | hablar con el gerente",
    ),
    sign(
        Intent::Complaint,
        3,
        "still waiting/haven't/hasn't/not | how many times | you/they promised/fixed | sick of | had it with | \
         your fault/mistake | you/office/people put/sent/gave/charged/lost/cancelled/broke | not what i ordered/paid/asked | \
         shouldn't have to | kept waiting | took you long | long enough | want a person/human | dispute it",
    ),
    sign(
        Intent::Complaint,
        2,
        "again | you/they said/told | last time | this time | on hold | all morning/day/week | everyone tells | passed around | a review | two/one stars/star | \
         paying for | supposed to | was late | dirty | cold food | noisy",
    ),
    sign(
        Intent::Complaint,
        3,
        "third/fourth/fifth/tenth time/week | once again | took three/four/five calls | still broken | your broken | \
         nobody/no-one came/called/answered/answers | no one came/called/answered | never called/showed",
    ),
    sign(
        Intent::Complaint,
        3,
        "very/so/really/extremely disappointed/upset/angry/unhappy | disappointed in/with | \
         worst service/experience/company/hotel/place/ever | worst * ever | mala experiencia",
    ),
    sign(Intent::Complaint, 2, "terrible | horrible | awful | rude | unprofessional | useless | waste of | a joke"),
    sign(Intent::Complaint, 2, "waited/waiting an/one/two/three/forty hour/hours/minutes | esperamos una hora"),
    // Something of the caller's does not work, and nobody is blamed yet.
    sign(
        Intent::Support,
        4,
        "can't/cannot log/sign/get in | locked out | password/contraseña | won't let me | doesn't/isn't/not/stopped work/working | \
         crashes/crashed/crashing | an error | error message | no funciona",
    ),
    sign(
        Intent::Support,
        4,
        "email/package/order/link/code/card never came | my records | hasn't/haven't/never arrived/received | keep sending | a refill | refills | reset my | update/change my address/email/e-mail/number",
    ),
    sign(
        Intent::Support,
        3,
        "broken | broke | leaking/leaks/leak | stopped heating/charging/printing/cooling/ringing/loading | declined | frozen | \
         won't start/open/load/turn/connect/close/charge/print/stop | can't connect/access/open/hear/see/find/reset/change | \
         keeps crashing/freezing/dropping/asking/saying/beeping | doesn't load/open/start/show/charge | i lost my | left my/a | \
         trouble with | problem with | issue with | top up | how do i",
    ),
    sign(Intent::Support, 2, "my order/withdrawal/account | reinstalled | the/your app/website | troubleshoot"),
    // The caller is a buyer, or means to be one.
    sign(
        Intent::Sales,
        4,
        "make/put/putting an offer | put/putting in an offer |  first time buying/buyer/buyers | first-time buyer/buyers | might sell | want/wanting/like to sell/buy | \
         looking for a house/home/condo | pre-approved/preapproved | open an account | a demo | annual plan | ready to buy/sign | \
         sell our/my/the house/home/condo/place/apartment | buy a/the/this house/home/condo/property | sign us/me up | \
         start a subscription | abrir una cuenta | comprar una casa",
    ),
    sign(
        Intent::Sales,
        3,
        "a quote | pricing | minimum deposit | fund it | to invest | to list | a business account | free trial | upgrade to | in writing",
    ),
    sign(
        Intent::Sales,
        2,
        "cash | cost me | try it | a trial | what do you charge | your plans/packages/product/service | switch from/to | a discount | \
         looking to buy/sell/invest/switch | thinking of buying/selling | the bank said | interested in the/buying/your | mortgage | down payment | team of | our company | your commission | the/your fees | \
         a/the/your spread | monthly fee | comparing | budget is",
    ),
    // The caller wants a place in somebody's calendar.
    sign(
        Intent::Booking,
        3,
        "book/booking/reserve/reservation/reservations/reschedule/reservar/reserva/agendar | una cita/mesa | \
         appointment/appointments | schedule | cancel my/our/the | set up a/an visit/viewing/meeting | a table for/on | table/room for",
    ),
    sign(
        Intent::Booking,
        3,
        "buy/get/purchase/want/need ticket/tickets | buy/get/purchase/want/need * ticket/tickets | buy/purchase it/them/those | \
         buy/get/purchase/want/need * * ticket/tickets | want/like/need to rent | rent it/this/that/the/a",
    ),
    sign(
        Intent::Booking,
        2,
        "put me/us down | hold a block/table/room | come in | start seeing | someone could look/see | an opening | sometime this/next | \
         visit it/the/this/that/them | come and look/see | can i see | see somebody/someone | fit/squeeze me in | \
         anything after/before/around/at | anything on/for/this/next/friday/tomorrow/tonight/today | my * o'clock ",
    ),
    sign(
        Intent::Booking,
        3,
        "get my * done | a/an * trim/haircut/manicure/massage/facial | a haircut/trim/cut/cleaning/check-up/checkup/massage/manicure",
    ),
    sign(
        Intent::Booking,
        1,
        "i'll/we'll take it/that/one | that/which works | works | works for me | let's do it | go ahead | running late",
    ),
    // Nobody was called, or somebody who wants nothing of us.
    sign(
        Intent::None,
        9,
        "wrong number | wrong place | dialed/dialled wrong | not interested . | not interested in your/money/anything/whatever | not interested anymore | delete my details | is this the number/place/bank/office/store |  stop calling | remove me | take me off | call me back later | número equivocado",
    ),
    sign(Intent::None, 9, "we supply | is the owner in | salons/businesses/companies/restaurants/offices like yours"),
];

/// Phrases that, said by the agent, speak for an intent: how a call is answered says what it was.
const ANSWERS: [Sign; 5] = [
    sign(
        Intent::Complaint,
        3,
        "our mistake/fault/error | i apologize/apologise | shouldn't have happened | isn't how it should | is unacceptable | get a refund | \
         refund it/you | make it right | disculpe las molestias",
    ),
    sign(Intent::Complaint, 1, "i'm sorry . | i'm so/very/really sorry | i'm sorry about/to | lo siento"),
    sign(
        Intent::Support,
        3,
        "a reset link | open/opened/opening a/an ticket/urgent | i can fix | known bug/issue | a fix |  try again/restarting | \
         send someone/somebody | a technician | the plumber | a refill | second factor",
    ),
    sign(
        Intent::Sales,
        3,
        "a trial | free trial | start the application | the application | valuation | a demo | a specialist will call | proof of funds | the contract",
    ),
    sign(
        Intent::Booking,
        2,
        "i have/can/could offer/do monday/tuesday/wednesday/thursday/friday/saturday/sunday/tomorrow | i have/can monday/tuesday/wednesday/\
thursday/friday/saturday/sunday/tomorrow | squeeze/fit you/her/him/them in | is yours | we can hold | what name | puedo ofrecerle",
    ),
];

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

/// Words that place something in a calendar.
static WHEN: LazyLock<HashSet<&str>> = LazyLock::new(|| {
    list(
        "monday tuesday wednesday thursday friday saturday sunday january february march april june july august september october november december today tomorrow tonight lunes martes miércoles jueves \
         viernes sábado domingo mañana hoy",
    )
});

fn is_when(word: &Word) -> bool {
    // "the 21st"
    let ordinal = || word.lower.trim_start_matches(|c: char| c.is_ascii_digit());
    word.is_in(&WHEN)
        || (word.lower.starts_with(|c: char| c.is_ascii_digit()) && ["st", "nd", "rd", "th"].contains(&ordinal()))
}

/// Words of an agent after which a day is a booking.
static SETTLED: LazyLock<Phrases<()>> = LazyLock::new(|| {
    Phrases::new([(
        (),
        "is/are confirmed/set | you're confirmed/set/down | you're all set | i've put/got you | see you | i'll see you | le esperamos | nos vemos",
    )])
});

/// What an answering machine says for its owner.
static MACHINE: LazyLock<Phrases<()>> = LazyLock::new(|| {
    Phrases::new([(
        (),
        "after the tone/beep | leave a/your/me message | you've reached the voicemail | not available to take your call | \
         deje su mensaje | después del tono",
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

/// The call as the rules for intent, lead score and summary see it.
#[derive(Debug)]
pub struct Reading {
    pub intent: Intent,
    /// The turn and word at which the caller says best what the call is about.
    pub request: Option<(usize, usize)>,
    /// The turn and word at which the agent says that something is booked.
    pub booked: Option<(usize, usize)>,
    /// The caller said yes to an offer to book.
    pub agreed: bool,
    pub answered_by_machine: bool,
}

/// Read a whole call.
pub fn read(said: &[Said], vertical: &str, sentiment: f64) -> Reading {
    let mut heard = [None; SIGNS.len()];
    let mut answered = [false; ANSWERS.len()];
    let mut booked = None;
    let (mut agreed, mut declined, mut answered_by_machine) = (false, false, false);
    let (mut offered, mut offered_time) = (false, false);
    for (turn, said) in said.iter().enumerate() {
        match said.role {
            Role::User => {
                answered_by_machine |= MACHINE.are_in(&said.words);
                // Repeating the day takes the offer of it: "Tuesday at ten. That'll do."
                let takes_time = offered_time && said.words.iter().take(4).any(is_when);
                if offered || offered_time {
                    agreed |= agrees(said) || takes_time;
                    declined |= refuses(said) && !takes_time;
                }
                (offered, offered_time) = (false, false);
                for (start, sentence) in said.sentences() {
                    let asks_whether = is_question(sentence) && WHETHER.are_in(sentence);
                    for hit in CALLER.find(sentence).filter(|hit| !is_negated(sentence, hit.at)) {
                        if !(asks_whether && SIGNS[hit.what].intent == Intent::Booking) {
                            heard[hit.what].get_or_insert((turn, start + hit.at));
                        }
                    }
                }
            }
            Role::Assistant => {
                for hit in AGENT.find(&said.words) {
                    answered[hit.what] |= !is_negated(&said.words, hit.at);
                }
                offered_time = said.asks() && said.words.iter().any(is_when);
                offered = OFFER.are_in(&said.words) && BOOKABLE.are_in(&said.words);
                booked = has_booked(said).map(|at| (turn, at)).or(booked);
            }
            Role::System => {}
        }
    }

    let points = |intent: Intent| -> i32 {
        let caller = SIGNS.iter().zip(heard.iter().map(Option::is_some));
        let signs = caller.chain(ANSWERS.iter().zip(answered));
        signs.filter(|(sign, heard)| sign.intent == intent && *heard).map(|(sign, _)| sign.points).sum()
    };
    let mut booking = points(Intent::Booking).min(5);
    if booked.is_some() {
        booking += 3;
    }
    match (agreed, declined) {
        (true, _) => booking += 3,
        (false, true) => booking -= 2,
        (false, false) => {}
    }
    let mut complaint = points(Intent::Complaint);
    match complaint {
        0 => {}
        _ if sentiment < -0.3 => complaint += 2,
        // Who lets us book and is not unhappy has been put right.
        _ if sentiment >= 0.0 && booked.is_some() => complaint /= 2,
        _ => {}
    }
    let mut sales = points(Intent::Sales);
    // There, an appointment is a step towards the sale.
    if sales > 0 && matches!(vertical, "real_estate" | "forex" | "finance") {
        sales += 2;
    }
    // Costlier to miss first: max_by_key keeps the last of equals.
    let ranking = [
        (Intent::Booking, booking),
        (Intent::Support, points(Intent::Support)),
        (Intent::Sales, sales),
        (Intent::Complaint, complaint),
        // Who lets us book something was only declining one of the offers.
        (Intent::None, if booked.is_some() || agreed { 0 } else { points(Intent::None) }),
    ];
    let best = ranking.into_iter().max_by_key(|(_, points)| *points).filter(|(_, points)| *points >= ENOUGH);
    let intent = match best {
        _ if answered_by_machine => Intent::None,
        Some((intent, _)) => intent,
        None if said_something(said) => Intent::Info,
        None => Intent::None,
    };
    let request = SIGNS.iter().zip(heard).filter(|(sign, _)| sign.intent == intent).find_map(|(_, heard)| heard);
    Reading { intent, request, booked, agreed, answered_by_machine }
}

/// Where the agent reports a booking: not in a question, and not one that failed.
fn has_booked(said: &Said) -> Option<usize> {
    static FAILED: LazyLock<HashSet<&str>> =
        LazyLock::new(|| list("couldn't unable unfortunately fully failed can't cannot could wasn't if"));
    said.sentences().find_map(|(start, sentence)| {
        let failed = sentence.iter().any(|w| w.is_in(&FAILED));
        let dated = sentence.iter().any(is_when);
        let settled = SETTLED.find(sentence).filter(|_| dated);
        let hit = BOOKED.find(sentence).chain(settled).find(|hit| !is_negated(sentence, hit.at))?;
        (!is_question(sentence) && !failed).then_some(start + hit.at)
    })
}

fn is_question(sentence: &[Word]) -> bool {
    sentence.last().is_some_and(|w| w.stop == Stop::Question)
}

fn said_something(said: &[Said]) -> bool {
    let caller = said.iter().filter(|s| s.role == Role::User);
    caller.flat_map(|s| &s.words).filter(|w| !w.is_in(&SMALL_TALK)).take(2).count() == 2
}

#[cfg(test)]
mod tests {
    use super::*;

    fn intent(turns: &[(Role, &str)]) -> Intent {
        let said: Vec<_> = turns.iter().map(|(role, text)| Said::new(*role, text)).collect();
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
        let said = Said::new(A, "I'm sorry, it could not be booked. Is it booked elsewhere?");
        assert_eq!(has_booked(&said), None);
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
