//! The root file system: what `/` is for the container (`config.md`, "Root" and "Mounts"; `config-linux.md`).
//!
//! In the order in which it comes to be:
//! 1. `sources`: outside, what only the host's own identity can open.
//! 2. `propagation`: inside, the mounts are separated from the host's.
//! 3. [`overlay`], or a plain copy of the root folder's mount, becomes the root.
//! 4. `mount`: the configuration's mounts, one after the other: [`options`] reads their options, `resolve`
//!    finds their destinations; then each is a `filesystem`, a `bind` mount (perhaps with mapped
//!    owners, `idmap`) or the container's own groups (`cgroup_mount`); `tmpcopyup` fills a tmpfs.
//! 5. `devices`: nodes and links in `/dev`. Here the `createContainer` hooks run.
//! 6. `masks`, and what is to be read-only.
//! 7. `pivot`: the root is exchanged and the host goes out of reach.
//!
//! All of it works on descriptors (`attributes` changes the mounts behind them): the root folder is hostile,
//! and a path in it means what its owner wants, at every moment something else.

#[allow(unsafe_code)]
pub(crate) mod attributes;
mod bind;
mod cgroup_mount;
mod devices;
mod filesystem;
mod idmap;
mod masks;
mod mount;
pub mod options;
pub mod overlay;
mod pivot;
mod propagation;
mod resolve;
mod sources;
mod tmpcopyup;

pub(crate) use pivot::change_root;
pub use sources::Sources;

use crate::error::{Context, Error};
use attributes::Attributes;
use mount::Building;
use oci_spec::runtime::{Linux, LinuxNamespaceType, Spec};
use options::Reach;
use propagation::Propagation;
use rustix::fs::{AtFlags, CWD, FileType, Mode, OFlags, StatxFlags, fstat, open, statx};
use rustix::io::Errno;
use rustix::mount::{MountPropagationFlags, MoveMountFlags, UnmountFlags, move_mount, unmount};
use rustix::process::umask;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};

/// How a root is made, beyond what the configuration says.
#[derive(Clone, Copy, Debug, Default)]
pub struct Options {
    /// The root folder is never written: the container writes to an overlay of it.
    pub overlay: bool,
    /// The host's root is an initramfs, which cannot be pivoted away.
    pub no_pivot: bool,
}

/// A root with everything in it, not yet entered.
#[derive(Debug)]
pub struct Root<'a> {
    building: Building<'a>,
    linux: &'a Linux,
    path: PathBuf,
    read_only: bool,
    propagation: Propagation,
    no_pivot: bool,
    own_mounts: bool,
    no_overlay: Option<Errno>,
}

impl<'a> Root<'a> {
    /// Makes the root of `spec`, in the container's namespaces, with the host still in view.
    ///
    /// `bundle` is absolute. The process has joined its groups and namespaces. It is left with a file mode
    /// creation mask of 0.
    pub fn prepare(
        spec: &'a Spec,
        bundle: &'a Path,
        sources: &Sources,
        options: Options,
    ) -> Result<Self, Error> {
        let linux = spec.linux().as_ref().ok_or_else(|| missing("linux"))?;
        let propagation = Propagation::of(linux)?;
        let path = root_path(spec, bundle)?;
        let has = |kind| linux.namespaces().iter().flatten().any(|each| each.typ() == kind);
        let user_namespace = has(LinuxNamespaceType::User);
        let own_mounts = has(LinuxNamespaceType::Mount);
        umask(Mode::empty());
        if own_mounts {
            propagation.separate(&path)?;
        }
        let (root, no_overlay) = if options.overlay {
            overlay::attach(&path, user_namespace)?
        } else {
            (attach(&path, sources.root.as_ref(), own_mounts)?, None)
        };
        let mut building = Building {
            root,
            bundle,
            label: linux.mount_label().as_deref().filter(|label| !label.is_empty()),
            user_namespace,
            cgroup_namespace: has(LinuxNamespaceType::Cgroup),
            read_only_later: Vec::new(),
        };
        let mounts = spec.mounts().as_deref().unwrap_or_default();
        for (index, each) in mounts.iter().enumerate() {
            mount::make(&mut building, each, sources.of(index))
                .map_err(|error| of_root(error, building.root.as_fd(), &path))?;
        }
        devices::make_all(&building, linux, mounts)?;
        let read_only = spec.root().as_ref().is_some_and(|root| root.readonly() == Some(true));
        let no_pivot = options.no_pivot;
        Ok(Self { building, linux, path, read_only, propagation, no_pivot, own_mounts, no_overlay })
    }

