//! Which namespaces a container gets (the specification's `linux.namespaces`; `setns(2)`, `nsfs`).
//!
//! A kind that is listed without a path is made, one with a path is entered, one that is not listed is the
//! runtime's own. Who makes or enters what, and when:
//!
//! 1. New ones are made by the clone itself. The cgroup namespace is not: its root is where a process is *then*.
//! 2. Given ones are entered before, by a go-between ([`crate::clone::clone_through`]), for a namespace belongs
//!    to the user namespace in which it is made, and root in a new user namespace has no power over older ones.
//!    `setns` into a PID namespace, and a new time namespace, concern only the children: it has one.
//! 3. Only a given time namespace takes a process with a memory of its own: the first process enters it itself.

use super::{Namespaces, kind};
use crate::clocks::{self, Offsets};
use crate::clone::{Child, clone, clone_through};
use crate::error::{Context, Error};
use oci_spec::runtime::{LinuxNamespace, LinuxNamespaceType};
use rustix::fs::{CWD, FileType, Mode, OFlags, fstat, openat, stat};
use rustix::io::Errno;
use rustix::process::geteuid;
use rustix::system::uname;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};

/// A namespace to enter, held open.
#[derive(Debug)]
pub struct Given {
    kind: LinuxNamespaceType,
    path: PathBuf,
    descriptor: OwnedFd,
    /// It is the one in which the runtime itself is.
    own: bool,
}

/// What to make and what to enter.
#[derive(Debug)]
pub struct Plan {
    /// To be made.
    pub new: Namespaces,
    /// To be entered.
    given: Vec<Given>,
    /// An ordinary user may make a time namespace only where he is root: in the new user namespace. The process
    /// that makes it enters it when it executes the program (since Linux 6.3).
    time_inside: bool,
}

impl Plan {
    /// Opens what the configuration gives, and checks that it is what it says.
    pub fn new(list: &[LinuxNamespace]) -> Result<Self, Error> {
        let mut plan = Self { new: Namespaces::NONE, given: Vec::new(), time_inside: false };
        let mut listed = Namespaces::NONE;
        for namespace in list {
            let kind = namespace.typ();
            if listed.contains(kind.into()) {
                return Err(Error::property("linux.namespaces", format!("{} is there twice", name(kind))));
            }
            listed = listed | kind.into();
            match namespace.path().as_deref().filter(|path| !path.as_os_str().is_empty()) {
                None => plan.new = plan.new | kind.into(),
                Some(path) => plan.given.push(Given::open(kind, path)?),
            }
        }
        // The runtime cannot enter its own user namespace, and need not.
        plan.given.retain(|given| !(given.own && given.kind == LinuxNamespaceType::User));
        plan.time_inside = plan.new.contains(Namespaces::TIME | Namespaces::USER) && !geteuid().is_root();
        if plan.time_inside && !enters_time_at_exec(&uname().release().to_string_lossy()) {
            return Err(Error::Unavailable {
                what: "a time namespace",
                why: "before Linux 6.3 a process does not enter the one that it has made".into(),
                fix: "run as root, or leave it out",
            });
        }
        Ok(plan)
    }

    /// Whether the container has a namespace of this kind that the runtime is not in.
    pub fn separates(&self, kind: LinuxNamespaceType) -> bool {
        self.new.contains(kind.into()) || self.given.iter().any(|given| given.kind == kind && !given.own)
    }

    /// Creates the container's first process: in the new namespaces, and in the given ones.
    pub fn create(
        &self,
        clocks: Option<&Offsets>,
        cgroup: Option<BorrowedFd<'_>>,
        child: impl FnOnce() -> i32,
    ) -> Result<Child, Error> {
        let made_now = self.new.without(Namespaces::CGROUP | Namespaces::TIME);
        let time = self.new.contains(Namespaces::TIME) && !self.time_inside;
        if !time && self.given.iter().all(|given| given.kind == LinuxNamespaceType::Time) {
            return clone(made_now, cgroup, child).map_err(|source| refused(source, self.new));
        }
        let enter = || -> Result<(), Failure> {
            self.enter_given()?;
            if time {
                clocks::make(clocks)?;
            }
            Ok(())
        };
        clone_through(enter, made_now, cgroup, child).map_err(|failure| match failure {
            Failure::Entering(error) => error,
            Failure::Cloning(source) => refused(source, self.new),
        })
    }

