//! The process itself, from a copy of the runtime to the program.

use super::Request;
use crate::cgroup::Joining;
use crate::channel::{self, Stop};
use crate::console::Terminal;
use crate::error::{Context, Error};
use crate::namespaces::Namespaces;
use crate::process::Attributes;
use crate::process::affinity::Affinity;
use crate::process::program::Executable;
use crate::rootfs::change_root;
use crate::seccomp::Program;
use crate::signals::{Blocked, default_dispositions};
use crate::{clone, idmap};
use rustix::process::{
    DumpableBehavior, Signal, set_dumpable_behavior, set_parent_process_death_signal, setsid,
};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

/// What the new process gets from the runtime.
pub(super) struct Inside<'a> {
    pub(super) request: &'a Request<'a>,
    pub(super) attributes: &'a Attributes,
    pub(super) affinity: Affinity,
    pub(super) filter: Option<&'a Program>,
    /// The container's first process.
    pub(super) target: BorrowedFd<'a>,
    /// Those to enter still.
    pub(super) namespaces: Namespaces,
    /// The container's root, if no namespace of mounts leads to it.
    pub(super) root: Option<OwnedFd>,
    pub(super) in_user_namespace: bool,
    pub(super) cgroups: &'a Joining,
    pub(super) terminal: Option<&'a Terminal>,
    pub(super) signals: &'a Blocked,
    pub(super) channel: channel::Inside,
}

impl Inside<'_> {
    /// All of it. Returns only to end.
    pub(super) fn run(self) -> i32 {
        let error = match self.become_ready() {
            Ok(executable) => executable.execute(self.signals),
            Err(error) => error,
        };
        self.channel.fail(&error);
        error.exit_status()
    }

    fn become_ready(&self) -> Result<Executable, Error> {
        self.die_with_the_runtime()?;
        setsid().step("starting a session")?;
        self.affinity.apply_initial()?;
        self.cgroups.join()?;
        self.cgroups.check_room()?;
        self.affinity.apply_final()?;
        if self.in_user_namespace {
            self.wait_for(Stop::Namespaces)?;
        }
        // From the first of its namespaces on the container's processes could look at this one: at its memory,
        // which is the runtime's, and at its descriptors (CVE-2016-9962).
        set_dumpable_behavior(DumpableBehavior::NotDumpable).step("hiding the process's memory")?;
        self.namespaces.enter(self.target).step("entering the container's namespaces")?;
        if self.in_user_namespace {
            idmap::assume_root()?;
            // To become somebody else takes the request back.
            self.die_with_the_runtime()?;
        }
        if let Some(root) = &self.root {
            change_root(root.as_fd())?;
        }
        if let Some(terminal) = self.terminal {
            terminal.attach(self.attributes.uid(), false)?;
        }
        default_dispositions();
        let mut listener = None;
        let install = || {
            self.settle()?;
            listener = self.filter.map(Program::install).transpose()?.flatten();
            Ok(())
        };
        // It is executed at once: the kernel itself says what is wrong with it.
        let executable = self.attributes.clone().apply(self.request.preserve_fds, |_| Ok(()), install)?;
        if !self.attributes.no_new_privileges() {
            self.settle()?;
        }
        if let Some(listener) = listener
            && !self.channel.hand_over(listener.as_fd())?
        {
            clone::exit(128 + Signal::KILL.as_raw());
        }
        self.wait_for(Stop::Ready)?;
        Ok(executable)
    }

    /// Lives on without the runtime, or dies with it.
    fn settle(&self) -> Result<(), Error> {
        if self.request.detach {
            set_parent_process_death_signal(None).step("untying the process from the runtime")
        } else {
            self.die_with_the_runtime()
        }
    }

    fn die_with_the_runtime(&self) -> Result<(), Error> {
        set_parent_process_death_signal(Some(Signal::KILL))
            .step("tying the process to the runtime's life")?;
        if !self.channel.is_open() {
            clone::exit(128 + Signal::KILL.as_raw());
        }
        Ok(())
    }

    fn wait_for(&self, stop: Stop) -> Result<(), Error> {
        if !self.channel.wait(stop)? {
            clone::exit(128 + Signal::KILL.as_raw());
        }
        Ok(())
    }
}
