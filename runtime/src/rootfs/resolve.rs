//! Paths inside the container's root, while the host is still in view (`openat2(2)`).
//!
//! The root folder is hostile: any part of a path in it may be a symbolic link, and may be exchanged for one
//! between a look and a use. So a path is walked once, by the kernel, which keeps it inside
//! (`RESOLVE_IN_ROOT`) and follows no "magic" link such as `/proc/self/fd/N`; what comes out is a descriptor,
//! and only the descriptor is used. (CVE-2017-1002101, CVE-2021-30465: paths checked and then used again.)

use rustix::fs::{
    FsWord, Mode, OFlags, PROC_SUPER_MAGIC, ResolveFlags, fstat, fstatfs, mkdirat, openat, openat2,
    readlinkat,
};
use rustix::io::Errno;
use std::ffi::OsStr;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, IntoRawFd as _, OwnedFd, RawFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Component, Path, PathBuf};

/// As many links as the kernel itself follows on one path.
const MOST_LINKS: usize = 40;
/// `openat2` gives up when anything is renamed anywhere meanwhile; a busy host needs some patience.
const MOST_TRIES: usize = 128;
/// Below this number a descriptor that has served is left open: few enough for the smallest usual limit.
const LEFT_OPEN: RawFd = 32;
/// The type of sysfs, as `statfs(2)` tells it.
pub(crate) const SYSFS_MAGIC: FsWord = 0x6265_6572;
/// That of procfs.
pub(crate) const PROC_MAGIC: FsWord = PROC_SUPER_MAGIC;

/// What is made where a path ends in nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Folder,
    File,
}

/// What a mount's destination led to.
#[derive(Debug)]
pub(crate) struct Target {
    pub(crate) place: OwnedFd,
    /// Whether it had to be made.
    pub(crate) made: bool,
}

/// Opens what is at `path` in `root`, the topmost mount there, following links inside the root.
pub(crate) fn open(root: BorrowedFd<'_>, path: &Path) -> Result<OwnedFd, Errno> {
    walk(root, path, ResolveFlags::empty())
}

/// The same where no symbolic link is wanted: with one on the way it fails with `LOOP`.
pub(crate) fn open_without_links(root: BorrowedFd<'_>, path: &Path) -> Result<OwnedFd, Errno> {
    walk(root, path, ResolveFlags::NO_SYMLINKS)
}

fn walk(root: BorrowedFd<'_>, path: &Path, more: ResolveFlags) -> Result<OwnedFd, Errno> {
    let resolve = ResolveFlags::IN_ROOT | ResolveFlags::NO_MAGICLINKS | more;
    let mut tries = 0;
    loop {
        match openat2(root, path, OFlags::PATH | OFlags::CLOEXEC, Mode::empty(), resolve) {
            Err(Errno::AGAIN) if tries < MOST_TRIES => tries += 1,
            result => return result,
        }
    }
}

/// Finds a mount's destination, or makes it.
///
/// A link that leads into `/proc` or `/sys` is refused (CVE-2019-16884, CVE-2023-27561): what is mounted there
/// by that way would be masked, or seen by the runtime, under another name than its own. So is one that leads to
/// the root itself, which would be covered.
pub(crate) fn target(
    root: BorrowedFd<'_>,
    path: &Path,
    kind: impl FnOnce() -> Result<Kind, Errno>,
) -> Result<Target, Errno> {
    match open_without_links(root, path) {
        Err(Errno::LOOP) => {}
        Err(Errno::NOENT) => return Ok(Target { place: make(root, path, kind()?)?, made: true }),
        result => return Ok(Target { place: result?, made: false }),
    }
    let (place, made) = match open(root, path) {
        Err(Errno::NOENT) => (make(root, path, kind()?)?, true),
        result => (result?, false),
    };
    let (here, top) = (fstat(&place)?, fstat(root)?);
    match fstatfs(&place)?.f_type {
        PROC_MAGIC | SYSFS_MAGIC => Err(Errno::LOOP),
        _ if (here.st_dev, here.st_ino) == (top.st_dev, top.st_ino) => Err(Errno::BUSY),
        _ => Ok(Target { place, made }),
    }
}

/// Makes `path`, which leads to nothing yet: folders on the way, and `kind` at its end. A dangling link on the
/// way is followed to the place inside the root where it points.
pub(crate) fn make(root: BorrowedFd<'_>, path: &Path, kind: Kind) -> Result<OwnedFd, Errno> {
    let mut path = path.to_path_buf();
    for _ in 0..MOST_LINKS {
        match make_up_to_link(root, &path, kind)? {
            Made::All(place) => return Ok(place),
            Made::UpTo(next) => path = next,
        }
        match open(root, &path) {
            Err(Errno::NOENT) => {}
            result => return result,
        }
    }
    Err(Errno::LOOP)
}

enum Made {
    All(OwnedFd),
    /// The path to go on with, past a link.
    UpTo(PathBuf),
}

