//! `exec`: one more process in a container that runs (`setns(2)`, `pidfd_open(2)`).
//!
//! It gets the views of the container's first process, all at once by that process's descriptor, and the same
//! walls as every process of the container: its groups, its system call filter, the capabilities of the
//! configuration. A process enters a PID namespace only by being born in it, and so the clone comes in the middle:
//!
//! 1. Outside: the container is looked up, the process's wishes are checked ([`request`]), the ways into its
//!    groups opened.
//! 2. A go-between enters the PID namespace, and for an ordinary user the user namespace, and clones
//!    ([`crate::clone::clone_through`]).
//! 3. `inside`: the new process joins the groups while their files are in view, hides its memory before anyone in
//!    the container can see it, enters the other namespaces, and becomes the program.
//!
//! The runtime itself never enters: no descriptor and no memory of the host's is in the container's reach.

mod inside;
pub mod request;

pub use request::Request;

use crate::cgroup::Group;
use crate::channel::{self, Outside, Reached};
use crate::clone::{Child, clone_through};
use crate::console::Terminal;
use crate::container::{end_child, hand_on, write_pid};
use crate::error::{Context, Error};
use crate::foreground::until_end_of;
use crate::identity::Identity;
use crate::namespaces::Namespaces;
use crate::oci::state::{Record, Status};
use crate::process::Attributes;
use crate::process::affinity::Affinity;
use crate::seccomp::Program;
use crate::signals::Blocked;
use crate::title;
use inside::Inside;
use oci_spec::runtime::{LinuxNamespaceType, Spec};
use rustix::fs::{CWD, Mode, OFlags, openat, readlinkat};
use rustix::io::Errno;
use rustix::process::{Pid, geteuid};
use std::os::fd::{AsFd, OwnedFd};

/// Executes a program in a container. Returns its exit status; detached, 0 as soon as it runs.
///
/// The calling process must have one thread.
pub fn run(request: &Request<'_>) -> Result<i32, Error> {
    let folder = request.store.find(&request.id)?;
    let record = folder.read()?.ok_or_else(|| Error::NoContainer(request.id.clone()))?;
    let status = folder.status(&record)?;
    let gone = |status| Error::NotRunning { id: request.id.clone(), wanted: "executed in", status };
    if !matches!(status, Status::Created | Status::Running | Status::Paused) {
        return Err(gone(status));
    }
    let process = record.process.ok_or_else(|| gone(status))?;
    let target = process.open()?.ok_or_else(|| gone(Status::Stopped))?;
    let spec = folder.config()?;
    let group = Group::open(record.place.clone());
    if !request.ignore_paused && group.paused() {
        return Err(Error::WrongState {
            id: request.id.clone(),
            wanted: "executed in",
            status: Status::Paused,
            fix: "resume it, or use --ignore-paused",
        });
    }

    let wanted = request.process(&spec)?;
    let attributes = Attributes::new(&wanted, &spec)?;
    for warning in attributes.warnings()? {
        request.log.warning(&warning.line());
    }
    let filter = Program::of(&spec, record.default_filter)?;
    let namespaces = views(&spec, Pid::from_raw(process.pid))?;
    let own_mounts = namespaces.contains(Namespaces::MOUNT);
    let root = (!own_mounts).then(|| root_of(process)).transpose()?;
    let affinity = Affinity::new(&wanted)?;
    if let Some(mask) = affinity.initial_mask() {
        request.log.debug(&format!("CPU affinity: {mask}"));
    }
    let cgroups = group.joining_below(&request.cgroups, process.pid)?;
    let signals = Blocked::block()?;
    let terminal = Terminal::new(&wanted, request.console_socket.as_deref(), request.detach)?;

    let (outside, channel) = channel::pair()?;
    let mut outside = Some(outside);
    // Root enters the user namespace last, and is root until then; a user must be root in it first.
    let first = if geteuid().is_root() { Namespaces::PID } else { Namespaces::PID | Namespaces::USER };
    let first = namespaces.common(first);
    let inside = Inside {
        request,
        attributes: &attributes,
        affinity,
        filter: filter.as_ref(),
        target: target.as_fd(),
        namespaces: namespaces.without(first),
        root,
        in_user_namespace: namespaces.contains(Namespaces::USER),
        cgroups: &cgroups,
        terminal: terminal.as_ref(),
        signals: &signals,
        channel,
    };
    let others = &mut outside;
    let begin = move || {
        drop(others.take());
        inside.run()
    };
    let enter = || if first == Namespaces::NONE { Ok(()) } else { first.enter(target.as_fd()) };
    let child = title::hidden(|| clone_through(enter, Namespaces::NONE, cgroups.folder(), begin))
        .step("entering the container's PID namespace")?;
    let Some(outside) = outside else { return Err(Error::Died) };
    let status = follow(request, &record, &spec, &attributes, &child, &outside, &signals).and_then(|()| {
        if request.detach {
            return Ok(0);
        }
        let relay = terminal.as_ref().map(Terminal::relay).transpose()?.flatten();
        until_end_of(&child, &signals, relay)
    });
    if request.detach && status.is_ok() {
        signals.stay();
    }
    // The error that made it fail is the one to tell.
    status.inspect_err(|_| drop(end_child(&child)))
}

/// Does the runtime's part until the program runs.
fn follow(
    request: &Request<'_>,
    record: &Record,
    spec: &Spec,
    attributes: &Attributes,
    child: &Child,
    outside: &Outside,
    signals: &Blocked,
) -> Result<(), Error> {
    let pid = child.pid.as_raw_nonzero().get();
    let mut ready = false;
    loop {
        match outside.wait(signals)? {
            Reached::Namespaces => attributes.grant(child.pid)?,
            Reached::Filtered(listener) => {
                hand_on(spec, record.state(Status::Running, pid), listener.as_fd(), pid)?;
            }
            Reached::Furnished | Reached::UnknownFormat => {}
            Reached::Ready => {
                ready = true;
                if let Some(file) = &request.pid_file {
                    write_pid(file, pid)?;
                }
            }
            Reached::Started if ready => return Ok(()),
            Reached::Started => return Err(Error::Died),
        }
        outside.go_on()?;
    }
}

/// The namespaces in which the container is and the runtime is not.
fn views(spec: &Spec, process: Option<Pid>) -> Result<Namespaces, Error> {
    let list = spec.linux().as_ref().and_then(|linux| linux.namespaces().as_deref()).unwrap_or_default();
    let mut views = list.iter().fold(Namespaces::NONE, |all, one| all | one.typ().into());
    // One's own user namespace is the only one that cannot be entered once more; a path may have led to it.
    let given = |each: &oci_spec::runtime::LinuxNamespace| {
        each.typ() == LinuxNamespaceType::User && each.path().is_some()
    };
    if let Some(pid) = process.filter(|_| list.iter().any(given)) {
        let look = |name: &str| {
            let file = format!("/proc/{name}/ns/user");
            readlinkat(CWD, &file, Vec::new()).at("looking at", file)
        };
        if look("self")? == look(&pid.as_raw_nonzero().to_string())? {
            views = views.without(Namespaces::USER);
        }
    }
    Ok(views)
}

/// The container's root, where it has no mount namespace by which it could be entered.
fn root_of(process: Identity) -> Result<OwnedFd, Error> {
    let path = format!("/proc/{}/root", process.pid);
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let root = openat(CWD, &path, flags, Mode::empty()).at("opening the container's root", &path)?;
    // It may have ended, and another have its number.
    if process.is_alive() { Ok(root) } else { Err(Errno::SRCH).at("opening the container's root", &path) }
}
