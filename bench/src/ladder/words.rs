//! How a rung is launched: the floors' own words, or the command of a whole stack.

use super::Rung;
use crate::ground::Ground;
use crate::sandbox::{Refusal, bare};
use crate::stacks::{self, container_floor};
use isolab_runtime::seccomp::Program;
use isolab_timeline::{Stack, Workload};
use isolab_workload::kind::Kind;
use std::ffi::OsString;
use std::fs;
use std::process::Command;

/// The command of `rung`, with those of the rungs `below` it that this host has.
pub fn command(rung: Rung, below: &[Rung], ground: &Ground) -> Result<Command, Refusal> {
    let work = Workload(Kind::Noop);
    let of_stack = |stack: Stack| stacks::of(stack).command(ground, work);
    match (rung, rung.stack()) {
        (_, Some(stack)) => of_stack(stack),
        (Rung::Virtio, _) => of_stack(Stack::Microvm).map(|mut command| {
            command.arg("--rng");
            command
        }),
        (Rung::Vm, _) => Ok(kvm(ground, "vm")),
        (Rung::Memory, _) => Ok(kvm(ground, "memory")),
        (Rung::Vcpu, _) => Ok(kvm(ground, "vcpu")),
        (Rung::FirstExit, _) => Ok(kvm(ground, "run")),
        (Rung::IrqChip, _) => Ok(kvm(ground, "irqchip")),
        _ => {
            let words = words(rung, below, ground)?;
            let rooted = below.iter().chain([&rung]).any(|rung| matches!(rung, Rung::Overlay | Rung::Bind));
            let mut command = bare(&ground.programs.container_floor);
            command.arg(ground.rootfs()).args(words).arg("--");
            if rooted {
                command.arg("/isolab-workload");
            } else {
                command.arg(&ground.programs.workload);
            }
            command.args(work.words());
            Ok(command)
        }
    }
}

fn kvm(ground: &Ground, rung: &str) -> Command {
    let mut command = bare(&ground.programs.kvm_floor);
    command.args(["noop", &ground.memory_mib.to_string(), rung]);
    command
}

/// What switches `rung` on in the container's floor, and those below it.
pub fn words(rung: Rung, below: &[Rung], ground: &Ground) -> Result<Vec<OsString>, Refusal> {
    let all: Result<Vec<_>, _> = below.iter().chain([&rung]).map(|&rung| of_floor(rung, ground)).collect();
    Ok(all?.concat())
}

fn of_floor(rung: Rung, ground: &Ground) -> Result<Vec<OsString>, Refusal> {
    let word = |word: &str| Ok(vec![word.into()]);
    match rung {
        Rung::User => word("user"),
        Rung::Pid => word("pid"),
        Rung::Mount => word("mount"),
        Rung::Ipc => word("ipc"),
        Rung::Uts => word("uts"),
        Rung::CgroupNamespace => word("cgroup"),
        Rung::Network => word("net"),
        Rung::Overlay => word("overlay"),
        Rung::Bind => word("bind"),
        Rung::Masks => word("masks"),
        Rung::Capabilities => word("capabilities"),
        Rung::Cgroup | Rung::Procs => joins(rung, ground),
        Rung::Seccomp => filter(ground),
        _ => Ok(Vec::new()),
    }
}

fn joins(rung: Rung, ground: &Ground) -> Result<Vec<OsString>, Refusal> {
    if let Some(why) = &ground.without_limits {
        return Err(Refusal {
            reason: why.clone(),
            fix: "run as root, or have a cgroup v2 subtree delegated to you".into(),
        });
    }
    let procs = |folder: &std::path::Path| {
        let mut word = OsString::from("v1:");
        word.push(folder.join("cgroup.procs"));
        word
    };
    Ok(match rung {
        Rung::Procs => ground.floor_groups().map(procs).collect(),
        _ => container_floor::joins(ground),
    })
}

/// The runtime's own default filter, compiled, in a file of the run's ground.
fn filter(ground: &Ground) -> Result<Vec<OsString>, Refusal> {
    let path = ground.place("filter.bpf");
    if !path.exists() {
        let bytes: Vec<u8> = Program::of_default_profile()
            .instructions()
            .iter()
            .flat_map(|one| {
                let [low, high] = one.code.to_ne_bytes();
                let [a, b, c, d] = one.k.to_ne_bytes();
                [low, high, one.jt, one.jf, a, b, c, d]
            })
            .collect();
        fs::write(&path, bytes).map_err(|error| Refusal {
            reason: format!("writing {}: {error}", path.display()),
            fix: "make room in the folder for temporary files".into(),
        })?;
    }
    let mut word = OsString::from("seccomp:");
    word.push(path);
    Ok(vec![word])
}
