//! The command: found along `PATH`, started, executed (`execve(2)`, `setsid(2)`, `environ(7)`).
//!
//! It gets a session of its own. A process may signal its whole group (`kill(0, …)`) and type into its
//! own terminal (`TIOCSTI`), and neither stops at a namespace: in the runtime's session the container could
//! reach the processes beside the runtime, and the shell that started it.

use crate::error::{Context, Error};
use crate::signals::Blocked;
use isolab_timeline::command::candidates;
use oci_spec::runtime::Process;
use rustix::fs::{Access, access};
use rustix::io::Errno;
use rustix::process::setsid;
use std::ffi::{CStr, CString, OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::PathBuf;

/// A command, made ready: nothing is left to do but to execute it.
#[derive(Debug)]
pub(crate) struct Command {
    arguments: Vec<CString>,
    environment: Vec<CString>,
    candidates: Vec<CString>,
}

impl Command {
    /// Makes ready what a configuration asks for. Files are looked up later, inside the container.
    pub(crate) fn new(process: &Process) -> Result<Self, Error> {
        let words: Vec<OsString> = process.args().iter().flatten().map(OsString::from).collect();
        let environment: Vec<OsString> = process.env().iter().flatten().map(OsString::from).collect();
        let candidates = candidates(words.first().map_or(OsStr::new(""), |name| name), &environment);
        Ok(Self {
            arguments: words.iter().map(|word| c_string(word)).collect::<Result<_, _>>()?,
            environment: environment.iter().map(|entry| c_string(entry)).collect::<Result<_, _>>()?,
            candidates: candidates.iter().map(|path| c_string(path)).collect::<Result<_, _>>()?,
        })
    }

    /// Becomes the command. Returns only if it cannot.
    pub(crate) fn execute(&self, signals: &Blocked) -> Error {
        if let Err(error) = setsid().step("starting a session for the command") {
            return error;
        }
        if let Err(error) = signals.restore().step("restoring the signal mask") {
            return error;
        }
        // As the shells do: the search goes on after a file that may not be executed, but remembers it.
        let mut refused = None;
        for path in &self.candidates {
            let Err(error) = nix::unistd::execve(path, &self.arguments, &self.environment);
            match Errno::from_raw_os_error(error as i32) {
                Errno::NOENT | Errno::NOTDIR if access(path.as_c_str(), Access::EXISTS).is_ok() => {
                    return Error::NoInterpreter(path_of(path));
                }
                Errno::NOENT | Errno::NOTDIR => {}
                source => {
                    refused.get_or_insert(Error::NotExecutable { path: path_of(path), source });
                    if source != Errno::ACCESS {
                        break;
                    }
                }
            }
        }
        refused.unwrap_or_else(|| {
            Error::NotFound(self.arguments.first().map(|name| path_of(name)).unwrap_or_default())
        })
    }
}

fn c_string(text: &OsStr) -> Result<CString, Error> {
    CString::new(text.as_bytes()).map_err(|_| Error::ZeroByte)
}

fn path_of(text: &CStr) -> PathBuf {
    OsString::from_vec(text.to_bytes().to_vec()).into()
}
