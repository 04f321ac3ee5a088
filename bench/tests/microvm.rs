//! `isolab run microvm`, where Linux guests boot: roots, disks, a terminal, a container in the guest, and guests that
//! do not behave.

mod common;

use common::{LAB, Terminal, lab, runs_here, text};
use isolab::programs::Programs;
use isolab::samples::SamplesFile;
use isolab_timeline::Stack;
use rustix::process::{Pid, Signal, kill_process};
use rustix::termios::LocalModes;
use std::fs;
use std::io::Read;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::{Command, Stdio};
use tempfile::TempDir;

const BUSYBOX: &str = "/bin/busybox";

/// A folder with a root in `root`, which has the programs of busybox; `None`, having said so, where this machine
/// boots no Linux guest.
fn prepare(test: &str) -> Option<TempDir> {
    if !runs_here(Stack::Microvm, test) {
        return None;
    }
    if !Path::new(BUSYBOX).exists() {
        eprintln!("skipped: {test}: there is no {BUSYBOX}; apt-get install busybox-static");
        return None;
    }
    let folder = tempfile::tempdir().unwrap();
    busybox(&folder.path().join("root"));
    Some(folder)
}

fn busybox(root: &Path) {
    fs::create_dir_all(root.join("bin")).unwrap();
    fs::copy(BUSYBOX, root.join("bin/busybox")).unwrap();
    symlink("busybox", root.join("bin/sh")).unwrap();
    fs::write(root.join("bin/setup"), "#!/bin/sh\n/bin/busybox --install -s /bin\n").unwrap();
}

/// `isolab run microvm` with this root, these options, and a shell that first makes all of busybox's names.
fn guest(root: &Path, options: &[&str], script: &str) -> Command {
    let mut command = Command::new(LAB);
    command.args(["run", "microvm", "--rootfs"]).arg(root).args(options);
    command.args(["--", "sh", "-c", &format!("/bin/busybox sh /bin/setup; {script}")]);
    command.stdin(Stdio::null());
    command
}

/// Makes an image of a root in the folder; `None`, having said so, when there is no such program.
fn image(test: &str, folder: &TempDir, program: &str, package: &str) -> Option<std::path::PathBuf> {
    let (root, image) = (folder.path().join("root"), folder.path().join(program));
    let mut command = Command::new(program);
    if program == "mkfs.ext4" {
        command.args(["-q", "-d"]).arg(root).arg(&image).arg("16M");
    } else {
        command.arg(&image).arg(root);
    }
    match command.output() {
        Ok(output) if output.status.success() => Some(image),
        Ok(output) => panic!("{program}: {}", text(&output.stderr)),
        Err(error) => {
            eprintln!("skipped: {test}: {program}: {error}; apt-get install {package}");
            None
        }
    }
}

#[test]
fn a_root_image_is_never_written_and_a_drive_keeps_what_is_written() {
    const TEST: &str = "a_root_image_is_never_written_and_a_drive_keeps_what_is_written";
    let Some(folder) = prepare(TEST) else { return };
    fs::write(folder.path().join("root/file"), "old\n").unwrap();
    let drive = folder.path().join("drive");
    fs::write(&drive, vec![0; 1 << 20]).unwrap();
    let drive = drive.to_str().unwrap();
    // What a guest leaves on the drive, and what the next one finds there.
    let mut found = String::new();
    for (program, package, system) in
        [("mkfs.erofs", "erofs-utils", "erofs"), ("mkfs.ext4", "e2fsprogs", "ext4")]
    {
        let Some(image) = image(TEST, &folder, program, package) else { continue };
        let before = fs::read(&image).unwrap();
        let script = format!(
            "grep -c '^overlay / ' /proc/mounts; grep -c {system} /proc/filesystems; cat /file; echo new >/file; \
             cat /file; echo x >/dev/vda || echo refused; dd if=/dev/vdb bs=512 count=1 | tr -d '\\0'; \
             echo left by {system} | dd of=/dev/vdb conv=notrunc,fsync; exit 7"
        );
        let output = guest(&image, &["--drive", drive], &script).output().unwrap();
        let shown = text(&output.stdout);
        let lines: Vec<_> = shown.lines().filter(|line| !line.contains("records")).collect();
        assert_eq!(output.status.code(), Some(7), "{system}: {output:?}");
        for line in ["1", "old", "new", "refused"] {
            assert!(lines.contains(&line), "{system}: {line}: {shown}");
        }
        assert!(found.is_empty() || lines.contains(&found.as_str()), "{system}: {found}: {shown}");
        found = format!("left by {system}");
        assert!(text(&fs::read(drive).unwrap()).starts_with(&found));
        assert!(fs::read(&image).unwrap() == before, "{system}: the image has changed");
    }
}

#[test]
fn a_terminal_is_the_guests_until_the_end() {
    let Some(folder) = prepare("a_terminal_is_the_guests_until_the_end") else { return };
    let mut terminal = Terminal::open();
    let before = terminal.modes();
    let mut command = guest(&folder.path().join("root"), &[], "exec sh -i");
    terminal.give(&mut command);
    let mut child = command.spawn().unwrap();
    drop(command);
    terminal.look_for("# ");
    assert!(
        !terminal.modes().local_modes.intersects(LocalModes::ICANON | LocalModes::ISIG | LocalModes::ECHO)
    );
    terminal.press("tty; echo $((6*7))-is-it\n");
    let shown = terminal.look_for("42-is-it");
    assert!(shown.contains("/dev/console") || shown.contains("/dev/ttyS0"), "{shown}");
    // Ctrl-C ends what runs in front, and neither the shell nor the VMM.
    terminal.press("sh -c 'echo rea''dy; exec sleep 1000'\n");
    terminal.look_for("ready");
    terminal.press("\x03");
    terminal.press("echo status-$?\n");
    terminal.look_for("status-130");
    terminal.press("\x01x");
    assert_eq!(child.wait().unwrap().code(), Some(143));
    let after = terminal.modes();
    assert_eq!((before.local_modes, before.input_modes), (after.local_modes, after.input_modes));
}

