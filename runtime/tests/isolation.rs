//! What the container must not see, must not change, and must have.

mod common;

use common::{Root, skipped};
use std::fs;
use std::process::Command;

#[test]
fn it_sees_its_own_processes_only() {
    let Some(root) = Root::new("it_sees_its_own_processes_only") else { return };
    let listed = root.script(&[], "echo $$; ls /proc | grep -c '^[0-9]'; ls -d /proc/[0-9]*");
    let mut lines = listed.lines();
    assert_eq!(lines.next(), Some("1"), "the command is PID 1");
    // The shell, and the pipeline's two.
    assert!(lines.next().unwrap().parse::<u32>().unwrap() <= 3, "{listed}");
    assert!(!listed.contains(&format!("/proc/{}\n", std::process::id())), "{listed}");
}

#[test]
fn it_sees_its_own_mounts_only() {
    let Some(root) = Root::new("it_sees_its_own_mounts_only") else { return };
    let mounts = root.script(&[], "cat /proc/self/mountinfo");
    let points: Vec<&str> = mounts.lines().map(|line| line.split(' ').nth(4).unwrap()).collect();
    assert!(points.contains(&"/") && points.contains(&"/proc") && points.contains(&"/dev/pts"), "{mounts}");
    assert_eq!(points.iter().filter(|&&point| point == "/").count(), 1, "the host's root is gone: {mounts}");
    assert!(
        points.iter().all(|point| ["/", "/proc", "/sys", "/dev"].iter().any(|top| point.starts_with(top)))
    );
    assert!(!mounts.contains(root.path().to_str().unwrap()), "no path of the host: {mounts}");
    let host = fs::read_to_string("/proc/self/mountinfo").unwrap();
    assert!(!host.contains(root.path().to_str().unwrap()), "no mount on the host: {host}");
}

#[test]
fn it_has_a_name_and_a_network_of_its_own() {
    let Some(root) = Root::new("it_has_a_name_and_a_network_of_its_own") else { return };
    assert_eq!(root.script(&[], "hostname"), "isolab\n");
    assert_eq!(root.script(&["--hostname", "other"], "hostname"), "other\n");
    let host = Command::new("hostname").output().map(|output| common::text(&output)).unwrap_or_default();
    assert_ne!(host, "other\n");
    let devices = root.script(&[], "ip -o link");
    assert!(devices.contains("lo: <LOOPBACK,UP"), "loopback is up: {devices}");
    assert!(devices.lines().all(|line| line.contains("LOOPBACK") || line.contains("NOARP")), "{devices}");
}

#[test]
fn every_namespace_is_its_own() {
    let Some(root) = Root::new("every_namespace_is_its_own") else { return };
    for name in ["pid", "mnt", "net", "ipc", "uts", "cgroup"] {
        let inside = root.script(&[], &format!("readlink /proc/self/ns/{name}"));
        let outside = fs::read_link(format!("/proc/self/ns/{name}")).unwrap();
        assert_ne!(inside.trim_end(), outside.to_str().unwrap());
        assert!(inside.starts_with(name), "{inside}");
    }
}

#[test]
fn it_is_at_the_root_of_every_cgroup_hierarchy() {
    let test = "it_is_at_the_root_of_every_cgroup_hierarchy";
    let Some(root) = Root::new(test) else { return };
    let check = |options: &[&str]| {
        let groups = root.script(options, "cat /proc/self/cgroup");
        assert!(!groups.is_empty() && groups.lines().all(|line| line.ends_with(":/")), "{groups}");
    };
    check(&[]);
    if common::can_limit(test) {
        check(&["--memory", "64m", "--cpus", "1", "--pids", "16"]);
    }
}

