//! A new file system at a destination: `mount(2)`.
//!
//! The newer calls (`fsopen(2)`, `fsconfig(2)`, `fsmount(2)`, `move_mount(2)`) do the same in seven steps, and
//! every container makes half a dozen file systems. The one old call is as safe when its target is the
//! kernel's own name of an open descriptor. What the old call cannot do is say *which* option it did not
//! like; so after a failure, and only then, the options are tried again one by one by the newer calls.

use super::mount::{Building, Wanted};
use super::options::Reach;
use super::resolve::{Kind, leave, open, open_without_links, path_of, target};
use super::{attributes, bind, tmpcopyup};
use crate::error::Error;
use rustix::fs::fstat;
use rustix::io::Errno;
use rustix::mount::{
    FsOpenFlags, MountFlags, fsconfig_set_flag, fsconfig_set_string, fsopen, mount, mount_remount,
};
use std::ffi::CString;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;

/// The kernel copies one page of options and would not say that it left out the rest.
const MOST_DATA: usize = 4095;
/// These take no label of a security module as an option: their files have labels of their own.
const UNLABELLED: [&str; 5] = ["proc", "sysfs", "cgroup", "cgroup2", "mqueue"];

/// Mounts a new file system of type `kind`.
pub(crate) fn make(building: &mut Building<'_>, wanted: &Wanted<'_>, kind: &str) -> Result<(), Error> {
    let options = &wanted.options;
    let root = building.root.as_fd();
    if options.idmap.is_some() || wanted.mount.uid_mappings().as_ref().is_some_and(|maps| !maps.is_empty()) {
        return Err(wanted.broken("owners can be mapped on bind mounts only: add the option bind or rbind"));
    }
    if options.copy_up && kind != "tmpfs" {
        return Err(wanted.broken("the option tmpcopyup is for file systems of type tmpfs"));
    }
    let place = if matches!(kind, "proc" | "sysfs") || wanted.destination == Path::new("/dev") {
        no_link(root, &wanted.destination)
    } else {
        target(root, &wanted.destination, || Ok(Kind::Folder)).map(|target| (target.place, target.made))
    };
    let (place, made) = place.map_err(|error| wanted.no_target(error))?;

    let mut flags = options.set;
    let mut data = options.data.clone();
    if kind == "tmpfs" {
        // What is under its destination is made and copied later; then it is made read-only.
        flags -= MountFlags::RDONLY;
        if !made && !data.split(',').any(|word| word.starts_with("mode=")) {
            // A folder that was there keeps its mode: /tmp its 1777, /root its 700.
            let old = fstat(&place).map_err(|error| wanted.failed("looking at its destination", error))?;
            add(&mut data, &format!("mode={:o}", old.st_mode & 0o7777));
        }
    }
    if let Some(label) = building.label.filter(|_| !UNLABELLED.contains(&kind)) {
        add(&mut data, &format!("context=\"{label}\""));
    }
    let source = wanted.mount.source().as_deref().unwrap_or(Path::new(kind));
    match mount_at(source, place.as_fd(), kind, flags, &data) {
        // A sysfs shows a network namespace and belongs to its owner; a user namespace without one of its
        // own gets a copy of the host's mount.
        Err(Errno::PERM) if kind == "sysfs" && building.user_namespace => {
            let tree = bind::copy(Path::new("/sys"), Reach::All)
                .and_then(|tree| bind::attach(tree.as_fd(), place.as_fd()).map(|()| tree))
                .map_err(|error| wanted.failed("binding the host's /sys", error))?;
            options
                .attributes()
                .apply(tree.as_fd(), Reach::All)
                .map_err(|error| wanted.failed("restricting the host's /sys", error))?;
        }
        Err(error) => return Err(wanted.failed(&explain(kind, &data), error)),
        Ok(()) => {}
    }
    finish(building, wanted, kind, &place, made)?;
    leave(place);
    Ok(())
}

/// What only the new mount's own descriptor can be asked for.
fn finish(
    building: &mut Building<'_>,
    wanted: &Wanted<'_>,
    kind: &str,
    below: &OwnedFd,
    made: bool,
) -> Result<(), Error> {
    let options = &wanted.options;
    let read_only_later = kind == "tmpfs" && options.set.contains(MountFlags::RDONLY);
    let plain = options.all == attributes::Attributes::default() && options.propagation.is_empty();
    if plain && !read_only_later && !options.copy_up {
        return Ok(());
    }
    let top = open(building.root.as_fd(), &wanted.destination)
        .map_err(|error| wanted.failed("opening the new mount", error))?;
    if options.copy_up && !made {
        tmpcopyup::copy(below.as_fd(), top.as_fd())
            .map_err(|error| wanted.failed("copying what the target held (tmpcopyup)", error))?;
    }
    wanted.spread(top.as_fd())?;
    if read_only_later {
        building.read_only_later.push(top);
    }
    Ok(())
}

/// Changes what is mounted at a destination already.
pub(crate) fn remount(root: BorrowedFd<'_>, wanted: &Wanted<'_>) -> Result<(), Error> {
    let options = &wanted.options;
    let top = open(root, &wanted.destination).map_err(|error| wanted.no_target(error))?;
    if options.bind.is_some() {
        options.attributes().apply(top.as_fd(), Reach::One)
    } else {
        let data = CString::new(&*options.data).map_err(|_| wanted.broken("an option has a zero byte"))?;
        mount_remount(path_of(&top), options.set, &*data)
    }
    .map_err(|error| wanted.failed("remounting", error))?;
    wanted.spread(top.as_fd())
}

/// Calls `mount(2)` with a descriptor for a target.
pub(crate) fn mount_at(
    source: &Path,
    place: BorrowedFd<'_>,
    kind: &str,
    flags: MountFlags,
    data: &str,
) -> Result<(), Errno> {
    if data.len() > MOST_DATA {
        return Err(Errno::TOOBIG);
    }
    let data = CString::new(data).map_err(|_| Errno::INVAL)?;
    mount(source, path_of(place), kind, flags, &*data)
}

/// Finds or makes the folder for `/dev` or a file system of the kernel's. With a link on the way it would appear
/// under another name, where nobody masks it (CVE-2023-27561).
fn no_link(root: BorrowedFd<'_>, path: &Path) -> Result<(OwnedFd, bool), Errno> {
    match open_without_links(root, path) {
        Err(Errno::NOENT) => {
            super::resolve::make(root, path, Kind::Folder)?;
            // Again by its path: a link that was followed in the making is found now.
            Ok((open_without_links(root, path)?, true))
        }
        result => Ok((result?, false)),
    }
}

fn add(data: &mut String, word: &str) {
    if !data.is_empty() {
        data.push(',');
    }
    data.push_str(word);
}

/// Finds out what `mount(2)` refused.
fn explain(kind: &str, data: &str) -> String {
    let whole = format!("mounting a file system of type {kind} with the options {data:?}");
    let context = match fsopen(kind, FsOpenFlags::FSOPEN_CLOEXEC) {
        Ok(context) => context,
        Err(Errno::NODEV) => return format!("this kernel has no file system of type {kind}"),
        Err(_) => return whole,
    };
    for word in data.split(',').filter(|word| !word.is_empty()) {
        let refused = match word.split_once('=') {
            Some((key, value)) => fsconfig_set_string(context.as_fd(), key, value),
            None => fsconfig_set_flag(context.as_fd(), word),
        };
        if refused.is_err() {
            return format!("the file system {kind} refuses the option {word:?}");
        }
    }
    whole
}
