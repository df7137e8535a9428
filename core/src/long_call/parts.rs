//! Where a call is divided.

use std::ops::Range;

use super::NOTES_MAX_CHARS;
use crate::transcript::cut;

/// Most parts of a call. With the usual 60,000 characters a part, that is a call of some seventy hours.
pub const MAX_PARTS: usize = 64;

/// The parts of a call, in their order: about equally long, none of them longer than `max_chars` characters with the line
/// breaks between its lines, and the last one short enough to be judged together with the notes of the others (`max_chars` less
/// [`NOTES_MAX_CHARS`] for each of these, and half of `max_chars` at least). A line that is longer is a part of its own.
///
/// A call that fits is one part. Of one that is longer than [`MAX_PARTS`] parts, the beginning and the end are taken, twice as
/// much of the end; the lines between are in no part.
pub fn parts(lines: &[String], max_chars: usize) -> Vec<Range<usize>> {
    let mut lengths: Vec<usize> = lines.iter().map(|line| line.chars().count()).collect();
    if size(&lengths) <= max_chars || lines.len() < 2 {
        return std::iter::once(0..lines.len()).filter(|part| !part.is_empty()).collect();
    }
    let max_chars = max_chars.max(1);
    // A line that is longer is shown cut.
    lengths.iter_mut().for_each(|length| *length = (*length).min(max_chars));
    let whole = size(&lengths);
    let count =
        (2..MAX_PARTS).find(|count| whole.div_ceil(*count) <= last_room(max_chars, *count)).unwrap_or(MAX_PARTS);
    let parts = divided(&lengths, count, max_chars, last_room(max_chars, count));
    if parts.len() <= MAX_PARTS { parts } else { ends(&lengths, max_chars, last_room(max_chars, MAX_PARTS)) }
}

/// The lines of one of these parts, as long as it may be. `at`: which of them, from 0; of one that is not there, nothing.
pub fn part_text(lines: &[String], parts: &[Range<usize>], at: usize, max_chars: usize) -> String {
    let lines = parts.get(at).and_then(|part| lines.get(part.clone())).unwrap_or_default();
    let is_last = at + 1 == parts.len();
    cut(lines, if is_last { last_room(max_chars, parts.len()) } else { max_chars })
}

/// Room for the last part beside the notes of the others.
fn last_room(max_chars: usize, count: usize) -> usize {
    let alone = max_chars.saturating_sub(count.saturating_sub(1) * NOTES_MAX_CHARS);
    alone.max(max_chars.div_ceil(2))
}

/// Characters of lines with the line breaks between them.
fn size(lengths: &[usize]) -> usize {
    lengths.iter().sum::<usize>() + lengths.len().saturating_sub(1)
}

/// All lines, in `count` parts or, where lines do not divide so, in more.
fn divided(lengths: &[usize], count: usize, max_chars: usize, last_room: usize) -> Vec<Range<usize>> {
    // From the end: the last part has the least room.
    let mut parts: Vec<Range<usize>> = Vec::with_capacity(count);
    let (mut end, mut rest) = (lengths.len(), size(lengths));
    while end > 0 {
        let room = if parts.is_empty() { last_room } else { max_chars };
        let target = rest.div_ceil(count.saturating_sub(parts.len()).max(1));
        let (start, taken) = backwards(&lengths[..end], room, target);
        parts.push(start..end);
        (end, rest) = (start, rest.saturating_sub(taken + 1));
    }
    parts.reverse();
    parts
}

/// The lines at the end that are nearest to `target` characters together, and at most `room`; one at least. Where they begin,
/// and their characters.
fn backwards(lengths: &[usize], room: usize, target: usize) -> (usize, usize) {
    let mut start = lengths.len() - 1;
    let mut taken = lengths[start];
    while let Some(before) = start.checked_sub(1) {
        let with = taken + 1 + lengths[before];
        let nearer = with <= target || with - target < target.saturating_sub(taken);
        if with > room || !nearer {
            break;
        }
        (start, taken) = (before, with);
    }
    (start, taken)
}

/// As many parts as may be, as full as they may be: a third of them from the beginning.
fn ends(lengths: &[usize], max_chars: usize, last_room: usize) -> Vec<Range<usize>> {
    let mut at_end: Vec<Range<usize>> = Vec::with_capacity(MAX_PARTS);
    let mut end = lengths.len();
    while end > 0 && at_end.len() < MAX_PARTS - MAX_PARTS / 3 {
        let room = if at_end.is_empty() { last_room } else { max_chars };
        let (start, _) = backwards(&lengths[..end], room, room);
        at_end.push(start..end);
        end = start;
    }
    let mut parts = Vec::with_capacity(MAX_PARTS);
    let mut start = 0;
    while start < end && parts.len() < MAX_PARTS / 3 {
        let mut taken = lengths[start];
        let mut next = start + 1;
        while next < end && taken + 1 + lengths[next] <= max_chars {
            taken += 1 + lengths[next];
            next += 1;
        }
        parts.push(start..next);
        start = next;
    }
    parts.extend(at_end.into_iter().rev());
    parts
}
