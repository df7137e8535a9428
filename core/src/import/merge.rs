//! The same call again: what a later report adds to what is stored. Pure; `src/db/complete.rs` does what it says.
//!
//! Words never become fewer: a stored turn stays, or takes a text that begins with its own, or (where both say the same
//! moment and nobody else spoke then) one that has at least as many words. A text that is shorter than what is stored is
//! told from a new turn by its time or place, never by its words: who may write calls but not read them would otherwise
//! learn what was said, letter by letter, from whether a guess is new.

use super::{ToolCall, Turn};
use serde_json::Value;
use std::collections::{HashMap, VecDeque};

/// Moments that differ by less are one: clocks of formats count milliseconds.
const SAME_MOMENT_US: i64 = 1000;

/// So many comparisons are made at most between the turns that differ; beyond, equal turns are paired in their order.
const MOST_COMPARISONS: usize = 4_000_000;

/// A turn as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredTurn {
    pub id: i64,
    pub role: String,
    pub speaker: Option<String>,
    /// Its text, or the final chunks of one that streaming never closed.
    pub words: String,
    /// Microseconds since 1970.
    pub started_us: i64,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredToolCall {
    pub id: i64,
    pub name: String,
    /// JSON.
    pub args: String,
    /// It has a result, or an error.
    pub answered: bool,
}

/// What is to be done. Places are those of the incoming report.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Merge {
    /// For each incoming turn: the stored turn that it is; `None`: it is new.
    pub turns: Vec<Option<i64>>,
    /// Stored turns that take the text of an incoming one, and its place.
    pub extended: Vec<(i64, usize)>,
    pub tool_calls: Vec<Option<i64>>,
    /// Stored tool calls without an answer that get one, and its place.
    pub answered: Vec<(i64, usize)>,
}

impl Merge {
    /// Both in spoken order; incoming turns with their start in microseconds since 1970, `None`: nobody knows.
    pub fn of(
        stored: &[StoredTurn],
        incoming: &[(Option<i64>, &Turn)],
        stored_tools: &[StoredToolCall],
        tools: &[&ToolCall],
    ) -> Merge {
        let mut merge = Merge { turns: vec![None; incoming.len()], ..Merge::default() };
        for (old, new) in pairs(stored, incoming) {
            let (old, turn) = (&stored[old], incoming[new].1);
            merge.turns[new] = Some(old.id);
            let longer = turn.text.starts_with(&old.words) || word_count(&turn.text) >= word_count(&old.words);
            if turn.text != old.words && !turn.text.is_empty() && longer {
                merge.extended.push((old.id, new));
            }
        }
        merge.pair_tools(stored_tools, tools);
        merge
    }

    /// By name and arguments, in their order.
    fn pair_tools(&mut self, stored: &[StoredToolCall], tools: &[&ToolCall]) {
        let mut waiting: HashMap<(&str, String), VecDeque<&StoredToolCall>> = HashMap::new();
        for tool in stored {
            waiting.entry((&tool.name, canonical(&tool.args))).or_default().push_back(tool);
        }
        for (at, tool) in tools.iter().enumerate() {
            let key = (tool.name.as_str(), canonical(tool.args.as_deref().unwrap_or("{}")));
            let known = waiting.get_mut(&key).and_then(VecDeque::pop_front);
            self.tool_calls.push(known.map(|known| known.id));
            if let Some(known) = known
                && !known.answered
                && (tool.result.is_some() || tool.error_text.is_some())
            {
                self.answered.push((known.id, at));
            }
        }
    }

    pub fn new_turns(&self) -> usize {
        self.turns.iter().filter(|turn| turn.is_none()).count()
    }

    pub fn new_tool_calls(&self) -> usize {
        self.tool_calls.iter().filter(|tool| tool.is_none()).count()
    }
}

