//! Volumes: folders and files of the host that the container gets (`open_tree(2)`, `openat2(2)`).
//!
//! The source is opened before the pivot, when the host is still there; the target is looked up after it,
//! when only the container is. A target may lead through the image's own links, but never through a "magic"
//! one (`/proc/self/fd/N`), which would reach the runtime's own descriptors.

use crate::error::{Context, Error};
use crate::mounts::{attach_over, copied, restrict};
use rustix::fs::{CWD, FileType, Mode, OFlags, ResolveFlags, fstat, mkdirat, openat, openat2};
use rustix::io::Errno;
use rustix::mount::MountAttrFlags;
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Component, Path, PathBuf};
use std::str::FromStr;

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

/// A volume whose source is open: a copy of the host's mount, attached nowhere.
#[derive(Debug)]
pub struct Opened<'a> {
    volume: &'a Volume,
    mount: OwnedFd,
}

impl Volume {
    /// Opens the source, with the mounts below it. Nothing in it counts as a device or set-user-ID program.
    pub fn open(&self) -> Result<Opened<'_>, Error> {
        let mount = copied(&self.source).at("opening the volume", &self.source)?;
        let mut flags = MountAttrFlags::MOUNT_ATTR_NOSUID | MountAttrFlags::MOUNT_ATTR_NODEV;
        if self.read_only {
            flags |= MountAttrFlags::MOUNT_ATTR_RDONLY;
        }
        restrict(mount.as_fd(), flags).at("restricting the volume", &self.source)?;
        Ok(Opened { volume: self, mount })
    }
}

impl Opened<'_> {
    /// Attaches it at its target, in the root of the calling process.
    pub fn attach(&self) -> Result<(), Error> {
        let target = &self.volume.target;
        let place = self.place(target).at("making the volume's target", target)?;
        attach_over(self.mount.as_fd(), place.as_fd()).at("mounting the volume at", target)
    }

    /// Opens the target. What is missing is made: folders on the way, and a folder or a file at its end.
    fn place(&self, target: &Path) -> Result<OwnedFd, Errno> {
        match lookup(target) {
            Err(Errno::NOENT) => {}
            result => return result,
        }
        let is_folder = FileType::from_raw_mode(fstat(&self.mount)?.st_mode) == FileType::Directory;
        let mut folder = lookup(Path::new("/"))?;
        let mut path = PathBuf::from("/");
        for part in target.components().skip(1) {
            path.push(part);
            folder = match lookup(&path) {
                Err(Errno::NOENT) if is_folder || path != target => {
                    mkdirat(&folder, part.as_os_str(), Mode::from_raw_mode(0o755))?;
                    lookup(&path)?
                }
                Err(Errno::NOENT) => {
                    let flags = OFlags::CREATE | OFlags::EXCL | OFlags::WRONLY | OFlags::CLOEXEC;
                    openat(&folder, part.as_os_str(), flags, Mode::from_raw_mode(0o644))?;
                    lookup(&path)?
                }
                result => result?,
            };
        }
        Ok(folder)
    }
}

fn lookup(path: &Path) -> Result<OwnedFd, Errno> {
    let flags = OFlags::PATH | OFlags::CLOEXEC;
    openat2(CWD, path, flags, Mode::empty(), ResolveFlags::NO_MAGICLINKS)
}
