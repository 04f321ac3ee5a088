//! A container from beginning to end, as the runtime outside sees it: the recipe.

use crate::cgroup::{Group, Hierarchy, Limits};
use crate::clone::{self, Child};
use crate::error::{Context, Error, FAILED};
use crate::init::Init;
use crate::namespaces::Namespaces;
use crate::signals::{Blocked, Event};
use crate::spec::Spec;
use isolab_timeline::{Mark, Stamps};
use rustix::io::Errno;
use rustix::process::{
    PidfdFlags, Signal, WaitId, WaitIdOptions, getegid, geteuid, getpid, pidfd_open, pidfd_send_signal,
    waitid,
};
use std::os::fd::AsFd;

/// Runs a container in the foreground and returns its exit status: the command's own, 128 + the
/// signal that killed it, or what an [`Error`] inside became (which was then printed there).
///
/// The calling process must have one thread. `stamps` must be shared memory ([`crate::page`]) for the
/// marks of the container's first process to arrive.
pub fn run(spec: &Spec, stamps: &Stamps) -> Result<i32, Error> {
    stamps.stamp(Mark::Isolate);
    // Before anything exists that a signal could leave behind.
    let signals = Blocked::block()?;
    let group = if spec.limits == Limits::default() {
        Group::default()
    } else {
        Hierarchy::detect()?.create(&spec.limits)?
    };
    let cgroups = group.joining()?;
    let this = pidfd_open(getpid(), PidfdFlags::empty()).step("opening the runtime's own process")?;

    let root = geteuid().is_root();
    let identity = (!root).then(|| (geteuid().as_raw(), getegid().as_raw()));
    let namespaces = if root { Namespaces::CONTAINER } else { Namespaces::CONTAINER | Namespaces::USER };
    let init = Init { spec, signals: &signals, stamps, parent: this.as_fd(), cgroups: &cgroups, identity };
    let child =
        clone::clone(namespaces, cgroups.folder(), || init.run()).map_err(|source| refused(source, root))?;

    let status = forward_until_end_of(&child, &signals)?;
    stamps.stamp(Mark::Exited);
    group.remove()?;
    stamps.stamp(Mark::Cleaned);
    Ok(status)
}

fn forward_until_end_of(child: &Child, signals: &Blocked) -> Result<i32, Error> {
    loop {
        match signals.wait() {
            Event::Child => {
                let options = WaitIdOptions::EXITED | WaitIdOptions::NOHANG;
                if let Some(status) =
                    waitid(WaitId::PidFd(child.pidfd.as_fd()), options).step("waiting for the container")?
                {
                    let by_signal = status.terminating_signal().map(|signal| 128 + signal);
                    return Ok(status.exit_status().or(by_signal).unwrap_or(FAILED));
                }
            }
            // The terminal has told PID 1 itself; but a hang-up it tells only to the leader of the session.
            Event::Signal { signal, from_kernel: true } if signal != Signal::HUP => {}
            Event::Signal { signal, .. } => match pidfd_send_signal(&child.pidfd, signal) {
                // It has just ended; its status is the next to be read.
                Ok(()) | Err(Errno::SRCH) => {}
                error => error.step("forwarding a signal")?,
            },
        }
    }
}

/// Why the namespaces could not be made, where the user can do something about it.
fn refused(source: Errno, root: bool) -> Error {
    let fix = match (source, root) {
        (Errno::PERM, true) => {
            "this root lacks CAP_SYS_ADMIN: run on the host itself, or in a privileged container"
        }
        (Errno::PERM, false) => {
            "this host allows user namespaces to root only: run as root, or see the sysctls \
             kernel.unprivileged_userns_clone and kernel.apparmor_restrict_unprivileged_userns"
        }
        (Errno::NOSPC, _) => "raise the sysctls user.max_*_namespaces",
        (Errno::INVAL | Errno::NOSYS, _) => {
            "the kernel lacks a namespace: isolab needs Linux 5.12 or later with all of CONFIG_NAMESPACES"
        }
        _ => return Error::Step { step: "creating the container's first process", source },
    };
    Error::Unavailable { what: "namespaces", why: source.to_string(), fix }
}
