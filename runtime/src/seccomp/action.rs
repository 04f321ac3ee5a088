//! Actions: what a filter answers to the kernel (`SECCOMP_RET_*` in seccomp(2)): one half of the word is the action, the
//! other its value, an error number or a word for the tracer.

use super::property;
use crate::error::Error;
use libc::{
    EPERM, SECCOMP_RET_ALLOW, SECCOMP_RET_ERRNO, SECCOMP_RET_KILL_PROCESS, SECCOMP_RET_KILL_THREAD,
    SECCOMP_RET_LOG, SECCOMP_RET_TRACE, SECCOMP_RET_TRAP, SECCOMP_RET_USER_NOTIF,
};
use oci_spec::runtime::LinuxSeccompAction::{
    self as Named, ScmpActAllow, ScmpActErrno, ScmpActKill, ScmpActKillProcess, ScmpActKillThread,
    ScmpActLog, ScmpActNotify, ScmpActTrace, ScmpActTrap,
};
use std::fmt::Display;

/// The answer to a call by the rules of another architecture than the profile lists.
pub(super) const BAD_ARCHITECTURE: u32 = SECCOMP_RET_KILL_THREAD;

/// The highest error number of the kernel.
const MAX_ERRNO: u32 = 4095;

/// The answer for an action, and for the value that the profile gives with it in `of`.
pub(super) fn answer(action: Named, value: Option<u32>, of: impl Display) -> Result<u32, Error> {
    let (answer, limit) = match action {
        ScmpActKill | ScmpActKillThread => (SECCOMP_RET_KILL_THREAD, 0),
        ScmpActKillProcess => (SECCOMP_RET_KILL_PROCESS, 0),
        ScmpActTrap => (SECCOMP_RET_TRAP, 0),
        ScmpActErrno => (SECCOMP_RET_ERRNO, MAX_ERRNO),
        ScmpActTrace => (SECCOMP_RET_TRACE, u32::from(u16::MAX)),
        ScmpActNotify => (SECCOMP_RET_USER_NOTIF, 0),
        ScmpActLog => (SECCOMP_RET_LOG, 0),
        ScmpActAllow => (SECCOMP_RET_ALLOW, 0),
    };
    match value {
        Some(_) if limit == 0 => Err(property(of, format_args!("{action} does not take an error number"))),
        Some(value) if value > limit => Err(property(of, format_args!("{value} is above {limit}"))),
        Some(value) => Ok(answer | value),
        None if limit == 0 => Ok(answer),
        None => Ok(answer | EPERM as u32),
    }
}
