//! Namespaces: what a process can see (`namespaces(7)`).
//!
//! A container is not an object in the kernel. It is a process whose *views* were exchanged: of
//! process numbers, mounts, the network, the host's name, System V objects, users, cgroups, clocks.
//! [`crate::clone`] exchanges most of them in the one call that creates the process. Two come later,
//! by `unshare(2)`: the cgroup namespace (its root is the group that the process is in *at that
//! moment*, so the process joins first) and the time namespace (its clocks are set before the first
//! process enters it, so the process that makes it stays outside; see [`crate::clocks`]).
//!
//! [`plan`]: which of them a configuration wants new, which it gives, and in which order they are entered.

#[allow(unsafe_code)]
mod kind;
pub mod plan;

pub use plan::Plan;

use crate::error::{Context, Error};
use nix::sched::CloneFlags;
use oci_spec::runtime::LinuxNamespaceType;
use rustix::io::Errno;
use rustix::thread::ThreadNameSpaceType;
use std::ops::BitOr;
use std::os::fd::BorrowedFd;

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

    /// Whether all of `other` are in this set.
    pub const fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// What this set and `other` have in common.
    #[must_use]
    pub const fn common(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// This set without `other`.
    #[must_use]
    pub const fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    /// Moves the calling process into the namespaces of these kinds that `target` stands for: one namespace,
    /// or a process (`setns(2)`); for PID and time, its next children.
    pub(crate) fn enter(self, target: BorrowedFd<'_>) -> Result<(), Errno> {
        let flags = ThreadNameSpaceType::from_bits_retain(self.0 as u32);
        rustix::thread::move_into_thread_name_spaces(target, flags)
    }

    /// The flags of `clone3(2)`.
    pub(crate) const fn flags(self) -> u64 {
        self.0 as u64
    }

    /// Moves the calling process into new namespaces (`unshare(2)`); for PID and time, its next children.
    pub fn unshare(self) -> Result<(), Error> {
        nix::sched::unshare(CloneFlags::from_bits_retain(self.0)).step("unsharing a namespace")
    }
}

impl From<LinuxNamespaceType> for Namespaces {
    fn from(kind: LinuxNamespaceType) -> Self {
        match kind {
            LinuxNamespaceType::Pid => Self::PID,
            LinuxNamespaceType::Mount => Self::MOUNT,
            LinuxNamespaceType::Network => Self::NETWORK,
            LinuxNamespaceType::Ipc => Self::IPC,
            LinuxNamespaceType::Uts => Self::UTS,
            LinuxNamespaceType::User => Self::USER,
            LinuxNamespaceType::Cgroup => Self::CGROUP,
            LinuxNamespaceType::Time => Self::TIME,
        }
    }
}

impl BitOr for Namespaces {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}
