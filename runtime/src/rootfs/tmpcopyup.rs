//! `tmpcopyup`: a tmpfs begins with what its destination held before (an extension of the specification's
//! table of mount options).
//!
//! The folder below comes from an image and is hostile: no link in it is followed, nothing but plain files
//! is opened, and each level is reached from the one above by descriptor. The walk keeps its own stack, so a
//! deep tree uses up descriptors, which is an error, and not the program's stack, which would be a crash.
//! Extended attributes are not copied.

use rustix::fs::{
    AtFlags, Dir, FileType, Gid, Mode, OFlags, Stat, Timespec, Timestamps, Uid, chmodat, chownat, fstat,
    mkdirat, mknodat, openat, readlinkat, statat, symlinkat, utimensat,
};
use rustix::io::Errno;
use std::ffi::{CStr, CString};
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

/// A folder that is being copied.
struct Level {
    entries: Dir,
    from: OwnedFd,
    to: OwnedFd,
    /// Its name in the level above, and what it is to be like when its entries are there.
    name: CString,
    stat: Stat,
}

/// Copies all that is in the folder `from` to the empty folder `to`, with owners, modes and times.
pub(crate) fn copy(from: BorrowedFd<'_>, to: BorrowedFd<'_>) -> Result<(), Errno> {
    let stat = fstat(from)?;
    let mut levels = vec![Level::open(from, to, c".", stat)?];
    loop {
        let Some(level) = levels.last_mut() else { return Ok(()) };
        let Some(entry) = level.entries.next() else {
            finish(levels.pop(), levels.last().map_or(to, |above| above.to.as_fd()))?;
            continue;
        };
        let entry = entry?;
        let name = entry.file_name();
        if matches!(name.to_bytes(), b"." | b"..") {
            continue;
        }
        let stat = statat(&level.from, name, AtFlags::SYMLINK_NOFOLLOW)?;
        if FileType::from_raw_mode(stat.st_mode) == FileType::Directory {
            mkdirat(&level.to, name, Mode::RWXU)?;
            let deeper = Level::open(level.from.as_fd(), level.to.as_fd(), name, stat)?;
            levels.push(deeper);
        } else {
            copy_one(level, name, &stat)?;
            copy_status(level.to.as_fd(), name, &stat)?;
        }
    }
}

impl Level {
    /// Opens the folder `name` of both sides.
    fn open(from: BorrowedFd<'_>, to: BorrowedFd<'_>, name: &CStr, stat: Stat) -> Result<Self, Errno> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let from = openat(from, name, flags, Mode::empty())?;
        let to = openat(to, name, flags, Mode::empty())?;
        Ok(Self { entries: Dir::read_from(&from)?, from, to, name: name.into(), stat })
    }
}

/// A folder's times change with its entries, and its mode may forbid to make them: both come last.
fn finish(level: Option<Level>, above: BorrowedFd<'_>) -> Result<(), Errno> {
    level.map_or(Ok(()), |level| copy_status(above, &level.name, &level.stat))
}

fn copy_one(level: &Level, name: &CStr, stat: &Stat) -> Result<(), Errno> {
    match FileType::from_raw_mode(stat.st_mode) {
        FileType::RegularFile => {
            let flags = OFlags::NOFOLLOW | OFlags::CLOEXEC;
            // Not to wait, should it have become a FIFO meanwhile.
            let from = openat(&level.from, name, flags | OFlags::RDONLY | OFlags::NONBLOCK, Mode::empty())?;
            let create = flags | OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL;
            let to = openat(&level.to, name, create, Mode::RUSR | Mode::WUSR)?;
            io::copy(&mut File::from(from), &mut File::from(to))
                .map(drop)
                .map_err(|error| Errno::from_io_error(&error).unwrap_or(Errno::IO))
        }
        FileType::Symlink => {
            let link = readlinkat(&level.from, name, Vec::new())?;
            symlinkat(&link, &level.to, name)
        }
        kind => mknodat(&level.to, name, kind, Mode::RUSR | Mode::WUSR, stat.st_rdev),
    }
}

fn copy_status(folder: BorrowedFd<'_>, name: &CStr, stat: &Stat) -> Result<(), Errno> {
    let owner = (Uid::from_raw(stat.st_uid), Gid::from_raw(stat.st_gid));
    chownat(folder, name, Some(owner.0), Some(owner.1), AtFlags::SYMLINK_NOFOLLOW)?;
    if FileType::from_raw_mode(stat.st_mode) != FileType::Symlink {
        // After the owner: a change of owner takes the set-user-ID bit away.
        chmodat(folder, name, Mode::from_raw_mode(stat.st_mode & 0o7777), AtFlags::empty())?;
    }
    let time = |seconds: i64, nanoseconds| Timespec { tv_sec: seconds, tv_nsec: nanoseconds };
    let times = Timestamps {
        last_access: time(stat.st_atime, stat.st_atime_nsec as i64),
        last_modification: time(stat.st_mtime, stat.st_mtime_nsec as i64),
    };
    utimensat(folder, name, &times, AtFlags::SYMLINK_NOFOLLOW)
}
