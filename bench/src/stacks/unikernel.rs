//! `unikernel`: the workload is the guest of a KVM virtual machine of `isolab-microvm`.

use crate::ground::Ground;
use crate::sandbox::{Refusal, Sandbox, bare};
use isolab_timeline::{Stack, Workload};
use std::process::Command;

/// The KVM launcher of this project.
#[derive(Debug)]
pub struct Unikernel;

impl Sandbox for Unikernel {
    fn stack(&self) -> Stack {
        Stack::Unikernel
    }

    fn command(&self, ground: &Ground, workload: Workload) -> Result<Command, Refusal> {
        if workload.0.needs_a_kernel() {
            return Err(Refusal::workload(
                "a unikernel has no kernel to call; its border is the VMM: `cross`",
            ));
        }
        let mut command = bare(&ground.programs.microvm);
        command.args(["run", "--marks", "--timeline", "--memory", &ground.memory_mib.to_string()]);
        command.args(ground.vmm_options()).arg("--image").arg(&ground.programs.unikernel);
        command.arg("--").args(workload.words());
        Ok(command)
    }

    fn fix(&self, complaint: &str) -> String {
        // The VMM's own errors say what to do.
        if complaint.is_empty() {
            super::kvm_floor::FIX
        } else {
            "as its message says; `isolab doctor` tells more"
        }
        .into()
    }
}
