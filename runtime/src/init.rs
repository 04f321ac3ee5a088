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
use crate::process::Attributes;
use crate::process::format::Format;
use crate::process::program::Executable;
use crate::rootfs::{self, Root, Sources};
use crate::seccomp::Program;
use crate::signals::{Blocked, default_dispositions};
use crate::{clone, gate, idmap, keyring, loopback, reaper};
use isolab_timeline::{Mark, Stamps};
use oci_spec::runtime::Hooks;
use rustix::io::read;
use rustix::pipe::{PipeFlags, pipe_with};
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
    pub(crate) gate: Option<gate::Gate>,
}

impl Init<'_> {
    /// All of it. Returns only to end.
    pub(crate) fn run(self) -> i32 {
        match self.furnish() {
            Ok(()) if self.recipe.init => self.start_and_reap(),
            Ok(()) => self.go_on_as_the_program(),
            Err(error) => self.give_up(&error),
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
            keyring::join_new()?;
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
        // The specification's "Hostname": without a UTS namespace of its own the container's is the runtime's.
        if let Some(name) = spec.hostname().as_ref().filter(|name| !name.is_empty()) {
            sethostname(name.as_bytes()).step("setting the host's name")?;
        }
        if let Some(name) = spec.domainname().as_ref().filter(|name| !name.is_empty()) {
            setdomainname(name.as_bytes()).step("setting the domain's name")?;
        }
        self.plan.parameters.apply()?;
        self.build_root()?;
        self.stamps.stamp(Mark::Rooted);
        if let Some(terminal) = &self.plan.terminal {
            let own_mounts = views.new.contains(Namespaces::MOUNT);
            let user = self.plan.attributes.as_ref().map_or(0, Attributes::uid);
            terminal.attach(user, own_mounts)?;
        }
        default_dispositions();
        Ok(())
    }

    /// Becomes what the configuration wants. An init does without the filter, which would stand in its way: its
    /// child, who installs one, can do so because neither can gain new privileges.
    fn equip(&self) -> Result<(Option<Executable>, Option<OwnedFd>), Error> {
        let Some(attributes) = &self.plan.attributes else {
            self.settle()?;
            return Ok((None, None));
        };
        let mut listener = None;
        let install = || {
            self.settle()?;
            if !self.recipe.init {
                listener = self.confine()?;
            }
            Ok(())
        };
        let found = |program: &Executable| self.foresee(program);
        let executable = attributes.clone().apply(self.recipe.preserve_fds, found, install)?;
        // Where the filter came before the change of identity, that has taken the request back.
        if !attributes.no_new_privileges() {
            self.settle()?;
        }
        Ok((Some(executable), listener))
    }

    /// Whether the program can be executed is the answer to `create`, where that is all that was asked for: engines clear
    /// up after a create that fails. Who runs it at once is told by the kernel.
    fn foresee(&self, program: &Executable) -> Result<(), Error> {
        if self.recipe.gate == Gate::Start && program.look()? == Format::Unknown {
            self.wait_for(Stop::UnknownFormat)?;
        }
        Ok(())
    }

    fn confine(&self) -> Result<Option<OwnedFd>, Error> {
        Ok(self.plan.filter.as_ref().map(Program::install).transpose()?.flatten())
    }

    /// Says that nothing is left to be made.
    fn say_ready(&self, listener: Option<OwnedFd>) -> Result<(), Error> {
        if let Some(listener) = listener
            && !self.channel.hand_over(listener.as_fd())?
        {
            clone::exit(128 + Signal::KILL.as_raw());
        }
        self.wait_for(Stop::Ready)
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
        let ready = self.equip().and_then(|(executable, listener)| {
            self.say_ready(listener)?;
            Ok(executable)
        });
        match ready {
            Ok(executable) => self.execute(executable.as_ref()),
            Err(error) => self.give_up(&error),
        }
    }

    /// Waits for the start and becomes the program.
    fn execute(self, executable: Option<&Executable>) -> i32 {
        let Self { recipe, record, signals, channel, gate, .. } = self;
        // Who called `create` is told now that the container is made; who runs it at once, when it runs.
        let channel = (recipe.gate != Gate::Start).then_some(channel);
        let started = gate
            .as_ref()
            .map_or(Ok(()), gate::Gate::wait)
            .and_then(|()| start_hooks(recipe, record, signals));
        let error = match (started, executable) {
            (Err(error), _) => error,
            (Ok(()), Some(executable)) => executable.execute(signals),
            (Ok(()), None) => Error::property("process", "is required when a container is started"),
        };
        let told = match (&channel, &gate) {
            (Some(channel), _) => channel.fail(&error),
            (None, Some(gate)) => gate.fail(&error),
            (None, None) => false,
        };
        if !told {
            eprintln!("isolab-runtime: {}", error.line());
        }
        error.exit_status()
    }

    fn give_up(&self, error: &Error) -> i32 {
        self.channel.fail(error);
        error.exit_status()
    }

    /// Stays as the init of the container, with the program as a child. The program must find an init with no more
    /// power than its own and no descriptor of the host's, so the child waits until that is so: until the
    /// init's end of a pipe closes with all else.
    fn start_and_reap(self) -> i32 {
        let signals = self.signals;
        let prepared = self.equip().and_then(|(executable, _)| {
            Ok((executable, pipe_with(PipeFlags::CLOEXEC).step("making a pipe to the command")?))
        });
        let (executable, (closed, mut open)) =
            match prepared.map(|(file, (end, begin))| (file, (end, Some(begin)))) {
                Ok(prepared) => prepared,
                Err(error) => return self.give_up(&error),
            };
        let mut this = Some(self);
        let (own, own_end) = (&mut this, &mut open);
        let command = clone::fork(move || {
            drop(own_end.take());
            own.take()
                .map_or(crate::error::FAILED, |this| this.start_under_an_init(executable.as_ref(), &closed))
        })
        .step("starting the command (a limit on processes counts the init as well)");
        let command = command.and_then(|command| {
            reaper::close_all_but_the_queue(signals)?;
            Ok(command)
        });
        match (command, this) {
            (Ok(command), this) => {
                // Closed is closed.
                std::mem::forget((this, open));
                reaper::reap_until_end_of(command, signals)
            }
            (Err(error), Some(this)) => this.give_up(&error),
            (Err(error), None) => error.exit_status(),
        }
    }

    fn start_under_an_init(self, executable: Option<&Executable>, closed: &OwnedFd) -> i32 {
        let ready = reaper::own_group(self.plan.terminal.is_some()).and_then(|()| {
            read(closed, &mut [0]).step("waiting for the init")?;
            let listener = self.confine()?;
            self.say_ready(listener)
        });
        match ready {
            Ok(()) => self.execute(executable),
            Err(error) => self.give_up(&error),
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
        let spec = &self.recipe.config.spec;
        if spec.hooks().is_none() {
            return Ok(());
        }
        self.wait_for(Stop::Furnished)?;
        let state = self.record.state(Status::Created, std::process::id().cast_signed());
        hooks::run(
            "createContainer",
            hooks::of(spec, Hooks::create_container),
            &state,
            None,
            Some(self.signals),
        )
    }

    /// Tells the runtime how far this process is, and waits until the runtime has done its part.
    fn wait_for(&self, stop: Stop) -> Result<(), Error> {
        if !self.channel.wait(stop)? {
            clone::exit(128 + Signal::KILL.as_raw());
        }
        Ok(())
    }
}

fn start_hooks(recipe: &Recipe, record: &Record, signals: &Blocked) -> Result<(), Error> {
    let spec = &recipe.config.spec;
    let hooks = hooks::of(spec, Hooks::start_container);
    if hooks.is_empty() {
        return Ok(());
    }
    let state = record.state(Status::Created, std::process::id().cast_signed());
    let environment = spec.process().as_ref().and_then(|process| process.env().as_deref());
    hooks::run("startContainer", hooks, &state, environment, Some(signals))
}
