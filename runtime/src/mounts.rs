//! Mounts without a place: `fsopen(2)`, `fsmount(2)`, `open_tree(2)`, `mount_setattr(2)`.
//!
//! The newer mount calls separate *making* a mount from *attaching* it. That is what makes the root safe
//! to build: everything that needs the host (its folders, its device nodes, a visible `/proc`) is made
//! before the pivot, as descriptors; it is attached after the pivot, when no path can lead to the host
//! any more, however the symbolic links in the root folder point.

use crate::error::{Context, Error};
use rustix::fs::{CWD, Mode, mkdir};
use rustix::io::Errno;
use rustix::mount::{
    FsMountFlags, FsOpenFlags, MountAttrFlags, MoveMountFlags, OpenTreeFlags, fsconfig_create,
    fsconfig_set_flag, fsconfig_set_string, fsmount, fsopen, move_mount, open_tree,
};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::path::Path;

/// No set-user-ID, no devices, no programs: for file systems that hold the kernel's data.
pub const DATA_ONLY: MountAttrFlags = MountAttrFlags::MOUNT_ATTR_NOSUID
    .union(MountAttrFlags::MOUNT_ATTR_NODEV)
    .union(MountAttrFlags::MOUNT_ATTR_NOEXEC);

/// Makes a mount of a new file system of type `kind`, attached nowhere. An option without a value is a flag.
pub fn detached(kind: &str, options: &[(&str, &str)], flags: MountAttrFlags) -> Result<OwnedFd, Errno> {
    let context = fsopen(kind, FsOpenFlags::FSOPEN_CLOEXEC)?;
    for &(key, value) in options {
        if value.is_empty() {
            fsconfig_set_flag(context.as_fd(), key)?;
        } else {
            fsconfig_set_string(context.as_fd(), key, value)?;
        }
    }
    fsconfig_create(context.as_fd())?;
    fsmount(context.as_fd(), FsMountFlags::FSMOUNT_CLOEXEC, flags)
}

/// Makes a copy of what is mounted at `path`, with all mounts below it, attached nowhere: a bind mount.
pub fn copied(path: &Path) -> Result<OwnedFd, Errno> {
    let flags =
        OpenTreeFlags::OPEN_TREE_CLONE | OpenTreeFlags::OPEN_TREE_CLOEXEC | OpenTreeFlags::AT_RECURSIVE;
    open_tree(CWD, path, flags)
}

/// Adds `flags` to a mount and to all below it.
pub fn restrict(mount: BorrowedFd<'_>, flags: MountAttrFlags) -> Result<(), Errno> {
    set_attributes(mount, flags, libc::AT_RECURSIVE)
}

/// Makes one mount read-only, and leaves those below it as they are.
pub fn make_read_only(mount: BorrowedFd<'_>) -> Result<(), Errno> {
    set_attributes(mount, MountAttrFlags::MOUNT_ATTR_RDONLY, 0)
}

fn set_attributes(mount: BorrowedFd<'_>, flags: MountAttrFlags, reach: i32) -> Result<(), Errno> {
    let attributes =
        libc::mount_attr { attr_set: u64::from(flags.bits()), attr_clr: 0, propagation: 0, userns_fd: 0 };
    // SAFETY: the kernel reads the empty path and one `mount_attr` of the size given.
    let result = unsafe {
        libc::syscall(
            libc::SYS_mount_setattr,
            mount.as_raw_fd(),
            c"".as_ptr(),
            libc::AT_EMPTY_PATH | reach,
            &raw const attributes,
            size_of_val(&attributes),
        )
    };
    if result == 0 {
        Ok(())
    } else {
        Err(Errno::from_io_error(&std::io::Error::last_os_error()).unwrap_or(Errno::IO))
    }
}

/// Attaches `mount` on top of the folder or file that the descriptor `place` stands for.
pub fn attach_over(mount: BorrowedFd<'_>, place: BorrowedFd<'_>) -> Result<(), Errno> {
    let flags = MoveMountFlags::MOVE_MOUNT_F_EMPTY_PATH | MoveMountFlags::MOVE_MOUNT_T_EMPTY_PATH;
    move_mount(mount, "", place, "", flags)
}

/// Attaches `mount` to `name` in the open folder `folder`. A symbolic link there is not followed.
pub fn attach_in(mount: BorrowedFd<'_>, folder: BorrowedFd<'_>, name: &str) -> Result<(), Errno> {
    move_mount(mount, "", folder, name, MoveMountFlags::MOVE_MOUNT_F_EMPTY_PATH)
}

/// Attaches `mount` to the folder `/NAME` of the container's root, which is made if it is missing.
pub fn attach_at_root(mount: BorrowedFd<'_>, target: &'static str) -> Result<(), Error> {
    let result = match attach_in(mount, CWD, target) {
        Err(Errno::NOENT) => {
            mkdir(target, Mode::from_raw_mode(0o755)).at("making, inside the root folder,", target)?;
            attach_in(mount, CWD, target)
        }
        result => result,
    };
    result.at("mounting (on a real folder only, not on a link or a file)", target)
}
