//! What was said and done in a call, in the order in which it happened, and how a model gets to read it.
//!
//! Every line has a number, by which an answer names it: `[12] user: …`, `[13] tool book_slot {"day":"tue"} → ok {"id":7}
//! (412 ms)`. Nothing that somebody says begins a line: a number at the beginning of one is always ours.

mod ends;
mod tool;

pub use ends::cut;
pub(crate) use ends::cut_inside;
pub use tool::ToolCall;

use std::borrow::Cow;

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

/// One line of a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Line {
    Turn(Turn),
    Tool(ToolCall),
}

impl From<Turn> for Line {
    fn from(turn: Turn) -> Line {
        Line::Turn(turn)
    }
}

impl From<ToolCall> for Line {
    fn from(call: ToolCall) -> Line {
        Line::Tool(call)
    }
}

impl Line {
    /// The turn, if it is one.
    pub fn turn(&self) -> Option<&Turn> {
        match self {
            Line::Turn(turn) => Some(turn),
            Line::Tool(_) => None,
        }
    }
}

/// What stands on a line, for a check of what is quoted from it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Said<'l> {
    /// `None`: no one spoke, a tool was called.
    pub role: Option<Role>,
    /// As the line names them: the speaker, else the role; `tool`.
    pub speaker: Cow<'l, str>,
    /// A turn's words, whole; of a tool call what the model sees of it, after `tool `.
    pub text: Cow<'l, str>,
}

/// The lines that are turns, in their order.
pub fn turns(lines: &[Line]) -> impl Iterator<Item = &Turn> + Clone {
    lines.iter().filter_map(Line::turn)
}

/// The lines as a model sees them, numbered from 1. Line breaks inside become spaces.
pub fn numbered(lines: &[Line]) -> Vec<String> {
    lines.iter().enumerate().map(|(at, line)| numbered_line(at + 1, line)).collect()
}

/// The numbered lines, one below the other, at most `max_chars` characters (Unicode scalars). One that is too long keeps its
/// beginning and its end, as [`cut`] says; the lines that stay have the numbers that they have in the whole.
pub fn render(lines: &[Line], max_chars: usize) -> String {
    cut(&numbered(lines), max_chars)
}

/// What stands on the line with this number; `None`: there is no such line.
pub fn said(lines: &[Line], number: usize) -> Option<Said<'_>> {
    Some(match lines.get(number.checked_sub(1)?)? {
        Line::Turn(turn) => Said { role: Some(turn.role), speaker: label(turn), text: Cow::Borrowed(&turn.text) },
        Line::Tool(call) => Said { role: None, speaker: Cow::Borrowed("tool"), text: Cow::Owned(call.to_string()) },
    })
}

/// The number of the line that is the turn with this index among the turns, counted from 0.
pub fn number_of_turn(lines: &[Line], turn: usize) -> Option<usize> {
    lines.iter().enumerate().filter(|(_, line)| line.turn().is_some()).nth(turn).map(|(at, _)| at + 1)
}

/// Whether the user said anything at all.
pub fn user_spoke(lines: &[Line]) -> bool {
    turns(lines).any(is_users)
}

/// In how many turns the user said something.
pub fn user_turns(lines: &[Line]) -> usize {
    turns(lines).filter(|turn| is_users(turn)).count()
}

fn is_users(turn: &Turn) -> bool {
    turn.role == Role::User && !turn.text.trim().is_empty()
}

fn numbered_line(number: usize, line: &Line) -> String {
    match line {
        Line::Turn(turn) => {
            let (number, label) = (number.to_string(), label(turn));
            let mut line = String::with_capacity(number.len() + label.len() + turn.text.len() + "[] : ".len());
            for part in ["[", &number, "] ", &label, ": ", &turn.text] {
                line.push_str(part);
            }
            one_line(line)
        }
        Line::Tool(call) => format!("[{number}] tool {call}"),
    }
}

/// Who spoke, as a line names them. The names of participants come from outside as well: in none of them the words of a turn
/// begin early, and none reads as a tool call.
fn label(turn: &Turn) -> Cow<'_, str> {
    let label = turn.speaker.as_deref().unwrap_or(turn.role.as_str());
    match label.contains([':', '→']) {
        true => Cow::Owned(label.replace([':', '→'], " ")),
        false => Cow::Borrowed(label),
    }
}

/// With spaces for all that Unicode or Python counts as a line break: a model sees one in U+2028 as well.
pub fn one_line(text: String) -> String {
    let is_break = |c| matches!(c, '\n'..='\r' | '\u{1c}'..='\u{1e}' | '\u{85}' | '\u{2028}' | '\u{2029}');
    if text.contains(is_break) { text.replace(is_break, " ") } else { text }
}
