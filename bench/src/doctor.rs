//! `isolab doctor`: what this machine can do, found by trying, and what to do about the rest.

use crate::ground::{self, Ground};
use crate::host::Host;
use crate::instance::Launcher;
use crate::peers::record;
use crate::placement::Placement;
use crate::programs::Programs;
use crate::samples::Unavailable;
use crate::sandbox::Refusal;
use crate::{sandbox, stacks};
use isolab_runtime::cgroup::{Controller, Hierarchy};
use isolab_timeline::{Mark, Peer, Stack, Workload};
use isolab_workload::kind::Kind;
use serde::Serialize;
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::time::Duration;

/// One thing that was looked at.
#[derive(Clone, Debug, Serialize)]
pub struct Check {
    /// What was looked at.
    pub what: String,
    /// Whether it is as the lab would like it; `None`: it is only a fact.
    pub good: Option<bool>,
    /// What was found.
    pub found: String,
    /// What to do about it, where something can be done.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fix: Option<String>,
}

/// What this machine can do.
#[derive(Clone, Debug, Serialize)]
pub struct Diagnosis {
    /// The machine.
    pub host: Host,
    /// Everything that was looked at.
    pub checks: Vec<Check>,
    /// The stacks that run here.
    pub available: Vec<Stack>,
    /// The stacks that do not, and why.
    pub unavailable: Vec<Unavailable>,
    /// The peers whose programs are here, by name, with what they say of their version. They are not launched.
    pub peers: BTreeMap<Stack, String>,
    /// The peers whose programs are not, and how to get them.
    pub missing_peers: Vec<Unavailable>,
}

/// A launch that takes longer than this is not going to end.
const LIMIT: Duration = Duration::from_secs(10);
/// Turns of integer work that tell whether a guest's user code runs natively: about 20 ms.
const TURNS: u64 = 10_000_000;

/// Looks at everything; launches each stack once.
pub fn examine() -> anyhow::Result<Diagnosis> {
    ground::sweep()?;
    let ground = Ground::lay(Programs::find()?, 128, None)?;
    let placement = Placement::choose()?;
    // The machine is read before this thread is pinned to one of its CPUs.
    let host = Host::read(ground.limits());
    let launcher = Launcher::new(placement, LIMIT)?;
    let (mut available, mut unavailable) = (Vec::new(), Vec::new());
    for stack in Stack::ALL {
        match sandbox::probe(stacks::of(stack), &ground, &launcher, Workload(Kind::Noop)) {
            Ok(()) => available.push(stack),
            Err(why) => unavailable.push(why),
        }
    }
    let mut checks = vec![kvm(), guest_kernel(&host), guest_user(&ground, &launcher), linux(&ground)];
    checks.extend(cgroups());
    checks.extend([user_namespaces(), overlay(), apart(placement)]);
    let (peers, missing_peers) = peers(&ground);
    Ok(Diagnosis { host, checks, available, unavailable, peers, missing_peers })
}

fn peers(ground: &Ground) -> (BTreeMap<Stack, String>, Vec<Unavailable>) {
    let (mut here, mut missing) = (BTreeMap::new(), Vec::new());
    for peer in Peer::ALL {
        let stack = Stack::Peer(peer);
        match record::version(peer, ground) {
            Ok(version) => drop(here.insert(stack, version)),
            Err(Refusal { reason, fix }) => missing.push(Unavailable { stack, reason, fix }),
        }
    }
    (here, missing)
}

fn check(what: &str, good: Option<bool>, found: impl Into<String>, fix: Option<&str>) -> Check {
    Check { what: what.into(), good, found: found.into(), fix: fix.map(Into::into) }
}

fn kvm() -> Check {
    match isolab_microvm::kvm::open() {
        Ok(_) => {
            let backend = isolab_microvm::probe::backend().unwrap_or("a backend of unknown name");
            check("/dev/kvm", Some(true), format!("opens; {backend}"), None)
        }
        // The message ends with what to do.
        Err(error) => check("/dev/kvm", Some(false), format!("{:#}", anyhow::Error::new(error)), None),
    }
}

