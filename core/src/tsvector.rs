//! The form in which PostgreSQL keeps a `tsvector` (`TSVectorData` of tsearch/ts_type.h, the same since 8.3): how many lexemes,
//! an entry for each, then the lexemes in the order of their bytes, each followed by its places.

/// No longer lexeme, in bytes (`MAXSTRLEN`).
pub const LEXEME_MAX: usize = (1 << 11) - 1;
/// No more bytes of lexemes and places (`MAXSTRPOS`).
const BYTES_MAX: usize = (1 << 20) - 1;
/// Places end here (`MAXENTRYPOS`).
pub const PLACE_MAX: u16 = (1 << 14) - 1;
/// So many places of one lexeme are kept, the first ones, as `to_tsvector()` does (`MAXNUMPOS` less one).
const PLACES_KEPT: usize = 255;

/// What follows a tsvector's length word, of lexemes with their places in ascending order, or with none. Lexemes may come in any order,
/// the same one more than once: places of the first that has any are kept. `None`: it is more than a tsvector holds.
pub fn encode(mut lexemes: Vec<(&str, &[u16])>) -> Option<Vec<u8>> {
    lexemes.sort_unstable_by(|a, b| a.0.cmp(b.0).then(b.1.len().cmp(&a.1.len())));
    lexemes.dedup_by(|later, first| later.0 == first.0);
    let strings: usize =
        lexemes.iter().map(|(lexeme, places)| lexeme.len() + 4 + 2 * places.len().min(PLACES_KEPT)).sum();
    let entries = size_of::<u32>() * (1 + lexemes.len());
    let mut bytes = Vec::with_capacity(entries + strings);
    bytes.extend((lexemes.len() as u32).to_ne_bytes());
    bytes.resize(entries, 0);
    for (nth, (lexeme, places)) in lexemes.iter().enumerate() {
        let at = bytes.len() - entries;
        if lexeme.len() > LEXEME_MAX || at > BYTES_MAX {
            return None;
        }
        let entry = 4 * (1 + nth)..4 * (2 + nth);
        bytes[entry].copy_from_slice(&word_entry(!places.is_empty(), lexeme.len() as u32, at as u32).to_ne_bytes());
        bytes.extend(lexeme.as_bytes());
        let places = &places[..places.len().min(PLACES_KEPT)];
        if !places.is_empty() {
            if (bytes.len() - entries) % 2 == 1 {
                bytes.push(0);
            }
            bytes.extend((places.len() as u16).to_ne_bytes());
            bytes.extend(places.iter().flat_map(|place| place.to_ne_bytes()));
        }
    }
    (bytes.len() - entries <= BYTES_MAX).then_some(bytes)
}

/// The bit fields of C's `WordEntry`, which begin at the lowest bit or at the highest, as the machine's bytes do.
fn word_entry(has_places: bool, length: u32, at: u32) -> u32 {
    let has_places = u32::from(has_places);
    if cfg!(target_endian = "little") {
        has_places | length << 1 | at << 12
    } else {
        has_places << 31 | length << 20 | at
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Of one entry: its length, and where its lexeme begins.
    fn entry(bytes: &[u8], nth: usize) -> (bool, usize, usize) {
        let word = u32::from_ne_bytes(bytes[4 + 4 * nth..8 + 4 * nth].try_into().unwrap());
        if cfg!(target_endian = "little") {
            (word & 1 == 1, (word >> 1 & 0x7ff) as usize, (word >> 12) as usize)
        } else {
            (word >> 31 == 1, (word >> 20 & 0x7ff) as usize, (word & 0xf_ffff) as usize)
        }
    }

    #[test]
    fn lexemes_lie_in_the_order_of_their_bytes_each_before_its_places() {
        let bytes = encode(vec![("dog", &[2, 5]), ("#24", &[]), ("cat", &[1]), ("dog", &[])]).unwrap();
        assert_eq!(bytes[..4], 3u32.to_ne_bytes());
        assert_eq!(entry(&bytes, 0), (false, 3, 0));
        assert_eq!(entry(&bytes, 1), (true, 3, 3));
        assert_eq!(entry(&bytes, 2), (true, 3, 10));
        let mut strings = b"#24cat".to_vec();
        for number in [1u16, 1] {
            strings.extend(number.to_ne_bytes());
        }
        strings.extend(b"dog\0");
        for number in [2u16, 2, 5] {
            strings.extend(number.to_ne_bytes());
        }
        assert_eq!(bytes[16..], strings);
    }

    #[test]
    fn the_first_255_places_of_a_lexeme_are_kept() {
        let places: Vec<u16> = (1..=300).collect();
        let bytes = encode(vec![("so", &places)]).unwrap();
        assert_eq!(bytes.len(), 8 + 2 + 2 + 2 * 255);
        assert_eq!(bytes[10..12], 255u16.to_ne_bytes());
        assert_eq!(bytes[bytes.len() - 2..], 255u16.to_ne_bytes());
    }

    #[test]
    fn what_a_tsvector_cannot_hold_is_none() {
        let long = "x".repeat(LEXEME_MAX + 1);
        assert!(encode(vec![(&long, &[])]).is_none());
        assert!(encode(vec![(&long[1..], &[])]).is_some());
        let words: Vec<String> = (0..600).map(|n| format!("{n:0>2000}")).collect();
        assert!(encode(words.iter().map(|word| (word.as_str(), &[][..])).collect()).is_none());
        assert!(encode(words[..500].iter().map(|word| (word.as_str(), &[][..])).collect()).is_some());
    }
}
