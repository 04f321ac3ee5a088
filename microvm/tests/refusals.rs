//! What the VMM refuses, each with one line that says why, and what it does without KVM.

mod common;

use common::{GUEST, assert_fails, elf, file, kvm, microvm, run};
use rustix::fs::{CWD, FileType, mknodat};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Output;

/// `out 0xf4, al`
const END: [u8; 2] = [0xe6, 0xf4];

/// Boots `kernel` as Linux, with these options.
fn boot(kernel: &Path, more: &[&str]) -> Output {
    microvm(["boot", "--memory", "8", "--kernel"]).arg(kernel).args(more).output().unwrap()
}

/// A good file with some of its bytes replaced.
fn patched(place: usize, bytes: &[u8]) -> Vec<u8> {
    let mut file = elf(&END);
    file[place..place + bytes.len()].copy_from_slice(bytes);
    file
}

#[test]
fn a_file_that_is_no_image_is_refused() {
    if !kvm("a_file_that_is_no_image_is_refused") {
        return;
    }
    let good = elf(&END);
    let cases: &[(&str, Vec<u8>, &[&str])] = &[
        ("empty", Vec::new(), &["no ELF file"]),
        ("text", b"#!/bin/sh\n".to_vec(), &["no ELF file"]),
        ("header cut", good[..40].to_vec(), &["truncated", "64 bytes"]),
        ("program header cut", good[..100].to_vec(), &["truncated", "120 bytes"]),
        ("segment cut", good[..121].to_vec(), &["truncated", "122 bytes"]),
        ("32-bit", patched(4, &[1]), &["no x86-64 ELF file", "32-bit"]),
        ("ARM", patched(18, &[183]), &["no x86-64 ELF file"]),
        ("big endian", patched(5, &[2]), &["copying it to guest memory", "big-endian"]),
        ("position independent", patched(16, &[3]), &["-no-pie"]),
        ("below 1 MiB", patched(88, &0x1000_u64.to_le_bytes()), &["outside the VM's memory", "0x1000"]),
        (
            "behind memory",
            patched(88, &0x7f_ffff_u64.to_le_bytes()),
            &["outside the VM's memory", "0x800001"],
        ),
        ("wraps around", patched(104, &u64::MAX.to_le_bytes()), &["outside the VM's memory"]),
        (
            "entry elsewhere",
            patched(24, &(GUEST + 2).to_le_bytes()),
            &["entry 0x100002", "none of its segments"],
        ),
        ("no segment", patched(56, &[0, 0]), &["none of its segments"]),
    ];
    for (case, bytes, words) in cases {
        eprintln!("{case}");
        let image = file(bytes);
        let name = image.path().to_str().unwrap();
        let words = [&["loading", name], *words].concat();
        assert_fails(&run(image.path(), "8", &["noop"]), 125, &words);
        assert_fails(&boot(image.path(), &[]), 125, &words);
    }
    let good = file(&good);
    assert_eq!(run(good.path(), "8", &["noop"]).status.code(), Some(0));
    assert_eq!(boot(good.path(), &[]).status.code(), Some(0));
}

#[test]
fn what_is_no_file_is_refused_and_not_waited_for() {
    if !kvm("what_is_no_file_is_refused_and_not_waited_for") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let pipe = folder.path().join("pipe");
    mknodat(CWD, &pipe, FileType::Fifo, 0o600.into(), 0).unwrap();
    let kernel = file(&elf(&END));
    // As a kernel, and as an initial RAM file system.
    let cases: [(&Path, &str, &str); 4] = [
        (&folder.path().join("none"), "No such file", "No such file"),
        (folder.path(), "directory", "no file"),
        (&pipe, "pipe", "no file"),
        (Path::new("/dev/zero"), "no ELF file", "no file"),
    ];
    for (path, word, initrd_word) in cases {
        let name = path.to_str().unwrap();
        assert_fails(&run(path, "8", &["noop"]), 125, &["loading", name, word]);
        assert_fails(&boot(path, &[]), 125, &["loading", name, word]);
        assert_fails(&boot(kernel.path(), &["--initrd", name]), 125, &["loading", name, initrd_word]);
    }
    let machine = microvm(["boot", "--config-file"]).arg(folder.path()).output().unwrap();
    assert_fails(&machine, 125, &["reading the machine file", folder.path().to_str().unwrap(), "directory"]);
}

