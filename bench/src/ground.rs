//! What all launches of a run stand on: a root folder with the workload in it, and for the container's
//! floor a cgroup that exists.
//!
//! The folder's name says whose it is (process and start time), so that a lab that was killed leaves
//! nothing that [`sweep`] could not find.

use crate::kernel::{self, cache::Cache};
use crate::microvm::Kernel;
use crate::peers::{self, Found, ask::ask};
use crate::programs::Programs;
use crate::sandbox::Refusal;
use anyhow::Context;
use isolab_runtime::cgroup::owner::Owner;
use isolab_runtime::cgroup::{self, Group, Hierarchy, Limits};
use std::cell::{Cell, OnceCell, RefCell};
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::sleep;
use std::time::{Duration, Instant};

/// The limits that a measured container has: generous, so that they are paid for but never felt.
pub const LIMITS: Limits = Limits { memory: Some(1 << 30), cpus: Some(1.0), pids: Some(64) };

/// The limits of the group that all floors share: those that a container has, so that they are paid for, but with room
/// for thousands, so that together they do not feel what one container does not feel.
fn limits_of_floors() -> Limits {
    let cpus = std::thread::available_parallelism().map_or(1, usize::from);
    Limits { memory: Some(1 << 40), cpus: Some(cpus as f64), pids: Some(1 << 20) }
}

const PREFIX: &str = "isolab-";

/// A folder under the system's folder for temporary files, gone when this is dropped. All those of one process lie in
/// one, whose name says whose they are, and have names of one length, so that no path is longer than another's.
#[derive(Debug)]
pub struct Folder(PathBuf);

impl Folder {
    /// Makes one; it is empty.
    pub fn make() -> anyhow::Result<Folder> {
        static MADE: AtomicUsize = AtomicUsize::new(0);
        let name = format!("{:04}", MADE.fetch_add(1, Ordering::Relaxed));
        let folder = std::env::temp_dir().join(format!("{PREFIX}{}", Owner::this_process()?)).join(name);
        fs::create_dir_all(&folder).with_context(|| format!("making the folder {}", folder.display()))?;
        Ok(Folder(folder))
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// Whether `path` lies in a folder as they are made here, by this process or by another.
    pub fn is_ours(path: &Path) -> bool {
        let name = path.strip_prefix(std::env::temp_dir()).ok().and_then(|rest| rest.components().next());
        let name = name.and_then(|name| name.as_os_str().to_str()?.strip_prefix(PREFIX));
        name.is_some_and(|name| name.parse::<Owner>().is_ok())
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // What cannot be removed now is found again by its name. The process's own goes with the last one in it.
        let _ = fs::remove_dir_all(&self.0);
        let _ = self.0.parent().map(fs::remove_dir);
    }
}

/// The ground of one run; gone when it is dropped.
#[derive(Debug)]
pub struct Ground {
    /// The measured programs.
    pub programs: Programs,
    /// Memory of a VM, in MiB.
    pub memory_mib: u32,
    /// Why containers have no limits here; `None`: they have [`LIMITS`].
    pub without_limits: Option<String>,
    /// The cgroup that the container's floors join, made once; it has limits of the same kinds.
    floor_group: Group,
    /// The kernel of Linux guests, as it was asked for, and as it was found when it was first needed.
    asked_kernel: Option<PathBuf>,
    kernel: OnceCell<Result<Kernel, Refusal>>,
    /// Where the peers' programs are.
    pub peers: Found,
    /// Whether VMMs ask for huge pages for their guests' memory.
    pub huge_pages: Cell<bool>,
    /// How many names were given out.
    named: Cell<u64>,
    /// What is to be run when the run is over.
    at_end: RefCell<Vec<Command>>,
    folder: Folder,
}

impl Ground {
    /// Lays the ground: one folder under the system's folder for temporary files, and one cgroup. VMs have
    /// `memory_mib` MiB, Linux guests this kernel ([`Kernel::choose`]).
    pub fn lay(programs: Programs, memory_mib: u32, kernel: Option<PathBuf>) -> anyhow::Result<Ground> {
        let folder = Folder::make()?;
        let group = Hierarchy::detect().and_then(|hierarchy| hierarchy.create(&limits_of_floors()));
        let (floor_group, without_limits) = match group {
            Ok(group) => (group, None),
            Err(error) => (Group::default(), Some(error.to_string())),
        };
        let ground = Ground {
            programs,
            memory_mib,
            without_limits,
            floor_group,
            asked_kernel: kernel,
            kernel: OnceCell::new(),
            peers: Found::default(),
            huge_pages: Cell::new(false),
            named: Cell::new(0),
            at_end: RefCell::default(),
            folder,
        };
        let context = |error| {
            anyhow::Error::new(error).context(format!("laying the root folder {}", ground.rootfs().display()))
        };
        fs::create_dir_all(ground.rootfs()).map_err(context)?;
        fs::copy(&ground.programs.workload, ground.rootfs().join("isolab-workload")).map_err(context)?;
        Ok(ground)
    }

    /// The folder that is a container's root: it holds the workload and nothing else.
    pub fn rootfs(&self) -> PathBuf {
        self.folder.path().join("root")
    }

    /// The folder of this run.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The name of this run: no other has it.
    pub fn run_name(&self) -> String {
        run_name(self.folder.path())
    }

