//! How the caller felt, over the whole call.

use foldhash::HashSet;
use std::sync::LazyLock;

use super::vader;
use crate::text::{Phrases, Utterance, list};

/// Words that are manners on the telephone, not feelings. VADER was fitted to social media, where "thanks", "please" and
/// "yes" are praise; callers say them while they complain. They lose their valence but still negate ("no good").
static MANNERS: LazyLock<HashSet<&str>> = LazyLock::new(|| {
    list(
        "please thanks thank thx yes yeah yep no ok okay sure hello hi welcome help like want care well \
         sorry fine alright regards sir dear",
    )
});

/// Words that say what the call is about, not how the caller feels: a patient's pain is the reason to call.
static MATTERS: LazyLock<HashSet<&str>> = LazyLock::new(|| {
    list(
        "pain pains painful hurt hurts injury injured sick ill sharp emergency alarm party celebrate free \
         cancel cancelled interest interested share cut kind wrong",
    )
});

/// A turn without feeling says what is wanted, not how it is going, and there are many of them.
const WEIGHT_WITHOUT_FEELING: f64 = 0.5;

/// The last turn counts this many times the first.
const END_OVER_START: f64 = 2.5;

/// How somebody feels who complains, and how much of the score that is: the rules for intent know what the words do not,
/// for polite complaints and sarcastic ones are complaints.
const COMPLAINING: f64 = -0.8;
const COMPLAINING_SHARE: f64 = 0.6;

/// Less of the score is that there was a complaint where it was put right.
const PUT_RIGHT_SHARE: f64 = 0.2;

/// How somebody feels who got what they called for, and how much of the score that is.
const SERVED: f64 = 0.25;
const SERVED_SHARE: f64 = 0.4;

/// Words of that strength leave no doubt.
const PLAIN: f64 = 0.5;

/// The sentiment of a caller who complains: three fifths of the way to −0.8; a fifth where it was put right.
pub fn of_a_complaint(sentiment: f64, put_right: bool) -> f64 {
    let share = if put_right { PUT_RIGHT_SHARE } else { COMPLAINING_SHARE };
    sentiment + share * (COMPLAINING - sentiment)
}

/// Whether a caller who complained leaves content: by whole phrases, because single words of praise are also those of scorn
/// ("great, thanks").
pub fn put_right(last: &Utterance) -> bool {
    IDIOMS.find(&last.words).chain(MOODS.find(&last.words)).map(|hit| hit.what).sum::<f64>() >= PLAIN
}

/// The sentiment of a caller who wanted something else: two fifths of the way to 0.25. Few words of feeling are spoken on the
/// telephone, and people hear a content caller where words have none. From ±0.5 on, words count more and more, and ±1 is ±1.
pub fn of_a_request(sentiment: f64) -> f64 {
    let towards = |sentiment: f64| sentiment + SERVED_SHARE * (SERVED - sentiment);
    let beyond = (sentiment.abs() - PLAIN) / (1.0 - PLAIN);
    if beyond <= 0.0 {
        return towards(sentiment);
    }
    let plain = towards(PLAIN.copysign(sentiment));
    plain + beyond * (1.0_f64.copysign(sentiment) - plain)
}

/// Sentiment −1.0..=1.0 over the caller's turns.
///
/// A weighted mean of each turn's VADER score. The weight grows evenly from 1 for the first turn to 2.5 for the last:
/// what people remember of an experience is its peak and its end (Kahneman et al. 1993), and a caller who came angry
/// and leaves content is a call that went well. Turns without any feeling count half, or "Tuesday at four" said
/// ten times would drown the one sentence that matters.
pub fn sentiment(caller: &[&Utterance]) -> Felt {
    Felt::over(caller, of_turn)
}

/// The same, of words that also tell what a caller wants: the rules for intent go by it.
pub fn plain(caller: &[&Utterance]) -> f64 {
    Felt::over(caller, of_words).sentiment
}

/// How the caller felt, and where.
#[derive(Debug)]
pub struct Felt {
    pub sentiment: f64,
    of_turn: fn(&Utterance) -> f64,
    /// The caller's turns that count most towards gladness and towards anger, each with how much.
    best: (f64, Option<usize>),
    worst: (f64, Option<usize>),
}

impl Felt {
    /// The mean over the scores of a caller's turns, weighted as [`sentiment`] says.
    pub fn over(caller: &[&Utterance], of_turn: fn(&Utterance) -> f64) -> Felt {
        let mut felt = Felt { sentiment: 0.0, of_turn, best: (0.0, None), worst: (0.0, None) };
        felt.sentiment = weighted_mean(caller.iter().map(|said| of_turn(said)), |i, weighted| {
            if weighted > felt.best.0 {
                felt.best = (weighted, Some(i));
            } else if weighted < felt.worst.0 {
                felt.worst = (weighted, Some(i));
            }
        });
        felt
    }

    /// Which of the caller's turns speaks most for this sentiment, from 0. `None`: none does.
    pub fn strongest(&self, sentiment: f64) -> Option<usize> {
        match sentiment {
            glad if glad > 0.0 => self.best.1,
            angry if angry < 0.0 => self.worst.1,
            _ => None,
        }
    }

