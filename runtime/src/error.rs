//! What can go wrong: each error names its step and its path, and keeps the kernel's reason.

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
    /// The configuration asks for what cannot be.
    #[error("{property}: {why}")]
    Property {
        /// The property, from the configuration's top: `process.rlimits`.
        property: String,
        /// What is wrong with it.
        why: String,
    },
    /// No such command in the container.
    #[error("command not found in the root folder: {}", .0.display())]
    NotFound(PathBuf),
    /// The command is there, but what it needs to start is not.
    #[error(
        "{} is there, but its interpreter is not: the root folder lacks its dynamic loader or #! program",
        .0.display()
    )]
    NoInterpreter(PathBuf),
    /// The command is there but the kernel does not execute it.
    #[error("executing {}", path.display())]
    NotExecutable {
        /// The command.
        path: PathBuf,
        /// The kernel's reason.
        source: Errno,
    },
    /// An argument with a zero byte, which no C string can hold.
    #[error("the command, its environment and its folder must not contain a zero byte")]
    ZeroByte,
}

impl Error {
    /// The exit status that this error becomes.
    pub const fn exit_status(&self) -> i32 {
        match self {
            Error::Unavailable { .. } | Error::NotExecutable { .. } => UNAVAILABLE,
            Error::NotFound(_) | Error::NoInterpreter(_) => NOT_FOUND,
            Error::Step { .. } | Error::Path { .. } | Error::Property { .. } | Error::ZeroByte => FAILED,
        }
    }

    /// A property of the configuration that cannot be met, and why.
    pub(crate) fn property(property: impl Into<String>, why: impl Into<String>) -> Self {
        Error::Property { property: property.into(), why: why.into() }
    }

    /// The error with its source, on one line.
    pub fn line(&self) -> String {
        match std::error::Error::source(self) {
            Some(source) => format!("{self}: {source}"),
            None => self.to_string(),
        }
    }
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
