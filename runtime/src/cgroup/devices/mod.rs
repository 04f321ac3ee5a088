//! Which device nodes a container may read, write and make, whatever nodes it gets hold of ("Allowed
//! Device list" in the specification's `config-linux.md`).
//!
//! 1. [`rules`]: the configuration's rules and, after them, those that every program expects.
//! 2. `v1`: the kernel keeps a list, which is written rule by rule (`devices.rst` of version 1).
//! 3. `program`: version 2 has no file for it but runs a program of ours at every access; `instructions` is
//!    its language and `bpf` the system call that hands it over (`bpf(2)`).

#[allow(unsafe_code)]
mod bpf;
mod instructions;
mod program;
mod rules;
pub(super) mod v1;

pub(super) use program::enforce;
pub(super) use rules::all;