/// Places of the stored and of the incoming turn that are one turn.
fn pairs(stored: &[StoredTurn], incoming: &[(Option<i64>, &Turn)]) -> Vec<(usize, usize)> {
    let alike = |old: usize, new: usize| {
        same_speaker(&stored[old], incoming[new].1) && stored[old].words == incoming[new].1.text
    };
    let most = stored.len().min(incoming.len());
    let before = (0..most).take_while(|at| alike(*at, *at)).count();
    let behind = (0..most - before).take_while(|at| alike(stored.len() - 1 - at, incoming.len() - 1 - at)).count();
    let (old, new) = (&stored[before..stored.len() - behind], &incoming[before..incoming.len() - behind]);

    let mut pairs: Vec<_> = (0..before).map(|at| (at, at)).collect();
    let between = match old.len().saturating_mul(new.len()) {
        0 => Vec::new(),
        1..=MOST_COMPARISONS => aligned(old, new),
        _ => equal_in_order(old, new),
    };
    pairs.extend(between.into_iter().map(|(old, new)| (before + old, before + new)));
    pairs.extend((0..behind).rev().map(|at| (stored.len() - 1 - at, incoming.len() - 1 - at)));

    // A report that breaks off within a turn: its last turn is the one after those that both have.
    if let Some(last) = incoming.len().checked_sub(1)
        && pairs.last().is_none_or(|(_, new)| *new != last)
        && let next = pairs.last().map_or(0, |(old, _)| old + 1)
        && pairs.last().map_or(0, |(_, new)| new + 1) == last
        && let Some(turn) = stored.get(next)
        && same_speaker(turn, incoming[last].1)
        && next + 1 < stored.len()
        && word_count(&incoming[last].1.text) <= word_count(&turn.words)
    {
        pairs.push((next, last));
    }
    pairs
}

/// The alignment that keeps most (longest common subsequence, weighted), in time and memory of the product.
fn aligned(stored: &[StoredTurn], incoming: &[(Option<i64>, &Turn)]) -> Vec<(usize, usize)> {
    let moments = Moments::of(stored, incoming);
    let width = incoming.len() + 1;
    let mut best = vec![0_u32; (stored.len() + 1) * width];
    for old in (0..stored.len()).rev() {
        for new in (0..incoming.len()).rev() {
            let skip = best[(old + 1) * width + new].max(best[old * width + new + 1]);
            let score = moments.likeness(&stored[old], incoming[new]);
            let pair = if score == 0 { 0 } else { best[(old + 1) * width + new + 1] + score };
            best[old * width + new] = skip.max(pair);
        }
    }
    let (mut old, mut new, mut pairs) = (0, 0, Vec::new());
    while old < stored.len() && new < incoming.len() {
        let here = best[old * width + new];
        let score = moments.likeness(&stored[old], incoming[new]);
        if score > 0 && here == best[(old + 1) * width + new + 1] + score {
            pairs.push((old, new));
            (old, new) = (old + 1, new + 1);
        } else if here == best[(old + 1) * width + new] {
            old += 1;
        } else {
            new += 1;
        }
    }
    pairs
}

/// Who spoke at moments at which nobody else of the kind did.
struct Moments<'a> {
    stored: HashMap<(i64, Who<'a>), usize>,
    incoming: HashMap<(i64, Who<'a>), usize>,
}

type Who<'a> = (&'a str, Option<&'a str>);

impl<'a> Moments<'a> {
    fn of(stored: &'a [StoredTurn], incoming: &[(Option<i64>, &'a Turn)]) -> Self {
        let mut moments = Moments { stored: HashMap::new(), incoming: HashMap::new() };
        for turn in stored {
            *moments.stored.entry((turn.started_us / SAME_MOMENT_US, who_stored(turn))).or_default() += 1;
        }
        for (at, turn) in incoming {
            if let Some(at) = at {
                *moments.incoming.entry((at / SAME_MOMENT_US, who(turn))).or_default() += 1;
            }
        }
        moments
    }

    /// 0: two turns. Equal words outweigh what else could be made of both.
    fn likeness(&self, old: &StoredTurn, (at, new): (Option<i64>, &Turn)) -> u32 {
        if !same_speaker(old, new) {
            return 0;
        }
        let at_once = || {
            at.is_some_and(|at| {
                let once = |of: &HashMap<(i64, Who<'_>), usize>| of.get(&(at / SAME_MOMENT_US, who(new))) == Some(&1);
                at / SAME_MOMENT_US == old.started_us / SAME_MOMENT_US && once(&self.stored) && once(&self.incoming)
            })
        };
        match () {
            () if old.words == new.text => 8,
            () if !old.words.is_empty() && new.text.starts_with(&old.words) => 4,
            () if at_once() => 3,
            () if old.words.is_empty() => 1,
            () => 0,
        }
    }
}

