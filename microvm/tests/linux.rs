//! Linux guests whose PID 1 is isolab's init, on the kernels of `ISOLAB_KERNEL_SMALL` and `ISOLAB_KERNEL_DISTRO`:
//! what a command finds, what becomes of it, and what is said when there is none.

mod common;

use common::{file, linux_kernels, microvm, program, skip};
use isolab_microvm::pack;
use isolab_microvm::pack::modules::resolve;
use isolab_microvm::pack::start::Start;
use isolab_workload::mark;
use rustix::process::{Pid, Signal, kill_process};
use std::fs;
use std::io::{Read, Write};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

/// Larger than any archive of these tests.
const MOST: u64 = 64 << 20;

/// What a test packs: a root with the programs of `busybox`, and the workload.
struct Guest {
    kernel: PathBuf,
    init: PathBuf,
    root: tempfile::TempDir,
}

/// A guest for each kernel; none, having said so, when something is missing.
fn guests(test: &str) -> Vec<Guest> {
    let kernels = linux_kernels(test);
    kernels.into_iter().filter_map(|kernel| guest(test, kernel)).collect()
}

/// A guest with the first kernel that there is: for what does not depend on the kernel. Boots take their time.
fn any_guest(test: &str) -> Option<Guest> {
    linux_kernels(test).into_iter().find_map(|kernel| guest(test, kernel))
}

fn guest(test: &str, kernel: PathBuf) -> Option<Guest> {
    let (init, workload) = (program(test, "isolab-init")?, program(test, "isolab-workload")?);
    let busybox = ["/bin/busybox", "/usr/bin/busybox"].map(Path::new).into_iter().find(|path| path.is_file());
    let Some(busybox) = busybox else {
        skip(test, "there is no busybox; apt-get install busybox-static");
        return None;
    };
    let root = tempfile::tempdir().unwrap();
    let bin = root.path().join("bin");
    fs::create_dir(&bin).unwrap();
    fs::copy(busybox, bin.join("busybox")).unwrap();
    for name in ["cat", "echo", "hostname", "id", "kill", "ls", "md5sum", "ps", "pwd", "sh", "sleep", "wc"] {
        symlink("busybox", bin.join(name)).unwrap();
    }
    fs::copy(workload, root.path().join("workload")).unwrap();
    Some(Guest { kernel, init, root })
}

impl Guest {
    /// The VMM that runs `start` with these modules.
    fn command(&self, start: &Start, wanted: &[&str]) -> Command {
        let modules = resolve(&self.kernel.with_file_name("modules"), wanted).unwrap();
        let mut archive = pack::begin(Vec::new(), MOST, &self.init, &modules, start).unwrap();
        archive.tree(pack::ROOT, self.root.path()).unwrap();
        self.boot(&archive.finish().unwrap())
    }

    /// The VMM that boots this archive. The file goes with the folder that it lies in.
    fn boot(&self, archive: &[u8]) -> Command {
        let (_, path) = file(archive).keep().unwrap();
        let place = self.root.path().with_extension("cpio");
        fs::rename(path, &place).unwrap();
        let mut command = microvm(["boot", "--input-port", "--marks", "--timeline", "--cmdline"]);
        command.arg("console=ttyS0 reboot=k panic=-1 loglevel=2").arg("--kernel").arg(&self.kernel);
        command.arg("--initrd").arg(place);
        command
    }

    fn run(&self, start: &Start) -> Output {
        self.command(start, &[]).output().unwrap()
    }

    /// Runs a script.
    fn sh(&self, script: &str) -> Output {
        self.run(&shell(script))
    }
}

impl Drop for Guest {
    fn drop(&mut self) {
        let _ = fs::remove_file(self.root.path().with_extension("cpio"));
    }
}

fn shell(script: &str) -> Start {
    Start { command: vec!["sh".into(), "-c".into(), script.into()], ..Start::default() }
}

/// What was written before the VMM's own record.
fn text(output: &Output) -> String {
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    text.split('\x1e').next().unwrap_or_default().to_owned()
}

