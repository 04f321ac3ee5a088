//! What can be wrong with `linux.resources` and `linux.cgroupsPath`: each names the property, as the
//! specification writes it, so that the one who wrote the configuration finds it.

use crate::error::{FAILED, UNAVAILABLE};
use rustix::io::Errno;
use std::path::PathBuf;

/// Why a group cannot be made or changed as the configuration asks.
#[derive(Debug, thiserror::Error)]
pub enum Problem {
    /// The value has no meaning.
    #[error("linux.resources.{property}: {why}")]
    Invalid {
        /// The property below `linux.resources`.
        property: String,
        /// What is wrong with its value.
        why: String,
    },
    /// The value has a meaning, but not in this version of cgroups or on this kernel.
    #[error("linux.resources.{property} cannot be had here: {why}")]
    Unavailable {
        /// The property below `linux.resources`.
        property: String,
        /// What is missing.
        why: String,
    },
    /// The kernel refused the value.
    #[error("linux.resources.{property}: writing \"{value}\" to {}", file.display())]
    Write {
        /// The property below `linux.resources`.
        property: String,
        /// What was written.
        value: String,
        /// Where.
        file: PathBuf,
        /// The kernel's reason.
        source: Errno,
    },
    /// There is no such group below the container's.
    #[error("--cgroup {}: {why}", path.display())]
    Below {
        /// The path below the container's group.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// No group can be made at this path.
    #[error("linux.cgroupsPath: {}: {why}", path.display())]
    Path {
        /// The path of the group.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
}

impl Problem {
    pub(super) fn invalid(property: impl Into<String>, why: impl Into<String>) -> Self {
        Self::Invalid { property: property.into(), why: why.into() }
    }

    pub(super) fn unavailable(property: impl Into<String>, why: impl Into<String>) -> Self {
        Self::Unavailable { property: property.into(), why: why.into() }
    }

    /// The exit status that this error becomes.
    pub const fn exit_status(&self) -> i32 {
        match self {
            Self::Unavailable { .. } => UNAVAILABLE,
            _ => FAILED,
        }
    }
}
