//! Bind mounts: what is somewhere on the host appears in the container as well (`open_tree(2)`,
//! `move_mount(2)`).
//!
//! A copy of the host's mount is made first, attached nowhere; the copy is restricted, and then attached
//! by descriptor. So there is no moment at which it is in view with more than it was meant to have.

use super::attributes::propagate;
use super::mount::Wanted;
use super::options::Reach;
use super::resolve::{Kind, target};
use crate::error::Error;
use rustix::fs::{CWD, FileType, fstat};
use rustix::io::Errno;
use rustix::mount::{MoveMountFlags, OpenTreeFlags, move_mount, open_tree};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};

/// Copies the mount at `source`, attached nowhere.
pub(crate) fn copy(source: &Path, reach: Reach) -> Result<OwnedFd, Errno> {
    let mut flags = OpenTreeFlags::OPEN_TREE_CLONE | OpenTreeFlags::OPEN_TREE_CLOEXEC;
    if reach == Reach::All {
        flags |= OpenTreeFlags::AT_RECURSIVE;
    }
    open_tree(CWD, source, flags)
}

/// Attaches `tree` on what the descriptor `place` stands for.
pub(crate) fn attach(tree: BorrowedFd<'_>, place: BorrowedFd<'_>) -> Result<(), Errno> {
    let flags = MoveMountFlags::MOVE_MOUNT_F_EMPTY_PATH | MoveMountFlags::MOVE_MOUNT_T_EMPTY_PATH;
    move_mount(tree, "", place, "", flags)
}

/// Where on the host the source of a bind mount is.
pub(crate) fn source(wanted: &Wanted<'_>, bundle: &Path) -> Result<PathBuf, Error> {
    let source = wanted.mount.source().as_ref().filter(|source| !source.as_os_str().is_empty());
    let source = source.ok_or_else(|| wanted.broken("a bind mount needs a source"))?;
    Ok(bundle.join(source))
}

/// Opens the source of a bind mount.
pub(crate) fn open(wanted: &Wanted<'_>, bundle: &Path) -> Result<OwnedFd, Error> {
    let source = source(wanted, bundle)?;
    copy(&source, wanted.options.bind.unwrap_or(Reach::All))
        .map_err(|error| wanted.failed(&format!("opening its source {}", source.display()), error))
}

/// Attaches an open source at its destination, with the options that were asked for. What the host has set
/// on it stays, unless an option takes it away.
pub(crate) fn make(root: BorrowedFd<'_>, wanted: &Wanted<'_>, tree: BorrowedFd<'_>) -> Result<(), Error> {
    let options = &wanted.options;
    if let Some(word) = options.not_for_bind() {
        return Err(
            wanted.broken(format!("the option {word:?} is for new file systems, not for bind mounts"))
        );
    }
    let kind = || {
        let of = FileType::from_raw_mode(fstat(tree)?.st_mode);
        Ok(if of == FileType::Directory { Kind::Folder } else { Kind::File })
    };
    let place = target(root, &wanted.destination, kind).map_err(|error| wanted.no_target(error))?.place;
    options
        .attributes()
        .apply(tree, Reach::One)
        .and_then(|()| options.all.apply(tree, Reach::All))
        .map_err(|error| wanted.failed("setting its options", error))?;
    attach(tree, place.as_fd()).map_err(|error| {
        let doing = match error {
            Errno::NOTDIR => "a folder cannot be mounted on a file, nor a file on a folder",
            _ => "attaching it",
        };
        wanted.failed(doing, error)
    })?;
    // Attached to a mount that is shared it would have become shared, so this comes last.
    for &kind in &options.propagation {
        propagate(tree, kind).map_err(|error| wanted.failed("setting its propagation", error))?;
    }
    Ok(())
}
