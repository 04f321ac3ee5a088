//! `nested`: the container inside the microVM, the engine on top of a hypervisor of every cloud.
//!
//! It is composed of files: the guest's root holds the container runtime, and the root folder of its container. The
//! container has the same limits as [`super::container`]; its runtime's own marks stay inside, for they are of the
//! guest's clock.

use super::container::limits;
use super::microvm::{Guest, Marks, booted};
use crate::ground::Ground;
use crate::sandbox::{Refusal, Sandbox, with_a_kernel};
use isolab_timeline::{Stack, Workload};
use std::ffi::OsString;
use std::process::Command;

/// The container runtime of this project in a Linux guest of its KVM launcher.
#[derive(Debug)]
pub struct Nested;

impl Sandbox for Nested {
    fn stack(&self) -> Stack {
        Stack::Nested
    }

    fn command(&self, ground: &Ground, workload: Workload) -> Result<Command, Refusal> {
        with_a_kernel(workload)?;
        let runtime = ["/isolab-runtime", "contain", "--rootfs", "/container"].map(String::from);
        let work = ["--", "/isolab-workload"].map(String::from);
        let guest = Guest {
            stack: self.stack(),
            marks: Marks::Port,
            modules: &["overlay"],
            command: runtime.into_iter().chain(limits()).chain(work).map(OsString::from).collect(),
            root: &|archive| {
                archive.copy("root/isolab-runtime", &ground.programs.runtime)?;
                archive.folder("root/container", 0o755)?;
                archive.copy("root/container/isolab-workload", &ground.programs.workload)
            },
        };
        Ok(booted(ground, ground.kernel()?, &guest.archive(ground, workload)?))
    }

    fn fix(&self, complaint: &str) -> String {
        super::microvm::Microvm.fix(complaint)
    }
}
