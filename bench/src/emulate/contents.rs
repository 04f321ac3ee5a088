//! What the machine's root holds: a list of paths, and what is there.
//!
//! ```text
//! /opt/isolab/   this very program and the measured ones; first in PATH
//! /bin/          busybox, or this host's shell
//! /work/         where the command starts; your relative paths are here, absolute ones stay what they are
//! /root/         home: the kernels for guests are in its cache folder
//! ```

use super::error::Error;
use super::libraries;
use crate::programs::Programs;
use isolab_timeline::file::At;
use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::FileTypeExt;
use std::path::{Component, Path, PathBuf};
use std::process::Command;

/// Where the programs are.
pub const PROGRAMS: &str = "/opt/isolab";
/// Where the command starts.
pub const WORK: &str = "/work";
/// Root's home.
pub const HOME: &str = "/root";
/// Root, an ordinary user for what needs one, and nobody.
const USERS: &str = "root:x:0:0:root:/root:/bin/sh\n\
    student:x:1000:1000:an ordinary user:/tmp:/bin/sh\n\
    nobody:x:65534:65534:nobody:/:/bin/sh\n";
const GROUPS: &str = "root:x:0:\nstudent:x:1000:\nnogroup:x:65534:\n";
const BUSYBOX: &str = "/bin/busybox";

/// What is at a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Item {
    /// A folder, with its permissions.
    Folder(u32),
    /// A copy of this host's file there; of a folder, without what is in it.
    Copy(PathBuf),
    /// A text.
    Text(Vec<u8>),
    /// A symbolic link to this path.
    Link(PathBuf),
}

/// Absolute paths in the machine, each with what is there. In this order a folder comes before what is in it.
#[derive(Clone, Debug, Default)]
pub struct Contents(BTreeMap<PathBuf, Item>);

impl Contents {
    /// What every machine has: this program, the measured ones, a shell, users.
    pub fn lab(programs: &Programs) -> Result<Contents, Error> {
        let mut contents = Contents::default();
        for folder in [PROGRAMS, WORK, HOME, "/bin", "/etc"] {
            contents.folder(folder, 0o755);
        }
        contents.folder("/tmp", 0o1777);
        contents.text("/etc/passwd", USERS);
        contents.text("/etc/group", GROUPS);
        let lab = std::env::current_exe().at("finding", "this program")?;
        contents.program(&Path::new(PROGRAMS).join("isolab"), &lab)?;
        for program in programs.all() {
            contents.program(&Path::new(PROGRAMS).join(program.file_name().unwrap_or_default()), program)?;
        }
        contents.shell()?;
        Ok(contents)
    }

    /// Busybox with all its names, where there is one; this host's shell otherwise.
    fn shell(&mut self) -> Result<(), Error> {
        if !Path::new(BUSYBOX).is_file() {
            return self.program(Path::new("/bin/sh"), Path::new("/bin/sh"));
        }
        self.program(Path::new(BUSYBOX), Path::new(BUSYBOX))?;
        let list = Command::new(BUSYBOX).arg("--list").output().at("starting", BUSYBOX)?;
        for name in String::from_utf8_lossy(&list.stdout).lines().filter(|name| *name != "busybox") {
            self.put(Path::new("/bin").join(name), Item::Link("busybox".into()));
        }
        Ok(())
    }

