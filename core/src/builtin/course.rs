//! What a call was like for the caller, by how it went.
//!
//! Few callers name what they feel. They tell what happened, and it shows in many small things: that it is the third time,
//! that somebody is to be told, that the agent can only make a note of it. None of them says much; together they do.

use foldhash::HashSet;
use std::sync::LazyLock;

use super::intent::Spot;
use crate::text::{Phrases, Utterance, list};
use crate::transcript::Role;

/// Phrases of one kind, and what each of them adds.
struct Sign {
    weight: f64,
    phrases: &'static str,
}

const fn sign(weight: f64, phrases: &'static str) -> Sign {
    Sign { weight, phrases }
}

/// What callers say.
static SIGNS_OF_CALLER: [Sign; 9] = [
    // Surprise and delight, mostly at what the agent has just said.
    sign(
        0.16,
        "oh my | oh wow | oh thank | wow | you're joking | are you serious | wait really/what | \
         what all/now/today | just like that | go on then | yes yes | oh yes | \
         oh good/great/lovely/brilliant/perfect/nice/sweet | let's go . | i'll take it | never thought | \
         didn't expect | less/quicker/cheaper than i/we | more than i figured/expected/thought/hoped | glad i | \
         all is forgiven | i love you/that/this | we love you | best call | you've/have no idea | wait till i | \
         wait to tell | first time ever | i was dreading | rather dreading | finally . | ha . | \
         about to throw/cry | you just saved/made | saved my | can't believe it | speechless | \
         nice/lovely surprise | blown away | dream come | could cry/kiss/hug | could've/have kissed/hugged/cried | \
         gonna/going to cry/bawl | you beauty | best thing | so/forever grateful | \
         what a star/gem/treat/joy/result | a medal | always wanted | jackpot | hallelujah | pinch me/myself | \
         like new/magic | like a charm | worth every | worth the wait | loved it/every | absolutely love | \
         best decision | nothing to pay | it worked | is that all it/you | seriously . | pleasantly surprised | \
         i'm touched | really touched | a whole speech | speech ready | didn't think it'd/it | now i can sleep | \
         that's/that is reasonable | you lovely | bang on | may god | god bless/give/increase/keep/will | \
         thanks god | you are/you're a/an good/angel/saint/star/gem/lifesaver/darling/treasure | \
         you are/you're wonderful/lovely/brilliant/smashing/marvellous | so fast/quick/easy | i passed | \
         we got it | tickled me | oh bless",
    ),
    // Praise for somebody who is to hear of it, and a call that is made to say so.
    sign(
        0.12,
        "tell her/him/them/everyone/everybody/my | pass it/that/this/my on | pass on my | say thank/thanks/hey | \
         let them/her/him know | i'm bringing | i'll bring him/her/them/you | i'll think of you | \
         just wanted to say/tell/thank | only rang/called to | ringing/calling to say/tell/thank | \
         to say thank/thanks | the whole reason | good word | five star/stars | wanted you to know | \
         was/were so/very/really/absolutely kind/lovely/helpful/patient/good/sweet/brilliant/great",
    ),
    // Who says so has heard news, and more of it is good than bad.
    sign(0.04, "oh"),
    // It was not the first time, or it was to have been done by now.
    sign(
        -0.06,
        "third/fourth/fifth/sixth/seventh time/week/month/one/call/visit/letter | twice now/already/this/before | \
         called/rang/phoned/asked/emailed twice | supposed to come/have/call/ring/arrive/get | \
         meant to come/have/call/ring/arrive | was/were supposed/meant | you/they said/told/promised | \
         nobody/no-one | i rang/phoned/emailed/wrote | \
         i've rang/rung/phoned/called/emailed/written/explained/sent/asked/tried | \
         i have called/rung/sent/explained/logged/asked | i already | i've already | every time | \
         weeks/months/hours ago | all morning/day/week | \
         since monday/tuesday/wednesday/thursday/friday/saturday/sunday/yesterday | \
         keep/keeps/kept getting/being/ringing/calling | been waiting | sat/sitting here | stayed in/home | \
         took a/the day | time off work | not one call | no reply/answer/response | not/haven't heard | \
         heard back | no one's/nobody's called/rung/been | bounced/passed between/from/around | runaround | \
         run around | been chasing | to chase | chased | keeps happening/breaking/stopping | once more | \
         waited in | no warning/notice/explanation/apology | this is the second/third/fourth/fifth | \
         how much longer | different story | same story | again and again | every day they/you/i | \
         enough is enough | my patience | times already | times now | should have been/come/arrived | \
         supposed to be here | no text/call/email/letter | i've given it | i sent it/that/them",
    ),
    // Who expects nothing more.
    sign(
        -0.07,
        "never mind . | i suppose | may/might as well | hold my breath | if you/they would . | leave it there | \
         don't bother | i figured | good grief | rotten | right well | we'll see | i guess i'll/i'd/we'll | \
         nothing for it | not your fault | i know it's not you | it is what | if i must | can't be helped | \
         typical | figures . | as usual . | naturally . | bummer | dang | pity . | no luck | not ideal | \
         what can i do | no other option/choice | have/got it in me | course he/she/they/it/you | \
         didn't think you/there/they would | didn't reckon | we will see | manage somehow | won't help | \
         didn't expect you | to be shot of",
    ),
    // What it has cost.
    sign(
        -0.12,
        "i/we paid/prepaid | i've/we've paid | i'm/we're paying | you charged/took/kept | \
         you've charged/taken/kept | paying for | dollars a night/month | pounds a month/night | didn't mention | \
         nobody mentioned | debt collector/collectors | overdrawn | bailiffs | credit score/rating | a fortune | \
         cheating | cheated | a thief | lost my",
    ),
    // Fear and grief.
    sign(
        -0.09,
        "i'm scared/frightened/shaking/terrified | shaking here | don't know what i'm/to/else | please hurry | \
         hurry . | my late husband/wife | passed away | in hospital | here by myself | i can't talk | crying | \
         won't wake | worried sick | can't cope | not coping | my wits | breaking point | getting worse | \
         in agony | beside myself | all alone | can't go on | don't sleep | can't sleep",
    ),
    // Questions that are reproaches.
    sign(
        -0.11,
        "how come | what am i | where's my | where is my | do you understand/realise/realize/hear | \
         are you telling/saying | so that's it | so you're saying/telling | what good/use | how hard | \
         what's the point | how am i | says who | why should/would/am i | since when | so what am i | \
         so you can't/won't/don't | am i supposed/meant | how can you/they | how could you/they | whose fault | \
         who's in charge | gonna/going to do about | is that all you | by who . | is this how | so if i'd | \
         so who's | so i'm to | so i pay | what am i paying",
    ),
    // Who goes elsewhere with it: to another business, a lawyer, a newspaper.
    sign(
        -0.18,
        "ombudsman | the regulator | to my solicitor/lawyer/attorney | shop/shopping around | \
         try somewhere/elsewhere | small claims | the council/press/papers | on google | take my business | \
         trading standards | somebody/someone higher | your manager/supervisor | off the/your/that list | \
         a real person | look/looking elsewhere | making a complaint | dispute the | cancel the lot/whole | \
         done with you/this | cancel everything | this/it further | legal action/advice | see you in court | \
         reporting this/you/it | consumer | on facebook/twitter/yelp/trustpilot | head office | giving notice | \
         want my/the money | small claim | deposit back | a human being | consumer court | another company | \
         to twitter/facebook/management | formal complaint | giving complaint | give complaint | \
         other lot/mob/crowd | my money back | not coming back/near | delete them/me/my | remove my name",
    ),
];

