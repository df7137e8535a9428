//! Calls that are longer than one request may be. They are taken in parts; each part but the last is summarised in a request of
//! its own, side by side, and the notes are judged together with the last part as it was said.

mod joined;
mod notes;
mod parts;

pub use joined::joined;
pub(crate) use notes::read as read_notes;
pub use notes::{NOTES_MAX_CHARS, NOTES_VERSION, PART_SYSTEM, part_schema};
pub use parts::{MAX_PARTS, part_text, parts};

/// Shorter prompts are not judged by their tokens: the instructions of a server's own template would count too much.
const JUDGED_FROM_CHARS: usize = 8_000;
/// More characters a token than any language has. OpenAI's o200k_base, of the largest vocabularies in use, has 4.1 in the English
/// dialogues that we measure with (4.7 in the one with most, of 400), 4.5 in German, 3.3 in Finnish, 1.3 in Chinese. Tokenizers
/// split text at its blanks first: a token has no more characters than a word, with its blank 5.2 here, 7.0 in German.
const CHARS_A_TOKEN: usize = 8;
/// Fewer tokens than our instructions alone: a server that does not count what it had cached (ollama/ollama#5370, #16414).
const COUNTED_FROM_TOKENS: i32 = 256;

/// Whether a server has read less than it was sent: `prompt_tokens`, as it counts them itself, are too few for `sent_chars`
/// characters in any language. Some servers (Ollama, whose context is 4,096 tokens with less than 24 GiB of GPU memory unless
/// it is told otherwise) cut a prompt that is too long for them and answer what is left.
///
/// It says no where it cannot know: a cut that leaves more than an eighth of the characters as tokens is not seen.
pub fn looks_cut(sent_chars: usize, prompt_tokens: i32) -> bool {
    let read = usize::try_from(prompt_tokens).unwrap_or(0).saturating_mul(CHARS_A_TOKEN);
    sent_chars > JUDGED_FROM_CHARS && prompt_tokens >= COUNTED_FROM_TOKENS && read < sent_chars
}

#[cfg(test)]
mod tests {
    use super::looks_cut;

    #[test]
    fn a_prompt_that_was_read_whole_is_not_taken_for_cut_in_any_language() {
        // Characters a hundred tokens, as o200k_base packs them, and as no tokenizer does: a token a word.
        for (language, packed) in [("English", 465), ("German", 454), ("Chinese", 134), ("German, a word a token", 700)]
        {
            for chars in [8_001, 60_000, 1_000_000] {
                assert!(!looks_cut(chars, (chars * 100 / packed) as i32), "{language}");
            }
        }
    }

    #[test]
    fn a_context_of_4096_tokens_shows_where_the_prompt_was_far_longer() {
        assert!(looks_cut(60_000, 4_096));
        assert!(looks_cut(33_000, 4_096));
        assert!(!looks_cut(32_000, 4_096), "too near to what a language might have");
        assert!(looks_cut(20_000, 2_048));
    }

    #[test]
    fn a_server_that_does_not_count_what_it_had_cached_has_cut_nothing() {
        for uncounted in [-1, 0, 1, 40, 255] {
            assert!(!looks_cut(60_000, uncounted), "{uncounted}");
        }
    }

    #[test]
    fn short_prompts_are_never_taken_for_cut() {
        assert!(!looks_cut(8_000, 300));
        assert!(looks_cut(8_001, 300));
    }
}
