//! What can go wrong: each error names its step and its path, and keeps the kernel's reason.

use crate::oci::state::Status;
use rustix::io::Errno;
use std::path::{Path, PathBuf};

/// isolab itself failed.
pub const FAILED: i32 = 125;
/// This host cannot do it, or the command cannot be executed.
pub const UNAVAILABLE: i32 = 126;
/// The command does not exist inside the root folder.
pub const NOT_FOUND: i32 = 127;

/// Why a container could not be run.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A step without a path failed.
    #[error("{step}")]
    Step {
        /// What was being done.
        step: &'static str,
        /// The kernel's reason.
        source: Errno,
    },
    /// A step on a path failed.
    #[error("{step} {}", path.display())]
    Path {
        /// What was being done, up to the path.
        step: &'static str,
        /// The path.
        path: PathBuf,
        /// The kernel's reason.
        source: Errno,
    },
    /// This host or this user cannot have it.
    #[error("{what}: {why}; {fix}")]
    Unavailable {
        /// What was asked for.
        what: &'static str,
        /// Why it cannot be had.
        why: String,
        /// What to do about it.
        fix: &'static str,
    },
    /// A property of the configuration that is broken, or asks for what cannot be had here.
    #[error("config.json: {property}: {why}")]
    Property {
        /// Its path, such as `process.cwd`.
        property: String,
        /// What is wrong, and the fix.
        why: String,
    },
    /// A mount of the configuration that the kernel refused.
    #[error("mount {}: {doing}", destination.display())]
    Mount {
        /// Where it was to be.
        destination: PathBuf,
        /// What was being done, with the options.
        doing: String,
        /// The kernel's reason.
        source: Errno,
    },
    /// A text that is not what it should be.
    #[error("{what}, {}", file.display())]
    Json {
        /// What it should be.
        what: &'static str,
        /// Where it is.
        file: PathBuf,
        /// Where it stops making sense.
        source: serde_json::Error,
    },
    /// A file that is too large to be what it should be.
    #[error("{} is larger than {most} bytes", path.display())]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// The most it may have.
        most: u64,
    },
    /// Something other than a file in a file's place.
    #[error("{} is no regular file", .0.display())]
    NotAFile(PathBuf),
    /// No name for a container.
    #[error(
        "{0:?} is no id: an id has 1 to 255 letters, digits or characters of _+-. and is neither . nor .."
    )]
    Id(String),
    /// The name is taken.
    #[error("container with id {0} exists already: choose another id, or delete it")]
    Exists(String),
    /// No such container.
    #[error("container {0} does not exist")]
    NoContainer(String),
    /// The container is in a state in which it cannot be done.
    #[error("container {id} cannot be {wanted}: container not running (it is {status})")]
    NotRunning {
        /// Its name.
        id: String,
        /// What was asked for.
        wanted: &'static str,
        /// What it is.
        status: Status,
    },
    /// The same, for what needs a container that is not running.
    #[error("container {id} cannot be {wanted}: it is {status}; {fix}")]
    WrongState {
        /// Its name.
        id: String,
        /// What was asked for.
        wanted: &'static str,
        /// What it is.
        status: Status,
        /// What to do.
        fix: &'static str,
    },
    /// The record of a container is cut short or worse.
    #[error("the state of container {id} cannot be read; `delete --force {id}` clears it")]
    BadState {
        /// Its name.
        id: String,
        /// Where it stops making sense.
        source: serde_json::Error,
    },
    /// A hook failed.
    #[error("the {point} hook {} failed: {why}", path.display())]
    Hook {
        /// When it was called.
        point: &'static str,
        /// The program.
        path: PathBuf,
        /// How.
        why: String,
    },
    /// The first process has gone without saying why.
    #[error("the container's first process died while the container was made (killed, or out of memory)")]
    Died,
    /// A signal ended the runtime's work before the container had started.
    #[error("ended by signal {0} before the container had started")]
    Interrupted(i32),
    /// What failed in the container's first process, which has no way to say it but this one.
    #[error("{line}")]
    Inside {
        /// The error's line.
        line: String,
        /// The status that it becomes.
        status: i32,
    },
    /// The configuration's cgroups.
    #[error(transparent)]
    Cgroup(#[from] crate::cgroup::Problem),
    /// No such command in the container. (The words are those that engines look for.)
    #[error("{}: executable file not found in $PATH of the container", .0.display())]
    NotFound(PathBuf),
    /// The command is there, but what it needs to start is not.
    #[error(
        "{} is there, but its interpreter{} is not (the dynamic loader or #! program): no such file or directory",
        path.display(), named(interpreter.as_deref())
    )]
    NoInterpreter {
        /// The command.
        path: PathBuf,
        /// What it needs, where that could be read.
        interpreter: Option<PathBuf>,
    },
    /// The command is there but the kernel does not execute it.
    #[error("executing {}", path.display())]
    NotExecutable {
        /// The command.
        path: PathBuf,
        /// The kernel's reason.
        source: Errno,
    },
    /// A word that JSON cannot hold.
    #[error("{0:?} is no Unicode text, which a container's configuration must be")]
    NotUnicode(String),
    /// An argument with a zero byte, which no C string can hold.
    #[error("the command, its environment and its folder must not contain a zero byte")]
    ZeroByte,
}

