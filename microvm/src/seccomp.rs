//! The VMM's own filter (`seccomp(2)`): which system calls its threads may make once the guest runs.
//!
//! A guest that breaks out of KVM or out of a device is, at first, code in one of the VMM's threads. What it can do
//! then is what that thread can ask of the kernel. So each thread gives up, before it does anything for the guest,
//! all calls that it will not need: nothing can be opened, started or connected any more, no memory made executable,
//! and no other process signalled.
//!
//! A thread has a filter of its own (a vCPU's thread has no use for files, the I/O thread none for `KVM_RUN`), so
//! each installs it itself; a filter for all threads at once (`TSYNC`) would have to allow what any of them needs.
//! Threads share their memory, though: who holds one of them may well get another to do what it can do, so count on
//! no more than what is refused to all.
//!
//! It comes after all is open and after the last thread has started, as neither is possible afterwards. Without
//! privileges the kernel takes a filter only from a thread that has also given up to gain any by executing a program
//! (`PR_SET_NO_NEW_PRIVS`), which comes first. Both last: the calling thread ends under its filter.
//!
//! What it costs: the kernel tries a new filter with each call that it knows, and remembers which are allowed with any
//! arguments: these never meet the filter again. So to install one takes the longer the more it lists, and at an exit
//! of the guest only `KVM_RUN`, a request to be told from others, is looked at.
//!
//! A call that is refused is not made, and its thread gets `SIGSYS`, whose handler says which call it was and
//! ends the VMM. That is a bug here, or a guest that broke out: either way nobody should go on. A thread that has
//! blocked the signal is not told: the kernel ends the VMM by it.

use crate::signals::catch;
use crate::{Error, terminal};
use libc::{c_int, c_long};
use seccompiler::{
    BackendError, BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter,
    SeccompRule, TargetArch, apply_filter,
};
use std::collections::BTreeMap;
use std::io::Write;

/// What both kinds of thread do with any arguments.
const BOTH: [c_long; 17] = [
    // Output, and events (`eventfd(2)`) to KVM and between threads. What is open is closed at the end.
    libc::SYS_write,
    libc::SYS_close,
    // Locks, and waiting for each other.
    libc::SYS_futex,
    // Memory that is given back: the allocator's, a thread's stack, and the guest's at the end.
    libc::SYS_brk,
    libc::SYS_munmap,
    libc::SYS_mremap,
    libc::SYS_madvise,
    // Signals: their handlers return, and what they interrupted goes on. A thread ends with all of them blocked.
    libc::SYS_rt_sigreturn,
    libc::SYS_restart_syscall,
    libc::SYS_rt_sigprocmask,
    // Rust takes its handlers' stack away at the end, where it has put one.
    libc::SYS_sigaltstack,
    // Who am I? (To signal a thread of one's own: a kick, or an abort.)
    libc::SYS_getpid,
    libc::SYS_gettid,
    // Time, where the clock cannot be read without the kernel.
    libc::SYS_clock_gettime,
    // The hash tables' seeds, and what the entropy device hands out.
    libc::SYS_getrandom,
    // The ends.
    libc::SYS_exit,
    libc::SYS_exit_group,
];

/// What only the I/O thread does: it waits for events, reads input, events, signals and packets, and the disks' files.
const IO: [c_long; 5] =
    [libc::SYS_epoll_wait, libc::SYS_epoll_ctl, libc::SYS_read, libc::SYS_lseek, libc::SYS_fdatasync];

/// Requests by `ioctl(2)`. Whoever ends the VM puts the terminal back.
const BOTH_REQUESTS: [c_long; 2] = [libc::TCSETS as c_long, libc::TCSETS2 as c_long];

/// What only a vCPU's thread requests: it runs the guest and, if that broke, asks where; and it tells a tap
/// interface what the guest's driver agreed to.
const VCPU_REQUESTS: [c_long; 4] = [KVM_RUN, KVM_GET_REGS, KVM_GET_SREGS, libc::TUNSETOFFLOAD as c_long];
const KVM_RUN: c_long = 0xae80;
const KVM_GET_REGS: c_long = 0x8090_ae81;
const KVM_GET_SREGS: c_long = 0x8138_ae83;

/// A filter, compiled.
#[derive(Debug)]
pub struct Filter(BpfProgram);

