//! The work that every stack runs.
//!
//! This crate has no standard library and depends on nothing, so the very same functions run in a
//! process, in a container, in a Linux guest (all three by the program in `main.rs`) and in the
//! unikernel, which links this library and has no operating system at all. What differs between
//! stacks is then the wall around the work, never the work.
//!
//! 1. [`mark`]: the three bytes by which the work tells the lab where it is.
//! 2. [`kind`]: which work, and how much of it.
//! 3. [`work`]: the work itself.
//! 4. [`linux`]: entry and system calls of the program; the floors use them too, the unikernel has neither.
//! 5. [`steady`]: work that needs a kernel: context switches, page faults, reads.
#![no_std]
#![deny(unsafe_code)]

#[cfg(not(all(target_os = "linux", target_arch = "x86_64")))]
compile_error!("isolab measures namespaces, cgroups and KVM on x86-64: build it on x86-64 Linux.");

pub mod kind;
#[allow(unsafe_code)]
#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
pub mod linux;
pub mod mark;
#[allow(unsafe_code)]
#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
pub mod steady;
pub mod work;
