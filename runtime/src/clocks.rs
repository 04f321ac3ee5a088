//! Clocks: a container that believes the machine booted at another time (`time_namespaces(7)`; the
//! specification's `linux.timeOffsets`).
//!
//! `unshare(2)` makes the namespace for the *next* children. Its offsets can be written only while nobody is
//! in it: the process that makes it writes them and stays outside; who is born then is the first to enter.

use crate::error::{Error, IntoErrno};
use crate::namespaces::Namespaces;
use oci_spec::runtime::Linux;
use rustix::io::Errno;
use std::fmt::Write as _;
use std::fs;

const OFFSETS: &str = "/proc/self/timens_offsets";
const NANOSECONDS: u32 = 1_000_000_000;

/// How far the clocks of a new namespace are from the host's: the kernel's text for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Offsets(String);

impl Offsets {
    /// Checks what the configuration asks for; `new`: it has a new time namespace.
    pub fn new(linux: &Linux, new: bool) -> Result<Option<Self>, Error> {
        let Some(asked) = linux.time_offsets().as_ref().filter(|asked| !asked.is_empty()) else {
            return Ok(None);
        };
        if !new {
            let why = "needs a new time namespace: the clocks of one that is in use stand";
            return Err(Error::property("linux.timeOffsets", why));
        }
        let mut text = String::new();
        for (clock, offset) in asked {
            if !matches!(clock.as_str(), "monotonic" | "boottime") {
                let why = format!("no offset for {clock}, only for monotonic and boottime");
                return Err(Error::property("linux.timeOffsets", why));
            }
            let (seconds, nanoseconds) = (offset.secs().unwrap_or(0), offset.nanosecs().unwrap_or(0));
            if nanoseconds >= NANOSECONDS {
                return Err(Error::property("linux.timeOffsets", "nanosecs must be below 1000000000"));
            }
            let _ = writeln!(text, "{clock} {seconds} {nanoseconds}");
        }
        Ok(Some(Self(text)))
    }
}

/// Makes a time namespace for the children of the calling process.
pub(crate) fn make(offsets: Option<&Offsets>) -> Result<(), Error> {
    Namespaces::TIME.unshare()?;
    let Some(Offsets(text)) = offsets else { return Ok(()) };
    fs::write(OFFSETS, text).map_err(|error| match error.into_errno() {
        Errno::RANGE => Error::property(
            "linux.timeOffsets",
            "a clock would stand before the boot or after the end of time",
        ),
        Errno::PERM | Errno::ACCESS => Error::property("linux.timeOffsets", "takes CAP_SYS_TIME"),
        source => Error::Path { step: "setting the clocks by", path: OFFSETS.into(), source },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn offsets(json: &str, new: bool) -> Result<Option<Offsets>, Error> {
        Offsets::new(&serde_json::from_str::<Linux>(json).unwrap(), new)
    }

    #[test]
    fn only_clocks_that_can_be_moved_are_accepted() {
        let text =
            offsets(r#"{"timeOffsets":{"boottime":{"secs":7,"nanosecs":5}}}"#, true).unwrap().unwrap().0;
        assert_eq!(text, "boottime 7 5\n");
        assert_eq!(offsets("{}", false).unwrap(), None);
        assert!(offsets(r#"{"timeOffsets":{"boottime":{"secs":7}}}"#, false).is_err());
        assert!(offsets(r#"{"timeOffsets":{"realtime":{"secs":7}}}"#, true).is_err());
        assert!(offsets(r#"{"timeOffsets":{"monotonic":{"nanosecs":1000000000}}}"#, true).is_err());
    }
}
