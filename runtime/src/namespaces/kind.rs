//! Which kind of namespace an open file stands for (`ioctl_nsfs(2)`, since Linux 4.11).
//!
//! Its name does not tell: by `/proc/PID/ns/net` one comes to `net:[4026531840]`, but engines keep namespaces
//! alive by bind mounts (`ip-netns(8)` does too), and a mount's root is called after the place of the mount.

use super::Namespaces;
use rustix::io::Errno;
use std::os::fd::{AsRawFd, BorrowedFd};

/// The kind, or `NOTTY` if the file is no namespace. Ask it of regular files only: a device may know the request
/// as another.
pub(super) fn of(file: BorrowedFd<'_>) -> Result<Namespaces, Errno> {
    // SAFETY: NS_GET_NSTYPE has no argument, so the kernel touches no memory of this process.
    match unsafe { libc::ioctl(file.as_raw_fd(), libc::NS_GET_NSTYPE) } {
        -1 => Err(Errno::from_io_error(&std::io::Error::last_os_error()).unwrap_or(Errno::NOTTY)),
        flag => Ok(Namespaces(flag)),
    }
}