impl Error {
    /// The exit status that this error becomes.
    pub const fn exit_status(&self) -> i32 {
        match self {
            Error::Unavailable { .. } | Error::NotExecutable { .. } => UNAVAILABLE,
            Error::NotFound(_) | Error::NoInterpreter { .. } => NOT_FOUND,
            Error::Cgroup(problem) => problem.exit_status(),
            Error::Interrupted(signal) => 128 + *signal,
            Error::Inside { status, .. } => *status,
            _ => FAILED,
        }
    }

    /// Whether nothing went wrong and the answer is no: a created container waits, and nobody has started it yet. There
    /// are clients that tell a refusal from a failure by the word `error`, and not by the exit status.
    pub const fn is_refusal(&self) -> bool {
        matches!(self, Error::WrongState { status: Status::Created, .. })
    }

    /// An error about a property of the configuration.
    pub(crate) fn property(property: impl Into<String>, why: impl Into<String>) -> Self {
        Error::Property { property: property.into(), why: why.into() }
    }

    /// The error with its source, on one line. The kernel's reasons begin with a small letter: by `permission
    /// denied` and `no such file or directory` engines tell a command that cannot be executed (126), or is not
    /// there (127), from a failure of theirs.
    pub fn line(&self) -> String {
        let Some(source) = std::error::Error::source(self) else { return self.to_string() };
        let mut line = format!("{self}: ");
        let start = line.len();
        line.push_str(&source.to_string());
        if let Some(first) = line.get_mut(start..=start) {
            first.make_ascii_lowercase();
        }
        line
    }
}

/// A name after a word, if there is one.
fn named(path: Option<&Path>) -> String {
    path.map_or_else(String::new, |path| format!(" {}", path.display()))
}

/// Names the step in which the kernel refused.
pub(crate) trait Context<T> {
    /// For a step that has no path.
    fn step(self, step: &'static str) -> Result<T, Error>;
    /// For a step that works on a path; `step` reads well before it ("opening").
    fn at(self, step: &'static str, path: impl AsRef<Path>) -> Result<T, Error>;
}

impl<T, E: IntoErrno> Context<T> for Result<T, E> {
    fn step(self, step: &'static str) -> Result<T, Error> {
        self.map_err(|error| Error::Step { step, source: error.into_errno() })
    }

    fn at(self, step: &'static str, path: impl AsRef<Path>) -> Result<T, Error> {
        self.map_err(|error| Error::Path { step, path: path.as_ref().into(), source: error.into_errno() })
    }
}

/// The three ways in which libraries hand over an `errno`.
pub(crate) trait IntoErrno {
    fn into_errno(self) -> Errno;
}

impl IntoErrno for Errno {
    fn into_errno(self) -> Errno {
        self
    }
}

impl IntoErrno for nix::errno::Errno {
    fn into_errno(self) -> Errno {
        Errno::from_raw_os_error(self as i32)
    }
}

impl IntoErrno for std::io::Error {
    fn into_errno(self) -> Errno {
        Errno::from_io_error(&self).unwrap_or(Errno::IO)
    }
}
