//! Bytes as a call: what a fuzzer, or proptest, has to say.

use voice_core::transcript::{Role, Turn};

/// Ends a turn, as in the hash of a transcript.
pub const END: char = '\u{1e}';

/// Turns of user and assistant in turn; one that begins with an exclamation mark is the system's.
pub fn turns(bytes: &[u8]) -> Vec<Turn> {
    let text = String::from_utf8_lossy(bytes);
    let roles = [Role::User, Role::Assistant].into_iter().cycle();
    let turn = |(role, said): (Role, &str)| match said.strip_prefix('!') {
        Some(said) => Turn { role: Role::System, speaker: None, text: said.to_owned() },
        None => Turn { role, speaker: None, text: said.to_owned() },
    };
    roles.zip(text.split(END)).map(turn).collect()
}
