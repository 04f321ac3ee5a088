//! Machines that have no more files, pages or processes: a container is made, or none, and nothing of it stays.

use crate::common::{eventually, refusal, skipped};
use crate::{clear, create, creation, machine};
use nix::mount::{MsFlags, mount, umount};
use serde_json::json;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

#[test]
fn a_full_disk_makes_a_container_or_none() {
    let Some(mut machine) = machine("a_full_disk_makes_a_container_or_none") else { return };
    let state = machine.bundle.beside("state");
    // With so many files, and then with so many pages, that it ends in the middle.
    let mut made = Vec::new();
    for (what, left) in (1..9).map(|left| ("files", left)).chain((1..6).map(|left| ("pages", left))) {
        let data =
            if what == "files" { format!("nr_inodes={left}") } else { format!("size={}", left * 4096) };
        mount(Some("tmpfs"), &state, Some("tmpfs"), MsFlags::empty(), Some(&*data)).unwrap();
        machine.bundle.write();
        let created = create(&machine);
        if created.status.success() {
            clear(&machine);
        } else {
            let line = refusal(&created, 1);
            assert!(line.contains("no space left"), "{line}");
        }
        made.push(created.status.success());
        assert_eq!(fs::read_dir(&state).unwrap().count(), 0, "{left} {what}");
        umount(&state).unwrap();
        machine.must_be_as_before(&data);
    }
    assert!(made.contains(&true) && made.contains(&false), "{made:?}");

    // A root that has no place for the folders to mount on.
    let root = machine.bundle.beside("full");
    fs::create_dir(&root).unwrap();
    machine.bundle.config["root"]["path"] = json!("full");
    for left in 1..9 {
        let data = format!("nr_inodes={left}");
        mount(Some("tmpfs"), &root, Some("tmpfs"), MsFlags::empty(), Some(&*data)).unwrap();
        machine.bundle.write();
        let created = create(&machine);
        assert!(!created.status.success(), "there is no program in it");
        refusal(&created, 1);
        umount(&root).unwrap();
        fs::remove_dir(&root).unwrap();
        machine.must_be_as_before(&data);
        fs::create_dir(&root).unwrap();
    }
}

/// A group with at most `limit` processes for a command of the runtime; `None` where there is no such controller.
struct Few(PathBuf);

impl Few {
    fn new(limit: usize) -> Option<Self> {
        let v1 = Path::new("/sys/fs/cgroup/pids");
        let top = if v1.is_dir() { v1 } else { Path::new("/sys/fs/cgroup") };
        let _ = fs::write(top.join("cgroup.subtree_control"), "+pids");
        let folder = top.join(format!("few-{}", std::process::id()));
        fs::create_dir_all(&folder).ok()?;
        let few = Self(folder);
        fs::write(few.0.join("pids.max"), limit.to_string()).ok()?;
        Some(few)
    }

    /// The command, as a member of the group.
    fn command(&self, words: &Command) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", r#"echo $$ > "$0" && exec "$@""#]).arg(self.0.join("cgroup.procs"));
        command.arg(words.get_program()).args(words.get_args()).stdin(Stdio::null());
        command
    }
}

impl Drop for Few {
    fn drop(&mut self) {
        eventually("the group of few is empty", || fs::remove_dir(&self.0).is_ok());
    }
}

#[test]
fn out_of_processes_a_container_is_made_or_none() {
    let test = "out_of_processes_a_container_is_made_or_none";
    let Some(mut machine) = machine(test) else { return };
    let hook = json!([{ "path": "/bin/busybox", "args": ["busybox", "true"] }]);
    machine.bundle.config["hooks"] = json!({ "createRuntime": hook, "poststop": hook });
    machine.bundle.write();
    let said = |output: &Output, status| {
        let line = refusal(output, status);
        assert!(line.to_lowercase().contains("resource temporarily unavailable"), "{line}");
    };
    let mut made = Vec::new();
    for limit in 1..=4 {
        let Some(few) = Few::new(limit) else { return skipped(test, "needs the pids controller") };
        let created = machine.run(few.command(&creation(&machine)));
        made.push(created.status.success());
        if created.status.success() {
            clear(&machine);
        } else {
            said(&created, 1);
        }
        machine.must_be_as_before(&format!("a create with {limit} processes"));
    }
    assert!(made.contains(&true) && made.contains(&false), "{made:?}");

    machine.bundle.create();
    machine.bundle.must("start", &[]);
    let mut executed = Vec::new();
    for limit in 1..=4 {
        let Some(few) = Few::new(limit) else { return };
        let exec = machine.run(few.command(&machine.bundle.runtime(&["exec", &machine.bundle.id, "true"])));
        executed.push(exec.status.success());
        if !exec.status.success() {
            said(&exec, 125);
        }
        assert_eq!(machine.bundle.status(), "running");
    }
    assert!(executed.contains(&true) && executed.contains(&false), "{executed:?}");
    clear(&machine);
    machine.must_be_as_before("exec with few processes");
}
