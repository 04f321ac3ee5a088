//! A container without a bundle: the configuration that an engine would write for it.

use crate::error::{Context, Error};
use crate::identity::Identity;
use crate::idmap::ranges;
use crate::oci::config::{self, Config};
use crate::oci::default::{rootless_template, template};
use isolab_timeline::command::environment;
use rustix::process::{getegid, geteuid};
use rustix::stdio::{stdin, stdout};
use rustix::termios::isatty;
use serde_json::{Value, json};
use std::ffi::{OsStr, OsString};
use std::fs;
use std::path::{Component, Path, PathBuf};
use std::str::FromStr;

/// What stays of root's power: the usual set of the container engines but for `CAP_MKNOD`. The engines can leave
/// that one because they put a filter on devices, which costs a group; without one it would open the host's disks.
pub const CAPABILITIES: [&str; 13] = [
    "CAP_CHOWN",
    "CAP_DAC_OVERRIDE",
    "CAP_FSETID",
    "CAP_FOWNER",
    "CAP_NET_RAW",
    "CAP_SETGID",
    "CAP_SETUID",
    "CAP_SETFCAP",
    "CAP_SETPCAP",
    "CAP_NET_BIND_SERVICE",
    "CAP_SYS_CHROOT",
    "CAP_KILL",
    "CAP_AUDIT_WRITE",
];
/// What engines mask besides: load and power tell of the secrets of neighbours.
const MASKED: [&str; 2] = ["/proc/interrupts", "/sys/devices/virtual/powercap"];
/// The kernel's own default period of CPU time, in microseconds.
const CPU_PERIOD_US: u64 = 100_000;
/// The kernel takes no quota under a millisecond.
const CPU_QUOTA_MIN_US: f64 = 1_000.0;

/// What to run on which root folder.
#[derive(Clone, Debug)]
pub struct Contained {
    /// The folder that becomes `/`. The container never writes to it.
    pub rootfs: PathBuf,
    /// The command and its arguments; a name without a slash is searched along the container's `PATH`.
    pub command: Vec<OsString>,
    /// `NAME=VALUE` entries on top of `PATH`, `HOME` and `TERM`.
    pub environment: Vec<OsString>,
    /// The folder in which the command starts, inside the container.
    pub workdir: PathBuf,
    /// The host's name that the container sees.
    pub hostname: String,
    /// Whether the container may write nothing but its volumes, `/dev` and `/dev/shm`.
    pub read_only: bool,
    /// What of the host appears in the container.
    pub volumes: Vec<Volume>,
    /// Bytes of memory, swap included.
    pub memory: Option<u64>,
    /// CPUs' worth of time: 0.5 is half of one.
    pub cpus: Option<f64>,
    /// Processes and threads.
    pub pids: Option<i64>,
    /// Seconds by which its boot-time clock runs ahead; `None`: it shares the host's clocks.
    pub boot_offset: Option<i64>,
}

impl Contained {
    /// A name for it, which says which runtime made it, and its configuration: a text, read as any other is.
    pub fn config(&self) -> Result<(String, Config), Error> {
        let this = Identity::this_process()?;
        let rootfs = fs::canonicalize(&self.rootfs).at("opening the root folder", &self.rootfs)?;
        let text = serde_json::to_vec(&self.value(&rootfs)?).map_err(|source| Error::Json {
            what: "the configuration",
            file: rootfs.clone(),
            source,
        })?;
        let spec = config::parse(&text, &rootfs)?;
        Ok((
            format!("run-{}-{}", this.pid, this.start),
            Config { spec, text, bundle: rootfs, unknown_capabilities: Vec::new() },
        ))
    }