#[test]
fn it_cannot_change_the_kernel() {
    let Some(root) = Root::new("it_cannot_change_the_kernel") else { return };
    let paths = [
        "/proc/sys/kernel/hostname",
        "/proc/sys/vm/drop_caches",
        "/proc/sysrq-trigger",
        "/proc/irq/default_smp_affinity",
        "/sys/kernel/mm/ksm/run",
        "/sys/kernel/profiling",
    ];
    for path in paths.into_iter().filter(|path| fs::metadata(path).is_ok()) {
        let output = root.run(&[], &["sh", "-c", &format!("echo 0 > {path}")]);
        assert_ne!(output.status.code(), Some(0), "{path} was written");
        assert!(
            common::errors(&output).contains("Read-only file system"),
            "{path}: {}",
            common::errors(&output)
        );
    }
    // The same shell can write elsewhere.
    root.script(&[], "echo 0 > /file && test -s /file");
}

#[test]
fn what_tells_of_the_machine_is_empty() {
    let Some(root) = Root::new("what_tells_of_the_machine_is_empty") else { return };
    for file in ["/proc/kcore", "/proc/keys", "/proc/timer_list", "/proc/interrupts"] {
        if fs::metadata(file).is_ok() {
            assert_eq!(root.script(&[], &format!("cat {file}")), "", "{file}");
            // What covers it is the host's own device.
            let output = root.run(&[], &["busybox", "chmod", "666", file]);
            assert_eq!(output.status.code(), Some(1), "the mode of {file} can be changed");
        }
    }
    for folder in ["/proc/acpi", "/proc/scsi", "/sys/firmware"] {
        if fs::metadata(folder).is_ok() {
            assert_eq!(root.script(&[], &format!("ls -A {folder}")), "", "{folder}");
            let output = root.run(&[], &["touch", &format!("{folder}/file")]);
            assert_eq!(output.status.code(), Some(1), "{folder} can be written");
        }
    }
    assert_ne!(root.script(&[], "cat /proc/meminfo"), "", "what is not masked can be read");
}

#[test]
fn it_has_the_usual_devices() {
    let Some(root) = Root::new("it_has_the_usual_devices") else { return };
    root.script(&[], "for name in null zero full random urandom tty; do test -c /dev/$name || exit 1; done");
    assert_eq!(root.script(&[], "head -c 16 /dev/urandom | wc -c; head -c 8 /dev/zero | wc -c"), "16\n8\n");
    root.script(&[], "echo into > /dev/null; test -d /dev/pts; test -L /dev/stdout; test -c /dev/ptmx");
    root.script(&[], "echo shared > /dev/shm/file; test -s /dev/shm/file; ls /dev/fd/ > /dev/null");
    let full = root.run(&[], &["sh", "-c", "echo x > /dev/full"]);
    assert_ne!(full.status.code(), Some(0));
    assert!(common::errors(&full).contains("No space left"), "{}", common::errors(&full));
}

#[test]
fn its_power_is_small_and_cannot_grow() {
    let Some(root) = Root::new("its_power_is_small_and_cannot_grow") else { return };
    // CHOWN, DAC_OVERRIDE, FOWNER, FSETID, KILL, SETGID, SETUID, SETPCAP, NET_BIND_SERVICE, NET_RAW, SYS_CHROOT,
    // AUDIT_WRITE, SETFCAP: the numbers of `capabilities(7)`.
    let kept = [0, 1, 3, 4, 5, 6, 7, 8, 10, 13, 18, 29, 31].iter().fold(0_u64, |set, bit| set | 1 << bit);
    // An init has no more than the command, for whom it would be a way to more.
    for process in ["self", "1"] {
        let status = root.script(&["--init"], &format!("cat /proc/{process}/status"));
        let value = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap();
            u64::from_str_radix(line.trim(), 16).unwrap()
        };
        assert_eq!(value("CapInh:"), 0);
        assert_eq!(value("CapAmb:"), 0);
        assert_eq!(value("NoNewPrivs:"), 1);
        assert_eq!(value("CapBnd:") & !kept, 0, "{status}");
        assert_eq!(value("CapPrm:") & !kept, 0, "{status}");
        assert_eq!(value("CapEff:"), value("CapPrm:"));
        assert_ne!(value("CapEff:"), 0, "some are kept");
    }
}

