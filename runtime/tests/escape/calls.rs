//! System calls that open what a container keeps shut.

use crate::common::{Root, bundle::Bundle, skipped};
use crate::tries::{Outcomes, address, call, contained, install, on_the_host, outcomes, read};
use serde_json::json;
use std::fs::{self, File};
use std::os::fd::OwnedFd;
use std::process::{Command, Stdio};

/// Every try fails, and those that can be made on the host without harm succeed there.
fn closed(test: &str, inside: &Outcomes, tries: &[&str], host: &Outcomes) {
    for name in tries {
        assert_ne!(inside.get(*name).copied().unwrap_or_default(), 0, "{test}: {name} is open: {inside:?}");
        // Some hosts have no such thing, or keep it from their own root.
        if let Some(error) = host.get(*name).filter(|&&error| error != 0) {
            skipped(test, &format!("{name} fails on the host too: error {error}"));
        }
    }
}

/// Which calls no container has, by what opens:
/// `open_by_handle_at`: files of the host by number ("shocker", 2014; CVE-2014-3519). `unshare` into a user namespace: all
/// capabilities, and so the kernel's rarely tried code (CVE-2022-0185, CVE-2022-0492, CVE-2023-0386). `bpf`,
/// `perf_event_open`: CVE-2020-8835, CVE-2013-2094. `keyctl`, `add_key`: keyrings know no namespaces (CVE-2016-0728).
/// Device nodes: the host's disk.
const CALLS: [&str; 9] = [
    "open-by-handle",
    "unshare-user",
    "unshare-mount",
    "bpf",
    "perf",
    "find-key",
    "add-key",
    "mknod",
    "fsopen",
];

/// `/proc`, `/sys` and control groups without the masks on the container's own (CVE-2016-3697 and the like).
const MOUNTS: [&str; 6] =
    ["mount-proc", "mount-sysfs", "mount-tmpfs", "mount-devpts", "mount-cgroup2", "open-tree"];

/// Puts a secret into a session keyring of this thread's own, which what it starts inherits.
fn have_a_key() {
    call(libc::SYS_keyctl, &[1, 0]).unwrap();
    let words = [address(c"user"), address(c"isolab-escape"), address(c"secret"), 6, -3_isize as usize];
    call(libc::SYS_add_key, &words).unwrap();
}

#[test]
fn calls_that_open_the_host_are_refused() {
    let test = "calls_that_open_the_host_are_refused";
    let Some(root) = Root::new(test) else { return };
    have_a_key();
    let tries = [&CALLS[..], &MOUNTS].concat();
    let inside =
        contained(&root, &[], &[&tries[..], &["make-writable", "uncover", "module", "no-such"]].concat());
    assert_eq!(inside["no-such"], libc::ENOSYS, "the program runs inside");
    let host = on_the_host(&tries);
    closed(test, &inside, &tries, &host);
    closed(test, &inside, &["make-writable", "uncover", "module"], &Outcomes::new());
}

#[test]
fn without_a_filter_the_capabilities_refuse_them() {
    let test = "without_a_filter_the_capabilities_refuse_them";
    let Some(mut bundle) = Bundle::new(test) else { return };
    have_a_key();
    let words = install(&bundle.inside(""));
    let tries = [
        &MOUNTS[..],
        &["open-by-handle", "unshare-mount", "find-key", "mknod", "make-writable", "uncover", "module"],
    ]
    .concat();
    bundle.config["process"]["args"] = json!(words);
    let env = bundle.config["process"]["env"].as_array_mut().unwrap();
    env.push(json!(format!("TRIES={}", tries.join(","))));
    bundle.create();
    bundle.must("start", &[]);
    bundle.wait();
    let inside = read(&bundle.printed());
    assert_eq!(inside.len(), tries.len(), "{inside:?}");
    closed(test, &inside, &tries, &Outcomes::new());
}

#[test]
fn processes_of_the_host_are_out_of_reach() {
    let test = "processes_of_the_host_are_out_of_reach";
    let Some(root) = Root::new(test) else { return };
    let mut victim = Command::new("sleep").arg("100").spawn().unwrap();
    let tries = ["attach", "signal", "read-memory"];
    let variable = format!("VICTIM={}", victim.id());
    let inside = contained(&root, &["--env", &variable], &tries);
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", "tries::inside", "--nocapture"]).env("TRIES", tries.join(","));
    let host = outcomes(command.env("VICTIM", victim.id().to_string()));
    victim.kill().unwrap();
    victim.wait().unwrap();
    closed(test, &inside, &tries, &host);
    assert_eq!(host["signal"], 0);
}

#[test]
fn a_root_folder_is_not_left_by_way_of_another() {
    let Some(root) = Root::new("a_root_folder_is_not_left_by_way_of_another") else { return };
    let mark = root.beside("mark");
    fs::write(&mark, "").unwrap();
    let variable = format!("MARK={}", mark.display());
    let inside = contained(&root, &["--env", &variable], &["chroot"]);
    assert_eq!(inside["chroot"], libc::ENOENT, "it has climbed to the container's root, and not further");
    let words = install(&root.path());
    // With chroot(2) alone it does get out.
    let mut command = Command::new("chroot");
    command.arg(root.path()).args(words).env("TRIES", "chroot").env("MARK", &mark);
    assert_eq!(outcomes(&mut command)["chroot"], 0);
}

/// CVE-2017-5226: a process that puts characters into its caller's terminal types commands there.
#[test]
fn nothing_is_typed_into_the_callers_terminal() {
    let test = "nothing_is_typed_into_the_callers_terminal";
    let Some(root) = Root::new(test) else { return };
    let words = install(&root.path());
    let terminal = nix::pty::openpty(None, None).unwrap();
    let input = |from: &OwnedFd| Stdio::from(File::from(from.try_clone().unwrap()));
    let mut command = root.command(&["--env", "TRIES=type-into-terminal"], &words);
    let inside = outcomes(command.stdin(input(&terminal.slave)));
    // The host's root may type into any.
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(&words[1..]).env("TRIES", "type-into-terminal");
    let host = outcomes(command.stdin(input(&terminal.slave)));
    closed(test, &inside, &["type-into-terminal"], &host);
}
