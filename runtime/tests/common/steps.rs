//! A command of the runtime, stopped at exactly its N-th system call (`ptrace(2)`).
//!
//! An instant chosen by a clock is another one in every run; the calls of a program are the same each time. The
//! calls of the processes that it makes count as well: between two calls of the runtime, its child makes many.

use nix::sys::ptrace::{self, Options};
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::Pid;
use std::collections::HashSet;
use std::os::unix::process::CommandExt as _;
use std::process::{Command, Stdio};

/// How a traced command ended.
#[derive(Debug)]
pub struct Traced {
    /// How many calls it and its children had begun.
    pub calls: usize,
    /// The call at whose beginning the signal came.
    pub at: String,
    /// Its exit status, or 128 + the signal that ended it.
    pub status: i32,
}

/// Runs a command to its end; at the beginning of its call number `step`, counted from 1, it gets a signal.
pub fn signalled(command: Command, step: usize, signal: Signal) -> Traced {
    // When the tracer ends, the kernel lets go of all that it traced. A thread can be a tracer.
    let mut children = Vec::new();
    let run = || trace(command, step, signal, &mut children);
    let traced = std::thread::scope(|scope| scope.spawn(run).join().unwrap());
    // A child that has not run so far would begin with the stop that was meant for the tracer.
    for child in children {
        let _ = kill(child, Signal::SIGCONT);
    }
    traced
}

/// How many calls a command makes with its children, undisturbed.
pub fn count(command: Command) -> usize {
    let traced = signalled(command, usize::MAX, Signal::SIGCONT);
    assert_eq!(traced.status, 0, "undisturbed it succeeds");
    traced.calls
}

/// Numbers of calls from the first to the last of `calls`, evenly spread: 40, and 200 in the full tier.
pub fn spread(calls: usize) -> impl Iterator<Item = usize> {
    let instants = if super::full_tier() { 200 } else { 40 };
    (0..instants).map(move |number| 1 + number * (calls - 1) / (instants - 1))
}

fn trace(mut command: Command, step: usize, signal: Signal, children: &mut Vec<Pid>) -> Traced {
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    // SAFETY: between fork and exec it makes one system call.
    unsafe { command.pre_exec(|| Ok(ptrace::traceme()?)) };
    let runtime = Pid::from_raw(command.spawn().expect("the runtime starts").id().cast_signed());
    waitpid(runtime, None).unwrap();
    let family = Options::PTRACE_O_TRACEFORK | Options::PTRACE_O_TRACEVFORK | Options::PTRACE_O_TRACECLONE;
    ptrace::setoptions(runtime, family | Options::PTRACE_O_TRACESYSGOOD).unwrap();
    ptrace::syscall(runtime, None).unwrap();
    let mut traced = Traced { calls: 0, at: String::new(), status: 0 };
    // Who is inside a call: its next stop is the call's end.
    let mut inside = HashSet::new();
    loop {
        let status = waitpid(None, Some(WaitPidFlag::__WALL | WaitPidFlag::__WNOTHREAD)).unwrap();
        let Some(pid) = status.pid() else { continue };
        let pass_on = match status {
            WaitStatus::PtraceSyscall(_) => {
                if !inside.remove(&pid) {
                    inside.insert(pid);
                    traced.calls += 1;
                    if traced.calls == step {
                        traced.at = name_of_call(pid, runtime);
                        kill(runtime, signal).unwrap();
                    }
                }
                None
            }
            WaitStatus::PtraceEvent(..) => {
                children.extend(ptrace::getevent(pid).map(|child| Pid::from_raw(child as i32)));
                None
            }
            // The first stop of a new process is no signal to pass on, nor is that after execve.
            WaitStatus::Stopped(_, Signal::SIGSTOP | Signal::SIGTRAP) => None,
            WaitStatus::Stopped(_, signal) => Some(signal),
            WaitStatus::Exited(_, status) if pid == runtime => return Traced { status, ..traced },
            WaitStatus::Signaled(_, signal, _) if pid == runtime => {
                return Traced { status: 128 + signal as i32, ..traced };
            }
            _ => continue,
        };
        // It may have been killed since it stopped.
        let _ = ptrace::syscall(pid, pass_on);
    }
}

fn name_of_call(pid: Pid, runtime: Pid) -> String {
    let number = ptrace::getregs(pid).map_or(0, |registers| registers.orig_rax as usize);
    let name = syscalls::Sysno::new(number).map_or("?", |call| call.name());
    let whose = if pid == runtime { "the runtime" } else { "a child" };
    format!("{name} of {whose}")
}
