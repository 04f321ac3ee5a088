//! Runs other people's programs (apt-get, dpkg-deb, tar, make): quietly, to their end or to Ctrl-C.
//!
//! Each runs in a process group of its own (`setpgid(2)`), with its output in a file. So when Ctrl-C comes
//! the whole group ends at once, children of make included; progress is read from the file; and when the
//! program fails, its last lines are there to be shown.

use super::error::Error;
use crate::interrupt::Interrupt;
use isolab_timeline::file::{At, FileError};
use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use std::fs::{self, File};
use std::io::{ErrorKind, Read};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

/// How often a running program is looked at. Nothing is timed here.
const PERIOD: Duration = Duration::from_millis(20);
/// Lines of a failed program's output that are shown.
const SHOWN: usize = 8;

/// Runs `command` with its output in the file `log`, and gives `watch` what it prints, as it comes.
pub(crate) fn run(
    command: &mut Command,
    log: &Path,
    interrupt: &Interrupt,
    mut watch: impl FnMut(&[u8]),
) -> Result<(), Error> {
    let output = File::create(log).at("making", log)?;
    let mut reader = File::open(log).at("opening", log)?;
    let copy = output.try_clone().at("opening", log)?;
    let name = command_line(command);
    command.process_group(0).stdin(Stdio::null()).stdout(output).stderr(copy);
    // What is read from these programs is not to be in the user's language.
    command.env("LC_ALL", "C.UTF-8").env("DEBIAN_FRONTEND", "noninteractive");
    let mut child = command.spawn().map_err(|error| not_started(command, error))?;
    let mut printed = Vec::new();
    let status = loop {
        let ended = child.try_wait().at("waiting for", Path::new(command.get_program()))?;
        printed.clear();
        reader.read_to_end(&mut printed).at("reading", log)?;
        watch(&printed);
        match ended {
            Some(status) => break status,
            None if interrupt.came() => {
                // It may have ended just now; then there is nothing to kill.
                let _ = killpg(Pid::from_raw(child.id() as i32), Signal::SIGKILL);
                let _ = child.wait();
                return Err(Error::Interrupted);
            }
            None => std::thread::sleep(PERIOD),
        }
    };
    if status.success() {
        return Ok(());
    }
    let text = fs::read(log).at("reading", log)?;
    Err(Error::Tool { command: name, status: status.to_string(), said: last_lines(&text) })
}

/// Runs a command that ends soon and returns what it prints.
pub(crate) fn ask(command: &mut Command) -> Result<String, Error> {
    let output = command.stdin(Stdio::null()).env("LC_ALL", "C.UTF-8").output();
    let output = output.map_err(|error| not_started(command, error))?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let (command, status) = (command_line(command), output.status.to_string());
    Err(Error::Tool { command, status, said: last_lines(&output.stderr) })
}

/// Whether the search path has a program called `name` (`execvp(3)`).
pub(crate) fn is_installed(name: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|folder| folder.join(name).is_file())
}

fn not_started(command: &Command, source: std::io::Error) -> Error {
    let program = command.get_program().to_string_lossy();
    if source.kind() == ErrorKind::NotFound {
        let fix = format!("install it, for instance with `apt-get install {program}`");
        return Error::Unavailable { what: format!("{program} is not installed"), fix };
    }
    FileError { step: "starting", path: command.get_program().into(), source }.into()
}

fn command_line(command: &Command) -> String {
    let words: Vec<_> = std::iter::once(command.get_program()).chain(command.get_args()).collect();
    words.iter().map(|word| word.to_string_lossy()).collect::<Vec<_>>().join(" ")
}

fn last_lines(text: &[u8]) -> String {
    let text = String::from_utf8_lossy(text);
    let lines: Vec<_> = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    lines[lines.len().saturating_sub(SHOWN)..].join("; ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sh(script: &str) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        command
    }

    #[test]
    fn what_a_program_prints_is_seen_as_it_comes_and_told_when_it_fails() {
        let folder = tempfile::tempdir().unwrap();
        let (log, interrupt) = (folder.path().join("log"), Interrupt::listen().unwrap());
        let mut seen = Vec::new();
        run(&mut sh("echo one; echo two >&2"), &log, &interrupt, |text| seen.extend_from_slice(text))
            .unwrap();
        assert_eq!(seen, b"one\ntwo\n");
        let error = run(&mut sh("echo reason; exit 3"), &log, &interrupt, |_| ()).unwrap_err().to_string();
        assert!(error.contains("reason") && error.contains("exit status: 3"), "{error}");
    }

    #[test]
    fn a_program_that_is_not_there_says_how_to_get_it() {
        let error = ask(&mut Command::new("isolab-no-such-program")).unwrap_err();
        assert!(matches!(error, Error::Unavailable { .. }));
        assert!(error.to_string().contains("apt-get install isolab-no-such-program"));
        assert!(is_installed("sh") && !is_installed("isolab-no-such-program"));
    }
}