#[test]
fn the_command_gets_no_signal_mask_and_no_descriptor() {
    let Some(root) = Root::new("the_command_gets_no_signal_mask_and_no_descriptor") else { return };
    // A caller that ignores signals (and Rust itself ignores SIGPIPE).
    let inner =
        r#"trap '' HUP USR2; exec "$0" contain --rootfs "$1" -- grep -E 'Sig(Blk|Ign)' /proc/self/status"#;
    let output = Command::new("sh").args(["-c", inner, common::RUNTIME]).arg(root.path()).output().unwrap();
    let masks = common::text(&output);
    let mut values = masks.lines().map(|line| u64::from_str_radix(line[8..].trim(), 16).unwrap());
    assert_eq!(values.next(), Some(0), "blocked: {masks}");
    // The standard signals are the first 31; the C library has its own use for two of the others.
    assert_eq!(values.next().unwrap() & 0x7fff_ffff, 0, "ignored: {masks}");

    // A caller that leaks a descriptor of a host's folder into the runtime, and so would into the container.
    let inner =
        r#"exec 9</etc; exec "$0" contain --init --rootfs "$1" -- sh -c 'ls /proc/self/fd; ls /proc/1/fd'"#;
    let output = Command::new("bash").args(["-c", inner, common::RUNTIME]).arg(root.path()).output();
    let Ok(output) = output else { return skipped("no_descriptor", "needs bash") };
    // The fourth is the one by which `ls` reads the folder, and the one on which the init waits for signals.
    assert_eq!(common::text(&output), "0\n1\n2\n3\n0\n1\n2\n3\n", "{}", common::errors(&output));
}

#[test]
fn an_init_hides_its_program_and_memory() {
    let Some(root) = Root::new("an_init_hides_its_program_and_memory") else { return };
    for path in ["/proc/1/exe", "/proc/1/cwd", "/proc/1/root", "/proc/1/fd/0"] {
        assert_eq!(root.run(&["--init"], &["readlink", path]).status.code(), Some(1), "{path}");
    }
    assert_ne!(root.run(&["--init"], &["head", "-c", "1", "/proc/1/environ"]).status.code(), Some(0));
    root.script(&[], "readlink /proc/self/exe > /dev/null");
}

#[test]
fn it_cannot_make_or_use_device_nodes() {
    let Some(root) = Root::new("it_cannot_make_or_use_device_nodes") else { return };
    let output = root.run(&[], &["busybox", "mknod", "/dev/disk", "b", "254", "0"]);
    assert_eq!(output.status.code(), Some(1), "{}", common::errors(&output));
    // Nor one that came with the root folder.
    let null = root.path().join("null");
    let made = Command::new("mknod").arg(&null).args(["c", "1", "3"]).status();
    if !made.is_ok_and(|status| status.success()) {
        return skipped("it_cannot_use_device_nodes", "needs mknod");
    }
    let output = root.run(&[], &["cat", "/null"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(common::errors(&output).contains("Permission denied"), "{}", common::errors(&output));
}

#[test]
fn its_clock_may_be_ahead() {
    let Some(root) = Root::new("its_clock_may_be_ahead") else { return };
    if fs::metadata("/proc/self/ns/time").is_err() {
        return skipped("its_clock_may_be_ahead", "this kernel has no time namespaces");
    }
    let uptime = |options: &[&str]| {
        let text = root.script(options, "cat /proc/uptime");
        text.split(['.', ' ']).next().unwrap().parse::<u64>().unwrap()
    };
    let (ordinary, ahead) = (uptime(&[]), uptime(&["--boot-offset", "100000"]));
    assert!((100_000..100_010).contains(&(ahead - ordinary)), "{ordinary} {ahead}");
}
