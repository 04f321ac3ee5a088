//! The root file system: an overlay that leaves the root folder as it is (the kernel's
//! `Documentation/filesystems/overlayfs.rst`).
//!
//! The folder is the lower, read-only layer. What the container writes goes to the upper layer in a
//! tmpfs that only its own mount namespace knows, so it goes when the container does, and nothing has
//! to be removed. The layers are named by descriptor (`/proc/self/fd/N`), never by path: a colon or a
//! comma in a path would be read as an option.

use crate::error::{Context, Error};
use crate::mounts::{attach_over, copied, detached, restrict};
use rustix::fs::{CWD, Mode, OFlags, mkdirat, openat};
use rustix::io::Errno;
use rustix::mount::{MountAttrFlags, MountPropagationFlags, mount_change};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::path::Path;

/// A mount to pivot into, already attached in this mount namespace.
#[derive(Debug)]
pub struct Root {
    /// The root of the mount.
    pub folder: OwnedFd,
    /// Why there is no overlay, if there is none: the root is then the folder itself, read-only.
    pub no_overlay: Option<Errno>,
}

/// Makes the container's root from the folder `path`, in the mount namespace of the calling process,
/// which must be new. `in_user_namespace`: whether its user namespace is new as well.
pub fn mount(path: &Path, in_user_namespace: bool) -> Result<Root, Error> {
    // What is mounted from now on must not travel to the host's namespace (`mount_namespaces(7)`).
    mount_change("/", MountPropagationFlags::PRIVATE | MountPropagationFlags::REC)
        .step("making all mounts private")?;
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let lower = openat(CWD, path, flags, Mode::empty()).at("opening the root folder", path)?;
    // The layers must be attached somewhere in this namespace; on top of the folder they are in nobody's way.
    let layers = detached("tmpfs", &[("mode", "755")], MountAttrFlags::MOUNT_ATTR_NODEV)
        .at("mounting a tmpfs for", path)?;
    attach_over(layers.as_fd(), lower.as_fd()).at("mounting a tmpfs over", path)?;
    match overlay(lower.as_fd(), layers.as_fd(), in_user_namespace).at("mounting an overlay of", path) {
        Ok(folder) => {
            attach_over(folder.as_fd(), layers.as_fd()).at("attaching the overlay of", path)?;
            Ok(Root { folder, no_overlay: None })
        }
        Err(Error::Path { source, .. }) => {
            let folder = read_only(lower.as_fd()).at("binding read-only", path)?;
            attach_over(folder.as_fd(), layers.as_fd()).at("attaching the read-only root of", path)?;
            Ok(Root { folder, no_overlay: Some(source) })
        }
        Err(error) => Err(error),
    }
}

fn overlay(lower: BorrowedFd<'_>, layers: BorrowedFd<'_>, in_user_namespace: bool) -> Result<OwnedFd, Errno> {
    for name in ["upper", "work"] {
        mkdirat(layers, name, Mode::from_raw_mode(0o755))?;
    }
    let lower = format!("/proc/self/fd/{}", lower.as_raw_fd());
    let layers = format!("/proc/self/fd/{}", layers.as_raw_fd());
    let (upper, work) = (format!("{layers}/upper"), format!("{layers}/work"));
    let mut options = vec![("lowerdir", &*lower), ("upperdir", &upper), ("workdir", &work)];
    if in_user_namespace {
        // The overlay's own notes go to extended attributes that an ordinary user may write.
        options.push(("userxattr", ""));
    }
    // No devices: a node in a root folder that came from elsewhere opens nothing.
    detached("overlay", &options, MountAttrFlags::MOUNT_ATTR_NODEV)
}

fn read_only(lower: BorrowedFd<'_>) -> Result<OwnedFd, Errno> {
    let path = format!("/proc/self/fd/{}", lower.as_raw_fd());
    let folder = copied(Path::new(&path))?;
    restrict(folder.as_fd(), MountAttrFlags::MOUNT_ATTR_RDONLY | MountAttrFlags::MOUNT_ATTR_NODEV)?;
    Ok(folder)
}
