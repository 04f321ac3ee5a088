//! The owner of a group is in its name, so the record exists from the moment the group does.
//!
//! `run-PID-START`: the runtime's [`Identity`]. Only what ends with its runtime has such a name. Who needs several
//! adds a dot and a word: `run-PID-START.WORD`.

use crate::error::Error;
use crate::identity::Identity;
use std::fmt;
use std::str::FromStr;

/// A runtime, as the name of what belongs to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Owner(Identity);

impl Owner {
    /// The calling process.
    pub fn this_process() -> Result<Self, Error> {
        Identity::this_process().map(Self)
    }

    /// Whether it is the calling process.
    pub fn is_this_process(self) -> bool {
        Self::this_process().is_ok_and(|this| this == self)
    }

    /// Whether the process still runs.
    pub fn is_alive(self) -> bool {
        self.0.is_alive()
    }
}

impl fmt::Display for Owner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "run-{}-{}", self.0.pid, self.0.start)
    }
}

/// The folder was not named by isolab.
#[derive(Debug)]
pub struct NoOwner;

impl FromStr for Owner {
    type Err = NoOwner;

    fn from_str(name: &str) -> Result<Self, NoOwner> {
        let name = name.split_once('.').map_or(name, |(name, _)| name);
        let (pid, start) = name.strip_prefix("run-").and_then(|rest| rest.split_once('-')).ok_or(NoOwner)?;
        let (pid, start) = pid.parse().ok().zip(start.parse().ok()).ok_or(NoOwner)?;
        Ok(Self(Identity { pid, start }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_gives_back_its_owner() {
        let owner = Owner::this_process().unwrap();
        assert!(owner.is_alive() && owner.is_this_process());
        assert_eq!(owner.to_string().parse::<Owner>().unwrap(), owner);
        assert_eq!(format!("{owner}.lab").parse::<Owner>().unwrap(), owner);
        assert!("run-1".parse::<Owner>().is_err() && "other".parse::<Owner>().is_err());
    }
}
