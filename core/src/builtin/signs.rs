//! The signs of an intent: what callers say, and how agents answer. This table is the rules; `intent.rs` adds them up.

use crate::analysis::Intent;

/// Phrases that, said by the caller, speak for an intent.
pub struct Sign {
    pub intent: Intent,
    pub points: i32,
    pub phrases: &'static str,
    /// Only names what can be booked.
    pub names_service: bool,
}

const fn sign(intent: Intent, points: i32, phrases: &'static str) -> Sign {
    Sign { intent, points, phrases, names_service: false }
}

/// What callers say.
pub const SIGNS: [Sign; 23] = [
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
    Sign {
        names_service: true,
        ..sign(
            Intent::Booking,
            3,
            "get my * done | a/an * trim/haircut/manicure/massage/facial | a haircut/trim/cut/cleaning/check-up/checkup/massage/manicure",
        )
    },
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
pub const ANSWERS: [Sign; 5] = [
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
