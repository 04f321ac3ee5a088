//! What every program expects to find: `/proc`, `/sys`, `/dev`, `/tmp`, `/run` (`mount(2)`, `hier(7)`).
//!
//! They are mounted once the root is in its place, by absolute paths: a root folder is the user's own, and a
//! symbolic link in it leads to its own files, as it does for its programs.

use crate::failure::{Context, Failure};
use crate::root::folder;
use core::ffi::CStr;
use rustix::fs::{Mode, chmod, symlink};
use rustix::io::Errno;
use rustix::mount::{MountFlags, mount};

/// No set-user-ID, no devices, no programs: for file systems that hold the kernel's data.
const DATA_ONLY: MountFlags = MountFlags::NOSUID.union(MountFlags::NODEV).union(MountFlags::NOEXEC);

/// One file system of the kernel's.
struct Mount {
    kind: &'static CStr,
    place: &'static CStr,
    flags: MountFlags,
    options: Option<&'static CStr>,
}

/// In the order in which they contain each other.
const MOUNTS: [Mount; 6] = [
    Mount { kind: c"proc", place: c"/proc", flags: DATA_ONLY, options: None },
    Mount { kind: c"sysfs", place: c"/sys", flags: DATA_ONLY, options: None },
    Mount { kind: c"cgroup2", place: c"/sys/fs/cgroup", flags: DATA_ONLY, options: None },
    Mount { kind: c"devtmpfs", place: c"/dev", flags: MountFlags::NOSUID, options: None },
    Mount {
        kind: c"devpts",
        place: c"/dev/pts",
        flags: MountFlags::NOSUID.union(MountFlags::NOEXEC),
        options: Some(c"ptmxmode=0666,mode=0620"),
    },
    Mount { kind: c"tmpfs", place: c"/dev/shm", flags: DATA_ONLY, options: Some(c"mode=1777") },
];

const LINKS: [(&CStr, &CStr); 4] = [
    (c"/proc/self/fd", c"/dev/fd"),
    (c"/proc/self/fd/0", c"/dev/stdin"),
    (c"/proc/self/fd/1", c"/dev/stdout"),
    (c"/proc/self/fd/2", c"/dev/stderr"),
];

/// Mounts all of them, as far as this kernel has them.
pub(crate) fn make() -> Result<(), Failure<'static>> {
    for Mount { kind, place, flags, options } in MOUNTS {
        let mut result = mount(kind, place, kind, flags, options);
        if result == Err(Errno::NOENT) && folder(place).is_ok() {
            result = mount(kind, place, kind, flags, options);
        }
        match result {
            // A kernel without it, or without the place in /sys: a program that needs it will say so.
            Ok(()) | Err(Errno::NODEV | Errno::NOENT) => {}
            Err(why) => return Err(Failure { step: "mounting on", what: place, kind: Some(kind), why }),
        }
    }
    for (target, place) in LINKS {
        match symlink(target, place) {
            Ok(()) | Err(Errno::EXIST) => {}
            refused => refused.at("making the link", place)?,
        }
    }
    // The root can be written to, so these need no file system of their own; what the user put there stays.
    folder(c"/run")?;
    if folder(c"/tmp")? {
        chmod(c"/tmp", Mode::from_raw_mode(0o1777)).at("opening to all", c"/tmp")?;
    }
    Ok(())
}
