//! The stacks, one a file: how each runs the workload.

pub mod container;
pub mod container_floor;
pub mod kvm_floor;
pub mod microvm;
pub mod nested;
pub mod process;
pub mod unikernel;

use crate::ground::Ground;
use crate::peers;
use crate::sandbox::{Refusal, Sandbox};
use isolab_timeline::{Stack, Workload};
use std::process::Command;

/// What launches `count` instances of a stack, or why there is none.
pub fn commands(
    stack: Stack,
    ground: &Ground,
    workload: Workload,
    count: usize,
) -> anyhow::Result<Vec<Command>> {
    let refused = |Refusal { reason, fix }| anyhow::anyhow!("{stack}: {reason}; fix: {fix}");
    (0..count).map(|_| of(stack).command(ground, workload).map_err(refused)).collect()
}

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
