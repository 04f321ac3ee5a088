//! Groups below the container's own, which it has made itself (`exec --cgroup`, as runc documents it).

use super::place::Place;
use super::problem::Problem;
use crate::error::Error;
use std::mem;
use std::path::{Component, Path, PathBuf};
use std::str::FromStr;

/// A group, and in version 1 the hierarchies in which it is meant; none named: all of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Below {
    controllers: Vec<String>,
    path: PathBuf,
}

impl FromStr for Below {
    type Err = &'static str;

    /// `PATH` or `CONTROLLER[,CONTROLLER…]:PATH`.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (names, path) = text.split_once(':').map_or((None, text), |(names, path)| (Some(names), path));
        let controllers: Vec<String> =
            names.map(|names| names.split(',').map(Into::into).collect()).unwrap_or_default();
        if path.contains(':') || controllers.iter().any(String::is_empty) {
            return Err("a group is PATH or CONTROLLER[,CONTROLLER…]:PATH");
        }
        let path = Path::new(path.trim_start_matches('/'));
        if path.components().any(|part| part == Component::ParentDir) {
            return Err("a group below the container's: a path must not contain ..");
        }
        Ok(Self { controllers, path: path.into() })
    }
}

impl Place {
    /// The same place with these groups instead of the container's own.
    pub(super) fn below(mut self, groups: &[Below]) -> Result<Self, Error> {
        // Those that were made late are groups like the others.
        let late = mem::take(&mut self.late);
        self.v1.extend(late.into_iter().filter(|folder| folder.path.exists()));
        for (index, Below { controllers, path }) in groups.iter().enumerate() {
            let wrong = |why: String| Error::from(Problem::Below { path: path.clone(), why });
            if controllers.is_empty() && groups.len() > 1 {
                return Err(wrong("of several, each needs its controllers (CONTROLLER:PATH)".into()));
            }
            for name in controllers {
                if groups[..index].iter().any(|earlier| earlier.controllers.contains(name)) {
                    return Err(wrong(format!("the controller {name} is there twice")));
                }
                if !self.v1.iter().any(|folder| folder.has(name)) {
                    let why =
                        "the container has no group of it in version 1, and in version 2 a path says all";
                    return Err(wrong(format!("controller {name}: {why}")));
                }
            }
            let meant = |has: &dyn Fn(&String) -> bool| controllers.is_empty() || controllers.iter().any(has);
            for folder in &mut self.v1 {
                if meant(&|name| folder.controllers.contains(name)) {
                    folder.path.push(path);
                }
            }
            if let Some(unified) = self.v2.as_mut().filter(|_| controllers.is_empty()) {
                unified.path.push(path);
            }
        }
        Ok(self)
    }
}
