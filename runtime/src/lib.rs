//! A container runtime to read: what a container is, in the order in which it comes to be.
//!
//! A container is a process with other views (namespaces), a share of the machine (cgroups), a root of
//! its own and less power (capabilities, a filter of system calls) than the one that started it. There is
//! no daemon and no thread here: the runtime is one process, and the container's first process another, which
//! furnishes its own walls from inside and then becomes the user's program. What to make is written in the
//! OCI runtime specification's `config.json`; engines call this program by runc's command line.
//!
//! Outside, [`container`] is the recipe:
//! 1. [`standard`], [`protect`]: the runtime makes itself safe to run beside what it will start.
//! 2. [`oci`]: the configuration is read and checked, the container's name taken, its record written; for
//!    those without a bundle, [`contained`] makes the configuration.
//! 3. `signals`: they are blocked before anything exists, and forwarded after (`foreground`).
//! 4. [`cgroup`]: the groups are made and the limits written.
//! 5. [`clone`]: one `clone3(2)` creates the first process in its [`namespaces`]; `channel` is how the two speak.
//!
//! Inside, `init` is the recipe of that process:
//!
//! 6. [`idmap`]: in a user namespace it becomes root.
//! 7. [`cgroup`] again: it joins its groups; then the cgroup namespace is made. [`clocks`]: so is that of time.
//! 8. `keyring`, [`loopback`], [`sysctl`]: a session keyring, a network device and kernel parameters of its own.
//! 9. [`rootfs`]: the root is built, the mounts are made, and the host goes out of reach.
//! 10. [`console`]: a terminal, if it is to have one.
//! 11. [`process`]: user, limits, capabilities and all else that a process is.
//! 12. [`seccomp`]: the filter of system calls.
//! 13. `gate`: it waits to be started, and executes the program. Only on request it stays, as a `reaper`.
//!
//! Later [`exec`] puts another process inside. Beside them, [`error`] names the steps and the exit statuses,
//! [`identity`] tells processes apart, `privilege` the host's root from others with number 0, `title`
//! hides the runtime's command line from who is inside, `spare` gives back what memory a runtime that waits does not
//! need, and [`page`] is the memory in which both processes note when each step happened.
//!
//! Unsafe code is allowed only in the modules that say so below: one system call or one piece of memory each.
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
mod privilege;
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
mod spare;
#[allow(unsafe_code)]
pub mod standard;
pub mod sysctl;
#[allow(unsafe_code)]
mod title;

pub use error::Error;
