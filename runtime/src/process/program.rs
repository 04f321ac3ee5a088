//! The program: found along `PATH`, executed (`execve(2)`, `execvp(3)`, `environ(7)`; `process.args`, `.env`).
//!
//! It is looked for as the user that will execute it, after every wall stands: `create` already fails if there
//! is nothing to start, or (`format`) if the kernel will not execute what there is.

use super::format::{self, Format};
use super::home;
use crate::error::{Context, Error};
use crate::signals::Blocked;
use isolab_timeline::command::candidates;
use rustix::fs::{Access, FileType, access, stat};
use rustix::io::Errno;
use rustix::process::Uid;
use std::ffi::{CStr, CString, OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::PathBuf;

/// Where a program without a `PATH` is looked for.
const PATH: &str = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// A program with its arguments and environment; the files are looked up inside the container.
#[derive(Clone, Debug)]
pub struct Program {
    arguments: Vec<CString>,
    environment: Vec<CString>,
    candidates: Vec<CString>,
}

impl Program {
    /// Makes ready what the configuration asks for.
    pub fn new(arguments: &[String], environment: &[String]) -> Result<Self, Error> {
        let name = arguments.first().filter(|name| !name.is_empty());
        let name = name.ok_or_else(|| Error::property("process.args", "names no program"))?;
        let mut entries: Vec<OsString> = environment.iter().map(OsString::from).collect();
        if !environment.iter().any(|entry| entry.starts_with("PATH=")) {
            entries.push(PATH.into());
        }
        let candidates = candidates(OsStr::new(name), &entries);
        Ok(Self {
            arguments: arguments.iter().map(|word| c_string(word.as_bytes())).collect::<Result<_, _>>()?,
            environment: environment
                .iter()
                .map(|entry| c_string(entry.as_bytes()))
                .collect::<Result<_, _>>()?,
            candidates: candidates.iter().map(|path| c_string(path.as_bytes())).collect::<Result<_, _>>()?,
        })
    }

    /// What the configuration calls it.
    pub(super) fn name(&self) -> PathBuf {
        self.arguments.first().map(|name| path_of(name)).unwrap_or_default()
    }

    /// Finds the file, and gives the environment a `HOME` if it has none. The calling process must be the
    /// user that will execute the program.
    pub(crate) fn find(mut self, user: Uid) -> Result<Executable, Error> {
        if !self.environment.iter().any(|entry| entry.as_bytes().starts_with(b"HOME=")) {
            let mut entry = b"HOME=".to_vec();
            entry.extend(home::of(user.as_raw()));
            self.environment.push(c_string(&entry)?);
        }
        let mut refused = None;
        let found = self.candidates.iter().position(|path| match executable(path) {
            Ok(()) => true,
            Err(Errno::NOENT | Errno::NOTDIR) => false,
            Err(source) => {
                refused.get_or_insert(Error::NotExecutable { path: path_of(path), source });
                false
            }
        });
        match found {
            Some(index) => Ok(Executable {
                file: self.candidates.swap_remove(index),
                arguments: self.arguments,
                environment: self.environment,
            }),
            None => Err(refused.unwrap_or_else(|| Error::NotFound(self.name()))),
        }
    }
}

/// A program that has been found: nothing is left to do but to execute it.
#[derive(Debug)]
pub struct Executable {
    file: CString,
    arguments: Vec<CString>,
    environment: Vec<CString>,
}

impl Executable {
    /// Looks whether the kernel will execute it. The calling process must be the user who will.
    pub(crate) fn look(&self) -> Result<Format, Error> {
        format::look(&self.file)
    }

    /// Becomes the program. Returns only if it cannot.
    pub(crate) fn execute(&self, signals: &Blocked) -> Error {
        if let Err(error) = signals.restore().step("restoring the signal mask") {
            return error;
        }
        let Err(error) = nix::unistd::execve(&self.file, &self.arguments, &self.environment);
        // What its first bytes name may be what is in the way, and that is not in the kernel's answer.
        if let Err(named) = self.look() {
            return named;
        }
        let path = path_of(&self.file);
        match Errno::from_raw_os_error(error as i32) {
            // It was there a moment ago.
            Errno::NOENT | Errno::NOTDIR if access(self.file.as_c_str(), Access::EXISTS).is_ok() => {
                Error::NoInterpreter { path, interpreter: None }
            }
            Errno::NOENT | Errno::NOTDIR => Error::NotFound(path),
            source => Error::NotExecutable { path, source },
        }
    }
}

/// Whether the calling process may execute a file, and why not.
pub(super) fn executable(path: &CStr) -> Result<(), Errno> {
    access(path, Access::EXEC_OK)?;
    match FileType::from_raw_mode(stat(path)?.st_mode) {
        FileType::RegularFile => Ok(()),
        FileType::Directory => Err(Errno::ISDIR),
        _ => Err(Errno::ACCESS),
    }
}

fn c_string(text: &[u8]) -> Result<CString, Error> {
    CString::new(text).map_err(|_| Error::ZeroByte)
}

pub(super) fn path_of(text: &CStr) -> PathBuf {
    OsString::from_vec(text.to_bytes().to_vec()).into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::os::unix::fs::PermissionsExt as _;

    fn find(arguments: &[&str], environment: &[&str]) -> Result<Executable, Error> {
        let owned = |words: &[&str]| words.iter().map(ToString::to_string).collect::<Vec<_>>();
        Program::new(&owned(arguments), &owned(environment))?.find(Uid::from_raw(0))
    }

    #[test]
    fn the_path_of_the_process_is_searched_and_what_cannot_be_executed_is_remembered() {
        let folder = tempfile::tempdir().unwrap();
        let (plain, program) = (folder.path().join("a/x"), folder.path().join("b/x"));
        for file in [&plain, &program] {
            fs::create_dir(file.parent().unwrap()).unwrap();
            fs::write(file, "").unwrap();
        }
        fs::set_permissions(&plain, fs::Permissions::from_mode(0o644)).unwrap();
        fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
        let path = format!("PATH={0}/a:{0}/b", folder.path().display());
        assert_eq!(find(&["x"], &[&path]).unwrap().file.to_str().unwrap(), program.to_str().unwrap());
        let only_plain = format!("PATH={}/a", folder.path().display());
        assert!(matches!(find(&["x"], &[&only_plain]), Err(Error::NotExecutable { .. })));
        assert!(matches!(find(&["y"], &[&path]), Err(Error::NotFound(_))));
        let directory = folder.path().to_str().unwrap();
        assert!(matches!(find(&[directory], &[]), Err(Error::NotExecutable { source: Errno::ISDIR, .. })));
    }

    #[test]
    fn nothing_to_execute_and_zero_bytes_are_refused() {
        assert!(matches!(find(&[], &[]), Err(Error::Property { .. })));
        assert!(matches!(find(&[""], &[]), Err(Error::Property { .. })));
        assert!(matches!(find(&["a\0b"], &[]), Err(Error::ZeroByte)));
    }

    #[test]
    fn a_home_is_given_once() {
        let homes = |environment: &[&str]| {
            let found = find(&["/bin/sh"], environment).unwrap();
            found.environment.iter().filter(|entry| entry.as_bytes().starts_with(b"HOME=")).count()
        };
        assert_eq!((homes(&[]), homes(&["HOME=/x"])), (1, 1));
    }
}
