//! See `isolab_microvm::fuzz::machine_file`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| isolab_microvm::fuzz::machine_file(bytes));
