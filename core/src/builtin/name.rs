//! The caller's name, from the way names are given on the telephone. Names of others (a mother, a stylist, the agent)
//! are spoken just as often, so a capital letter alone is never enough.

use foldhash::HashSet;
use std::sync::LazyLock;

use super::agreement::agrees;
use crate::text::{Phrases, Stop, Utterance, Word, is_title, list, spelled};
use crate::transcript::Role;

/// How sure a way of giving a name makes us; the surest wins, of equals the last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Sure {
    /// The agent says "Thank you, Jamal."
    Addressed,
    /// "I'm Rory," or "It's Marcus."
    Introduced,
    /// The answer to "What's your name?"
    Answered,
    /// "My name is Walter Quigley."
    Stated,
}

/// Before a name that is stated.
static STATES: LazyLock<Phrases<()>> = LazyLock::new(|| {
    Phrases::new([(
        (),
        "my name is | my name's | my full name is | name of | it's under | the name's | under the name | reservation/appointment/table/order under | me llamo | mi nombre es | my first name is",
    )])
});

/// Before a name, if a name it is.
static INTRODUCES: LazyLock<Phrases<()>> = LazyLock::new(|| {
    Phrases::new([(
        (),
        "this is | i'm | i am | it's | it is | soy | name's | \
         i'm his/her/their/the son/daughter/wife/husband/mother/father/mom/dad/sister/brother/partner/owner/manager | \
         i am his/her/their/the son/daughter/wife/husband/mother/father/mom/dad/sister/brother/partner/owner/manager",
    )])
});

/// In an agent's question for the caller's name.
static ASKS: LazyLock<Phrases<()>> = LazyLock::new(|| {
    Phrases::new([(
        (),
        "your name | your full/own/first/last name | the name | what/which name | a name | name please | and the name | \
         am i speaking | who should/shall * expect/ask | whom may/shall/should i | to whom | a nombre de | su nombre | who's it/calling/there | who is it/calling | \
         who's the decision/caller/patient/guest/contact | who is the decision/caller/patient/guest/contact",
    )])
});

/// Before a name that the agent reads back.
static READS_BACK: LazyLock<Phrases<()>> = LazyLock::new(|| {
    Phrases::new([((), "you're | you are | is this | is it | am i speaking with/to | i speaking with/to")])
});

/// Before the caller's name, when the agent uses it.
static ADDRESSES: LazyLock<HashSet<&str>> =
    LazyLock::new(|| list("thanks you thursday gracias hello hi okay right sorry moment"));

/// Utterance before the name in an answer.
static FILLERS: LazyLock<HashSet<&str>> = LazyLock::new(|| {
    list(
        "yes yeah sure certainly absolutely it's its it is that's um uh well okay ok hi hello the name of course under this \
         soy ask for send to me call",
    )
});

/// Words that begin with a capital, or stand where a name could, and are none.
static NO_NAMES: LazyLock<HashSet<&str>> = LazyLock::new(|| {
    list(
        "i i'm i'll i've i'd a an the and or but my your his her our it it's is this that there here not \
         no yes yeah yep okay ok sure thanks thank please sorry just so very really fine good great \
         perfect monday tuesday wednesday thursday friday saturday sunday january february march april \
         june july august september october november december am pm at on in for with from to of what \
         when where who how do can you we he she they mom dad mother father god about been also enjoy bye goodbye have save y el la \
         un una oh ha wow well hey hi hello um uh actually maybe any some all also nothing everything ask call send",
    )
});

/// What people go on with after their name; some are names too, with a capital.
static AFTER_NAME: LazyLock<HashSet<&str>> = LazyLock::new(|| {
    list(
        "calling phoning ringing speaking looking wanting wondering hoping trying asking returning following needing \
         checking hear here again over as by because regarding concerning interested born spelled like would could want need its with",
    )
});

