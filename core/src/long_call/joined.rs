//! The transcript of a long call for the request that judges it.

use std::ops::Range;

/// Notes and the last part as one transcript, at most `max_chars` characters where the last part is not longer by itself: a
/// line of notes for each part but the last ("[turns 1 to 40, in notes] …"), then `last`, the last part's lines as they were
/// said. `parts` are those of [`parts`](super::parts), `notes` those of all but the last, in their order.
///
/// Notes that are too long together lose whole parts in the middle, and a line says which. So are lines marked that are in no
/// part.
pub fn joined(parts: &[Range<usize>], notes: &[String], last: &str, max_chars: usize) -> String {
    let lines: Vec<String> =
        parts.iter().zip(notes).map(|(part, notes)| format!("[turns {}, in notes] {notes}", span(part))).collect();
    let room = max_chars.saturating_sub(last.chars().count());
    let kept = kept(&lines, room);
    let mut text =
        String::with_capacity(max_chars.min(lines.iter().map(String::len).sum::<usize>() + last.len() + 200));
    let mut next = 0;
    let shown = parts.iter().zip(&lines).enumerate().filter(|(at, _)| kept.contains_part(*at)).map(|(_, shown)| shown);
    for (part, line) in shown {
        left_out(&mut text, next..part.start);
        text.push_str(line);
        text.push('\n');
        next = part.end;
    }
    if let Some(part) = parts.last() {
        left_out(&mut text, next..part.start);
    }
    text.push_str(last);
    text
}

/// As people count turns.
fn span(part: &Range<usize>) -> String {
    match part.len() {
        1 => part.end.to_string(),
        _ => format!("{} to {}", part.start + 1, part.end),
    }
}

fn left_out(text: &mut String, lines: Range<usize>) {
    if !lines.is_empty() {
        text.push_str(&format!("[… turns {} left out …]\n", span(&lines)));
    }
}

/// How many notes stay, of the beginning and of the end.
struct Kept {
    first: usize,
    last_from: usize,
}

impl Kept {
    fn contains_part(&self, at: usize) -> bool {
        at < self.first || at >= self.last_from
    }
}

/// Longest line that says what is left out, with its line break.
const MARK_MAX_CHARS: usize = 60;

/// All, if they fit; else from both ends, two thirds of the room for the end, as much as fits.
fn kept(lines: &[String], room: usize) -> Kept {
    let lengths: Vec<usize> = lines.iter().map(|line| line.chars().count() + 1).collect();
    if lengths.iter().sum::<usize>() + MARK_MAX_CHARS <= room {
        return Kept { first: lines.len(), last_from: lines.len() };
    }
    let mut room = room.saturating_sub(2 * MARK_MAX_CHARS);
    let end_room = room - room / 3;
    let fits = |lengths: &mut dyn Iterator<Item = &usize>, room: usize| {
        lengths
            .scan(0, |used, length| {
                *used += length;
                (*used <= room).then_some(*used)
            })
            .enumerate()
            .last()
            .map_or((0, 0), |(at, used)| (at + 1, used))
    };
    let (at_end, used) = fits(&mut lengths.iter().rev(), end_room);
    room -= used;
    let last_from = lines.len() - at_end;
    let (first, _) = fits(&mut lengths[..last_from].iter(), room);
    Kept { first, last_from }
}
