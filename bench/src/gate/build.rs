//! A build to gate: a folder of built programs, or a git revision that is built here (`git-worktree(1)`).
//!
//! A revision is checked out in a worktree of its own, in a folder that goes away however this ends, and built there by
//! the command that builds everything, `cargo build --release`. What is kept, by commit, are the measured programs
//! only: a second gate against the same commit builds nothing. All revisions share one target folder, so that their
//! dependencies are compiled once.
//!
//! What measures is always this very lab: only the programs differ. They are copied into folders whose paths are
//! equally long, since the length of a path moves a new process's stack and with it its times (T. Mytkowicz et al.,
//! "Producing Wrong Data Without Doing Anything Obviously Wrong!", ASPLOS 2009).

use crate::ground::Folder;
use crate::interrupt::Interrupt;
use crate::kernel::cache::Cache;
use crate::kernel::error::Error as ToolError;
use crate::kernel::{manifest, tool};
use crate::programs::{Missing, Programs};
use crate::samples::Commit;
use indicatif::ProgressBar;
use isolab_timeline::file::{At, FileError};
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

/// The compiler's lines that are shown when a revision does not build.
const SHOWN: usize = 20;
/// Hexadecimal digits of the compiler's digest in the name of what is kept.
const DIGITS: usize = 8;