/// What agents say, once the caller has spoken.
static SIGNS_OF_AGENT: [Sign; 5] = [
    // The agent is glad with the caller.
    sign(
        0.32,
        "that's/how/oh wonderful/lovely/fantastic/great/amazing/brilliant/exciting/marvellous | congratulations | \
         glad/great/lovely/wonderful/good to hear | so glad | happy for you/birthday/anniversary | good news | \
         well done | what a lovely/wonderful | wonderful/fantastic/great news | be delighted/thrilled/pleased | \
         big milestone | thank you for telling | happy/pleased to hear | thrilled | how kind/sweet | that's kind | \
         pass your/that on | he'll/she'll/they'll be delighted/pleased/happy/glad | well deserved | so pleased | \
         means a lot | kind words | that's a wonderful/lovely | that's so nice/lovely | so/really pleased/glad | \
         i'm glad",
    ),
    // Something is found, mended or given back.
    sign(
        0.17,
        "refunded/refunding | full refund | \
         i've credited/corrected/fixed/cleared/removed/restored/released/reversed/upgraded/waived/refunded | \
         i'm restoring/releasing/crediting/refunding | approved | waive/waived/waiving | minutes away | \
         straight away | handed in | turned in | on the house | in full | full amount | \
         been restored/approved/accepted/fixed/cleared | accepted your | he's/she's/it's passed | at our cost | \
         for nothing | no need to | courtesy/loan/loaner car | had a cancellation | held it | kept it | goodwill",
    ),
    // The agent is sorry.
    sign(
        -0.1,
        "sorry to hear | sorry about/for/that/this/there/it | sorry . | so/very/really/terribly/truly sorry | \
         apologize/apologise | apologies",
    ),
    // The agent makes a note of it: somebody else will see to it, some day.
    sign(
        -0.12,
        "log it/this/that/a | note it | it's noted | noted . | mark it/this | flag/flagged it/this/your/the | \
         pass it/that/this to/on | raise it/this/a | escalate | escalation | \
         open a/an dispute/case/ticket/escalation/complaint/request | resubmit | request a callback/form | \
         call/ring you back | someone/somebody/manager/director/team will | the/our/a manager | dispute | appeal | \
         in writing | a new form | the form | investigate | feedback | supervisor | leave a/her/him message | \
         make a note | the team know | be in touch | look into it/this/that | i can/could/will ask | i'll ask | \
         a reminder | priority | urgent | contact you | reference/case number | your patience | get back to",
    ),
    // The agent refuses something, or puts it off.
    sign(
        -0.13,
        "i'm afraid | we're afraid | unfortunately | we/i regret | fully/all booked | \
         not available/possible/covered/able/eligible | isn't available/covered/possible | \
         can't do/be/give/offer/change/refund | nothing until/before/left/free/sooner/earlier/available | \
         no longer | we/i cannot | we/i can't | not/non refundable | non-refundable | earliest is/i | sold out | \
         out of stock | policy . | our/the policy | the/our process | procedure | excluded | unable | \
         under review | business/working days | to * days/weeks | take/takes up | fee of | \
         was/been/is declined/denied/closed | is/are/we're full | waitlist/waiting list | however | only for | \
         next available | backordered/delayed/reordered | missed appointment | small print | no record | \
         can't share/see/say/match/tell/promise | exclude/excludes | no date | awaiting | pending | \
         was declined/rejected | next slot/date/opening/appointment is | shows as | \
         in three/four/five/six/seven/eight/nine/ten/twelve weeks | not scheduled | another offer",
    ),
];

