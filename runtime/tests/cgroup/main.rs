//! Groups by themselves: every property reaches its file, what cannot be had is refused, nothing is left.
//!
//! They run on either version of cgroups; each says which part of it this host cannot show.

#[path = "../common/mod.rs"]
mod common;

mod life;
mod rarely;
mod settings;

use common::skipped;
use isolab_runtime::Error;
use isolab_runtime::cgroup::{Group, Hierarchy, Mode, Place};
use oci_spec::runtime::LinuxResources;
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// A group, removed with all that is in it when it drops.
struct Kept(Group);

impl Drop for Kept {
    fn drop(&mut self) {
        let _ = self.0.kill_all();
        let _ = self.0.remove();
    }
}

impl Kept {
    /// What the file says, in whichever folder of the group it is.
    fn read(&self, file: &str) -> Option<String> {
        let text = self.0.folders().find_map(|folder| fs::read_to_string(folder.join(file)).ok())?;
        Some(text.trim().to_owned())
    }

    /// Starts a shell script in the group.
    fn start(&self, script: &str) -> Child {
        let mut child = Command::new("sh")
            .args(["-c", &format!("read line; {script}")])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        for folder in self.0.folders() {
            fs::write(folder.join("cgroup.procs"), child.id().to_string()).unwrap();
        }
        drop(child.stdin.take());
        child
    }

    fn output(&self, script: &str) -> String {
        String::from_utf8(self.start(script).wait_with_output().unwrap().stdout).unwrap()
    }
}

fn resources(value: Value) -> LinuxResources {
    serde_json::from_value(value).unwrap()
}

/// A path that no other test has.
fn path(test: &str) -> PathBuf {
    Path::new("/").join(format!("isolab-test-{}-{test}", std::process::id()))
}

fn plan(path: &Path, value: Value) -> Result<Place, Error> {
    Hierarchy::detect().unwrap().plan(Some(path), "unused", &resources(value))
}

fn create(test: &str, value: Value) -> Result<Kept, Error> {
    plan(&path(test), value.clone())?.create(&resources(value)).map(Kept)
}

/// The mode of a host on which groups can be made at the top; `None`, after a line: they cannot.
fn host(test: &str) -> Option<Mode> {
    let hierarchy = Hierarchy::detect().unwrap();
    if !rustix::process::geteuid().is_root() {
        skipped(test, "needs root");
        return None;
    }
    if !common::can_limit(test) {
        return None;
    }
    Some(hierarchy.mode())
}

/// Whether the limits on memory, CPU and processes are in version 1.
fn is_v1(mode: Mode) -> bool {
    mode != Mode::V2
}
