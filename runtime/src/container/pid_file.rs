//! The file with the number of a container's first process (`open(2)`: `O_TMPFILE`; `linkat(2)`).
//!
//! Engines wait for it and read it at once, so it must appear whole: it is written without a name, and gets one
//! when it is. Should the runtime die before, the file goes with it, where a temporary name would stay: nobody
//! knows of it, not even `delete --force`.

use crate::error::{Context, Error};
use rustix::fs::{AtFlags, CWD, Mode, OFlags, linkat, open, unlink};
use rustix::io::{Errno, write};
use std::fs;
use std::os::fd::AsRawFd as _;
use std::path::Path;

/// Writes the file, in the place of one that may be there.
pub(crate) fn write_pid(path: &Path, pid: i32) -> Result<(), Error> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let flags = OFlags::TMPFILE | OFlags::WRONLY | OFlags::CLOEXEC;
    let file = match open(folder, flags, Mode::from_raw_mode(0o644)) {
        // A file system that has no files without names.
        Err(Errno::OPNOTSUPP | Errno::ISDIR) => return fs::write(path, pid.to_string()).at("writing", path),
        result => result.at("making a file in", folder)?,
    };
    write(&file, pid.to_string().as_bytes()).at("writing", path)?;
    let name =
        || linkat(CWD, format!("/proc/self/fd/{}", file.as_raw_fd()), CWD, path, AtFlags::SYMLINK_FOLLOW);
    let named = match name() {
        Err(Errno::EXIST) => unlink(path).and_then(|()| name()),
        result => result,
    };
    named.at("making", path)
}
