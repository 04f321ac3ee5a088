//! `start`: the first process executes the user's program (the specification's "Start").

use super::delete::delete;
use crate::error::Error;
use crate::gate;
use crate::oci::hooks;
use crate::oci::state::{Record, Status};
use crate::oci::store::Store;
use crate::signals::Blocked;
use oci_spec::runtime::{Hooks, Spec};

/// Starts a created container. Exactly one of several who try succeeds.
pub fn start(store: &Store, id: &str) -> Result<(), Error> {
    let folder = store.find(id)?;
    let record = folder.read()?.ok_or_else(|| Error::NoContainer(id.into()))?;
    let status = folder.status(&record)?;
    // What `poststart` asks for is read before there is a way back.
    let spec = folder.config()?;
    let taken = if status == Status::Created { folder.take_gate()? } else { None };
    let Some((writing, reading)) = taken else {
        let status = folder.status(&record)?;
        let fix = "only a created container can be started, and once";
        return Err(Error::WrongState { id: id.into(), wanted: "started", status, fix });
    };
    let destroy = |error| {
        // The specification: stop it, then destroy it. The hook's error is the one to tell.
        let _ = delete(store, id, true);
        error
    };
    match gate::open(writing, &reading) {
        Ok(()) => started(&record, &spec, None).map_err(destroy),
        Err(failure) if failure.destroy => Err(destroy(failure.error)),
        Err(failure) => Err(failure.error),
    }
}

/// What follows the start of the user's program.
pub(super) fn started(record: &Record, spec: &Spec, signals: Option<&Blocked>) -> Result<(), Error> {
    let pid = record.process.map_or(0, |process| process.pid);
    hooks::run(
        "poststart",
        hooks::of(spec, Hooks::poststart),
        &record.state(Status::Running, pid),
        None,
        signals,
    )
}
