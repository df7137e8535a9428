//! The signs of an intent in what callers say. This table is the rules, with that of `answers.rs`; `intent.rs` adds them up.

use crate::analysis::Intent;

/// Phrases that speak for an intent.
pub struct Sign {
    pub intent: Intent,
    pub points: i32,
    pub phrases: &'static str,
    /// Only names what can be booked.
    pub names_service: bool,
}

pub const fn sign(intent: Intent, points: i32, phrases: &'static str) -> Sign {
    Sign { intent, points, phrases, names_service: false }
}

/// What callers say.
pub static SIGNS: [Sign; 42] = [
    // Something went wrong, and it is our fault.
    sign(
        Intent::Complaint,
        4,
        "complaint | complain | unacceptable | outrageous | a disgrace | shame on | shameful | ridiculous | \
         disgusting | disgusted | disgraceful | furious | \
         rip-off | rip off | my/our lawyer/lawyers/attorney | get/call/calling a lawyer | fed up | not happy | \
         queja | pésimo | pésima | vergüenza | inaceptable",
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
        "still waiting/haven't/hasn't/not/taking/charging/billing | how many times | you/they promised/fixed | \
         sick of | had it with | \
         your fault/mistake | you/they/office/people/crew charged/lost/cancelled/canceled/broke/cut/damaged/ruined/scratched/forgot/ignored | you/office/people put/sent/gave me/us/in/my/our/the * wrong | put in the wrong | not what i ordered/paid/asked | \
         shouldn't have to | kept waiting | took you long | long enough | want a person/human | dispute it",
    ),
    sign(
        Intent::Complaint,
        2,
        "again | you/they said/told | last time | this time | on hold | all morning/day/week | everyone tells | \
         passed around | a review | two/one stars/star | \
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
    sign(
        Intent::Complaint,
        2,
        "waited/waiting an/one/two/three/forty hour/hours/minutes | \
         waited/waiting/wait/sat/stood * minutes/hours/days/weeks | a/this complaint/concern | esperamos una hora",
    ),
    // Of whom the caller speaks ill, what it cost them, and that it was not the first time.
    sign(
        Intent::Complaint,
        2,
        "you/they/crew/office/people put/sent/gave/changed/delivered/installed/left | it/that cost me/us | \
         your man/men/girl/lady/woman/driver/drivers/people/staff/nurse/receptionist/technician/colleague/waiter/waitress/team | \
         at your front/desk/counter/office/store | your front desk",
    ),
    sign(
        Intent::Complaint,
        3,
        "shouldn't be | should have been/told/called | isn't/not right/fair/acceptable/satisfied/okay . | \
         uncalled for | not paying for | for nothing . | \
         never again | won't be back/coming/going/using | take my business | attorney | report you | no excuse | \
         i'm/we're paying | ruined | a mess | wasted my/a/an",
    ),
    sign(
        Intent::Complaint,
        2,
        "third/fourth/fifth one | third/fourth/fifth sofa/visit/call/letter | twice | every single | \
         same thing/problem/noise/story/issue | \
         for days/weeks/months/hours/ages | no one/nobody told/cares/helped/showed/shows | didn't show | \
         what's going on | what is going on | we'll see . | we shall see .",
    ),
    sign(
        Intent::Complaint,
        2,
        "damaged | burned | messed up | wrong size/color/order/item/one/room | \
         fell/falling/came/coming/snapped/broke/broken off/apart | crooked | uneven | \
         shouted/yelled at | hung up on | ignored me/us | in tears | frustrated/frustrating | annoyed/annoying | \
         disappointed/disappointing/bummed | i'm/i am upset/angry | reluctant to | hate to",
    ),
    // Something of the caller's does not work, and nobody is blamed yet.
    sign(
        Intent::Support,
        4,
        "can't/cannot log/sign/get in | locked out | password/contraseña | won't let me | \
         doesn't/isn't/not/stopped work/working | \
         crashes/crashed/crashing | an error | error message | no funciona",
    ),
    sign(
        Intent::Support,
        4,
        "email/package/order/link/code/card never came | my records | hasn't/haven't/never arrived/received | \
         keep sending | a refill | refills | reset my | update/change my address/email/e-mail/number",
    ),
    sign(
        Intent::Support,
        3,
        "broken | broke | leaking/leaks/leak | stopped heating/charging/printing/cooling/ringing/loading | declined | \
         frozen | \
         won't start/open/load/turn/connect/close/charge/print/stop | \
         can't connect/access/open/hear/see/find/reset/change | \
         keeps crashing/freezing/dropping/asking/saying/beeping | doesn't load/open/start/show/charge | i lost my | \
         left my/a | \
         trouble with | problem with | issue with | top up | how do i",
    ),
    sign(Intent::Support, 2, "my order/withdrawal/account | reinstalled | the/your app/website | troubleshoot"),
    sign(
        Intent::Support,
        3,
        "no hot/running/warm water | no heat/heating/power/internet/signal/sound/electricity/water/wifi/connection | \
         it/that says | asks/wants me/for to/a/the/my code/password/pin/login/number/name/email | \
         nothing happens/happened/comes/loads/works | doesn't like/take/accept/let/recognize it/that/my/me | \
         keeps saying/going/coming/turning/dropping/freezing/asking | went out | \
         blank/gray/black/blue/white screen | \
         can't/cannot/couldn't hear/see/find/connect/open/print/send/receive/access/log it/them/the/my/our/in/to",
    ),
    sign(
        Intent::Support,
        3,
        "status of my/our/the/an | where is/are my/our | when will my/our | \
         is/are my/our ready/done/finished/here/in | hasn't/haven't/not/never/didn't come/arrived/arrive/shown | \
         left behind | left it/them/something | lost and found | lost my/our | forgot my/our | \
         did anyone/anybody/someone find",
    ),
    sign(
        Intent::Support,
        3,
        "prescription | my medicine/medication/meds/pills/inhaler | out of my/his/her/their | \
         almost/nearly/running/ran/run out | need more | fill it/them/this | \
         had an accident | an accident | stolen | file/make/report a/an/my claim/outage/leak | status of | \
         proof of * | boarding pass | a note/letter/form/receipt/certificate for/from/saying | lost * card",
    ),
    sign(
        Intent::Support,
        3,
        "cancel/end/stop/close/pause/freeze/suspend/renew/transfer my/our/the membership/subscription/service/contract/policy/plan/account/internet/phone/line | \
         on pause | on hold for | don't/won't need it/you/this anymore/any | copy of my/our/the | \
         new card/address/number | my new address/number/card | return this/that/them/my | send it/them back | \
         change/update/correct the/my/our/associated address/number/name/details | \
         change/update address/details/name | explain my/our/this/the bill/statement/charge/invoice | what do i do | \
         don't/didn't understand why/how/what | what should i do",
    ),
    // The caller is a buyer, or means to be one.
    sign(
        Intent::Sales,
        4,
        "make/put/putting an offer | put/putting in an offer |  first time buying/buyer/buyers | \
         first-time buyer/buyers | might sell | want/wanting/like to sell/buy | \
         looking for a house/home/condo | pre-approved/preapproved | open an account | a demo | annual plan | \
         ready to buy/sign | \
         sell our/my/the house/home/condo/place/apartment | buy a/the/this house/home/condo/property | sign us/me up | \
         start a subscription | abrir una cuenta | comprar una casa",
    ),
    sign(
        Intent::Sales,
        3,
        "a quote | pricing | minimum deposit | fund it | to invest | to list | a business account | free trial | \
         upgrade to | in writing",
    ),
    sign(
        Intent::Sales,
        2,
        "cash | cost me | try it | a trial | what do you charge | your plans/packages/product/service | \
         switch from/to | a discount | \
         looking to buy/sell/invest/switch | thinking of buying/selling | the bank said | \
         interested in the/buying/your | mortgage | down payment | team of | our company | your commission | \
         the/your fees | \
         a/the/your spread | monthly fee | comparing | budget is",
    ),
    sign(
        Intent::Sales,
        3,
        "sign up | signup | want/wanna/like/need/come/came to join | to get started | ready to start/go/move/join | \
         how do/can i/we switch/join/sign/start/buy | what can/could/do you offer | become a member/customer/client | \
         special offer/price/deal | two-for-one | lowest | best price/offer/rate/you | are you asking | negotiable | \
         flexible on | would they/you move/negotiate/budge | \
         what would/could/might it/you/they/our/my fetch/take/accept/bring/get | might/could/would fetch/sell | \
         put/putting in a/an bid/figure/offer | on/off the market/lot | trade in | trade-in | test drive | \
         shopping around | three/two/several/some companies/quotes/estimates/bids/offers | \
         give me/us a/an number/estimate/price/figure | an estimate",
    ),
    sign(
        Intent::Sales,
        3,
        "financing | finance it/the | a loan | payment/payments on a/an/the | monthly payment/payments | lease | \
         credit union | pre-approval | letter from the/our/my bank | dollars/grand/thousand/k down/saved/cash",
    ),
    sign(
        Intent::Sales,
        3,
        "worth these/right days/now | is it/house/home worth | \
         thinking/thought about/of selling/buying/switching/starting/joining | \
         want/wanting/wanna/hoping/need/looking/like to invest/switch/upgrade/list/start | \
         cover/coverage for my/a/our/the | kind of cover/coverage/insurance/plan | insure it/my/our/a/the | \
         get/be insured | thinking of/about | redo/redoing/remodel/remodeling/renovate/renovating | \
         new connection/service/internet/cable/plan/policy | new * connection/service/line/plan | start a new/small | \
         start a business",
    ),
    sign(
        Intent::Sales,
        2,
        "my/our/small office/firm/shop/restaurant/store/bakery/salon/clinic/practice/agency/business | \
         for our/my business/company/office/staff/employees/team | number of users/seats | open house | \
         i run | i own | how does your/it/this/the thing/system/service/work/product | set me/us up | \
         what do you need from | i'm in . | owner of | director of | manager of | deal on | package deal | \
         new customer/customers/client",
    ),
    // The caller wants a place in somebody's calendar.
    sign(
        Intent::Booking,
        3,
        "book/booking/reserve/reservation/reservations/reschedule/reservar/reserva/agendar | una cita/mesa | \
         appointment/appointments | schedule | cancel my/our/the | set up a/an visit/viewing/meeting | \
         a table for/on | table/room for",
    ),
    sign(
        Intent::Booking,
        3,
        "buy/get/purchase/want/need ticket/tickets | buy/get/purchase/want/need * ticket/tickets | \
         buy/purchase it/them/those | \
         buy/get/purchase/want/need * * ticket/tickets | want/like/need to rent | rent it/this/that/the/a",
    ),
    sign(
        Intent::Booking,
        2,
        "put me/us down | hold a block/table/room | come in | start seeing | someone could look/see | an opening | \
         sometime this/next | \
         visit it/the/this/that/them | come and look/see | can i see | see somebody/someone | fit/squeeze me in | \
         anything after/before/around/at | anything on/for/this/next/friday/tomorrow/tonight/today | my * o'clock ",
    ),
    Sign {
        names_service: true,
        ..sign(
            Intent::Booking,
            3,
            "get my * done | a tune-up/inspection | a/an * trim/haircut/manicure/massage/facial | \
         a haircut/trim/cut/cleaning/check-up/checkup/massage/manicure",
        )
    },
    sign(
        Intent::Booking,
        1,
        "i'll/we'll take it/that/one | that/which works | works | works for me | let's do it | go ahead | running late",
    ),
    sign(
        Intent::Booking,
        3,
        "put me/us/him/her on/in/down | put my name | make/making an/for/a appointment/booking/reservation | \
         get/getting in for/to/with | in to see | see the/a/dr/doctor dentist/doctor/vet/nurse/therapist | \
         had/have/take/taking a look | somebody/someone/anyone/anybody to look/see/come/clean/fix/check | \
         get/send a guy/man/lady/plumber/technician/electrician/someone | \
         you/someone/somebody/anyone/anybody come out/by/over",
    ),
    sign(
        Intent::Booking,
        3,
        "anybody/anyone/anything free/open/available | any slots/openings/tables/rooms/room/spots | free slot | \
         a slot | a spot | is there room/space/anybody | a/any rooms/room/table for | for * * nights/night | \
         two/three/four nights | \
         view it/the | let me/us/somebody/someone in | show me/us around | \
         want/need/like/have my * set/done/cut/cleaned/checked/serviced/washed/groomed | need/want to be seen | \
         the one in the/with | up for rent | \
         for lunch/dinner/brunch",
    ),
    sign(
        Intent::Booking,
        3,
        "can't make it/my/our | call off my/the/our | push it/my/our back | \
         change my/our appointment/reservation/booking/table/time | \
         got/have a/an table/booking/reservation/appointment | i'm/we're down for today/tomorrow/the | under the name",
    ),
    sign(
        Intent::Booking,
        2,
        "two/three/four/five/six/seven/eight/nine/ten of us | party of | a table | drop it/her/him/them off | \
         bring it/her/him/them in | for two/three/four/five/six/seven/eight/nine/ten | \
         say five/six/eight/ten/twelve | due for | a physical | \
         nothing/anything/something sooner/earlier/later | the earliest/soonest | next available | \
         what/what've do/have you have/got next/this/on/for/available/free | \
         hurts/hurt/aches/swollen/bleeding/chipped/cracked | been having/throwing | touched/eaten her/his/its food | \
         see somebody/someone | see/fit/squeeze/take him/her/me/us in/today/tomorrow",
    ),
    // Nobody was called, or somebody who wants nothing of us.
    sign(
        Intent::None,
        9,
        "wrong number | wrong place | dialed/dialled wrong | not interested . | \
         not interested in your/money/anything/whatever | not interested anymore | delete my details | \
         is this the number/place/bank/office/store |  stop calling | remove me | take me off | call me back later | \
         número equivocado",
    ),
    sign(
        Intent::None,
        9,
        "don't call me/us/here/this/again | person in charge | decision maker | \
         help/helping businesses/companies/restaurants/salons/shops/stores/clinics like/save/cut/get/grow/reach | \
         misdialed/misdialled | must have dialed/dialled",
    ),
    // Somebody who sells to us: who they are, and whom they want.
    sign(
        Intent::None,
        2,
        "on behalf of | i represent | calling from | we help/offer/provide/supply/specialize | \
         we've/we have been helping/working | we work with",
    ),
    sign(
        Intent::None,
        2,
        "the owner | person in charge | whoever is/takes/does | decision maker | the purchasing/buying | \
         your rates/google/processing/supplier/vendor | save you | minutes of your | have five/ten/two minutes | \
         feature/list/advertise/promote your",
    ),
    sign(Intent::None, 9, "we supply | is the owner in | salons/businesses/companies/restaurants/offices like yours"),
];
