//! The container's first process, from its first instruction to the user's program.
//!
//! It builds the walls around itself from inside, because only a process in a namespace can furnish it, and
//! then becomes the user's program: PID 1 of the container is that program. Whatever fails here is said to the
//! runtime, once.

use crate::cgroup::Joining;
use crate::channel::{Inside, Reached};
use crate::command::Command;
use crate::container::{Gate, Recipe};
use crate::devices::Devices;
use crate::error::{Context, Error};
use crate::mounts::{DATA_ONLY, attach_at_root, detached, make_read_only};
use crate::namespaces::Namespaces;
use crate::oci::hooks;
use crate::oci::state::{Record, Status};
use crate::signals::{Blocked, default_dispositions};
use crate::{caps, clone, loopback, masks, overlay, pivot};
use isolab_timeline::{Mark, Stamps};
use oci_spec::runtime::Process;
use rustix::fs::Mode;
use rustix::io::{Errno, read};
use rustix::mount::MountAttrFlags;
use rustix::process::{Signal, chdir, set_parent_process_death_signal, umask};
use std::os::fd::{AsFd, OwnedFd};

/// What the first process gets from the runtime.
pub(crate) struct Init<'a> {
    pub(crate) recipe: &'a Recipe,
    pub(crate) record: &'a Record,
    pub(crate) signals: &'a Blocked,
    pub(crate) stamps: &'a Stamps,
    /// Open until the container is made; then its closing tells the runtime that the program runs.
    pub(crate) channel: Inside,
    pub(crate) cgroups: &'a Joining,
    /// The FIFO at which it waits for `start`.
    pub(crate) gate: Option<OwnedFd>,
}

impl Init<'_> {
    /// All of it. Returns only to end.
    pub(crate) fn run(self) -> i32 {
        match self.make() {
            Ok(command) => self.become_the_program(&command),
            Err(error) => {
                self.channel.fail(&error);
                error.exit_status()
            }
        }
    }

    /// Everything that can fail before the container counts as created.
    fn make(&self) -> Result<Command, Error> {
        self.die_with_the_runtime()?;
        let process = self.furnish()?;
        caps::drop_all_but_kept()?;
        self.die_with_the_runtime()?;
        chdir(process.cwd()).at("entering the folder", process.cwd())?;
        let command = Command::new(process)?;
        self.wait_for(Reached::Ready)?;
        if self.recipe.gate != Gate::Tied {
            // From here on the container is written down, and lives without the runtime.
            set_parent_process_death_signal(None).step("untying the first process from the runtime")?;
        }
        Ok(command)
    }

    /// The rest, when the container is started.
    fn become_the_program(self, command: &Command) -> i32 {
        let Self { recipe, record, signals, channel, gate, .. } = self;
        // Who called `create` is told now that the container is made; who runs it at once, when it runs.
        let channel = (recipe.gate != Gate::Start).then_some(channel);
        let error = wait_at(gate.as_ref()).and_then(|()| start_hooks(recipe, record)).map_or_else(
            |error| error,
            |()| {
                default_dispositions();
                command.execute(signals)
            },
        );
        // After `start` there is nobody to tell but whoever reads the container's output.
        if !channel.is_some_and(|channel| channel.fail(&error)) {
            eprintln!("isolab-runtime: {}", error.line());
        }
        error.exit_status()
    }

    /// Builds the walls. The order is the point: each step needs the ones before it.
    fn furnish(&self) -> Result<&Process, Error> {
        let spec = &self.recipe.config.spec;
        self.cgroups.join()?;
        Namespaces::CGROUP.unshare()?;
        self.stamps.stamp(Mark::Cloned);
        loopback::up()?;
        if let Some(name) = spec.hostname() {
            rustix::system::sethostname(name.as_bytes()).step("setting the host's name")?;
        }
        umask(Mode::empty());
        self.build_root()?;
        umask(Mode::from_raw_mode(0o022));
        self.stamps.stamp(Mark::Rooted);
        spec.process().as_ref().ok_or_else(|| Error::property("process", "is required"))
    }

    /// The kernel kills this process when the runtime dies. A runtime that died before the request is seen by
    /// its end of the channel. A change of identity takes the request back, so it is made again after one.
    fn die_with_the_runtime(&self) -> Result<(), Error> {
        set_parent_process_death_signal(Some(Signal::KILL))
            .step("tying the first process to the runtime's life")?;
        if !self.channel.is_open() {
            clone::exit(128 + Signal::KILL.as_raw());
        }
        Ok(())
    }

    fn build_root(&self) -> Result<(), Error> {
        let spec = &self.recipe.config.spec;
        let Some(configured) = spec.root() else { return Ok(()) };
        let root = overlay::mount(&self.recipe.config.bundle.join(configured.path()), false)?;
        let proc = detached("proc", &[], DATA_ONLY).step("making a /proc")?;
        let sys =
            detached("sysfs", &[], DATA_ONLY | MountAttrFlags::MOUNT_ATTR_RDONLY).step("making a /sys")?;
        let devices = Devices::prepare()?;
        self.call_hooks()?;
        pivot::into(root.folder.as_fd())?;
        attach_at_root(proc.as_fd(), "/proc")?;
        attach_at_root(sys.as_fd(), "/sys")?;
        devices.attach()?;
        masks::apply()?;
        if configured.readonly().unwrap_or(false) {
            make_read_only(root.folder.as_fd()).step("making the root read-only")?;
        }
        Ok(())
    }

    /// Lets the runtime call its hooks, and calls those that run in here.
    fn call_hooks(&self) -> Result<(), Error> {
        let Some(hooks) = self.recipe.config.spec.hooks() else { return Ok(()) };
        self.wait_for(Reached::Furnished)?;
        let state = self.record.state(Status::Created, std::process::id().cast_signed());
        hooks::run("createContainer", hooks.create_container(), &state, None)
    }

    /// Tells the runtime how far this process is, and waits until the runtime has done its part.
    fn wait_for(&self, reached: Reached) -> Result<(), Error> {
        if !self.channel.wait(reached)? {
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

fn start_hooks(recipe: &Recipe, record: &Record) -> Result<(), Error> {
    let spec = &recipe.config.spec;
    let Some(hooks) = spec.hooks() else { return Ok(()) };
    let state = record.state(Status::Created, std::process::id().cast_signed());
    let environment = spec.process().as_ref().and_then(|process| process.env().as_deref());
    hooks::run("startContainer", hooks.start_container(), &state, environment)
}
