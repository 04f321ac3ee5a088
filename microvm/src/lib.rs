//! A KVM launcher to read: what it takes to run a guest, and nothing else.
//!
//! KVM (`kvm(4)`, kernel documentation "The Definitive KVM API") is three kinds of file descriptor: the
//! device, a VM, a vCPU. In the order in which things happen:
//!
//! 1. [`kvm`]: open `/dev/kvm`.
//! 2. [`memory`]: map the guest's memory; a VM is born without any. [`layout`] says what lies where.
//! 3. [`vm`]: create the VM, give it the memory, create its vCPU: the recipe, readable top to bottom.
//! 4. [`boot`]: put the guest in place: [`boot::image`] (its ELF file), [`boot::linux`] (its command
//!    line and memory map), [`boot::long_mode`] (page tables and registers of 64-bit mode).
//! 5. [`vcpu`]: run it. Every exit comes back here.
//! 6. [`exit`]: what an exit asks for: a pure function, tested without a guest.
//! 7. [`bus`]: which device a port belongs to: [`devices::serial`], [`devices::mark`], [`devices::exit`].
//! 8. [`output`]: what the guest writes, on its way to the VMM's standard output.
//!
//! [`machine`] is the second recipe: a VM that boots Linux. It goes the same way and adds, where a real kernel
//! needs more:
//!
//! - step 3: [`interrupts`] (interrupt controllers and clock) and [`cpuid`] (what the CPU says about itself);
//! - step 4: [`boot::kernel`] (vmlinux or bzImage), [`boot::initrd`] (its first root), [`boot::e820`] (its memory),
//!   [`boot::mp_table`] and [`boot::acpi`] (which CPUs and devices it has, and where interrupts arrive);
//!   [`boot::pvh`] is another way to enter it;
//! - step 5: a thread for each vCPU, each confined to the system calls that it needs ([`seccomp`]), and [`end`]: the
//!   first that ends ends all;
//! - step 7: [`devices::tty`] (a serial port with an interrupt), [`devices::keyboard`] (the restart),
//!   [`devices::power`] (the power switch), [`devices::clock`], [`devices::phase`] (how far the guest is),
//!   [`devices::usage`] (what its programs have of its memory),
//!   [`devices::input`] (what its command reads); and [`devices::virtio`], with a tour of its own: disks, network
//!   cards, entropy;
//! - step 8: [`watch`]: did its kernel panic? And the other way, all in one thread ([`io`]): [`input`] and
//!   [`terminal`] (what you type) and [`signals`] (what is sent to the VMM), on their way to the guest.
//!
//! What that kernel unpacks and starts is made before there is any VM: [`pack`] packs a folder, the kernel's modules
//! (unpacked by [`decompress`]) and the guest's init.
//!
//! Beside the path: [`tally`] and [`statistics`] (how often the guest left, and why), [`machine_file`] (a VM described
//! in JSON), [`error`] (what can go wrong, by step), [`probe`] (what kind of KVM this host has) and [`fuzz`] (the bodies of
//! the fuzz targets).
//!
//! For the unikernel there is no interrupt controller and no thread: it needs none. Nor is its VMM confined by a filter:
//! that would make its start a tenth longer, and all that its guest can reach is three ports.
//!
//! Unsafe code is in [`memory`] (handing memory to KVM), [`statistics`] (opening them), [`vcpu`] (reading a union of
//! `kvm_run`, and interrupting `KVM_RUN` from another thread), [`devices::virtio::tap`] (its ioctls) and [`seccomp`] (its
//! signal's handler), only.
#![deny(unsafe_code)]

pub mod boot;
pub mod bus;
pub mod cpuid;
pub mod decompress;
pub mod devices;
pub mod end;
pub mod error;
pub mod exit;
mod files;
pub mod fuzz;
pub mod input;
pub mod interrupts;
pub mod io;
pub mod kvm;
pub mod layout;
pub mod machine;
pub mod machine_file;
#[allow(unsafe_code)]
pub mod memory;
pub mod output;
pub mod pack;
pub mod probe;
#[allow(unsafe_code)]
pub mod seccomp;
pub mod signals;
#[allow(unsafe_code)]
pub mod statistics;
pub mod tally;
pub mod terminal;
#[allow(unsafe_code)]
pub mod vcpu;
pub mod vm;
pub mod watch;

pub use error::Error;
pub use vm::{Config, Vm, launch};
