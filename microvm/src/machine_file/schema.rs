//! The machine file's keys, as Firecracker names them, and what of them this VMM refuses.

use serde::Deserialize;
use serde_json::Value;
use std::path::PathBuf;

/// A key with a value that asks for what this VMM does not have.
#[derive(Debug, thiserror::Error)]
#[error("{section}: {key} is not supported as it is given: {instead}")]
pub struct Refused {
    section: &'static str,
    key: &'static str,
    instead: &'static str,
}

/// The first of these keys that asks for something: each with whether it does, and what there is instead.
fn first(section: &'static str, keys: &[(&'static str, bool, &'static str)]) -> Result<(), Refused> {
    match keys.iter().find(|(_, asks, _)| *asks) {
        Some(&(key, _, instead)) => Err(Refused { section, key, instead }),
        None => Ok(()),
    }
}

const LEAVE_OUT: &str = "leave it out";

/// The whole file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct File {
    pub(super) boot_source: BootSource,
    pub(super) drives: Option<Vec<Drive>>,
    pub(super) machine_config: Option<MachineConfig>,
    pub(super) network_interfaces: Option<Vec<NetworkInterface>>,
    pub(super) entropy: Option<Entropy>,
    balloon: Option<Value>,
    cpu_config: Option<Value>,
    logger: Option<Value>,
    memory_hotplug: Option<Value>,
    metrics: Option<Value>,
    mmds_config: Option<Value>,
    pmem: Option<Value>,
    serial: Option<Value>,
    vsock: Option<Value>,
}

impl File {
    /// Refuses what it asks for and there is not.
    pub(super) fn check(&self) -> Result<(), Refused> {
        let asks =
            |value: &Option<Value>| value.as_ref().is_some_and(|value| *value != Value::Array(Vec::new()));
        first(
            "the file",
            &[
                ("balloon", asks(&self.balloon), LEAVE_OUT),
                ("cpu-config", asks(&self.cpu_config), LEAVE_OUT),
                ("logger", asks(&self.logger), "errors go to standard error"),
                ("memory-hotplug", asks(&self.memory_hotplug), LEAVE_OUT),
                ("metrics", asks(&self.metrics), "--timeline gives the VMM's own marks"),
                ("mmds-config", asks(&self.mmds_config), LEAVE_OUT),
                ("pmem", asks(&self.pmem), "use a read-only drive"),
                ("serial", asks(&self.serial), "the console is standard input and output"),
                ("vsock", asks(&self.vsock), "use a network interface"),
            ],
        )?;
        self.drives.iter().flatten().try_for_each(Drive::check)?;
        self.machine_config.as_ref().map_or(Ok(()), MachineConfig::check)?;
        self.network_interfaces.iter().flatten().try_for_each(NetworkInterface::check)?;
        let limited = self.entropy.as_ref().is_some_and(|entropy| entropy.rate_limiter.is_some());
        first("entropy", &[("rate_limiter", limited, LEAVE_OUT)])
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct BootSource {
    pub(super) kernel_image_path: PathBuf,
    pub(super) initrd_path: Option<PathBuf>,
    pub(super) boot_args: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Drive {
    #[serde(rename = "drive_id")]
    pub(super) id: String,
    pub(super) path_on_host: PathBuf,
    pub(super) is_root_device: bool,
    is_read_only: Option<bool>,
    cache_type: Option<String>,
    io_engine: Option<String>,
    partuuid: Option<Value>,
    rate_limiter: Option<Value>,
    socket: Option<Value>,
}

impl Drive {
    pub(super) fn is_read_only(&self) -> bool {
        self.is_read_only == Some(true)
    }

    fn check(&self) -> Result<(), Refused> {
        let cache = self.cache_type.as_deref().is_some_and(|cache| !matches!(cache, "Unsafe" | "Writeback"));
        let engine = self.io_engine.as_deref().is_some_and(|engine| engine != "Sync");
        first(
            "drives",
            &[
                (
                    "cache_type",
                    cache,
                    "there are \"Unsafe\" and \"Writeback\", and both flush when the guest asks",
                ),
                ("io_engine", engine, "there is \"Sync\""),
                ("partuuid", self.partuuid.is_some(), "the root device is a whole drive, /dev/vda"),
                ("rate_limiter", self.rate_limiter.is_some(), LEAVE_OUT),
                ("socket", self.socket.is_some(), "a drive is a file"),
            ],
        )
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct MachineConfig {
    pub(super) vcpu_count: u8,
    pub(super) mem_size_mib: u32,
    smt: Option<bool>,
    cpu_template: Option<String>,
    huge_pages: Option<String>,
    track_dirty_pages: Option<bool>,
}

impl Default for MachineConfig {
    fn default() -> MachineConfig {
        MachineConfig {
            vcpu_count: 1,
            mem_size_mib: 128,
            smt: None,
            cpu_template: None,
            huge_pages: None,
            track_dirty_pages: None,
        }
    }
}

impl MachineConfig {
    fn check(&self) -> Result<(), Refused> {
        let names = |name: &Option<String>| name.as_deref().is_some_and(|name| name != "None");
        first(
            "machine-config",
            &[
                ("smt", self.smt == Some(true), "each vCPU is a core of its own"),
                ("cpu_template", names(&self.cpu_template), "the guest sees the host's CPU"),
                ("huge_pages", names(&self.huge_pages), LEAVE_OUT),
                ("track_dirty_pages", self.track_dirty_pages == Some(true), LEAVE_OUT),
            ],
        )
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct NetworkInterface {
    pub(super) iface_id: String,
    pub(super) host_dev_name: String,
    pub(super) guest_mac: Option<String>,
    rx_rate_limiter: Option<Value>,
    tx_rate_limiter: Option<Value>,
}

impl NetworkInterface {
    fn check(&self) -> Result<(), Refused> {
        first(
            "network-interfaces",
            &[
                ("rx_rate_limiter", self.rx_rate_limiter.is_some(), LEAVE_OUT),
                ("tx_rate_limiter", self.tx_rate_limiter.is_some(), LEAVE_OUT),
            ],
        )
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Entropy {
    rate_limiter: Option<Value>,
}
