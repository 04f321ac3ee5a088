//! Open files: what a process was given open crosses every namespace (`close_range(2)`).
//!
//! A descriptor of a host's folder would be a door in the wall (CVE-2016-9962, CVE-2024-21626). All but the
//! standard three, and those that the caller hands on by `--preserve-fds`, are closed by the kernel in the
//! very moment in which the program is executed; until then the process goes on using them.

use crate::error::{Context, Error};
use std::io;

/// Marks every descriptor from `3 + preserved` on close-on-exec.
pub(crate) fn close_at_exec(preserved: u32) -> Result<(), Error> {
    let first = preserved.saturating_add(3);
    // SAFETY: three numbers; a mark on a descriptor takes it from nobody.
    match unsafe { libc::close_range(first, libc::c_uint::MAX, libc::CLOSE_RANGE_CLOEXEC as i32) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()).step("marking the host's descriptors close-on-exec"),
    }
}
