//! `mounts` of the configuration, one after the other, as they are listed (`config.md`, "Mounts").
//!
//! The order is the configuration's: a later mount may lie in an earlier one, or on it. Each is attached
//! in the root folder while the host is still in view, because its hooks (`createContainer`) are to find
//! everything there.

use super::options::{Options, Reach};
use super::resolve::{PROC_MAGIC, clean};
use super::{attributes, bind, cgroup_mount, filesystem};
use crate::error::Error;
use oci_spec::runtime::Mount;
use rustix::fs::fstatfs;
use rustix::io::Errno;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};

/// A root that is being furnished.
#[derive(Debug)]
pub(crate) struct Building<'a> {
    /// The root of the root's mount.
    pub(crate) root: OwnedFd,
    /// Where relative sources begin.
    pub(crate) bundle: &'a Path,
    /// `linux.mountLabel`.
    pub(crate) label: Option<&'a str>,
    pub(crate) user_namespace: bool,
    pub(crate) cgroup_namespace: bool,
    /// Made read-only when everything is in place.
    pub(crate) read_only_later: Vec<OwnedFd>,
}

/// One mount of the configuration, read.
#[derive(Debug)]
pub(crate) struct Wanted<'a> {
    pub(crate) mount: &'a Mount,
    pub(crate) options: Options,
    /// Absolute in the container, without `..`.
    pub(crate) destination: PathBuf,
}

/// Files of `/proc` that engines may cover: they describe the machine, and lxcfs describes a smaller one.
const COVERABLE: [&str; 10] = [
    "cpuinfo",
    "diskstats",
    "loadavg",
    "meminfo",
    "slabinfo",
    "stat",
    "swaps",
    "sys/crypto/fips_enabled",
    "sys/kernel/ns_last_pid",
    "uptime",
];

/// Makes one mount. `opened`: its source, where the runtime outside has opened it.
pub(crate) fn make(
    building: &mut Building<'_>,
    mount: &Mount,
    opened: Option<BorrowedFd<'_>>,
) -> Result<(), Error> {
    let wanted = Wanted::read(mount);
    if wanted.destination == Path::new("/") {
        return Err(wanted.broken("a mount cannot cover the root: let root.path be what is to be there"));
    }
    if wanted.options.remount {
        return filesystem::remount(building.root.as_fd(), &wanted);
    }
    if wanted.options.bind.is_some() {
        let here;
        let tree = if let Some(tree) = opened {
            tree
        } else {
            here = bind::open(&wanted, building.bundle)?;
            here.as_fd()
        };
        wanted.check_proc(|| fstatfs(tree).is_ok_and(|of| of.f_type == PROC_MAGIC))?;
        return bind::make(building.root.as_fd(), &wanted, tree);
    }
    let kind = mount.typ().as_deref().filter(|kind| !kind.is_empty());
    let kind = kind.ok_or_else(|| wanted.broken("it has neither a type nor the option bind or rbind"))?;
    wanted.check_proc(|| kind == "proc")?;
    match kind {
        "cgroup" => cgroup_mount::make(building, &wanted),
        kind => filesystem::make(building, &wanted, kind),
    }
}

impl<'a> Wanted<'a> {
    pub(crate) fn read(mount: &'a Mount) -> Self {
        let mut options = Options::read(mount.options().as_deref().unwrap_or_default());
        if mount.typ().as_deref() == Some("bind") {
            options.bind = options.bind.or(Some(Reach::One));
        }
        Self { mount, options, destination: clean(mount.destination()) }
    }

    /// Over `/proc` only a procfs may lie, and in it only a few files: the runtime and the kernel's security
    /// modules are controlled through others (CVE-2019-16884).
    fn check_proc(&self, is_proc: impl FnOnce() -> bool) -> Result<(), Error> {
        let Ok(rest) = self.destination.strip_prefix("/proc") else { return Ok(()) };
        if rest == Path::new("") {
            if is_proc() { Ok(()) } else { Err(self.broken("only a procfs may be mounted at /proc")) }
        } else if COVERABLE.iter().any(|&file| rest == Path::new(file)) {
            Ok(())
        } else {
            Err(self.broken("inside /proc only the files that lxcfs serves can be covered"))
        }
    }

    /// What goes for all mounts below, and propagation.
    pub(crate) fn spread(&self, top: BorrowedFd<'_>) -> Result<(), Error> {
        self.options.all.apply(top, Reach::All).map_err(|error| self.failed("setting its options", error))?;
        for &kind in &self.options.propagation {
            attributes::propagate(top, kind)
                .map_err(|error| self.failed("setting its propagation", error))?;
        }
        Ok(())
    }

    /// The configuration is at fault.
    pub(crate) fn broken(&self, why: impl Into<String>) -> Error {
        let property = format!("mounts: {}", self.mount.destination().display());
        Error::Property { property, why: why.into() }
    }

    /// The kernel refused.
    pub(crate) fn failed(&self, doing: &str, source: Errno) -> Error {
        let destination = self.mount.destination().clone();
        let options = self.mount.options().as_deref().unwrap_or_default().join(",");
        let doing = if options.is_empty() { doing.to_owned() } else { format!("{doing} ({options})") };
        Error::Mount { destination, doing, source }
    }

    /// There is nothing to mount on, and it cannot be made.
    pub(crate) fn no_target(&self, source: Errno) -> Error {
        let doing = match source {
            Errno::LOOP => {
                "it must be mounted on ordinary directory: its destination leads over a symbolic link to what must \
                 be a real folder, into /proc or /sys, or in a circle"
            }
            Errno::BUSY => "its destination leads over a symbolic link to the root itself",
            _ => "finding or making its destination in the root folder",
        };
        self.failed(doing, source)
    }
}
