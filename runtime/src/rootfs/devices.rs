//! `/dev`: the nodes of `linux.devices`, those that every container must have, and the usual links
//! (`config-linux.md`, "Devices" and "Default Devices"; `null(4)`, `pts(4)`).
//!
//! Root makes nodes by `mknod(2)`. In a user namespace nobody may, nor may root on some hosts; then the host's
//! own node of the same name is bound. The configured nodes come first: where one has the name of a default
//! one, it is that one. All this is left alone where `/dev` is a bind mount: then it is somebody else's.
//! (`/dev/console` is made with the terminal.)

use super::mount::{Building, Wanted};
use super::resolve::{Kind, clean, leave, make, open, path_of};
use crate::error::{Context, Error};
use oci_spec::runtime::{Linux, LinuxDevice, LinuxDeviceType, Mount};
use rustix::fs::{
    Access, AtFlags, FileType, Gid, Mode, OFlags, Uid, access, chownat, makedev, mknodat, openat, stat,
    statat, symlinkat, unlinkat,
};
use rustix::io::Errno;
use rustix::mount::mount_bind;
use std::ffi::OsStr;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};

/// Name and minor number of the nodes of major 1, "memory devices", and of major 5, the terminal itself.
const DEFAULT: [(&str, u32, u32); 6] =
    [("null", 1, 3), ("zero", 1, 5), ("full", 1, 7), ("random", 1, 8), ("urandom", 1, 9), ("tty", 5, 0)];
const LINKS: [(&str, &str); 4] = [
    ("/proc/self/fd", "fd"),
    ("/proc/self/fd/0", "stdin"),
    ("/proc/self/fd/1", "stdout"),
    ("/proc/self/fd/2", "stderr"),
];
const PERMISSIONS: u32 = 0o7777;

/// One node to make.
struct Node<'a> {
    /// On the host, where it is bound from if it cannot be made.
    path: &'a Path,
    kind: FileType,
    number: u64,
    mode: u32,
    owner: (Option<u32>, Option<u32>),
}

/// Furnishes `/dev`. The file mode creation mask must be 0.
pub(crate) fn make_all(building: &Building<'_>, linux: &Linux, mounts: &[Mount]) -> Result<(), Error> {
    let root = building.root.as_fd();
    let is_dev = |mount: &&Mount| clean(mount.destination()) == Path::new("/dev");
    if mounts.iter().filter(is_dev).map(Wanted::read).any(|wanted| wanted.options.bind.is_some()) {
        return Ok(());
    }
    let dev = match open(root, Path::new("/dev")) {
        Err(Errno::NOENT) => make(root, Path::new("/dev"), Kind::Folder),
        dev => dev,
    }
    .at("opening, in the root folder,", "/dev")?;

    let mut configured = Vec::new();
    for device in linux.devices().iter().flatten() {
        configured.push(add(building, dev.as_fd(), device)?);
    }
    for (name, major, minor) in DEFAULT {
        let path = Path::new("/dev").join(name);
        if configured.contains(&path) {
            continue;
        }
        let node = Node {
            path: &path,
            kind: FileType::CharacterDevice,
            number: makedev(major, minor),
            mode: 0o666,
            owner: (None, None),
        };
        node.make(dev.as_fd(), OsStr::new(name), building.user_namespace).at("making the device", &path)?;
    }
    links(dev.as_fd())?;
    leave(dev);
    Ok(())
}

