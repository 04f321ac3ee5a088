//! A security module's profile for the program (`process.apparmorProfile`, `process.selinuxLabel`).
//!
//! The process writes which profile its *next* program shall have into its own `/proc/thread-self/attr`. The
//! `/proc` is the container's, and may have been made by somebody who would like the write to go elsewhere
//! (CVE-2019-16884): it counts only if it really is a `proc` file system.

use crate::error::{Context, Error};
use oci_spec::runtime::Process;
use rustix::fs::{CWD, Mode, OFlags, PROC_SUPER_MAGIC, fstatfs, openat};
use rustix::io::{Errno, write};

/// A label to start the program with.
#[derive(Clone, Debug)]
pub struct Label {
    property: &'static str,
    files: &'static [&'static str],
    text: String,
}

impl Label {
    /// The labels that the configuration asks for. That the kernel has no such module is known only when it
    /// refuses.
    pub fn all_of(process: &Process) -> Vec<Self> {
        let mut labels = Vec::new();
        if let Some(profile) = given(process.apparmor_profile().as_ref()) {
            labels.push(Self {
                property: "process.apparmorProfile",
                files: &["/proc/thread-self/attr/apparmor/exec", "/proc/thread-self/attr/exec"],
                text: format!("exec {profile}"),
            });
        }
        if let Some(label) = given(process.selinux_label().as_ref()) {
            labels.push(Self {
                property: "process.selinuxLabel",
                files: &["/proc/thread-self/attr/exec"],
                text: label.clone(),
            });
        }
        labels
    }

    /// Writes it.
    pub(crate) fn apply(&self) -> Result<(), Error> {
        let mut refusal = Errno::NOENT;
        for &file in self.files {
            match openat(CWD, file, OFlags::WRONLY | OFlags::CLOEXEC | OFlags::NOCTTY, Mode::empty()) {
                Ok(opened) => {
                    if fstatfs(&opened).at("looking at", file)?.f_type != PROC_SUPER_MAGIC {
                        return Err(Error::property(self.property, format!("{file} is not the kernel's")));
                    }
                    match write(&opened, self.text.as_bytes()) {
                        Ok(_) => return Ok(()),
                        Err(error) => refusal = error,
                    }
                    break;
                }
                Err(error) => refusal = error,
            }
        }
        Err(Error::property(
            self.property,
            format!(
                "{}: {refusal}: this kernel does not run that security module, or has no such label",
                self.text
            ),
        ))
    }
}

fn given(text: Option<&String>) -> Option<&String> {
    text.filter(|text| !text.is_empty())
}
