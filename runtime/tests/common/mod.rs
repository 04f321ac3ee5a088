//! What the tests share: a root folder with busybox in it, and the runtime as a child process.
//!
//! The tests drive the real program. They need Debian's `busybox-static` and root, or some of them an ordinary user
//! who may make namespaces; where something is missing a test says so and passes.
#![allow(dead_code, unreachable_pub)]

pub mod bundle;
pub mod machine;
pub mod steps;
pub mod terminal;

use nix::mount::MsFlags;
use nix::sched::{CloneFlags, unshare};
use std::ffi::OsStr;
use std::fs;
use std::io::{BufRead as _, BufReader};
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Output, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};
use tempfile::TempDir;

pub const RUNTIME: &str = env!("CARGO_BIN_EXE_isolab-runtime");
const BUSYBOX: &str = "/bin/busybox";
const APPLETS: [&str; 24] = [
    "awk", "cat", "dd", "echo", "false", "grep", "head", "hostname", "id", "ip", "kill", "ls", "mkdir", "ps",
    "readlink", "sh", "sleep", "time", "timeout", "touch", "true", "wc", "test", "tr",
];

/// A folder to run containers on, removed when it drops.
pub struct Root(TempDir);

impl Root {
    /// `None`, after a line that says why: this machine cannot run the test.
    pub fn new(test: &str) -> Option<Self> {
        if !rustix::process::geteuid().is_root() {
            skipped(test, "needs root");
            return None;
        }
        Self::filled(test)
    }

    /// The same for a test that is not root's alone.
    pub fn for_anyone(test: &str) -> Option<Self> {
        let namespaces = || Command::new("unshare").args(["--user", "true"]).status();
        if !rustix::process::geteuid().is_root() && !namespaces().is_ok_and(|status| status.success()) {
            skipped(test, "needs root, or namespaces for ordinary users");
            return None;
        }
        Self::filled(test)
    }

    fn filled(test: &str) -> Option<Self> {
        if !Path::new(BUSYBOX).exists() {
            skipped(test, "needs /bin/busybox (Debian: busybox-static)");
            return None;
        }
        let folder = tempfile::tempdir().expect("a temporary folder");
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
        let bin = folder.path().join("root/bin");
        fs::create_dir_all(&bin).unwrap();
        copy_program(BUSYBOX, bin.join("busybox"));
        for applet in APPLETS {
            symlink("busybox", bin.join(applet)).unwrap();
        }
        Some(Self(folder))
    }

    /// The root folder itself.
    pub fn path(&self) -> PathBuf {
        self.0.path().join("root")
    }

