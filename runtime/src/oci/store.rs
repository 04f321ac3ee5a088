//! The folder of state folders: `ROOT/ID/` for each container (`mkdir(2)`, `rename(2)`, `fifo(7)`).
//!
//! Root's is in memory, as a state is one of this boot: in `/run`, or where that is on a disk, in `/dev/shm` (`hier(7)`,
//! `shm_overview(7)`). A disk's file system would keep it for the next boot, and is slow with files that come and go by
//! the hundred: ext4 walks past each number that was given back in the last minutes.
//!
//! The name is taken by `mkdir`, of which the kernel lets exactly one of two succeed. The record is written
//! before anything else of the container is made, and replaced in one piece, so at every instant what is there can
//! be found and cleared. The last thing to go is the folder.

use super::check;
use super::config::{self, read_bounded};
use super::state::{Record, Status};
use crate::error::{Context, Error};
use crate::gate::Gate;
use crate::privilege::is_host_root;
use oci_spec::runtime::Spec;
use rustix::fs::{
    CWD, FileType, FsWord, Mode, OFlags, lstat, mkdir, mknodat, open, rename, rmdir, statfs, unlink,
};
use rustix::io::{Errno, write};
use rustix::process::geteuid;
use std::env;
use std::fs;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

const RECORD: &str = "state.json";
const NEW_RECORD: &str = "state.json.new";
const FIFO: &str = "exec.fifo";
const IN_RUN: &str = "/run/isolab";
const IN_SHM: &str = "/dev/shm/isolab";
/// The type of tmpfs, as `statfs(2)` tells it.
const TMPFS_MAGIC: FsWord = 0x0102_1994;

/// All containers of one user.
#[derive(Clone, Debug)]
pub struct Store {
    root: PathBuf,
}

impl Store {
    /// The store in `root`; by default in `/run/isolab`, or in `/dev/shm/isolab` where that is in memory and `/run` is
    /// not, and for an ordinary user in his own `/run`.
    pub fn new(root: Option<PathBuf>) -> Self {
        let default = || match env::var_os("XDG_RUNTIME_DIR") {
            Some(folder) if !is_host_root() && !folder.is_empty() => PathBuf::from(folder).join("isolab"),
            _ if geteuid().is_root() => of_root().into(),
            _ => env::temp_dir().join(format!("isolab-{}", geteuid().as_raw())),
        };
        Self { root: root.unwrap_or_else(default) }
    }

    /// Takes a name for a new container.
    pub fn take(&self, id: &str) -> Result<Folder, Error> {
        check::id(id)?;
        let path = self.root.join(id);
        let mode = Mode::from_raw_mode(0o700);
        let mut taken = mkdir(&path, mode);
        if taken == Err(Errno::NOENT) {
            // Two of us may do this at once.
            fs::create_dir_all(&self.root).at("making the folder of all containers", &self.root)?;
            taken = mkdir(&path, mode);
        }
        match taken {
            Ok(()) => Ok(Folder { path, id: id.into() }),
            Err(Errno::EXIST) => Err(Error::Exists(id.into())),
            Err(source) => Err(Error::Path { step: "making the state folder", path, source }),
        }
    }

    /// The folder of a container that should exist.
    pub fn find(&self, id: &str) -> Result<Folder, Error> {
        check::id(id)?;
        let path = self.root.join(id);
        // A link in its place is none: what it leads to is somebody else's.
        let is_folder = fs::symlink_metadata(&path).is_ok_and(|about| about.is_dir());
        if is_folder { Ok(Folder { path, id: id.into() }) } else { Err(Error::NoContainer(id.into())) }
    }

    /// The folders of all containers, by name.
    pub fn all(&self) -> Result<Vec<Folder>, Error> {
        let entries = match fs::read_dir(&self.root) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
            result => result.at("reading the folder of all containers", &self.root)?,
        };
        let mut ids: Vec<String> = entries
            .flatten()
            .filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()))
            .filter_map(|entry| entry.file_name().into_string().ok())
            .filter(|id| check::id(id).is_ok())
            .collect();
        ids.sort();
        Ok(ids.into_iter().map(|id| Folder { path: self.root.join(&id), id }).collect())
    }
}

fn of_root() -> &'static str {
    let in_memory = |folder: &str| statfs(folder).is_ok_and(|about| about.f_type == TMPFS_MAGIC);
    if !in_memory("/run") && in_memory("/dev/shm") && is_roots(IN_SHM) { IN_SHM } else { IN_RUN }
}

/// Whether a folder is root's, where everybody may make one; made if it is missing. If somebody else was first, it is
/// his, and must not be used; once it is root's, nobody else can put another in its place (the sticky bit in `inode(7)`).
fn is_roots(path: &str) -> bool {
    let mut about = lstat(path);
    if matches!(about, Err(Errno::NOENT)) {
        // Two of us may do this at once.
        let _ = mkdir(path, Mode::from_raw_mode(0o700));
        about = lstat(path);
    }
    about.is_ok_and(|about| {
        about.st_uid == geteuid().as_raw() && FileType::from_raw_mode(about.st_mode) == FileType::Directory
    })
}

/// One container's folder.
#[derive(Clone, Debug)]
pub struct Folder {
    path: PathBuf,
    id: String,
}

