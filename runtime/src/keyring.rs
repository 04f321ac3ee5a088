//! The session keyring (`session-keyring(7)`, `keyctl(2)`): keys are no files, and no namespace hides the
//! caller's. The container's first process joins a new keyring, in which it finds nothing.
//!
//! It has no name: one with a name could be joined by whoever knows it, and the kernel would look through those of all
//! containers for it first.

use crate::error::Error;
use rustix::io::Errno;
use std::ffi::c_char;
use std::ptr;

/// Joins a new session keyring.
pub(crate) fn join_new() -> Result<(), Error> {
    let nameless = ptr::null::<c_char>();
    // SAFETY: without a name this operation reads no memory.
    let result = unsafe {
        libc::syscall(libc::SYS_keyctl, libc::c_long::from(libc::KEYCTL_JOIN_SESSION_KEYRING), nameless)
    };
    if result >= 0 {
        return Ok(());
    }
    match Errno::from_io_error(&std::io::Error::last_os_error()).unwrap_or(Errno::IO) {
        // No keyrings here; or an outer filter denies the call, to the container as well.
        Errno::NOSYS | Errno::PERM => Ok(()),
        source => Err(Error::Step { step: "joining a new session keyring (see --no-new-keyring)", source }),
    }
}
