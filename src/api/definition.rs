//! What SQL cannot judge of a definition of an analysis: whether every model can be asked for it. Declared in
//! `sql/analysis/define.sql`.

use crate::declare_function;
use crate::host::error::raise;
use crate::host::function;
use pgrx::pg_sys;
use pgrx::prelude::*;
use voice_core::definition::{Definition, DefinitionSource};

declare_function!(voice_check_definition, pg_finfo_voice_check_definition, function::FunctionCall, check_definition);

/// Most turns of the caller that a definition may ask for.
const MIN_USER_TURNS_MAX: i32 = 1000;

/// `voice._check_definition(name, schema, criteria, instructions, vertical, agent_id, model, min_user_turns)`.
fn check_definition(call: function::FunctionCall<'_>) -> pg_sys::Datum {
    let (Some(name), Some(schema)) = (call.text(0), call.json(1)) else {
        refuse(
            "an analysis needs a name and a schema",
            "One of them is NULL.",
            "voice_define_analysis('booking', '{\"type\": \"object\", \"properties\": {\"day\": {\"type\": \"string\", \"description\": \"…\"}}}').",
        )
    };
    let turns = call.integer(7);
    let Some(min_user_turns @ 0..=MIN_USER_TURNS_MAX) = turns else {
        refuse(
            "min_user_turns is out of range",
            &format!("min_user_turns is {}.", turns.map_or("NULL".to_owned(), |n| n.to_string())),
            "It is 0 to 1000: calls in which the caller spoke fewer turns are not asked.",
        )
    };
    let (criteria, instructions) = (call.json(2), call.text(3));
    let (vertical, agent_id, model) = (call.text(4), call.text(5), call.text(6));
    let source = DefinitionSource {
        name: &name,
        version: 1,
        schema: &schema,
        criteria: criteria.as_deref(),
        instructions: instructions.as_deref(),
        vertical: vertical.as_deref(),
        agent_id: agent_id.as_deref(),
        model: model.as_deref(),
        min_user_turns: usize::try_from(min_user_turns).unwrap_or_default(),
    };
    if let Err(wrong) = Definition::parse(source) {
        refuse(&wrong.message, &wrong.detail, &wrong.hint);
    }
    pg_sys::Datum::null()
}

fn refuse(message: &str, detail: &str, hint: &str) -> ! {
    raise(PgSqlErrorCode::ERRCODE_INVALID_PARAMETER_VALUE, message, detail, hint)
}
