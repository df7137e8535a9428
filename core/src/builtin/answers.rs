//! The signs of an intent in how agents answer: how a call is answered says what it was.

use super::signs::{Sign, sign};
use crate::analysis::Intent;

/// Phrases that, said by the agent, speak for an intent: how a call is answered says what it was.
pub static ANSWERS: [Sign; 13] = [
    sign(
        Intent::Complaint,
        3,
        "our mistake/fault/error | i apologize/apologise | shouldn't have happened | isn't how it should | \
         is unacceptable | get a refund | \
         refund it/you | make it right | disculpe las molestias",
    ),
    sign(Intent::Complaint, 1, "i'm sorry . | i'm so/very/really sorry | i'm sorry about/to | lo siento"),
    sign(
        Intent::Complaint,
        2,
        "waive/waived | credit your/you | compensate/compensation | refund/refunded | \
         practice/general/restaurant/store/hotel/building manager | won't happen again | make it up | \
         speak/talk to the/my manager | look into it/this/that | make/put it/this/that right | you're right . | \
         you are right",
    ),
    sign(
        Intent::Complaint,
        1,
        "i apologize/apologise | my/our apologies | i'm/am so/very/terribly/truly sorry | so/very/terribly/really sorry",
    ),
    sign(
        Intent::Support,
        3,
        "outage | a crew | modem/password/username | your/under/in settings | restart/reboot/unplug | \
         pull/plug out/it the/in/back | user name | expired | the new/right link | \
         sending you the/a new/link/code/form | sent you the/a new/link/code/form | \
         replacement | new one/card/code/link | on hold for | a ticket | your/the claim | back on . | \
         should be back | back by/up at/on/by/soon | out for delivery | will be delivered",
    ),
    sign(
        Intent::Support,
        2,
        "will/it'll be ready | ready at/by/in | date of birth | \
         account/order/claim/serial/reference/tracking number | name on the | it's paused/frozen/closed/cancelled | \
         please try/enter/check/restart | try it/that/again now | \
         is the light/screen/power | which version/browser/device | on its way | in transit | housekeeping | \
         lost property | we found | correct it/that | estimated reading",
    ),
    sign(Intent::Support, 1, "let me check/look | i see the/it/that/your | can you read/check/try"),
    sign(
        Intent::Support,
        3,
        "a reset link | open/opened/opening a/an ticket/urgent | i can fix | known bug/issue | a fix | \
          try again/restarting | \
         send someone/somebody | a technician | the plumber | a refill | second factor",
    ),
    sign(
        Intent::Sales,
        3,
        "a trial | free trial | start the application | the application | valuation | a demo | \
         a specialist will call | proof of funds | the contract",
    ),
    sign(
        Intent::Sales,
        2,
        "financing | a proposal | free design/estimate/quote/consultation/valuation/visit | an estimate | a quote | \
         joining fee | a month together | the sellers/seller/owners want/are/would/need | what number/figure/budget | \
         your budget | asking price | sales team/manager | \
         send you a/an/the offer/proposal/quote/contract/list | how many people/employees/users/drivers | \
         test drive | measure it | your current provider/plan | lender",
    ),
    sign(
        Intent::Booking,
        2,
        "under what/whose name | put you down/in | keep/save/hold one/it/you a/one/for/it | \
         bring him/her/it/them in | come right/straight in/over | can see/take/fit you/him/her/them | \
         could take/fit you/him/her/them | what/which name | name for the | put it/that/you under | who should | \
         whom shall/should | for which/what day/date/time | for how many | how many guests/nights",
    ),
    sign(
        Intent::Booking,
        2,
        "i have/can/could offer/do monday/tuesday/wednesday/thursday/friday/saturday/sunday/tomorrow | \
         i have/can monday/tuesday/wednesday/\
thursday/friday/saturday/sunday/tomorrow | squeeze/fit you/her/him/them in | is yours | we can hold | what name | \
         puedo ofrecerle",
    ),
    sign(
        Intent::None,
        2,
        "the owner/manager/boss makes/handles/decides | are you selling | we're/we are not interested",
    ),
];
