//! See `isolab_microvm::fuzz::registers`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| isolab_microvm::fuzz::registers(bytes));
