//! What was said, in spoken order.

/// Who spoke a turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    User,
    Assistant,
    System,
}

impl Role {
    /// The word in the table and in the transcript.
    pub fn as_str(self) -> &'static str {
        match self {
            Role::User => "user",
            Role::Assistant => "assistant",
            Role::System => "system",
        }
    }
}

/// One turn of a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Turn {
    pub role: Role,
    /// Who spoke, where the role does not say it: nobody's words are ascribed to the agent.
    pub speaker: Option<String>,
    pub text: String,
}

/// Stands inside a turn where words are missing.
const GAP: &str = "[…]";
/// Below this many characters a mark would be most of what is left, so only the end is given.
const ROOM_FOR_MARKS: usize = 80;

/// The transcript as `role: text` lines, one turn a line, at most `max_chars` characters (Unicode scalars).
///
/// A transcript that is too long keeps its beginning and its end, two thirds of the room for the end because that is
/// where outcomes are. It is cut between turns, with a line that says how many are missing; only a turn that does not
/// fit by itself is cut inside. The end of the last turn is always there. Line breaks inside a turn become spaces:
/// a caller cannot speak a line that looks like another's.
pub fn render(turns: &[Turn], max_chars: usize) -> String {
    let lines: Vec<String> = turns.iter().map(line).collect();
    cut(&lines, max_chars)
}

/// Lines joined, as `render` does it; `voice_transcript()` has its lines from SQL, tool calls among them.
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

/// Whether the user said anything at all.
pub fn user_spoke(turns: &[Turn]) -> bool {
    turns.iter().any(|turn| turn.role == Role::User && !turn.text.trim().is_empty())
}

fn line(turn: &Turn) -> String {
    let who = turn.speaker.as_deref().unwrap_or(turn.role.as_str());
    one_line(format!("{who}: {}", turn.text))
}

/// With spaces for all that Unicode or Python counts as a line break: a model sees one in U+2028 as well.
pub fn one_line(text: String) -> String {
    let is_break = |c| matches!(c, '\n'..='\r' | '\u{1c}'..='\u{1e}' | '\u{85}' | '\u{2028}' | '\u{2029}');
    if text.contains(is_break) { text.replace(is_break, " ") } else { text }
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

fn cut_inside(line: &str, max_chars: usize) -> String {
    let room = max_chars - GAP.chars().count();
    format!("{}{GAP}{}", start_of(line, room / 3), end_of(line, room - room / 3))
}

/// The end of a line, its speaker still named.
fn cut_before(line: &str, max_chars: usize) -> String {
    let speaker = line.split_inclusive(": ").next().unwrap_or_default();
    let kept = speaker.chars().count() + GAP.chars().count();
    match max_chars.checked_sub(kept) {
        Some(room) => format!("{speaker}{GAP}{}", end_of(line, room)),
        None => end_of(line, max_chars).to_owned(),
    }
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
