//! The property of core/tests/properties/redact.rs, on whatever bytes the fuzzer thinks of.

#![no_main]

#[path = "../../core/tests/properties/redact.rs"]
mod redact;
#[path = "../../core/tests/properties/speech.rs"]
mod speech;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| redact::holds(bytes));
