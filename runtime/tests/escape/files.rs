//! Files of the kernel by which a container would speak for the whole machine, and devices.

use crate::common::{Root, bundle::Bundle, errors, skipped, text};
use serde_json::json;
use std::fs::{self, OpenOptions};
use std::io::Read as _;
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _};
use std::path::Path;

/// What the kernel executes as the host's root, or does, when it is written to these. The programs: the dumper of cores
/// (CVE-2022-0811 led to it), the loader of modules, of binary formats, the helper for devices, and the agent of control
/// groups of version 1 (CVE-2022-0492).
const COMMANDS: [&str; 12] = [
    "/proc/sys/kernel/core_pattern",
    "/proc/sys/kernel/modprobe",
    "/proc/sys/kernel/hotplug",
    "/proc/sys/fs/binfmt_misc/register",
    "/proc/sys/kernel/panic",
    "/proc/sys/vm/panic_on_oom",
    "/proc/sysrq-trigger",
    "/proc/irq/default_smp_affinity",
    "/sys/kernel/uevent_helper",
    "/sys/kernel/mm/transparent_hugepage/enabled",
    "/sys/fs/cgroup/memory/release_agent",
    "/sys/fs/cgroup/cgroup.procs",
];

/// Opens each for writing, and writes nothing.
fn opened(list: &str) -> String {
    format!("for file in {list}; do (: >> $file) 2> /dev/null && echo open: $file; done; echo end")
}

#[test]
fn no_file_of_the_kernels_takes_commands() {
    let test = "no_file_of_the_kernels_takes_commands";
    let Some(root) = Root::new(test) else { return };
    let Some(mut bundle) = Bundle::new(test) else { return };
    let can = |file: &&&str| OpenOptions::new().append(true).open(file).is_ok();
    let open_outside: Vec<&str> = COMMANDS.iter().filter(can).copied().collect();
    assert!(open_outside.len() > 3, "the host's root may write them: {open_outside:?}");
    // A file that is not there could be made: in a file system of the container's own it is nothing.
    let there = open_outside.join(" ");
    assert_eq!(root.script(&[], &opened(&there)), "end\n");
    assert_eq!(bundle.says(&opened(&there)), "end\n");
    // The same look sees one that is open.
    assert_eq!(root.script(&[], &opened("/dev/null")), "open: /dev/null\nend\n");
}

#[test]
fn what_is_masked_cannot_be_read_by_any_name() {
    let test = "what_is_masked_cannot_be_read_by_any_name";
    let Some(root) = Root::new(test) else { return };
    // By another process's root, by a climb, by a descriptor of the folder, by a link.
    let script = "ln -s /proc/kcore /link; cd /proc; \
        for file in /proc/kcore /proc/1/root/proc/kcore /proc/self/root/proc/kcore /proc/self/cwd/kcore \
            /proc/../proc/kcore /link /proc/keys /proc/self/cwd/keys /proc/timer_list; do \
            head -c 1 $file 2> /dev/null | wc -c; done | tr -d '\\n'";
    let read = root.script(&[], script);
    assert!(read.bytes().all(|byte| byte == b'0') && read.len() == 9, "{read}");
    if fs::read("/proc/keys").is_ok_and(|keys| keys.is_empty()) {
        skipped(test, "/proc/keys is empty on the host too");
    }
}

/// The number of a disk of the host's.
fn disk() -> Option<(u64, u64)> {
    let is_disk = |path: &Path| fs::metadata(path).is_ok_and(|about| about.file_type().is_block_device());
    let disks = fs::read_dir("/dev").ok()?.flatten().map(|entry| entry.path()).filter(|path| is_disk(path));
    let mut readable = disks
        .filter(|path| fs::File::open(path).is_ok_and(|mut disk| disk.read_exact(&mut [0; 512]).is_ok()));
    let number = fs::metadata(readable.next()?).ok()?.rdev();
    Some((rustix::fs::major(number).into(), rustix::fs::minor(number).into()))
}

