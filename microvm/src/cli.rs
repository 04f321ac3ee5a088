//! The command line of the VMM.

use clap::{Args, Parser, Subcommand};
use std::path::PathBuf;

/// Runs a guest in a KVM virtual machine of its own, with one CPU and no operating system.
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
    /// Run a guest to its end
    Run(Run),
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
pub(crate) struct Run {
    /// The guest: a static x86-64 ELF file that boots by the Linux 64-bit protocol
    #[arg(long, value_name = "ELF")]
    pub(crate) image: PathBuf,
    /// Memory of the VM in MiB, 2 to 1024
    #[arg(long, value_name = "MIB", default_value_t = 128)]
    pub(crate) memory: u32,
    /// Write the guest's marks (begin, ready, end: one byte each) to standard output
    #[arg(long)]
    pub(crate) marks: bool,
    /// Write the VMM's own marks to standard output at the end, as one record
    #[arg(long)]
    pub(crate) timeline: bool,
    /// What the guest shall do
    #[arg(last = true, required = true, num_args = 1..=2, value_names = ["KIND", "N"])]
    pub(crate) work: Vec<String>,
}
