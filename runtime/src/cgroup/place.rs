//! Where a container's groups will be: worked out before anything is made, so that it can be written down
//! first and found again after a crash at any later moment ("Cgroups Path" in `config-linux.md`).
//!
//! An absolute path begins at the hierarchy's mount. A relative one, and the container's name if there is
//! none, lie in isolab's own folder. Engines give a path and read their statistics below it in every
//! hierarchy, so there the container is put in all of them. Without a path it gets those of version 1 that
//! its configuration needs, because each costs its making, joining and removal. The others are made
//! *late*, when somebody asks to pause it or gives it a new limit.

use super::detect::Hierarchy;
use super::devices;
use super::members::is_populated;
use super::owner::Owner;
use super::problem::Problem;
use super::setting::{Setting, Version};
use super::settings;
use super::{FOLDER, refused, v1, v2, writable};
use crate::error::Error;
use crate::privilege::is_host_root;
use oci_spec::runtime::LinuxResources;
use rustix::io::Errno;
use serde::{Deserialize, Serialize};
use std::path::{Component, Path, PathBuf};

/// One folder in a hierarchy of version 1.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Folder {
    pub(super) path: PathBuf,
    pub(super) controllers: Vec<String>,
}

impl Folder {
    pub(super) fn has(&self, controller: &str) -> bool {
        self.controllers.iter().any(|name| name == controller)
    }
}

/// The folder in the hierarchy of version 2.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Unified {
    pub(super) path: PathBuf,
    /// The topmost group in which controllers may have to be enabled.
    pub(super) top: PathBuf,
    /// What is enabled beyond what the configuration needs, if it goes: engines read statistics.
    pub(super) wanted: Vec<String>,
    /// Whether all of it was enabled when this was planned.
    #[serde(skip)]
    pub(super) ready: bool,
}

/// The folders of one container, made or not.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    pub(super) v1: Vec<Folder>,
    /// Made when they are needed. The first is there exactly when any of them may be.
    pub(super) late: Vec<Folder>,
    pub(super) v2: Option<Unified>,
    /// Why there is none, where there is none.
    pub(super) without: Option<String>,
}

impl Place {
    /// In which version this place has a controller, or could.
    pub(super) fn version(&self, controller: &str) -> Option<Version> {
        let in_v1 = self.v1.iter().chain(&self.late).any(|folder| folder.has(controller));
        in_v1.then_some(Version::V1).or_else(|| self.v2.as_ref().map(|_| Version::V2))
    }

    /// Every folder that is made at the start.
    pub fn folders(&self) -> impl Iterator<Item = &Path> {
        let v1 = self.v1.iter().map(|folder| &*folder.path);
        v1.chain(self.v2.iter().map(|unified| &*unified.path))
    }

    /// An error with the reason `why`, if there are processes.
    pub fn must_be_empty(&self, why: &str) -> Result<(), Error> {
        for folder in [self.v1.first().map(|folder| &folder.path), self.v2.as_ref().map(|v2| &v2.path)] {
            if let Some(folder) = folder.filter(|folder| is_populated(folder)) {
                return Err(Problem::Path { path: folder.clone(), why: why.into() }.into());
            }
        }
        Ok(())
    }

    /// Why the container is in no group, if it is in none.
    pub fn without(&self) -> Option<&str> {
        self.without.as_deref()
    }
}

impl Hierarchy {
    /// Where the groups of the container `id` will be, with its `cgroups_path` if it has one. Checks the
    /// configuration, what permissions tell, and that nobody else is there; makes nothing.
    pub fn plan(
        &self,
        cgroups_path: Option<&Path>,
        id: &str,
        resources: &LinuxResources,
    ) -> Result<Place, Error> {
        let place = self.locate(cgroups_path, id, resources)?;
        place.must_be_empty("this cgroup is in use: it has processes")?;
        Ok(place)
    }

    /// The same for a container that may be there already, and whose record is lost.
    pub fn locate(
        &self,
        cgroups_path: Option<&Path>,
        id: &str,
        resources: &LinuxResources,
    ) -> Result<Place, Error> {
        let settings = settings::of(resources, &|controller| self.version(controller), None)?;
        let rules = devices::all(resources.devices().as_deref().unwrap_or_default())?;
        let rules_in = if is_host_root() { self.version_of_devices() } else { None };
        if rules_in == Some(Version::V1) {
            devices::v1::List::of(&rules)?;
        }
        let place = match cgroups_path.filter(|path| !path.as_os_str().is_empty()) {
            Some(path) => self.at(path, &settings)?,
            None => self.below(Path::new(&name(id)?), false, &settings, rules_in)?,
        };
        if rules_in.is_none() && is_host_root() && resources.devices().is_some() {
            let why = "this host has neither the controller devices nor cgroup version 2";
            return Err(Problem::unavailable("devices", why).into());
        }
        Ok(place)
    }

    fn version_of_devices(&self) -> Option<Version> {
        let in_v1 = self.v1.iter().any(|tree| tree.has("devices"));
        in_v1.then_some(Version::V1).or_else(|| self.v2.as_ref().map(|_| Version::V2))
    }

