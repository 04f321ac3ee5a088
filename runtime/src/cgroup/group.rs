//! One container's groups, from their making to their removal.
//!
//! The order in [`Place::create`] is the point: the folders, then the limits, then the rules for devices, and
//! all of it before there is a process, which so is limited from its first instruction. What fails takes
//! back what was made. After that the folders are the container's, and outlive the process that made
//! them: whoever removes the container removes them.

use super::below::Below;
use super::detect::{Hierarchy, read_at_once};
use super::folders::{make, remove, remove_parents};
use super::joining::Joining;
use super::members::{is_populated, kill_all, pids};
use super::place::{Folder, Place, Unified, needed};
use super::problem::Problem;
use super::setting::{Setting, Version, apply_all};
use super::{devices, settings, v2};
use crate::error::{Context, Error};
use crate::privilege::is_host_root;
use oci_spec::runtime::LinuxResources;
use rustix::fs::{Access, CWD, Mode, OFlags, access, mkdir, openat, rmdir};
use rustix::io::Errno;
use std::cell::OnceCell;
use std::fs;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Of a group's folder: others may look.
pub(super) const MODE: Mode = Mode::from_raw_mode(0o755);

/// The groups of one container.
#[derive(Debug, Default)]
pub struct Group {
    pub(super) place: Place,
    /// Just made: nothing of it can have come late.
    new: bool,
    /// The folder of version 2, once it was opened.
    folder: OnceCell<Arc<OwnedFd>>,
}

impl Place {
    /// Makes the groups, with these limits in force.
    pub fn create(self, resources: &LinuxResources) -> Result<Group, Error> {
        let group = Group { place: self, new: true, folder: OnceCell::new() };
        let mut made = Vec::new();
        let result = group.make(resources, &mut made);
        if result.is_err() {
            // The failure is the error to report; a sweep takes what is left.
            for folder in made.iter().rev() {
                let _ = remove(folder);
            }
        }
        result.map(|()| group)
    }
}

impl Group {
    /// The groups of a container that was made earlier. What is gone is not missed.
    pub fn open(place: Place) -> Self {
        Self { place, new: false, folder: OnceCell::new() }
    }

    fn make(&self, resources: &LinuxResources, made: &mut Vec<PathBuf>) -> Result<(), Error> {
        for folder in &self.place.v1 {
            make(&folder.path, folder.has("cpuset"), made)?;
        }
        let mut settings = self.settings(resources, false)?;
        if let Some(unified) = &self.place.v2 {
            // In one step where all is ready, unless a sweep has removed the parent since.
            if unified.ready && mkdir(&unified.path, MODE).is_ok() {
                made.push(unified.path.clone());
            } else {
                make_v2(unified, &needed(&settings), made)?;
            }
        }
        // One that was there before may be used again, but not shared.
        let old = self.place.folders().find(|&folder| !made.iter().any(|made| made == folder));
        if let Some(path) = old.filter(|folder| is_populated(folder)) {
            let why = "this cgroup is in use: it has processes".into();
            return Err(Problem::Path { path: path.into(), why }.into());
        }
        if old.is_some() {
            settings = self.settings(resources, true)?;
        }
        apply_all(&settings, |setting| self.folder_of(setting))?;
        self.rule_devices(resources, old.is_none())
    }

    /// Changes the limits of a living container; what is not given stays.
    pub fn apply(&self, resources: &LinuxResources) -> Result<(), Error> {
        let settings = self.settings(resources, true)?;
        if let Some((unified, parent)) = self.place.v2.as_ref().and_then(|v2| Some((v2, v2.path.parent()?))) {
            v2::enable(&unified.top, parent, &needed(&settings), &unified.wanted)?;
        }
        let missing = |setting: &&Setting| {
            let late = self.place.late.iter().find(|folder| folder.has(&setting.controller))?;
            (setting.version == Version::V1).then_some(late)
        };
        let late: Vec<&Folder> = settings.iter().filter_map(|setting| missing(&setting)).collect();
        if !late.is_empty() {
            self.gather(&late)?;
        }
        apply_all(&settings, |setting| self.folder_of(setting))?;
        if resources.devices().is_some() { self.rule_devices(resources, false) } else { Ok(()) }
    }

    /// What has to be written; for a group that is not new, in view of what is written there now.
    fn settings(&self, resources: &LinuxResources, old: bool) -> Result<Vec<Setting>, Error> {
        let read = |file: &str| {
            let folder = &self.place.v2.as_ref()?.path;
            Some(String::from_utf8_lossy(&read_at_once(folder.join(file)).ok()?).into_owned())
        };
        let current = old.then_some(&read as &dyn Fn(&str) -> Option<String>);
        Ok(settings::of(resources, &|controller| self.place.version(controller), current)?)
    }

    fn folder_of(&self, setting: &Setting) -> Option<&Path> {
        match setting.version {
            Version::V1 => self.v1_folder(&setting.controller),
            Version::V2 => self.place.v2.as_ref().map(|unified| &*unified.path),
        }
    }

    /// The folder in the hierarchy of version 1 that has this controller, made or not.
    pub(super) fn v1_folder(&self, controller: &str) -> Option<&Path> {
        let mut all = self.place.v1.iter().chain(&self.place.late);
        all.find(|folder| folder.has(controller)).map(|folder| &*folder.path)
    }