    /// What every VMM's command line has besides.
    pub fn vmm_options(&self) -> Option<&'static str> {
        self.huge_pages.get().then_some("--huge-pages")
    }

    /// A name for one container of `whose`; no other of this run, or of any run, has it.
    pub fn new_name(&self, whose: &str) -> String {
        self.named.set(self.named.get() + 1);
        format!("{}-{whose}-{}", self.run_name(), self.named.get())
    }

    /// Has `command` run when the run is over: it takes away what somebody else keeps for it.
    pub fn at_end(&self, command: Command) {
        self.at_end.borrow_mut().push(command);
    }

    /// The place of a file of this run.
    pub fn place(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The kernel that Linux guests boot, chosen and verified when it is first asked for; or why they cannot.
    pub fn kernel(&self) -> Result<&Kernel, Refusal> {
        let find = || {
            Kernel::choose(self.asked_kernel.as_deref()).map_err(|error| match error.downcast_ref() {
                Some(kernel::error::Error::Unavailable { what, fix }) => {
                    Refusal { reason: what.clone(), fix: fix.clone() }
                }
                _ => Refusal { reason: format!("{error:#}"), fix: "as the message says".into() },
            })
        };
        self.kernel.get_or_init(find).as_ref().map_err(Refusal::clone)
    }

    /// The limits of a container on this ground, in words; or why it has none.
    pub fn limits(&self) -> String {
        match (&self.without_limits, LIMITS.memory, LIMITS.cpus, LIMITS.pids) {
            (None, Some(memory), Some(cpus), Some(pids)) => {
                format!("memory {} MiB, {cpus} CPU, {pids} pids", memory >> 20)
            }
            (why, ..) => format!("none: {}", why.as_deref().unwrap_or("not asked for")),
        }
    }

    /// The folders of the floor's cgroup.
    pub fn floor_groups(&self) -> impl Iterator<Item = &Path> {
        self.floor_group.folders()
    }
}

impl Drop for Ground {
    fn drop(&mut self) {
        for command in self.at_end.take() {
            // Its owner says no: then it keeps it, under the run's name.
            let _ = ask(command);
        }
        // What cannot be removed now is found again by its name.
        let _ = self.floor_group.remove();
    }
}

/// The name of the run whose folder this is: `isolab-run-PID-START.NUMBER`. Without its prefix it names the owner of a
/// cgroup, so that a sweep finds those too that a peer has made.
fn run_name(folder: &Path) -> String {
    let [process, number] = [folder.parent(), Some(folder)]
        .map(|path| path.and_then(Path::file_name).unwrap_or_default().to_string_lossy());
    format!("{process}.{number}")
}

/// The cgroup of a container of this name, in isolab's own folder of each hierarchy.
pub fn group_of(name: &str) -> String {
    format!("/isolab/{}", name.strip_prefix(PREFIX).unwrap_or(name))
}

/// Removes what labs and runtimes that were killed have left: cgroups, folders with what engines keep for them, and
/// unfinished kernels.
/// Returns what it removed, and what it could not remove with the reason.
pub fn sweep() -> anyhow::Result<cgroup::Swept> {
    let folder = std::env::temp_dir();
    // One sweep at a time, and engines before cgroups: podman's monitor lives in the lab's group, and podman takes a
    // container for ended whose monitor is dead.
    let turn = turn(&folder);
    let mut swept = cgroup::Swept::default();
    sweep_folder(&folder, &mut swept);
    let groups = cgroup::sweep()?;
    drop(turn);
    swept.removed.extend(groups.removed);
    swept.left.extend(groups.left);
    if let Ok(kernels) = Cache::of_user() {
        sweep_folder(&kernels.staging(), &mut swept);
    }
    Ok(swept)
}

/// Waits until no other sweep holds `folder`; for so long only, since anybody may lock a folder that is everybody's.
fn turn(folder: &Path) -> Option<File> {
    let folder = File::open(folder).ok()?;
    let deadline = Instant::now() + Duration::from_secs(20);
    while folder.try_lock().is_err() {
        if Instant::now() > deadline {
            return None;
        }
        sleep(Duration::from_millis(20));
    }
    Some(folder)
}

/// Has peers remove what they keep for the runs of a dead lab, whose folder this is.
fn bury(folder: &Path) -> Result<(), String> {
    let mut runs = fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
    runs.try_for_each(|run| peers::bury(&run, &run_name(&run)))
}

/// Removes what is in `folder`, if there is one, by processes that have ended.
fn sweep_folder(folder: &Path, swept: &mut cgroup::Swept) {
    let found = match fs::read_dir(folder) {
        Ok(found) => found,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return,
        // Another user's, such as the home that `sudo -u` has left in the environment.
        Err(error) => return swept.left.push((folder.into(), error.to_string())),
    };
    for entry in found.flatten() {
        let name = entry.file_name();
        let owner = name.to_str().and_then(|name| name.strip_prefix(PREFIX)?.parse::<Owner>().ok());
        if owner.is_none_or(Owner::is_alive) {
            continue;
        }
        if let Err(why) = bury(&entry.path()) {
            swept.left.push((entry.path(), why));
            continue;
        }
        match fs::remove_dir_all(entry.path()) {
            Ok(()) => swept.removed.push(entry.path()),
            // Another sweep was faster.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => swept.left.push((entry.path(), error.to_string())),
        }
    }
}
