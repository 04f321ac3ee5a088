//! Where the measured programs are.
//!
//! They are built beside the lab by its build script. They are looked for in the folder that the
//! environment variable `ISOLAB_PROGRAMS` names, then next to the lab's own program, then where the
//! build left them: all of them in one folder. `cargo test` leaves programs of the same names next to the lab that
//! are built like any other, and no good to measure.

use std::path::{Path, PathBuf};

/// The folder where the build script put the programs.
const BUILT: &str = env!("ISOLAB_PROGRAMS");

const UNIKERNEL: &str = "isolab-unikernel";

/// A measured program is not where it should be.
#[derive(Debug, thiserror::Error)]
#[error(
    "the program {name} is in none of: {places}; build it with `cargo build`, or set ISOLAB_PROGRAMS to its folder"
)]
pub struct Missing {
    name: &'static str,
    places: String,
}

/// The paths of all programs that are measured.
#[derive(Clone, Debug)]
pub struct Programs {
    /// The workload itself.
    pub workload: PathBuf,
    /// The container runtime.
    pub runtime: PathBuf,
    /// The VMM.
    pub microvm: PathBuf,
    /// The guest that is the workload.
    pub unikernel: PathBuf,
    /// PID 1 of a Linux guest.
    pub init: PathBuf,
    /// The barest container.
    pub container_floor: PathBuf,
    /// The barest VM.
    pub kvm_floor: PathBuf,
}

impl Programs {
    /// Finds all of them.
    pub fn find() -> Result<Programs, Missing> {
        let given = std::env::var_os("ISOLAB_PROGRAMS").map(PathBuf::from);
        let beside = std::env::current_exe().ok().and_then(|lab| Some(lab.parent()?.to_path_buf()));
        let folders: Vec<PathBuf> = given.into_iter().chain(beside).chain([PathBuf::from(BUILT)]).collect();
        // Only the nested build makes it, so where it lies, all do.
        let whole = folders.iter().position(|folder| folder.join(UNIKERNEL).is_file());
        Programs::among(whole.map_or(&folders[..], |one| &folders[one..=one]))
    }

    /// Those of another build: all of them in this folder.
    pub fn of(folder: &Path) -> Result<Programs, Missing> {
        Programs::among(&[folder.to_path_buf()])
    }

    fn among(folders: &[PathBuf]) -> Result<Programs, Missing> {
        let find = |name: &'static str| {
            folders.iter().map(|folder| folder.join(name)).find(|path| path.is_file()).ok_or_else(|| {
                let places: Vec<_> = folders.iter().map(|folder| folder.display().to_string()).collect();
                Missing { name, places: places.join(", ") }
            })
        };
        Ok(Programs {
            unikernel: find(UNIKERNEL)?,
            workload: find("isolab-workload")?,
            runtime: find("isolab-runtime")?,
            microvm: find("isolab-microvm")?,
            init: find("isolab-init")?,
            container_floor: find("isolab-container-floor")?,
            kvm_floor: find("isolab-kvm-floor")?,
        })
    }

    /// All of them.
    pub fn all(&self) -> [&Path; 7] {
        let Programs { workload, runtime, microvm, unikernel, init, container_floor, kvm_floor } = self;
        [workload, runtime, microvm, unikernel, init, container_floor, kvm_floor].map(PathBuf::as_path)
    }
}
