//! From JSON to the specification's types.
//!
//! `oci_spec` can read all of `config.json` by itself, but two of its types ([`Spec`] and [`Process`]) would bring
//! along what is of no use here: the parts for Solaris, Windows and z/OS, and, to check one list of CPUs, the whole of
//! a regular-expression engine. So these two are read by types of our own and handed over field by field;
//! `process::affinity` checks that list. And all is read from bytes: each further kind of input (`str`, `Value`) would
//! be another copy of the code that reads every property, a few hundred kilobytes.

use oci_spec::runtime::{
    Box as ConsoleSize, ExecCPUAffinity, Hooks, Linux, LinuxCapabilities, LinuxIOPriority, Mount,
    PosixRlimit, Process, Root, Scheduler, Spec, User, VM,
};
use serde::Deserialize;
use serde::de::IgnoredAny;
use std::collections::HashMap;
use std::path::PathBuf;

/// A configuration (`config.json`) from its text, unchecked.
pub fn spec(text: &[u8]) -> Result<Spec, serde_json::Error> {
    serde_json::from_slice::<Configuration>(text).map(Configuration::hand_over)
}

/// A process (`process.json`, as `exec` takes it) from its text, unchecked.
pub fn process(text: &[u8]) -> Result<Process, serde_json::Error> {
    serde_json::from_slice::<Executed>(text).map(Executed::hand_over)
}

/// What a [`Spec`] is on Linux.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Configuration {
    #[serde(default)]
    oci_version: String,
    root: Option<Root>,
    mounts: Option<Vec<Mount>>,
    process: Option<Executed>,
    hostname: Option<String>,
    domainname: Option<String>,
    hooks: Option<Hooks>,
    annotations: Option<HashMap<String, String>>,
    linux: Option<Linux>,
    /// Whether it is there: then it is refused.
    vm: Option<IgnoredAny>,
}

impl Configuration {
    fn hand_over(self) -> Spec {
        let mut spec = Spec::default();
        spec.set_version(self.oci_version)
            .set_root(self.root)
            .set_mounts(self.mounts)
            .set_process(self.process.map(Executed::hand_over))
            .set_hostname(self.hostname)
            .set_domainname(self.domainname)
            .set_hooks(self.hooks)
            .set_annotations(self.annotations)
            .set_linux(self.linux)
            .set_vm(self.vm.map(|_| VM::default()));
        spec
    }
}

/// What a [`Process`] is on Linux.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Executed {
    terminal: Option<bool>,
    console_size: Option<ConsoleSize>,
    user: User,
    args: Option<Vec<String>>,
    env: Option<Vec<String>>,
    cwd: PathBuf,
    capabilities: Option<LinuxCapabilities>,
    rlimits: Option<Vec<PosixRlimit>>,
    no_new_privileges: Option<bool>,
    apparmor_profile: Option<String>,
    oom_score_adj: Option<i32>,
    selinux_label: Option<String>,
    io_priority: Option<LinuxIOPriority>,
    scheduler: Option<Scheduler>,
    #[serde(rename = "execCPUAffinity")]
    exec_cpu_affinity: Option<Affinity>,
}

#[derive(Deserialize)]
struct Affinity {
    initial: Option<String>,
    r#final: Option<String>,
}

impl Executed {
    fn hand_over(self) -> Process {
        let mut process = Process::default();
        process
            .set_terminal(self.terminal)
            .set_console_size(self.console_size)
            .set_user(self.user)
            .set_args(self.args)
            .set_env(self.env)
            .set_cwd(self.cwd)
            .set_capabilities(self.capabilities)
            .set_rlimits(self.rlimits)
            .set_no_new_privileges(self.no_new_privileges)
            .set_apparmor_profile(self.apparmor_profile)
            .set_oom_score_adj(self.oom_score_adj)
            .set_selinux_label(self.selinux_label)
            .set_io_priority(self.io_priority)
            .set_scheduler(self.scheduler)
            .set_exec_cpu_affinity(self.exec_cpu_affinity.map(|asked| {
                let mut affinity = ExecCPUAffinity::default();
                affinity.set_initial(asked.initial).set_cpu_affinity_final(asked.r#final);
                affinity
            }));
        process
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    /// Every property that is read on Linux, those of `linux` and of the parts below it but for some.
    fn whole() -> Value {
        let hooks = json!([{ "path": "/hook", "args": ["hook"], "env": ["A=1"], "timeout": 1 }]);
        json!({
            "ociVersion": "1.2.0",
            "root": { "path": "rootfs", "readonly": true },
            "mounts": [{ "destination": "/proc", "type": "proc", "source": "proc", "options": ["ro"] }],
            "process": {
                "terminal": true,
                "consoleSize": { "height": 24, "width": 80 },
                "user": { "uid": 1, "gid": 2, "umask": 18, "additionalGids": [3] },
                "args": ["sh"],
                "env": ["PATH=/bin"],
                "cwd": "/tmp",
                "capabilities": { "bounding": ["CAP_KILL"] },
                "rlimits": [{ "type": "RLIMIT_NOFILE", "hard": 2, "soft": 1 }],
                "noNewPrivileges": false,
                "apparmorProfile": "profile",
                "oomScoreAdj": -5,
                "selinuxLabel": "label",
                "ioPriority": { "class": "IOPRIO_CLASS_IDLE", "priority": 0 },
                "scheduler": { "policy": "SCHED_OTHER", "nice": 1 },
                "execCPUAffinity": { "initial": "0", "final": "0-3,7" }
            },
            "hostname": "host",
            "domainname": "domain",
            "hooks": { "createRuntime": hooks, "poststop": hooks },
            "annotations": { "key": "value" },
            "linux": { "cgroupsPath": "/a", "namespaces": [{ "type": "pid" }] }
        })
    }

    #[test]
    fn nothing_is_lost_and_nothing_is_added() {
        let value = whole();
        let text = serde_json::to_vec(&value).unwrap();
        assert_eq!(serde_json::to_value(spec(&text).unwrap()).unwrap(), value);
        let theirs: Spec = serde_json::from_slice(&text).unwrap();
        assert_eq!(spec(&text).unwrap(), theirs);
        let text = serde_json::to_vec(&value["process"]).unwrap();
        assert_eq!(Some(process(&text).unwrap()), *theirs.process());
    }

    #[test]
    fn what_is_missing_is_missing() {
        for text in [&b"{}"[..], br#"{"process":{"user":{"uid":0,"gid":0},"cwd":"/"}}"#] {
            let theirs: Spec = serde_json::from_slice(text).unwrap();
            assert_eq!(spec(text).unwrap(), theirs);
        }
        assert!(process(br#"{"cwd":"/"}"#).is_err(), "a process has a user");
        assert!(process(br#"{"user":{"uid":0,"gid":0}}"#).is_err(), "and a folder");
    }

    #[test]
    fn parts_for_other_systems_are_ignored_but_a_virtual_machine_is_seen() {
        assert!(spec(br#"{"windows":1,"solaris":1,"zos":1,"unknown":1}"#).unwrap().vm().is_none());
        assert!(spec(br#"{"vm":{"kernel":{"path":"/k"}}}"#).unwrap().vm().is_some());
    }
}
