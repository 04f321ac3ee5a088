//! The processes that a killed lab has left: peers' clients and VMMs, which do not end with whoever started them.
//!
//! Such a process has lost its parent and belongs to PID 1 (`exit(2)`), and has the run's folder among its words
//! (`/proc/PID/cmdline`, `proc_pid_cmdline(5)`). Whoever looks into that folder by hand has a parent.

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
        if names_it && is_orphan(&entry.path()) {
            // It may end just now.
            let _ = kill_process(pid, Signal::KILL);
        }
    }
}

fn is_orphan(process: &Path) -> bool {
    let status = fs::read_to_string(process.join("status")).unwrap_or_default();
    status.lines().any(|line| line.strip_prefix("PPid:").is_some_and(|parent| parent.trim() == "1"))
}