#[test]
fn absurd_machines_are_refused() {
    if !kvm("absurd_machines_are_refused") {
        return;
    }
    let kernel = file(&elf(&END));
    for (option, value, words) in [
        ("--memory", "0", "0 MiB of memory: give 2 to"),
        ("--memory", "4294967295", "4294967295 MiB of memory: give 2 to"),
        ("--cpus", "0", "0 vCPUs: give 1 to"),
        ("--cpus", "33", "33 vCPUs: give 1 to"),
    ] {
        let mut command = microvm(["boot", option, value, "--kernel"]);
        assert_fails(&command.arg(kernel.path()).output().unwrap(), 125, &[words]);
    }
}

#[test]
fn absurd_memory_is_refused() {
    if !kvm("absurd_memory_is_refused") {
        return;
    }
    let image = file(&elf(&END));
    for memory in ["0", "1", "1025", "4294967295"] {
        assert_fails(&run(image.path(), memory, &["noop"]), 125, &[memory, "MiB of memory: give 2 to 1024"]);
    }
    for memory in ["2", "1024"] {
        assert_eq!(run(image.path(), memory, &["noop"]).status.code(), Some(0), "{memory}");
    }
    let output = run(image.path(), "4294967296", &["noop"]);
    assert_eq!(output.status.code(), Some(125), "{output:?}");
}

#[test]
fn a_command_line_that_cannot_be_is_refused() {
    if !kvm("a_command_line_that_cannot_be_is_refused") {
        return;
    }
    let image = file(&elf(&END));
    for words in [&["cpu", &"9".repeat(2048)][..], &["cpu n=1"], &["\u{e9}"]] {
        assert_fails(&run(image.path(), "8", words), 125, &["building the kernel command line"]);
    }
}

#[test]
fn wrong_usage_is_no_status_of_a_guest() {
    for arguments in
        [&[][..], &["fly"], &["run"], &["run", "--image", "x"], &["run", "--image", "x", "--", "a", "b", "c"]]
    {
        let output = microvm(arguments).output().unwrap();
        assert_eq!(output.status.code(), Some(125), "{arguments:?} {output:?}");
        assert!(output.stdout.is_empty() && !output.stderr.is_empty(), "{arguments:?} {output:?}");
    }
    for arguments in [&["--help"][..], &["run", "--help"], &["--version"]] {
        let output = microvm(arguments).output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{arguments:?} {output:?}");
        assert!(!output.stdout.is_empty() && output.stderr.is_empty(), "{arguments:?} {output:?}");
    }
}

#[test]
fn without_permission_the_group_is_named() {
    const TEST: &str = "without_permission_the_group_is_named";
    if !rustix::process::getuid().is_root() {
        common::skip(TEST, "only root can become a user that may not open /dev/kvm");
        return;
    }
    if !kvm(TEST) {
        return;
    }
    let nobody = 65534;
    if std::process::Command::new("test")
        .args(["-w", "/dev/kvm"])
        .uid(nobody)
        .status()
        .is_ok_and(|s| s.success())
    {
        common::skip(TEST, "anybody may open /dev/kvm here");
        return;
    }
    // The program may lie in a folder that only root may enter, so it is handed over as a descriptor.
    let program = std::fs::File::open(env!("CARGO_BIN_EXE_isolab-microvm")).unwrap();
    rustix::io::fcntl_setfd(&program, rustix::io::FdFlags::empty()).unwrap();
    let descriptor = std::os::fd::AsRawFd::as_raw_fd(&program);
    let mut command = std::process::Command::new(format!("/proc/self/fd/{descriptor}"));
    let output = command.args(["run", "--image", "x", "--", "noop"]).uid(nobody).output().unwrap();
    assert_fails(&output, 126, &["/dev/kvm", "group kvm", "Permission denied"]);
}