    /// A path beside it, for what the test needs on the host.
    pub fn beside(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// The command that runs `words` in a container with `options`.
    pub fn command(&self, options: &[&str], words: &[&str]) -> Command {
        let mut command = Command::new(RUNTIME);
        command.arg("contain").arg("--rootfs").arg(self.path()).args(options).arg("--").args(words);
        command.stdin(Stdio::null());
        command
    }

    /// Runs `words` to their end.
    pub fn run(&self, options: &[&str], words: &[&str]) -> Output {
        self.command(options, words).output().expect("the runtime starts")
    }

    /// Runs a shell script and returns what it printed; it must succeed and complain of nothing.
    pub fn script(&self, options: &[&str], script: &str) -> String {
        let output = self.run(options, &["sh", "-c", script]);
        assert_eq!(output.status.code(), Some(0), "{script}: {}", errors(&output));
        assert_eq!(errors(&output), "", "{script}");
        text(&output)
    }

    /// Starts a shell script that prints `ready` when it is, and returns at that moment.
    pub fn start(&self, options: &[&str], script: &str) -> (Child, BufReader<ChildStdout>) {
        start(self.command(options, &["sh", "-c", script]))
    }
}

/// Starts a command and returns when it has printed the line `ready`.
pub fn start(mut command: Command) -> (Child, BufReader<ChildStdout>) {
    let mut child = command.stdout(Stdio::piped()).spawn().expect("the runtime starts");
    let mut output = BufReader::new(child.stdout.take().expect("a pipe"));
    let mut line = String::new();
    while line.trim_end() != "ready" {
        line.clear();
        assert!(output.read_line(&mut line).unwrap() > 0, "it ended before it was ready");
    }
    (child, output)
}

/// Whether there is time for everything.
pub fn full_tier() -> bool {
    std::env::var("ISOLAB_TIER").is_ok_and(|tier| tier == "full")
}

/// Copies a program. Another process does it: if this one had the copy open for writing, so had, for a moment, what
/// another thread starts just then, and the kernel executes no file that somebody may write to (`ETXTBSY`).
pub fn copy_program(from: impl AsRef<OsStr>, to: impl AsRef<OsStr>) {
    assert!(Command::new("cp").arg(from).arg(to).status().unwrap().success());
}

/// The dynamic loader that an ELF file names, if it has one.
pub fn loader_in(file: &[u8]) -> Option<PathBuf> {
    let head = file.get(..4096)?;
    let start = head.windows(4).position(|bytes| bytes == b"/lib")?;
    let path = head[start..].split(|&byte| byte == 0).next()?;
    Some(std::str::from_utf8(path).ok()?.into())
}

/// Says why a test is skipped.
pub fn skipped(test: &str, why: &str) {
    eprintln!("skipped: {test}: {why}");
}

pub fn text(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

pub fn errors(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// The one line that a failed run must print, with its exit status.
pub fn refusal(output: &Output, status: i32) -> String {
    let errors = errors(output);
    assert_eq!(output.status.code(), Some(status), "{errors}");
    assert_eq!(errors.lines().count(), 1, "one line, printed once: {errors}");
    errors
}

/// Waits up to ten seconds for something that the kernel does in its own time.
pub fn eventually(what: &str, mut condition: impl FnMut() -> bool) {
    let start = Instant::now();
    while !condition() {
        assert!(start.elapsed() < Duration::from_secs(10), "after ten seconds, still not: {what}");
        sleep(Duration::from_millis(5));
    }
}

/// The processes whose command line holds `marker`.
pub fn processes(marker: &str) -> Vec<u32> {
    let entries = fs::read_dir("/proc").unwrap().flatten();
    let pids = entries.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    pids.filter(|&pid| pid != std::process::id())
        .filter(|pid| {
            let line = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
            String::from_utf8_lossy(&line).contains(marker)
        })
        .collect()
}

/// The cgroup folders of isolab's runs, in all hierarchies.
pub fn groups() -> Vec<PathBuf> {
    cgroups(&|path| {
        path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("run-"))
            && path.parent().is_some_and(|parent| parent.ends_with("isolab"))
    })
}

/// The cgroup folders with this name, in all hierarchies.
pub fn folders_named(name: &str) -> Vec<PathBuf> {
    cgroups(&|path| path.ends_with(name))
}

/// The cgroup folders whose names begin so, in all hierarchies.
pub fn folders_beginning(name: &str) -> Vec<PathBuf> {
    cgroups(&|path| path.file_name().is_some_and(|own| own.to_string_lossy().starts_with(name)))
}

fn cgroups(wanted: &dyn Fn(&Path) -> bool) -> Vec<PathBuf> {
    fn search(folder: &Path, depth: usize, wanted: &dyn Fn(&Path) -> bool, found: &mut Vec<PathBuf>) {
        for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
            let path = entry.path();
            if wanted(&path) {
                found.push(path);
            } else if depth > 0 && entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                search(&path, depth - 1, wanted, found);
            }
        }
    }
    let mut found = Vec::new();
    search(Path::new("/sys/fs/cgroup"), 4, wanted, &mut found);
    found
}

/// The cgroup folders of the runtime with this process number.
pub fn groups_of(pid: u32) -> Vec<PathBuf> {
    let name = format!("/run-{pid}-");
    groups().into_iter().filter(|path| path.to_string_lossy().contains(&name)).collect()
}

/// Gives this test's thread, and the runtimes that it starts, mounts of their own.
pub fn own_mounts(test: &str) -> bool {
    let own = unshare(CloneFlags::CLONE_NEWNS).and_then(|()| {
        nix::mount::mount(
            None::<&str>,
            "/",
            None::<&str>,
            MsFlags::MS_REC | MsFlags::MS_PRIVATE,
            None::<&str>,
        )
    });
    if let Err(error) = own {
        skipped(test, &format!("needs a mount namespace: {error}"));
    }
    own.is_ok()
}

/// Whether isolab can limit everything here; if not, says so.
pub fn can_limit(test: &str) -> bool {
    use isolab_runtime::cgroup::{Controller, Hierarchy};
    let hierarchy = Hierarchy::detect().unwrap();
    let refusal = Controller::ALL.iter().find_map(|&each| hierarchy.can_create(each).err());
    if let Some(error) = &refusal {
        skipped(test, &error.line());
    }
    refusal.is_none()
}
