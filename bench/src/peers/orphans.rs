//! The processes that a killed lab has left: peers' clients and VMMs, which do not end with whoever started them.
//!
//! Such a process has lost its parent and belongs to PID 1 (`exit(2)`), and has the run's folder among its words
//! (`/proc/PID/cmdline`, `proc_pid_cmdline(5)`). Whoever looks into that folder by hand has a parent.
//!
//! A container's process belongs to PID 1 as well when its monitor has ended, and its root is a folder of the run
//! (`/proc/PID/mountinfo`, `proc_pid_mountinfo(5)`). An engine whose client was killed while it started the container does
//! not know that this one runs, and would let it run for ever.

use rustix::process::{Pid, Signal, kill_process};
use std::fs;
use std::path::Path;

/// Kills those of the run whose folder this is.
pub(super) fn end(run: &Path) {
    let folder = run.as_os_str().as_encoded_bytes();
    for entry in fs::read_dir("/proc").into_iter().flatten().flatten() {
        let Some(pid) = entry.file_name().to_str().and_then(|name| Pid::from_raw(name.parse().ok()?)) else {
            continue;
        };
        let words = fs::read(entry.path().join("cmdline")).unwrap_or_default();
        let names_it = words.windows(folder.len().max(1)).any(|part| part == folder);
        if (names_it || has_its_root_in(run, &entry.path())) && is_orphan(&entry.path()) {
            // It may end just now.
            let _ = kill_process(pid, Signal::KILL);
        }
    }
}

/// Whether the process's root is a mount of a folder below `run`. The kernel names that folder as its file system does,
/// whose root may be `run`'s parent's; so only the run's own name and that of its lab's folder are looked for.
fn has_its_root_in(run: &Path, process: &Path) -> bool {
    let mounts = fs::read_to_string(process.join("mountinfo")).unwrap_or_default();
    let mut names = run.iter().rev().filter_map(|name| name.to_str());
    let (Some(run), Some(lab)) = (names.next(), names.next()) else { return false };
    let part = format!("/{lab}/{run}/");
    // Number, parent, device, the folder, where it is mounted.
    mounts.lines().map(|line| line.split(' ').skip(3)).any(|mut fields| {
        fields.next().is_some_and(|folder| folder.contains(&part)) && fields.next() == Some("/")
    })
}

fn is_orphan(process: &Path) -> bool {
    let status = fs::read_to_string(process.join("status")).unwrap_or_default();
    status.lines().any(|line| line.strip_prefix("PPid:").is_some_and(|parent| parent.trim() == "1"))
}