/// Makes a node of the configuration. Returns its path.
fn add(building: &Building<'_>, dev: BorrowedFd<'_>, device: &LinuxDevice) -> Result<PathBuf, Error> {
    let broken = |why: &str| Error::Property {
        property: format!("linux.devices: {}", device.path().display()),
        why: why.into(),
    };
    if !device.path().is_absolute() {
        return Err(broken("its path must be absolute"));
    }
    let kind = match device.typ() {
        LinuxDeviceType::B => FileType::BlockDevice,
        LinuxDeviceType::C | LinuxDeviceType::U => FileType::CharacterDevice,
        LinuxDeviceType::P => FileType::Fifo,
        LinuxDeviceType::A => return Err(broken("its type must be c, b, u or p")),
    };
    let number = if kind == FileType::Fifo {
        0
    } else {
        let part =
            |number: i64| u32::try_from(number).map_err(|_| broken("major and minor must be 0 or more"));
        makedev(part(device.major())?, part(device.minor())?)
    };
    let path = clean(device.path());
    let node = Node {
        path: &path,
        kind,
        number,
        mode: device.file_mode().unwrap_or(0o666) & PERMISSIONS,
        owner: (device.uid(), device.gid()),
    };
    let name = path.file_name().ok_or_else(|| broken("its path must name a file"))?;
    let folder = path.parent().unwrap_or(Path::new("/"));
    let place = |folder: BorrowedFd<'_>| node.make(folder, name, building.user_namespace);
    if folder == Path::new("/dev") {
        place(dev)
    } else {
        let root = building.root.as_fd();
        match open(root, folder) {
            Err(Errno::NOENT) => make(root, folder, Kind::Folder),
            folder => folder,
        }
        .and_then(|folder| place(folder.as_fd()))
    }
    .at("making the device", &path)?;
    Ok(path)
}

impl Node<'_> {
    fn make(&self, folder: BorrowedFd<'_>, name: &OsStr, in_user_namespace: bool) -> Result<(), Errno> {
        if !in_user_namespace || self.kind == FileType::Fifo {
            match mknodat(folder, name, self.kind, Mode::from_raw_mode(self.mode), self.number) {
                Ok(()) => return self.give(folder, name),
                Err(Errno::EXIST) => return self.check(folder, name),
                Err(Errno::PERM) => {}
                Err(error) => return Err(error),
            }
        }
        self.bind(folder, name)
    }

    fn give(&self, folder: BorrowedFd<'_>, name: &OsStr) -> Result<(), Errno> {
        let (user, group) = self.owner;
        if user.unwrap_or(0) == 0 && group.unwrap_or(0) == 0 {
            return Ok(());
        }
        chownat(folder, name, user.map(Uid::from_raw), group.map(Gid::from_raw), AtFlags::SYMLINK_NOFOLLOW)
    }

    /// What is there already must be it.
    fn check(&self, folder: BorrowedFd<'_>, name: &OsStr) -> Result<(), Errno> {
        let found = statat(folder, name, AtFlags::SYMLINK_NOFOLLOW)?;
        let same = FileType::from_raw_mode(found.st_mode) == self.kind
            && (self.kind == FileType::Fifo || found.st_rdev == self.number);
        if same { Ok(()) } else { Err(Errno::EXIST) }
    }

    /// Binds the host's node, if it is this one, on an empty file.
    fn bind(&self, folder: BorrowedFd<'_>, name: &OsStr) -> Result<(), Errno> {
        let host = stat(self.path)?;
        if FileType::from_raw_mode(host.st_mode) != self.kind || host.st_rdev != self.number {
            return Err(Errno::PERM);
        }
        mount_bind(self.path, path_of(&placeholder(folder, name)?))
    }
}

/// The empty file that something is mounted on.
fn placeholder(folder: BorrowedFd<'_>, name: &OsStr) -> Result<OwnedFd, Errno> {
    let flags = OFlags::NOFOLLOW | OFlags::CLOEXEC;
    match openat(
        folder,
        name,
        flags | OFlags::CREATE | OFlags::EXCL | OFlags::WRONLY,
        Mode::from_raw_mode(0o644),
    ) {
        Err(Errno::EXIST) => openat(folder, name, flags | OFlags::PATH, Mode::empty()),
        result => result,
    }
}

fn links(dev: BorrowedFd<'_>) -> Result<(), Error> {
    let core = access("/proc/kcore", Access::EXISTS).is_ok().then_some(("/proc/kcore", "core"));
    for (target, name) in LINKS.into_iter().chain(core) {
        match symlinkat(target, dev, name) {
            // A root folder's own.
            Err(Errno::EXIST) => {}
            result => result.at("making, in /dev, the link", name)?,
        }
    }
    let ptmx = || symlinkat("pts/ptmx", dev, "ptmx");
    match ptmx() {
        // The root folder's would be the host's terminals.
        Err(Errno::EXIST) => unlinkat(dev, "ptmx", AtFlags::empty()).and_then(|()| ptmx()),
        result => result,
    }
    .at("making, in /dev, the link", "ptmx")
}
