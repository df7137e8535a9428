//! Whatever was said, what a model gets to read is no longer than allowed, begins and ends as the call did, and every
//! line of it is somebody's.

use voice_core::transcript::{Line, Turn, cut, render};

/// The most that a cut adds: two marks inside a turn, one between turns, and the last speaker's number and name.
const ADDED_MAX_CHARS: usize = 70;

/// The first two bytes are the limit; the rest is the call.
pub fn holds(bytes: &[u8]) {
    let Some((limit, said)) = bytes.split_at_checked(2) else { return };
    let max = usize::from(u16::from_le_bytes([limit[0], limit[1]])) % 2000;
    held(&super::speech::turns(said), max);
    // Lines of tool calls come from SQL, with line breaks of their own.
    let lines: Vec<String> = String::from_utf8_lossy(said).split(super::speech::END).map(str::to_owned).collect();
    let once = cut(&lines, max);
    assert!(once.chars().count() <= max);
    assert_eq!(cut(std::slice::from_ref(&once), max), once, "once is enough");
}

pub fn held(turns: &[Turn], max: usize) {
    let called: Vec<Line> = turns.iter().cloned().map(Line::from).collect();
    let whole = render(&called, usize::MAX);
    let lines: Vec<&str> = whole.split('\n').collect();
    assert_eq!(lines.len(), turns.len().max(1), "a turn is a line");
    for (at, (line, turn)) in lines.iter().zip(turns).enumerate() {
        let (speaker, text) = line.split_once(": ").expect("a speaker");
        let role = speaker.strip_prefix(&format!("[{}] ", at + 1)).expect("its number");
        assert_eq!((role, text.chars().count()), (turn.role.as_str(), turn.text.chars().count()));
        assert!(
            !text.contains(['\r', '\u{b}', '\u{c}', '\u{1c}', '\u{1d}', '\u{1e}', '\u{85}', '\u{2028}', '\u{2029}'])
        );
    }

    let cut = render(&called, max);
    let (length, all) = (cut.chars().count(), whole.chars().count());
    assert!(length <= max, "{length} of {max}");
    if all <= max {
        assert_eq!(cut, whole);
        return;
    }
    let kept_at_end = whole.chars().rev().zip(cut.chars().rev()).take_while(|(a, b)| a == b).count();
    let last = lines.last().map_or(0, |line| line.chars().count());
    assert!(kept_at_end >= last.min(max / 4), "the end of the last turn is always there: {cut:?}");
    if max < 100 {
        assert!(whole.ends_with(&cut));
        return;
    }
    let kept_at_start = whole.chars().zip(cut.chars()).take_while(|(a, b)| a == b).count();
    assert!(kept_at_start >= lines[0].chars().count().min(max / 6), "and of the first one the beginning: {cut:?}");
    assert!(kept_at_start + kept_at_end + ADDED_MAX_CHARS >= length, "nothing else is in between: {cut:?}");
    let is_somebodys = |line: &str| {
        let of_turn = line.strip_prefix('[').and_then(|line| line.split_once("] "));
        let is_speaker = |rest: &str| ["user: ", "assistant: ", "system: "].iter().any(|who| rest.starts_with(who));
        let is_turn = |(number, rest): (&str, &str)| {
            number.parse().is_ok_and(|number: usize| (1..=turns.len()).contains(&number)) && is_speaker(rest)
        };
        of_turn.is_some_and(is_turn) || is_mark(line)
    };
    assert!(cut.split('\n').all(is_somebodys), "{cut:?}");
    assert!(cut.split('\n').filter(|line| is_mark(line)).count() <= 1);
}

fn is_mark(line: &str) -> bool {
    line.starts_with("[… ") && line.ends_with(" left out …]")
}