    fn value(&self, rootfs: &Path) -> Result<Value, Error> {
        let (user, group) = (geteuid(), getegid());
        let mut value =
            if user.is_root() { template() } else { rootless_template(user.as_raw(), group.as_raw()) };
        let process = &mut value["process"];
        // A terminal of its own, if the caller has one: Ctrl-C and job control then work as in any.
        process["terminal"] = (isatty(stdin()) && isatty(stdout())).into();
        process["args"] = words(&self.command)?;
        process["env"] = words(&environment(&self.environment))?;
        process["cwd"] = word(self.workdir.as_os_str())?;
        process["capabilities"] =
            json!({ "bounding": CAPABILITIES, "effective": CAPABILITIES, "permitted": CAPABILITIES });
        if let Some(process) = process.as_object_mut() {
            process.remove("rlimits");
        }
        value["root"] = json!({ "path": word(rootfs.as_os_str())?, "readonly": self.read_only });
        value["hostname"] = self.hostname.clone().into();
        if let Some(mounts) = value["mounts"].as_array_mut() {
            for volume in &self.volumes {
                mounts.push(volume.mount()?);
            }
        }
        let linux = &mut value["linux"];
        if let Some(masked) = linux["maskedPaths"].as_array_mut() {
            masked.extend(MASKED.map(Value::from));
        }
        linux["resources"] = self.resources();
        let mut kinds = vec!["pid", "network", "ipc", "uts", "mount", "cgroup"];
        if !user.is_root() {
            kinds.push("user");
            let [users, groups] = ranges::all_of(user.as_raw(), group.as_raw());
            linux["uidMappings"] = json!(users);
            linux["gidMappings"] = json!(groups);
        }
        if let Some(seconds) = self.boot_offset {
            kinds.push("time");
            linux["timeOffsets"] = json!({ "boottime": { "secs": seconds, "nanosecs": 0 } });
        }
        linux["namespaces"] = kinds.into_iter().map(|kind| json!({ "type": kind })).collect();
        Ok(value)
    }

    fn resources(&self) -> Value {
        let mut resources = json!({});
        if let Some(bytes) = self.memory {
            resources["memory"] = json!({ "limit": bytes, "swap": bytes });
        }
        if let Some(cpus) = self.cpus {
            let quota = (cpus * CPU_PERIOD_US as f64).max(CPU_QUOTA_MIN_US) as u64;
            resources["cpu"] = json!({ "quota": quota, "period": CPU_PERIOD_US });
        }
        if let Some(limit) = self.pids {
            resources["pids"] = json!({ "limit": limit });
        }
        resources
    }
}

/// `SRC:DST[:ro]`: what of the host appears where in the container.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Volume {
    /// A folder or file of the host.
    pub source: PathBuf,
    /// The absolute path in the container; made if it is missing.
    pub target: PathBuf,
    /// The container may read it only.
    pub read_only: bool,
}

/// The text describes no volume.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("a volume is SRC:DST or SRC:DST:ro, and DST is an absolute path other than / and without \"..\"")]
pub struct NotAVolume;

impl FromStr for Volume {
    type Err = NotAVolume;

    fn from_str(text: &str) -> Result<Self, NotAVolume> {
        let mut parts = text.split(':');
        let (source, target) = parts.next().zip(parts.next()).ok_or(NotAVolume)?;
        let read_only = match (parts.next(), parts.next()) {
            (None | Some("rw"), None) => false,
            (Some("ro"), None) => true,
            _ => return Err(NotAVolume),
        };
        let target = PathBuf::from(target);
        let inside = target.is_absolute()
            && target.file_name().is_some()
            && !target.components().any(|part| part == Component::ParentDir);
        if source.is_empty() || !inside {
            return Err(NotAVolume);
        }
        Ok(Self { source: source.into(), target, read_only })
    }
}

impl Volume {
    /// As a mount. Nothing in it counts as a device or set-user-ID program.
    fn mount(&self) -> Result<Value, Error> {
        let source = fs::canonicalize(&self.source).at("opening the volume", &self.source)?;
        let mode = if self.read_only { "rro" } else { "rw" };
        Ok(json!({
            "destination": word(self.target.as_os_str())?, "type": "bind",
            "source": word(source.as_os_str())?, "options": ["rbind", "rnosuid", "rnodev", mode],
        }))
    }
}

fn words(words: &[OsString]) -> Result<Value, Error> {
    words.iter().map(|each| word(each)).collect()
}

/// A configuration is JSON, which is Unicode.
fn word(word: &OsStr) -> Result<Value, Error> {
    word.to_str().map(Into::into).ok_or_else(|| Error::NotUnicode(word.to_string_lossy().into_owned()))
}
