//! See `isolab_microvm::fuzz::net_queue`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| isolab_microvm::fuzz::net_queue(bytes));