/// The caller's name in the form it was given, without a title; title case if the transcript has no capitals.
pub fn name(said: &[Utterance]) -> Option<String> {
    let mut best: Option<(Sure, String)> = None;
    let mut offer = |sure: Sure, name: Option<String>| {
        if let Some(name) = name {
            let better = best.as_ref().is_none_or(|(so_far, known)| {
                // A first name said again never replaces the full one.
                sure > *so_far || (sure == *so_far && !starts_with_name(known, &name))
            });
            if better {
                best = Some((sure, name));
            }
        }
    };
    let mut asked = false;
    let mut read_back = None;
    for said in said {
        match said.role {
            Role::User => {
                if let Some(name) = read_back.take().filter(|_| agrees(said)) {
                    offer(Sure::Answered, Some(name));
                }
                if asked {
                    offer(Sure::Answered, answered(said));
                }
                for hit in STATES.find(&said.words) {
                    offer(Sure::Stated, name_at(&said.words[hit.at + hit.len..], said));
                }
                for (_, sentence) in said.sentences() {
                    offer(Sure::Introduced, titled(sentence, said));
                }
                for hit in INTRODUCES.find(&said.words) {
                    offer(Sure::Introduced, introduced(said, hit.at, hit.len));
                }
                asked = false;
            }
            Role::Assistant => {
                // Speech-to-text without punctuation has no question marks to wait for.
                let punctuated = said.words.iter().any(Word::ends_sentence);
                asked = ASKS.are_in(&said.words) && (said.asks() || !punctuated);
                read_back = said.asks().then(|| read_back_in(said)).flatten();
                offer(Sure::Addressed, addressed(said));
            }
            Role::System => {}
        }
    }
    let (sure, name) = best?;
    Some(if sure == Sure::Addressed { as_the_caller_says_it(said, name) } else { name })
}

fn starts_with_name(known: &str, name: &str) -> bool {
    known.strip_prefix(name).is_some_and(|rest| rest.is_empty() || rest.starts_with(' '))
}

/// Whether capitals mean anything in this turn: some words have one and most have not.
fn has_capitals(said: &Utterance) -> bool {
    let capitals = said.words.iter().filter(|w| w.is_capitalised()).count();
    capitals > 0 && (capitals * 4 <= said.words.len() * 3 || said.words.len() <= 4)
}

fn could_be_name(word: &Word) -> bool {
    let letters = word.bare.chars().filter(|c| c.is_alphabetic()).count();
    let alphabetic = word.bare.chars().all(|c| c.is_alphabetic() || "'’-".contains(c));
    // "CA" and "MD" are no names.
    let initials = letters <= 3 && word.bare.chars().all(char::is_uppercase);
    let contraction = ["'ve", "'ll", "'re", "'d", "'m", "n't"].iter().any(|end| word.lower.ends_with(end));
    letters >= 2
        && !initials
        && !contraction
        && alphabetic
        && !is_title(&word.lower)
        && word.bare.chars().count() <= 30
        && !word.is_in(&NO_NAMES)
}

/// The name that these words begin with: up to three words, to the first stop or the first that is none.
fn name_at(words: &[Word], said: &Utterance) -> Option<String> {
    let capitals = has_capitals(said);
    let mut parts: Vec<&str> = Vec::new();
    for word in words.iter().skip_while(|w| is_title(&w.lower)) {
        // Without capitals to go by, first and last name.
        let enough = if capitals { 3 } else { 2 };
        if parts.len() == enough || !could_be_name(word) || (capitals && !word.is_capitalised()) {
            break;
        }
        if let Some(letters) = spelled(word.bare) {
            // "Dana, D-A-N-A" is not two names.
            return if parts.is_empty() { Some(title_case(&[&letters])) } else { Some(as_written(&parts, capitals)) };
        }
        if !parts.is_empty() && !word.is_capitalised() && word.is_in(&AFTER_NAME) {
            break;
        }
        parts.push(word.bare);
        if word.stop != Stop::No {
            break;
        }
    }
    (!parts.is_empty()).then(|| as_written(&parts, capitals))
}

