//! What a container could leave behind on a machine, looked at before and after.
//!
//! Others work on the same machine, so each kind of thing is made countable first. The test's thread gets a
//! mount namespace of its own, in which every mount is the test's. The test is the reaper of all its
//! descendants (`PR_SET_CHILD_SUBREAPER`), so that no process of a container can leave its family. And what
//! lies in file systems has the container's name. A namespace needs no look of its own: it lives in
//! a process, a mount or a descriptor of a process, and of none of them there may be one more.

use super::bundle::Bundle;
use super::folders_beginning;
use nix::sched::{CloneFlags, unshare};
use rustix::mount::{MountPropagationFlags, mount_change};
use rustix::process::{Pid, WaitOptions, set_child_subreaper, waitpid};
use std::collections::BTreeMap;
use std::fs;
use std::io::{Read as _, Seek as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread::sleep;
use std::time::{Duration, Instant};

/// The reaper would take another test's children from it, so one test of a program has a machine at a time.
static ONE: Mutex<()> = Mutex::new(());
/// How long the kernel may take to clear what is dead.
const LONGEST: Duration = Duration::from_secs(10);

/// A machine for one test, with the bundle of the container that comes and goes on it.
pub struct Machine {
    /// The bundle. (It is dropped first, and then deletes its container.)
    pub bundle: Bundle,
    before: Look,
    _one: MutexGuard<'static, ()>,
}

struct Look {
    mounts: Vec<String>,
    files: Vec<PathBuf>,
    groups: Vec<PathBuf>,
    processes: BTreeMap<u32, String>,
}

impl Machine {
    /// The machine as it is now, without a container. There has been one: the folders that all share are there,
    /// and the look has been seen to see it. `bundle` makes its bundle, which takes children too; `None`: it cannot.
    pub fn with(bundle: impl FnOnce() -> Option<Bundle>) -> Option<Self> {
        let one = ONE.lock().unwrap_or_else(PoisonError::into_inner);
        let bundle = bundle()?;
        set_child_subreaper(Some(rustix::process::getpid())).unwrap();
        unshare(CloneFlags::CLONE_NEWNS).unwrap();
        mount_change("/", MountPropagationFlags::PRIVATE | MountPropagationFlags::REC).unwrap();
        bundle.create();
        let with = Look::at(&bundle);
        assert!(!with.processes.is_empty(), "the look sees no process of a container that is there");
        assert!(with.files.iter().any(|file| file.ends_with("state.json")), "the look sees no state");
        bundle.must("delete", &["--force"]);
        // The output of that container is the test's own.
        for name in ["out", "err"] {
            fs::write(bundle.beside(name), "").unwrap();
        }
        Some(Self { before: Look::at(&bundle), bundle, _one: one })
    }

    /// Waits until the machine is as it was.
    pub fn must_be_as_before(&self, after: &str) {
        let start = Instant::now();
        loop {
            let left = self.before.more(&Look::at(&self.bundle));
            if left.is_empty() {
                return;
            }
            assert!(start.elapsed() < LONGEST, "after {after} there is left: {left}");
            sleep(Duration::from_millis(2));
        }
    }

    /// Runs a command to its end, and meanwhile is a reaper as the first process of a machine is: a container's
    /// first process ends only after all others of its PID namespace have, and been reaped.
    #[expect(clippy::unused_self, reason = "only on a machine of its own are they all the test's")]
    pub fn run(&self, mut command: Command) -> Output {
        // A file: a container that stays would keep a pipe open.
        let mut errors = tempfile::tempfile().unwrap();
        command.stdout(Stdio::null()).stderr(errors.try_clone().unwrap());
        let mut child = command.spawn().expect("it starts");
        let status = loop {
            if let Some(status) = child.try_wait().unwrap() {
                break status;
            }
            family(Some(child.id()));
            sleep(Duration::from_millis(1));
        };
        let mut stderr = Vec::new();
        errors.rewind().unwrap();
        errors.read_to_end(&mut stderr).unwrap();
        Output { status, stdout: Vec::new(), stderr }
    }

    /// The processes below this one, but for the dead, which are reaped: their number and command line.
    #[expect(clippy::unused_self, reason = "only on a machine of its own are they all the test's")]
    pub fn processes(&self) -> BTreeMap<u32, String> {
        family(None)
    }
}

impl Look {
    fn at(bundle: &Bundle) -> Self {
        let mounts = fs::read_to_string("/proc/thread-self/mountinfo").unwrap();
        let mut files = Vec::new();
        list(&bundle.path(), &mut files);
        Self {
            mounts: mounts.lines().map(Into::into).collect(),
            files,
            groups: folders_beginning(&bundle.id),
            processes: family(None),
        }
    }

    /// What there is now and was not; empty if there is nothing. (A mount can go by itself: others remove the
    /// folder that it is on.)
    fn more(&self, now: &Self) -> String {
        fn new<'a, T: PartialEq + std::fmt::Debug + 'a>(
            what: &str,
            before: impl IntoIterator<Item = &'a T>,
            now: impl IntoIterator<Item = &'a T>,
        ) -> String {
            let before: Vec<&T> = before.into_iter().collect();
            let more: Vec<&T> = now.into_iter().filter(|each| !before.contains(each)).collect();
            if more.is_empty() { String::new() } else { format!("{what}: {more:?}; ") }
        }
        new("mounts", &self.mounts, &now.mounts)
            + &new("files", &self.files, &now.files)
            + &new("cgroups", &self.groups, &now.groups)
            + &new("processes", self.processes.values(), now.processes.values())
    }
}

/// Every file below a folder.
fn list(folder: &Path, all: &mut Vec<PathBuf>) {
    let mut entries: Vec<PathBuf> =
        fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path()).collect();
    entries.sort();
    for entry in entries {
        if entry.is_dir() && !entry.is_symlink() {
            list(&entry, all);
        }
        all.push(entry);
    }
}

/// The descendants of this process. The dead among its own children are reaped on the way, but for the one that
/// somebody waits for.
fn family(awaited: Option<u32>) -> BTreeMap<u32, String> {
    let mut parents = BTreeMap::new();
    for entry in fs::read_dir("/proc").unwrap().flatten() {
        let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse::<u32>().ok()) else {
            continue;
        };
        let Ok(stat) = fs::read_to_string(format!("/proc/{pid}/stat")) else { continue };
        let Some((name, rest)) = stat.rsplit_once(") ") else { continue };
        let mut words = rest.split(' ');
        let (state, parent) =
            (words.next().unwrap_or_default(), words.next().and_then(|word| word.parse().ok()));
        let Some(parent) = parent else { continue };
        parents.insert(pid, (parent, format!("{name}) {state}")));
    }
    let own = std::process::id();
    let mut found = BTreeMap::new();
    for (&pid, (parent, line)) in &parents {
        let mut above = *parent;
        while above != own && above > 1 {
            above = parents.get(&above).map_or(0, |(parent, _)| *parent);
        }
        if above != own {
            continue;
        }
        if line.ends_with('Z') {
            if *parent == own && awaited != Some(pid) {
                let pid = Pid::from_raw(pid.cast_signed());
                let _ = waitpid(pid, WaitOptions::NOHANG);
            }
            continue;
        }
        found.insert(pid, line.clone());
    }
    found
}
