//! The process of a container, from a copy of the runtime to the program (the specification's "Process").
//!
//! [`Attributes::new`] checks and translates the configuration, in the runtime, before anything is made.
//! [`Attributes::apply`] is called in the new process, when its root is in place; `exec` does the same in a
//! container that runs already. The order is the point, for each step takes away what an earlier one needed:
//!
//! 1. [`scheduling`], [`limits`]: take capabilities on the host. (A low limit on open files is set after 7.)
//! 2. [`folder`], umask, personality, [`label`], the standard streams: take root's view of the files.
//! 3. The process becomes undumpable: others in the same PID namespace could look into its memory, which is the
//!    runtime's, and through `/proc` at its program, which is the host's (CVE-2016-9962, CVE-2019-5736).
//! 4. `descriptors`: all others will be closed at the execution.
//! 5. The system call filter, if new privileges are allowed: installing one then takes `CAP_SYS_ADMIN`.
//! 6. [`capabilities`]: the bounding set takes `CAP_SETPCAP`; [`user`]: takes `CAP_SETUID`, `CAP_SETGID`;
//!    then the process's own sets.
//! 7. [`program`]: is looked for by the user who will execute it; `format` looks whether the kernel will, `handlers`
//!    who else may.
//! 8. `no_new_privs`; with it anybody may install the filter, so it is last.

pub mod affinity;
pub mod capabilities;
#[allow(unsafe_code)]
mod descriptors;
pub mod folder;
pub(crate) mod format;
pub(crate) mod handlers;
mod home;
pub mod label;
pub mod limits;
mod list;
#[allow(unsafe_code)]
mod memory_policy;
#[allow(unsafe_code)]
mod personality;
pub mod program;
#[allow(unsafe_code)]
pub mod scheduling;
pub mod user;

use crate::error::{Context, Error};
use capabilities::Capability;
use folder::Folder;
use label::Label;
use limits::Limits;
use memory_policy::MemoryPolicy;
use oci_spec::runtime::{LinuxNamespaceType, Process, Spec};
use personality::Personality;
use program::{Executable, Program};
use rustix::process::{DumpableBehavior, Pid, set_dumpable_behavior};
use rustix::thread::set_no_new_privs;
use scheduling::Scheduling;
use std::path::PathBuf;
use user::User;

/// All that a process is to have, checked.
#[derive(Clone, Debug)]
pub struct Attributes {
    program: Program,
    folder: Folder,
    user: User,
    capabilities: Capability,
    limits: Limits,
    scheduling: Scheduling,
    labels: Vec<Label>,
    personality: Option<Personality>,
    memory_policy: Option<MemoryPolicy>,
    no_new_privileges: bool,
    in_user_namespace: bool,
}

impl Attributes {
    /// Checks and translates what `process` asks for, in a container that is otherwise as `spec` says.
    pub fn new(process: &Process, spec: &Spec) -> Result<Self, Error> {
        let linux = spec.linux().as_ref();
        let namespaces = linux.and_then(|linux| linux.namespaces().as_deref()).unwrap_or_default();
        let in_user_namespace = namespaces.iter().any(|each| each.typ() == LinuxNamespaceType::User);
        let none = Vec::new();
        Ok(Self {
            program: Program::new(
                process.args().as_ref().unwrap_or(&none),
                process.env().as_ref().unwrap_or(&none),
            )?,
            folder: Folder::new(process.cwd().clone())?,
            user: User::new(process.user(), in_user_namespace)?,
            capabilities: Capability::new(process.capabilities().as_ref()),
            limits: Limits::new(process.rlimits().as_deref().unwrap_or_default())?,
            scheduling: Scheduling::new(process)?,
            labels: Label::all_of(process),
            personality: linux
                .and_then(|linux| linux.personality().as_ref())
                .map(Personality::new)
                .transpose()?,
            memory_policy: linux
                .and_then(|linux| linux.memory_policy().as_ref())
                .map(MemoryPolicy::new)
                .transpose()?,
            no_new_privileges: process.no_new_privileges().unwrap_or(false),
            in_user_namespace,
        })
    }

    /// Whether the program can never gain what it lacks; then the filter is the last of [`Attributes::apply`].
    pub fn no_new_privileges(&self) -> bool {
        self.no_new_privileges
    }

    /// What was asked for and will not be had. For the runtime to log before the clone: the
    /// process's own standard error is the container's.
    pub fn warnings(&self) -> Result<Vec<Error>, Error> {
        self.capabilities.warnings(self.in_user_namespace)
    }

    /// Gives a process, from outside, what nobody can give himself inside a user namespace: its place in the
    /// queues for CPU, disk and memory, and higher limits. Needed if the container has a user namespace: by the
    /// runtime while the new process waits for its identity, or by the process itself (its own number) before
    /// it enters a given one.
    pub fn grant(&self, process: Pid) -> Result<(), Error> {
        self.scheduling.apply(Some(process))?;
        self.limits.allow(process)
    }

    /// The user's number, as inside: the owner of the terminal.
    pub fn uid(&self) -> u32 {
        self.user.uid().as_raw()
    }

    /// Whether hooks can be called in the process.
    pub(crate) fn allow_hooks(&self) -> Result<(), Error> {
        self.limits.allow_hooks()
    }

    /// The program, as the configuration calls it.
    pub(crate) fn program(&self) -> PathBuf {
        self.program.name()
    }

    /// Turns the calling process into what the configuration asks for, with `preserved` descriptors besides
    /// the standard three. `found` gets the program as soon as it is found, when its user can look at it; `filter`
    /// installs the system call filter. What comes back only needs to be executed.
    pub fn apply(
        self,
        preserved: u32,
        found: impl FnOnce(&Executable) -> Result<(), Error>,
        filter: impl FnOnce() -> Result<(), Error>,
    ) -> Result<Executable, Error> {
        if !self.in_user_namespace {
            self.scheduling.apply(None)?;
        }
        self.limits.apply()?;
        let entered = self.folder.try_enter()?;
        self.user.mask();
        if let Some(personality) = self.personality {
            personality.apply()?;
        }
        if let Some(policy) = &self.memory_policy {
            policy.apply()?;
        }
        for label in &self.labels {
            label.apply()?;
        }
        self.user.own_streams();
        set_dumpable_behavior(DumpableBehavior::NotDumpable).step("hiding the process's memory")?;
        descriptors::close_at_exec(preserved)?;

        let filter = if self.no_new_privileges {
            Some(filter)
        } else {
            filter()?;
            None
        };
        self.capabilities.bound()?;
        self.user.assume()?;
        self.capabilities.assume()?;
        if !entered {
            self.folder.enter()?;
        }
        let executable = self.program.find(self.user.uid())?;
        found(&executable)?;
        self.limits.apply_late()?;
        if let Some(filter) = filter {
            set_no_new_privs(true).step("setting no_new_privs")?;
            filter()?;
        }
        Ok(executable)
    }
}
