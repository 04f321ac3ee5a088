//! `/dev`: the few nodes that every program expects, in a tmpfs of the container's own (`null(4)`, `pts(4)`).
//!
//! Root makes the nodes by `mknod(2)`. An ordinary user may not, nor may root on some hosts; then the
//! host's own nodes are copied as bind mounts. Either is prepared before the pivot and attached after it.

use crate::error::{Context, Error};
use crate::mounts::{DATA_ONLY, attach_at_root, attach_in, copied, detached};
use rustix::fs::{FileType, Mode, OFlags, makedev, mkdirat, mknodat, openat, symlinkat};
use rustix::io::Errno;
use rustix::mount::MountAttrFlags;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;

/// Name and minor number of the nodes of major 1, "memory devices", and of major 5, the terminal itself.
const NODES: [(&str, u32, u32); 6] =
    [("null", 1, 3), ("zero", 1, 5), ("full", 1, 7), ("random", 1, 8), ("urandom", 1, 9), ("tty", 5, 0)];
const LINKS: [(&str, &str); 5] = [
    ("/proc/self/fd", "fd"),
    ("/proc/self/fd/0", "stdin"),
    ("/proc/self/fd/1", "stdout"),
    ("/proc/self/fd/2", "stderr"),
    ("pts/ptmx", "ptmx"),
];

/// All that belongs to `/dev`, made and not yet attached.
#[derive(Debug)]
pub struct Devices {
    dev: OwnedFd,
    pts: OwnedFd,
    shm: OwnedFd,
    copies: Vec<(&'static str, OwnedFd)>,
}

impl Devices {
    /// Makes it all. The file mode creation mask must be 0.
    pub fn prepare() -> Result<Self, Error> {
        let flags = MountAttrFlags::MOUNT_ATTR_NOSUID | MountAttrFlags::MOUNT_ATTR_NOEXEC;
        let dev =
            detached("tmpfs", &[("mode", "755"), ("size", "64k")], flags).step("making a tmpfs for /dev")?;
        for (target, name) in LINKS {
            symlinkat(target, dev.as_fd(), name).at("making, in /dev, the link", name)?;
        }
        for name in ["pts", "shm"] {
            mkdirat(dev.as_fd(), name, Mode::from_raw_mode(0o755)).at("making, in /dev, the folder", name)?;
        }
        let mut copies = Vec::new();
        for (name, major, minor) in NODES {
            if let Some(copy) =
                node(dev.as_fd(), name, major, minor).at("making the device node /dev", name)?
            {
                copies.push((name, copy));
            }
        }
        let pts = detached(
            "devpts",
            &[("ptmxmode", "0666"), ("mode", "0620")],
            MountAttrFlags::MOUNT_ATTR_NOSUID | MountAttrFlags::MOUNT_ATTR_NOEXEC,
        )
        .step("making a devpts")?;
        let shm = detached("tmpfs", &[("mode", "1777"), ("size", "64m")], DATA_ONLY)
            .step("making a tmpfs for /dev/shm")?;
        Ok(Self { dev, pts, shm, copies })
    }

    /// Attaches it all at `/dev` of the container's root.
    pub fn attach(self) -> Result<(), Error> {
        let dev = self.dev.as_fd();
        attach_at_root(dev, "/dev")?;
        attach_in(self.pts.as_fd(), dev, "pts").at("mounting", "/dev/pts")?;
        attach_in(self.shm.as_fd(), dev, "shm").at("mounting", "/dev/shm")?;
        for (name, copy) in &self.copies {
            attach_in(copy.as_fd(), dev, name).at("mounting the device node /dev", name)?;
        }
        Ok(())
    }
}

/// Makes one node. `Some`: only an empty file, on which the returned copy of the host's node belongs.
fn node(dev: BorrowedFd<'_>, name: &str, major: u32, minor: u32) -> Result<Option<OwnedFd>, Errno> {
    let mode = Mode::from_raw_mode(0o666);
    match mknodat(dev, name, FileType::CharacterDevice, mode, makedev(major, minor)) {
        Ok(()) => return Ok(None),
        Err(Errno::PERM) => {}
        Err(error) => return Err(error),
    }
    openat(dev, name, OFlags::CREATE | OFlags::WRONLY | OFlags::CLOEXEC, mode)?;
    copied(&Path::new("/dev").join(name)).map(Some)
}
