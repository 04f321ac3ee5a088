//! See `isolab_runtime::fuzz::config`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| isolab_runtime::fuzz::config(bytes));
