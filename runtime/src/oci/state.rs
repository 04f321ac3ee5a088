//! A container's state: what is written in its folder, and what is true (the specification's "State").
//!
//! A file can only say what was once meant. Whether the process lives is asked of the kernel each time, and
//! whether it waits to be started is asked of the FIFO at which it waits. So no crash leaves a wrong state.

use crate::cgroup::{Group, Place};
use crate::identity::Identity;
use oci_spec::runtime::VERSION;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

/// Where in its life a container is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// Its environment is being made.
    Creating,
    /// All is made; the user's program has not been executed.
    Created,
    /// The user's program runs.
    Running,
    /// All its processes are frozen.
    Paused,
    /// Its first process has ended, or never came to be.
    Stopped,
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Status::Creating => "creating",
            Status::Created => "created",
            Status::Running => "running",
            Status::Paused => "paused",
            Status::Stopped => "stopped",
        })
    }
}

/// What is written of a container, before anything of it is made: enough to clear all of it.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Record {
    /// The version of the specification that its configuration names.
    pub oci_version: String,
    /// Its name.
    pub id: String,
    /// The absolute path of its bundle.
    pub bundle: PathBuf,
    /// From its configuration.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub annotations: BTreeMap<String, String>,
    /// When it was created (RFC 3339).
    pub created: String,
    /// The user who created it.
    pub owner: u32,
    /// The runtime that creates it. While it lives and `process` is not known, the container is being created.
    pub runtime: Identity,
    /// Whether it dies with the runtime.
    #[serde(default)]
    pub tied: bool,
    /// Whether its processes get the runtime's own filter of system calls, and not one of its configuration.
    #[serde(default)]
    pub default_filter: bool,
    /// Its first process, once the environment is whole.
    pub process: Option<Identity>,
    /// The kernel's number of its root's mount, if that is among the host's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub root_mount: Option<u64>,
    /// Where its control groups are, or will be.
    #[serde(default)]
    pub place: Place,
}

/// The state as the specification writes it, for `state` and for hooks.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct State<'a> {
    /// The version of the specification.
    pub oci_version: &'a str,
    /// The container's name.
    pub id: &'a str,
    /// Where in its life it is.
    pub status: Status,
    /// Its first process, as the reader sees it; 0 when it has gone.
    pub pid: i32,
    /// The absolute path of its bundle.
    pub bundle: &'a std::path::Path,
    /// From its configuration.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub annotations: &'a BTreeMap<String, String>,
}

impl Record {
    /// Its control groups.
    pub fn group(&self) -> Group {
        Group::open(self.place.clone())
    }

    /// The state, with what is true at this moment.
    pub fn state(&self, status: Status, pid: i32) -> State<'_> {
        State {
            oci_version: if self.oci_version.is_empty() { VERSION } else { &self.oci_version },
            id: &self.id,
            status,
            pid,
            bundle: &self.bundle,
            annotations: &self.annotations,
        }
    }
}

impl State<'_> {
    /// The same in the types of the specification's crate, for the state of a confined process.
    pub fn into_types(self) -> oci_spec::runtime::State {
        use oci_spec::runtime::ContainerState;
        let mut state = oci_spec::runtime::State::default();
        state.set_version(self.oci_version.into());
        state.set_id(self.id.into());
        state.set_status(match self.status {
            Status::Creating => ContainerState::Creating,
            Status::Created => ContainerState::Created,
            Status::Running | Status::Paused => ContainerState::Running,
            Status::Stopped => ContainerState::Stopped,
        });
        state.set_pid(Some(self.pid));
        state.set_bundle(self.bundle.into());
        state.set_annotations(Some(self.annotations.clone().into_iter().collect()));
        state
    }
}
