//! Control groups: how much of the machine a container may use (`cgroups(7)`).
//!
//! A group is a folder; a limit is a number written to a file in it; a process is in it when it has joined.
//! The order: the folders are made and the limits written *before* there is a process, which then is
//! limited from its first instruction; after its end the folders, and only they, must be removed by hand.
//!
//! 1. [`detect`]: which hierarchies this host has, and where in them this process is.
//! 2. [`owner`]: the group's name, which says who made it.
//! 3. [`v1`], [`v2`]: where a group can be made, and how limits are spelled, in either version.
//! 4. [`group`]: a group from its making to its removal, and how a process joins it.
//! 5. [`mod@sweep`]: removes what a killed runtime left.

pub mod detect;
pub mod group;
pub mod owner;
pub mod sweep;
pub mod v1;
pub mod v2;

pub use detect::{Hierarchy, Mode};
pub use group::{Group, Joining};
pub use sweep::{Swept, sweep};

use crate::error::Error;
use rustix::fs::Access;
use rustix::io::Errno;
use rustix::process::geteuid;
use std::fmt;
use std::path::Path;

/// The folder, in each hierarchy, in which all groups of isolab lie.
pub(crate) const FOLDER: &str = "isolab";

/// A part of the machine that can be shared out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Controller {
    /// Memory and swap.
    Memory,
    /// CPU time.
    Cpu,
    /// The number of processes and threads.
    Pids,
}

impl Controller {
    /// All that isolab uses.
    pub const ALL: [Controller; 3] = [Controller::Memory, Controller::Cpu, Controller::Pids];

    /// The kernel's word for it.
    pub const fn name(self) -> &'static str {
        match self {
            Controller::Memory => "memory",
            Controller::Cpu => "cpu",
            Controller::Pids => "pids",
        }
    }

    const fn option(self) -> &'static str {
        match self {
            Controller::Memory => "--memory",
            Controller::Cpu => "--cpus",
            Controller::Pids => "--pids",
        }
    }
}

impl fmt::Display for Controller {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A container's share of the machine; `None`: no limit.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Limits {
    /// Bytes of memory, swap included.
    pub memory: Option<u64>,
    /// CPUs' worth of time: 0.5 is half of one.
    pub cpus: Option<f64>,
    /// Processes and threads, PID 1 included.
    pub pids: Option<u64>,
}

/// One limit to write.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Limit {
    Memory(u64),
    /// Microseconds in each period of [`CPU_PERIOD_US`].
    Cpu(u64),
    Pids(u64),
}

/// The kernel's own default period, in microseconds.
pub(crate) const CPU_PERIOD_US: u64 = 100_000;
/// The kernel takes no quota under a millisecond.
const CPU_QUOTA_MIN_US: f64 = 1_000.0;

impl Limit {
    pub(crate) const fn controller(self) -> Controller {
        match self {
            Limit::Memory(_) => Controller::Memory,
            Limit::Cpu(_) => Controller::Cpu,
            Limit::Pids(_) => Controller::Pids,
        }
    }
}

impl Limits {
    pub(crate) fn iter(&self) -> impl Iterator<Item = Limit> + '_ {
        let quota = |cpus: f64| (cpus * CPU_PERIOD_US as f64).max(CPU_QUOTA_MIN_US) as u64;
        [
            self.memory.map(Limit::Memory),
            self.cpus.map(|cpus| Limit::Cpu(quota(cpus))),
            self.pids.map(Limit::Pids),
        ]
        .into_iter()
        .flatten()
    }
}

/// A limit that this host or this user cannot have.
fn refused(controller: Controller, why: String) -> Error {
    let fix = if geteuid().is_root() {
        "run on the host itself, or in a container that may write its cgroups; or leave the limit out"
    } else {
        "run as root; as a user, have the group delegated on a host with cgroup v2 \
         (systemd-run --user --scope -p Delegate=yes …); or leave the limit out"
    };
    Error::Unavailable { what: controller.option(), why, fix }
}

/// Whether this process may write `path`, with its effective identity.
fn writable(path: &Path) -> Result<(), Errno> {
    let flags = rustix::fs::AtFlags::EACCESS;
    rustix::fs::accessat(rustix::fs::CWD, path, Access::WRITE_OK, flags)
}
