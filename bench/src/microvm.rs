//! A command in a Linux guest, from what the user says to the VMM's command line.
//!
//! `isolab run microvm`, in order: the kernel is chosen and verified; the root is looked at; the guest's init, the
//! modules that this machine needs and, if it is a folder, the root are packed into memory (`memfd_create(2)`);
//! and this process becomes the VMM, which finds the archive at `/proc/self/fd/N`. A file in memory belongs to the
//! process alone: whatever ends it, nothing is left to sweep. The measured stacks go the same way
//! ([`crate::stacks::microvm`]), but with a file: it is packed once and booted often.

use crate::host::{self, clock::Clock};
use crate::kernel::cache::{Cache, Entry};
use crate::kernel::error::Error;
use crate::kernel::manifest::Manifest;
use crate::programs::Programs;
use crate::rootfs::Rootfs;
use anyhow::Context;
use isolab_microvm::machine::COMMAND_LINE;
use isolab_microvm::pack;
use isolab_microvm::pack::modules::{self, Module};
use isolab_microvm::pack::start::{Disk, Start};
use rustix::fs::{MemfdFlags, memfd_create};
use std::ffi::OsString;
use std::fs::File;
use std::os::fd::{AsRawFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::process::Command;

/// The kernel says nothing on the command's console but that it panics, and why.
const SILENT: &str = "loglevel=2";
/// Where time is a count of instructions, addresses that differ from run to run must not change it.
const SAME_ADDRESSES: &str = "nokaslr norandmaps";
/// The first disk of a guest.
const FIRST_DISK: &str = "/dev/vda";
/// Kernels by name, the preferred one first: the small one starts soonest, then the distribution's.
const PREFERRED: [&str; 4] = ["small", "debian", "ubuntu", "host"];

/// What to run in a Linux guest.
#[derive(Clone, Debug)]
pub struct Guest {
    /// A folder or the image of a disk, which becomes the root; it is never written to.
    pub rootfs: PathBuf,
    /// A kernel's name in the cache, or the path of its image; `None`: the best that there is.
    pub kernel: Option<PathBuf>,
    /// Memory, in MiB.
    pub memory_mib: u32,
    /// How many CPUs.
    pub cpus: u8,
    /// More disks: `FILE` or `FILE:ro`.
    pub drives: Vec<OsString>,
    /// Network cards: `TAP` or `TAP:MAC`.
    pub networks: Vec<OsString>,
    /// What to start in it. Its disk is filled in here.
    pub start: Start,
}

/// The command that runs the guest. The descriptor is the archive: it must be open until the command has begun.
pub fn command(programs: &Programs, guest: &Guest) -> anyhow::Result<(Command, OwnedFd)> {
    let kernel = Kernel::choose(guest.kernel.as_deref())?;
    let rootfs = Rootfs::at(&guest.rootfs)?;
    let mut start = guest.start.clone();
    let mut drives = guest.drives.clone();
    let mut wanted = Vec::new();
    if let Rootfs::Image(file_system) = rootfs {
        let disk = Disk { device: FIRST_DISK.into(), file_system: file_system.into(), writable: false };
        start.disk = Some(disk);
        let mut drive = guest.rootfs.clone().into_os_string();
        drive.push(":ro");
        drives.insert(0, drive);
        wanted.extend([file_system, "overlay"]);
    }
    if !drives.is_empty() {
        wanted.extend(["virtio_mmio", "virtio_blk"]);
    }
    if !guest.networks.is_empty() {
        wanted.extend(["virtio_mmio", "virtio_net"]);
    }
    let modules = modules::resolve(&kernel.modules, &wanted)?;
    let most = u64::from(guest.memory_mib) << 19;
    let archive = archive(programs, &modules, &start, most, rootfs, &guest.rootfs)?;

    let mut command = Command::new(&programs.microvm);
    let initrd = PathBuf::from(format!("/proc/self/fd/{}", archive.as_raw_fd()));
    boot(&mut command, &kernel, &initrd, guest.memory_mib);
    command.args(["--cpus", &guest.cpus.to_string()]);
    for (option, values) in [("--drive", &drives), ("--net", &guest.networks)] {
        for value in values {
            command.arg(option).arg(value);
        }
    }
    Ok((command, archive))
}

/// Adds to the VMM's command line what every Linux guest is booted with.
pub(crate) fn boot(command: &mut Command, kernel: &Kernel, initrd: &Path, memory_mib: u32) {
    command.args(["boot", "--input-port", "--kernel"]).arg(&kernel.image).arg("--initrd").arg(initrd);
    command.args(["--cmdline", &kernel_line(), "--memory", &memory_mib.to_string()]);
}

/// The command line of every Linux guest's kernel.
pub(crate) fn kernel_line() -> String {
    let same =
        if Clock::here() == Clock::VirtualIcount { format!(" {SAME_ADDRESSES}") } else { String::new() };
    format!("{COMMAND_LINE} {SILENT}{same}")
}

/// A kernel for Linux guests.
#[derive(Clone, Debug)]
pub struct Kernel {
    /// Its image.
    pub image: PathBuf,
    /// The folder with its modules, which need not be there.
    pub modules: PathBuf,
    /// What it is, in words, for the record.
    pub words: String,
}

impl Kernel {
    /// The kernel that was asked for, by its name in the cache or the path of its image; or the best that there
    /// is. One of the cache is verified. None where no guest could boot it, which is said at once: the attempt
    /// would fail after seconds, in the middle of the boot.
    pub fn choose(asked: Option<&Path>) -> anyhow::Result<Kernel> {
        if host::guest_kernel() == "emulated" {
            let what = "KVM here emulates the kernel code of guests, and no stock Linux boots on that".into();
            return Err(Error::Unavailable { what, fix: "isolab emulate -- the same command".into() }.into());
        }
        let cache = Cache::of_user()?;
        let Some(asked) = asked else {
            for name in PREFERRED {
                match cache.find(name) {
                    Err(Error::NotCached { .. }) => {}
                    found => return Ok(Kernel::of(&found?)),
                }
            }
            let what = format!("there is no kernel for the guest in {}", cache.folder().display());
            return Err(Error::Unavailable { what, fix: "isolab kernel get".into() }.into());
        };
        // A name has no slash; a file that is meant has one, or can be given one.
        if let Some(name) = asked.to_str().filter(|name| !name.contains('/')) {
            return Ok(Kernel::of(&cache.find(name)?));
        }
        let words = "a file of the caller's".into();
        Ok(Kernel { image: asked.into(), modules: asked.with_file_name("modules"), words })
    }

    fn of(entry: &Entry) -> Kernel {
        let Manifest { name, release, .. } = &entry.manifest;
        let words = format!("Linux {release} ({name})");
        Kernel { image: entry.vmlinux(), modules: entry.folder.join("modules"), words }
    }
}

/// Packs the archive into memory.
fn archive(
    programs: &Programs,
    modules: &[Module],
    start: &Start,
    most: u64,
    rootfs: Rootfs,
    folder: &Path,
) -> anyhow::Result<OwnedFd> {
    // Not closed on exec: the VMM reads it.
    let memory = memfd_create("isolab-initramfs", MemfdFlags::empty()).context("making a file in memory")?;
    let mut archive = pack::begin(File::from(memory), most, &programs.init, modules, start)?;
    if rootfs == Rootfs::Folder {
        archive.tree(pack::ROOT, folder)?;
    }
    Ok(archive.finish()?.into())
}
