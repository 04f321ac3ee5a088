//! Masks: what `/proc` and `/sys` would tell or let change of the whole machine (`proc(5)`).
//!
//! These files know no namespace: `/proc/kcore` is the kernel's memory, `/proc/sysrq-trigger` restarts
//! the host. The lists are those of the usual engines. They are applied once `/proc`, `/sys` and `/dev`
//! are attached and before any volume is, so each path is the kernel's own and no link is in the way.

use crate::error::{Context, Error};
use rustix::io::Errno;
use rustix::mount::{MountFlags, mount, mount_bind, mount_remount};

const DATA_ONLY: MountFlags = MountFlags::NOSUID.union(MountFlags::NODEV).union(MountFlags::NOEXEC);

/// Read as empty.
const MASKED_FILES: [&str; 7] = [
    "/proc/interrupts",
    "/proc/kcore",
    "/proc/keys",
    "/proc/latency_stats",
    "/proc/sched_debug",
    "/proc/timer_list",
    "/proc/timer_stats",
];
/// Empty, and stay so.
const MASKED_FOLDERS: [&str; 5] =
    ["/proc/acpi", "/proc/asound", "/proc/scsi", "/sys/firmware", "/sys/devices/virtual/powercap"];
/// Can be read, not written. (`/sys` is read-only as a whole.)
const READ_ONLY: [&str; 5] = ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"];

/// Masks the container's `/proc` and `/sys`. What the running kernel does not have needs no mask.
pub fn apply() -> Result<(), Error> {
    for file in MASKED_FILES {
        present(mount_bind("/dev/null", file)).at("masking", file)?;
    }
    // One empty file system serves all the folders.
    let mut empty = None;
    for folder in MASKED_FOLDERS {
        let result = match empty {
            None => mount("tmpfs", folder, "tmpfs", DATA_ONLY | MountFlags::RDONLY, None),
            Some(first) => mount_bind(first, folder),
        };
        if present(result).at("masking", folder)? {
            empty = empty.or(Some(folder));
        }
    }
    for path in READ_ONLY {
        if present(mount_bind(path, path)).at("binding on itself", path)? {
            let flags = DATA_ONLY | MountFlags::RDONLY | MountFlags::BIND;
            mount_remount(path, flags, "").at("making read-only", path)?;
        }
    }
    Ok(())
}

fn present(result: Result<(), Errno>) -> Result<bool, Errno> {
    match result {
        Ok(()) => Ok(true),
        Err(Errno::NOENT) => Ok(false),
        Err(error) => Err(error),
    }
}
