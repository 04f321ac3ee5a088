//! Open files: what a process was given open crosses every namespace (`close_range(2)`).
//!
//! A descriptor of a host's folder would be a door in the wall, so PID 1 closes all but the standard
//! three before the command exists: its own, and what the runtime's caller forgot to mark close-on-exec.

use crate::error::{Context, Error};
use std::io;

/// Closes every descriptor but standard input, output and error. Only for a process that then uses no
/// other one, and that ends without dropping those that it had ([`crate::clone::exit`]).
pub(crate) fn close_all_but_standard() -> Result<(), Error> {
    // SAFETY: by this function's contract nobody uses or closes the descriptors again.
    match unsafe { libc::close_range(3, libc::c_uint::MAX, 0) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()).step("closing the host's descriptors"),
    }
}