    /// The score of one turn, or a piece of one, by the same rules.
    pub fn of(&self, said: &Utterance) -> f64 {
        (self.of_turn)(said)
    }
}

/// `counts`: told how much each turn counts.
fn weighted_mean(scores: impl ExactSizeIterator<Item = f64>, mut counts: impl FnMut(usize, f64)) -> f64 {
    let last = scores.len().saturating_sub(1).max(1) as f64;
    let (mut sum, mut weights) = (0.0, 0.0);
    for (i, score) in scores.enumerate() {
        let place = 1.0 + (END_OVER_START - 1.0) * i as f64 / last;
        let weight = if score == 0.0 { place * WEIGHT_WITHOUT_FEELING } else { place };
        counts(i, weight * score);
        sum += weight * score;
        weights += weight;
    }
    if weights > 0.0 { (sum / weights).clamp(-1.0, 1.0) } else { 0.0 }
}

/// What callers say without a single word of feeling, and what it adds to the score of the turn.
static IDIOMS: LazyLock<Phrases<f64>> = LazyLock::new(|| {
    Phrases::new([
        (
            0.5,
            "over the moon | made my day/week/morning | lifesaver | you're a/an star/genius/gem/angel/saint/treasure | \
             can't thank you | couldn't be better | exactly what i needed | looking forward | \
         that was easy/quick/easier | thank goodness | \
             so relieved | what a relief | a relief | weight off | you rock | guys rock | you're the best | \
         god bless | bless you | appreciate you | so happy/excited/glad | \
             very/so kind/helpful | works again | it works | that was painless/quick/fast | there it is/goes | can't wait",
        ),
        (
            -0.5,
            "kept waiting | still waiting | long enough | on hold | how many times | sick of | had it with | \
         give up | fed up | \
             last time | wrong code/bill/order/amount | nobody came/called/answered | no one came/called/answered | \
         never called/came | \
             third/fourth/fifth time | i bet you | money back | stop calling | take me off | won't be back | \
         a person . | representative | \
             charged me | billed me | coming through my | hung up on | for nothing | in tears | let down | \
         shouldn't have/be | uncalled for | \
             we'll see . | give me a break | never again | every single time",
        ),
    ])
});

