//! The beginning and the end of what is too long.

use std::borrow::Cow;

/// Stands inside a turn where words are missing.
const GAP: &str = "[…]";
/// Below this many characters a mark would be most of what is left, so only the end is given.
const ROOM_FOR_MARKS: usize = 100;

/// Lines joined, at most `max_chars` characters (Unicode scalars). `voice_transcript()` has its lines from SQL.
///
/// A transcript that is too long keeps its beginning and its end, two thirds of the room for the end because that is
/// where outcomes are. It is cut between lines, with a line that says how many are missing; only a line that does not
/// fit by itself is cut inside. The end of the last line is always there.
pub fn cut(lines: &[String], max_chars: usize) -> String {
    let lengths: Vec<usize> = lines.iter().map(|line| line.chars().count()).collect();
    let whole = lengths.iter().sum::<usize>() + lines.len().saturating_sub(1);
    if whole <= max_chars {
        return lines.join("\n");
    }
    let (Some(first), Some(last)) = (lines.first(), lines.last()) else { return String::new() };
    if max_chars < ROOM_FOR_MARKS {
        return end_of(last, max_chars).to_owned();
    }
    if lines.len() == 1 {
        return cut_inside(last, max_chars);
    }

    let room = max_chars - turns_left_out(lines.len()).chars().count() - 2;
    let end_room = room - room / 3;
    let (end_turns, end_chars) = fitting(lengths.iter().rev(), end_room);
    let (end, end_turns, end_chars) = match end_turns {
        0 => (cut_before(last, end_room), 1, end_room),
        some => (lines[lines.len() - some..].join("\n"), some, end_chars),
    };
    let start_room = room - end_chars;
    let (start, start_turns) = match fitting(lengths[..lines.len() - end_turns].iter(), start_room).0 {
        0 => (cut_after(first, start_room), 1),
        some => (lines[..some].join("\n"), some),
    };
    match lines.len() - start_turns - end_turns {
        0 => format!("{start}\n{end}"),
        missing => format!("{start}\n{}\n{end}", turns_left_out(missing)),
    }
}

fn turns_left_out(count: usize) -> String {
    match count {
        1 => "[… 1 turn left out …]".into(),
        _ => format!("[… {count} turns left out …]"),
    }
}

/// How many lines fit into `room` with the line breaks between them, and how many characters that takes.
fn fitting<'a>(lengths: impl Iterator<Item = &'a usize>, room: usize) -> (usize, usize) {
    let (mut count, mut used) = (0, 0);
    for length in lengths {
        let with_line = used + length + usize::from(count > 0);
        if with_line > room {
            break;
        }
        used = with_line;
        count += 1;
    }
    (count, used)
}

/// A line that is longer than `max_chars`: a third of the room for its beginning.
pub(crate) fn cut_inside(line: &str, max_chars: usize) -> String {
    let room = max_chars.saturating_sub(GAP.chars().count());
    format!("{}{GAP}{}", start_of(line, room / 3), end_of(line, room - room / 3))
}

/// At most `max_chars` characters of a text, its middle left out.
pub(super) fn cut_to(text: &str, max_chars: usize) -> Cow<'_, str> {
    if text.len() <= max_chars || text.char_indices().nth(max_chars).is_none() {
        return Cow::Borrowed(text);
    }
    let room = max_chars.saturating_sub(GAP.chars().count());
    Cow::Owned(format!("{}{GAP}{}", start_of(text, room / 2), end_of(text, room - room / 2)))
}

/// The end of a line, its number and speaker still named where there is room. Without them it does not begin with what
/// somebody said: that could look like another line.
fn cut_before(line: &str, max_chars: usize) -> String {
    let room = |head: &str| max_chars.checked_sub(head.chars().count() + GAP.chars().count());
    let (head, room) = match (room(head(line)), room("")) {
        (Some(room), _) => (head(line), room),
        (None, room) => ("", room.unwrap_or(0)),
    };
    format!("{head}{GAP}{}", end_of(line, room))
}

/// What names a line, at its beginning: `[12] user: `, `[13] tool book_slot `, `user: `.
fn head(line: &str) -> &str {
    let numbered = line.strip_prefix('[').and_then(|rest| rest.split_once("] "));
    let rest = match numbered {
        Some((number, rest)) if number.bytes().all(|b| b.is_ascii_digit()) => rest,
        _ => line,
    };
    let named = match rest.strip_prefix("tool ") {
        Some(call) => Some("tool ".len() + call.find(' ').map_or(call.len(), |end| end + 1)),
        None => rest.find(": ").map(|colon| colon + 2),
    };
    named.map_or("", |end| &line[..line.len() - rest.len() + end])
}

fn cut_after(line: &str, max_chars: usize) -> String {
    match max_chars.checked_sub(GAP.chars().count()) {
        Some(room) => format!("{}{GAP}", start_of(line, room)),
        None => start_of(line, max_chars).to_owned(),
    }
}

fn start_of(text: &str, chars: usize) -> &str {
    text.char_indices().nth(chars).map_or(text, |(at, _)| &text[..at])
}

fn end_of(text: &str, chars: usize) -> &str {
    match chars.checked_sub(1) {
        None => "",
        Some(before) => text.char_indices().rev().nth(before).map_or(text, |(at, _)| &text[at..]),
    }
}
