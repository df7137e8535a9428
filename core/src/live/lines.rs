//! Which lines a look is asked of.

use std::collections::HashMap;

use crate::transcript::{self, Line, said};

/// The next look is of the whole call when the call has so many times the lines that it had at the last such look. All looks of
/// the whole call together are then at most half again as long as the call: 1 + 1/3 + 1/9 + …
const WHOLE_AT: usize = 3;

/// What the look before left.
#[derive(Debug, Clone, Copy)]
pub struct Before<'a> {
    /// On all that it and those before it were asked of.
    pub notes: &'a str,
    /// [`hashes`] of the lines that it saw.
    pub seen: &'a [u8],
    /// Lines that the call had at the last look of the whole call.
    pub whole_lines: usize,
}

/// What a look is asked of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LookText {
    pub text: String,
    /// It is the whole call.
    pub whole: bool,
}

/// What the next look is asked of: the notes of the look before and the lines that are new or have changed since, or the whole
/// call. At most about `max_chars` characters; what is longer keeps its beginning and its end. `None`: nothing was said since.
pub fn text(lines: &[Line], before: Option<Before<'_>>, max_chars: usize) -> Option<LookText> {
    let fresh = fresh(lines, before.map_or(&[], |before| before.seen));
    if fresh.is_empty() {
        return None;
    }
    let numbered = transcript::numbered(lines);
    let Some(before) = before.filter(|before| !before.notes.is_empty()) else {
        return Some(LookText { text: transcript::cut(&numbered, max_chars), whole: true });
    };
    let length: usize = numbered.iter().map(|line| line.chars().count() + 1).sum();
    if lines.len() >= before.whole_lines.saturating_mul(WHOLE_AT) && length <= max_chars {
        return Some(LookText { text: numbered.join("\n"), whole: true });
    }
    let known = (before.seen.len() / HASH_BYTES).max(1);
    let notes = transcript::one_line(format!("[turns 1 to {known}, in notes] {}", before.notes));
    let room = max_chars.saturating_sub(notes.chars().count() + 1).max(max_chars / 2);
    let fresh: Vec<String> = fresh.into_iter().map(|at| numbered[at].clone()).collect();
    Some(LookText { text: format!("{notes}\n{}", transcript::cut(&fresh, room)), whole: false })
}

const HASH_BYTES: usize = 4;

/// A hash of each line, four bytes: enough to tell what is new in one call.
pub fn hashes(lines: &[Line]) -> Vec<u8> {
    (1..=lines.len()).flat_map(|number| hash(lines, number).to_be_bytes()).collect()
}

/// The indices of lines that say something and that were not seen as they are. A line that stands there twice was seen as often
/// as its hash is there.
fn fresh(lines: &[Line], seen: &[u8]) -> Vec<usize> {
    let mut known: HashMap<u32, usize> = HashMap::new();
    for bytes in seen.chunks_exact(HASH_BYTES) {
        *known.entry(u32::from_be_bytes([bytes[0], bytes[1], bytes[2], bytes[3]])).or_default() += 1;
    }
    let mut is_new = |number: usize| match known.get_mut(&hash(lines, number)) {
        Some(left @ 1..) => {
            *left -= 1;
            false
        }
        _ => true,
    };
    let says = |line: &Line| line.turn().is_none_or(|turn| !turn.text.trim().is_empty());
    lines.iter().enumerate().filter(|(at, line)| is_new(at + 1) && says(line)).map(|(at, _)| at).collect()
}

/// FNV-1a of what the line shows, without its number: that moves when a line is put in before it.
fn hash(lines: &[Line], number: usize) -> u32 {
    let Some(said) = said(lines, number) else { return 0 };
    let bytes = said.speaker.bytes().chain([0]).chain(said.text.bytes());
    bytes.fold(0x811c_9dc5, |hash: u32, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193))
}
