//! E-mail addresses and phone numbers of the caller, written or spoken.
//!
//! Callers correct themselves ("no, wait, use the other one"), so the last one they give is the one. What only the agent
//! says counts when it is read back and the caller agrees.

use super::agreement::agrees;
use crate::pii;
use crate::text::Utterance;
use crate::transcript::Role;

/// The caller's e-mail address, lower case.
pub fn email(said: &[Utterance]) -> Option<String> {
    last_given(said, emails_in)
}

/// The caller's phone number: its digits, with a plus in front if it was said.
pub fn phone(said: &[Utterance]) -> Option<String> {
    last_given(said, |said, before| pii::phones(said.text, before))
}

/// The last one that the caller gives, or confirms when the agent reads it back. What the agent said first is not the
/// caller's for being repeated: that is how one writes down the number of the after-hours line.
fn last_given(said: &[Utterance], find: fn(&Utterance, &str) -> Vec<String>) -> Option<String> {
    let mut of_agent: Vec<String> = Vec::new();
    let mut given = None;
    let mut read_back: Option<String> = None;
    let mut before = "";
    for said in said {
        let found = find(said, before);
        before = said.text;
        match said.role {
            Role::User => {
                if let Some(confirmed) = read_back.take().filter(|_| agrees(said)) {
                    given = Some(confirmed);
                }
                if let Some(own) = found.into_iter().rfind(|one| !of_agent.contains(one)) {
                    given = Some(own);
                }
            }
            Role::Assistant => {
                let about_caller = said.words.iter().any(|w| w.is_one_of(&["you", "your"]));
                read_back = found.last().filter(|_| said.asks() && about_caller).cloned();
                of_agent.extend(found.into_iter().filter(|one| Some(one) != given.as_ref()));
                of_agent.truncate(64);
            }
            Role::System => {}
        }
    }
    given
}

fn emails_in(said: &Utterance, _: &str) -> Vec<String> {
    pii::emails(said).into_iter().map(|found| found.value).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use Role::{Assistant as A, User as U};

    fn call<'t>(turns: &[(Role, &'t str)]) -> Vec<Utterance<'t>> {
        turns.iter().map(|(role, text)| Utterance::new(*role, text)).collect()
    }

    fn phone_of(text: &str) -> Option<String> {
        phone(&call(&[(U, text)]))
    }

    fn email_of(text: &str) -> Option<String> {
        email(&call(&[(U, text)]))
    }

    #[test]
    fn numbers_in_all_the_ways_they_are_said() {
        for text in [
            "it's 303-555-0142.",
            "(303) 555-0142",
            "303 555 0142, thanks",
            "three oh three, five five five, zero one four two",
            "three oh three triple five oh one four two",
        ] {
            assert_eq!(phone_of(text).as_deref(), Some("3035550142"), "{text}");
        }
        assert_eq!(phone_of("+44 20 7946 0123").as_deref(), Some("+442079460123"));
        for (text, digits) in [
            ("My mobile is 07700 900123", "07700900123"),
            ("My mobile is 0151 23456789", "015123456789"),
            ("My mobile is 612 345 678", "612345678"),
        ] {
            assert_eq!(phone_of(text).as_deref(), Some(digits), "{text}");
        }
    }

    #[test]
    fn a_number_that_nobody_can_dial_is_nobodys() {
        for text in [
            "My mobile is +999 123 456 789",
            "My mobile is +44 20 7946",
            "My mobile is +1 123 456 7890",
            "My mobile is 123456",
            "My mobile is 7700 9001 2345 6789",
        ] {
            assert_eq!(phone_of(text), None, "{text}");
        }
        // One that can be is kept beside it.
        let both = "My mobile is +44 7700 900123, not +999 123 456 789";
        assert_eq!(phone_of(both).as_deref(), Some("+447700900123"));
    }

    #[test]
    fn not_every_number_is_a_phone() {
        for text in [
            "account number 4417220988",
            "at 11:30 on 12/15",
            "$4,150 for 2",
            "one or two people at seven",
            "4417 2209 8813",
        ] {
            assert_eq!(phone_of(text), None, "{text}");
        }
    }

    #[test]
    fn a_number_the_agent_gave_is_not_the_callers() {
        let turns = call(&[(A, "Their number is 480-555-0170."), (U, "480-555-0170. Got it.")]);
        assert_eq!(phone(&turns), None);
    }

    #[test]
    fn a_number_read_back_and_confirmed_is() {
        let turns = call(&[(A, "Can we reach you on 773-555-0120?"), (U, "Yes, you can.")]);
        assert_eq!(phone(&turns).as_deref(), Some("7735550120"));
    }

    #[test]
    fn addresses_written_and_spoken() {
        assert_eq!(email_of("Send it to Kim.Ortega@Example.com, please.").as_deref(), Some("kim.ortega@example.com"));
        assert_eq!(
            email_of("it's kim underscore ortega at example dot co dot uk").as_deref(),
            Some("kim_ortega@example.co.uk")
        );
        assert_eq!(
            email_of("carla and dev at example dot com, all one word").as_deref(),
            Some("carlaanddev@example.com")
        );
        for spelt in [
            "My email is D-A-N-A at example dot com.",
            "it's dana, D as in David, A, N, A, at example dot com",
            "D A N A at example dot com",
            "that's D.A.N.A. at E-X-A-M-P-L-E dot com",
            "D-A-N-A@example.com",
            "dana, that's D for David A for apple N for Nancy A for apple at example dot com",
        ] {
            assert_eq!(email_of(spelt).as_deref(), Some("dana@example.com"), "{spelt}");
        }
        assert_eq!(email_of("dana ninety nine at example dot com").as_deref(), Some("dana99@example.com"));
        assert_eq!(
            email_of("dana dot nineteen eighty four at example dot com").as_deref(),
            Some("dana.1984@example.com")
        );
        assert_eq!(email_of("anna-lena@example.com").as_deref(), Some("anna-lena@example.com"));
        assert_eq!(email_of("meet me at noon dot"), None);
        assert_eq!(email_of("@ me at @example.com a@b"), None);
    }

    #[test]
    fn the_last_address_is_the_one() {
        let turns = call(&[(U, "old@example.com. No, wait, use new@example.com.")]);
        assert_eq!(email(&turns).as_deref(), Some("new@example.com"));
    }
}
