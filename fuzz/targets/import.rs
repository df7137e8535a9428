//! The property of core/tests/properties/import.rs, on whatever bytes the fuzzer thinks of.

#![no_main]

#[path = "../../core/tests/properties/import.rs"]
mod import;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| import::holds(bytes));
