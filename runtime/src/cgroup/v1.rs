//! Version 1: one hierarchy a controller (the kernel's `Documentation/admin-guide/cgroup-v1/`).
//!
//! Moving a process into a group makes the kernel wait for a grace period of its CPUs, 10 ms and more;
//! a process with one thread that writes `0` to the group's `tasks` file moves only itself and waits
//! for nothing. So the runtime opens the file and PID 1 writes it.

use super::detect::Tree;
use super::{Controller, Limit, refused, writable};
use crate::error::Error;
use std::path::Path;

/// The group below which a new one is made: the topmost in view, or else the one that this process is in.
pub(crate) fn place(tree: &Tree, controller: Controller) -> Result<&Path, Error> {
    match writable(&tree.mount) {
        Ok(()) => Ok(&tree.mount),
        Err(_) if writable(&tree.own).is_ok() => Ok(&tree.own),
        Err(error) => {
            let path = tree.mount.display();
            Err(refused(controller, format!("no cgroup can be made in {path} (v1): {error}")))
        }
    }
}

/// The files to write, in this order: name, value, and whether every kernel has it.
pub(crate) fn settings(limit: Limit) -> Vec<(&'static str, String, bool)> {
    match limit {
        // The second counts memory and swap together, and must not be under the first. Kernels without
        // swap lack it.
        Limit::Memory(bytes) => vec![
            ("memory.limit_in_bytes", bytes.to_string(), true),
            ("memory.memsw.limit_in_bytes", bytes.to_string(), false),
        ],
        // A new group has the period that the quota was counted for.
        Limit::Cpu(quota) => vec![("cpu.cfs_quota_us", quota.to_string(), true)],
        Limit::Pids(count) => vec![("pids.max", count.to_string(), true)],
    }
}
