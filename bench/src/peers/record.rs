//! What `samples.json` says of each peer that was launched.

use super::ask::ask;
use crate::ground::Ground;
use crate::sandbox::{Refusal, bare};
use crate::stacks;
use isolab_timeline::{Peer, Stack, Workload};
use serde::{Deserialize, Serialize};
use std::ffi::OsStr;
use std::path::Path;

/// A program of another maker's, as it was started.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// What it says of its own version, in one line.
    pub version: String,
    /// The words of its command for the run's workload. Folders of this machine are left out of paths.
    pub command: Vec<String>,
}

impl Record {
    /// The record of a peer that was tried and works.
    pub fn of(peer: Peer, ground: &Ground, workload: Workload) -> Result<Record, Refusal> {
        let command = stacks::of(Stack::Peer(peer)).command(ground, workload)?;
        let words = std::iter::once(command.get_program()).chain(command.get_args());
        let version = version(peer, ground).unwrap_or_else(|refusal| format!("unknown: {}", refusal.reason));
        Ok(Record { version, command: words.map(|word| without_folders(word, ground)).collect() })
    }
}

/// What the peer's program says of its version: the first line of what it prints when asked.
pub fn version(peer: Peer, ground: &Ground) -> Result<String, Refusal> {
    let program = ground.peers.program(peer)?;
    let mut command = bare(&program);
    command.arg("--version");
    let refusal = |reason: String| Refusal {
        reason: format!("asked for its version, {reason}"),
        fix: format!("see what `{} --version` does", program.display()),
    };
    let answer = ask(command).map_err(refusal)?;
    let line = answer.lines().map(str::trim).find(|line| !line.is_empty());
    line.map(Into::into).ok_or_else(|| refusal("it printed nothing".into()))
}

/// A word of a command, without the folders of this machine: the run's own folder and name become `RUN`, and of a file
/// elsewhere its name is left.
fn without_folders(word: &OsStr, ground: &Ground) -> String {
    let path = Path::new(word);
    match path.file_name() {
        Some(name) if path.is_absolute() && path.is_file() && !path.starts_with(ground.folder()) => {
            name.to_string_lossy().into_owned()
        }
        _ => {
            let word = word.to_string_lossy().replace(&*ground.folder().to_string_lossy(), "RUN");
            word.replace(&ground.run_name(), "RUN")
        }
    }
}
