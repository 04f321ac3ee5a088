//! A root that is never written: an overlay on the root folder (the kernel's
//! `Documentation/filesystems/overlayfs.rst`).
//!
//! The folder is the lower, read-only layer. What the container writes goes to the upper layer in a
//! tmpfs that only its own mount namespace knows, so it goes when the container does, and nothing has
//! to be removed. The layers are named by descriptor (`/proc/self/fd/N`), never by path: a colon or a
//! comma in a path would be read as an option.

use super::attributes::{Attributes, NODEV, RDONLY};
use super::bind;
use super::filesystem::mount_at;
use super::options::Reach;
use super::resolve::path_of;
use crate::error::{Context, Error};
use rustix::fs::{CWD, Mode, OFlags, mkdirat, openat};
use rustix::io::Errno;
use rustix::mount::MountFlags;
use std::fmt::Write as _;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;

/// Mounts an overlay of the folder `path` on the folder itself, in this mount namespace. Returns the root of the
/// mount, and why it is only the folder itself, read-only, if there can be no overlay here.
pub fn attach(path: &Path, in_user_namespace: bool) -> Result<(OwnedFd, Option<Errno>), Error> {
    let open = || {
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        openat(CWD, path, flags, Mode::empty()).at("opening the root folder", path)
    };
    let lower = open()?;
    // The layers must be attached somewhere in this namespace; on top of the folder they are in nobody's way.
    mount_at(Path::new("tmpfs"), lower.as_fd(), "tmpfs", MountFlags::NODEV, "mode=755")
        .at("mounting a tmpfs over", path)?;
    let layers = open()?;
    for name in ["upper", "work"] {
        mkdirat(&layers, name, Mode::from_raw_mode(0o755)).at("making the folders of an overlay of", path)?;
    }
    let refused = match overlay(lower.as_fd(), layers.as_fd(), in_user_namespace) {
        Ok(()) => return Ok((open()?, None)),
        Err(error) => error,
    };
    let folder = bind::copy(Path::new(&path_of(&lower)), Reach::All).at("copying the mount of", path)?;
    Attributes { set: RDONLY | NODEV, clear: 0 }
        .apply(folder.as_fd(), Reach::All)
        .and_then(|()| bind::attach(folder.as_fd(), layers.as_fd()))
        .at("attaching the read-only root of", path)?;
    Ok((folder, Some(refused)))
}

fn overlay(lower: BorrowedFd<'_>, layers: BorrowedFd<'_>, in_user_namespace: bool) -> Result<(), Errno> {
    let (lower, top) = (path_of(lower), path_of(layers));
    let mut data = format!("lowerdir={lower},upperdir={top}/upper,workdir={top}/work");
    if in_user_namespace {
        // The overlay's own notes go to extended attributes that an ordinary user may write.
        let _ = write!(data, ",userxattr");
    }
    // No devices: a node in a root folder that came from elsewhere opens nothing.
    mount_at(Path::new("overlay"), layers, "overlay", MountFlags::NODEV, &data)
}
