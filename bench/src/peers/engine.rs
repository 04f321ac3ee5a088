//! What engines have in common: the client's environment, the limits as options, and containers by their names.

use super::ask::ask;
use crate::ground::{Ground, LIMITS};
use crate::sandbox::{Refusal, bare};
use std::path::Path;
use std::process::Command;

/// What a client needs of the user's environment: its configuration, its daemon, its helpers' folders.
const KEPT: [&str; 7] =
    ["PATH", "HOME", "XDG_RUNTIME_DIR", "DOCKER_HOST", "DOCKER_CONTEXT", "DOCKER_CONFIG", "DOCKER_CERT_PATH"];

/// The client, to be given its arguments.
pub(super) fn client(program: &Path) -> Command {
    let mut command = bare(program);
    command.envs(KEPT.iter().filter_map(|name| Some((name, std::env::var_os(name)?))));
    command
}

/// The limits of a measured container, as `run` takes them.
pub(super) fn limits(ground: &Ground) -> Vec<String> {
    if ground.without_limits.is_some() {
        return Vec::new();
    }
    let limits = [
        LIMITS.memory.map(|bytes| format!("--memory={bytes}")),
        LIMITS.cpus.map(|cpus| format!("--cpus={cpus}")),
        LIMITS.pids.map(|pids| format!("--pids-limit={pids}")),
    ];
    limits.into_iter().flatten().collect()
}

/// Removes the containers of a run that a killed client has left. `client` makes a command up to the subcommand.
pub(super) fn sweep(client: impl Fn() -> Result<Command, Refusal>, run: &str) -> Result<(), String> {
    let call = |words: &[&str]| {
        let mut command = client().map_err(|refusal| refusal.reason)?;
        command.args(words);
        ask(command)
    };
    let left = call(&["ps", "--all", "--quiet", "--filter", &format!("name={run}")])?;
    left.lines().try_for_each(|container| call(&["rm", "--force", container]).map(drop))
}
