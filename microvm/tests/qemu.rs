//! The same file under another VMM: QEMU enters it by its PVH note.

mod common;

use common::{kvm, skip, unikernel};
use isolab_workload::{mark, work};
use std::path::Path;
use std::process::{Command, Output, Stdio};

fn qemu(image: &Path, accelerator: &str, line: &str) -> Output {
    let mut command = Command::new("qemu-system-x86_64");
    command.args([
        "-M",
        "microvm",
        "-cpu",
        "qemu64",
        "-m",
        "64",
        "-nodefaults",
        "-no-user-config",
        "-no-reboot",
    ]);
    command.args(["-display", "none", "-serial", "stdio", "-device", "isa-debug-exit,iobase=0xf4,iosize=1"]);
    command.args(["-accel", accelerator, "-append", line, "-kernel"]).arg(image);
    command.stdin(Stdio::null()).output().unwrap()
}

fn check(test: &str, accelerator: &str) {
    let Some(image) = unikernel(test) else { return };
    if Command::new("qemu-system-x86_64").arg("--version").output().is_err() {
        skip(test, "qemu-system-x86_64 is not installed");
        return;
    }
    let line = work::checksum_line(work::cpu(1000));
    let marks = [&[mark::BEGIN, mark::READY][..], &line, &[mark::END]].concat();
    let output = qemu(&image, accelerator, "kind=cpu n=1000 marks=serial");
    // isa-debug-exit ends with 2 * status + 1.
    assert_eq!((output.status.code(), &output.stdout), (Some(1), &marks), "{output:?}");
    let output = qemu(&image, accelerator, "kind=cpu n=1000");
    assert_eq!((output.status.code(), &*output.stdout), (Some(1), &line[..]), "{output:?}");
}

#[test]
fn qemu_runs_it_on_its_emulator() {
    check("qemu_runs_it_on_its_emulator", "tcg");
}

#[test]
fn qemu_runs_it_on_kvm() {
    const TEST: &str = "qemu_runs_it_on_kvm";
    if kvm(TEST) {
        check(TEST, "kvm");
    }
}