/// A build cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// It is neither a folder nor a revision.
    #[error(
        "{0:?} is neither a folder of built programs, a samples.json, nor a git revision here ({1}); name a folder as \
         `cargo build` makes it, or a revision as git does: main, HEAD~1, a tag"
    )]
    Unknown(String, String),
    /// A folder without the programs.
    #[error(transparent)]
    Missing(#[from] Missing),
    /// The compiler says no.
    #[error("revision {revision} ({commit}) does not build; the build's last lines:\n{said}")]
    Compile {
        /// As it was named.
        revision: String,
        /// Which that is.
        commit: String,
        /// What the build said last.
        said: String,
    },
    /// A file of ours.
    #[error(transparent)]
    File(#[from] FileError),
    /// git or cargo are missing, or somebody interrupted.
    #[error(transparent)]
    Tool(#[from] ToolError),
    /// No folder for temporary files.
    #[error("{0:#}")]
    Folder(anyhow::Error),
}

/// A build, ready to be launched; gone when it is dropped.
#[derive(Debug)]
pub struct Build {
    /// As it was named.
    pub name: String,
    /// The state of the source that it was built from, as far as that is known.
    pub commit: Commit,
    /// Copies of its programs.
    pub programs: Programs,
    /// Where they lie.
    _folder: Folder,
}

impl Build {
    /// Finds or builds what `name` names.
    pub fn find(name: &str, interrupt: &Interrupt, bar: &ProgressBar) -> Result<Build, BuildError> {
        let folder = Path::new(name);
        if folder.is_dir() {
            let unknown = "unknown: given as a folder of built programs".into();
            return Build::of(name, Commit { id: unknown, dirty: true }, &Programs::of(folder)?);
        }
        let verify = ["rev-parse", "--verify", "--quiet", "--end-of-options", &format!("{name}^{{commit}}")];
        let id = tool::ask(Command::new("git").args(verify)).map_err(|error| match error {
            ToolError::Tool { status, .. } => BuildError::Unknown(name.into(), format!("git: {status}")),
            other => other.into(),
        })?;
        let id = id.trim().to_owned();
        // Another compiler makes another program of the same source.
        let compiler = tool::ask(Command::new("rustc").arg("-vV"))?;
        let digest = manifest::digest_of([compiler.as_bytes()]);
        let kept = builds()?.join(format!("{id}-{}", &digest[..DIGITS]));
        let programs = match Programs::of(&kept) {
            Ok(programs) => programs,
            Err(_) => make(name, &id, &kept, interrupt, bar)?,
        };
        Build::of(name, Commit { id, dirty: false }, &programs)
    }

    /// A copy of built programs.
    pub fn of(name: &str, commit: Commit, programs: &Programs) -> Result<Build, BuildError> {
        let folder = Folder::make().map_err(BuildError::Folder)?;
        copy(programs, folder.path())?;
        let programs = Programs::of(folder.path())?;
        Ok(Build { name: name.into(), commit, programs, _folder: folder })
    }
}

/// Whether files here differ from the commit that is checked out: they are in no revision.
pub fn has_changes() -> bool {
    let status = ["status", "--porcelain", "--untracked-files=no"];
    tool::ask(Command::new("git").args(status)).is_ok_and(|changes| !changes.trim().is_empty())
}

/// Where builds are kept: `~/.cache/isolab/builds`, beside the kernels.
fn builds() -> Result<PathBuf, BuildError> {
    Ok(Cache::of_user()?.folder().with_file_name("builds"))
}

/// Builds a commit and keeps its programs in `kept`.
fn make(
    revision: &str,
    id: &str,
    kept: &Path,
    interrupt: &Interrupt,
    bar: &ProgressBar,
) -> Result<Programs, BuildError> {
    let target = builds()?.join("target");
    fs::create_dir_all(&target).at("making the folder", &target)?;
    let lock = target.with_extension("lock");
    let held = File::create(&lock).at("opening", &lock)?;
    // Until it is closed. Another gate's build would replace the programs before they are copied.
    held.lock().at("locking", &lock)?;
    let started = Instant::now();
    let tree = Worktree::add(id)?;
    let log = tree.folder.path().join("log");
    let mut cargo = Command::new("cargo");
    cargo.args(["build", "--release", "--locked", "--color", "never"]).current_dir(tree.path());
    // What the lab itself was told to measure must not reach the build.
    cargo.env("CARGO_TARGET_DIR", &target).env_remove("ISOLAB_PROGRAMS");
    let built = tool::run(&mut cargo, &log, interrupt, |printed| {
        if let Some(line) =
            String::from_utf8_lossy(printed).lines().map(str::trim).rfind(|line| !line.is_empty())
        {
            bar.set_message(format!("building {revision}: {line}"));
        }
        bar.tick();
    });
    built.map_err(|error| match error {
        ToolError::Tool { .. } => {
            let text = fs::read_to_string(&log).unwrap_or_default();
            let lines: Vec<_> = text.lines().filter(|line| !line.trim().is_empty()).collect();
            let said = lines[lines.len().saturating_sub(SHOWN)..].join("\n");
            BuildError::Compile { revision: revision.into(), commit: id.into(), said }
        }
        other => other.into(),
    })?;
    let programs = Programs::of(&target.join("programs/x86_64-unknown-linux-gnu/program"))?;
    // Under another name until all are there: a folder that is called by its commit is whole.
    let unfinished = kept.with_extension(format!("{}", std::process::id()));
    fs::create_dir_all(&unfinished).at("making the folder", &unfinished)?;
    copy(&programs, &unfinished)?;
    if fs::rename(&unfinished, kept).is_err() {
        // Another gate was faster, or an older one was cut off: theirs, if it is whole, is the same.
        let _ = fs::remove_dir_all(&unfinished);
    }
    bar.println(format!("built {revision} in {:.0} s", started.elapsed().as_secs_f64()));
    Ok(Programs::of(kept)?)
}

fn copy(programs: &Programs, folder: &Path) -> Result<(), FileError> {
    for program in programs.all() {
        fs::copy(program, folder.join(program.file_name().unwrap_or_default())).at("copying", program)?;
    }
    Ok(())
}

/// A checked-out commit; its folder and git's record of it are gone when it is dropped.
struct Worktree {
    folder: Folder,
}

impl Worktree {
    fn add(id: &str) -> Result<Worktree, BuildError> {
        forget_swept()?;
        let tree = Worktree { folder: Folder::make().map_err(BuildError::Folder)? };
        tool::ask(Command::new("git").args(["worktree", "add", "--detach"]).arg(tree.path()).arg(id))?;
        Ok(tree)
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("tree")
    }
}

impl Drop for Worktree {
    fn drop(&mut self) {
        // If this fails, the folder goes all the same, and the next gate lets git forget it.
        let _ = forget(&self.path());
    }
}

fn forget(tree: &Path) -> Result<String, ToolError> {
    tool::ask(Command::new("git").args(["worktree", "remove", "--force"]).arg(tree))
}

/// Lets git forget the worktrees of gates that were killed, whose folders the sweep has removed. Not by `git worktree
/// prune`: yours may be on a disk that is not there just now.
fn forget_swept() -> Result<(), ToolError> {
    let list = tool::ask(Command::new("git").args(["worktree", "list", "--porcelain"]))?;
    let trees = list.lines().filter_map(|line| line.strip_prefix("worktree ")).map(Path::new);
    let mut swept = trees.filter(|tree| Folder::is_ours(tree) && !tree.exists());
    swept.try_for_each(|tree| forget(tree).map(drop))
}
