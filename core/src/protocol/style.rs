//! How a server is told which form the answer must have, and what is known of which server takes which.

use std::collections::HashMap;
use std::time::Duration;

use crate::time::Timestamp;

/// What was learnt is looked at again after this: servers are updated, models are changed.
pub const LEARNT_FOR: Duration = Duration::from_secs(3600);
/// Servers remembered; beyond that all are forgotten, which costs a request each.
const REMEMBERED: usize = 1000;

/// How the server is told which form the answer must have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Style {
    /// The server holds the model to the schema.
    JsonSchema,
    /// The server holds the model to JSON of any form. The form is described in words.
    JsonObject,
    /// Nothing but the words says it.
    Words,
}

impl Style {
    /// What asks less of the server; `None`: nothing does.
    pub fn next(self) -> Option<Style> {
        match self {
            Style::JsonSchema => Some(Style::JsonObject),
            Style::JsonObject => Some(Style::Words),
            Style::Words => None,
        }
    }
}

/// What a server and a model on it have answered to.
#[derive(Debug, Clone, Copy, Default)]
struct Known {
    /// When the first style was answered last.
    first_answered: Option<Timestamp>,
    /// Another style that was answered where the first was rejected, and when that was learnt.
    learnt: Option<(Style, Timestamp)>,
}

/// Of all servers, by their URL and model.
#[derive(Debug, Default)]
pub struct Styles {
    known: HashMap<(String, String), Known>,
}

impl Styles {
    /// The style of the next request to this model of this server, where the protocol begins with `first`.
    pub fn style(&self, url: &str, model: &str, first: Style, now: Timestamp) -> Style {
        let known = self.known.get(&(url.to_owned(), model.to_owned()));
        let learnt = known.and_then(|known| known.learnt).filter(|(_, at)| now.saturating_sub(*at) < LEARNT_FOR);
        learnt.map_or(first, |(style, _)| style)
    }

    /// A request in this style was answered with a valid analysis. Another style than the first is remembered only where
    /// the first has answered nothing of late: one odd rejection changes nothing for the others.
    pub fn answered(&mut self, url: &str, model: &str, style: Style, first: Style, now: Timestamp) {
        if self.known.len() >= REMEMBERED {
            self.known.clear();
        }
        let known = self.known.entry((url.to_owned(), model.to_owned())).or_default();
        if style == first {
            *known = Known { first_answered: Some(now), learnt: None };
            return;
        }
        let first_works = known.first_answered.is_some_and(|at| now.saturating_sub(at) < LEARNT_FOR);
        let is_known = known.learnt.is_some_and(|(learnt, at)| learnt == style && now.saturating_sub(at) < LEARNT_FOR);
        if !first_works && !is_known {
            known.learnt = Some((style, now));
        }
    }

    /// Somebody has reason to look again.
    pub fn forget(&mut self) {
        self.known.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Style::*;

    fn at(seconds: u64) -> Timestamp {
        Duration::from_secs(seconds)
    }

    fn style(styles: &Styles, now: u64) -> Style {
        styles.style("u", "m", JsonSchema, at(now))
    }

    #[test]
    fn another_style_is_learnt_from_an_answer_per_server_and_model() {
        let mut styles = Styles::default();
        assert_eq!(style(&styles, 0), JsonSchema);
        styles.answered("u", "m", Words, JsonSchema, at(0));
        assert_eq!(style(&styles, 1), Words);
        assert_eq!(styles.style("u", "other", JsonSchema, at(1)), JsonSchema);
        assert_eq!(styles.style("other", "m", JsonSchema, at(1)), JsonSchema);
    }

    #[test]
    fn it_is_looked_at_again_after_an_hour_and_when_somebody_asks() {
        let mut styles = Styles::default();
        styles.answered("u", "m", JsonObject, JsonSchema, at(0));
        styles.answered("u", "m", JsonObject, JsonSchema, at(3000));
        assert_eq!((style(&styles, 3599), style(&styles, 3600)), (JsonObject, JsonSchema));
        styles.answered("u", "m", JsonObject, JsonSchema, at(3600));
        assert_eq!(style(&styles, 3601), JsonObject);
        styles.forget();
        assert_eq!(style(&styles, 3601), JsonSchema);
    }

    #[test]
    fn one_odd_rejection_changes_nothing_where_the_first_style_is_answered() {
        let mut styles = Styles::default();
        styles.answered("u", "m", JsonSchema, JsonSchema, at(0));
        styles.answered("u", "m", JsonObject, JsonSchema, at(1));
        assert_eq!(style(&styles, 2), JsonSchema);
        styles.answered("u", "m", JsonObject, JsonSchema, at(3601));
        assert_eq!(style(&styles, 3602), JsonObject, "an hour without an answer to it");
        styles.answered("u", "m", JsonSchema, JsonSchema, at(3603));
        assert_eq!(style(&styles, 3604), JsonSchema);
    }
}
