//! What `exec` is asked for: a process of its own ("process.json"), or the container's with changes.

use crate::cgroup::Below;
use crate::error::Error;
use crate::oci::config::read_bounded;
use crate::oci::log::Log;
use crate::oci::reading;
use crate::oci::store::Store;
use crate::oci::{check, names};
use oci_spec::runtime::{Capabilities, Capability, Process, Spec, User};
use std::path::PathBuf;

/// A process to execute in a container.
#[derive(Debug)]
pub struct Request<'a> {
    /// The container.
    pub id: String,
    /// Where the states of containers are kept.
    pub store: Store,
    /// The engine's log, for warnings.
    pub log: &'a Log,
    /// What to execute.
    pub what: What,
    /// Returns when the program runs.
    pub detach: bool,
    /// Where to write the process's number.
    pub pid_file: Option<PathBuf>,
    /// The socket that gets its terminal.
    pub console_socket: Option<PathBuf>,
    /// How many of the caller's descriptors it keeps, beyond the standard three.
    pub preserve_fds: u32,
    /// Groups below the container's in which it is to be; empty: the container's own.
    pub cgroups: Vec<Below>,
    /// Enters even a paused container; the program begins when it is resumed.
    pub ignore_paused: bool,
}

/// The process, whole or as differences from the container's own.
#[derive(Debug)]
pub enum What {
    /// A file with a `process` object.
    File(PathBuf),
    /// The container's process, with these changes.
    Changes(Box<Changes>),
}

/// Differences from the container's own process.
#[derive(Debug, Default)]
pub struct Changes {
    /// The program and its arguments.
    pub arguments: Vec<String>,
    /// Where it starts.
    pub cwd: Option<PathBuf>,
    /// Variables on top of the container's.
    pub environment: Vec<String>,
    /// User, and group if given.
    pub user: Option<(u32, Option<u32>)>,
    /// Groups on top of the container's.
    pub additional_gids: Vec<u32>,
    /// Whether it gets a terminal.
    pub terminal: bool,
    /// Capabilities on top of the container's.
    pub capabilities: Vec<Capability>,
    /// Whether new privileges are ruled out; `None`: as for the container.
    pub no_new_privileges: Option<bool>,
    /// The `AppArmor` profile.
    pub apparmor: Option<String>,
    /// The `SELinux` label.
    pub label: Option<String>,
}

impl Request<'_> {
    /// The process as a whole, checked.
    pub(super) fn process(&self, spec: &Spec) -> Result<Process, Error> {
        let process = match &self.what {
            What::File(path) => {
                let text = read_bounded(path)?;
                let (process, unknown) = names::read(&text, "", reading::process).map_err(|source| {
                    Error::Json { what: "the process to execute", file: path.clone(), source }
                })?;
                if let Some(warning) = names::warning(&unknown) {
                    self.log.warning(&warning.line());
                }
                process
            }
            What::Changes(changes) => changes.on(spec.process().clone().unwrap_or_default()),
        };
        check::process(&process)?;
        Ok(process)
    }
}

impl Changes {
    fn on(&self, mut process: Process) -> Process {
        process.set_args(Some(self.arguments.clone()));
        process.set_terminal(Some(self.terminal));
        process.set_console_size(None);
        if let Some(cwd) = &self.cwd {
            process.set_cwd(cwd.clone());
        }
        let mut environment = process.env().clone().unwrap_or_default();
        // What is given here replaces the variable of the same name; the first of two would win otherwise.
        let name = |variable: &str| variable.split('=').next().unwrap_or_default().to_owned();
        environment.retain(|old| self.environment.iter().all(|new| name(new) != name(old)));
        environment.extend(self.environment.iter().cloned());
        process.set_env(Some(environment));
        let mut groups = process.user().additional_gids().clone().unwrap_or_default();
        if let Some((uid, gid)) = self.user {
            let mut user = User::default();
            user.set_uid(uid).set_gid(gid.unwrap_or(0)).set_umask(process.user().umask());
            process.set_user(user);
            // Those of another user.
            groups.clear();
        }
        groups.extend(&self.additional_gids);
        process.user_mut().set_additional_gids(Some(groups));
        self.add_capabilities(&mut process);
        if self.no_new_privileges.is_some() {
            process.set_no_new_privileges(self.no_new_privileges);
        }
        if self.apparmor.is_some() {
            process.set_apparmor_profile(self.apparmor.clone());
        }
        if self.label.is_some() {
            process.set_selinux_label(self.label.clone());
        }
        process
    }

    /// Not to the inheritable ones: a program with file capabilities could pick those up (CVE-2022-29162).
    fn add_capabilities(&self, process: &mut Process) {
        if self.capabilities.is_empty() {
            return;
        }
        let mut sets = process.capabilities().clone().unwrap_or_default();
        let with = |set: &Option<Capabilities>| {
            Some(set.iter().flatten().chain(&self.capabilities).copied().collect::<Capabilities>())
        };
        let (bounding, effective, permitted) =
            (with(sets.bounding()), with(sets.effective()), with(sets.permitted()));
        sets.set_bounding(bounding).set_effective(effective).set_permitted(permitted);
        process.set_capabilities(Some(sets));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changes_are_made_on_the_containers_own_process() {
        let own: Process = serde_json::from_str(
            r#"{"user":{"uid":5,"gid":6,"additionalGids":[7],"umask":1},"cwd":"/own","env":["A=1"],
                "args":["init"],"terminal":true,"capabilities":{"bounding":["CAP_KILL"],"inheritable":[]}}"#,
        )
        .unwrap();
        let same = Changes { arguments: vec!["x".into()], ..Changes::default() }.on(own.clone());
        assert_eq!((same.cwd(), same.user(), same.env()), (own.cwd(), own.user(), own.env()));
        assert_eq!(same.terminal(), Some(false));
        let other = Changes {
            environment: vec!["A=2".into(), "B=".into()],
            user: Some((8, None)),
            additional_gids: vec![9],
            capabilities: vec![Capability::Chown],
            ..Changes::default()
        }
        .on(own);
        assert_eq!((other.user().uid(), other.user().gid(), other.user().umask()), (8, 0, Some(1)));
        assert_eq!(other.user().additional_gids(), &Some(vec![9]));
        assert_eq!(other.env().as_ref().unwrap(), &["A=2", "B="]);
        let sets = other.capabilities().as_ref().unwrap();
        assert_eq!(sets.bounding().as_ref().unwrap().len(), 2);
        assert!(sets.inheritable().as_ref().unwrap().is_empty());
    }
}
