//! The execution domain: what the kernel pretends to be (`personality(2)`; `linux.personality`).

use crate::error::{Context, Error};
use oci_spec::runtime::{LinuxPersonality, LinuxPersonalityDomain};
use std::io;

const LINUX: libc::c_ulong = 0x0000;
/// `uname(2)` then says that the machine has 32 bits.
const LINUX32: libc::c_ulong = 0x0008;

/// A domain to live in.
#[derive(Clone, Copy, Debug)]
pub(super) struct Personality(libc::c_ulong);

impl Personality {
    /// The specification has no flags yet: any is one that this runtime does not know.
    pub(super) fn new(asked: &LinuxPersonality) -> Result<Self, Error> {
        if asked.flags().as_ref().is_some_and(|flags| !flags.is_empty()) {
            return Err(Error::property("linux.personality.flags", "this runtime knows no flags"));
        }
        Ok(Self(match asked.domain() {
            LinuxPersonalityDomain::PerLinux => LINUX,
            LinuxPersonalityDomain::PerLinux32 => LINUX32,
        }))
    }

    pub(super) fn apply(self) -> Result<(), Error> {
        // SAFETY: one number and no pointer.
        match unsafe { libc::personality(self.0) } {
            -1 => Err(io::Error::last_os_error()).step("setting the personality"),
            _ => Ok(()),
        }
    }
}
