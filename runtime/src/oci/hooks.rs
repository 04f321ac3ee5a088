//! Hooks: programs of the engine's at six points of a container's life (the specification's "POSIX-platform
//! Hooks"), for networks, GPUs and the like.
//!
//! Each gets the container's state on standard input: a sealed piece of memory rather than a pipe, so that a
//! hook that does not read cannot block the runtime. A hook has the time that its configuration gives; then it
//! is killed, and has failed.

use super::state::State;
use crate::error::{Context, Error};
use crate::signals::Blocked;
use oci_spec::runtime::{Hook, Hooks, Spec};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{MemfdFlags, memfd_create};
use rustix::io::Errno;
use rustix::process::{Pid, PidfdFlags, pidfd_open};
use std::fs::File;
use std::io::{Seek as _, Write as _};
use std::os::unix::process::CommandExt as _;
use std::process::{Child, Command};
use std::time::{Duration, Instant};

/// The hooks of one point.
pub(crate) fn of(spec: &Spec, point: fn(&Hooks) -> &Option<Vec<Hook>>) -> &[Hook] {
    spec.hooks().as_ref().and_then(|hooks| point(hooks).as_deref()).unwrap_or_default()
}

/// Runs hooks in their order, until one fails. `environment`: what one without an `env` gets; by default the
/// runtime's own. `signals`: those that this process has blocked; one that asks for an end ends the hook as well.
pub(crate) fn run(
    point: &'static str,
    hooks: &[Hook],
    state: &State<'_>,
    environment: Option<&[String]>,
    signals: Option<&Blocked>,
) -> Result<(), Error> {
    let run = |hook: &Hook| {
        run_one(hook, state, environment, signals).map_err(|why| match why {
            Failure::Why(why) => failed(point, hook, why),
            Failure::Signal(signal) => Error::Interrupted(signal),
        })
    };
    hooks.iter().try_for_each(run)
}

/// Runs the `poststop` hooks. None keeps the next from running: what failed is returned.
pub(crate) fn run_poststop(hooks: &[Hook], state: &State<'_>, signals: Option<&Blocked>) -> Vec<Error> {
    let point = "poststop";
    let run = |hook: &Hook| match run_one(hook, state, None, signals) {
        Ok(()) => None,
        Err(Failure::Why(why)) => Some(failed(point, hook, why)),
        Err(Failure::Signal(signal)) => Some(failed(point, hook, format!("ended by signal {signal}"))),
    };
    hooks.iter().filter_map(run).collect()
}

fn failed(point: &'static str, hook: &Hook, why: String) -> Error {
    Error::Hook { point, path: hook.path().clone(), why }
}

/// Why a hook did not succeed.
enum Failure {
    Why(String),
    Signal(i32),
}

impl<E: std::fmt::Display> From<E> for Failure {
    fn from(error: E) -> Self {
        Failure::Why(error.to_string())
    }
}

fn run_one(
    hook: &Hook,
    state: &State<'_>,
    environment: Option<&[String]>,
    signals: Option<&Blocked>,
) -> Result<(), Failure> {
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
    command.stdin(on_standard_input(state)?);
    if let Some(signals) = signals {
        signals.restore_in(&mut command);
    }
    let mut child = command.spawn()?;
    let waited = wait_for(&mut child, hook.timeout(), signals);
    if waited.is_err() {
        // It is ours and not yet waited for, so both work.
        let _ = child.kill();
    }
    let status = child.wait()?;
    waited?;
    if status.success() { Ok(()) } else { Err(Failure::Why(status.to_string())) }
}

fn on_standard_input(state: &State<'_>) -> Result<File, Error> {
    let memory = memfd_create("state", MemfdFlags::CLOEXEC).step("making the hook's standard input")?;
    let mut file = File::from(memory);
    let text = serde_json::to_vec(state).unwrap_or_default();
    file.write_all(&text).and_then(|()| file.rewind()).step("writing the hook's standard input")?;
    Ok(file)
}

/// Waits for the end of the hook, but no longer than its time, and not beyond a signal that asks for an end.
fn wait_for(child: &mut Child, seconds: Option<i64>, signals: Option<&Blocked>) -> Result<(), Failure> {
    let pidfd = pidfd_open(Pid::from_child(child), PidfdFlags::empty())?;
    let mut waited = vec![PollFd::new(&pidfd, PollFlags::IN)];
    waited.extend(signals.map(|signals| PollFd::from_borrowed_fd(signals.queue(), PollFlags::IN)));
    let end = seconds.map(|seconds| Instant::now() + Duration::from_secs(seconds.unsigned_abs()));
    loop {
        let left = end.map(|end| end.saturating_duration_since(Instant::now()));
        let time = left.map(|left| Timespec {
            tv_sec: left.as_secs().cast_signed(),
            tv_nsec: left.subsec_nanos().into(),
        });
        match poll(&mut waited, time.as_ref()) {
            Ok(0) => return Err(Failure::Why(format!("it did not end within {} s", seconds.unwrap_or(0)))),
            Ok(_) | Err(Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
        if waited.first().is_some_and(|hook| !hook.revents().is_empty()) {
            return Ok(());
        }
        while let Some(event) = signals.and_then(Blocked::next) {
            if let Some(signal) = event.ends() {
                return Err(Failure::Signal(signal));
            }
        }
    }
}