impl Folder {
    /// The container's name.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Writes the record: another file, then its name in one step.
    pub fn write(&self, record: &Record) -> Result<(), Error> {
        let text = serde_json::to_vec(record).map_err(|source| Error::Json {
            what: "the state to be written",
            file: self.path.join(RECORD),
            source,
        })?;
        let (new, file) = (self.path.join(NEW_RECORD), self.path.join(RECORD));
        put(&new, &text)?;
        rename(&new, &file).at("replacing", &file)
    }

    /// Reads the record; `None` if there is none yet.
    pub fn read(&self) -> Result<Option<Record>, Error> {
        let file = self.path.join(RECORD);
        let text = match read_bounded(&file) {
            Err(Error::Path { source: Errno::NOENT, .. }) => return Ok(None),
            result => result?,
        };
        parse(&text, &self.id).map(Some)
    }

    /// Keeps the configuration as it is at create.
    pub fn write_config(&self, text: &[u8]) -> Result<(), Error> {
        put(&self.path.join(config::FILE), text)
    }

    /// The configuration as it was at create.
    pub fn config(&self) -> Result<Spec, Error> {
        let file = self.path.join(config::FILE);
        config::parse(&read_bounded(&file)?, &file)
    }

    /// Makes the FIFO at which the first process waits, and opens it for that process. Both ends, so that
    /// neither the opening nor the reading depends on who else has it open.
    pub(crate) fn make_gate(&self) -> Result<Gate, Error> {
        let path = self.path.join(FIFO);
        mknodat(CWD, &path, FileType::Fifo, Mode::from_raw_mode(0o600), 0).at("making", &path)?;
        open(&path, OFlags::RDWR | OFlags::CLOEXEC, Mode::empty()).map(Gate::new).at("opening", &path)
    }

    /// Takes the gate of a created container: its writing and its reading end. `None`: no process waits. The name
    /// goes: of several who would start the container, the kernel lets one remove it.
    pub(crate) fn take_gate(&self) -> Result<Option<(OwnedFd, OwnedFd)>, Error> {
        let path = self.path.join(FIFO);
        let Some(writing) = self.gate()? else { return Ok(None) };
        let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let reading = match open(&path, flags, Mode::empty()) {
            Err(Errno::NOENT) => return Ok(None),
            result => result.at("opening", &path)?,
        };
        match unlink(&path) {
            Err(Errno::NOENT) => Ok(None),
            result => result.map(|()| Some((writing, reading))).at("removing", &path),
        }
    }

    /// The FIFO, if a process waits at it.
    fn gate(&self) -> Result<Option<OwnedFd>, Error> {
        let path = self.path.join(FIFO);
        let flags = OFlags::WRONLY | OFlags::NONBLOCK | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        match open(&path, flags, Mode::empty()) {
            Ok(gate) => Ok(Some(gate)),
            // No such file, or nobody who reads it.
            Err(Errno::NOENT | Errno::NXIO) => Ok(None),
            Err(source) => Err(Error::Path { step: "opening", path, source }),
        }
    }

    /// Where in its life the container is.
    pub fn status(&self, record: &Record) -> Result<Status, Error> {
        let Some(process) = record.process else {
            return Ok(if record.runtime.is_alive() { Status::Creating } else { Status::Stopped });
        };
        Ok(match process.is_alive() {
            false => Status::Stopped,
            true if self.gate()?.is_some() => Status::Created,
            true if record.group().paused() => Status::Paused,
            true => Status::Running,
        })
    }

    /// Removes the folder, with whatever a crash has left in it.
    pub fn remove(&self) -> Result<(), Error> {
        // The FIFO has gone with the start; one that nobody has started is left to the last resort.
        for name in [RECORD, config::FILE] {
            let path = self.path.join(name);
            match unlink(&path) {
                Ok(()) | Err(Errno::NOENT) => {}
                error => error.at("removing", &path)?,
            }
        }
        match rmdir(&self.path) {
            Ok(()) | Err(Errno::NOENT) => Ok(()),
            Err(_) => fs::remove_dir_all(&self.path).at("removing the state folder", &self.path),
        }
    }
}

/// Reads a record from its text.
pub fn parse(text: &[u8], id: &str) -> Result<Record, Error> {
    serde_json::from_slice(text).map_err(|source| Error::BadState { id: id.into(), source })
}

fn put(path: &Path, text: &[u8]) -> Result<(), Error> {
    let flags = OFlags::CREATE | OFlags::WRONLY | OFlags::TRUNC | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let file = open(path, flags, Mode::from_raw_mode(0o600)).at("making", path)?;
    let mut rest = text;
    while !rest.is_empty() {
        let written = write(&file, rest).at("writing", path)?;
        rest = &rest[written..];
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_somebody_else_has_put_in_the_place_of_roots_folder_is_not_used() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name| folder.path().join(name).into_os_string().into_string().unwrap();
        assert!(is_roots(&path("new")) && is_roots(&path("new")));
        std::os::unix::fs::symlink(path("new"), path("link")).unwrap();
        fs::write(path("file"), "").unwrap();
        fs::create_dir(path("given")).unwrap();
        let given = std::os::unix::fs::chown(path("given"), Some(65534), None).is_ok();
        let refused = |name| !is_roots(&path(name));
        assert!(refused("link") && refused("file") && (refused("given") || !given));
    }
}
