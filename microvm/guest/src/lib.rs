//! What runs inside a VM.
//!
//! The program `isolab-unikernel` (`main.rs`) is a guest that *is* the workload: no operating system,
//! no driver, no interrupt. In the order in which things happen:
//!
//! 1. `entry.rs`: the VMM enters here, by one of two boot protocols; about fifteen instructions in
//!    ring 0 lead to ring 3, where the work runs.
//! 2. [`port`]: the instructions `in`, `out` and `hlt`: all that ring 3 has of the outside.
//! 3. `boot.rs`: where the VMM left the command line and the memory map.
//! 4. [`command_line`]: what the command line says.
//! 5. [`memory_map`]: how much memory there is.
//! 6. `serial.rs`: sentences, on the first serial port.
//! 7. `main.rs`: the work, its marks, and the end.
//!
//! This library is what can be tested without a VM, and [`ports`], which the VMM and the other kind of guest
//! share: a Linux whose PID 1 is `isolab-init` (`init/`).
//!
//! Unsafe code is in [`port`], and in the program's `boot.rs` and `entry.rs`.
#![no_std]
#![deny(unsafe_code)]

pub mod command_line;
pub mod memory_map;
#[allow(unsafe_code)]
pub mod port;
pub mod ports;
