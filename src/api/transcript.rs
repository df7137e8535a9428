//! The cut of `voice_transcript(max_chars)` is the analyzer's own, so that a person reads what a model reads.

use pgrx::prelude::*;
use voice_core::transcript;

#[pg_extern(sql = false)]
fn voice_cut_transcript(lines: Vec<String>, max_chars: i32) -> String {
    transcript::cut(&lines, usize::try_from(max_chars).unwrap_or(0))
}
