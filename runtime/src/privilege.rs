//! Whether this process is the host's root (`user_namespaces(7)`).
//!
//! The number 0 is not enough. Root of a user namespace has every capability in it, but the host's control groups and
//! its `/run` belong to somebody whom that namespace does not even know. podman starts a runtime this way for
//! an ordinary user.

use rustix::fs::stat;
use rustix::process::geteuid;
use std::sync::OnceLock;

/// The number of the first user namespace, the same on every Linux (`PROC_USER_INIT_INO`).
const FIRST: u64 = 0xEFFF_FFFD;

/// Asked once: what this process begins as is what counts, and its children inherit the answer.
pub(crate) fn is_host_root() -> bool {
    static ANSWER: OnceLock<bool> = OnceLock::new();
    *ANSWER.get_or_init(|| {
        // Without the file the kernel has no user namespaces.
        geteuid().is_root() && stat("/proc/self/ns/user").map_or(true, |about| about.st_ino == FIRST)
    })
}
