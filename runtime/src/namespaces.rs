//! Namespaces: what a process can see (`namespaces(7)`).
//!
//! A container is not an object in the kernel. It is a process whose *views* were exchanged: of
//! process numbers, mounts, the network, the host's name, System V objects, users, cgroups, clocks.
//! [`crate::clone`] exchanges most of them in the one call that creates the process. Two come later,
//! by `unshare(2)`: the cgroup namespace (its root is the group that the process is in *at that
//! moment*, so the process joins first) and the time namespace (its clocks are set before the first
//! process enters it, so the process that makes it stays outside; see [`crate::clocks`]).

use crate::error::{Context, Error};
use nix::sched::CloneFlags;
use std::ops::BitOr;

/// A set of namespaces to make anew, as the flags of `clone3(2)` and `unshare(2)`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Namespaces(i32);

impl Namespaces {
    /// None: an ordinary child process.
    pub const NONE: Self = Self(0);
    /// Process numbers: the first process is 1, and all others die with it (`pid_namespaces(7)`).
    pub const PID: Self = Self(libc::CLONE_NEWPID);
    /// Mounts (`mount_namespaces(7)`).
    pub const MOUNT: Self = Self(libc::CLONE_NEWNS);
    /// Network devices, addresses, ports and routes (`network_namespaces(7)`); the dearest to make.
    pub const NETWORK: Self = Self(libc::CLONE_NEWNET);
    /// System V and POSIX message queues, semaphores, shared memory (`ipc_namespaces(7)`).
    pub const IPC: Self = Self(libc::CLONE_NEWIPC);
    /// The host's name (`uts_namespaces(7)`).
    pub const UTS: Self = Self(libc::CLONE_NEWUTS);
    /// Users, groups and what a capability means (`user_namespaces(7)`): an ordinary user's way in.
    pub const USER: Self = Self(libc::CLONE_NEWUSER);
    /// What `/proc/PID/cgroup` shows (`cgroup_namespaces(7)`).
    pub const CGROUP: Self = Self(libc::CLONE_NEWCGROUP);
    /// The boot-time and monotonic clocks (`time_namespaces(7)`).
    pub const TIME: Self = Self(libc::CLONE_NEWTIME);
    /// What root's container is created with.
    pub const CONTAINER: Self =
        Self(Self::PID.0 | Self::MOUNT.0 | Self::NETWORK.0 | Self::IPC.0 | Self::UTS.0);

    /// The flags of `clone3(2)`.
    pub(crate) const fn flags(self) -> u64 {
        self.0 as u64
    }

    /// Moves the calling process into new namespaces (`unshare(2)`); for PID and time, its next children.
    pub fn unshare(self) -> Result<(), Error> {
        nix::sched::unshare(CloneFlags::from_bits_retain(self.0)).step("unsharing a namespace")
    }
}

impl BitOr for Namespaces {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}
