//! What the tests share: where the guest is, whether there is KVM, how to run the VMM, and small guests of
//! hand-made machine code.
#![allow(dead_code, reason = "each test file uses a part of it")]

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

/// Says on standard error that `test` was skipped, and why.
pub fn skip(test: &str, why: &str) {
    eprintln!("skipped: {test}: {why}");
}

/// The unikernel; `None`, having said so, when it has not been built.
pub fn unikernel(test: &str) -> Option<PathBuf> {
    program(test, "isolab-unikernel")
}

/// The program `name`, static and for guests; `None`, having said so, when it has not been built.
pub fn program(test: &str, name: &str) -> Option<PathBuf> {
    let programs = std::env::var_os("ISOLAB_PROGRAMS").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/programs/x86_64-unknown-linux-gnu/program"),
        PathBuf::from,
    );
    let file = programs.join(name);
    if !file.exists() {
        skip(test, &format!("there is no {}; `cargo build` builds it", file.display()));
        return None;
    }
    Some(file)
}

/// Whether this host runs VMs; says so when it does not.
pub fn kvm(test: &str) -> bool {
    match isolab_microvm::kvm::open() {
        Ok(_) => true,
        Err(error) => {
            skip(test, &error.to_string());
            false
        }
    }
}

/// The kernels that are given to boot Linux guests from, by `ISOLAB_KERNEL_SMALL` and `ISOLAB_KERNEL_DISTRO`; none,
/// having said so, when there is none or this host's KVM cannot boot Linux.
pub fn linux_kernels(test: &str) -> Vec<PathBuf> {
    if !kvm(test) {
        return Vec::new();
    }
    if isolab_microvm::probe::backend() == Some("pvm") {
        skip(test, "kvm_pvm emulates a guest's kernel and cannot boot Linux");
        return Vec::new();
    }
    let given = ["ISOLAB_KERNEL_SMALL", "ISOLAB_KERNEL_DISTRO"].map(|name| {
        let kernel = std::env::var_os(name).map(PathBuf::from);
        if kernel.is_none() {
            skip(test, &format!("{name} names no kernel"));
        }
        kernel
    });
    given.into_iter().flatten().collect()
}

/// `isolab-microvm` with these arguments and an empty standard input.
pub fn microvm<S: AsRef<std::ffi::OsStr>>(arguments: impl IntoIterator<Item = S>) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_isolab-microvm"));
    command.args(arguments).stdin(Stdio::null());
    command
}

/// Runs `image` with `memory` MiB and these words, with marks, to its end.
pub fn run(image: &Path, memory: &str, words: &[&str]) -> Output {
    let mut command = microvm(["run", "--marks", "--memory", memory, "--image"]);
    command.arg(image).arg("--").args(words).output().unwrap()
}

/// Asserts that the VMM failed with `status` and one line on standard error that holds all of `words`.
pub fn assert_fails(output: &Output, status: i32, words: &[&str]) {
    let text = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(status), "{text}");
    assert_eq!(text.lines().count(), 1, "{text}");
    for word in words {
        assert!(text.contains(word), "{text:?} lacks {word:?}");
    }
}

/// Where hand-made guests lie.
pub const GUEST: u64 = 0x10_0000;

/// An ELF file with one segment of machine code at [`GUEST`], where it begins.
pub fn elf(code: &[u8]) -> Vec<u8> {
    let mut file = b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0".to_vec();
    for half in [2_u16, 62] {
        file.extend(half.to_le_bytes()); // executable, x86-64
    }
    file.extend(1_u32.to_le_bytes());
    for word in [GUEST, 64, 0] {
        file.extend(word.to_le_bytes()); // entry, program headers, no section headers
    }
    file.extend(0_u32.to_le_bytes());
    for half in [64_u16, 56, 1, 64, 0, 0] {
        file.extend(half.to_le_bytes());
    }
    for word in [1_u32, 5] {
        file.extend(word.to_le_bytes()); // PT_LOAD, read and execute
    }
    for word in [120, GUEST, GUEST, code.len() as u64, code.len() as u64, 1] {
        file.extend(word.to_le_bytes());
    }
    assert_eq!(file.len(), 120);
    file.extend(code);
    file
}

/// Writes `bytes` to a file that lives as long as what is returned.
pub fn file(bytes: &[u8]) -> tempfile::NamedTempFile {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(bytes).unwrap();
    file
}
