//! New processes: `clone3(2)`, which both creates a process and chooses what it shares.
//!
//! The container's first process is a plain copy-on-write child: an address space that it shared with
//! the runtime would be a way out. The go-between, which enters given namespaces and makes the first process in
//! them, works as `vfork(2)` does: it borrows the runtime's memory, on a stack of its own, so that no page
//! table is copied for a process that lives for a few microseconds.

use crate::namespaces::Namespaces;
use rustix::io::Errno;
use rustix::process::{Pid, WaitId, WaitIdOptions, waitid};
use std::arch::asm;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Does not fit the C library's type for flags.
const CLONE_INTO_CGROUP: u64 = 0x2_0000_0000;
/// Enough for a search along `PATH` and one message.
const STACK: usize = 64 << 10;

/// A child process, as its parent holds it.
#[derive(Debug)]
pub struct Child {
    /// Its number in the parent's PID namespace.
    pub pid: Pid,
    /// The process itself, whatever becomes of its number (`pidfd_open(2)`).
    pub pidfd: OwnedFd,
}

/// Starts `child` in a copy of this process, inside new `namespaces` and, on cgroup v2, inside `cgroup`
/// (its folder). The child ends with the status that `child` returns.
///
/// The copy has the calling thread only: a lock that another thread holds stays locked in it for ever,
/// so call this from a process with one thread.
pub fn clone(
    namespaces: Namespaces,
    cgroup: Option<BorrowedFd<'_>>,
    child: impl FnOnce() -> i32,
) -> Result<Child, Errno> {
    clone_with(0, namespaces, cgroup, child)
}

fn clone_with(
    flags: u64,
    namespaces: Namespaces,
    cgroup: Option<BorrowedFd<'_>>,
    child: impl FnOnce() -> i32,
) -> Result<Child, Errno> {
    let mut pidfd = -1_i32;
    let mut args = arguments(flags | namespaces.flags() | libc::CLONE_PIDFD as u64);
    args.pidfd = &raw mut pidfd as u64;
    if flags & libc::CLONE_PARENT as u64 != 0 {
        // Inherited from the go-between: the kernel wants no other.
        args.exit_signal = 0;
    }
    if let Some(cgroup) = cgroup {
        args.flags |= CLONE_INTO_CGROUP;
        args.cgroup = cgroup.as_raw_fd() as u64;
    }
    // SAFETY: without CLONE_VM the child has its own copy of all memory, this stack included.
    let pid = unsafe { clone3(&args, child) }?;
    // SAFETY: clone3 succeeded, so it has stored a new descriptor there, which nothing else owns.
    let pidfd = unsafe { OwnedFd::from_raw_fd(pidfd) };
    Ok(Child { pid, pidfd })
}

/// As [`clone`], by way of a go-between that first executes `enter`: it moves into namespaces that exist, and the
/// child, born there, is a child of the calling process nevertheless (`CLONE_PARENT`). The calling process
/// itself stays where it is.
///
/// The go-between lives in this memory and uses these descriptors, so what it makes is here when it has gone.
pub fn clone_through<E: From<Errno>>(
    enter: impl FnOnce() -> Result<(), E>,
    namespaces: Namespaces,
    cgroup: Option<BorrowedFd<'_>>,
    child: impl FnOnce() -> i32,
) -> Result<Child, E> {
    let mut result = Err(Errno::CANCELED.into());
    let go_between = borrowed_memory(libc::CLONE_FILES as u64, || {
        result = enter().and_then(|()| Ok(clone_with(libc::CLONE_PARENT as u64, namespaces, cgroup, child)?));
        0
    })?;
    // It has ended, or it would still have our memory; nobody else waits for it.
    rustix::io::retry_on_intr(|| waitid(WaitId::Pid(go_between), WaitIdOptions::EXITED))?;
    result
}

