//! The stacks, one a file: how each runs the workload.

pub mod container;
pub mod container_floor;
pub mod kvm_floor;
pub mod process;
pub mod unikernel;
