//! The command: a child in a session of its own, as its user, in its folder (`fork(2)`, `setsid(2)`, `setuid(2)`,
//! `execve(2)`).
//!
//! Where somebody sits at the console, the command is in front of it, but the session is PID 1's (`setpgid(2)`,
//! `tcsetpgrp(3)`): when the process that leads a terminal's session ends, the kernel hangs the line up and
//! throws away what has not gone out, and the command's last words would be lost.
//!
//! The order: the terminal before signals are let through, because one of them stops who takes a terminal from
//! behind; the terminal before the user changes, because it is root's; groups before the group, and the group
//! before the user, because only root may change them; the folder as the user, because it must be allowed to
//! enter it.

use crate::console::console;
use crate::failure::{Context, Failure, complain, errno};
use crate::signals::unblock;
use core::ffi::CStr;
use isolab_init::start::{Start, key};
use isolab_workload::linux::{exit, map, syscall};
use rustix::fd::OwnedFd;
use rustix::fs::{Access, Gid, Uid, access, fchown};
use rustix::io::Errno;
use rustix::process::{Pid, chdir, getpid, ioctl_tiocsctty, setpgid, setsid};
use rustix::stdio::{dup2_stdin, dup2_stdout};
use rustix::termios::tcsetpgrp;
use rustix::thread::{set_thread_gid, set_thread_groups, set_thread_uid};

const FORK: usize = 57;
const EXECVE: usize = 59;

/// isolab itself failed.
pub(crate) const FAILED: u8 = 125;
/// The command cannot be executed.
const NOT_EXECUTABLE: u8 = 126;
/// The command does not exist.
const NOT_FOUND: u8 = 127;

/// What becomes the command's standard input and output, where that is not the console.
#[derive(Debug, Default)]
pub(crate) struct Pipes {
    pub(crate) input: Option<OwnedFd>,
    pub(crate) output: Option<OwnedFd>,
}

/// Starts the command.
pub(crate) fn begin(start: &Start<'_>, pipes: &Pipes) -> Result<Pid, Failure<'static>> {
    if start.terminal {
        setsid().at("starting a session for", c"the console")?;
        // A console that is no terminal has no session.
        let _ = ioctl_tiocsctty(console());
    }
    // SAFETY: this process has one thread, so the child's copy of it is whole.
    let child = unsafe { syscall(FORK, [0; 6]) };
    if child == 0 {
        let status = prepare(start, pipes).map_or_else(
            |failure| {
                complain(failure);
                FAILED
            },
            |()| execute(start),
        );
        exit(status.into())
    }
    Pid::from_raw(child as i32)
        .filter(|_| child > 0)
        .ok_or_else(|| errno(child))
        .at("starting", c"the command")
}

/// Makes the child what the command shall find itself to be.
fn prepare<'a>(start: &Start<'a>, pipes: &Pipes) -> Result<(), Failure<'a>> {
    if start.terminal {
        setpgid(None, None).at("making a process group of", c"the command")?;
        let _ = tcsetpgrp(console(), getpid());
    } else {
        setsid().at("starting a session for", c"the command")?;
    }
    unblock()?;
    if let Some(input) = &pipes.input {
        dup2_stdin(input).at("giving its input to", c"the command")?;
    }
    if let Some(output) = &pipes.output {
        dup2_stdout(output).at("giving its output to", c"the command")?;
    }
    let (user, group) = (Uid::from_raw(start.user.0), Gid::from_raw(start.user.1));
    if !user.is_root() {
        // So that it may open /dev/stderr, as it could its own terminal.
        fchown(console(), Some(user), None).at("giving to its user", c"/dev/console")?;
    }
    set_thread_groups(&[]).at("leaving all groups for", c"the command")?;
    set_thread_gid(group).at("changing the group of", c"the command")?;
    set_thread_uid(user).at("changing the user of", c"the command")?;
    chdir(start.workdir).at("entering the folder", start.workdir)
}

/// Becomes the command. Returns, with the status to end with, only if it cannot.
fn execute(start: &Start<'_>) -> u8 {
    let (Some(arguments), Some(environment)) =
        (pointers(start.all(key::ARGUMENT)), pointers(start.all(key::VARIABLE)))
    else {
        complain("no memory for the command's arguments");
        return FAILED;
    };
    // As the shells do: the search goes on after a file that may not be executed, but remembers it.
    let mut refused = None;
    for path in start.all(key::CANDIDATE) {
        let words = [path.as_ptr() as usize, arguments as usize, environment as usize, 0, 0, 0];
        // SAFETY: a path, and two arrays of pointers to strings with a null behind the last.
        match errno(unsafe { syscall(EXECVE, words) }) {
            Errno::NOENT | Errno::NOTDIR if access(path, Access::EXISTS).is_ok() => {
                complain(format_args!(
                    "{} is there, but its interpreter is not: the root folder lacks its dynamic loader or #! program",
                    path.to_bytes().escape_ascii()
                ));
                return NOT_FOUND;
            }
            Errno::NOENT | Errno::NOTDIR => {}
            why => {
                refused.get_or_insert(Failure { step: "executing", what: path, kind: None, why });
                if why != Errno::ACCESS {
                    break;
                }
            }
        }
    }
    if let Some(failure) = refused {
        complain(failure);
        return NOT_EXECUTABLE;
    }
    let name = start.all(key::ARGUMENT).next().unwrap_or_default();
    complain(format_args!("command not found in the root folder: {}", name.to_bytes().escape_ascii()));
    NOT_FOUND
}

/// An array of pointers to these strings, with a null behind the last. `None`: there is no memory for it.
fn pointers<'a>(strings: impl Iterator<Item = &'a CStr> + Clone) -> Option<*const *const u8> {
    let array = map((strings.clone().count() + 1) * size_of::<usize>())?;
    for (place, string) in array.chunks_exact_mut(size_of::<usize>()).zip(strings) {
        place.copy_from_slice(&(string.as_ptr() as usize).to_ne_bytes());
    }
    Some(array.as_ptr().cast())
}
