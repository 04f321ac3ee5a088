//! `start`: the first process executes the user's program (the specification's "Start").

use super::delete::{delete, end};
use super::gate;
use super::plan::no_process;
use crate::error::Error;
use crate::identity::Identity;
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
    let gate = if status == Status::Created { gate::Outside::find(folder.path())? } else { None };
    let refused = || {
        let (wanted, fix) = ("started", "only a created container can be started, and once");
        let status = folder.status(&record)?;
        Err(Error::WrongState { id: id.into(), wanted, status, fix })
    };
    let Some(gate) = gate else { return refused() };
    if spec.process().is_none() {
        // Nothing will come of it.
        if let Some(process) = record.process.map(Identity::open).transpose()?.flatten() {
            end(&process, &record.group())?;
        }
        return Err(no_process());
    }
    // The specification: stop it, then destroy it. The first error is the one to tell.
    let destroy = |_: &Error| drop(delete(store, id, true));
    if !gate.open(folder.path()).inspect_err(destroy)? {
        return refused();
    }
    started(&record, &spec, None).inspect_err(destroy)
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
