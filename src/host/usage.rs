//! Requests and tokens of each model since the server's start. They are in shared memory, so that monitoring reads no
//! table: the worker of the database writes, anybody reads.

use super::shmem::{Exclusive, Locked, Text};

/// Models with figures of their own; the others share the last entry.
const MODELS: usize = 8;
const REST: &str = "other models";
/// Longest name of a model that is kept, in bytes.
const NAME: usize = 63;

/// The figures of all models of one database.
pub struct Usage(Locked<[Model; MODELS]>);

#[derive(Clone, Copy)]
struct Model {
    /// Empty: the entry is free.
    name: Text<NAME>,
    figures: Answered,
}

/// The figures of one model.
pub struct Figures {
    pub model: String,
    pub analyses: u64,
    pub failures: u64,
    pub prompt_tokens: u64,
    pub completion_tokens: u64,
    pub mended: u64,
}

/// What one answer adds.
#[derive(Clone, Copy, Default)]
pub struct Answered {
    pub analyses: u64,
    pub failures: u64,
    pub prompt_tokens: u64,
    pub completion_tokens: u64,
    /// Of the analyses.
    pub mended: u64,
}

impl Model {
    const FREE: Model = Model {
        name: Text::EMPTY,
        figures: Answered { analyses: 0, failures: 0, prompt_tokens: 0, completion_tokens: 0, mended: 0 },
    };
}

impl Usage {
    pub(super) const fn none() -> Self {
        Usage(Locked::new([Model::FREE; MODELS]))
    }

    /// Adds what an answer of this model took.
    pub fn add(&self, model: &str, answered: &Answered) {
        // A server may name its model as it likes; an empty name would be a free entry.
        let name = Text::truncated(if model.is_empty() { REST } else { model });
        self.0.write(|models| {
            let known = |entry: &Model| entry.name.as_str() == name.as_str() || entry.name.as_str().is_empty();
            let at = models.iter().position(known).unwrap_or(MODELS - 1);
            let entry = &mut models[at];
            if entry.name.as_str().is_empty() {
                entry.name = if at + 1 < MODELS { name } else { Text::truncated(REST) };
            }
            entry.figures.analyses += answered.analyses;
            entry.figures.failures += answered.failures;
            entry.figures.prompt_tokens += answered.prompt_tokens;
            entry.figures.completion_tokens += answered.completion_tokens;
            entry.figures.mended += answered.mended;
        });
    }

    /// The figures of each model that has answered.
    pub fn read(&self) -> Vec<Figures> {
        let models = self.0.read(|models| *models);
        let used = models.iter().filter(|entry| !entry.name.as_str().is_empty());
        used.map(|Model { name, figures }| Figures {
            model: name.as_str().to_owned(),
            analyses: figures.analyses,
            failures: figures.failures,
            prompt_tokens: figures.prompt_tokens,
            completion_tokens: figures.completion_tokens,
            mended: figures.mended,
        })
        .collect()
    }

    /// Forgets everything: the slot goes to another database.
    pub(super) fn clear(&self, held: &mut Exclusive) {
        *self.0.get_mut(held) = [Model::FREE; MODELS];
    }
}
