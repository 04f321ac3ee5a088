//! The command line: runc's, which engines speak, and isolab's own shortcut. One small file a command.

mod clean;
mod contain;
mod create;
mod delete;
mod events;
mod exec;
mod features;
mod kill;
mod list;
mod pause;
mod ps;
mod run;
mod spec;
mod start;
mod state;
mod update;

use clap::{Args, Parser, Subcommand, ValueEnum};
use isolab_runtime::Error;
use isolab_runtime::oci::log::{Format, Log};
use isolab_runtime::oci::store::Store;
use isolab_timeline::Stamps;
use std::io::Write as _;
use std::path::PathBuf;

const EXAMPLES: &str = "\
Examples:
  isolab-runtime contain --rootfs ./alpine -- sh
  isolab-runtime contain --rootfs ./alpine --memory 128m --cpus 0.5 --pids 64 -- sh -c 'echo hello'
  isolab-runtime spec && isolab-runtime run my-container
  isolab-runtime clean

Exit status of run, contain and exec: the command's own (128 + N if signal N killed it); 125: isolab failed;
126: this host cannot do it, or the command cannot be executed; 127: command not found. Of all others: 0 or 1.";

/// In the form in which engines look for it.
const VERSION: &str = concat!("version ", env!("CARGO_PKG_VERSION"), "\nspec: 1.3.0");

/// A container runtime: the OCI runtime specification on Linux.
#[derive(Debug, Parser)]
#[command(name = "isolab-runtime", version = VERSION, after_help = EXAMPLES)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) action: Action,
}

/// What engines give before the command.
#[derive(Debug, Args)]
pub(crate) struct Global {
    /// The folder in which the states of containers are kept [default: isolab in /run, or in /dev/shm where /run is on a
    /// disk; for an ordinary user in his own /run]
    #[arg(long, value_name = "DIR")]
    root: Option<PathBuf>,
    /// A file to which errors are written as well
    #[arg(long, value_name = "FILE")]
    log: Option<PathBuf>,
    /// The form of the log
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    log_format: LogFormat,
    /// Say what helps to find a fault as well: in the log, or without one on standard error
    #[arg(long)]
    debug: bool,
    /// Refused: this runtime writes the control groups itself
    #[arg(long)]
    systemd_cgroup: bool,
    /// Accepted: what an ordinary user may have is found out each time
    #[arg(long, value_name = "WHETHER", default_value = "auto")]
    rootless: String,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum LogFormat {
    Text,
    Json,
}

impl Global {
    pub(crate) fn store(&self) -> Store {
        Store::new(self.root.clone())
    }

    pub(crate) fn log(&self) -> Result<Log, Error> {
        let format = match self.log_format {
            LogFormat::Text => Format::Text,
            LogFormat::Json => Format::Json,
        };
        Ok(Log::open(self.log.as_deref(), format)?.with_debug(self.debug))
    }

    /// What is asked of all commands and cannot be had.
    fn check(&self) -> Result<(), Error> {
        if self.systemd_cgroup {
            return Err(Error::Unavailable {
                what: "--systemd-cgroup",
                why: "this runtime writes the control groups itself and does not speak to systemd".into(),
                fix: "choose the engine's cgroupfs driver",
            });
        }
        Ok(())
    }
}

/// What every command gets.
pub(crate) struct Context<'a> {
    pub(crate) global: &'a Global,
    pub(crate) log: &'a Log,
    pub(crate) stamps: &'a Stamps,
}

impl Context<'_> {
    /// Says what went wrong without being an error of the command.
    pub(crate) fn warn(&self, warnings: &[Error]) {
        for warning in warnings {
            self.log.warning(&warning.line());
        }
    }
}

/// (Deferred: only the words of the command that was given are put together.)
#[derive(Debug, Subcommand)]
#[command(defer = true)]
pub(crate) enum Action {
    /// Creates a container from a bundle; it waits to be started
    Create(create::Create),
    /// Starts a created container
    Start(start::Start),
    /// Creates and starts a container, and waits for its end unless detached
    Run(run::Run),
    /// Executes one more command in a running container
    Exec(Box<exec::Exec>),
    /// Prints what this runtime can do as JSON
    Features,
    /// Prints the state of a container as JSON
    State(state::State),
    /// Sends a signal to a container's first process (by default TERM)
    Kill(kill::Kill),
    /// Deletes a stopped container and all that belongs to it
    Delete(delete::Delete),
    /// Lists the containers
    List(list::List),
    /// Lists the processes of a container
    Ps(ps::Ps),
    /// Stops all processes of a container where they are
    Pause(pause::Pause),
    /// Lets a paused container go on
    Resume(pause::Pause),
    /// Prints what a container uses, and when it runs out of memory, one JSON object a line
    Events(events::Events),
    /// Changes the limits of a container
    Update(Box<update::Update>),
    /// Writes a default config.json
    Spec(spec::Spec),
    /// Runs a command in a new container on a root folder, without a bundle, and waits for it
    Contain(Box<contain::Contain>),
    /// Removes what killed runtimes have left
    Clean(clean::Clean),
}

impl Action {
    /// Whether its exit status is that of a program in a container.
    pub(crate) fn runs_a_program(&self) -> bool {
        matches!(self, Action::Run(_) | Action::Contain(_) | Action::Exec(_))
    }

    /// Does it, and returns the exit status.
    pub(crate) fn perform(self, context: &Context<'_>) -> Result<i32, Error> {
        context.global.check()?;
        match self {
            Action::Create(create) => create.perform(context),
            Action::Start(start) => start.perform(context),
            Action::Run(run) => run.perform(context),
            Action::Exec(exec) => exec.perform(context),
            Action::Features => features::perform(),
            Action::State(state) => state.perform(context),
            Action::Kill(kill) => kill.perform(context),
            Action::Delete(delete) => delete.perform(context),
            Action::List(list) => list.perform(context),
            Action::Ps(ps) => ps.perform(context),
            Action::Pause(pause) => pause.pause(context),
            Action::Resume(pause) => pause.resume(context),
            Action::Events(events) => events.perform(context),
            Action::Update(update) => update.perform(context),
            Action::Spec(spec) => spec.perform(),
            Action::Contain(contain) => contain.perform(context),
            Action::Clean(clean) => clean.perform(context),
        }
    }
}

fn print_json(value: &impl serde::Serialize) -> Result<(), Error> {
    let mut text = serde_json::to_string_pretty(value).map_err(|error| output(&error.into()))?;
    text.push('\n');
    std::io::stdout().write_all(text.as_bytes()).map_err(|error| output(&error))
}

fn output(error: &std::io::Error) -> Error {
    Error::Step {
        step: "writing to standard output",
        source: rustix::io::Errno::from_io_error(error).unwrap_or(rustix::io::Errno::IO),
    }
}