    fn at(&self, path: &Path, settings: &[Setting]) -> Result<Place, Error> {
        let invalid = |why: &str| Error::from(Problem::Path { path: path.into(), why: why.into() });
        if path.components().any(|part| part == Component::ParentDir) {
            return Err(invalid("must not contain .."));
        }
        let Ok(rest) = path.strip_prefix("/") else { return self.below(path, true, settings, None) };
        if rest.as_os_str().is_empty() {
            return Err(invalid("the root of all groups is nobody's own"));
        }
        let mut place = Place::default();
        for tree in &self.v1 {
            let needed =
                settings.iter().any(|each| each.version == Version::V1 && tree.has(&each.controller));
            // A user's container is where it can be.
            if needed || is_host_root() {
                let path = tree.mount.join(rest);
                place.v1.push(Folder { path, controllers: tree.controllers.clone() });
            }
        }
        if let Some(tree) = self.v2.as_ref().filter(|_| self.v1.is_empty() || in_v2(settings)) {
            let (top, path) = (tree.mount.clone(), tree.mount.join(rest));
            match can_make(&path) {
                Err(error) if !in_v2(settings) && !is_host_root() => {
                    place.without = Some(format!("no cgroup can be made at {}: {error}", path.display()));
                }
                _ => {
                    place.v2 = Some(Unified { path, top, wanted: self.unified().to_vec(), ready: false });
                }
            }
        }
        if place.folders().next().is_none() {
            place.without.get_or_insert_with(|| "an ordinary user can make none in version 1".into());
        }
        Ok(place)
    }

    /// In isolab's own folder. `everywhere`: in every hierarchy of version 1.
    fn below(
        &self,
        name: &Path,
        everywhere: bool,
        settings: &[Setting],
        rules_in: Option<Version>,
    ) -> Result<Place, Error> {
        let mut place = Place::default();
        for tree in &self.v1 {
            let limit =
                settings.iter().find(|each| tree.has(&each.controller) && each.version == Version::V1);
            let rules = rules_in == Some(Version::V1) && tree.has("devices");
            let controller = limit.map_or("cgroup", |limit| &limit.controller);
            let base = if limit.is_some() || rules || everywhere {
                match v1::base(tree, controller) {
                    Ok(base) => base,
                    Err(error) if limit.is_some() => return Err(error),
                    Err(error) => {
                        place.without.get_or_insert_with(|| error.line());
                        continue;
                    }
                }
            } else {
                tree.mount.clone()
            };
            let path = base.join(FOLDER).join(name);
            let folder = Folder { path, controllers: tree.controllers.clone() };
            match (limit.is_some() || rules || everywhere, folder.has("freezer")) {
                (true, _) => place.v1.push(folder),
                // The one that says whether there are any stands first.
                (false, true) => place.late.insert(0, folder),
                (false, false) => place.late.push(folder),
            }
        }
        if !place.late.first().is_some_and(|folder| folder.has("freezer")) || !is_host_root() {
            place.late.clear();
        }
        // With no group at all nobody could find the container's processes again.
        if place.v1.is_empty() && !place.late.is_empty() {
            place.v1.push(place.late.remove(0));
            place.late.clear();
        }
        if let Some(tree) = self.v2.as_ref().filter(|_| self.v1.is_empty() || in_v2(settings)) {
            let needed = needed(settings);
            match v2::base(tree, &needed, self.ready()) {
                Ok((base, ready)) => {
                    let ready = ready && !everywhere;
                    let wanted = if everywhere { v2::controllers(&base) } else { Vec::new() };
                    let path = base.join(FOLDER).join(name);
                    place.v2 = Some(Unified { path, top: base, wanted, ready });
                }
                Err(error) if in_v2(settings) => return Err(error),
                Err(error) => place.without = Some(error.line()),
            }
        }
        if place.folders().next().is_some() {
            place.without = None;
        } else if place.without.is_none() {
            place.without = Some(refused("cgroup", "no cgroup hierarchy can be written".into()).line());
        }
        Ok(place)
    }
}

/// Whether permissions allow a group there: those of the nearest folder that exists.
fn can_make(path: &Path) -> Result<(), Errno> {
    let mut result = Ok(());
    for folder in path.ancestors() {
        result = writable(folder);
        if result != Err(Errno::NOENT) {
            break;
        }
    }
    result
}

fn in_v2(settings: &[Setting]) -> bool {
    settings.iter().any(|setting| setting.version == Version::V2)
}

/// The controllers of version 2 that the settings need.
pub(super) fn needed(settings: &[Setting]) -> Vec<String> {
    let mut names: Vec<String> = settings
        .iter()
        .filter(|setting| setting.version == Version::V2 && !setting.controller.is_empty())
        .map(|setting| setting.controller.clone().into())
        .collect();
    names.sort_unstable();
    names.dedup();
    names
}

/// The name of the container's folder. A sweep takes names of [`Owner`]s for those of runs that end with
/// their runtime, so only this process's own may look like one.
fn name(id: &str) -> Result<String, Error> {
    if id.is_empty() || id.starts_with('.') || id.contains(['/', '\0']) {
        let why = "the container's id is not the name of a folder".into();
        return Err(Problem::Path { path: id.into(), why }.into());
    }
    match id.parse::<Owner>() {
        Ok(owner) if !owner.is_this_process() => Ok(format!("id-{id}")),
        _ => Ok(id.into()),
    }
}