#[test]
fn a_container_in_the_guest_is_one_and_the_guest_is_none() {
    let Some(folder) = prepare("a_container_in_the_guest_is_one_and_the_guest_is_none") else { return };
    let root = folder.path().join("root");
    busybox(&root.join("container"));
    fs::copy(&Programs::find().unwrap().runtime, root.join("isolab-runtime")).unwrap();
    let look = "cat /proc/1/comm; hostname; cat /proc/self/cgroup; ls -1d /container /isolab-runtime; id -u";
    let run = "/isolab-runtime contain --rootfs /container --hostname inner --memory 16m --pids 9";
    let inside = format!("/bin/busybox sh /bin/setup; {look}; cat /sys/fs/cgroup/pids.max 2>/dev/null");
    let script = format!("{look}; echo --; {run} -- /bin/busybox sh -c '{inside}'; echo --; {look}");
    let output = guest(&root, &["--hostname", "outer"], &script).output().unwrap();
    let shown = text(&output.stdout);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let parts: Vec<_> = shown.split("--\n").collect();
    for part in [parts[0], parts[2]] {
        for word in ["init\n", "outer\n", "0::/", "/container\n", "/isolab-runtime\n"] {
            assert!(part.contains(word), "{word:?}: {shown}");
        }
    }
    let nested: Vec<_> = parts[1].lines().collect();
    // Its PID 1 is not the guest's, its cgroup is the root that it sees, and the guest's files are not there.
    assert!(nested.contains(&"inner") && nested.contains(&"0::/"), "{shown}");
    assert!(
        nested.iter().all(|line| !["init", "outer", "/container", "/isolab-runtime"].contains(line)),
        "{shown}"
    );
    // Both ways: the limits hold for the container, and not for the guest.
    let fill = "/bin/busybox dd if=/dev/zero of=/file bs=1M count=32";
    let script = format!("{run} -- {fill}; echo killed-$?; {fill} && echo fine");
    let shown = text(&guest(&root, &["--memory", "256"], &script).output().unwrap().stdout);
    assert!(shown.contains("killed-137") && shown.contains("fine"), "{shown}");
}

#[test]
fn a_guest_that_never_answers_is_ended() {
    let Some(folder) = prepare("a_guest_that_never_answers_is_ended") else { return };
    let script = "trap '' TERM INT; echo ready; while :; do sleep 1; done";
    let mut child = guest(&folder.path().join("root"), &[], script).stdout(Stdio::piped()).spawn().unwrap();
    let mut output = child.stdout.take().unwrap();
    let mut shown = Vec::new();
    while !shown.ends_with(b"ready\n") {
        let mut byte = [0];
        output.read_exact(&mut byte).unwrap();
        shown.push(byte[0]);
    }
    let pid = Pid::from_child(&child);
    kill_process(pid, Signal::TERM).unwrap();
    std::thread::sleep(std::time::Duration::from_secs(1));
    assert!(child.try_wait().unwrap().is_none(), "the first is for the guest, which does not listen");
    kill_process(pid, Signal::TERM).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(143));
}

#[test]
fn a_kernel_that_is_none_or_never_begins_is_one_clear_error() {
    const TEST: &str = "a_kernel_that_is_none_or_never_begins_is_one_clear_error";
    let Some(folder) = prepare(TEST) else { return };
    let none = folder.path().join("none");
    fs::write(&none, "not a kernel".repeat(1000)).unwrap();
    let none = none.to_str().unwrap();
    let output = guest(&folder.path().join("root"), &["--kernel", none], "true").output().unwrap();
    let complaint = text(&output.stderr);
    assert_eq!((output.status.code(), complaint.lines().count()), (Some(125), 1), "{complaint}");
    assert!(complaint.contains(none), "{complaint}");

    // `jmp .`: an image that could be a kernel. The lab tells of it, and leaves nothing running.
    let never = folder.path().join("never");
    fs::write(&never, spinning()).unwrap();
    let out = folder.path().join("report");
    let output = lab(&[
        "compare",
        "--parts",
        "startup",
        "--stacks",
        "process,microvm",
        "--runs",
        "1",
        "--warmup",
        "0",
        "--limit",
        "2",
        "--kernel",
        never.to_str().unwrap(),
        "--out",
        out.to_str().unwrap(),
    ]);
    assert!(text(&output.stderr).contains("had not ended after 2 s"), "{}", text(&output.stderr));
    let file = SamplesFile::read(&out.join("samples.json")).unwrap();
    assert_eq!(file.unavailable.iter().map(|why| why.stack).collect::<Vec<_>>(), [Stack::Microvm]);
}

/// An ELF file for x86-64 with one segment of two bytes of code at 1 MiB, where it begins.
fn spinning() -> Vec<u8> {
    const PLACE: u64 = 0x10_0000;
    let mut file = b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0\x02\0\x3e\0\x01\0\0\0".to_vec();
    file.extend([PLACE, 64, 0].map(u64::to_le_bytes).concat());
    file.extend([0, 0, 0, 0, 64, 0, 56, 0, 1, 0, 64, 0, 0, 0, 0, 0]);
    file.extend([1, 0, 0, 0, 5, 0, 0, 0]);
    file.extend([120, PLACE, PLACE, 2, 2, 1].map(u64::to_le_bytes).concat());
    file.extend([0xeb, 0xfe]);
    file
}
