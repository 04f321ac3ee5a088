//! Kernel parameters (`sysctl(8)`, `proc_sys(5)`; the specification's `linux.sysctl`).
//!
//! Most of `/proc/sys` belongs to the whole machine. A container may set only what lies in a namespace of its
//! own: what is written there is the namespace's of the process that *writes*, whichever `/proc` it looks
//! through. So the first process writes them itself, when it is in all of its namespaces and before
//! `/proc/sys` is made read-only.

use crate::error::{Error, IntoErrno};
use crate::namespaces::Plan;
use oci_spec::runtime::{Linux, LinuxNamespaceType as Kind};
use std::fs;

/// The parameters of System V objects, by their full names.
const IPC: [&str; 11] = [
    "kernel/msgmax",
    "kernel/msgmnb",
    "kernel/msgmni",
    "kernel/msg_next_id",
    "kernel/sem",
    "kernel/sem_next_id",
    "kernel/shm_next_id",
    "kernel/shmall",
    "kernel/shmmax",
    "kernel/shmmni",
    "kernel/shm_rmid_forced",
];

/// Parameters to set: the file below `/proc/sys`, and the value.
#[derive(Clone, Debug, Default)]
pub struct Parameters(Vec<(String, String)>);

impl Parameters {
    /// Checks what the configuration asks for.
    pub fn new(linux: &Linux, namespaces: &Plan) -> Result<Self, Error> {
        let mut parameters = Vec::new();
        for (name, value) in linux.sysctl().iter().flatten() {
            let wrong = |why: &str| Error::property("linux.sysctl", format!("{name}: {why}"));
            let file = file(name).ok_or_else(|| wrong("is no name of a parameter"))?;
            let kind = namespace(&file).ok_or_else(|| {
                wrong("belongs to the whole machine, not to a namespace: set it on the host")
            })?;
            if !namespaces.separates(kind) {
                return Err(wrong(&format!(
                    "would be the host's: the container has no {kind} namespace of its own"
                )));
            }
            if file == "kernel/hostname" {
                return Err(wrong("is the property hostname"));
            }
            parameters.push((file, value.clone()));
        }
        // Some depend on others; at least every run does the same.
        parameters.sort_unstable();
        Ok(Self(parameters))
    }

    /// Sets them, in the namespaces of the calling process.
    pub(crate) fn apply(&self) -> Result<(), Error> {
        for (file, value) in &self.0 {
            fs::write(format!("/proc/sys/{file}"), value).map_err(|error| {
                let why = error.into_errno();
                Error::property(
                    "linux.sysctl",
                    format!("{}: setting it to {value:?}: {why}", file.replace('/', ".")),
                )
            })?;
        }
        Ok(())
    }
}

/// A name with dots between its parts, or with slashes, whichever comes first; the other then is part of a
/// part, as in `net.ipv4.conf.eth0/1.forwarding`.
fn file(name: &str) -> Option<String> {
    let dots = name.find(['.', '/']).is_some_and(|first| name.as_bytes()[first] == b'.');
    let swap = |letter| match letter {
        '.' => '/',
        '/' => '.',
        other => other,
    };
    let file: String = if dots { name.chars().map(swap).collect() } else { name.into() };
    let sound = file.split('/').all(|part| !matches!(part, "" | "." | "..")) && !file.contains('\0');
    sound.then_some(file)
}

fn namespace(file: &str) -> Option<Kind> {
    match file.split_once('/')? {
        ("net", _) => Some(Kind::Network),
        ("fs", rest) if rest.starts_with("mqueue/") => Some(Kind::Ipc),
        ("kernel", "domainname" | "hostname") => Some(Kind::Uts),
        ("user", _) => Some(Kind::User),
        _ => IPC.contains(&file).then_some(Kind::Ipc),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parameters(name: &str, namespaces: &str) -> Result<Parameters, Error> {
        let linux: Linux = serde_json::from_value(serde_json::json!({ "sysctl": { name: "1" } })).unwrap();
        Parameters::new(&linux, &Plan::new(&serde_json::from_str::<Vec<_>>(namespaces).unwrap()).unwrap())
    }

    #[test]
    fn names_are_read_both_ways() {
        assert_eq!(file("net.ipv4.ip_forward").unwrap(), "net/ipv4/ip_forward");
        assert_eq!(file("net/ipv4/conf/eth0.1/forwarding").unwrap(), "net/ipv4/conf/eth0.1/forwarding");
        assert_eq!(file("net.ipv4.conf.eth0/1.forwarding").unwrap(), "net/ipv4/conf/eth0.1/forwarding");
        for bad in ["", "net..x", "net/../kernel/x", "/net/x", "net/x/", "net\0/x", "net./.x"] {
            assert_eq!(file(bad), None, "{bad:?}");
        }
    }

    #[test]
    fn only_what_lies_in_a_namespace_of_the_container_may_be_set() {
        let all = r#"[{"type":"network"},{"type":"ipc"},{"type":"uts"},{"type":"user"}]"#;
        for good in ["net.ipv4.ip_forward", "kernel.shmmax", "fs.mqueue.msg_max", "kernel.domainname"] {
            assert!(parameters(good, all).is_ok(), "{good}");
            assert!(parameters(good, "[]").unwrap_err().line().contains("would be the host's"), "{good}");
        }
        let own = r#"[{"type":"network","path":"/proc/self/ns/net"}]"#;
        assert!(parameters("net.ipv4.ip_forward", own).is_err());
        for bad in ["kernel.panic", "vm.swappiness", "kernel.hostname", "fs.file-max", "shmmax"] {
            assert!(parameters(bad, all).is_err(), "{bad}");
        }
    }
}
