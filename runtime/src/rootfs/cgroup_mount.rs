//! A mount of type `cgroup`: the container's own groups, under `/sys/fs/cgroup` (`cgroups(7)`,
//! `cgroup_namespaces(7)`).
//!
//! The configuration says `cgroup` and means what the host has. On version 2 that is one file system. On version
//! 1 it is a tmpfs with one folder a hierarchy, and links for hierarchies that have several controllers. A
//! mount made inside a cgroup namespace has its root at the namespace's own; without such a namespace each is a
//! bind mount of the container's own folder.

use super::attributes::Attributes;
use super::bind;
use super::filesystem::mount_at;
use super::mount::{Building, Wanted};
use super::options::Reach;
use super::resolve::{Kind, leave, open, path_of, target};
use crate::cgroup::Hierarchy;
use crate::cgroup::detect::read_at_once;
use crate::error::{Context, Error};
use rustix::fs::{Mode, OFlags, mkdirat, openat, symlinkat};
use rustix::io::Errno;
use rustix::mount::{MountFlags, mount};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};

const OWN: &str = "/proc/self/cgroup";

/// Mounts what the host has. The process must be in its groups, and in its cgroup namespace.
pub(crate) fn make(building: &Building<'_>, wanted: &Wanted<'_>) -> Result<(), Error> {
    let place = target(building.root.as_fd(), &wanted.destination, || Ok(Kind::Folder))
        .map_err(|error| wanted.no_target(error))?
        .place;
    let own = read_at_once(OWN).at("reading", OWN)?;
    let names = names(&own);
    if names.is_empty() {
        version2(building, wanted, &place)?;
    } else {
        version1(building, wanted, &place, &names)?;
    }
    leave(place);
    if wanted.options.propagation.is_empty() && wanted.options.all == Attributes::default() {
        return Ok(());
    }
    let top = open(building.root.as_fd(), &wanted.destination)
        .map_err(|error| wanted.failed("opening the new mount", error))?;
    wanted.spread(top.as_fd())
}

/// The hierarchies of version 1 that this process is in, by their controllers or their name.
fn names(own: &[u8]) -> Vec<&str> {
    own.split(|&byte| byte == b'\n')
        .filter_map(|line| std::str::from_utf8(line.split(|&byte| byte == b':').nth(1)?).ok())
        .filter(|names| !names.is_empty())
        .collect()
}

fn version2(building: &Building<'_>, wanted: &Wanted<'_>, place: &OwnedFd) -> Result<(), Error> {
    if building.cgroup_namespace {
        let options = &wanted.options;
        match mount_at(Path::new("cgroup"), place.as_fd(), "cgroup2", options.set, &options.data) {
            // A user namespace that does not own the cgroup namespace.
            Err(Errno::PERM | Errno::BUSY) => {}
            result => return result.map_err(|error| wanted.failed("mounting cgroup2", error)),
        }
    }
    let hierarchy = Hierarchy::detect()?;
    let tree = hierarchy.v2.ok_or_else(|| wanted.broken("this host has no control groups"))?;
    copy(wanted, &tree.own(), place.as_fd())
}

fn version1(
    building: &Building<'_>,
    wanted: &Wanted<'_>,
    place: &OwnedFd,
    names: &[&str],
) -> Result<(), Error> {
    let flags = wanted.options.set - MountFlags::RDONLY;
    mount_at(Path::new("tmpfs"), place.as_fd(), "tmpfs", flags, "mode=755")
        .map_err(|error| wanted.failed("mounting a tmpfs for the hierarchies", error))?;
    let top = open(building.root.as_fd(), &wanted.destination)
        .map_err(|error| wanted.failed("opening the tmpfs for the hierarchies", error))?;
    if building.cgroup_namespace {
        for &names in names {
            let folder = names.strip_prefix("name=").unwrap_or(names);
            own_root(wanted, &top, folder, names)
                .map_err(|error| wanted.failed(&format!("mounting the hierarchy {names}"), error))?;
        }
    } else {
        for tree in Hierarchy::detect()?.v1 {
            let folder = PathBuf::from(tree.mount.file_name().unwrap_or_default());
            let place = mkdirat(&top, &folder, Mode::from_raw_mode(0o755)).and_then(|()| {
                let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
                openat(&top, &folder, flags, Mode::empty())
            });
            let place = place.map_err(|error| wanted.failed("making a folder for a hierarchy", error))?;
            copy(wanted, &tree.own(), place.as_fd())?;
        }
    }
    for &names in names.iter().filter(|names| names.contains(',')) {
        for name in names.split(',') {
            symlinkat(names, &top, name)
                .map_err(|error| wanted.failed("making a link for a controller", error))?;
        }
    }
    if wanted.options.set.contains(MountFlags::RDONLY) {
        Attributes::READ_ONLY
            .apply(top.as_fd(), Reach::One)
            .map_err(|error| wanted.failed("making it read-only", error))?;
    }
    leave(top);
    Ok(())
}

/// Mounts a hierarchy, whose root is then that of the cgroup namespace. The tmpfs is new: no link is in the way.
fn own_root(wanted: &Wanted<'_>, top: &OwnedFd, folder: &str, names: &str) -> Result<(), Errno> {
    mkdirat(top, folder, Mode::from_raw_mode(0o755))?;
    let place = format!("{}/{folder}", path_of(top));
    let data = std::ffi::CString::new(names).map_err(|_| Errno::INVAL)?;
    mount("cgroup", place, "cgroup", wanted.options.set, &*data)
}

/// Binds the container's own folder of a hierarchy.
fn copy(wanted: &Wanted<'_>, own: &Path, place: BorrowedFd<'_>) -> Result<(), Error> {
    let tree = bind::copy(own, Reach::All).at("opening the container's own group", own)?;
    wanted
        .options
        .attributes()
        .apply(tree.as_fd(), Reach::All)
        .and_then(|()| bind::attach(tree.as_fd(), place))
        .map_err(|error| wanted.failed("binding the container's own group", error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hierarchies_of_version_1_are_told_from_version_2() {
        let own = b"3:cpu,cpuacct:/x\n1:name=systemd:/\n0::/y\n";
        assert_eq!(names(own), ["cpu,cpuacct", "name=systemd"]);
        assert!(names(b"0::/\n").is_empty());
    }
}
