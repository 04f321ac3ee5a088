//! The session keyring (`session-keyring(7)`, `keyctl(2)`): keys are no files, and no namespace hides the
//! caller's. The container's first process joins a new keyring, in which it finds nothing.

use crate::error::Error;
use rustix::io::Errno;
use std::ffi::CString;

/// Joins a new session keyring.
pub(crate) fn join_new(id: &str) -> Result<(), Error> {
    let name = CString::new(format!("_ses.{id}")).map_err(|_| Error::ZeroByte)?;
    // SAFETY: this operation reads one C string, which `name` is.
    let result = unsafe {
        libc::syscall(libc::SYS_keyctl, libc::c_long::from(libc::KEYCTL_JOIN_SESSION_KEYRING), name.as_ptr())
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
