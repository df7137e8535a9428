//! The form `voice`: what `voice_import_call` takes and `voice_export` writes, with options.

use super::options::Options;
use super::{Import, ImportError};

pub fn parse(payload: &str, options: &Options) -> Result<Import, ImportError> {
    let mut call = Import::parse(payload)?;
    let over = |told: &Option<String>, said: &mut Option<String>| {
        if told.is_some() {
            said.clone_from(told);
        }
    };
    over(&options.external_id, &mut call.external_id);
    over(&options.agent_id, &mut call.agent.id);
    over(&options.agent_name, &mut call.agent.name);
    over(&options.from, &mut call.from);
    over(&options.to, &mut call.to);
    over(&options.scores, &mut call.scores);
    if let Some(vertical) = &options.vertical {
        call.agent.vertical.clone_from(vertical);
    }
    if let Some(direction) = &options.direction {
        call.direction.clone_from(direction);
    }
    if options.started_at.is_some() {
        call.started_at.clone_from(&options.started_at);
    }
    Ok(call)
}
