//! Propagation: whether what is mounted on one side is seen on the other (`mount_namespaces(7)`).
//!
//! A new mount namespace starts as a copy whose mounts are *peers* of the host's: without a word, what the
//! container mounts would appear on the host. By default everything becomes a *slave* first: the host's
//! mounts still arrive, nothing leaves. `linux.rootfsPropagation` asks for something else in the end;
//! if it is `shared`, only the one mount that the root is attached to is cut off.

use super::attributes::propagate;
use crate::error::{Context, Error};
use oci_spec::runtime::Linux;
use rustix::fs::{AtFlags, CWD, Mode, OFlags, StatxAttributes, StatxFlags, openat, statx};
use rustix::mount::{MountPropagationFlags as Kind, mount_change};
use std::os::fd::{AsFd, BorrowedFd};
use std::path::Path;

/// `linux.rootfsPropagation`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Propagation(Option<Kind>);

impl Propagation {
    pub(crate) fn of(linux: &Linux) -> Result<Self, Error> {
        let kind = match linux.rootfs_propagation().as_deref() {
            None | Some("") => return Ok(Self(None)),
            Some("shared") => Kind::SHARED,
            Some("rshared") => Kind::SHARED | Kind::REC,
            Some("slave") => Kind::DOWNSTREAM,
            Some("rslave") => Kind::DOWNSTREAM | Kind::REC,
            Some("private") => Kind::PRIVATE,
            Some("rprivate") => Kind::PRIVATE | Kind::REC,
            Some("unbindable") => Kind::UNBINDABLE,
            Some("runbindable") => Kind::UNBINDABLE | Kind::REC,
            Some(other) => {
                return Err(Error::Property {
                    property: "linux.rootfsPropagation".to_owned(),
                    why: format!("{other:?} is none of shared, slave, private and unbindable"),
                });
            }
        };
        Ok(Self(Some(kind)))
    }

    pub(crate) fn is_shared(self) -> bool {
        self.0.is_some_and(|kind| kind.contains(Kind::SHARED))
    }

    /// Before anything is mounted at `root`: nothing of it is to leave this namespace.
    pub(crate) fn separate(self, root: &Path) -> Result<(), Error> {
        if self.is_shared() {
            return hide_from_peers(root);
        }
        let private = self.0.is_some_and(|kind| kind.intersects(Kind::PRIVATE | Kind::UNBINDABLE));
        let kind = if private { Kind::PRIVATE } else { Kind::DOWNSTREAM };
        mount_change("/", kind | Kind::REC).step("separating the mounts from the host's")
    }

    /// After the pivot, which does not work on a shared root.
    pub(crate) fn apply(self, root: BorrowedFd<'_>) -> Result<(), Error> {
        let Some(kind) = self.0 else { return Ok(()) };
        propagate(root, kind).step("setting the root's propagation (linux.rootfsPropagation)")
    }
}

/// Makes the mount that `root` lies on private. Only a mount's root tells that it is one, so the way leads up.
fn hide_from_peers(root: &Path) -> Result<(), Error> {
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let mut folder = openat(CWD, root, flags, Mode::empty()).at("opening the root folder", root)?;
    loop {
        let stat = statx(&folder, "", AtFlags::EMPTY_PATH, StatxFlags::empty())
            .at("looking for the mount of", root)?;
        if stat.stx_attributes.contains(StatxAttributes::MOUNT_ROOT) {
            return propagate(folder.as_fd(), Kind::PRIVATE).at("making private the mount of", root);
        }
        folder = openat(&folder, "..", flags, Mode::empty()).at("opening the folder above", root)?;
    }
}
