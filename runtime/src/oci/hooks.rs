//! Hooks: programs of the engine's at six points of a container's life (the specification's "POSIX-platform
//! Hooks"), for networks, GPUs and the like.
//!
//! Each gets the container's state on standard input: a sealed piece of memory rather than a pipe, so that a
//! hook that does not read cannot block the runtime. A hook has the time that its configuration gives; then it
//! is killed, and has failed.

use super::state::State;
use crate::error::{Context, Error};
use oci_spec::runtime::Hook;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{MemfdFlags, memfd_create};
use rustix::io::Errno;
use rustix::process::{Pid, PidfdFlags, pidfd_open};
use std::fs::File;
use std::io::{Seek as _, Write as _};
use std::os::unix::process::CommandExt as _;
use std::process::{Child, Command, ExitStatus};

/// Runs hooks in their order, until one fails. `environment`: what one without an `env` gets; by default the
/// runtime's own.
pub fn run(
    point: &'static str,
    hooks: &Option<Vec<Hook>>,
    state: &State<'_>,
    environment: Option<&[String]>,
) -> Result<(), Error> {
    hooks
        .iter()
        .flatten()
        .try_for_each(|hook| run_one(hook, state, environment).map_err(|why| failed(point, hook, why)))
}

/// The same, but none keeps the next from running: what failed is returned.
pub fn run_all(point: &'static str, hooks: &Option<Vec<Hook>>, state: &State<'_>) -> Vec<Error> {
    let run = |hook: &Hook| run_one(hook, state, None).err().map(|why| failed(point, hook, why));
    hooks.iter().flatten().filter_map(run).collect()
}

fn failed(point: &'static str, hook: &Hook, why: String) -> Error {
    Error::Hook { point, path: hook.path().clone(), why }
}

fn run_one(hook: &Hook, state: &State<'_>, environment: Option<&[String]>) -> Result<(), String> {
    let mut command = Command::new(hook.path());
    let mut words = hook.args().iter().flatten();
    if let Some(name) = words.next() {
        command.arg0(name);
    }
    command.args(words);
    if let Some(entries) = hook.env().as_deref().or(environment) {
        command.env_clear();
        command.envs(entries.iter().filter_map(|entry| entry.split_once('=')));
    }
    command.stdin(on_standard_input(state).map_err(|error| error.line())?);
    let mut child = command.spawn().map_err(|error| error.to_string())?;
    let status = match hook.timeout() {
        None => child.wait().map_err(|error| error.to_string())?,
        Some(seconds) => wait_at_most(&mut child, seconds)?,
    };
    if status.success() { Ok(()) } else { Err(status.to_string()) }
}

fn on_standard_input(state: &State<'_>) -> Result<File, Error> {
    let memory = memfd_create("state", MemfdFlags::CLOEXEC).step("making the hook's standard input")?;
    let mut file = File::from(memory);
    let text = serde_json::to_vec(state).unwrap_or_default();
    file.write_all(&text).and_then(|()| file.rewind()).step("writing the hook's standard input")?;
    Ok(file)
}

fn wait_at_most(child: &mut Child, seconds: i64) -> Result<ExitStatus, String> {
    let end = |child: &mut Child, why: String| {
        // It is ours and not yet waited for, so both work.
        let _ = child.kill();
        let _ = child.wait();
        Err(why)
    };
    let pidfd = match pidfd_open(Pid::from_child(child), PidfdFlags::empty()) {
        Ok(pidfd) => pidfd,
        Err(error) => return end(child, error.to_string()),
    };
    let time = Timespec { tv_sec: seconds, tv_nsec: 0 };
    loop {
        match poll(&mut [PollFd::new(&pidfd, PollFlags::IN)], Some(&time)) {
            Ok(0) => return end(child, format!("it did not end within {seconds} s")),
            Ok(_) => return child.wait().map_err(|error| error.to_string()),
            Err(Errno::INTR) => {}
            Err(error) => return end(child, error.to_string()),
        }
    }
}
