//! A container runtime to read: what a container is, in the order in which it comes to be.
//!
//! A container is a process with other views (namespaces), a share of the machine (cgroups), a root of
//! its own (overlay, `pivot_root`) and less power (capabilities) than the one that started it. There is
//! no daemon and no thread here: the runtime is one process, the container's first process another, the
//! command a third.
//!
//! Outside, [`container`] is the recipe:
//! 1. [`spec`]: what to run and behind which walls; [`volumes`] reads and mounts the host's folders in it.
//! 2. `signals`: they are blocked before anything exists, and forwarded after.
//! 3. [`cgroup`]: the groups are made and the limits written.
//! 4. [`clone`]: one `clone3(2)` creates the first process in its [`namespaces`].
//!
//! Inside, `init` is the recipe of that process, PID 1:
//!
//! 5. [`idmap`]: an ordinary user becomes root in a user namespace.
//! 6. [`cgroup`] again: it joins its groups; then the cgroup namespace is made.
//! 7. [`loopback`]: the only network device comes up.
//! 8. [`overlay`]: the root folder and a layer to write to become one root.
//! 9. [`mounts`], [`devices`]: `/proc`, `/sys`, `/dev` are made while the host is in view.
//! 10. [`pivot`]: the root is exchanged and the host goes out of reach.
//! 11. [`masks`]: what `/proc` would tell or let change of the whole machine is covered.
//! 12. [`clocks`]: a time namespace, if asked for.
//! 13. [`caps`]: capabilities are dropped; `descriptors` closes what was left open.
//! 14. `command`: the command is executed; PID 1 stays, reaps and forwards signals.
//!
//! Beside them, [`error`] names the steps and the exit statuses, and [`page`] is the memory in which both
//! processes note when each step happened.
//!
//! Unsafe code is allowed only in [`clone`], `descriptors`, [`loopback`], [`mounts`], [`page`] and
//! `signals`: one system call or one piece of memory each.
//!
//! What is *not* here: a filter of system calls (seccomp), a security module's profile, a network beyond
//! loopback, and user namespaces for root: root inside is root, with few capabilities.
#![deny(unsafe_code)]

pub mod cgroup;
mod channel;
pub mod clocks;
#[allow(unsafe_code)]
pub mod clone;
pub mod console;
pub mod contained;
pub mod container;
pub mod error;
pub mod exec;
pub mod features;
mod foreground;
pub mod fuzz;
mod gate;
pub mod identity;
pub mod idmap;
mod init;
#[allow(unsafe_code)]
mod keyring;
#[allow(unsafe_code)]
pub mod loopback;
pub mod namespaces;
pub mod netdev;
pub mod oci;
#[allow(unsafe_code)]
pub mod page;
pub mod process;
#[allow(unsafe_code)]
pub mod protect;
#[allow(unsafe_code)]
mod reaper;
pub mod rootfs;
pub mod seccomp;
#[allow(unsafe_code)]
mod signals;
pub mod size;
#[allow(unsafe_code)]
pub mod standard;
pub mod sysctl;

pub use error::Error;