    /// Rules for devices are root's to make: the kernel takes them from nobody else, not even from the root of
    /// a user namespace, who for his part can make no device nodes.
    fn rule_devices(&self, resources: &LinuxResources, new: bool) -> Result<(), Error> {
        if !is_host_root() {
            return Ok(());
        }
        let rules = devices::all(resources.devices().as_deref().unwrap_or_default())?;
        let result = if let Some(folder) = self.place.v1.iter().find(|folder| folder.has("devices")) {
            let list = devices::v1::List::of(&rules)?;
            let now = if new { devices::v1::allows_all() } else { devices::v1::read(&folder.path)? };
            list.enforce(&folder.path, &now).map_err(Error::from)
        } else if let Some(unified) = self.place.v2.as_ref().filter(|_| self.v1_folder("devices").is_none()) {
            devices::enforce(&rules, &*self.open_v2(unified)?, new)
        } else {
            Ok(())
        };
        match result {
            Err(error) if is_permission(&error) && in_user_namespace() => Ok(()),
            // A kernel without such programs (`CONFIG_CGROUP_BPF`), and nobody has asked for rules.
            Err(error) if resources.devices().is_none() && is_unknown(&error) => Ok(()),
            result => result,
        }
    }

    /// The folders, in every hierarchy: what the container uses can be read in them.
    pub fn folders(&self) -> impl Iterator<Item = &Path> {
        self.place.folders()
    }

    /// Where the groups are.
    pub fn place(&self) -> &Place {
        &self.place
    }

    /// Opens the ways in.
    pub fn joining(&self) -> Result<Joining, Error> {
        let folder = self.place.v2.as_ref().map(|unified| self.open_v2(unified)).transpose()?;
        Joining::open(&self.place, folder, self.new)
    }

    /// Opens the ways in for one more process: into these groups below the container's; without any, into its own, or
    /// where that takes no processes, as it has handed controllers on, into that of its first process.
    pub fn joining_below(&self, groups: &[Below], first: i32) -> Result<Joining, Error> {
        let handed_on = |unified: &&Unified| !v2::handed_on(&unified.path).is_empty();
        let mut place = self.place.clone();
        if !groups.is_empty() {
            place = place.below(groups)?;
        } else if let Some(unified) = place.v2.as_mut().filter(|unified| handed_on(&&**unified)) {
            let of_first = Hierarchy::detect()?.v2.map(|tree| tree.of(first));
            unified.path =
                of_first.filter(|path| path.starts_with(&unified.path)).unwrap_or(unified.path.clone());
        } else {
            return self.joining();
        }
        Self::open(place).joining()
    }

    fn open_v2(&self, unified: &Unified) -> Result<Arc<OwnedFd>, Error> {
        if let Some(folder) = self.folder.get() {
            return Ok(folder.clone());
        }
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let folder =
            openat(CWD, &unified.path, flags, Mode::empty()).at("opening the cgroup", &unified.path)?;
        Ok(self.folder.get_or_init(|| folder.into()).clone())
    }

    /// The processes of the container, as this PID namespace numbers them.
    pub fn pids(&self) -> Result<Vec<i32>, Error> {
        let mut pids = self.place.folders().next().map_or(Ok(Vec::new()), pids)?;
        pids.sort_unstable();
        Ok(pids)
    }

    /// Kills every process of the container and waits until none is left.
    pub fn kill_all(&self) -> Result<(), Error> {
        // Version 2 does it in one step, if the container is there.
        let first = self.place.v2.as_ref().map(|unified| &*unified.path);
        match first.or_else(|| self.place.folders().next()) {
            Some(folder) => kill_all(folder, self.v1_folder("freezer").filter(|folder| folder.exists())),
            None => Ok(()),
        }
    }

    /// Removes the groups, and ends whoever is left in them: without a PID namespace of its own, a container's
    /// processes outlive its first one.
    pub fn remove(&self) -> Result<(), Error> {
        let late = match self.place.late.split_first() {
            Some((first, rest)) if access(&first.path, Access::EXISTS).is_ok() => {
                rest.iter().chain([first]).collect()
            }
            _ => Vec::new(),
        };
        let folders = self.place.folders().chain(late.into_iter().map(|folder| &*folder.path));
        let mut killed = false;
        let mut each = |folder| match rmdir(folder) {
            Err(Errno::BUSY) => {
                if !std::mem::replace(&mut killed, true) {
                    self.kill_all()?;
                }
                remove(folder).at("removing the cgroup", folder)
            }
            Ok(()) | Err(Errno::NOENT) => Ok(()),
            error => error.at("removing the cgroup", folder),
        };
        // All of them, whatever becomes of one.
        let results: Vec<_> = folders.map(&mut each).collect();
        self.place.folders().for_each(remove_parents);
        results.into_iter().collect()
    }
}

/// Makes the folder of version 2, and enables what is needed on the way to it.
fn make_v2(unified: &Unified, needed: &[String], made: &mut Vec<PathBuf>) -> Result<(), Error> {
    if let Some(parent) = unified.path.parent() {
        make(parent, false, made)?;
        v2::enable(&unified.top, parent, needed, &unified.wanted)?;
    }
    make(&unified.path, false, made)
}

/// Whether this process is in a user namespace below the first, which maps all numbers to themselves.
fn in_user_namespace() -> bool {
    let map = fs::read_to_string("/proc/self/uid_map").unwrap_or_default();
    !map.split_whitespace().eq(["0", "0", "4294967295"])
}

/// Whether the kernel refused for want of power.
fn is_permission(error: &Error) -> bool {
    matches!(reason(error), Some(Errno::PERM | Errno::ACCESS))
}

fn is_unknown(error: &Error) -> bool {
    matches!(reason(error), Some(Errno::NOSYS | Errno::INVAL))
}

fn reason(error: &Error) -> Option<Errno> {
    use Error::{Cgroup, Step};
    let (Step { source, .. } | Cgroup(Problem::Write { source, .. })) = error else { return None };
    Some(*source)
}
