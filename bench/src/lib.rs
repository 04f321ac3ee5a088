//! The lab: one workload, isolated several ways, under one ruler.
//!
//! What happens when you type `isolab compare`, in order:
//!
//! 1. [`programs`]: find the small static programs that are measured; none of them is the lab itself.
//! 2. [`ground`]: lay what all launches stand on: a root folder, a cgroup for the floor; swept later.
//! 3. [`sandbox`], [`stacks`]: a stack is only *how to build the command* that runs the workload; each
//!    is tried once, and says why where this host cannot run it.
//!    Another maker's program is a stack too: [`peers`].
//! 4. [`schedule`]: who is launched when: interleaved in random order after a declared warm-up.
//! 5. [`placement`]: the lab on one CPU, what it launches on another.
//! 6. [`instance`]: launch one command, stamp its marks as [`wire`] reads them, [`reap`] it: one sample.
//! 7. [`compare`]: all of this in one function.
//! 8. [`samples`], [`stats`], [`chart`], [`report`], [`table`]: what was measured, figured and drawn.
//!
//! Many at once, all held at *ready*: [`fleet`]. Other rulers than the start ([`parts`]): [`counts`] (what a launch asks of the kernel
//! and of KVM), [`mod@memory`] (what an idle instance costs), [`density`] (how many can be held, and how quickly), [`ladder`] (what each rung of
//! the two walls costs) and [`tax`] (what work costs once it runs).
//!
//! What follows from a run, or from two: [`gate`] (one build against another, with a verdict), [`export`] (a run in the
//! formats of other tools).
//!
//! Beside the path: [`host`] (what machine this is), [`doctor`] (what it can do), [`interrupt`] (Ctrl-C), [`kernel`]
//! (kernels for guests: got or built, and cached), [`microvm`] and [`rootfs`] (a command in a Linux guest), [`emulate`]
//! (all of it again, in an emulated machine), [`rivals`] (ours against others' programs, for the benches).
//!
//! Unsafe code is in [`counts::trace`] (tracing a child), [`reap`] (`wait4`), [`emulate::machine`] (a signal set between
//! fork and exec) and [`emulate::tsc`] (one instruction), only.
#![deny(unsafe_code)]

pub mod chart;
pub mod compare;
pub mod counts;
pub mod density;
pub mod doctor;
pub mod emulate;
pub mod export;
pub mod fleet;
pub mod gate;
pub mod ground;
pub mod host;
pub mod instance;
pub mod interrupt;
pub mod kernel;
pub mod ladder;
pub mod memory;
pub mod microvm;
pub mod parts;
pub mod peers;
pub mod placement;
pub mod programs;
#[allow(unsafe_code)]
pub mod reap;
pub mod report;
pub mod rivals;
pub mod rootfs;
pub mod samples;
pub mod sandbox;
pub mod schedule;
pub mod stacks;
pub mod stats;
pub mod table;
pub mod tax;
pub mod wire;
