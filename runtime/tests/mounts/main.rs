//! Mounts, as a container sees them: every option, both ways; propagation, both ways; owners; what a hostile root may try.

#[path = "../common/mod.rs"]
mod common;

mod filling;
mod options;
mod root;
mod travelling;

use common::bundle::Bundle;
use nix::mount::{MsFlags, mount};
use serde_json::json;
use std::path::Path;

/// Adds a mount to the configuration.
fn add(bundle: &mut Bundle, kind: &str, source: &Path, destination: &str, options: &[&str]) {
    let entry = json!({ "destination": destination, "type": kind, "source": source, "options": options });
    bundle.config["mounts"].as_array_mut().unwrap().push(entry);
}

/// The container may mount.
fn allow_mounts(bundle: &mut Bundle) {
    for set in ["bounding", "effective", "permitted"] {
        bundle.config["process"]["capabilities"][set].as_array_mut().unwrap().push(json!("CAP_SYS_ADMIN"));
    }
}

fn tmpfs(place: &Path) {
    mount(Some("tmpfs"), place, Some("tmpfs"), MsFlags::empty(), None::<&str>).unwrap();
}

fn set(place: &Path, flags: MsFlags) {
    mount(None::<&str>, place, None::<&str>, flags, None::<&str>).unwrap();
}

/// The options of the mount at `place` and those of its file system, from `mountinfo`.
fn options_of(info: &str, place: &str) -> (Vec<String>, Vec<String>) {
    let line = info.lines().rev().find(|line| line.split(' ').nth(4) == Some(place));
    let line = line.unwrap_or_else(|| panic!("nothing is mounted at {place}:\n{info}"));
    let list = |words: &str| words.split(',').map(str::to_owned).collect();
    let of_mount = list(line.split(' ').nth(5).unwrap());
    (of_mount, list(line.rsplit(' ').next().unwrap()))
}

const INFO: &str = "cat /proc/self/mountinfo";