fn guest_kernel(host: &Host) -> Check {
    let what = "guest kernel code";
    match &*host.guest_kernel {
        "native" => check(what, Some(true), "runs natively", None),
        "emulated" => check(
            what,
            Some(false),
            "is emulated, instruction by instruction: figures that include it are no cost of hardware virtualization",
            Some("use a host whose KVM is kvm_intel or kvm_amd for guests with a kernel of their own"),
        ),
        _ => check(what, None, "unknown: no guest runs", None),
    }
}

/// The same integer work in a process and in a guest's ring 3.
fn guest_user(ground: &Ground, launcher: &Launcher) -> Check {
    let what = "guest user code";
    let time = |stack| {
        let command = stacks::of(stack).command(ground, Workload(Kind::Cpu(TURNS))).ok()?;
        let launch = launcher.run(command).ok().filter(|launch| launch.invalid.is_none())?;
        launch.timeline.span(Mark::Begin, Mark::Ready).map(|span| span as f64)
    };
    match (time(Stack::Unikernel), time(Stack::Process)) {
        (Some(guest), Some(process)) if guest < 2.0 * process => {
            check(what, Some(true), format!("runs natively: {:.2}x a process's time", guest / process), None)
        }
        (Some(guest), Some(process)) => {
            check(what, Some(false), format!("takes {:.1}x a process's time", guest / process), None)
        }
        _ => check(what, None, "unknown: no guest runs", None),
    }
}

fn linux(ground: &Ground) -> Check {
    let what = "Linux for guests";
    match ground.kernel() {
        Ok(kernel) => check(what, Some(true), kernel.words.clone(), None),
        Err(refusal) => check(what, Some(false), refusal.reason, Some(&refusal.fix)),
    }
}

fn cgroups() -> Vec<Check> {
    let Ok(hierarchy) = Hierarchy::detect() else {
        return vec![check("cgroups", Some(false), "not readable", Some("mount /proc and /sys"))];
    };
    let mut checks = vec![check("cgroups", None, hierarchy.mode().name(), None)];
    checks.extend(Controller::ALL.map(|controller| {
        let version =
            hierarchy.controllers().iter().find(|(each, _)| *each == controller).map(|(_, mode)| *mode);
        let what = format!("cgroup {controller}");
        match (version, hierarchy.can_create(controller)) {
            (Some(mode), Ok(())) => {
                check(&what, Some(true), format!("can be limited ({})", mode.name()), None)
            }
            (_, Err(error)) => check(&what, Some(false), error.to_string(), None),
            (None, Ok(())) => check(&what, Some(false), "no controller", None),
        }
    }));
    checks
}

fn user_namespaces() -> Check {
    let what = "user namespaces";
    let number = |path: &str| fs::read_to_string(path).ok().and_then(|text| text.trim().parse::<u64>().ok());
    let restricted = [
        ("/proc/sys/kernel/unprivileged_userns_clone", 0),
        ("/proc/sys/user/max_user_namespaces", 0),
        ("/proc/sys/kernel/apparmor_restrict_unprivileged_userns", 1),
    ]
    .into_iter()
    .find(|(path, forbidding)| number(path) == Some(*forbidding));
    match restricted {
        Some((path, value)) => check(
            what,
            Some(false),
            format!("closed to ordinary users: {path} is {value}"),
            Some("rootless containers need that setting changed; root does not"),
        ),
        None if Path::new("/proc/self/ns/user").exists() => {
            let most = number("/proc/sys/user/max_user_namespaces")
                .map_or(String::new(), |most| format!(", {most} at most"));
            check(what, Some(true), format!("open to ordinary users{most}"), None)
        }
        None => check(what, Some(false), "not in this kernel", Some("CONFIG_USER_NS")),
    }
}

fn overlay() -> Check {
    let known = fs::read_to_string("/proc/filesystems").unwrap_or_default().contains("\toverlay");
    let fix = "modprobe overlay; without it a container's root is the folder itself, read-only";
    let found = if known { "in this kernel" } else { "not loaded" };
    check("overlay", Some(known), found, (!known).then_some(fix))
}

fn apart(placement: Placement) -> Check {
    let apart = placement.lab != placement.launched;
    let fix = "give this machine a second CPU: the lab disturbs what it measures";
    check("CPU placement", Some(apart), placement.rule(), (!apart).then_some(fix))
}