    /// A file or a folder of this host, at the place by which the user names it.
    pub fn given(&mut self, path: &Path) -> Result<(), Error> {
        if path.components().any(|part| part == Component::ParentDir) {
            return Err(Error::Path { path: path.into() });
        }
        // Of the path itself a link is followed, as everywhere on a command line.
        let mut open = vec![(path.to_path_buf(), fs::metadata(path).at("looking at", path)?)];
        while let Some((path, found)) = open.pop() {
            let place: PathBuf = Path::new(WORK).join(&path).components().collect();
            if found.is_dir() {
                self.copy(place, path.clone());
                for entry in fs::read_dir(&path).at("reading the folder", &path)? {
                    let path = entry.at("reading the folder", &path)?.path();
                    let found = fs::symlink_metadata(&path).at("looking at", &path)?;
                    open.push((path, found));
                }
            } else if found.is_symlink() {
                self.put(place, Item::Link(fs::read_link(&path).at("reading the link", &path)?));
            } else if found.is_file() {
                self.program(&place, &path)?;
            } else {
                let kind = if found.file_type().is_socket() { "a socket" } else { "no file, folder or link" };
                Err(std::io::Error::other(kind)).at("putting in the machine", &path)?;
            }
        }
        Ok(())
    }

    /// A file of this host at `place`, with the libraries that it needs.
    pub fn program(&mut self, place: &Path, file: &Path) -> Result<(), Error> {
        for library in libraries::of(file)? {
            self.copy(library.clone(), library);
        }
        self.copy(place, file);
        Ok(())
    }

    /// A copy of a file of this host at `place`.
    pub fn copy(&mut self, place: impl Into<PathBuf>, file: impl Into<PathBuf>) {
        self.put(place.into(), Item::Copy(file.into()));
    }

    /// A text file at `place`.
    pub fn text(&mut self, place: impl Into<PathBuf>, text: impl Into<Vec<u8>>) {
        self.put(place.into(), Item::Text(text.into()));
    }

    /// A folder at `place`.
    pub fn folder(&mut self, place: impl Into<PathBuf>, mode: u32) {
        self.put(place.into(), Item::Folder(mode));
    }

    /// Everything, folders before what is in them.
    pub fn items(&self) -> impl Iterator<Item = (&Path, &Item)> {
        self.0.iter().map(|(path, item)| (path.as_path(), item))
    }

    /// Puts `item` at `place`, and folders above it where there are none.
    fn put(&mut self, place: PathBuf, item: Item) {
        for folder in place.ancestors().skip(1).filter(|folder| folder.parent().is_some()) {
            self.0.entry(folder.into()).or_insert(Item::Folder(0o755));
        }
        self.0.insert(place, item);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_come_before_what_is_in_them_and_keep_what_was_said_of_them() {
        let mut contents = Contents::default();
        contents.text("/a/b/c", "text");
        contents.folder("/a/b", 0o700);
        contents.text("/a/b/d", "");
        let paths: Vec<_> = contents.items().map(|(path, _)| path.to_str().unwrap()).collect();
        assert_eq!(paths, ["/a", "/a/b", "/a/b/c", "/a/b/d"]);
        assert_eq!(contents.items().nth(1).unwrap().1, &Item::Folder(0o700));
    }

    #[test]
    fn a_given_folder_lands_whole_at_its_own_path() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("file"), "x").unwrap();
        std::os::unix::fs::symlink("file", folder.path().join("link")).unwrap();
        let mut contents = Contents::default();
        contents.given(folder.path()).unwrap();
        let at = |name: &str| contents.0.get(&folder.path().join(name)).cloned();
        assert_eq!(at("file"), Some(Item::Copy(folder.path().join("file"))));
        assert_eq!(at("link"), Some(Item::Link("file".into())));
        let _socket = std::os::unix::net::UnixListener::bind(folder.path().join("socket")).unwrap();
        let error = contents.given(folder.path()).unwrap_err();
        assert!(error.to_string().contains("socket"), "{error}");
        assert!(matches!(contents.given(Path::new("../up")), Err(Error::Path { .. })));
        assert!(contents.given(Path::new("nowhere")).unwrap_err().to_string().contains("nowhere"));
    }

    #[test]
    fn a_relative_path_lands_in_the_working_folder() {
        let mut contents = Contents::default();
        contents.given(Path::new("./src/lib.rs")).unwrap();
        assert!(contents.0.contains_key(Path::new("/work/src/lib.rs")), "{contents:?}");
    }
}
