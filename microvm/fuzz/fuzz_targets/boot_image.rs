//! See `isolab_microvm::fuzz::boot_image`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| isolab_microvm::fuzz::boot_image(bytes));
