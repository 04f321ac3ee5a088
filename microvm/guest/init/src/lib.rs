//! PID 1 of a Linux guest: what happens between the kernel's last instruction and the command's first.
//!
//! A kernel that has booted unpacks the initial RAM file system and executes `/init` from it (kernel
//! documentation, "ramfs, rootfs and initramfs"). The program `isolab-init` (`main.rs`) is that file. It has no
//! standard library and no C library: it stands between each VM and its command, so its start is paid for by all.
//! In the order in which things happen:
//!
//! 1. `ports.rs`: leave to write to the VMM's ports; the first byte says that the kernel has booted.
//! 2. [`start`]: what the packer wrote into `/isolab/start`: all that this program is told.
//! 3. `modules.rs`: the kernel's modules, in the order in which they need each other.
//! 4. `root.rs`: the root: a folder of the initial RAM file system, or a disk, with an overlay on top.
//! 5. `mounts.rs`: what every program expects: `/proc`, `/sys`, `/dev`, `/tmp`, `/run`.
//! 6. `loopback.rs`: the network device that every machine has comes up; and the host gets its name.
//! 7. `console.rs`: the serial line becomes as plain as a pipe, unless somebody sits at a terminal.
//! 8. `command.rs`: user, folder, session, `execve`. The command is a child: PID 1 must not end.
//! 9. `relay.rs`, `input.rs`, `signals.rs`: input and signals to the command, marks from the command, orphans
//!    reaped, until it ends.
//!    When the command is ready, `usage.rs` tells the VMM what programs and files have of the memory.
//! 10. `end.rs`: its exit status goes to the VMM, and with that the VM ends.
//!
//! Whatever fails is said in one line on the console (`failure.rs`), and ends the VM with status 125.
//!
//! Unsafe code is in `command.rs` (`fork`, `execve`), `console.rs` (its descriptor), `loopback.rs` (an ioctl),
//! `memory.rs` (what the compiler wants from a C library), `ports.rs` (`ioperm`) and `signals.rs` (the mask,
//! `signalfd`) only. This library is what can be tested outside of a VM, and what the
//! packer shares.
#![no_std]
#![deny(unsafe_code)]

pub mod start;
