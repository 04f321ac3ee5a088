//! Puts `src/entry.rs` before the C library's start.

use std::env;

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    if env::var("CARGO_CFG_TARGET_ARCH").as_deref() == Ok("x86_64") {
        println!("cargo:rustc-link-arg-bin=isolab-runtime=-Wl,--entry=isolab_runtime_entry");
    }
}