impl Filter {
    /// For the thread of a vCPU; one that is `counted` reads KVM's statistics, which are open by then, at the end.
    pub fn vcpu(counted: bool) -> Result<Filter, Error> {
        let calls: &[c_long] = if counted { &[libc::SYS_pread64] } else { &[] };
        compile(calls, &VCPU_REQUESTS).map_err(|error| Error::Filter(error.into()))
    }

    /// For the I/O thread.
    pub fn io() -> Result<Filter, Error> {
        compile(&IO, &[]).map_err(|error| Error::Filter(error.into()))
    }

    /// Confines the calling thread for the rest of its life.
    pub fn confine(&self) -> Result<(), Error> {
        apply_filter(&self.0).map_err(Error::Filter)
    }
}

/// Makes a refused call end the VMM with one line.
pub fn catch_refusals() -> Result<(), Error> {
    catch(libc::SIGSYS, refused)
}

/// The filter that allows what both kinds of thread do, and these calls and requests.
fn compile(calls: &[c_long], requests: &[c_long]) -> Result<Filter, BackendError> {
    // No rule: with any arguments.
    let mut calls: BTreeMap<_, _> = BOTH.iter().chain(calls).map(|&call| (call, Vec::new())).collect();
    let requests = BOTH_REQUESTS.iter().chain(requests);
    let requests =
        requests.map(|&request| rule(&[(1, SeccompCmpOp::Eq, request)])).collect::<Result<_, _>>()?;
    calls.insert(libc::SYS_ioctl, requests);
    let not_executable = (2, SeccompCmpOp::MaskedEq(libc::PROT_EXEC as u64), 0);
    let anonymous = c_long::from(libc::MAP_ANONYMOUS);
    let of_no_file = (3, SeccompCmpOp::MaskedEq(anonymous as u64), anonymous);
    calls.insert(libc::SYS_mmap, vec![rule(&[not_executable.clone(), of_no_file])?]);
    calls.insert(libc::SYS_mprotect, vec![rule(&[not_executable])?]);
    // A debug build looks whether what it closes is open.
    calls.insert(libc::SYS_fcntl, vec![rule(&[(1, SeccompCmpOp::Eq, libc::F_GETFD.into())])?]);
    let own_threads = (0, SeccompCmpOp::Eq, std::process::id().into());
    calls.insert(libc::SYS_tgkill, vec![rule(&[own_threads])?]);
    let (otherwise, allow) = (SeccompAction::Trap, SeccompAction::Allow);
    SeccompFilter::new(calls, otherwise, allow, TargetArch::x86_64)?.try_into().map(Filter)
}

/// A rule that all of these 32-bit arguments keep: which one, how it is compared, and with what.
fn rule(conditions: &[(u8, SeccompCmpOp, c_long)]) -> Result<SeccompRule, BackendError> {
    let conditions = conditions.iter().cloned().map(|(argument, how, value)| {
        SeccompCondition::new(argument, SeccompCmpArgLen::Dword, how, value as u64)
    });
    SeccompRule::new(conditions.collect::<Result<_, _>>()?)
}

/// `siginfo_t`, as the kernel fills it for `SIGSYS` (`sigaction(2)`).
#[repr(C)]
struct Refusal {
    signal: c_int,
    errno: c_int,
    code: c_int,
    address: *const libc::c_void,
    call: c_int,
}

/// Room for the handler's line, and the status with which it ends the VMM: isolab itself failed.
const LONGEST: usize = 160;
const FAILED: c_int = 125;

/// The handler of `SIGSYS`. The interrupted code may hold any lock and be in the middle of any change, so only what is
/// safe in a handler is done here (`signal-safety(7)`), and nothing is unwound.
extern "C" fn refused(_: c_int, information: *mut libc::siginfo_t, _: *mut libc::c_void) {
    // SAFETY: the kernel passes a `siginfo_t`, which begins like this. Another process may send this signal too, and
    // what is read then is another member of the union.
    let call = unsafe { (*information.cast::<Refusal>()).call };
    let mut line = [0; LONGEST];
    let mut rest = &mut line[..];
    // It has room. To format a number neither allocates nor locks.
    let _ = writeln!(
        rest,
        "isolab-microvm: running the guest: the VMM's own filter refused system call {call}: \
         a bug of isolab, or a guest that broke out"
    );
    let unused = rest.len();
    terminal::restore();
    // Nobody is left to be told that standard error is gone.
    let _ = rustix::io::write(rustix::stdio::stderr(), &line[..LONGEST - unused]);
    // SAFETY: it may be called in a handler.
    unsafe { libc::_exit(FAILED) }
}

#[cfg(test)]
mod tests;
