//! Resource limits of one process (`getrlimit(2)`; `process.rlimits`).
//!
//! A hard limit can be lowered by anyone and raised only with `CAP_SYS_RESOURCE` on the host: inside a user
//! namespace nobody can. So for a container with one, the runtime first raises the hard limits from outside
//! (`Limits::allow`), and the process sets the exact values itself. A low limit on open files would be in the way of its
//! own preparations, and so comes last of all (`Limits::apply_late`).

use crate::error::Error;
use oci_spec::runtime::{PosixRlimit, PosixRlimitType};
use rustix::io::Errno;
use rustix::process::{Pid, Resource, Rlimit, getrlimit, prlimit, setrlimit};

/// With fewer files than these, some of the runtime's own steps would have none left.
const ROOM: u64 = 64;

/// Limits to set.
#[derive(Clone, Debug, Default)]
pub struct Limits(Vec<(PosixRlimitType, Rlimit)>);

impl Limits {
    /// Checks what the configuration asks for.
    pub fn new(asked: &[PosixRlimit]) -> Result<Self, Error> {
        let mut limits = Vec::with_capacity(asked.len());
        for limit in asked {
            if limits.iter().any(|&(earlier, _)| earlier == limit.typ()) {
                return Err(Error::property("process.rlimits", format!("{} is there twice", limit.typ())));
            }
            if limit.soft() > limit.hard() {
                let why =
                    format!("{}: soft ({}) is above hard ({})", limit.typ(), limit.soft(), limit.hard());
                return Err(Error::property("process.rlimits", why));
            }
            let bound = |value| (value != u64::MAX).then_some(value);
            limits.push((limit.typ(), Rlimit { current: bound(limit.soft()), maximum: bound(limit.hard()) }));
        }
        Ok(Self(limits))
    }

    /// Raises the hard limits of another process as far as will be needed, and lowers none.
    pub(crate) fn allow(&self, process: Pid) -> Result<(), Error> {
        self.0.iter().try_for_each(|&limit| raise(limit, Some(process)))
    }

    /// Sets the limits of the calling process, but for a low one on open files.
    pub(crate) fn apply(&self) -> Result<(), Error> {
        for &(kind, limit) in &self.0 {
            if is_late(kind, limit) {
                raise((kind, limit), None)?;
            } else {
                setrlimit(resource(kind), limit).map_err(|error| refused(kind, error))?;
            }
        }
        Ok(())
    }

    /// Sets a low limit on open files, when nothing is left to be opened.
    pub(crate) fn apply_late(&self) -> Result<(), Error> {
        for &(kind, limit) in self.0.iter().filter(|&&(kind, limit)| is_late(kind, limit)) {
            setrlimit(resource(kind), limit).map_err(|error| match error {
                Errno::PERM => Error::property(
                    "process.rlimits",
                    format!("{kind}: a limit below {ROOM} is set when the filter is there, which refuses prlimit64"),
                ),
                source => refused(kind, source),
            })?;
        }
        Ok(())
    }

    /// Whether hooks can run in a process with these limits.
    pub(crate) fn allow_hooks(&self) -> Result<(), Error> {
        match self.0.iter().find(|&&(kind, limit)| is_late(kind, limit)) {
            None => Ok(()),
            Some((kind, _)) => {
                let why = format!("{kind}: with less than {ROOM} the startContainer hooks cannot be called");
                Err(Error::property("process.rlimits", why))
            }
        }
    }
}

fn is_late(kind: PosixRlimitType, limit: Rlimit) -> bool {
    kind == PosixRlimitType::RlimitNofile && limit.current.is_some_and(|files| files < ROOM)
}

/// Raises the hard limit of a process, `None` being the calling one, as far as will be needed.
fn raise((kind, wanted): (PosixRlimitType, Rlimit), process: Option<Pid>) -> Result<(), Error> {
    let own = getrlimit(resource(kind));
    if own.maximum.is_some_and(|own| wanted.maximum.is_none_or(|wanted| wanted > own)) {
        let raised = Rlimit { current: own.current, maximum: wanted.maximum };
        prlimit(process, resource(kind), raised).map_err(|error| refused(kind, error))?;
    }
    Ok(())
}

fn refused(kind: PosixRlimitType, error: Errno) -> Error {
    match error {
        Errno::PERM => Error::property(
            "process.rlimits",
            format!(
                "{kind}: the hard limit is above the runtime's own, which takes CAP_SYS_RESOURCE to raise: \
                 ask for less, or raise the caller's limit"
            ),
        ),
        source => Error::Path { step: "setting", path: kind.to_string().into(), source },
    }
}

const fn resource(kind: PosixRlimitType) -> Resource {
    match kind {
        PosixRlimitType::RlimitCpu => Resource::Cpu,
        PosixRlimitType::RlimitFsize => Resource::Fsize,
        PosixRlimitType::RlimitData => Resource::Data,
        PosixRlimitType::RlimitStack => Resource::Stack,
        PosixRlimitType::RlimitCore => Resource::Core,
        PosixRlimitType::RlimitRss => Resource::Rss,
        PosixRlimitType::RlimitNproc => Resource::Nproc,
        PosixRlimitType::RlimitNofile => Resource::Nofile,
        PosixRlimitType::RlimitMemlock => Resource::Memlock,
        PosixRlimitType::RlimitAs => Resource::As,
        PosixRlimitType::RlimitLocks => Resource::Locks,
        PosixRlimitType::RlimitSigpending => Resource::Sigpending,
        PosixRlimitType::RlimitMsgqueue => Resource::Msgqueue,
        PosixRlimitType::RlimitNice => Resource::Nice,
        PosixRlimitType::RlimitRtprio => Resource::Rtprio,
        PosixRlimitType::RlimitRttime => Resource::Rttime,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limits(json: &str) -> Result<Limits, Error> {
        Limits::new(&serde_json::from_str::<Vec<PosixRlimit>>(json).unwrap())
    }

    #[test]
    fn duplicates_and_a_soft_limit_above_the_hard_one_are_refused() {
        assert!(
            limits(r#"[{"type":"RLIMIT_CPU","soft":1,"hard":2},{"type":"RLIMIT_AS","soft":1,"hard":1}]"#)
                .is_ok()
        );
        let twice = r#"[{"type":"RLIMIT_CPU","soft":1,"hard":2},{"type":"RLIMIT_CPU","soft":1,"hard":2}]"#;
        assert!(limits(twice).unwrap_err().line().contains("RLIMIT_CPU is there twice"));
        let upside_down = r#"[{"type":"RLIMIT_CPU","soft":3,"hard":2}]"#;
        assert!(limits(upside_down).unwrap_err().line().contains("above hard"));
    }

    #[test]
    fn the_largest_number_is_no_limit() {
        let limits = limits(r#"[{"type":"RLIMIT_CORE","soft":0,"hard":18446744073709551615}]"#).unwrap();
        assert_eq!(limits.0[0].1, Rlimit { current: Some(0), maximum: None });
    }
}
