//! Builds what the lab measures: small static programs, by a nested `cargo build`.
//!
//! What is measured is never the lab's own binary. The runtime, the VMM, the floors, the workload, the unikernel
//! and the init of Linux guests are programs of their own with the profile `program` (see the workspace's
//! `Cargo.toml`), linked statically: running a dynamic program costs a quarter of a millisecond more.
//! They land in `target/programs`, whatever profile the lab itself is built with.

use std::env;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, exit};

const TARGET: &str = "x86_64-unknown-linux-gnu";
/// Built apart from the others: within one build cargo unites the features that packages ask of a dependency, and
/// these would get one that uses the standard library.
const WITHOUT_STD: [&str; 4] = ["isolab-guest", "isolab-init", "isolab-workload", "isolab-floors"];
const SOURCES: [&str; 7] =
    ["runtime", "microvm", "bench/timeline", "bench/workload", "bench/floors", LINKER_SCRIPT, "Cargo.toml"];
/// Static, at a fixed address: no dynamic loader and no relocations to apply at each start. The price is that the
/// kernel cannot choose where the code lies (stack and heap it can), a second line behind the language's own checks.
const RUSTFLAGS: [&str; 2] = ["-Ctarget-feature=+crt-static", "-Crelocation-model=static"];
/// It leaves out the libraries' tables for unwinding: see there.
const LINKER_SCRIPT: &str = "bench/no-unwinding.ld";

fn main() {
    if env::var("CARGO_CFG_TARGET_OS").as_deref() != Ok("linux")
        || env::var("CARGO_CFG_TARGET_ARCH").as_deref() != Ok("x86_64")
    {
        // The workload's library says so in one sentence and ends the build; nothing is to be built here.
        return;
    }
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("bench/ lies in the workspace");
    let target = target_folder();
    let programs = target.join("programs").join(TARGET).join("program");
    println!("cargo:rustc-env=ISOLAB_PROGRAMS={}", programs.display());
    println!("cargo:rerun-if-changed=build.rs");
    if only_looked_at() {
        // A path that never exists: this script runs again when something is really built.
        println!("cargo:rerun-if-changed={}", target.join("programs/never").display());
        return;
    }
    for source in SOURCES {
        println!("cargo:rerun-if-changed={}", workspace.join(source).display());
    }
    let target = target.join("programs");
    let script = format!("-Clink-arg=-T{}", workspace.join(LINKER_SCRIPT).display());
    // The runtime only: the VMM's errors look for their callers where RUST_BACKTRACE is set, and must find the tables.
    // As the last linker's argument and not among the flags of all crates, which both would then compile.
    build(workspace, &target, &["rustc", "--package", "isolab-runtime"], &["--", &script]);
    build(workspace, &target, &["build", "--package", "isolab-microvm"], &[]);
    let mut without_std = vec!["build".to_owned()];
    for package in WITHOUT_STD {
        without_std.extend([format!("--package={package}"), format!("--features={package}/program")]);
    }
    build(workspace, &target, &without_std, &[]);
}

/// The outer build's target folder: `OUT_DIR` is `TARGET/PROFILE/build/isolab-HASH/out`.
fn target_folder() -> PathBuf {
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets OUT_DIR"));
    let profile = out.ancestors().nth(3).expect("OUT_DIR lies four folders deep");
    let target = profile.parent().expect("a profile's folder lies in the target folder");
    // With `--target T` there is one folder more.
    if target.ends_with(TARGET) { target.parent().unwrap_or(target).into() } else { target.into() }
}

/// Whether cargo was asked for something that runs nothing: `doc`, `check` or `clippy` (which is
/// `check` inside). Cargo does not tell a build script, but its own command line does.
fn only_looked_at() -> bool {
    let parent = std::os::unix::process::parent_id();
    let line = std::fs::read(format!("/proc/{parent}/cmdline")).unwrap_or_default();
    line.split(|&byte| byte == 0)
        .skip(1)
        .find(|word| !word.starts_with(b"-") && !word.starts_with(b"+"))
        .is_some_and(|word| matches!(word, b"doc" | b"rustdoc" | b"check" | b"c" | b"d" | b"clippy" | b"fix"))
}

/// Runs `cargo what... last...`, with all that makes a program one of those that are measured.
fn build<W: AsRef<OsStr>>(workspace: &Path, target: &Path, what: &[W], last: &[&str]) {
    let mut cargo = Command::new(env::var_os("CARGO").expect("cargo sets CARGO"));
    cargo.current_dir(workspace);
    // What the outer build was told (flags, wrappers, profile settings) must not reach what is measured.
    for (name, _) in env::vars_os() {
        let text = name.to_string_lossy();
        if ["CARGO_PROFILE_", "CARGO_BUILD_", "CARGO_TARGET_", "CARGO_CFG_", "CARGO_FEATURE_"]
            .iter()
            .any(|prefix| text.starts_with(prefix))
            || ["RUSTFLAGS", "RUSTC_WRAPPER", "RUSTC_WORKSPACE_WRAPPER", "CARGO_MAKEFLAGS", "MAKEFLAGS"]
                .contains(&&*text)
        {
            cargo.env_remove(&name);
        }
    }
    cargo.env("CARGO_ENCODED_RUSTFLAGS", RUSTFLAGS.join("\x1f"));
    cargo.args(what);
    cargo.args(["--bins", "--locked", "--profile", "program", "--target", TARGET, "--target-dir"]).arg(target);
    cargo.args(last);
    match cargo.status() {
        Ok(status) if status.success() => {}
        Ok(status) => {
            fail(&format!("the nested build of the measured programs failed ({status}), see above"))
        }
        Err(error) => fail(&format!("cannot start cargo for the measured programs: {error}")),
    }
}

fn fail(sentence: &str) -> ! {
    println!("cargo:warning={sentence}");
    eprintln!("{sentence}");
    exit(1)
}
