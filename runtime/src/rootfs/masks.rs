//! Masks: what `/proc` and `/sys` would tell or let change of the whole machine (`config-linux.md`, "Masked
//! Paths", "Readonly Paths"; `proc(5)`).
//!
//! These files know no namespace: `/proc/kcore` is the kernel's memory, `/proc/sysrq-trigger` restarts the
//! host. A masked file is covered by the host's own `/dev/null`, never by the container's, which might be
//! something else (CVE-2025-31133), and a masked folder by an empty file system; one serves all. Both are
//! read-only: else root inside could change the mode and the owner of the host's `/dev/null`.
//!
//! It is done before the pivot, with `/proc` or `/sys` as the current folder: in the kernel's own file
//! systems, once it is certain that they are, there is no link of anybody's making, and a path costs one
//! call. Any other path is walked inside the root, as the destinations of mounts are; so are the paths of a file
//! system that has only a few, for which entering it would cost more than it saves.

use super::attributes::Attributes;
use super::options::Reach;
use super::resolve::{PROC_MAGIC, SYSFS_MAGIC, clean, leave, open, open_without_links, path_of};
use crate::error::{Context, Error};
use oci_spec::runtime::Linux;
use rustix::fs::{FsWord, fstatfs};
use rustix::io::Errno;
use rustix::mount::{MountFlags, mount, mount_bind, mount_bind_recursive};
use rustix::process::fchdir;
use std::ffi::{CString, OsStr};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// What is covered shows nothing, holds nothing and can do nothing.
const EMPTY: MountFlags =
    MountFlags::RDONLY.union(MountFlags::NOSUID).union(MountFlags::NODEV).union(MountFlags::NOEXEC);

/// As many paths make up for the calls that entering a file system costs.
const WORTH_ENTERING: usize = 3;

/// Applies `linux.readonlyPaths` and `linux.maskedPaths`. What the container does not have needs no mask.
/// Changes the current folder.
pub(crate) fn apply(root: BorrowedFd<'_>, linux: &Linux) -> Result<(), Error> {
    let read_only = paths(linux.readonly_paths().as_deref(), "linux.readonlyPaths")?;
    let masked = paths(linux.masked_paths().as_deref(), "linux.maskedPaths")?;
    let mut masks = Masks { root, null: None, empty: None };
    // The empty file system is named by the first folder's descriptor while the second is masked.
    let mut entered = Vec::new();
    for (base, magic) in [("/proc", PROC_MAGIC), ("/sys", SYSFS_MAGIC)] {
        let inside = |path: &&PathBuf| in_kernels_own(path, base);
        if read_only.iter().chain(&masked).filter(inside).count() < WORTH_ENTERING {
            continue;
        }
        let Some(folder) = kernels_own(root, Path::new(base), magic).at("opening", base)? else { continue };
        fchdir(&folder).at("entering", base)?;
        for path in read_only.iter().filter(inside) {
            make_read_only(relative(path, base)).at("making read-only", path)?;
        }
        for path in masked.iter().filter(inside) {
            masks.mask(relative(path, base), &folder).at("masking", path)?;
        }
        entered.push((base, folder));
    }
    let left = |path: &&PathBuf| !entered.iter().any(|(base, _)| in_kernels_own(path, base));
    for path in read_only.iter().filter(left) {
        masks.walk_to(path, |place| masks.make_read_only(path, place)).at("making read-only", path)?;
    }
    for path in masked.iter().filter(left) {
        masks.walk_to(path, |place| masks.cover(path, place)).at("masking", path)?;
    }
    for (_, folder) in entered {
        leave(folder);
    }
    Ok(())
}

struct Masks<'a> {
    root: BorrowedFd<'a>,
    /// The path of the first masked file, once there is one: `/dev/null`, read-only.
    null: Option<PathBuf>,
    /// The path of the one empty file system, once there is one.
    empty: Option<PathBuf>,
}

