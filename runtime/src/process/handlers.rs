//! Whether somebody has registered a handler for files that the kernel itself cannot execute (the kernel's
//! `Documentation/admin-guide/binfmt-misc.rst`): programs of other processors, or of virtual ones.
//!
//! Handlers are files, wherever their file system is mounted. It may be mounted nowhere in view and they work all the
//! same, so it is opened without a mount.

use crate::privilege::is_host_root;
use rustix::fs::{Dir, Mode, OFlags, openat};
use rustix::io::Errno;
use rustix::mount::{FsMountFlags, FsOpenFlags, MountAttrFlags, fsconfig_create, fsmount, fsopen};
use std::ffi::CStr;

/// The files that are there without any.
const OWN: [&CStr; 4] = [c".", c"..", c"register", c"status"];

/// Whether there may be one. A user's root must not look: in his user namespace, to open the file system would make
/// a new one, without any.
pub(crate) fn may_be_registered() -> bool {
    if !is_host_root() {
        return true;
    }
    match registered() {
        Ok(any) => any,
        // The kernel has no such thing.
        Err(Errno::NODEV) => false,
        Err(_) => true,
    }
}

fn registered() -> Result<bool, Errno> {
    let context = fsopen("binfmt_misc", FsOpenFlags::FSOPEN_CLOEXEC)?;
    fsconfig_create(&context)?;
    let mount = fsmount(&context, FsMountFlags::FSMOUNT_CLOEXEC, MountAttrFlags::empty())?;
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    for entry in Dir::new(openat(&mount, ".", flags, Mode::empty())?)? {
        if !OWN.contains(&entry?.file_name()) {
            return Ok(true);
        }
    }
    Ok(false)
}
