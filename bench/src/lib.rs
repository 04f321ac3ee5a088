//! The lab: one workload, isolated several ways, under one ruler.
//!
//! What happens when you type `isolab compare`, in order:
//!
//! 1. [`programs`]: find the small static programs that are measured; none of them is the lab itself.
//! 2. [`ground`]: lay what all launches stand on: a root folder, a cgroup for the floor; swept later.
//! 3. [`sandbox`], [`stacks`]: a stack is only *how to build the command* that runs the workload; each
//!    is tried once, and says why where this host cannot run it.
//! 4. [`schedule`]: who is launched when: interleaved in random order after a declared warm-up.
//! 5. [`placement`]: the lab on one CPU, what it launches on another.
//! 6. [`instance`]: launch one command, stamp its marks as [`wire`] reads them, reap it: one sample.
//! 7. [`compare`]: all of this in one function.
//! 8. [`samples`], [`stats`], [`chart`], [`report`], [`table`]: what was measured, figured and drawn.
//!
//! Beside the path: [`host`] (what machine this is), [`doctor`] (what it can do), [`calls`] (system calls
//! counted), [`interrupt`] (Ctrl-C), [`kernel`] (kernels for guests: got or built, and cached), [`microvm`] and
//! [`rootfs`] (a command in a Linux guest), [`emulate`] (all of it again, in an emulated machine), [`rivals`] (ours
//! against others' programs, for the benches), [`gate`] (one build against another, with a verdict), [`export`] (a run in
//! the formats of other tools).
//!
//! Unsafe code is in [`calls`] (tracing a child), [`instance`] (`wait4`), [`emulate::machine`] (a signal set between
//! fork and exec) and [`emulate::tsc`] (one instruction), only.
#![deny(unsafe_code)]

#[allow(unsafe_code)]
pub mod calls;
pub mod chart;
pub mod compare;
pub mod doctor;
pub mod emulate;
pub mod export;
pub mod gate;
pub mod ground;
pub mod host;
#[allow(unsafe_code)]
pub mod instance;
pub mod interrupt;
pub mod kernel;
pub mod microvm;
pub mod placement;
pub mod programs;
pub mod report;
pub mod rivals;
pub mod rootfs;
pub mod samples;
pub mod sandbox;
pub mod schedule;
pub mod stacks;
pub mod stats;
pub mod table;
pub mod wire;
