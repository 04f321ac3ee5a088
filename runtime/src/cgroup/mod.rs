//! Control groups: how much of the machine a container may use (`cgroups(7)`; "Control groups" in the
//! specification's `config-linux.md`).
//!
//! A group is a folder; a limit is a number written to a file in it; a process is in it when it has joined.
//! The order: the folders are planned and the plan is written down, then they are made and the limits
//! written, and only then there is a process, which so is limited from its first instruction; after its end
//! the folders, and only they, must be removed by hand.
//!
//! 1. [`detect`]: which hierarchies this host has, and where in them this process is.
//! 2. [`place`]: where the container's groups will be; [`owner`] is the name of a run that nobody named.
//! 3. `settings`: the configuration as the values to write, with `v1` and `v2` for the words of either
//!    version and `convert` for the numbers; `setting` is one of them and its way into the kernel.
//! 4. `devices`: which device nodes may be used.
//! 5. [`group`]: a group from its making to its removal, on `folders`; [`joining`] is the way in, `late`
//!    makes those that were not needed at first, [`below`] are those that it has made itself, and `delegate` hands one over to the container's user.
//! 6. `members`, `freeze`, [`stats`], [`events`]: a living container is listed, killed, paused, measured and
//!    watched; [`limits`] are the three settings of a command line.
//! 7. [`mod@sweep`]: removes what a killed runtime left.

pub mod below;
mod convert;
mod delegate;
pub mod detect;
mod devices;
pub mod events;
mod files;
mod folders;
mod freeze;
pub mod group;
pub mod joining;
mod late;
pub mod limits;
mod members;
pub mod owner;
pub mod place;
pub mod problem;
mod setting;
mod settings;
pub mod stats;
pub mod sweep;
mod v1;
mod v2;

pub use below::Below;
pub use detect::{Hierarchy, Mode};
pub use group::Group;
pub use joining::Joining;
pub use limits::{Controller, Limits};
pub use place::Place;
pub use problem::Problem;
pub use sweep::{Swept, sweep};

use crate::error::Error;
use crate::privilege::is_host_root;
use rustix::fs::Access;
use rustix::io::Errno;
use std::path::Path;

/// The folder, in each hierarchy, in which all groups of isolab lie.
pub(crate) const FOLDER: &str = "isolab";

/// A limit that this host or this user cannot have.
fn refused(controller: &str, why: String) -> Error {
    let fix = if is_host_root() {
        "run on the host itself, or in a container that may write its cgroups; or leave the limit out"
    } else {
        "run as root; as a user, have the group delegated on a host with cgroup v2 \
         (systemd-run --user --scope -p Delegate=yes …); or leave the limit out"
    };
    let what = match controller {
        "memory" => "a limit on memory (--memory)",
        "cpu" => "a limit on CPU time (--cpus)",
        "pids" => "a limit on processes (--pids)",
        "cpuset" => "a choice of CPUs or memory nodes",
        "io" | "blkio" => "a limit on block input and output",
        "hugetlb" => "a limit on huge pages",
        "devices" => "rules for devices",
        _ => "a control group",
    };
    Error::Unavailable { what, why, fix }
}

/// Whether this process may write `path`, with its effective identity.
fn writable(path: &Path) -> Result<(), Errno> {
    let flags = rustix::fs::AtFlags::EACCESS;
    rustix::fs::accessat(rustix::fs::CWD, path, Access::WRITE_OK, flags)
}
