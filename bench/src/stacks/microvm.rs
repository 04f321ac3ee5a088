//! `microvm`: the workload is a program of the Linux guest of a KVM virtual machine of `isolab-microvm`.
//!
//! The guest's first root is packed before anything is timed, once for each work, and lies on the run's ground; a
//! launch only boots it.

use crate::ground::Ground;
use crate::microvm::{Kernel, boot};
use crate::sandbox::{Refusal, Sandbox, bare, with_a_kernel};
use isolab_microvm::pack::{self, cpio::Archive, error::PackError, modules, start::Start};
use isolab_timeline::{Stack, Workload};
use std::ffi::OsString;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The KVM launcher of this project, with a Linux guest.
#[derive(Debug)]
pub struct Microvm;

impl Sandbox for Microvm {
    fn stack(&self) -> Stack {
        Stack::Microvm
    }

    fn command(&self, ground: &Ground, workload: Workload) -> Result<Command, Refusal> {
        with_a_kernel(workload)?;
        Ok(booted(ground, ground.kernel()?, &archive(ground, workload, Marks::Port)?))
    }

    fn fix(&self, complaint: &str) -> String {
        super::unikernel::Unikernel.fix(complaint)
    }
}

/// The initial RAM file system of the guest that does this work; packed when it is first asked for.
pub(crate) fn archive(ground: &Ground, workload: Workload, marks: Marks) -> Result<PathBuf, Refusal> {
    let guest = Guest {
        stack: Stack::Microvm,
        marks,
        modules: &[],
        command: vec!["/isolab-workload".into()],
        root: &|archive| archive.copy("root/isolab-workload", &ground.programs.workload),
    };
    guest.archive(ground, workload)
}

/// The command that boots it.
pub(super) fn booted(ground: &Ground, kernel: &Kernel, archive: &Path) -> Command {
    let mut command = bare(&ground.programs.microvm);
    boot(&mut command, kernel, archive, ground.memory_mib);
    command.args(["--marks", "--timeline"]).args(ground.vmm_options());
    command
}

/// By which way the marks of a guest's workload leave it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Marks {
    /// By the mark port, which our VMM has.
    Port,
    /// By the console, which every VMM has.
    Console,
}

/// What the Linux guest of a measured stack has in it.
pub(super) struct Guest<'a> {
    pub(super) stack: Stack,
    pub(super) marks: Marks,
    /// Modules without which a distribution's kernel could not do it.
    pub(super) modules: &'a [&'a str],
    /// What its init starts; the work's words are added.
    pub(super) command: Vec<OsString>,
    /// Packs its root.
    pub(super) root: &'a dyn Fn(&mut Archive<File>) -> Result<(), PackError>,
}

impl Guest<'_> {
    /// Its archive.
    pub(super) fn archive(self, ground: &Ground, workload: Workload) -> Result<PathBuf, Refusal> {
        let kernel = ground.kernel()?;
        let words = workload.words();
        let way = if self.marks == Marks::Console { "-console" } else { "" };
        let archive = ground.place(&format!("{}{way}-{}.cpio", self.stack, words.join("-")));
        if !archive.exists() {
            self.pack(ground, kernel, workload, &archive).map_err(|error| Refusal {
                reason: format!("its guest cannot be packed: {error:#}"),
                fix: "as the message says".into(),
            })?;
        }
        Ok(archive)
    }

    fn pack(mut self, ground: &Ground, kernel: &Kernel, workload: Workload, to: &Path) -> anyhow::Result<()> {
        let modules = modules::resolve(&kernel.modules, self.modules)?;
        self.command.extend(workload.words().into_iter().map(OsString::from));
        let marks = self.marks == Marks::Port;
        // Who holds can be asked for its memory, and for nobody else is time to be taken.
        let usage = marks && workload.0.holds();
        let start = Start { marks, usage, command: self.command, ..Start::default() };
        // Under another name until it is whole.
        let unfinished: PathBuf = to.with_extension("unfinished");
        let most = u64::from(ground.memory_mib) << 19;
        let mut archive =
            pack::begin(File::create(&unfinished)?, most, &ground.programs.init, &modules, &start)?;
        archive.folder(pack::ROOT, 0o755)?;
        (self.root)(&mut archive)?;
        archive.finish()?;
        Ok(std::fs::rename(unfinished, to)?)
    }
}
