//! Linux guests with several CPUs, on the kernels of `ISOLAB_KERNEL_SMALL` and `ISOLAB_KERNEL_DISTRO`: what the
//! kernel says about itself, and that work, marks, status and signals pass through it.

mod common;

use common::{file, linux_kernels, microvm, program};
use isolab_microvm::pack;
use isolab_microvm::pack::start::Start;
use rustix::process::{Pid, Signal, kill_process};
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;
use tempfile::NamedTempFile;

/// Where the workload lies in the guest.
const WORKLOAD: &str = "workload";
/// How long a guest may take to end, in tenths of a second: an emulated one is slow.
const LONGEST: u32 = 600;
/// Larger than any archive of these tests.
const MOST: u64 = 64 << 20;

/// The first root of a guest that runs the workload with these words; `None`, having said so, when a program has
/// not been built.
fn initramfs(test: &str, words: &[&str]) -> Option<NamedTempFile> {
    let (init, workload) = (program(test, "isolab-init")?, program(test, "isolab-workload")?);
    let mut command = vec![format!("/{WORKLOAD}").into()];
    command.extend(words.iter().map(Into::into));
    let start = Start { marks: true, command, ..Start::default() };
    let mut archive = pack::begin(Vec::new(), MOST, &init, &[], &start).unwrap();
    archive.folder(pack::ROOT, 0o755).unwrap();
    let content = std::fs::read(workload).unwrap();
    archive.file(format!("{}/{WORKLOAD}", pack::ROOT), 0o755, &content).unwrap();
    Some(file(&archive.finish().unwrap()))
}

/// The command that boots `kernel`, which says on its console what it does.
fn boot(kernel: &Path, initramfs: &NamedTempFile, more: &[&str]) -> Command {
    let mut command = microvm(["boot", "--marks", "--kernel"]);
    command.arg(kernel).arg("--initrd").arg(initramfs.path()).args(more);
    command
}

#[test]
fn a_kernel_brings_up_all_cpus_by_either_protocol() {
    const TEST: &str = "a_kernel_brings_up_all_cpus_by_either_protocol";
    for kernel in linux_kernels(TEST) {
        let Some(initramfs) = initramfs(TEST, &["cpu", "1000"]) else { return };
        for (cpus, protocol) in [("1", "linux"), ("2", "pvh"), ("4", "linux")] {
            let output =
                boot(&kernel, &initramfs, &["--cpus", cpus, "--protocol", protocol]).output().unwrap();
            let text = String::from_utf8_lossy(&output.stdout);
            let case = format!("{} {cpus} {protocol}", kernel.display());
            assert_eq!(output.status.code(), Some(0), "{case}: {text}");
            assert!(text.contains(&format!("Brought up 1 node, {cpus} CPU")), "{case}: {text}");
            assert!(output.stdout.contains(&isolab_workload::mark::END), "{case}: {text}");
        }
    }
}

#[test]
fn memory_goes_on_above_the_hole_in_linux_too() {
    const TEST: &str = "memory_goes_on_above_the_hole_in_linux_too";
    for kernel in linux_kernels(TEST).into_iter().take(1) {
        let Some(initramfs) = initramfs(TEST, &["noop"]) else { return };
        let output = boot(&kernel, &initramfs, &["--memory", "3500"]).output().unwrap();
        if String::from_utf8_lossy(&output.stderr).contains("MiB of memory: give") {
            common::skip(TEST, "this host has less memory");
            return;
        }
        let text = String::from_utf8_lossy(&output.stdout);
        assert_eq!(output.status.code(), Some(0), "{text}");
        assert!(text.contains("[mem 0x0000000100000000-0x000000011abfffff] usable"), "{text}");
    }
}

#[test]
fn a_signal_reaches_the_command() {
    const TEST: &str = "a_signal_reaches_the_command";
    for kernel in linux_kernels(TEST) {
        let Some(initramfs) = initramfs(TEST, &["wait"]) else { return };
        let mut child = boot(&kernel, &initramfs, &["--cpus", "2"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        // The workload runs once it has written its first mark.
        let mut output = BufReader::new(child.stdout.take().unwrap());
        output.read_until(isolab_workload::mark::READY, &mut Vec::new()).unwrap();
        let pid = Pid::from_child(&child);
        kill_process(pid, Signal::TERM).unwrap();
        let status = (0..LONGEST).find_map(|_| {
            std::thread::sleep(Duration::from_millis(100));
            child.try_wait().unwrap()
        });
        if status.is_none() {
            child.kill().unwrap();
            child.wait().unwrap();
        }
        let status = status.and_then(|status| status.code());
        assert_eq!(status, Some(128 + 15), "{}: has it a second serial port?", kernel.display());
    }
}