impl Masks<'_> {
    /// Covers what is at `path`, seen from the current folder, which is `folder`.
    fn mask(&mut self, path: &Path, folder: &OwnedFd) -> Result<(), Errno> {
        match mount_bind(self.null(), path) {
            Ok(()) if self.null.is_none() => {
                self.null = Some(Path::new(&path_of(folder)).join(path));
                Attributes::READ_ONLY.apply_at(&terminated(path)?, Reach::One)
            }
            Err(Errno::NOENT) => Ok(()),
            Err(Errno::NOTDIR) => {
                if let Some(empty) = &self.empty {
                    return mount_bind(empty, path);
                }
                mount("tmpfs", path, "tmpfs", EMPTY, None)?;
                self.empty = Some(Path::new(&path_of(folder)).join(path));
                Ok(())
            }
            result => result,
        }
    }

    /// Covers what `place` stands for, which is at `path` in the root.
    fn cover(&self, path: &Path, place: &OwnedFd) -> Result<(), Errno> {
        let target = path_of(place);
        match (mount_bind(self.null(), &target), &self.empty) {
            (Ok(()), _) if self.null.is_none() => {
                Attributes::READ_ONLY.apply(open(self.root, path)?.as_fd(), Reach::One)
            }
            (Err(Errno::NOTDIR), Some(empty)) => mount_bind(empty, target),
            (Err(Errno::NOTDIR), None) => mount("tmpfs", target, "tmpfs", EMPTY, None),
            (result, _) => result,
        }
    }

    /// What covers a file: a copy of a mount has its attributes, so the first one made read-only serves for all.
    fn null(&self) -> &Path {
        self.null.as_deref().unwrap_or(Path::new("/dev/null"))
    }

    /// Makes read-only what `place` stands for, which is at `path` in the root.
    fn make_read_only(&self, path: &Path, place: &OwnedFd) -> Result<(), Errno> {
        mount_bind_recursive(path_of(place), path_of(place))?;
        // What the descriptor stands for is now below; the path leads to the top.
        let top = open(self.root, path)?;
        Attributes::READ_ONLY.apply(top.as_fd(), Reach::All)
    }

    /// Finds a path that may lead anywhere in the root.
    fn walk_to(&self, path: &Path, act: impl FnOnce(&OwnedFd) -> Result<(), Errno>) -> Result<(), Errno> {
        match open(self.root, path) {
            Err(Errno::NOENT | Errno::NOTDIR) => Ok(()),
            place => {
                let place = place?;
                act(&place)?;
                leave(place);
                Ok(())
            }
        }
    }
}

/// Makes read-only what is at `path`, seen from the current folder, and what is mounted below.
fn make_read_only(path: &Path) -> Result<(), Errno> {
    match mount_bind_recursive(path, path) {
        Err(Errno::NOENT) => return Ok(()),
        result => result?,
    }
    Attributes::READ_ONLY.apply_at(&terminated(path)?, Reach::All)
}

fn terminated(path: &Path) -> Result<CString, Errno> {
    CString::new(path.as_os_str().as_bytes()).map_err(|_| Errno::INVAL)
}

/// Opens `path` if what is mounted there is the file system that belongs there.
fn kernels_own(root: BorrowedFd<'_>, path: &Path, magic: FsWord) -> Result<Option<OwnedFd>, Errno> {
    match open_without_links(root, path) {
        Err(Errno::NOENT | Errno::LOOP) => Ok(None),
        folder => {
            let folder = folder?;
            Ok((fstatfs(&folder)?.f_type == magic).then_some(folder))
        }
    }
}

/// Whether `path` lies in the file system at `base` and leads nowhere else: the folders of processes hold links
/// to everything.
fn in_kernels_own(path: &Path, base: &str) -> bool {
    let first = below(path, base).and_then(|rest| rest.split(|&byte| byte == b'/').next());
    first.is_some_and(|first| {
        let of_process: [&[u8]; 4] = [b"", b"self", b"thread-self", b"cwd"];
        !of_process.contains(&first) && !first.iter().all(u8::is_ascii_digit)
    })
}

fn relative<'a>(path: &'a Path, base: &str) -> &'a Path {
    below(path, base).map_or(path, |rest| Path::new(OsStr::from_bytes(rest)))
}

/// What follows `base`. The path is clean, so its bytes say enough, and are sooner compared than its parts.
fn below<'a>(path: &'a Path, base: &str) -> Option<&'a [u8]> {
    path.as_os_str().as_bytes().strip_prefix(base.as_bytes())?.strip_prefix(b"/")
}

fn paths(list: Option<&[String]>, property: &str) -> Result<Vec<PathBuf>, Error> {
    let read = |path: &String| {
        if Path::new(path).is_absolute() {
            Ok(clean(Path::new(path)))
        } else {
            Err(Error::Property { property: property.into(), why: format!("{path:?} is no absolute path") })
        }
    };
    list.unwrap_or_default().iter().map(read).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_folders_of_processes_are_walked_to() {
        assert!(in_kernels_own(Path::new("/proc/sys/kernel"), "/proc"));
        assert!(!in_kernels_own(Path::new("/proc/self/root"), "/proc"));
        assert!(!in_kernels_own(Path::new("/proc/1/root"), "/proc"));
        assert!(!in_kernels_own(Path::new("/proc"), "/proc"));
        assert!(!in_kernels_own(Path::new("/processes/x"), "/proc"));
    }

    #[test]
    fn relative_paths_are_refused() {
        let error = paths(Some(&["proc/kcore".to_owned()]), "linux.maskedPaths").unwrap_err();
        assert!(error.to_string().contains("linux.maskedPaths"), "{error}");
    }
}
