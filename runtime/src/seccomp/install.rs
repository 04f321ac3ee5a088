//! Installing: seccomp(2) with `SECCOMP_SET_MODE_FILTER`, for the calling thread and all that it will ever start.
//!
//! Whoever could put any filter on a set-user-ID program could make it believe that it had dropped its privileges. So
//! the kernel takes a filter only from a process with `CAP_SYS_ADMIN`, or with `no_new_privs`, which such programs
//! are powerless under.

use super::{Program, property};
use crate::error::{Context, Error};
use libc::{
    SECCOMP_FILTER_FLAG_LOG, SECCOMP_FILTER_FLAG_NEW_LISTENER, SECCOMP_FILTER_FLAG_SPEC_ALLOW,
    SECCOMP_SET_MODE_FILTER, sock_fprog,
};
use oci_spec::runtime::LinuxSeccompFilterFlag::{
    self as Flag, SeccompFilterFlagLog, SeccompFilterFlagSpecAllow, SeccompFilterFlagTsync,
    SeccompFilterFlagWaitKillableRecv,
};
use rustix::io::Errno;
use std::os::fd::{FromRawFd, OwnedFd};

const STEP: &str = "installing the filter of system calls";

/// Linux 5.19.
const WAIT_KILLABLE_RECV: libc::c_ulong = 1 << 5;

/// Flags that the kernel may not know, by the specification's names.
const FLAGS: [Flag; 3] =
    [SeccompFilterFlagLog, SeccompFilterFlagSpecAllow, SeccompFilterFlagWaitKillableRecv];

/// A flag as the kernel is to see it. To synchronize threads (`TSYNC`) says nothing, as there is one only; nor
/// does how to wait for an answer, where nobody `notifies`.
pub(super) const fn bit(flag: Flag, notifies: bool) -> u32 {
    match flag {
        SeccompFilterFlagLog => SECCOMP_FILTER_FLAG_LOG as u32,
        SeccompFilterFlagSpecAllow => SECCOMP_FILTER_FLAG_SPEC_ALLOW as u32,
        SeccompFilterFlagWaitKillableRecv if notifies => WAIT_KILLABLE_RECV as u32,
        SeccompFilterFlagTsync | SeccompFilterFlagWaitKillableRecv => 0,
    }
}

/// Whether this kernel knows a flag.
pub(super) fn known(flag: Flag) -> bool {
    let mut flags = bit(flag, true);
    if flags == WAIT_KILLABLE_RECV as u32 {
        flags |= SECCOMP_FILTER_FLAG_NEW_LISTENER as u32;
    }
    // The kernel looks at the flags, then at the program, which is not there.
    seccomp(flags, None).is_err_and(|error| error == Errno::FAULT)
}

impl Program {
    /// Confines the calling thread for good. With notifications returns their listener, close-on-exec.
    pub fn install(&self) -> Result<Option<OwnedFd>, Error> {
        let listen = if self.notifies { SECCOMP_FILTER_FLAG_NEW_LISTENER as u32 } else { 0 };
        match seccomp(self.flags | listen, Some(self)) {
            Ok(listener) => Ok(listener),
            Err(Errno::INVAL) => {
                match FLAGS.iter().find(|&&flag| self.flags & bit(flag, true) != 0 && !known(flag)) {
                    Some(flag) => Err(property("flags", format_args!("this kernel has no {flag}"))),
                    None => Err(Errno::INVAL).step(STEP),
                }
            }
            Err(Errno::ACCESS) => Err(Error::Unavailable {
                what: "a filter of system calls",
                why: "it takes CAP_SYS_ADMIN or no_new_privs".into(),
                fix: "set process.noNewPrivileges",
            }),
            Err(Errno::BUSY) => Err(Error::Unavailable {
                what: "a listener for system calls",
                why: "this process has one already".into(),
                fix: "start the runtime from outside of that filter",
            }),
            Err(error) => Err(error).step(STEP),
        }
    }
}

/// The call. No C library wraps it.
fn seccomp(flags: u32, program: Option<&Program>) -> Result<Option<OwnedFd>, Errno> {
    let program = program.map(|program| sock_fprog {
        len: program.instructions.len() as u16,
        filter: program.instructions.as_ptr().cast_mut(),
    });
    let pointer = program.as_ref().map_or(std::ptr::null(), std::ptr::from_ref);
    // SAFETY: the kernel copies the instructions, which outlive the call and are as many as `len` says
    // (`Program::compile` refuses more than 4096), or finds that there are none.
    let result = unsafe { libc::syscall(libc::SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, pointer) };
    match i32::try_from(result) {
        Ok(listener) if listener > 0 && flags & SECCOMP_FILTER_FLAG_NEW_LISTENER as u32 != 0 => {
            // SAFETY: with this flag the result is a new descriptor, which nothing else owns.
            Ok(Some(unsafe { OwnedFd::from_raw_fd(listener) }))
        }
        Ok(0) => Ok(None),
        _ => Err(Errno::from_io_error(&std::io::Error::last_os_error()).unwrap_or(Errno::IO)),
    }
}
