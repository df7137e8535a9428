//! What each model was asked and what that took, counted since the server's start. In shared memory, so that whoever
//! watches costs reads no table; one worker writes, anybody reads.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering::*};

/// Models that are told apart; those after them share the last place.
const MODELS: usize = 8;
const REST: &str = "other models";
/// A model's name, in words of eight bytes.
const WORDS: usize = 8;

#[repr(C)]
pub struct Usage {
    models: [Model; MODELS],
}

#[repr(C)]
struct Model {
    /// Set once the name stands.
    named: AtomicU32,
    name: [AtomicU64; WORDS],
    analyses: AtomicU64,
    failures: AtomicU64,
    prompt_tokens: AtomicU64,
    completion_tokens: AtomicU64,
}

/// The figures of one model.
pub struct Figures {
    pub model: String,
    pub analyses: u64,
    pub failures: u64,
    pub prompt_tokens: u64,
    pub completion_tokens: u64,
}

/// What one answer adds.
#[derive(Default)]
pub struct Answered {
    pub analyses: u64,
    pub failures: u64,
    pub prompt_tokens: u64,
    pub completion_tokens: u64,
}

impl Usage {
    /// To be called by the worker of this database only.
    pub fn add(&self, model: &str, answered: &Answered) {
        let name = shortened(model);
        let place = self.models.iter().enumerate().find_map(|(at, place)| match place.name() {
            Some(taken) => (taken == name).then_some(place),
            None => {
                place.take(if at + 1 < MODELS { name } else { REST });
                Some(place)
            }
        });
        if let Some(place) = place.or(self.models.last()) {
            place.analyses.fetch_add(answered.analyses, Relaxed);
            place.failures.fetch_add(answered.failures, Relaxed);
            place.prompt_tokens.fetch_add(answered.prompt_tokens, Relaxed);
            place.completion_tokens.fetch_add(answered.completion_tokens, Relaxed);
        }
    }

    pub fn read(&self) -> Vec<Figures> {
        let figures = |place: &Model| {
            Some(Figures {
                model: place.name()?,
                analyses: place.analyses.load(Relaxed),
                failures: place.failures.load(Relaxed),
                prompt_tokens: place.prompt_tokens.load(Relaxed),
                completion_tokens: place.completion_tokens.load(Relaxed),
            })
        };
        self.models.iter().filter_map(figures).collect()
    }

    /// What was counted for another database is not counted for the next one.
    pub fn forget(&self) {
        for place in &self.models {
            place.named.store(0, Release);
            for figure in [&place.analyses, &place.failures, &place.prompt_tokens, &place.completion_tokens] {
                figure.store(0, Release);
            }
        }
    }
}

impl Model {
    fn name(&self) -> Option<String> {
        if self.named.load(Acquire) == 0 {
            return None;
        }
        let raw: Vec<u8> = self.name.iter().flat_map(|word| word.load(Relaxed).to_ne_bytes()).collect();
        let end = raw.iter().position(|byte| *byte == 0).unwrap_or(raw.len());
        Some(String::from_utf8_lossy(&raw[..end]).into_owned())
    }

    fn take(&self, name: &str) {
        let mut raw = [0u8; WORDS * 8];
        raw[..name.len()].copy_from_slice(name.as_bytes());
        for (word, chunk) in self.name.iter().zip(raw.as_chunks::<8>().0) {
            word.store(u64::from_ne_bytes(*chunk), Relaxed);
        }
        self.named.store(1, Release);
    }
}

/// As much of a name as has room, cut at a character; a server may name its model as it likes.
fn shortened(model: &str) -> &str {
    let model = model.split('\0').next().unwrap_or_default();
    let mut end = model.len().min(WORDS * 8 - 1);
    while !model.is_char_boundary(end) {
        end -= 1;
    }
    &model[..end]
}