/// As [`IDIOMS`], but no sign of what the caller wants: who is let down does not always complain.
static MOODS: LazyLock<Phrases<f64>> = LazyLock::new(|| {
    Phrases::new([
        (
            0.5,
            "absolute/proper/total legend | you legend | oh my days | thank god | can breathe | from the heart | \
             absolute/real treasure/gem/star/angel | lit/light up | life back | bless him/her/them/your | champion | \
             most helpful/kind | lovely job | decent of you | really/bloody/very decent | fair play | \
             good on you/ya/yous/yer | thanks a million | thousand times/thanks | tickled pink | lump in my throat | \
             kiss you/her/him | grinning | jumping around/round/up | couldn't be happier | \
             aren't you marvellous/lovely/kind/wonderful/good | best day | ready/set for a fight/row/war | \
             ready to go to war | bracing myself | great deal better | much better now | mind at rest/ease | you've made | \
             well i never | be blowed | above and beyond | went out of their/her/his/your way | without my/me asking | \
             without being asked | didn't have to do | proud of him/her/them/you | gets the credit | credit to | spot on | \
             smashing | happy days | wasn't expecting | was not expecting | you are angels/an | means a lot | \
             means the world | makes my day | fantastic service | ever so much | in good hands | music to my ears | \
             relieved | big help | huge help | you're kidding . | i owe you | save/saved my/the day/life | sorted me | \
             sorts me | quick work | that quick | no way . | stoked | yess/yesss/yay/hooray/hurray/woohoo/phew | thrilled | \
             chuffed | buzzing | you've/you have been great/brilliant/lovely/so | been very helpful/good/kind/patient | \
             been so helpful/good/kind/patient | better than i thought/expected/hoped | exactly what i wanted/hoped | \
             recommend you | five stars | easier than i | that's great/good/wonderful/brilliant news | \
             great/wonderful/best news | glad i called/rang/asked | hats off | impressed with | well done | lost without | \
             can't fault | love it | load off | sleep tonight/better | happy tears | you star/beauty/angel/hero | praise be | \
             bless your heart | never gonna believe | too good | lost for words | told everyone/everybody | we'll be back | \
             you found it/him/her | like a dream | never had such | that kind of treatment | think the world | \
             done us/me proud | you're very kind | ready for a scrap | nothing to moan | dear girl/boy/man/lady/fellow | \
             no problem now | just what i needed/wanted | sorted it | less painful | mean the world | a result . | \
             without me asking | said yes | wanted to say a",
        ),
        (
            -0.5,
            "not a lot else/i | nothing else i can | suppose i'd/you'd/i'll/you'll better | suppose there's | \
             better than nothing | there we are | oh well | that's that | that settles that | forget it | no use | useless | \
             no point | what am i meant/supposed | what are we meant/supposed | thanks for nothing | swallow me | \
             told you this/that/already/before | already told/explained/sent/called/rung | don't tell me | thought so | \
             lying awake | haven't slept | can't sleep | butchered | i'd/had hoped | was hoping for something | only wish | \
             wish someone/somebody/you | bit rubbish | what rubbish | unreal | than i'd reckoned/thought/expected/hoped | \
             i'll leave it . | can't say where | quite/so/feel sick | heard nothing/nowt | nothing since | nothing yet | \
             not/hasn't/never arrived/come/turned | still nothing | still not | still no | nobody/no told/said/looked/knows | \
             no one told/said/looked/knows | strewth | stuffed | pulling the plug | shut down | my/a lawyer/lawyers | \
             health department | feel dumb/stupid/awful/terrible/bad | i scared/worried | not happening | try elsewhere | \
             a joke | little joke | who pays | wasted | was told | were told | was promised | promised me | \
             take it/this/us off | do not/don't call | don't ring | out of pocket | fobbed off | passed around | \
             round in circles | going round | in circles | didn't stop crying | nobody wants | it's a pity | a shame | \
             gutted | disappointed | not fair | hardly fair | isn't good enough | not good enough | not impressed | \
             a disgrace | ridiculous | beyond a joke | not acceptable | unacceptable | goodness . | i hope so | \
             if i'm honest | full amount | nobody turned/showed | no show | didn't/never show/showed/turn/turned | \
             passing me/us | passed from | freaking out | been treated so | who's going to pay | not paying | won't pay | \
             still broken | broke again | same problem | same thing again | happened again | over and over | every time i | \
             third/second time i've | stranded | ruined | no help | that's no good | not helpful | you people | you lot | \
             are you kidding | you kidding me | this is crazy/insane/mad | can't believe this/you | whatever . | \
             if you say so | have to do then | it'll have to | that'll have to | i'm desperate/nervous/worried | \
             getting worried | bit/really/so/very worried/anxious/upset/embarrassed/embarrassing/tired | heartbroken | \
             hassle | nightmare | shambles | farce | rip off | ripped off | robbery | bit/too steep/dear/expensive | \
             too much money | can't afford | overcharged | charged twice/double | hidden fees | never/wasn't/weren't told | \
             without telling | let me/us down | cancelled on me/us | so foolish | bit/feel foolish | like a lemon | \
             no choice | could do without | shouldn't have to come | ouch | bit of a leap/gulp/shock | bit rich | \
             a bit much | leave it then | wish i hadn't/had | sit tight | used up my | actually turn up | keep me waiting | \
             remove me | been declined | still without | do try to be patient | where do i start/begin | won't bring | \
             remove my | somebody ought to know | no hot water | no heating | hands/am shaking | in panic | a panic | \
             lost my/the job | off the road | i miss it | day/days/weeks/months late | a blow | who was asked | \
             wasn't asked | is a pity | rather know | had to sit | another form | so long for | missed the | since then | \
             left us | times already | nothing bad | told it was | how are you even",
        ),
    ])
});

fn of_turn(said: &Utterance) -> f64 {
    let moods: f64 = MOODS.find(&said.words).map(|hit| hit.what).sum();
    (of_words(said) + moods).clamp(-1.0, 1.0)
}

fn of_words(said: &Utterance) -> f64 {
    let greets = |word: &str, next: &str| word == "good" && ["morning", "afternoon", "evening"].contains(&next);
    let words = vader::compound_without(said.text, |word, next| {
        MANNERS.contains(word) || MATTERS.contains(word) || greets(word, next)
    });
    let idioms: f64 = IDIOMS.find(&said.words).map(|hit| hit.what).sum();
    (words + idioms).clamp(-1.0, 1.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transcript::Role;

    fn of(turns: &[&str]) -> f64 {
        let said: Vec<Utterance> = turns.iter().map(|text| Utterance::new(Role::User, text)).collect();
        sentiment(&said.iter().collect::<Vec<_>>()).sentiment
    }

    #[test]
    fn saying_goodbye_politely_is_not_joy() {
        assert_eq!(of(&["No, that's all. Thanks."]), 0.0);
    }

    #[test]
    fn the_end_weighs_more_than_the_beginning() {
        assert!(of(&["This is terrible.", "This is wonderful."]) > 0.1);
        assert!(of(&["This is wonderful.", "This is terrible."]) < -0.1);
    }

    #[test]
    fn who_was_served_is_content_and_plain_words_stay_plain() {
        let close = |a: f64, b: f64| (a - b).abs() < 1e-9;
        for (words, call) in [(-1.0, -1.0), (-0.5, -0.2), (0.0, 0.1), (0.5, 0.4), (0.75, 0.7), (1.0, 1.0)] {
            assert!(close(of_a_request(words), call), "{words}: {}", of_a_request(words));
        }
        for (words, call) in [(-1.0, -0.88), (0.0, -0.48), (1.0, -0.08)] {
            assert!(close(of_a_complaint(words, false), call), "{words}: {}", of_a_complaint(words, false));
        }
    }

    #[test]
    fn no_turns_no_feeling() {
        assert_eq!(of(&[]), 0.0);
    }
}