/// Engines leave `CAP_MKNOD`, so a node of the host's disk can be made; what keeps it shut is the rule for devices.
#[test]
fn a_node_of_the_hosts_disk_is_of_no_use() {
    let test = "a_node_of_the_hosts_disk_is_of_no_use";
    let Some(mut bundle) = Bundle::new(test) else { return };
    let Some((major, minor)) = disk() else {
        return skipped(test, "needs a disk in /dev that root can read");
    };
    for set in ["bounding", "effective", "permitted"] {
        bundle.config["process"]["capabilities"][set].as_array_mut().unwrap().push(json!("CAP_MKNOD"));
    }
    bundle.config["linux"]["resources"] = json!({ "devices": [
        { "allow": false, "access": "rwm" }, { "allow": true, "type": "b", "access": "m" }
    ] });
    let script =
        format!("busybox mknod /disk b {major} {minor} && echo made; head -c 512 /disk 2> /error | wc -c");
    assert_eq!(bundle.says(&script), "made\n0\n");
    let _ = fs::remove_file(bundle.inside("disk"));
    bundle.config["linux"]["resources"]["devices"]
        .as_array_mut()
        .unwrap()
        .push(json!({ "allow": true, "type": "b", "major": major, "minor": minor, "access": "rm" }));
    let printed = bundle.says(&script);
    let error = fs::read_to_string(bundle.inside("error")).unwrap();
    assert_eq!(printed, "made\n512\n", "with a rule it can be read: {error}");
    let _ = fs::remove_file(bundle.inside("disk"));
}

/// Names and groups come from files of the image.
#[test]
fn hostile_lists_of_users_are_only_files() {
    let test = "hostile_lists_of_users_are_only_files";
    let Some(root) = Root::new(test) else { return };
    let folder = root.path().join("etc");
    fs::create_dir(&folder).unwrap();
    let (passwd, group) = (folder.join("passwd"), folder.join("group"));
    let must_run = |what: &str| {
        let output = root.run(&[], &["sh", "-c", "read line < /proc/self/status; echo $HOME"]);
        assert_eq!(output.status.code(), Some(0), "{what}: {}", errors(&output));
        let printed = text(&output);
        assert!(printed.starts_with('/'), "{what}: {printed}");
        printed
    };
    fs::write(&passwd, "root:x:0:0::/home/of/root:/bin/sh\n").unwrap();
    fs::write(&group, "wheel:x:10:root\nroot:x:0:root\n").unwrap();
    must_run("the usual ones");
    for text in [
        "root:x:0:0::/a\nLD_PRELOAD=/evil:/bin/sh",
        "::::::::",
        "root:x:0",
        "\0\0\0:x:0:0:::",
        "root:x:99999999999:-1:",
    ] {
        fs::write(&passwd, text).unwrap();
        must_run(text);
    }
    fs::write(&passwd, vec![b'a'; 8 << 20]).unwrap();
    must_run("one long line");
    fs::remove_file(&passwd).unwrap();
    nix::unistd::mkfifo(&passwd, nix::sys::stat::Mode::S_IRWXU).unwrap();
    must_run("a FIFO");
    for link in ["/dev/zero", "passwd", "/proc/self/fd/0", "../../../../../../etc/passwd"] {
        fs::remove_file(&passwd).unwrap();
        std::os::unix::fs::symlink(link, &passwd).unwrap();
        must_run(link);
    }
}

/// The words of an image's environment are for its programs, and not for the runtime.
#[test]
fn a_hostile_environment_is_the_programs_own() {
    let test = "a_hostile_environment_is_the_programs_own";
    let Some(mut bundle) = Bundle::new(test) else { return };
    bundle.config["process"]["env"] = json!([
        "PATH=:.:bin:../../../../bin:/proc/self/cwd:/bin",
        "LD_PRELOAD=/evil.so",
        "LD_LIBRARY_PATH=/",
        "ISOLAB_RUNTIME=/evil",
        "RUST_BACKTRACE=full",
        "=",
        "no equals sign",
    ]);
    assert_eq!(bundle.says("echo $LD_PRELOAD"), "/evil.so\n");
}
