//! One value for one file of a group: how a limit reaches the kernel (`cgroups(7)`).
//!
//! Some values are valid only together with others: swap may not be under memory, a burst not above its
//! quota, and which of the two has to be written first depends on what stands there now. So what the
//! kernel calls invalid (`EINVAL`) is tried again after the rest, until nothing changes any more.

use super::problem::Problem;
use rustix::fs::{CWD, Mode, OFlags, openat};
use rustix::io::{Errno, write};
use std::borrow::Cow;
use std::fs;
use std::path::{Path, PathBuf};

/// The version of cgroups in which a controller is mounted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Version {
    V1,
    V2,
}

/// What it means that a group lacks the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum IfMissing {
    /// The property cannot be had.
    Refuse,
    /// The property is met without it.
    Skip,
    /// The property is met as long as the machine has no swap.
    SkipWithoutSwap,
}

/// `ENOTSUPP`, which the kernel should keep to itself, but which this code path tells.
const NOT_SUPPORTED: Errno = Errno::from_raw_os_error(524);

/// One value to write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Setting {
    /// The property of the configuration, below `linux.resources`.
    pub(super) property: Cow<'static, str>,
    /// The kernel's name of the controller whose file it is; empty: every group has the file.
    pub(super) controller: Cow<'static, str>,
    pub(super) version: Version,
    /// The file and the text for it. Kernels name some files differently: the first that exists counts.
    pub(super) choices: Vec<(Cow<'static, str>, String)>,
    pub(super) if_missing: IfMissing,
}

impl Setting {
    pub(super) fn v1(
        property: &'static str,
        controller: &'static str,
        file: &'static str,
        value: &(impl ToString + ?Sized),
    ) -> Self {
        Self {
            property: property.into(),
            controller: controller.into(),
            version: Version::V1,
            choices: vec![(file.into(), value.to_string())],
            if_missing: IfMissing::Refuse,
        }
    }

    /// The controller is the part of the file's name before the first dot.
    pub(super) fn v2(property: &'static str, file: &'static str, value: &(impl ToString + ?Sized)) -> Self {
        let controller = file.split_once('.').map_or("", |(controller, _)| controller);
        Self { version: Version::V2, ..Self::v1(property, controller, file, value) }
    }

    pub(super) fn if_missing(self, if_missing: IfMissing) -> Self {
        Self { if_missing, ..self }
    }

    pub(super) fn or(mut self, file: &'static str, value: &(impl ToString + ?Sized)) -> Self {
        self.choices.push((file.into(), value.to_string()));
        self
    }

    /// Writes it into the group `folder`.
    fn apply(&self, folder: &Path) -> Result<(), Problem> {
        let mut missing = PathBuf::new();
        for (name, value) in &self.choices {
            let file = folder.join(&**name);
            match write_file(&file, value.as_bytes()) {
                Ok(()) => return Ok(()),
                // Some kernels have the file of a limit that they gave up.
                Err(Errno::NOENT | Errno::OPNOTSUPP | NOT_SUPPORTED) => missing = file,
                Err(source) => {
                    let property = self.property.clone().into();
                    return Err(Problem::Write { property, value: value.clone(), file, source });
                }
            }
        }
        let needed = match self.if_missing {
            IfMissing::Refuse => true,
            IfMissing::Skip => false,
            // One line is the heading.
            IfMissing::SkipWithoutSwap => {
                fs::read_to_string("/proc/swaps").is_ok_and(|table| table.lines().count() > 1)
            }
        };
        let why = format!("this kernel does not support {}", missing.display());
        if needed { Err(Problem::unavailable(self.property.clone(), why)) } else { Ok(()) }
    }
}

/// Writes all of `settings`, each into the folder that `folder` names for it.
pub(super) fn apply_all<'a>(
    settings: impl IntoIterator<Item = &'a Setting>,
    folder: impl Fn(&Setting) -> Option<&'a Path>,
) -> Result<(), Problem> {
    let mut waiting: Vec<&Setting> = settings.into_iter().collect();
    loop {
        let (mut invalid, mut first) = (Vec::new(), None);
        for setting in &waiting {
            let Some(folder) = folder(setting) else {
                let why = format!("the container has no group of the controller {}", setting.controller);
                return Err(Problem::unavailable(setting.property.clone(), why));
            };
            match setting.apply(folder) {
                Ok(()) => {}
                Err(problem @ Problem::Write { source: Errno::INVAL, .. }) => {
                    first.get_or_insert(problem);
                    invalid.push(*setting);
                }
                Err(problem) => return Err(problem),
            }
        }
        match first {
            None => return Ok(()),
            Some(problem) if invalid.len() == waiting.len() => return Err(problem),
            Some(_) => waiting = invalid,
        }
    }
}

/// Writes a file of a group: in one call, as the kernel takes a value.
pub(super) fn write_file(file: &Path, value: &[u8]) -> Result<(), Errno> {
    let file = openat(CWD, file, OFlags::WRONLY | OFlags::CLOEXEC, Mode::empty())?;
    write(&file, value).map(drop)
}