/// Starts `child` in this very memory, on another stack, and waits until it ends, as `vfork(2)` does; with `flags`
/// besides. The child ends with the status that `child` returns.
fn borrowed_memory(flags: u64, child: impl FnOnce() -> i32) -> Result<Pid, Errno> {
    let mut stack = Vec::<u8>::with_capacity(STACK);
    let mut args = arguments(flags | (libc::CLONE_VM | libc::CLONE_VFORK) as u64);
    // The kernel starts the child at stack + stack_size, which must be aligned to 16 bytes.
    args.stack = stack.as_mut_ptr() as u64;
    args.stack_size = (STACK - args.stack as usize % 16) as u64;
    // SAFETY: with CLONE_VFORK this thread sleeps while the child uses its memory, so nothing is used by
    // both at once; the child has the stack above, which outlives it: it has gone when clone3 returns.
    unsafe { clone3(&args, child) }
}

/// Starts `child` in a copy of this process, and does not wait. The child ends with the status that it returns.
pub fn fork(child: impl FnOnce() -> i32) -> Result<Pid, Errno> {
    // SAFETY: without CLONE_VM the child has its own copy of all memory, this stack included.
    unsafe { clone3(&arguments(0), child) }
}

/// Ends this process at once, without what `exit(3)` would run: that belongs to the process that it was
/// copied from.
pub fn exit(status: i32) -> ! {
    // SAFETY: it does not return, and runs nothing of this program.
    unsafe { libc::_exit(status) }
}

fn arguments(flags: u64) -> libc::clone_args {
    libc::clone_args {
        flags,
        pidfd: 0,
        child_tid: 0,
        parent_tid: 0,
        exit_signal: libc::SIGCHLD as u64,
        stack: 0,
        stack_size: 0,
        tls: 0,
        set_tid: 0,
        set_tid_size: 0,
        cgroup: 0,
    }
}

/// The call itself. No C library wraps it: the child must not return to the frame of its parent, so it
/// goes on in [`enter`] and never comes back.
///
/// # Safety
/// `args` must be valid for `clone3(2)`. With `CLONE_VM` they must also set `CLONE_VFORK` and a stack
/// that nothing else uses.
unsafe fn clone3<F: FnOnce() -> i32>(args: &libc::clone_args, child: F) -> Result<Pid, Errno> {
    let mut child = Some(child);
    let result: isize;
    // SAFETY: the kernel reads `args` and overwrites rax, rcx and r11. The parent goes on after the block
    // with all other registers as they were. The child jumps to `enter`, which has the C convention and
    // never returns, on an aligned stack: its own, or a copy of this one (there is no `nostack`, so this
    // one is aligned too, and free below).
    unsafe {
        asm!(
            "syscall",
            "test rax, rax",
            "jnz 2f",
            // No frame pointer and no return address: a backtrace ends here.
            "xor ebp, ebp",
            "push 0",
            "mov rdi, r12",
            "jmp r13",
            "2:",
            inlateout("rax") libc::SYS_clone3 as isize => result,
            in("rdi") &raw const *args,
            in("rsi") size_of::<libc::clone_args>(),
            in("r12") &raw mut child,
            in("r13") enter::<F> as extern "C" fn(*mut Option<F>) -> !,
            lateout("rcx") _,
            lateout("r11") _,
        );
    }
    if result < 0 {
        return Err(Errno::from_raw_os_error(-result as i32));
    }
    // The parent's result is never 0: with 0 the child has gone to `enter`.
    Pid::from_raw(result as i32).ok_or(Errno::SRCH)
}

/// Where the child begins. It never unwinds into the frames below, which are its parent's.
extern "C" fn enter<F: FnOnce() -> i32>(child: *mut Option<F>) -> ! {
    // SAFETY: `child` is a local of `clone3`, which is alive: in this process's own copy of the memory, or
    // in the memory of the parent, which sleeps meanwhile.
    let child = unsafe { (*child).take() };
    exit(catch_unwind(AssertUnwindSafe(|| child.map_or(0, |child| child()))).unwrap_or(crate::error::FAILED))
}
