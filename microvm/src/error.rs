//! What can go wrong, by step. Each error names its step and keeps its source.

use crate::boot::image::ImageError;
use crate::boot::initrd::InitrdError;
use crate::devices::virtio::DeviceError;
use crate::exit::Fault;
use crate::machine_file::MachineFileError;
use crate::memory::LEAST_MIB;
use std::io;
use std::path::PathBuf;

/// A step of running a guest that failed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// KVM cannot be opened.
    #[error("opening {path}: {fix}")]
    NoKvm {
        /// The device.
        path: String,
        /// What to do about it.
        fix: &'static str,
        /// What the kernel answered.
        source: io::Error,
    },
    /// The memory asked for is too small, or more than the guest can use or the host has.
    #[error("{mib} MiB of memory: give {LEAST_MIB} to {most}")]
    MemorySize {
        /// So many MiB were asked for.
        mib: u32,
        /// So many can be had.
        most: u64,
    },
    /// The ACPI tables of so many CPUs and devices are larger than their place.
    #[error("writing ACPI tables: there is no room for so many CPUs and devices")]
    Tables,
    /// There is no memory for two registers.
    #[error("preparing the vCPU's model-specific registers")]
    Registers,
    /// More vCPUs than this VMM or KVM here has room for, or none.
    #[error("{cpus} vCPUs: give 1 to {most}")]
    Cpus {
        /// So many were asked for.
        cpus: u8,
        /// So many can be had.
        most: usize,
    },
    /// An event, a thread or a signal's handling cannot be had.
    #[error("preparing the VM's threads and the events between them")]
    Event(#[source] io::Error),
    /// The VMM's threads cannot be confined.
    #[error("confining the VMM's threads to the system calls that they need (seccomp)")]
    Filter(#[source] seccompiler::Error),
    /// The I/O thread cannot wait for events.
    #[error("waiting for input and signals")]
    Events(#[source] event_manager::Error),
    /// The host gives no mapping of that size.
    #[error("mapping {mib} MiB of guest memory")]
    MapMemory {
        /// The size.
        mib: u32,
        /// Why not.
        source: vm_memory::mmap::FromRangesError,
    },
    /// The host has no huge pages.
    #[error(
        "asking for huge pages for the guest's memory (madvise): this host's kernel has none; leave them out"
    )]
    HugePages(#[source] io::Error),
    /// An ioctl of KVM failed.
    #[error("{step}")]
    Kvm {
        /// What was done, with the ioctl's name.
        step: &'static str,
        /// What the kernel answered.
        source: io::Error,
    },
    /// A kernel command line cannot hold these words.
    #[error("building the kernel command line from {words:?}")]
    CommandLine {
        /// The words.
        words: Vec<String>,
        /// Why not.
        source: linux_loader::cmdline::Error,
    },
    /// The image cannot be loaded.
    #[error("loading {path}")]
    Image {
        /// The image.
        path: PathBuf,
        /// Why not.
        source: ImageError,
    },
    /// The initial RAM file system cannot be loaded.
    #[error("loading {path}")]
    Initrd {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: InitrdError,
    },
    /// A device that the VM shall have cannot be had.
    #[error(transparent)]
    Device(#[from] DeviceError),
    /// The machine file does not describe a VM.
    #[error(transparent)]
    MachineFile(#[from] MachineFileError),
    /// Boot structures do not fit in guest memory.
    #[error("writing boot structures to guest memory")]
    Boot(#[from] vm_memory::GuestMemoryError),
    /// KVM gives its statistics otherwise than it documents them.
    #[error("reading KVM's statistics")]
    Statistics(#[source] io::Error),
    /// The guest did what no device answers, or broke.
    #[error("running the guest: {0}")]
    Guest(Box<Fault>),
    /// The guest's kernel gave up.
    #[error("running the guest: its kernel panicked; its last words are above")]
    Panic,
    /// The guest halted again, and nothing is left that could wake it.
    #[error("running the guest: it halted after standard input had ended: nothing can wake it any more")]
    Asleep,
    /// Standard output took no more.
    #[error("writing what the guest said to standard output")]
    Output(#[source] io::Error),
    /// Standard input could not be read while the guest held.
    #[error("waiting for the end of standard input, as the guest holds")]
    Hold(#[source] io::Error),
    /// Standard input could not be read, or its terminal not be set.
    #[error("reading standard input for the console")]
    Input(#[source] io::Error),
}

impl Error {
    /// Whether this host cannot run VMs at all, as opposed to this one VM.
    pub fn is_unavailable(&self) -> bool {
        matches!(self, Error::NoKvm { .. })
    }

    /// For `map_err` on an ioctl of KVM.
    pub(crate) fn kvm(step: &'static str) -> impl FnOnce(kvm_ioctls::Error) -> Error {
        move |error| Error::Kvm { step, source: error.into() }
    }
}