#[test]
fn the_exit_status_is_the_commands_own() {
    if let Some(guest) = any_guest("the_exit_status_is_the_commands_own") {
        for (script, status) in [("true", 0), ("exit 200", 200), ("kill -9 $$", 137)] {
            let output = guest.sh(script);
            assert_eq!((output.status.code(), &*text(&output)), (Some(status), ""), "{script}: {output:?}");
        }
        for (command, status, words) in [
            ("nosuch", 127, "isolab-init: command not found in the root folder: nosuch\n"),
            ("/bin", 126, "isolab-init: executing /bin: permission denied\n"),
        ] {
            let output = guest.run(&Start { command: vec![command.into()], ..Start::default() });
            assert_eq!((output.status.code(), &*text(&output)), (Some(status), words), "{output:?}");
        }
    }
}

#[test]
fn the_command_finds_what_it_was_promised() {
    for guest in guests("the_command_finds_what_it_was_promised") {
        let script = "pwd; id -u; id -g; hostname; echo $A; cat /proc/self/stat | { read -r pid more; echo $pid; }; \
                      ls -1d /dev/pts /dev/shm /sys/fs/cgroup /run; cat /sys/class/net/lo/operstate; \
                      echo x >/tmp/y && cat /tmp/y; echo error >/dev/stderr; cat";
        let start = Start {
            hostname: "box".into(),
            user: (1000, 1001),
            workdir: "/bin".into(),
            environment: vec!["A=with space".into()],
            ..shell(script)
        };
        let output = guest.run(&start);
        assert_eq!(output.status.code(), Some(0), "{output:?}");
        let text = text(&output);
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(&lines[..5], ["/bin", "1000", "1001", "box", "with space"], "{text}");
        assert_ne!(lines[5], "1", "the command is a child of PID 1: {text}");
        let rest = ["/dev/pts", "/dev/shm", "/run", "/sys/fs/cgroup", "unknown", "x", "error"];
        assert_eq!(&lines[6..], rest, "{text}");
    }
}

#[test]
fn input_arrives_byte_for_byte_with_its_end() {
    if let Some(guest) = any_guest("input_arrives_byte_for_byte_with_its_end") {
        // Every byte, those of which a terminal makes something else among them, and no line feed at the end.
        let input: Vec<u8> = (0..=255).chain([0x10, 0x10, 4]).collect();
        let start = shell("cat; cat");
        let piped = |start: &Start, input: &[u8]| {
            let mut command = guest.command(start, &[]);
            let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
            // A guest may end without having read it all.
            let _ = child.stdin.take().unwrap().write_all(input);
            child.wait_with_output().unwrap()
        };
        let output = piped(&start, &input);
        assert_eq!(output.stdout[..input.len()], input, "{output:?}");
        assert_eq!(output.stdout[input.len()], 0x1e, "and nothing more");
        // More than all buffers on the way hold, from a pipe and from a file, to one who is late.
        let input = input.repeat(1200);
        let file = file(&input);
        let sum = Command::new("/bin/busybox").arg("md5sum").stdin(file.reopen().unwrap()).output().unwrap();
        let late = shell("sleep 1; md5sum");
        assert_eq!(text(&piped(&late, &input)), text(&sum));
        let output = guest.command(&late, &[]).stdin(file.reopen().unwrap()).output().unwrap();
        assert_eq!(text(&output), text(&sum));
        // Nobody reads it.
        let output = piped(&shell("exec <&-; sleep 1; echo fine"), &input);
        assert_eq!((text(&output).trim(), output.status.code()), ("fine", Some(0)));
    }
}

#[test]
fn marks_and_phases_come_in_order() {
    for guest in guests("marks_and_phases_come_in_order") {
        let command = vec!["/workload".into(), "cpu".into(), "1000".into()];
        let output = guest.run(&Start { marks: true, command, ..Start::default() });
        let marks: Vec<u8> = output.stdout.iter().copied().filter(|byte| *byte < b'\n').collect();
        assert_eq!(marks, [mark::BEGIN, mark::READY, mark::END], "{output:?}");
        assert!(text(&output).contains("checksum "), "{output:?}");
        let record = output.stdout.split(|&byte| byte == 0x1e).nth(1).unwrap();
        let stamps = isolab_timeline::Record::read(record).unwrap().marks;
        assert!(stamps.contains_key(&isolab_timeline::Mark::Command), "{stamps:?}");
        assert!(stamps.values().is_sorted(), "{stamps:?}");
    }
}

