//! The stacks, one a file: how each runs the workload.

pub mod container;
pub mod container_floor;
pub mod kvm_floor;
pub mod microvm;
pub mod nested;
pub mod process;
pub mod unikernel;

use crate::peers;
use crate::sandbox::Sandbox;
use isolab_timeline::Stack;

/// The sandbox of `stack`.
pub fn of(stack: Stack) -> &'static dyn Sandbox {
    match stack {
        Stack::Process => &process::Process,
        Stack::Container => &container::Container,
        Stack::Unikernel => &unikernel::Unikernel,
        Stack::Microvm => &microvm::Microvm,
        Stack::Nested => &nested::Nested,
        Stack::ContainerFloor => &container_floor::ContainerFloor,
        Stack::KvmFloor => &kvm_floor::KvmFloor,
        Stack::Peer(peer) => peers::of(peer),
    }
}
