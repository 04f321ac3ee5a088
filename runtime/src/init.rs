//! The container's first process, from its first instruction to the user's program.
//!
//! It builds the walls around itself from inside, because only a process in a namespace can furnish it, and
//! then becomes the user's program: PID 1 of the container is that program. Whatever fails here is said to the
//! runtime, once.

use crate::cgroup::Joining;
use crate::channel::{Inside, Stop};
use crate::container::plan::Plan;
use crate::container::{Gate, Recipe};
use crate::error::{Context, Error};
use crate::namespaces::Namespaces;
use crate::oci::hooks;
use crate::oci::state::{Record, Status};
use crate::process::program::Executable;
use crate::rootfs::{self, Root, Sources};
use crate::seccomp::Program;
use crate::signals::{Blocked, default_dispositions};
use crate::{clone, idmap, keyring, loopback, reaper};
use isolab_timeline::{Mark, Stamps};
use rustix::io::{Errno, read};
use rustix::process::{Signal, set_parent_process_death_signal, setsid};
use rustix::system::{setdomainname, sethostname};
use std::fs::File;
use std::os::fd::{AsFd, OwnedFd};

/// What the first process gets from the runtime.
pub(crate) struct Init<'a> {
    pub(crate) recipe: &'a Recipe,
    pub(crate) plan: &'a Plan,
    pub(crate) record: &'a Record,
    pub(crate) signals: &'a Blocked,
    pub(crate) stamps: &'a Stamps,
    /// Open until the container is made; then its closing tells the runtime that the program runs.
    pub(crate) channel: Inside,
    pub(crate) cgroups: &'a Joining,
    /// What only the runtime outside could open for the root.
    pub(crate) sources: &'a Sources,
    /// The FIFO at which it waits for `start`.
    pub(crate) gate: Option<OwnedFd>,
}

