//! `run`: create, start, wait, delete, in one process; or, detached, the first two.

use super::create::{Made, make};
use super::delete::{Remains, end_child};
use super::recipe::{Gate, Recipe};
use super::start::started;
use crate::console::Terminal;
use crate::error::Error;
use crate::foreground::until_end_of;
use crate::oci::hooks;
use crate::oci::state::Status;
use crate::signals::Blocked;
use isolab_timeline::{Mark, Stamps};
use oci_spec::runtime::Hooks;

/// How a run ended.
#[derive(Debug, Default)]
pub struct Ended {
    /// The program's own status, or 128 + the signal that killed it; 0 for a detached one.
    pub status: i32,
    /// What was asked for and not had, and hooks that failed after its end.
    pub warnings: Vec<Error>,
}

/// Runs a container: to its end, unless it is detached.
pub fn run(recipe: &Recipe, stamps: &Stamps) -> Result<Ended, Error> {
    stamps.stamp(Mark::Isolate);
    // Before anything exists that a signal could leave behind.
    let signals = Blocked::block()?;
    let Made { folder, record, child, group, terminal, mut warnings } = make(recipe, &signals, stamps)?;
    let spec = &recipe.config.spec;
    let ended =
        started(&record, spec, Some(&signals)).inspect_err(|_| drop(end_child(&child))).and_then(|()| {
            match recipe.gate {
                Gate::Tied => {
                    let relay = terminal.as_ref().map(Terminal::relay).transpose();
                    let ended = relay.and_then(|relay| until_end_of(&child, &signals, relay.flatten()));
                    // Nobody looks at the program any more.
                    ended.inspect_err(|_| drop(end_child(&child)))
                }
                _ => Ok(0),
            }
        });
    if recipe.gate != Gate::Tied && ended.is_ok() {
        signals.stay();
        return Ok(Ended { status: 0, warnings });
    }
    stamps.stamp(Mark::Exited);
    if recipe.keep && ended.is_ok() {
        group.remove()?;
        return Ok(Ended { status: ended?, warnings });
    }
    let (root_mount, config) = (record.root_mount, Some(&recipe.config));
    let cleared = Remains { folder: &folder, group: Some(group), child: None, root_mount, config }.clear();
    stamps.stamp(Mark::Cleaned);
    let state = record.state(Status::Stopped, 0);
    warnings.extend(hooks::run_poststop(hooks::of(spec, Hooks::poststop), &state, Some(&signals)));
    let status = ended?;
    cleared?;
    // The end of this process is near, and closes everything at once.
    std::mem::forget(child);
    signals.stay();
    Ok(Ended { status, warnings })
}
