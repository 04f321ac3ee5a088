//! Peers: the programs of other makers that put up the same walls, started as their makers would start them.
//!
//! A peer is one more [`Sandbox`]: only how to build its command. It is launched, stamped and reaped as our own
//! stacks are, and given the same: the root folder, the limits and the filter of a container, or the guest, the kernel
//! and the memory of a VM. Its marks come over its standard output as all marks do.
//!
//! 1. [`found`]: where its program is: where the user says, or along `PATH`; else how to get it.
//! 2. [`ask`]: what it says of its version, and other questions, with a time limit.
//! 3. [`record`]: version and command, for the record.
//! 4. [`bundle`]: what container peers are given; [`oci`] starts those of the OCI's command line: `runc`, `crun`,
//!    `youki` and `runsc`. [`bwrap`] takes the same folder.
//! 5. [`engine`]: what [`podman`] and [`docker`] have in common; `orphans.rs` ends what outlives a killed lab.
//! 6. [`guest`]: what VM peers are given; [`qemu`], [`firecracker`], [`cloud_hypervisor`].
//!
//! `docs/peers.md` says how to add one.

pub mod ask;
pub mod bundle;
pub mod bwrap;
pub mod cloud_hypervisor;
pub mod docker;
pub mod engine;
pub mod firecracker;
pub mod found;
pub mod guest;
pub mod oci;
mod orphans;
pub mod podman;
pub mod qemu;
pub mod record;

use crate::sandbox::Sandbox;
pub use found::Found;
use guest::Guest;
use isolab_timeline::Peer;
use oci::Oci;
pub use record::Record;
use std::path::Path;

/// Ends what peers still do for a run whose lab was killed, and has engines remove what they keep for it: their containers
/// are nobody's children, and their images are not in its folder. All else goes with its cgroup and the folder.
pub fn bury(run: &Path, name: &str) -> Result<(), String> {
    orphans::end(run);
    podman::bury(run, name).map_err(|why| format!("podman: {why}"))?;
    docker::bury(run, name).map_err(|why| format!("docker: {why}"))?;
    // What a container's end has called forth would make the folder anew.
    orphans::end(run);
    Ok(())
}

/// The sandbox of `peer`.
pub fn of(peer: Peer) -> &'static dyn Sandbox {
    match peer {
        Peer::Runc => &Oci { peer: Some(Peer::Runc), options: &[] },
        Peer::Crun => &Oci { peer: Some(Peer::Crun), options: &[] },
        Peer::Youki => &Oci { peer: Some(Peer::Youki), options: &[] },
        // The bundle has no network but the loopback device, so there is none to be set up from the host's.
        Peer::Runsc => &Oci { peer: Some(Peer::Runsc), options: &["--network=none"] },
        Peer::Podman => &podman::Podman,
        Peer::Docker => &docker::Docker,
        Peer::Bwrap => &bwrap::Bwrap,
        Peer::Firecracker => &firecracker::Firecracker(Guest::Bare),
        Peer::FirecrackerLinux => &firecracker::Firecracker(Guest::Linux),
        Peer::CloudHypervisor => &cloud_hypervisor::CloudHypervisor(Guest::Bare),
        Peer::CloudHypervisorLinux => &cloud_hypervisor::CloudHypervisor(Guest::Linux),
        Peer::Qemu => &qemu::Qemu { guest: Guest::Bare, machine: qemu::MACHINE },
        Peer::QemuLinux => &qemu::Qemu { guest: Guest::Linux, machine: qemu::MACHINE },
    }
}
