//! What looks at calls in progress ask: the fields of the setting `live_analyses`, and the criteria that it names of the analyses
//! that apply.

use crate::db::DbError;
use crate::db::definitions;
use crate::db::prepare::PreparedCall;
use pgrx::spi::SpiClient;
use std::collections::HashMap;
use std::sync::Arc;
use voice_core::definition::Definition;
use voice_core::live::Scope;
use voice_core::question::Question;
use voice_core::transcript;

/// The definitions as they were read last, narrowed to what is asked, and the questions made of them.
#[derive(Default)]
pub struct LookQuestions {
    scope: Scope,
    by_tenant: HashMap<String, Vec<Arc<Definition>>>,
    /// By tenant, and by places of definitions among the tenant's.
    questions: HashMap<(String, Vec<usize>), Arc<Question>>,
    /// The definitions are to be read again.
    stale: bool,
}

impl LookQuestions {
    /// Takes the setting as it is now.
    pub fn configure(&mut self, scope: &Scope) {
        if self.scope != *scope {
            *self = LookQuestions { scope: scope.clone(), stale: true, ..LookQuestions::default() };
        }
    }

    /// Rows may have changed.
    pub fn refresh(&mut self) {
        self.stale = true;
    }

    /// Reads the definitions again, where that is due and any are asked for.
    ///
    /// # Errors
    /// The statement failed; so must its transaction.
    pub fn read(&mut self, client: &mut SpiClient<'_>) -> Result<(), DbError> {
        if !std::mem::take(&mut self.stale) || !self.scope.has_criteria() {
            return Ok(());
        }
        let narrowed = |definitions: &Vec<Arc<Definition>>| {
            definitions.iter().filter_map(|definition| self.scope.narrowed(definition).map(Arc::new)).collect()
        };
        // What is wrong with one that cannot be read, the handler of analyses says.
        let read = definitions::read(client)?;
        self.by_tenant = read.by_tenant.iter().map(|(tenant, all)| (tenant.clone(), narrowed(all))).collect();
        self.questions.clear();
        Ok(())
    }

    /// What a call is asked. `None`: nothing of what the setting names applies to it.
    pub fn question(&mut self, tenant: &str, call: &PreparedCall) -> Option<Arc<Question>> {
        let definitions = self.by_tenant.get(tenant).map_or(&[][..], Vec::as_slice);
        let user_turns = transcript::user_turns(&call.lines);
        let applies = |definition: &Definition| definition.applies_to(&call.vertical, &call.agent, user_turns);
        let places: Vec<usize> = (0..definitions.len()).filter(|at| applies(&definitions[*at])).collect();
        let fields = self.scope.fields;
        if places.is_empty() && fields == Default::default() {
            return None;
        }
        // Without definitions all tenants are asked the same.
        let of = if places.is_empty() { String::new() } else { tenant.to_owned() };
        let asked = || places.iter().map(|at| definitions[*at].clone()).collect();
        let make = || Arc::new(Question::look(fields, asked()));
        Some(self.questions.entry((of, places.clone())).or_insert_with(make).clone())
    }
}