    /// What is left for the first process itself to enter or to make.
    pub fn finish_inside(&self, clocks: Option<&Offsets>) -> Result<(), Error> {
        if self.time_inside {
            clocks::make(clocks)?;
        }
        self.given.iter().filter(|given| given.kind == LinuxNamespaceType::Time).try_for_each(Given::enter)
    }

    /// Those that root here may enter go first; after the user namespace, those that only root in there may.
    fn enter_given(&self) -> Result<(), Error> {
        let by_go_between = |given: &&Given| given.kind != LinuxNamespaceType::Time;
        let (user, others): (Vec<_>, Vec<_>) =
            self.given.iter().filter(by_go_between).partition(|given| given.kind == LinuxNamespaceType::User);
        let Some(user) = user.first() else { return others.into_iter().try_for_each(Given::enter) };
        let later = others.into_iter().filter(|given| given.enter().is_err()).collect::<Vec<_>>();
        user.enter()?;
        later.into_iter().try_for_each(Given::enter)
    }
}

/// Why there is no first process.
enum Failure {
    Entering(Error),
    Cloning(Errno),
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Failure::Entering(error)
    }
}

impl From<Errno> for Failure {
    fn from(error: Errno) -> Self {
        Failure::Cloning(error)
    }
}

/// Why the namespaces could not be made, where the user can do something about it.
fn refused(source: Errno, new: Namespaces) -> Error {
    let fix = match source {
        Errno::PERM if new.contains(Namespaces::USER) => {
            "this host allows user namespaces to root only: run as root, or see the sysctls \
             kernel.unprivileged_userns_clone and kernel.apparmor_restrict_unprivileged_userns"
        }
        Errno::PERM => {
            "it takes CAP_SYS_ADMIN: run as root on the host itself, or ask for a user namespace as well"
        }
        Errno::NOSPC => "raise the sysctls user.max_*_namespaces",
        Errno::INVAL | Errno::NOSYS => {
            "the kernel lacks a namespace: isolab needs Linux 5.12 or later with all of CONFIG_NAMESPACES"
        }
        _ => return Error::Step { step: "creating the container's first process", source },
    };
    Error::Unavailable { what: "namespaces", why: source.to_string(), fix }
}

impl Given {
    fn open(wanted: LinuxNamespaceType, path: &Path) -> Result<Self, Error> {
        if !path.is_absolute() {
            let why = format!("{}: {} is no absolute path", name(wanted), path.display());
            return Err(Error::property("linux.namespaces", why));
        }
        let descriptor = open(path).at("opening the namespace", path)?;
        let about = fstat(&descriptor).at("looking at the namespace", path)?;
        // Only of a regular file of the kernel's file system of namespaces is it a harmless question.
        let is_one = FileType::from_raw_mode(about.st_mode) == FileType::RegularFile
            && kind::of(descriptor.as_fd()) == Ok(wanted.into());
        if !is_one {
            let why = format!("{} is not a namespace of type {}", path.display(), name(wanted));
            return Err(Error::property("linux.namespaces", why));
        }
        let own = stat(format!("/proc/self/ns/{wanted}"))
            .is_ok_and(|own| (own.st_dev, own.st_ino) == (about.st_dev, about.st_ino));
        Ok(Self { kind: wanted, path: path.into(), descriptor, own })
    }