fn as_written(parts: &[&str], capitals: bool) -> String {
    if capitals { parts.join(" ") } else { title_case(parts) }
}

fn title_case(parts: &[&str]) -> String {
    let capital = |part: &&str| {
        let mut chars = part.chars();
        chars
            .next()
            .map_or_else(String::new, |first| first.to_uppercase().chain(chars.flat_map(char::to_lowercase)).collect())
    };
    parts.iter().map(capital).collect::<Vec<String>>().join(" ")
}

/// The longest name that a sentence of the answer begins with, from its first two sentences: "Bea. Bea Lindqvist."
fn answered(said: &Utterance) -> Option<String> {
    let sentences = said.sentences().take(2).filter_map(|(_, sentence)| {
        let skip = sentence.iter().take_while(|w| w.is_in(&FILLERS)).count();
        let name = name_at(&sentence[skip..], said)?;
        let name = surname_first(&sentence[skip..], said, &name).unwrap_or(name);
        // A name is an answer by itself: "Send it to Amir" gives none, though it begins with a capital.
        let parts = name.split(' ').count();
        let closed =
            sentence.get(skip + parts - 1).is_none_or(|w| w.stop != Stop::No) || skip + parts == sentence.len();
        (closed || parts > 1).then_some(name)
    });
    sentences.fold(None, |longest: Option<String>, name| match longest {
        Some(known) if !starts_with_name(&name, &known) => Some(known),
        _ => Some(name),
    })
}

/// "Quigley, Walter Quigley.": the whole name after a surname.
fn surname_first(words: &[Word], said: &Utterance, surname: &str) -> Option<String> {
    let (first, rest) = words.split_first().filter(|(first, _)| first.bare == surname && first.stop == Stop::Pause)?;
    name_at(rest, said).filter(|name| name.strip_suffix(first.bare).is_some_and(|given| given.ends_with(' ')))
}

/// "I'm Rory, …": capitals only, and nothing but a stop, "with", "from" or "and" after it.
fn introduced(said: &Utterance, at: usize, len: usize) -> Option<String> {
    if !has_capitals(said) {
        return None;
    }
    let words = &said.words[at + len..];
    let name = name_at(words, said)?;
    let last = words.iter().skip_while(|w| is_title(&w.lower)).nth(name.split(' ').count() - 1)?;
    let next = words.iter().skip_while(|w| is_title(&w.lower)).nth(name.split(' ').count());
    let closed = last.stop != Stop::No || next.is_none_or(|w| w.is_one_of(&["with", "from", "and", "here", "calling"]));
    (closed && last.stop != Stop::Question && !last.lower.ends_with("ing")).then_some(name)
}

/// "Mrs. Adelaide Turner." and nothing else in the sentence.
fn titled(sentence: &[Word], said: &Utterance) -> Option<String> {
    let title = sentence.first().filter(|w| is_title(&w.lower) && w.is_capitalised() && !w.is("dr"))?;
    let name = name_at(sentence, said)?;
    (title.stop == Stop::No && name.split(' ').count() + 1 == sentence.len()).then_some(name)
}

fn read_back_in(said: &Utterance) -> Option<String> {
    let hit = READS_BACK.find(&said.words).last()?;
    let words = &said.words[hit.at + hit.len..];
    let name = has_capitals(said).then(|| name_at(words, said)).flatten()?;
    let last = words.iter().skip_while(|w| is_title(&w.lower)).nth(name.split(' ').count() - 1)?;
    (last.stop == Stop::Question).then_some(name)
}

