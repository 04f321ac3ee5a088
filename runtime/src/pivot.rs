//! The new root: `pivot_root(2)`, and then the old one goes away.
//!
//! `chroot(2)` would only change where a path begins: the host's mounts would still be there, and root knows
//! ways back. `pivot_root` exchanges the root *mount* of the namespace. With `"."` for both names the old
//! root is stacked on the new one, so that no folder is needed to put it, and it is detached at once:
//! while it is stacked there, `/..` leads to it.

use crate::error::{Context, Error};
use rustix::mount::{UnmountFlags, unmount};
use rustix::process::{chdir, fchdir, pivot_root};
use std::os::fd::BorrowedFd;

/// Makes `root`, the root of an attached mount, the root of this mount namespace, and detaches all else.
pub fn into(root: BorrowedFd<'_>) -> Result<(), Error> {
    fchdir(root).step("entering the new root")?;
    pivot_root(".", ".").step("pivoting to the new root (the host's own root must not be an initramfs)")?;
    unmount(".", UnmountFlags::DETACH).step("detaching the host's root")?;
    chdir("/").step("entering the root")
}
