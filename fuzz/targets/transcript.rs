//! The property of core/tests/properties/transcript.rs, on whatever bytes the fuzzer thinks of.

#![no_main]

#[path = "../../core/tests/properties/speech.rs"]
mod speech;
#[path = "../../core/tests/properties/transcript.rs"]
mod transcript;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| transcript::holds(bytes));
