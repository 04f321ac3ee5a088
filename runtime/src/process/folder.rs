//! Where the process starts (`process.cwd`).
//!
//! The folder is entered as root if root may, else as the user (a home on a file system that shuts root out).
//! The path may not go through a descriptor (`/proc/self/fd/7/…`), for that can lead out of the root
//! (CVE-2024-21626; `RESOLVE_NO_MAGICLINKS`, `openat2(2)`). Afterwards the kernel is asked where the process *is*
//! all the same: outside of the root its answer does not begin with a slash.

use crate::error::{Context, Error};
use rustix::fs::{CWD, Mode, OFlags, ResolveFlags, openat2};
use rustix::io::Errno;
use rustix::process::{fchdir, getcwd};
use std::fs;
use std::path::PathBuf;

/// A folder to start in.
#[derive(Clone, Debug)]
pub struct Folder(PathBuf);

impl Folder {
    /// Checks that the path is absolute.
    pub fn new(path: PathBuf) -> Result<Self, Error> {
        if path.is_absolute() {
            Ok(Self(path))
        } else {
            Err(Error::property("process.cwd", format!("{} is no absolute path", path.display())))
        }
    }

    /// Enters it, and makes it if it is missing, as engines expect. `false`: not this user.
    pub(crate) fn try_enter(&self) -> Result<bool, Error> {
        match self.go() {
            Err(Errno::ACCESS) => return Ok(false),
            Err(Errno::NOENT) => {
                fs::create_dir_all(&self.0).at("making the folder to start in,", &self.0)?;
                self.go()
            }
            Err(Errno::LOOP) => {
                let why = format!("{} goes through a descriptor, or in a circle", self.0.display());
                return Err(Error::property("process.cwd", why));
            }
            result => result,
        }
        .at("entering the folder", &self.0)?;
        let here = getcwd(Vec::new()).step("asking for the current folder")?;
        if here.to_bytes().first() == Some(&b'/') {
            return Ok(true);
        }
        Err(Error::property("process.cwd", format!("{} lies outside the container's root", self.0.display())))
    }

    fn go(&self) -> Result<(), Errno> {
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        fchdir(openat2(CWD, &self.0, flags, Mode::empty(), ResolveFlags::NO_MAGICLINKS)?)
    }

    /// Enters it, or fails.
    pub(crate) fn enter(&self) -> Result<(), Error> {
        if self.try_enter()? { Ok(()) } else { Err(Errno::ACCESS).at("entering the folder", &self.0) }
    }
}
