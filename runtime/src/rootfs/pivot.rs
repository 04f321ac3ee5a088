//! The new root: `pivot_root(2)`, and then the old one goes away.
//!
//! `chroot(2)` would only change where a path begins: the host's mounts would still be there, and root knows
//! ways back. `pivot_root` exchanges the root *mount* of the namespace. With `"."` for both names the old
//! root is stacked on the new one, so that no folder is needed to put it, and it is detached at once:
//! while it is stacked there, `/..` leads to it.
//!
//! Where the host's root is an initramfs, which cannot be pivoted away, `--no-pivot` moves the new root on
//! top of it instead and takes the rest of the host's mounts away first, one by one.

use super::attributes::propagate;
use crate::cgroup::detect::{read_whole, unescape};
use crate::error::{Context, Error};
use rustix::fs::{CWD, Mode, OFlags, openat};
use rustix::io::Errno;
use rustix::mount::{
    MountFlags, MountPropagationFlags, MoveMountFlags, UnmountFlags, mount, move_mount, unmount,
};
use rustix::process::{chdir, chroot, fchdir, pivot_root};
use std::os::fd::{AsFd, BorrowedFd};
use std::path::{Path, PathBuf};

/// Makes `root`, the root of an attached mount, the root of this mount namespace, and detaches all else.
/// `shared`: the host's mounts are peers of those here, so that detaching must not travel.
pub(crate) fn into(root: BorrowedFd<'_>, shared: bool) -> Result<(), Error> {
    let host = if shared {
        Some(
            openat(CWD, "/", OFlags::PATH | OFlags::CLOEXEC, Mode::empty())
                .step("opening the host's root")?,
        )
    } else {
        None
    };
    fchdir(root).step("entering the new root")?;
    pivot_root(".", ".").step(
        "pivoting to the new root (the host's own root must not be an initramfs; else use --no-pivot)",
    )?;
    if let Some(host) = host {
        let slave = MountPropagationFlags::DOWNSTREAM | MountPropagationFlags::REC;
        propagate(host.as_fd(), slave).step("separating the mounts from the host's")?;
    }
    unmount(".", UnmountFlags::DETACH).step("detaching the host's root")
}

/// The same without `pivot_root`. `path`: where the root is attached.
pub(crate) fn without_pivot(root: BorrowedFd<'_>, path: &Path) -> Result<(), Error> {
    fchdir(root).step("entering the new root")?;
    let info = read_whole("/proc/self/mountinfo").at("reading", "/proc/self/mountinfo")?;
    let path = path.canonicalize().at("finding the root folder", path)?;
    let mut places: Vec<PathBuf> = info
        .split(|&byte| byte == b'\n')
        .filter_map(|line| line.split(|&byte| byte == b' ').nth(4).map(unescape))
        .filter(|place| !place.starts_with(&path) && !path.starts_with(place))
        .collect();
    // The outermost first: what is below goes with it.
    places.sort();
    places.dedup();
    let mut gone: Option<&PathBuf> = None;
    for place in &places {
        if gone.is_some_and(|gone| place.starts_with(gone)) {
            continue;
        }
        match unmount(place, UnmountFlags::DETACH | UnmountFlags::NOFOLLOW) {
            // In a user namespace the host's mounts hold together; then it is covered.
            Err(Errno::INVAL | Errno::PERM) => {
                mount("tmpfs", place, "tmpfs", MountFlags::RDONLY, None).at("covering", place)?;
            }
            result => result.at("detaching", place)?,
        }
        gone = Some(place);
    }
    move_mount(root, "", CWD, "/", MoveMountFlags::MOVE_MOUNT_F_EMPTY_PATH)
        .step("moving the new root to /")?;
    chroot(".").step("changing the root to the new one")?;
    chdir("/").step("entering the root")
}

/// For a container without a mount namespace of its own: only its view of where paths begin changes.
pub(crate) fn change_root(root: BorrowedFd<'_>) -> Result<(), Error> {
    fchdir(root).step("entering the new root")?;
    chroot(".").step("changing the root")
}
