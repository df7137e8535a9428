//! What is asked of each call: the fixed fields, and the analyses that its tenant has defined and that apply to it.

use crate::db::DbError;
use crate::db::definitions::{self, Definitions};
use crate::db::prepare::PreparedCall;
use pgrx::spi::SpiClient;
use std::collections::HashMap;
use std::sync::Arc;
use voice_core::definition::Definition;
use voice_core::question::Question;
use voice_core::transcript;

/// The definitions as they were read last, and the questions made of them.
pub struct Questions {
    definitions: Definitions,
    /// Questions that were asked before, by what they ask.
    questions: HashMap<Key, Arc<Question>>,
    /// The fixed fields alone.
    fixed: Arc<Question>,
}

/// Whether the fixed fields are asked for, and the places of definitions among the tenant's.
#[derive(PartialEq, Eq, Hash)]
struct Key {
    tenant: String,
    fixed: bool,
    definitions: Vec<usize>,
}

impl Default for Questions {
    fn default() -> Questions {
        let fixed = Arc::new(Question::new(true, Vec::new()));
        Questions { definitions: Definitions::default(), questions: HashMap::new(), fixed }
    }
}

impl Questions {
    /// Reads the definitions again. Gives what is wrong with those that cannot be read.
    ///
    /// # Errors
    /// The statement failed; so must its transaction.
    pub fn read(&mut self, client: &mut SpiClient<'_>) -> Result<Vec<String>, DbError> {
        let mut read = definitions::read(client)?;
        let errors = std::mem::take(&mut read.errors);
        // Answers that are kept name their questions: those stay where nothing has changed.
        if self.definitions.fingerprint != read.fingerprint {
            self.definitions = read;
            self.questions.clear();
        }
        Ok(errors)
    }

    /// Whether the tenant has defined analyses.
    pub fn has_definitions(&self, tenant: &str) -> bool {
        self.definitions.by_tenant.contains_key(tenant)
    }

    /// Number of definitions of all tenants.
    pub fn count(&self) -> usize {
        self.definitions.by_tenant.values().map(Vec::len).sum()
    }

    /// What a call is to be asked, each question with its model (`None`: that of the settings). Empty: all that is stored is
    /// current. `fixed`: the fixed fields are not current.
    pub fn questions(
        &mut self,
        tenant: &str,
        call: &PreparedCall,
        fixed: bool,
        settings_model: &str,
    ) -> Vec<(Option<String>, Arc<Question>)> {
        let Some(definitions) = self.definitions.by_tenant.get(tenant) else {
            return if fixed { vec![(None, self.fixed.clone())] } else { Vec::new() };
        };
        let user_turns = transcript::user_turns(&call.lines);
        // By model, in the order of their names; what names no model, or that of the settings, is asked with the fixed fields.
        let mut by_model: Vec<(Option<&str>, Vec<usize>)> = vec![(None, Vec::new())];
        for (at, definition) in definitions.iter().enumerate() {
            let current = call.results.iter().any(|known| {
                known.analysis == definition.name && known.version == definition.version && known.hash == call.hash
            });
            if current || !definition.applies_to(&call.vertical, &call.agent, user_turns) {
                continue;
            }
            let model = definition.model.as_deref().filter(|model| *model != settings_model);
            match by_model.iter_mut().find(|(of, _)| *of == model) {
                Some((_, places)) => places.push(at),
                None => by_model.push((model, vec![at])),
            }
        }
        let mut questions = Vec::with_capacity(by_model.len());
        for (model, places) in by_model {
            let fixed = fixed && model.is_none();
            if fixed && places.is_empty() {
                questions.push((None, self.fixed.clone()));
            } else if !places.is_empty() {
                let of = |places: &[usize]| {
                    places.iter().map(|at| definitions[*at].clone()).collect::<Vec<Arc<Definition>>>()
                };
                let key = Key { tenant: tenant.to_owned(), fixed, definitions: places };
                let asked = of(&key.definitions);
                let question = self.questions.entry(key).or_insert_with(|| Arc::new(Question::new(fixed, asked)));
                questions.push((model.map(str::to_owned), question.clone()));
            }
        }
        questions
    }
}