    fn enter(&self) -> Result<(), Error> {
        match Namespaces::from(self.kind).enter(self.descriptor.as_fd()) {
            Err(Errno::PERM) => Err(Error::property(
                "linux.namespaces",
                format!(
                    "entering the {} namespace {} takes CAP_SYS_ADMIN in the user namespace that it belongs to",
                    name(self.kind),
                    self.path.display()
                ),
            )),
            result => result.at("entering the namespace", &self.path),
        }
    }
}

/// A FIFO in the place of a namespace must not stop us.
fn open(path: &Path) -> Result<OwnedFd, Errno> {
    openat(CWD, path, OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC, Mode::empty())
}

/// Whether a kernel moves a process into the time namespace of its children when it executes a program. Nothing
/// tells but the version: an older one accepts every step and goes on with the host's clocks.
fn enters_time_at_exec(release: &str) -> bool {
    let mut numbers =
        release.split(|letter: char| !letter.is_ascii_digit()).map(|text| text.parse().unwrap_or(0));
    let version: (u32, u32) = (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0));
    version >= (6, 3)
}

/// The specification's word.
fn name(kind: LinuxNamespaceType) -> &'static str {
    match kind {
        LinuxNamespaceType::Pid => "pid",
        LinuxNamespaceType::Mount => "mount",
        LinuxNamespaceType::Network => "network",
        LinuxNamespaceType::Ipc => "ipc",
        LinuxNamespaceType::Uts => "uts",
        LinuxNamespaceType::User => "user",
        LinuxNamespaceType::Cgroup => "cgroup",
        LinuxNamespaceType::Time => "time",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(json: &str) -> Result<Plan, Error> {
        Plan::new(&serde_json::from_str::<Vec<LinuxNamespace>>(json).unwrap())
    }

    #[test]
    fn what_has_no_path_is_new_and_what_has_one_is_checked() {
        let made = plan(r#"[{"type":"pid"},{"type":"mount"},{"type":"uts","path":""}]"#).unwrap();
        assert_eq!(made.new, Namespaces::PID | Namespaces::MOUNT | Namespaces::UTS);
        assert!(made.separates(LinuxNamespaceType::Uts) && !made.separates(LinuxNamespaceType::Network));
        for kind in ["pid", "mount:mnt", "network:net", "ipc", "uts", "user", "cgroup", "time"] {
            let (name, file) = kind.split_once(':').unwrap_or((kind, kind));
            let given = plan(&format!(r#"[{{"type":"{name}","path":"/proc/self/ns/{file}"}}]"#)).unwrap();
            assert_eq!(given.new, Namespaces::NONE, "{name}");
            assert!(
                !given.separates(given.given.first().map_or(LinuxNamespaceType::User, |given| given.kind))
            );
        }
    }

    #[test]
    fn a_kernels_version_is_read_from_its_release() {
        for new in ["6.3.0", "6.18.44-fc", "7.0", "10.1-x"] {
            assert!(enters_time_at_exec(new), "{new}");
        }
        for old in ["6.1.0-56-cloud-amd64", "5.15", "6", "", "x"] {
            assert!(!enters_time_at_exec(old), "{old}");
        }
    }

    #[test]
    fn wrong_types_duplicates_and_missing_files_are_refused() {
        let refused = |json: &str, part: &str| {
            let line = plan(json).unwrap_err().line();
            assert!(line.contains(part), "{line}");
        };
        refused(r#"[{"type":"pid"},{"type":"pid","path":"/proc/self/ns/pid"}]"#, "pid is there twice");
        refused(
            r#"[{"type":"network","path":"/proc/self/ns/mnt"}]"#,
            "/ns/mnt is not a namespace of type network",
        );
        refused(r#"[{"type":"network","path":"/dev/null"}]"#, "/dev/null is not a namespace of type network");
        refused(r#"[{"type":"network","path":"/proc/self/ns/none"}]"#, "opening the namespace");
        refused(r#"[{"type":"network","path":"proc/self/ns/net"}]"#, "no absolute path");
    }
}