fn equal_in_order<'a>(stored: &'a [StoredTurn], incoming: &[(Option<i64>, &'a Turn)]) -> Vec<(usize, usize)> {
    let mut waiting: HashMap<(Who<'a>, &'a str), VecDeque<usize>> = HashMap::new();
    for (at, turn) in stored.iter().enumerate() {
        waiting.entry((who_stored(turn), &turn.words)).or_default().push_back(at);
    }
    let known = |(at, (_, turn)): (usize, &(Option<i64>, &'a Turn))| {
        waiting.get_mut(&(who(turn), turn.text.as_str())).and_then(VecDeque::pop_front).map(|old| (old, at))
    };
    incoming.iter().enumerate().filter_map(known).collect()
}

fn same_speaker(old: &StoredTurn, new: &Turn) -> bool {
    who_stored(old) == who(new)
}

fn who_stored(turn: &StoredTurn) -> Who<'_> {
    (&turn.role, turn.speaker.as_deref())
}

fn who(turn: &Turn) -> Who<'_> {
    (&turn.role, turn.speaker.as_deref())
}

fn word_count(text: &str) -> usize {
    text.split_whitespace().count()
}

/// Keys in one order, no blanks: jsonb keeps neither.
fn canonical(json: &str) -> String {
    serde_json::from_str::<Value>(json).map_or_else(|_| json.to_owned(), |value| value.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn turn(role: &str, text: &str) -> Turn {
        Turn {
            role: role.into(),
            speaker: None,
            text: text.into(),
            start_ms: None,
            end_ms: None,
            started_at: None,
            ended_at: None,
            audio_url: None,
            interrupted: false,
            latencies: [None; 4],
        }
    }

    fn stored(turns: &[(&str, &str, i64)]) -> Vec<StoredTurn> {
        let of = |(at, (role, words, started_ms)): (usize, &(&str, &str, i64))| StoredTurn {
            id: at as i64 + 1,
            role: (*role).into(),
            speaker: None,
            words: (*words).into(),
            started_us: started_ms * 1000,
        };
        turns.iter().enumerate().map(of).collect()
    }

    fn merged(old: &[(&str, &str, i64)], new: &[(&str, &str, Option<i64>)]) -> Merge {
        let turns: Vec<Turn> = new.iter().map(|(role, text, _)| turn(role, text)).collect();
        let incoming: Vec<_> = new.iter().zip(&turns).map(|((.., at), turn)| (at.map(|ms| ms * 1000), turn)).collect();
        Merge::of(&stored(old), &incoming, &[], &[])
    }

    #[test]
    fn the_same_report_changes_nothing() {
        let merge = merged(&[("user", "hi", 0), ("user", "hi", 0)], &[("user", "hi", None), ("user", "hi", None)]);
        assert_eq!((merge.turns, merge.extended), (vec![Some(1), Some(2)], vec![]));
    }

    #[test]
    fn turns_are_added_where_they_were_spoken_and_a_cut_turn_grows() {
        let merge = merged(
            &[("assistant", "Hello", 0), ("user", "I want", 5), ("user", "bye", 9)],
            &[
                ("assistant", "Hello", None),
                ("user", "I want a cut", None),
                ("assistant", "When?", None),
                ("user", "bye", None),
            ],
        );
        assert_eq!((merge.turns, merge.extended), (vec![Some(1), Some(2), None, Some(3)], vec![(2, 1)]));
    }

    #[test]
    fn an_earlier_report_that_breaks_off_adds_nothing() {
        let old = [("assistant", "Hello", 0), ("user", "I want a cut", 5), ("assistant", "When?", 9)];
        let merge = merged(&old, &[("assistant", "Hello", None), ("user", "I want", None)]);
        assert_eq!((merge.turns, merge.extended), (vec![Some(1), Some(2)], vec![]));
    }

    #[test]
    fn words_heard_better_later_replace_those_of_their_moment_but_never_by_fewer() {
        let old = [("user", "my name is an", 7)];
        let better = merged(&old, &[("user", "My name is Ann.", Some(7))]);
        assert_eq!((better.turns, better.extended), (vec![Some(1)], vec![(1, 0)]));
        let fewer = merged(&old, &[("user", "my name", Some(7))]);
        assert_eq!((fewer.turns, fewer.extended), (vec![Some(1)], vec![]));
        let elsewhere = merged(&old, &[("user", "My name is Ann.", Some(99))]);
        assert_eq!((elsewhere.turns, elsewhere.extended), (vec![None], vec![]));
    }

    #[test]
    fn a_guess_at_the_beginning_of_a_turn_looks_like_any_other() {
        let old = [("user", "my card is 4242", 0)];
        for guess in ["my", "my card is 42", "no"] {
            assert_eq!(merged(&old, &[("user", guess, Some(500))]).turns, [None], "{guess}");
        }
    }

    #[test]
    fn a_tool_call_gets_its_answer_once() {
        let tool = |args: &str, result: Option<&str>| ToolCall {
            turn: None,
            name: "book".into(),
            args: Some(args.into()),
            result: result.map(str::to_owned),
            error_text: None,
            latency_ms: None,
            offset_ms: None,
            invoked_at: None,
        };
        let known =
            |id, answered| StoredToolCall { id, name: "book".into(), args: r#"{"a": 1, "b": 2}"#.into(), answered };
        let tools = [tool(r#"{"b":2,"a":1}"#, Some("1")), tool(r#"{"b":2,"a":1}"#, Some("2")), tool("{}", None)];
        let merge = Merge::of(&[], &[], &[known(1, true), known(2, false)], &tools.iter().collect::<Vec<_>>());
        assert_eq!((merge.tool_calls, merge.answered), (vec![Some(1), Some(2), None], vec![(2, 1)]));
    }

    proptest! {
        /// Whatever comes, every stored turn stays, is paired once, and has as many words as before.
        #[test]
        fn words_never_become_fewer(
            old in prop::collection::vec((prop::sample::select(vec!["user", "assistant"]), "[ab]( [ab]){0,2}", 0..4_i64), 0..9),
            new in prop::collection::vec((prop::sample::select(vec!["user", "assistant"]), "[ab]( [ab]){0,2}", prop::option::of(0..4_i64)), 0..9),
        ) {
            let old: Vec<_> = old.iter().map(|(role, text, at)| (*role, text.as_str(), *at)).collect();
            let new: Vec<_> = new.iter().map(|(role, text, at)| (*role, text.as_str(), *at)).collect();
            let merge = merged(&old, &new);
            prop_assert_eq!(merge.turns.len(), new.len());
            let mut ids: Vec<_> = merge.turns.iter().flatten().collect();
            ids.sort();
            let count = ids.len();
            ids.dedup();
            prop_assert_eq!(ids.len(), count, "paired once");
            for (id, at) in merge.extended {
                prop_assert!(word_count(new[at].1) >= word_count(old[id as usize - 1].1));
            }
        }
    }
}
