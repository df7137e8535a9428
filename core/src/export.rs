//! Calls as other programs read them: the form `voice`, which `voice_import_call` takes again, and vCon.

pub mod vcon;
pub mod voice;
