//! A mount's attributes: `mount_setattr(2)`.
//!
//! Unlike a remount by `mount(2)`, this call adds to and takes from what a mount has, so nothing has to be
//! read first, and no attribute that the host had set is lost on the way; it can do so for all mounts
//! below at once; and it is what can map the owners of files (`AT_RECURSIVE`, `MOUNT_ATTR_IDMAP`).

use super::options::Reach;
use rustix::fs::CWD;
use rustix::io::Errno;
use rustix::mount::{MountAttrFlags, MountPropagationFlags};
use std::ffi::CStr;
use std::os::fd::{AsRawFd, BorrowedFd};

pub(crate) const RDONLY: u64 = MountAttrFlags::MOUNT_ATTR_RDONLY.bits() as u64;
pub(crate) const NOSUID: u64 = MountAttrFlags::MOUNT_ATTR_NOSUID.bits() as u64;
pub(crate) const NODEV: u64 = MountAttrFlags::MOUNT_ATTR_NODEV.bits() as u64;
pub(crate) const NOEXEC: u64 = MountAttrFlags::MOUNT_ATTR_NOEXEC.bits() as u64;
pub(crate) const NODIRATIME: u64 = MountAttrFlags::MOUNT_ATTR_NODIRATIME.bits() as u64;
pub(crate) const NOSYMFOLLOW: u64 = MountAttrFlags::MOUNT_ATTR_NOSYMFOLLOW.bits() as u64;
pub(crate) const RELATIME: u64 = MountAttrFlags::MOUNT_ATTR_RELATIME.bits() as u64;
pub(crate) const NOATIME: u64 = MountAttrFlags::MOUNT_ATTR_NOATIME.bits() as u64;
pub(crate) const STRICTATIME: u64 = MountAttrFlags::MOUNT_ATTR_STRICTATIME.bits() as u64;
/// The field in which one of the three above is a value, not a bit.
const ACCESS_TIMES: u64 = MountAttrFlags::MOUNT_ATTR__ATIME.bits() as u64;

/// What to add to a mount's attributes and what to take away.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Attributes {
    pub(crate) set: u64,
    pub(crate) clear: u64,
}

impl Attributes {
    pub(crate) const READ_ONLY: Self = Self { set: RDONLY, clear: 0 };

    pub(crate) fn add(&mut self, attribute: u64) {
        if attribute & !ACCESS_TIMES == 0 {
            // The kernel wants the whole field cleared before another value goes in.
            self.set &= !ACCESS_TIMES;
            self.clear |= ACCESS_TIMES;
        } else {
            self.clear &= !attribute;
        }
        self.set |= attribute;
    }

    pub(crate) fn remove(&mut self, attribute: u64) {
        let field = if attribute & !ACCESS_TIMES == 0 { ACCESS_TIMES } else { attribute };
        self.set &= !field;
        self.clear |= field;
    }

    /// Changes the attributes of the mount whose root `mount` is.
    pub(crate) fn apply(self, mount: BorrowedFd<'_>, reach: Reach) -> Result<(), Errno> {
        if self == Self::default() {
            return Ok(());
        }
        let change = libc::mount_attr { attr_set: self.set, attr_clr: self.clear, ..NOTHING };
        set(mount, c"", reach, &change)
    }

    /// Changes those of the mount at `path`, seen from the current folder.
    pub(crate) fn apply_at(self, path: &CStr, reach: Reach) -> Result<(), Errno> {
        let change = libc::mount_attr { attr_set: self.set, attr_clr: self.clear, ..NOTHING };
        set(CWD, path, reach, &change)
    }
}

/// Changes how mounts and unmounts travel between `mount` and its copies (`mount_namespaces(7)`).
pub(crate) fn propagate(mount: BorrowedFd<'_>, kind: MountPropagationFlags) -> Result<(), Errno> {
    let reach = if kind.contains(MountPropagationFlags::REC) { Reach::All } else { Reach::One };
    let propagation = u64::from((kind - MountPropagationFlags::REC).bits());
    set(mount, c"", reach, &libc::mount_attr { propagation, ..NOTHING })
}

/// Maps the owners of the files as the user namespace `users` says. `mount` must be attached nowhere.
pub(crate) fn map_owners(mount: BorrowedFd<'_>, users: BorrowedFd<'_>, reach: Reach) -> Result<(), Errno> {
    let attr_set = u64::from(MountAttrFlags::MOUNT_ATTR_IDMAP.bits());
    set(mount, c"", reach, &libc::mount_attr { attr_set, userns_fd: users.as_raw_fd() as u64, ..NOTHING })
}

const NOTHING: libc::mount_attr = libc::mount_attr { attr_set: 0, attr_clr: 0, propagation: 0, userns_fd: 0 };

fn set(folder: BorrowedFd<'_>, path: &CStr, reach: Reach, change: &libc::mount_attr) -> Result<(), Errno> {
    let empty = if path.is_empty() { libc::AT_EMPTY_PATH } else { 0 };
    let all = if reach == Reach::All { libc::AT_RECURSIVE } else { 0 };
    // SAFETY: the kernel reads one string that ends in a zero byte and one `mount_attr` of the size given.
    let result = unsafe {
        libc::syscall(
            libc::SYS_mount_setattr,
            folder.as_raw_fd(),
            path.as_ptr(),
            empty | all,
            std::ptr::from_ref(change),
            size_of_val(change),
        )
    };
    if result == 0 {
        Ok(())
    } else {
        Err(Errno::from_io_error(&std::io::Error::last_os_error()).unwrap_or(Errno::IO))
    }
}