impl Init<'_> {
    /// All of it. Returns only to end.
    pub(crate) fn run(self) -> i32 {
        match self.furnish() {
            Ok(()) if self.recipe.init => self.start_and_reap(),
            Ok(()) => self.go_on_as_the_program(),
            Err(error) => {
                self.channel.fail(&error);
                error.exit_status()
            }
        }
    }

    /// Builds the walls. The order is the point: each step needs the ones before it.
    fn furnish(&self) -> Result<(), Error> {
        let Plan { views, maps, clocks, .. } = self.plan;
        let spec = &self.recipe.config.spec;
        self.die_with_the_runtime()?;
        // A session of its own: a process may signal its whole group and type into its own terminal
        // (`TIOCSTI`), and neither stops at a namespace.
        setsid().step("starting a session")?;
        if self.plan.in_user_namespace() {
            if let Some(maps) = maps.as_ref().filter(|maps| maps.by_itself()) {
                maps.write_by_itself()?;
            }
            self.wait_for(Stop::Namespaces)?;
            idmap::assume_root()?;
            // To become somebody else takes the request back.
            self.die_with_the_runtime()?;
        }
        self.cgroups.join()?;
        if views.new.contains(Namespaces::CGROUP) {
            Namespaces::CGROUP.unshare()?;
        }
        views.finish_inside(clocks.as_ref())?;
        self.stamps.stamp(Mark::Cloned);
        if self.recipe.keyring {
            keyring::join_new(&self.recipe.id)?;
        }
        if views.new.contains(Namespaces::NETWORK) {
            loopback::up()?;
        }
        if let Some(devices) = &self.plan.devices {
            // In a user namespace nobody has power over the host's: there the runtime has moved them.
            if !self.plan.in_user_namespace() {
                let own = "/proc/self/ns/net";
                devices.move_into(File::open(own).at("opening", own)?.as_fd())?;
            }
            devices.set_up()?;
        }
        if let Some(name) = spec.hostname() {
            sethostname(name.as_bytes()).step("setting the host's name")?;
        }
        if let Some(name) = spec.domainname() {
            setdomainname(name.as_bytes()).step("setting the domain's name")?;
        }
        self.plan.parameters.apply()?;
        self.build_root()?;
        self.stamps.stamp(Mark::Rooted);
        if let Some(terminal) = &self.plan.terminal {
            let own_mounts = views.new.contains(Namespaces::MOUNT);
            terminal.attach(self.plan.attributes.uid(), own_mounts)?;
        }
        default_dispositions();
        Ok(())
    }

    /// Becomes what the configuration wants, and says that nothing is left to be made.
    fn become_ready(&self) -> Result<Executable, Error> {
        let mut listener = None;
        let install = || {
            self.settle()?;
            listener = self.plan.filter.as_ref().map(Program::install).transpose()?.flatten();
            Ok(())
        };
        let executable = self.plan.attributes.clone().apply(self.recipe.preserve_fds, install)?;
        // Where the filter came before the change of identity, that has taken the request back.
        if !self.plan.attributes.no_new_privileges() {
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

    /// Lives on without the runtime, or dies with it. (The runtime may die before it has written down that
    /// this process lives: then nobody answers on the channel.)
    fn settle(&self) -> Result<(), Error> {
        match self.recipe.gate {
            Gate::Tied => self.die_with_the_runtime(),
            Gate::Start | Gate::Detached => {
                set_parent_process_death_signal(None).step("untying the first process from the runtime")
            }
        }
    }

    /// The rest: becomes ready, waits for the start, becomes the program.
    fn go_on_as_the_program(self) -> i32 {
        let executable = match self.become_ready() {
            Ok(executable) => executable,
            Err(error) => {
                self.channel.fail(&error);
                return error.exit_status();
            }
        };
        let Self { recipe, record, signals, channel, gate, .. } = self;
        // Who called `create` is told now that the container is made; who runs it at once, when it runs.
        let channel = (recipe.gate != Gate::Start).then_some(channel);
        let started = wait_at(gate.as_ref()).and_then(|()| start_hooks(recipe, record, signals));
        let error = started.map_or_else(|error| error, |()| executable.execute(signals));
        // After `start` there is nobody to tell but whoever reads the container's output.
        if !channel.is_some_and(|channel| channel.fail(&error)) {
            eprintln!("isolab-runtime: {}", error.line());
        }
        error.exit_status()
    }

    /// Stays as the init of the container, with the program as a child.
    fn start_and_reap(self) -> i32 {
        let Self { plan, signals, recipe, .. } = self;
        match clone::fork(|| {
            let own_session = setsid().step("starting a session for the command");
            own_session.map_or_else(|error| error.exit_status(), |_| self.go_on_as_the_program())
        }) {
            Ok(command) => {
                // No more power than the program: it would be a way to more. The filter would stand in its way.
                let tamed = plan.attributes.clone().apply(recipe.preserve_fds, || Ok(()));
                tamed
                    .map_or_else(|error| error.exit_status(), |_| reaper::reap_until_end_of(command, signals))
            }
            Err(_) => crate::error::FAILED,
        }
    }

    /// The kernel kills this process when the runtime dies. A runtime that died before the request is seen by
    /// its end of the channel.
    fn die_with_the_runtime(&self) -> Result<(), Error> {
        set_parent_process_death_signal(Some(Signal::KILL))
            .step("tying the first process to the runtime's life")?;
        if !self.channel.is_open() {
            clone::exit(128 + Signal::KILL.as_raw());
        }
        Ok(())
    }

    fn build_root(&self) -> Result<(), Error> {
        let Recipe { config, overlay, pivot, .. } = self.recipe;
        let options = rootfs::Options { overlay: *overlay, no_pivot: !pivot };
        let root = Root::prepare(&config.spec, &config.bundle, self.sources, options)?;
        if let Some(reason) = root.no_overlay() {
            let path = config.bundle.display();
            eprintln!(
                "isolab-runtime: warning: no overlay of {path} ({reason}): the container's root is read-only"
            );
        }
        self.call_hooks()?;
        root.enter()
    }

    /// Lets the runtime call its hooks, and calls those that run in here.
    fn call_hooks(&self) -> Result<(), Error> {
        let Some(hooks) = self.recipe.config.spec.hooks() else { return Ok(()) };
        self.wait_for(Stop::Furnished)?;
        let state = self.record.state(Status::Created, std::process::id().cast_signed());
        hooks::run("createContainer", hooks.create_container(), &state, None, Some(self.signals))
    }

    /// Tells the runtime how far this process is, and waits until the runtime has done its part.
    fn wait_for(&self, stop: Stop) -> Result<(), Error> {
        if !self.channel.wait(stop)? {
            clone::exit(128 + Signal::KILL.as_raw());
        }
        Ok(())
    }
}

/// Waits at the FIFO until somebody starts the container.
fn wait_at(gate: Option<&OwnedFd>) -> Result<(), Error> {
    let Some(gate) = gate else { return Ok(()) };
    loop {
        match read(gate, &mut [0]) {
            Err(Errno::INTR) => {}
            result => return result.map(drop).step("waiting to be started"),
        }
    }
}

fn start_hooks(recipe: &Recipe, record: &Record, signals: &Blocked) -> Result<(), Error> {
    let spec = &recipe.config.spec;
    let Some(hooks) = spec.hooks() else { return Ok(()) };
    let state = record.state(Status::Created, std::process::id().cast_signed());
    let environment = spec.process().as_ref().and_then(|process| process.env().as_deref());
    hooks::run("startContainer", hooks.start_container(), &state, environment, Some(signals))
}