static CALLER: LazyLock<Phrases<usize>> = LazyLock::new(|| rows(&SIGNS_OF_CALLER));
static AGENT: LazyLock<Phrases<usize>> = LazyLock::new(|| rows(&SIGNS_OF_AGENT));

fn rows(signs: &'static [Sign]) -> Phrases<usize> {
    Phrases::new(signs.iter().enumerate().map(|(row, sign)| (row, sign.phrases)))
}

/// What an exclamation of the caller adds.
const EXCLAMATION: f64 = 0.16;

/// With these people greet and thank, whatever the mark after them.
static GREETS: LazyLock<HashSet<&str>> = LazyLock::new(|| {
    list("thanks thank you hi hello hey bye goodbye morning afternoon evening there yes please welcome day")
});

/// What is said in the caller's last turn counts so many times.
const AT_THE_END: u32 = 2;

/// How often one kind counts at most: a long call is not more of anything than a short one.
const MOST_OF_CALLER: u32 = 4;
const MOST_OF_AGENT: u32 = 3;

/// How a call went.
#[derive(Debug, Default)]
pub struct Course {
    /// Above 0 it went well.
    sum: f64,
    /// Where the caller's words speak most for a good call and for a bad one, each with what they add.
    best: (f64, Option<Spot>),
    worst: (f64, Option<Spot>),
}

