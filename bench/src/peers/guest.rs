//! What VM peers are given: the files and the kernel's command line of our own guests.
//!
//! Our mark port is no device of theirs, so the marks go to what they give as a console: the first serial port. The
//! bare guest does that when its command line says so; in the Linux guest, init leaves the console to the workload.
//! Each guest knows how to end each of these VMMs.

use crate::ground::Ground;
use crate::microvm::kernel_line;
use crate::sandbox::{Refusal, with_a_kernel};
use crate::stacks::microvm::{self, Marks};
use isolab_timeline::Workload;
use std::path::PathBuf;

/// Which guest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Guest {
    /// The unikernel.
    Bare,
    /// Linux.
    Linux,
}

/// What is booted.
#[derive(Clone, Debug)]
pub struct Files {
    /// The kernel: an ELF file.
    pub kernel: PathBuf,
    /// The initial RAM file system, of Linux.
    pub initrd: Option<PathBuf>,
    /// The kernel's command line.
    pub line: String,
}

impl Guest {
    /// The files for this work.
    pub fn files(self, ground: &Ground, workload: Workload) -> Result<Files, Refusal> {
        if workload.0.holds() {
            return Err(Refusal::workload(
                "a guest that holds is asked to end by the end of its VMM's input, which only ours hands on",
            ));
        }
        if self == Guest::Linux {
            with_a_kernel(workload)?;
            return Ok(Files {
                kernel: ground.kernel()?.image.clone(),
                initrd: Some(microvm::archive(ground, workload, Marks::Console)?),
                line: kernel_line(),
            });
        }
        if workload.0.needs_a_kernel() {
            return Err(Refusal::workload("a unikernel has no kernel to call"));
        }
        let words = workload.words();
        let number = words.get(1).map_or(String::new(), |number| format!(" n={number}"));
        Ok(Files {
            kernel: ground.programs.unikernel.clone(),
            initrd: None,
            line: format!("kind={}{number} marks=serial", words[0]),
        })
    }
}
