//! The property of core/tests/properties/formats.rs: every format is asked to read whatever the fuzzer thinks of.

#![no_main]

#[path = "../../core/tests/properties/formats.rs"]
mod formats;
#[path = "../../core/tests/properties/import.rs"]
mod import;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    if let Ok(payload) = str::from_utf8(bytes) {
        formats::holds(payload);
    }
});
