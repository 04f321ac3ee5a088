//! `kvm-floor`: the barest program that runs a guest.

use crate::ground::Ground;
use crate::sandbox::{Refusal, Sandbox, bare};
use isolab_timeline::{Stack, Workload};
use isolab_workload::kind::Kind;
use std::process::Command;

/// The yardstick of `unikernel`.
#[derive(Debug)]
pub struct KvmFloor;

/// What helps where no guest runs.
pub(crate) const FIX: &str = "load KVM (modprobe kvm_intel or kvm_amd; switch virtualization on in the firmware, \
     or nesting in the hypervisor) and add yourself to group kvm";

impl Sandbox for KvmFloor {
    fn stack(&self) -> Stack {
        Stack::KvmFloor
    }

    fn command(&self, ground: &Ground, workload: Workload) -> Result<Command, Refusal> {
        if !matches!(workload.0, Kind::Noop | Kind::Wait) {
            return Err(Refusal::workload("the floor's guest is fourteen bytes: it has only noop and wait"));
        }
        let mut command = bare(&ground.programs.kvm_floor);
        command.args(workload.words()).arg(ground.memory_mib.to_string());
        Ok(command)
    }

    fn fix(&self, _: &str) -> String {
        FIX.into()
    }
}
