//! config-linux.md, "Devices" and "Default Devices"; runtime-linux.md, "Dev symbolic links" and "File descriptors".

use crate::common::bundle::Bundle;
use serde_json::json;
use std::fs;

/// "In addition to any devices configured with this setting, the runtime MUST also supply" null, zero, full, random, urandom,
/// tty and ptmx.
#[test]
fn the_default_devices_are_there() {
    let Some(mut bundle) = Bundle::new("devices_default") else { return };
    for (name, numbers) in [
        ("null", "1 3"),
        ("zero", "1 5"),
        ("full", "1 7"),
        ("random", "1 8"),
        ("urandom", "1 9"),
        ("tty", "5 0"),
        ("ptmx", "5 2"),
    ] {
        let said = bundle.says(&format!("busybox stat -L -c '%F %t %T' /dev/{name}"));
        assert_eq!(said, format!("character special file {numbers}\n"), "{name}");
    }
    assert_eq!(bundle.says("readlink /dev/ptmx"), "pts/ptmx\n");
    let said = bundle.says("echo x > /dev/null; dd if=/dev/zero bs=4 count=1 2>/dev/null | wc -c; (echo x > /dev/full) 2>/dev/null || echo full");
    assert!(said.starts_with("4\n") && said.ends_with("full\n"), "{said}");
}

/// "The runtime MUST create the following symbolic links if the source file exists after processing mounts."
#[test]
fn the_links_of_dev_are_there() {
    let Some(mut bundle) = Bundle::new("devices_links") else { return };
    let said = bundle.says("for link in fd stdin stdout stderr; do readlink /dev/$link; done");
    assert_eq!(said, "/proc/self/fd\n/proc/self/fd/0\n/proc/self/fd/1\n/proc/self/fd/2\n");
}

/// "devices lists devices that MUST be available in the container": kind, numbers, mode and owner, whatever the umask.
#[test]
fn the_configured_devices_are_there() {
    let Some(mut bundle) = Bundle::new("devices_configured") else { return };
    bundle.config["linux"]["devices"] = json!([
        { "path": "/dev/test1", "type": "c", "major": 10, "minor": 666, "fileMode": 0o660, "uid": 3, "gid": 4 },
        { "path": "/dev/deep/test2", "type": "b", "major": 8, "minor": 666, "fileMode": 0o600 },
        { "path": "/dev/test3", "type": "p", "fileMode": 0o666 },
        { "path": "/dev/kmsg", "type": "c", "major": 1, "minor": 11 },
        { "path": "/dev/test4", "type": "u", "major": 1, "minor": 3 }
    ]);
    let said = bundle.says("cd /dev; busybox stat -c '%F %t %T %a %u %g' test1 deep/test2 test3 kmsg test4");
    let expected = [
        "character special file a 29a 660 3 4",
        "block special file 8 29a 600 0 0",
        "fifo 0 0 666 0 0",
        "character special file 1 b 666 0 0",
        "character special file 1 3 666 0 0",
    ];
    assert_eq!(said.lines().collect::<Vec<_>>(), expected);
}

/// "major, minor (int64, REQUIRED unless type is p)"; "If a file already exists at path that does not match the requested
/// device, the runtime MUST generate an error."
#[test]
fn a_wrong_device_is_an_error() {
    let Some(mut bundle) = Bundle::new("devices_wrong") else { return };
    fs::write(bundle.inside("bin/taken"), "").unwrap();
    for wrong in [
        json!({ "path": "/bin/taken", "type": "c", "major": 1, "minor": 3 }),
        json!({ "path": "/dev/x", "type": "x", "major": 1, "minor": 3 }),
        json!({ "path": "/dev/x", "type": "c", "major": -2, "minor": 3 }),
        json!({ "path": "relative", "type": "c", "major": 1, "minor": 3 }),
    ] {
        bundle.config["linux"]["devices"] = json!([wrong]);
        bundle.refuses(&bundle.config["linux"]["devices"]);
    }
    assert_eq!(fs::read(bundle.inside("bin/taken")).unwrap(), b"");
}

/// The descriptors, 3 and above, that the programs which this process starts inherit.
fn inherited() -> Vec<i32> {
    const CLOEXEC: u32 = 0o2_000_000;
    let flags = |number: i32| {
        let text = fs::read_to_string(format!("/proc/self/fdinfo/{number}")).ok()?;
        let line = text.lines().find_map(|line| line.strip_prefix("flags:"))?;
        u32::from_str_radix(line.trim(), 8).ok()
    };
    (3..200).filter(|&number| flags(number).is_some_and(|flags| flags & CLOEXEC == 0)).collect()
}

/// runtime-linux.md: "By default, only the stdin, stdout and stderr file descriptors are kept open"; --preserve-fds keeps more,
/// but never one of the runtime's own.
#[test]
fn only_the_standard_descriptors_are_passed() {
    use std::os::fd::AsRawFd as _;
    let Some(mut bundle) = Bundle::new("devices_descriptors") else { return };
    bundle.set_script("ls /proc/self/fd | tr '\\n' ' '");
    let file = fs::File::open("/dev/null").unwrap();
    // Without its close-on-exec flag it is inherited by the runtime.
    rustix::io::fcntl_setfd(&file, rustix::io::FdFlags::empty()).unwrap();
    let number = file.as_raw_fd();
    for (preserved, last) in [(None, 2), (Some(0), 2), (Some(number - 2), number), (Some(100), 102)] {
        let words = preserved.map(|count| ["--preserve-fds".to_string(), count.to_string()]);
        let words: Vec<_> = words.iter().flatten().map(String::as_str).collect();
        let output = bundle.create_with(&words);
        assert!(output.status.success(), "{}", crate::common::errors(&output));
        bundle.must("start", &[]);
        bundle.wait();
        let expected = 3 + inherited().into_iter().filter(|&each| each <= last).count();
        // `ls` itself has one more open, the folder.
        let seen = bundle.printed();
        assert_eq!(seen.split_whitespace().count() - 1, expected, "{preserved:?}: {seen}");
        bundle.must("delete", &[]);
    }
}
