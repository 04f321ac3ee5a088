//! The runtime's own file cannot be written through a process of the container (CVE-2019-5736).

mod common;

use common::bundle::Bundle;
use common::{RUNTIME, Root, copy_program, eventually, skipped};
use rustix::fs::{CWD, Mode, OFlags, openat};
use rustix::io::Errno;
use serde_json::json;
use std::fs;
use std::os::fd::AsRawFd as _;
use std::os::unix::fs::{PermissionsExt as _, chown};
use std::process::Command;

/// Why the runtime's file cannot be opened to be written. As long as another test executes the same file, the kernel says
/// that first.
fn refusal(path: &str, flags: OFlags) -> Errno {
    let mut refusal = Errno::TXTBSY;
    eventually("nobody executes the runtime", || {
        refusal = openat(CWD, path, flags, Mode::empty()).expect_err("it can be written");
        refusal != Errno::TXTBSY
    });
    refusal
}

/// The public exploit: take hold of the program's file while it runs, and write to it when it has ended and the
/// kernel no longer calls it busy.
#[test]
fn the_file_behind_a_process_of_the_container_is_read_only() {
    let Some(bundle) = Bundle::new("protect_exe") else { return };
    bundle.create();
    let exe = format!("/proc/{}/exe", bundle.pid());
    let held = openat(CWD, &exe, OFlags::PATH | OFlags::CLOEXEC, Mode::empty()).unwrap();
    let found = rustix::fs::fstat(&held).unwrap();
    let own = rustix::fs::stat(RUNTIME).unwrap();
    assert_eq!(
        (found.st_dev, found.st_ino),
        (own.st_dev, own.st_ino),
        "it is the runtime itself, not a copy"
    );
    bundle.must("delete", &["--force"]);
    let again = format!("/proc/self/fd/{}", held.as_raw_fd());
    for flags in [OFlags::WRONLY, OFlags::RDWR, OFlags::WRONLY | OFlags::TRUNC] {
        assert_eq!(refusal(&again, flags), Errno::ROFS);
    }
    assert_eq!(rustix::fs::chmod(&again, Mode::from_raw_mode(0o777)).err(), Some(Errno::ROFS));
}

/// An entry point that has the kernel execute the runtime once more, inside.
#[test]
fn an_entry_point_that_is_the_runtime_itself_gets_nowhere() {
    let Some(mut bundle) = Bundle::new("protect_entry") else { return };
    let before = fs::read(RUNTIME).unwrap();
    let entry = bundle.inside("entry");
    fs::write(&entry, "#!/proc/self/exe\n").unwrap();
    fs::set_permissions(&entry, fs::Permissions::from_mode(0o755)).unwrap();
    bundle.config["process"]["args"] = json!(["/entry"]);
    // A runtime that has a dynamic loader would be refused for want of it.
    if let Some(loader) = common::loader_in(&before) {
        let loader = bundle.inside(loader.strip_prefix("/").unwrap().to_str().unwrap());
        fs::create_dir_all(loader.parent().unwrap()).unwrap();
        fs::write(&loader, "no loader").unwrap();
        fs::set_permissions(&loader, fs::Permissions::from_mode(0o755)).unwrap();
    }
    bundle.create();
    let exe = format!("/proc/{}/exe", bundle.pid());
    let held = openat(CWD, &exe, OFlags::PATH | OFlags::CLOEXEC, Mode::empty()).unwrap();
    // What it is inside has nothing to load, or nothing to do.
    bundle.call(&["start", &bundle.id]);
    bundle.wait();
    let again = format!("/proc/self/fd/{}", held.as_raw_fd());
    assert_eq!(refusal(&again, OFlags::WRONLY), Errno::ROFS);
    assert!(fs::read(RUNTIME).unwrap() == before);
}

/// Who may make no mounts, but could write to the program, runs a copy in sealed memory.
#[test]
fn a_user_who_owns_the_program_runs_a_sealed_copy() {
    const NOBODY: u32 = 65534;
    let Some(root) = Root::new("a_user_who_owns_the_program_runs_a_sealed_copy") else { return };
    let program = root.beside("isolab-runtime");
    copy_program(RUNTIME, &program);
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    let image = |owner: u32| {
        chown(&program, Some(owner), Some(owner)).unwrap();
        let mut command = Command::new("setpriv");
        command.args(["--reuid", "65534", "--regid", "65534", "--clear-groups", "--"]).arg(&program);
        command.args(["run", "--bundle"]).arg(root.beside("none")).arg("none");
        let output = Command::new("strace")
            .args(["-f", "-e", "trace=memfd_create,execveat"])
            .args(std::iter::once(command.get_program()).chain(command.get_args()))
            .output();
        output.map(|output| String::from_utf8_lossy(&output.stderr).into_owned())
    };
    match (image(NOBODY), image(0)) {
        (Ok(his), Ok(roots)) => {
            assert!(his.contains("memfd_create(\"isolab-runtime\"") && his.contains("execveat"), "{his}");
            assert!(!roots.contains("memfd_create"), "he could not write to it anyhow: {roots}");
        }
        _ => skipped("a_user_who_owns_the_program_runs_a_sealed_copy", "needs strace and setpriv"),
    }
}
