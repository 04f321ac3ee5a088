//! The command line of the VMM.

use clap::{Args, Parser, Subcommand};
use isolab_microvm::boot::kernel::Protocol;
use isolab_microvm::devices::virtio::config::{Drive, Interface};
use isolab_microvm::machine::COMMAND_LINE;
use std::path::PathBuf;

/// Runs a guest in a KVM virtual machine of its own: a unikernel, or Linux.
#[derive(Debug, Parser)]
#[command(
    name = "isolab-microvm",
    version,
    after_help = "Exit status: the guest's own; 125 if the VMM failed, 126 if this host cannot run VMs."
)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run a guest without an operating system to its end
    Run(Run),
    /// Boot Linux and run it to its end
    Boot(Boot),
}

#[derive(Args, Debug)]
#[command(after_help = "\
Kinds of work:
  noop        nothing: what is left is the price of the VM
  cpu N       N turns of integer work; prints their checksum
  cross N     N writes to an I/O port: the border between guest and VMM
  touch MIB   touch so much memory, then hold until standard input ends
  wait        hold until standard input ends

Examples:
  isolab-microvm run --image isolab-unikernel -- noop
  isolab-microvm run --image isolab-unikernel --memory 64 -- cpu 1000000
  echo | isolab-microvm run --image isolab-unikernel -- touch 32")]
#[allow(clippy::struct_excessive_bools, reason = "each is an option of its own")]
pub(crate) struct Run {
    /// The guest: a static x86-64 ELF file that boots by the Linux 64-bit protocol
    #[arg(long, value_name = "ELF")]
    pub(crate) image: PathBuf,
    /// Memory of the VM in MiB, 2 to 1024
    #[arg(long, value_name = "MIB", default_value_t = 128)]
    pub(crate) memory: u32,
    /// Ask the host for huge pages for the VM's memory
    #[arg(long)]
    pub(crate) huge_pages: bool,
    /// Write the guest's marks (begin, ready, end: one byte each) to standard output
    #[arg(long)]
    pub(crate) marks: bool,
    /// Write the VMM's own marks, and how often the guest came back to it, to standard output at the end, as one record
    #[arg(long)]
    pub(crate) timeline: bool,
    /// Write KVM's own counts of the VM too
    #[arg(long, requires = "timeline")]
    pub(crate) statistics: bool,
    /// What the guest shall do
    #[arg(last = true, required = true, num_args = 1..=2, value_names = ["KIND", "N"])]
    pub(crate) work: Vec<String>,
}

#[derive(Args, Debug)]
#[command(after_help = "\
The guest ends by writing its exit status to I/O port 0xf4, or by a restart (`reboot -f`, status 0).
A panic is an error of the VMM.
SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGUSR1 and SIGUSR2 go to the guest, as a byte on its second serial port;
the second SIGINT or SIGTERM ends the VM.
On a terminal each key goes to the guest; Ctrl-A x ends the VMM, Ctrl-A Ctrl-A is Ctrl-A.

Examples:
  isolab-microvm boot --kernel vmlinux --initrd initramfs.cpio --memory 256
  isolab-microvm boot --kernel vmlinux --cmdline 'console=ttyS0 root=/dev/vda ro' --drive root.img:ro --net tap0
  isolab-microvm boot --config-file machine.json")]
#[allow(clippy::struct_excessive_bools, reason = "each is an option of its own")]
pub(crate) struct Boot {
    /// The kernel: an x86-64 vmlinux (starts sooner) or bzImage
    #[arg(long, value_name = "FILE", required_unless_present = "config_file")]
    pub(crate) kernel: Option<PathBuf>,
    /// How the kernel is entered: by Linux's own boot protocol, in 64-bit mode, or by PVH (linux or pvh)
    #[arg(long, value_name = "NAME", default_value = "linux")]
    pub(crate) protocol: Protocol,
    /// An initial RAM file system
    #[arg(long, value_name = "FILE")]
    pub(crate) initrd: Option<PathBuf>,
    /// The kernel's command line, all of it
    #[arg(long, value_name = "TEXT", default_value = COMMAND_LINE)]
    pub(crate) cmdline: String,
    /// Memory of the VM in MiB, from 2 to what this host has
    #[arg(long, value_name = "MIB", default_value_t = 256)]
    pub(crate) memory: u32,
    /// How many CPUs the VM has, 1 to 32
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub(crate) cpus: u8,
    /// A disk: the file's sectors are the disk's. `:ro` shares it among VMs. Again for a second one
    #[arg(long, value_name = "FILE[:ro]")]
    pub(crate) drive: Vec<Drive>,
    /// A network card at the other end of this tap interface. Again for a second one
    #[arg(long, value_name = "TAP[:MAC]")]
    pub(crate) net: Vec<Interface>,
    /// A device that gives random numbers
    #[arg(long)]
    pub(crate) rng: bool,
    /// Hand standard input, if it is no terminal, over to isolab's own init, at an I/O port: fast, and with its end.
    /// Else it is what comes in on the guest's first serial port
    #[arg(long)]
    pub(crate) input_port: bool,
    /// Take all of the above from this file, in Firecracker's JSON schema
    #[arg(long, value_name = "JSON", conflicts_with_all = ["kernel", "protocol", "initrd", "cmdline", "memory", "cpus", "drive", "net", "rng"])]
    pub(crate) config_file: Option<PathBuf>,
    /// Ask the host for huge pages for the VM's memory
    #[arg(long)]
    pub(crate) huge_pages: bool,
    /// Write the guest's marks (one byte each, at I/O port 0xe9) to standard output
    #[arg(long)]
    pub(crate) marks: bool,
    /// Write the VMM's own marks, and how often the guest came back to it, to standard output at the end, as one record
    #[arg(long)]
    pub(crate) timeline: bool,
    /// Write KVM's own counts of the VM too
    #[arg(long, requires = "timeline")]
    pub(crate) statistics: bool,
}