/// "Thank you, Jamal." or "Mr. Dahl" in the agent's words.
fn addressed(said: &Utterance) -> Option<String> {
    if !has_capitals(said) {
        return None;
    }
    said.sentences().find_map(|(_, words)| {
        // A long sentence that ends in ", Woodside." is about a place.
        let plain =
            words.len() <= 8 && !words.iter().rev().skip(1).any(|w| w.is_capitalised() && w.bare != words[0].bare);
        (1..words.len()).find_map(|i| {
            let (before, word) = (&words[i - 1], &words[i]);
            let after_comma = before.stop == Stop::Pause && word.ends_sentence() && plain;
            let thanked = before.is_in(&ADDRESSES) && before.stop == Stop::Pause && word.stop != Stop::No;
            let titled = is_title(&before.lower) && !before.is_one_of(&["dr", "miss"]) && before.is_capitalised();
            let named = word.is_capitalised() && could_be_name(word);
            (named && (titled || after_comma || thanked)).then(|| word.bare.to_owned())
        })
    })
}

/// The agent's "Ms. Pike" is the caller's "Lorraine Pike".
fn as_the_caller_says_it(said: &[Utterance], name: String) -> String {
    let full = said.iter().filter(|s| s.role == Role::User && has_capitals(s)).find_map(|s| {
        let at = s.words.iter().position(|w| w.bare == name)?;
        let before = at.checked_sub(1).map(|i| &s.words[i]);
        let first =
            before.filter(|w| w.stop == Stop::No && w.is_capitalised() && could_be_name(w) && !is_title(&w.lower));
        Some(match first {
            Some(first) => format!("{} {name}", first.bare),
            None => name_at(&s.words[at..], s)?,
        })
    });
    full.unwrap_or(name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use Role::{Assistant as A, User as U};

    fn name_of(turns: &[(Role, &str)]) -> Option<String> {
        name(&turns.iter().map(|(role, text)| Utterance::new(*role, text)).collect::<Vec<_>>())
    }

    #[test]
    fn the_ways_to_give_a_name() {
        assert_eq!(name_of(&[(U, "My name is Walter Quigley. Hello.")]).as_deref(), Some("Walter Quigley"));
        assert_eq!(name_of(&[(U, "my name is teresa vang and it's may")]).as_deref(), Some("Teresa Vang"));
        assert_eq!(
            name_of(&[(A, "Your name?"), (U, "Bea. Bea Lindqvist. With a Q.")]).as_deref(),
            Some("Bea Lindqvist")
        );
        assert_eq!(name_of(&[(U, "Hi, I'm Rory, is it free?")]).as_deref(), Some("Rory"));
        assert_eq!(name_of(&[(U, "It's for Ann Lee. I'm her mother, Grace.")]).as_deref(), Some("Grace"));
        assert_eq!(name_of(&[(A, "Your name?"), (U, "Quigley, Walter Quigley.")]).as_deref(), Some("Walter Quigley"));
        assert_eq!(name_of(&[(A, "Your name?"), (U, "Certainly. Ruth Abel.")]).as_deref(), Some("Ruth Abel"));
        assert_eq!(name_of(&[(A, "You're Lucia Romero?"), (U, "That's me.")]).as_deref(), Some("Lucia Romero"));
        assert_eq!(
            name_of(&[(U, "Lorraine Pike, born in May."), (A, "One moment, Ms. Pike.")]).as_deref(),
            Some("Lorraine Pike")
        );
        assert_eq!(name_of(&[(U, "my name is dana calling about implants")]).as_deref(), Some("Dana"));
        assert_eq!(name_of(&[(U, "My name is D-A-N-A.")]).as_deref(), Some("Dana"));
        assert_eq!(name_of(&[(U, "my name is dana d-a-n-a")]).as_deref(), Some("Dana"));
        assert_eq!(name_of(&[(U, "Me llamo Rosario Benavides.")]).as_deref(), Some("Rosario Benavides"));
    }

    #[test]
    fn others_are_not_the_caller() {
        assert_eq!(name_of(&[(U, "An appointment for my mother, Ruth Abelson.")]), None);
        assert_eq!(name_of(&[(U, "I'm Calling About The Listing On Birch Street.")]), None);
        assert_eq!(name_of(&[(U, "It's Thursday, dear. I'm sorry.")]), None);
        assert_eq!(name_of(&[(A, "This is June.")]), None);
    }
}