fn make_up_to_link(root: BorrowedFd<'_>, path: &Path, kind: Kind) -> Result<Made, Errno> {
    // The deepest part that is there.
    let mut missing = Vec::new();
    let mut there = path;
    let mut folder = loop {
        missing.push(there.file_name().ok_or(Errno::NOENT)?);
        there = there.parent().ok_or(Errno::NOENT)?;
        match open(root, there) {
            Err(Errno::NOENT) => {}
            result => break result?,
        }
    };
    let mut there = there.to_path_buf();
    while let Some(name) = missing.pop() {
        let last = missing.is_empty();
        let result = if last && kind == Kind::File {
            let flags = OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::WRONLY | OFlags::CLOEXEC;
            openat(&folder, name, flags, Mode::from_raw_mode(0o644)).map(drop)
        } else {
            mkdirat(&folder, name, Mode::from_raw_mode(0o755))
        };
        match result {
            Ok(()) => {}
            Err(Errno::EXIST) => {
                if let Some(link) = link(folder.as_fd(), name)? {
                    there.push(link);
                    there.extend(missing.iter().rev());
                    return Ok(Made::UpTo(there));
                }
            }
            Err(error) => return Err(error),
        }
        let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let made = openat(&folder, name, flags, Mode::empty())?;
        leave(std::mem::replace(&mut folder, made));
        there.push(name);
    }
    Ok(Made::All(folder))
}

fn link(folder: BorrowedFd<'_>, name: &OsStr) -> Result<Option<PathBuf>, Errno> {
    match readlinkat(folder, name, Vec::new()) {
        Ok(link) => Ok(Some(OsStr::from_bytes(link.as_bytes()).into())),
        // It is something else, which appeared meanwhile: as good as made.
        Err(Errno::INVAL) => Ok(None),
        Err(error) => Err(error),
    }
}

/// `path` as an absolute one without `.` and `..`, as `..` in a configuration is meant.
pub(crate) fn clean(path: &Path) -> PathBuf {
    let mut clean = PathBuf::from("/");
    for part in path.components() {
        match part {
            Component::Normal(name) => clean.push(name),
            Component::ParentDir => {
                clean.pop();
            }
            Component::RootDir | Component::CurDir | Component::Prefix(_) => {}
        }
    }
    clean
}

/// Is done with a descriptor. The process that builds a root ends in an execution, which closes all of them by itself:
/// one call less each. Only where they are many, it is closed here, lest they run out.
pub(crate) fn leave(descriptor: OwnedFd) {
    if descriptor.as_raw_fd() < LEFT_OPEN {
        let _ = descriptor.into_raw_fd();
    }
}

/// A path to what a descriptor stands for, for calls that take paths only. It is the kernel's own link:
/// nobody can exchange what it leads to.
pub(crate) fn path_of(descriptor: impl AsFd) -> String {
    format!("/proc/self/fd/{}", descriptor.as_fd().as_raw_fd())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::os::unix::fs::symlink;

    fn folder() -> (tempfile::TempDir, OwnedFd) {
        let folder = tempfile::tempdir().unwrap();
        let root = openat(rustix::fs::CWD, folder.path(), OFlags::PATH, Mode::empty()).unwrap();
        (folder, root)
    }

    #[test]
    fn a_path_is_cleaned_without_leaving_the_root() {
        assert_eq!(clean(Path::new("/a/./b/../c")), Path::new("/a/c"));
        assert_eq!(clean(Path::new("../../etc")), Path::new("/etc"));
        assert_eq!(clean(Path::new("")), Path::new("/"));
    }

    #[test]
    fn what_is_missing_is_made_and_never_outside() {
        let (folder, root) = folder();
        let outside = tempfile::tempdir().unwrap();
        symlink(outside.path(), folder.path().join("absolute")).unwrap();
        symlink("../../../../../../..", folder.path().join("up")).unwrap();
        fs::create_dir(folder.path().join("etc")).unwrap();
        symlink("../run/resolve/stub.conf", folder.path().join("etc/resolv.conf")).unwrap();
        let made = |path: &str, kind| make(root.as_fd(), Path::new(path), kind).unwrap();

        made("/a/b/c", Kind::Folder);
        assert!(folder.path().join("a/b/c").is_dir());
        made("/absolute/new", Kind::Folder);
        let inside = folder.path().join(outside.path().strip_prefix("/").unwrap()).join("new");
        assert!(inside.is_dir(), "an absolute link starts at the root's root");
        assert_eq!(fs::read_dir(outside.path()).unwrap().count(), 0);
        made("/up/file", Kind::File);
        assert!(folder.path().join("file").is_file());
        made("/etc/resolv.conf", Kind::File);
        assert!(folder.path().join("run/resolve/stub.conf").is_file(), "a dangling link is followed");
    }

    #[test]
    fn loops_of_links_end() {
        let (folder, root) = folder();
        symlink("b", folder.path().join("a")).unwrap();
        symlink("a", folder.path().join("b")).unwrap();
        let error = target(root.as_fd(), Path::new("/a/x"), || Ok(Kind::Folder)).unwrap_err();
        assert_eq!(error, Errno::LOOP);
        // One that grows: each link leads to itself below itself.
        symlink("grow/x", folder.path().join("grow")).unwrap();
        assert_eq!(make(root.as_fd(), Path::new("/grow"), Kind::Folder).unwrap_err(), Errno::LOOP);
    }

    #[test]
    fn a_file_on_the_way_is_an_error() {
        let (folder, root) = folder();
        fs::write(folder.path().join("file"), "").unwrap();
        let error = target(root.as_fd(), Path::new("/file/x"), || Ok(Kind::Folder)).unwrap_err();
        assert_eq!(error, Errno::NOTDIR);
    }
}
