//! Looking at containers: what is written and what is true.

use crate::error::Error;
use crate::oci::state::{Record, Status};
use crate::oci::store::{Folder, Store};

/// A container at one moment.
#[derive(Debug)]
pub struct Seen {
    /// What is written.
    pub record: Record,
    /// What is true.
    pub status: Status,
}

impl Seen {
    /// Its first process; 0 if it has gone.
    pub fn pid(&self) -> i32 {
        let process = self.record.process.filter(|_| self.status != Status::Stopped);
        process.map_or(0, |process| process.pid)
    }
}

/// Looks at one container.
pub fn look(store: &Store, id: &str) -> Result<Seen, Error> {
    at(&store.find(id)?)?.ok_or_else(|| Error::NoContainer(id.into()))
}

/// Looks at all. One that cannot be read is left out: it is not what was asked for.
pub fn look_at_all(store: &Store) -> Result<Vec<Seen>, Error> {
    Ok(store.all()?.iter().filter_map(|folder| at(folder).ok().flatten()).collect())
}

fn at(folder: &Folder) -> Result<Option<Seen>, Error> {
    let Some(record) = folder.read()? else { return Ok(None) };
    let status = folder.status(&record)?;
    Ok(Some(Seen { record, status }))
}
