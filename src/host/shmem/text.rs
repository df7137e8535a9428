//! Short texts in shared memory.

use super::lock::{Exclusive, Locked};

/// A text of at most `N` bytes, by value.
#[derive(Clone, Copy)]
pub struct Text<const N: usize> {
    length: usize,
    bytes: [u8; N],
}

impl<const N: usize> Text<N> {
    pub const EMPTY: Self = Text { length: 0, bytes: [0; N] };

    /// The text, or `None` where it is longer than `N` bytes.
    pub fn whole(text: &str) -> Option<Self> {
        (text.len() <= N).then(|| Self::truncated(text))
    }

    /// As much of the text as fits, cut between two characters; ends before a zero byte, which SQL cannot show.
    pub fn truncated(text: &str) -> Self {
        let text = text.split('\0').next().unwrap_or_default();
        let length = text.floor_char_boundary(N);
        let mut bytes = [0; N];
        bytes[..length].copy_from_slice(&text.as_bytes()[..length]);
        Text { length, bytes }
    }

    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.bytes[..self.length]).unwrap_or_default()
    }
}

/// Longest message that is kept, in bytes.
pub const MESSAGE: usize = 384;

/// A message that one process writes and others read.
pub struct SharedText(Locked<Text<MESSAGE>>);

impl SharedText {
    pub(super) const fn empty() -> Self {
        SharedText(Locked::new(Text::EMPTY))
    }

    /// Keeps as much of the text as fits ([`MESSAGE`] bytes).
    pub fn write(&self, text: &str) {
        self.0.write(|kept| *kept = Text::truncated(text));
    }

    /// The text, or `None` where it is empty.
    pub fn read(&self) -> Option<String> {
        let text = self.0.read(|kept| *kept);
        Some(text.as_str().to_owned()).filter(|text| !text.is_empty())
    }

    pub(super) fn clear(&self, held: &mut Exclusive) {
        *self.0.get_mut(held) = Text::EMPTY;
    }
}
