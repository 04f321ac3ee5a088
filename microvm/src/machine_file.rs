//! The machine file: a VM described in JSON, in Firecracker's own schema (its API specification, as its option
//! `--config-file` takes it), so that one file runs on both.
//!
//! What this VMM does not have is refused by name, not ignored: whoever asks for a rate limit must not get a VM
//! without one. `null`, and a value that asks for nothing, are as good as no key. Paths are relative to the
//! current folder.
//!
//! ```json
//! {
//!   "boot-source": { "kernel_image_path": "vmlinux", "boot_args": "console=ttyS0 reboot=k panic=-1" },
//!   "drives": [
//!     { "drive_id": "root", "path_on_host": "root.img", "is_root_device": true, "is_read_only": true }
//!   ],
//!   "machine-config": { "vcpu_count": 2, "mem_size_mib": 256 },
//!   "network-interfaces": [ { "iface_id": "eth0", "host_dev_name": "tap0", "guest_mac": "06:00:ac:10:00:02" } ],
//!   "entropy": {}
//! }
//! ```

mod schema;

use crate::boot::kernel::Protocol;
use crate::devices::virtio::config::{Devices, Drive, Interface};
use crate::devices::virtio::mac::{Mac, NoMac};
use crate::machine::{COMMAND_LINE, Config};
use crate::tally::Tally;
use schema::{File, Refused};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

/// The longest file: far more than any VM needs.
const LONGEST: u64 = 1 << 20;

/// A VM as the file describes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Machine {
    /// The kernel.
    pub kernel: PathBuf,
    /// How it is entered.
    pub protocol: Protocol,
    /// The initial RAM file system.
    pub initrd: Option<PathBuf>,
    /// The kernel's command line.
    pub command_line: String,
    /// The guest's memory, in MiB.
    pub memory_mib: u32,
    /// How many vCPUs it has.
    pub cpus: u8,
    /// Its virtio devices.
    pub devices: Devices,
}

impl Machine {
    /// What to boot, and where its exits are counted.
    pub fn config<'a>(&'a self, input_port: bool, marks: bool, tally: &'a Tally) -> Config<'a> {
        Config {
            kernel: &self.kernel,
            protocol: self.protocol,
            initrd: self.initrd.as_deref(),
            command_line: &self.command_line,
            memory_mib: self.memory_mib,
            huge_pages: false,
            cpus: self.cpus,
            devices: &self.devices,
            input_port,
            marks,
            tally,
        }
    }
}

/// Why a machine file does not describe a VM.
#[derive(Debug, thiserror::Error)]
#[error("reading the machine file {path}")]
pub struct MachineFileError {
    path: PathBuf,
    source: Reason,
}

/// What is wrong with its text.
#[derive(Debug, thiserror::Error)]
pub enum Reason {
    /// The file cannot be read.
    #[error(transparent)]
    Read(#[from] io::Error),
    /// It is too long to be one.
    #[error("it is longer than {LONGEST} bytes")]
    TooLong,
    /// It is no JSON, lacks a key, has one that is not known, or a value of another type.
    #[error(transparent)]
    Json(#[from] serde_json::Error),
    /// It asks for what there is not.
    #[error(transparent)]
    Refused(#[from] Refused),
    /// Two devices have one name.
    #[error("{key}: two have the name {name:?}; give each its own")]
    Twice {
        /// Which key names them.
        key: &'static str,
        /// The name.
        name: String,
    },
    /// Two drives are the root.
    #[error("drives: {0:?} and {1:?} are both root devices; a VM has one")]
    Roots(String, String),
    /// An address is none.
    #[error("network-interfaces, guest_mac")]
    Mac(#[from] NoMac),
}

/// Reads the file at `path`.
pub fn read(path: &Path) -> Result<Machine, MachineFileError> {
    let text = || {
        let mut text = Vec::new();
        std::fs::File::open(path)?.take(LONGEST + 1).read_to_end(&mut text)?;
        if text.len() as u64 > LONGEST { Err(Reason::TooLong) } else { Ok(text) }
    };
    text().and_then(|text| parse(&text)).map_err(|source| MachineFileError { path: path.into(), source })
}

/// Understands the text of a machine file.
pub fn parse(text: &[u8]) -> Result<Machine, Reason> {
    let File { boot_source, drives, machine_config, network_interfaces, entropy, .. } = {
        let file: File = serde_json::from_slice(text)?;
        file.check()?;
        file
    };
    let (mut drives, interfaces) = (drives.unwrap_or_default(), network_interfaces.unwrap_or_default());
    different("drives, drive_id", drives.iter().map(|drive| &drive.id))?;
    different("network-interfaces, iface_id", interfaces.iter().map(|interface| &interface.iface_id))?;
    // The root device comes first, and so is /dev/vda; the order of the others stays.
    drives.sort_by_key(|drive| !drive.is_root_device);
    let mut command_line = boot_source.boot_args.unwrap_or_else(|| COMMAND_LINE.into());
    if let [root, second, ..] = &drives[..]
        && second.is_root_device
    {
        return Err(Reason::Roots(root.id.clone(), second.id.clone()));
    }
    if let Some(root) = drives.first().filter(|drive| drive.is_root_device) {
        let mode = if root.is_read_only() { "ro" } else { "rw" };
        command_line = with_root(&command_line, &format!("root=/dev/vda {mode}"));
    }
    let interface = |interface: schema::NetworkInterface| {
        let mac = interface.guest_mac.map(|text| text.parse::<Mac>()).transpose()?;
        let tap = interface.host_dev_name;
        Ok::<_, NoMac>(Interface { mac: mac.unwrap_or_else(|| Mac::of(&tap)), tap })
    };
    let drive = |drive: schema::Drive| Drive { read_only: drive.is_read_only(), path: drive.path_on_host };
    let machine_config = machine_config.unwrap_or_default();
    Ok(Machine {
        kernel: boot_source.kernel_image_path,
        protocol: Protocol::Linux,
        initrd: boot_source.initrd_path,
        command_line,
        memory_mib: machine_config.mem_size_mib,
        cpus: machine_config.vcpu_count,
        devices: Devices {
            drives: drives.into_iter().map(drive).collect(),
            interfaces: interfaces.into_iter().map(interface).collect::<Result<_, _>>()?,
            rng: entropy.is_some(),
        },
    })
}

/// The command line with the root named: before what is for init.
fn with_root(line: &str, root: &str) -> String {
    match line.split_once(" -- ") {
        Some((kernel, init)) => format!("{kernel} {root} -- {init}"),
        None => format!("{line} {root}"),
    }
}

/// Each name is there once.
fn different<'a>(key: &'static str, names: impl Iterator<Item = &'a String>) -> Result<(), Reason> {
    let mut names: Vec<_> = names.collect();
    names.sort();
    match names.windows(2).find(|pair| pair[0] == pair[1]) {
        Some(pair) => Err(Reason::Twice { key, name: pair[0].clone() }),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests;