#[test]
fn signals_reach_the_command() {
    if let Some(guest) = any_guest("signals_reach_the_command") {
        let trap = "trap 'echo got; exit 3' TERM; echo ready; while :; do sleep 1; done";
        for (script, signal, status) in [
            (trap, Signal::TERM, 3),
            ("echo ready; exec sleep 1000", Signal::TERM, 143),
            ("echo ready; exec sleep 1000", Signal::USR1, 138),
        ] {
            let mut command = guest.command(&shell(script), &[]);
            let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
            let mut output = child.stdout.take().unwrap();
            let mut seen = Vec::new();
            while !seen.ends_with(b"ready\n") {
                let mut byte = [0];
                output.read_exact(&mut byte).unwrap();
                seen.push(byte[0]);
            }
            kill_process(Pid::from_child(&child), signal).unwrap();
            output.read_to_end(&mut seen).unwrap();
            assert_eq!(child.wait().unwrap().code(), Some(status), "{script}: {seen:?}");
        }
    }
}

#[test]
fn orphans_are_reaped() {
    if let Some(guest) = any_guest("orphans_are_reaped") {
        let output = guest.sh("sh -c 'sleep 0 & sleep 0 & sleep 0 &'; sleep 1; ps -o stat,comm | cat");
        assert_eq!(output.status.code(), Some(0));
        assert!(!text(&output).lines().any(|line| line.trim_start().starts_with('Z')), "{}", text(&output));
    }
}

#[test]
fn what_init_cannot_do_is_one_line_and_the_end() {
    if let Some(guest) = any_guest("what_init_cannot_do_is_one_line_and_the_end") {
        let nowhere = Start { workdir: "/nowhere".into(), ..shell("true") };
        let disk =
            pack::start::Disk { device: "/dev/nodisk".into(), file_system: "ext4".into(), writable: false };
        let diskless = Start { disk: Some(disk), ..shell("true") };
        for (start, words) in [
            (nowhere, "isolab-init: entering the folder /nowhere: no such file or directory"),
            (diskless, "isolab-init: mounting /dev/nodisk as ext4: no such file or directory"),
        ] {
            let output = guest.run(&start);
            // The kernel may have said something, too.
            let text = text(&output);
            assert_eq!((output.status.code(), text.lines().last()), (Some(125), Some(words)), "{text}");
        }
        // An archive that our packer would not write.
        let mut archive = pack::cpio::Archive::new(Vec::new(), MOST);
        archive.folder("dev", 0o755).unwrap();
        archive.console("dev/console").unwrap();
        archive.file("init", 0o755, &fs::read(&guest.init).unwrap()).unwrap();
        archive.folder("isolab", 0o755).unwrap();
        archive.file("isolab/start", 0o644, b"dance=1\0").unwrap();
        let output = guest.boot(&archive.finish().unwrap()).output().unwrap();
        let words = "isolab-init: reading /isolab/start: the record \"dance=1\" makes no sense";
        assert_eq!((output.status.code(), text(&output).trim()), (Some(125), words), "{output:?}");
    }
}

#[test]
fn modules_are_loaded_in_order() {
    const TEST: &str = "modules_are_loaded_in_order";
    for guest in guests(TEST) {
        if !guest.kernel.with_file_name("modules").exists() {
            skip(TEST, &format!("{} has no modules", guest.kernel.display()));
            continue;
        }
        let start = shell("cat /proc/modules; cat /proc/filesystems; ls /isolab");
        let output = guest.command(&start, &["erofs", "overlay", "virtio_net"]).output().unwrap();
        let text = text(&output);
        for word in ["erofs ", "overlay ", "virtio_net ", "virtio_ring ", "\terofs"] {
            assert!(text.contains(word), "{word:?}: {text}");
        }
    }
}
