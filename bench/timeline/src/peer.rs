//! Peers: other makers' programs that put up the same wall, measured beside ours.

use crate::Stack;
use std::fmt;

/// A program that the lab knows how to start. One that runs VMs is two peers: with the bare guest, and with Linux.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Peer {
    /// `runc`: the reference runtime of the OCI specification.
    Runc,
    /// `crun`: an OCI runtime in C.
    Crun,
    /// `youki`: an OCI runtime in Rust.
    Youki,
    /// `podman`: an engine without a daemon, on top of such a runtime.
    Podman,
    /// `docker`: the client of an engine with a daemon.
    Docker,
    /// `bwrap` (bubblewrap): a sandbox without images and without cgroups.
    Bwrap,
    /// `runsc` (gVisor): an OCI runtime whose kernel is a program in user space.
    Runsc,
    /// `firecracker` with the bare guest.
    Firecracker,
    /// `cloud-hypervisor` with the bare guest.
    CloudHypervisor,
    /// `qemu-system-x86_64`, its `microvm` machine, with the bare guest.
    Qemu,
    /// `firecracker` with the Linux guest.
    FirecrackerLinux,
    /// `cloud-hypervisor` with the Linux guest.
    CloudHypervisorLinux,
    /// `qemu-system-x86_64`, its `microvm` machine, with the Linux guest.
    QemuLinux,
}

impl Peer {
    /// All peers, in the order in which tables and charts list them.
    pub const ALL: [Peer; 13] = [
        Peer::Runc,
        Peer::Crun,
        Peer::Youki,
        Peer::Podman,
        Peer::Docker,
        Peer::Bwrap,
        Peer::Runsc,
        Peer::Firecracker,
        Peer::CloudHypervisor,
        Peer::Qemu,
        Peer::FirecrackerLinux,
        Peer::CloudHypervisorLinux,
        Peer::QemuLinux,
    ];

    /// The peer's name, as on command lines and in files.
    pub const fn name(self) -> &'static str {
        match self {
            Peer::Runc => "runc",
            Peer::Crun => "crun",
            Peer::Youki => "youki",
            Peer::Podman => "podman",
            Peer::Docker => "docker",
            Peer::Bwrap => "bwrap",
            Peer::Runsc => "runsc",
            Peer::Firecracker => "firecracker",
            Peer::CloudHypervisor => "cloud-hypervisor",
            Peer::Qemu => "qemu",
            Peer::FirecrackerLinux => "firecracker-linux",
            Peer::CloudHypervisorLinux => "cloud-hypervisor-linux",
            Peer::QemuLinux => "qemu-linux",
        }
    }

    /// How its makers write its name.
    pub const fn title(self) -> &'static str {
        match self {
            Peer::Runc => "runc",
            Peer::Crun => "crun",
            Peer::Youki => "youki",
            Peer::Podman => "Podman",
            Peer::Docker => "Docker",
            Peer::Bwrap => "bubblewrap",
            Peer::Runsc => "gVisor",
            Peer::Firecracker | Peer::FirecrackerLinux => "Firecracker",
            Peer::CloudHypervisor | Peer::CloudHypervisorLinux => "Cloud Hypervisor",
            Peer::Qemu | Peer::QemuLinux => "QEMU",
        }
    }

    /// The stack of ours that does the same.
    pub const fn beside(self) -> Stack {
        match self {
            Peer::Runc
            | Peer::Crun
            | Peer::Youki
            | Peer::Podman
            | Peer::Docker
            | Peer::Bwrap
            | Peer::Runsc => Stack::Container,
            Peer::Firecracker | Peer::CloudHypervisor | Peer::Qemu => Stack::Unikernel,
            Peer::FirecrackerLinux | Peer::CloudHypervisorLinux | Peer::QemuLinux => Stack::Microvm,
        }
    }
}

impl fmt::Display for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_peers_are_listed_once_in_order_and_stand_beside_a_stack_of_ours() {
        assert!(Peer::ALL.iter().enumerate().all(|(place, &peer)| peer as usize == place));
        assert!(Peer::ALL.iter().all(|peer| peer.beside().beside().is_none()));
    }
}
