//! See `isolab_microvm::fuzz::block_queue`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| isolab_microvm::fuzz::block_queue(bytes));