    /// Why the root is the folder itself and read-only, if an overlay was asked for and could not be had.
    pub fn no_overlay(&self) -> Option<Errno> {
        self.no_overlay
    }

    /// Masks what must not be seen, makes it the root of the calling process, and leaves nothing of the host
    /// in view.
    pub fn enter(self) -> Result<(), Error> {
        let root = self.building.root.as_fd();
        masks::apply(root, self.linux)?;
        for mount in &self.building.read_only_later {
            Attributes::READ_ONLY.apply(mount.as_fd(), Reach::One).step("making a tmpfs read-only")?;
        }
        if self.read_only {
            Attributes::READ_ONLY.apply(root, Reach::One).step("making the root read-only")?;
        }
        if !self.own_mounts {
            return pivot::change_root(root);
        }
        if self.no_pivot {
            pivot::without_pivot(root, &self.path)?;
        } else {
            pivot::into(root, self.propagation.is_shared())?;
        }
        self.propagation.apply(root)?;
        resolve::leave(self.building.root);
        Ok(())
    }
}

/// Takes away what a container without a mount namespace of its own has mounted in the host's: `mount` is the kernel's
/// number of its root. What else is mounted there is the engine's.
pub fn clear(mount: Option<u64>, spec: &Spec, bundle: &Path) -> Result<(), Error> {
    let Some(mount) = mount else { return Ok(()) };
    let path = root_path(spec, bundle)?;
    let number = match open(&path, OFlags::PATH | OFlags::CLOEXEC, Mode::empty()) {
        // It is nothing any more.
        Err(Errno::NOENT) => return Ok(()),
        result => mount_number(result.at("looking at the root folder", &path)?.as_fd()),
    };
    if number != Ok(mount) {
        return Ok(());
    }
    unmount(&path, UnmountFlags::DETACH).at("unmounting the root folder", &path)
}

/// The kernel's number of the mount on which a file lies (`statx(2)`: `stx_mnt_id`).
fn mount_number(file: BorrowedFd<'_>) -> Result<u64, Errno> {
    statx(file, "", AtFlags::EMPTY_PATH, StatxFlags::MNT_ID).map(|about| about.stx_mnt_id)
}

/// Where the root folder is.
fn root_path(spec: &Spec, bundle: &Path) -> Result<PathBuf, Error> {
    let root = spec.root().as_ref().ok_or_else(|| missing("root"))?;
    if root.path().as_os_str().is_empty() {
        return Err(missing("root.path"));
    }
    Ok(bundle.join(root.path()))
}

/// What is wrong when nothing can be mounted in the root: it may be that the root is no folder.
fn of_root(error: Error, root: BorrowedFd<'_>, path: &Path) -> Error {
    match fstat(root).map(|found| FileType::from_raw_mode(found.st_mode)) {
        Ok(FileType::Directory) | Err(_) => error,
        Ok(_) => {
            Error::Path { step: "making the container's root of", path: path.into(), source: Errno::NOTDIR }
        }
    }
}

/// Attaches a copy of the root folder's mount on the folder itself: a mount of its own, which can be pivoted to,
/// made read-only and taken away. `copy`: made by the runtime outside.
fn attach(path: &Path, copy: Option<&OwnedFd>, own_mounts: bool) -> Result<OwnedFd, Error> {
    let copied = copy.is_some();
    let root = match copy {
        Some(root) => root.try_clone().at("holding the root folder", path)?,
        None => copy_folder(path).at("opening the root folder", path)?,
    };
    let flags = MoveMountFlags::MOVE_MOUNT_F_EMPTY_PATH | MoveMountFlags::MOVE_MOUNT_T_SYMLINKS;
    match move_mount(&root, "", CWD, path, flags) {
        // A user namespace's root may not look into the folders on the way, or a given namespace does not
        // have them: then it goes on top of all, where nobody looks for it but the pivot.
        Err(Errno::ACCESS | Errno::NOENT) if copied && own_mounts => move_mount(&root, "", CWD, "/", flags),
        result => result,
    }
    .at("attaching the root folder", path)?;
    if copied || !own_mounts {
        let private = MountPropagationFlags::PRIVATE | MountPropagationFlags::REC;
        attributes::propagate(root.as_fd(), private).at("separating from the host the root folder", path)?;
    }
    Ok(root)
}

/// Copies the mount of a root folder, and nothing but a folder.
fn copy_folder(path: &Path) -> Result<OwnedFd, Errno> {
    bind::copy(&path.join("."), Reach::All)
}

fn missing(property: &str) -> Error {
    Error::property(property, "is required")
}
