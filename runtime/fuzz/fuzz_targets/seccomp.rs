//! See `isolab_runtime::fuzz::seccomp`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| isolab_runtime::fuzz::seccomp(bytes));