impl Course {
    pub fn of(said: &[Utterance]) -> Course {
        let mut course = Course::default();
        let Some(first) = said.iter().position(|said| said.role == Role::User) else { return course };
        let last = said.iter().rposition(|said| said.role == Role::User);
        let (mut caller, mut agent) = ([0; SIGNS_OF_CALLER.len()], [0; SIGNS_OF_AGENT.len()]);
        let mut exclamations = 0;
        for (turn, said) in said.iter().enumerate().skip(first) {
            match said.role {
                Role::User => {
                    let times = if Some(turn) == last { AT_THE_END } else { 1 };
                    for hit in CALLER.find(&said.words) {
                        caller[hit.what] += times;
                        course.show(f64::from(times) * SIGNS_OF_CALLER[hit.what].weight, (turn, hit.at));
                    }
                    for (at, word) in said.words.iter().enumerate() {
                        if word.token.ends_with('!') && !word.is_in(&GREETS) {
                            exclamations += times;
                            course.show(f64::from(times) * EXCLAMATION, (turn, at));
                        }
                    }
                }
                Role::Assistant => AGENT.find(&said.words).for_each(|hit| agent[hit.what] += 1),
                Role::System => {}
            }
        }
        course.sum = sum(&SIGNS_OF_CALLER, &caller, MOST_OF_CALLER)
            + sum(&SIGNS_OF_AGENT, &agent, MOST_OF_AGENT)
            + EXCLAMATION * f64::from(exclamations.min(MOST_OF_CALLER));
        course
    }

    fn show(&mut self, adds: f64, at: Spot) {
        if adds > self.best.0 {
            self.best = (adds, Some(at));
        } else if adds < self.worst.0 {
            self.worst = (adds, Some(at));
        }
    }

    /// The sentiment of a caller whose words alone say `sentiment`.
    ///
    /// What the words say and what happened are added up on a scale without ends and brought back to −1.0..=1.0: the
    /// further a caller is from the middle, the less one more sign does.
    pub fn felt(&self, sentiment: f64) -> f64 {
        (SHARE_OF_WORDS * sentiment.clamp(-PLAINEST, PLAINEST).atanh() + CONTENT + self.sum).tanh()
    }

    /// Where the caller's words speak most for this sentiment.
    pub fn shown(&self, sentiment: f64) -> Option<Spot> {
        if sentiment > 0.0 { self.best.1 } else { self.worst.1 }
    }
}

/// How much of the words is left beside what happened.
const SHARE_OF_WORDS: f64 = 0.7;

/// Words leave no more than this to be certain of: the scale has no end.
const PLAINEST: f64 = 0.98;

/// A caller of whom nothing is known is content rather than not.
const CONTENT: f64 = 0.03;

fn sum(signs: &[Sign], counts: &[u32], most: u32) -> f64 {
    signs.iter().zip(counts).map(|(sign, count)| sign.weight * f64::from(*count.min(&most))).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use Role::{Assistant as A, User as U};

    fn felt(turns: &[(Role, &str)]) -> f64 {
        let said: Vec<_> = turns.iter().map(|(role, text)| Utterance::new(*role, text)).collect();
        Course::of(&said).felt(0.0)
    }

    #[test]
    fn what_happened_shows_how_a_caller_feels_who_names_no_feeling() {
        assert!(
            felt(&[(U, "I rang on Monday."), (A, "I'm afraid I can only log it."), (U, "Where is my parcel?")]) < -0.3
        );
        assert!(
            felt(&[(U, "Has he passed?"), (A, "He has. Congratulations!"), (U, "Oh my. Wait till I tell his gran.")])
                > 0.3
        );
    }

    #[test]
    fn a_plain_call_is_about_what_its_words_say() {
        let call = [(A, "I'm sorry, who is calling?"), (U, "A table for two, please."), (A, "Booked."), (U, "Thanks!")];
        assert!((felt(&call) - CONTENT.tanh()).abs() < 1e-9);
    }

    #[test]
    fn signs_do_not_add_up_without_end() {
        let call = |times: usize| felt(&[(U, &"I paid for it. ".repeat(times)), (A, "I see."), (U, "Goodbye.")]);
        assert!(call(4) < call(1) && call(40) == call(4));
    }
}
