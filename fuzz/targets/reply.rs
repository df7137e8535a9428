//! The property of core/tests/properties/reply.rs, on whatever bytes the fuzzer thinks of.

#![no_main]

#[path = "../../core/tests/properties/reply.rs"]
mod reply;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| reply::holds(bytes));
