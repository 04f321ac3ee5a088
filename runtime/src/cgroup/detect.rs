//! Which control group hierarchies are mounted, and where this process is in each
//! (`/proc/self/mountinfo` and `/proc/self/cgroup`; `proc(5)`, `cgroups(7)`).

use super::owner::Owner;
use super::setting::Version;
use super::{Controller, FOLDER, Group, Limits, v1, v2};
use crate::error::{Context, Error};
use rustix::fs::{FsWord, statfs};
use std::cell::OnceCell;
use std::ffi::OsString;
use std::fs::File;
use std::io;
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};

const PAGE: usize = 4096;
/// `CGROUP2_SUPER_MAGIC` of the kernel's `magic.h`.
const CGROUP2_MAGIC: FsWord = 0x6367_7270;
/// Where everybody mounts control groups.
const MOUNT: &str = "/sys/fs/cgroup";

/// How the host mounts control groups.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// None at all.
    None,
    /// Version 1: one hierarchy a controller.
    V1,
    /// Both versions; each controller is in one of them.
    Hybrid,
    /// Version 2: one hierarchy for all.
    V2,
}

impl Mode {
    /// The word that reports use.
    pub const fn name(self) -> &'static str {
        match self {
            Mode::None => "none",
            Mode::V1 => "v1",
            Mode::Hybrid => "hybrid",
            Mode::V2 => "v2",
        }
    }
}

/// One mounted hierarchy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tree {
    /// Where it is mounted.
    pub mount: PathBuf,
    /// The controllers in it, by the kernel's names; for version 2, [`Hierarchy`] knows them.
    pub controllers: Vec<String>,
    /// Whether it is the one of version 2.
    unified: bool,
    /// The group that the mount shows as its top; `None`: nobody has looked.
    root: Option<PathBuf>,
}

impl Tree {
    pub(crate) fn has(&self, controller: &str) -> bool {
        self.controllers.iter().any(|name| name == controller)
    }

    /// The folder of the group that this process is in; the mount itself if that is not in view. Root seldom
    /// needs it, so it is looked up when it is asked for.
    pub(crate) fn own(&self) -> PathBuf {
        self.own_in(&read_at_once("/proc/self/cgroup").unwrap_or_default())
    }

    /// The same for another process.
    pub(super) fn of(&self, pid: i32) -> PathBuf {
        self.own_in(&read_at_once(format!("/proc/{pid}/cgroup")).unwrap_or_default())
    }

    fn own_in(&self, own_groups: &[u8]) -> PathBuf {
        let root = self.root.as_deref().unwrap_or(Path::new("/"));
        let own = own_group(own_groups, self.unified, &self.controllers);
        let own = own.and_then(|group| Some(self.mount.join(group.strip_prefix(root).ok()?)));
        // In a container the mount may show less than the path says.
        let seen = |own: &PathBuf| self.root.is_some() || own.exists();
        own.filter(seen).unwrap_or_else(|| self.mount.clone())
    }
}

/// All control group hierarchies in view.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Hierarchy {
    pub(crate) v1: Vec<Tree>,
    pub(crate) v2: Option<Tree>,
    /// The controllers of version 2: read when one is asked for that version 1 does not have.
    unified: OnceCell<Vec<String>>,
    /// Those that isolab's folder hands on already: read first, because they are usually all that is asked for.
    ready: OnceCell<Vec<String>>,
}

impl Hierarchy {
    /// Reads which there are. Makes and changes nothing.
    pub fn detect() -> Result<Self, Error> {
        // Where the usual mount point is of version 2, there is nothing else to find: the table of all mounts,
        // which may be long, need not be read.
        if statfs(MOUNT).is_ok_and(|found| found.f_type == CGROUP2_MAGIC) {
            let (mount, controllers) = (MOUNT.into(), Vec::new());
            let v2 = Some(Tree { mount, controllers, unified: true, root: None });
            return Ok(Self { v2, ..Self::default() });
        }
        let mounts = "/proc/self/mountinfo";
        Ok(Self::parse(&read_whole(mounts).at("reading", mounts)?))
    }

    /// What [`Hierarchy::detect`] reads from the table of all mounts.
    fn parse(mountinfo: &[u8]) -> Self {
        let mut found = Self::default();
        // Most lines are about something else.
        let told = |line: &&[u8]| line.windows(9).any(|words| words == b" - cgroup");
        for line in mountinfo.split(|&byte| byte == b'\n').filter(told) {
            let words: Vec<&[u8]> = line.split(|&byte| byte == b' ').collect();
            // … root mount-point options [optional fields…] - type source super-options
            let Some(end) = words.iter().position(|&word| word == b"-") else { continue };
            let (&[_, _, _, root, mount, ..], Some(&[kind, _, options])) = (&*words, words.get(end + 1..))
            else {
                continue;
            };
            let (root, mount) = (unescape(root), unescape(mount));
            let options: Vec<String> = options
                .split(|&byte| byte == b',')
                .map(|word| String::from_utf8_lossy(word).into())
                .collect();
            match kind {
                // A hierarchy may be mounted twice; the first place is as good as the second.
                b"cgroup" if !found.v1.iter().any(|tree| tree.controllers == options) => {
                    let root = Some(root);
                    found.v1.push(Tree { mount, controllers: options, unified: false, root });
                }
                b"cgroup2" if found.v2.is_none() => {
                    let root = Some(root);
                    found.v2 = Some(Tree { mount, controllers: Vec::new(), unified: true, root });
                }
                _ => {}
            }
        }
        found
    }

    /// How the host mounts them.
    pub fn mode(&self) -> Mode {
        match (self.v1.is_empty(), self.v2.is_some()) {
            (true, false) => Mode::None,
            (false, false) => Mode::V1,
            (false, true) => Mode::Hybrid,
            (true, true) => Mode::V2,
        }
    }

    /// In which version a controller can be used; `None`: in neither.
    pub(super) fn version(&self, controller: &str) -> Option<Version> {
        if self.v1.iter().any(|tree| tree.has(controller)) {
            return Some(Version::V1);
        }
        let has = |names: &[String]| names.iter().any(|name| name == controller);
        (has(self.ready()) || has(self.unified())).then_some(Version::V2)
    }

    /// The controllers of version 2 that need not be enabled any more for isolab's groups at the top.
    pub(super) fn ready(&self) -> &[String] {
        let read =
            || self.v2.as_ref().map(|tree| v2::handed_on(&tree.mount.join(FOLDER))).unwrap_or_default();
        self.ready.get_or_init(read)
    }

    /// All controllers of version 2.
    pub(super) fn unified(&self) -> &[String] {
        let read = || self.v2.as_ref().map(|tree| v2::controllers(&tree.mount)).unwrap_or_default();
        self.unified.get_or_init(read)
    }

    /// The controllers that `contain` uses and this host has, each with the version in which it is.
    pub fn controllers(&self) -> Vec<(Controller, Mode)> {
        let mode = |controller: Controller| match self.version(controller.name())? {
            Version::V1 => Some(Mode::V1),
            Version::V2 => Some(Mode::V2),
        };
        Controller::ALL.into_iter().filter_map(|each| Some((each, mode(each)?))).collect()
    }

    /// The folder of the group that this process is in, in the hierarchy that has `controller`; `None`: none has it.
    pub fn own(&self, controller: Controller) -> Option<PathBuf> {
        match self.version(controller.name())? {
            Version::V1 => self.v1.iter().find(|tree| tree.has(controller.name())).map(Tree::own),
            Version::V2 => self.v2.as_ref().map(Tree::own),
        }
    }

    /// Whether a group with `controller` can be made, as far as can be told without making one; the error
    /// says why not, and the fix.
    pub fn can_create(&self, controller: Controller) -> Result<(), Error> {
        let name = controller.name();
        if let Some(tree) = self.v1.iter().find(|tree| tree.has(name)) {
            return v1::base(tree, name).map(drop);
        }
        match &self.v2 {
            Some(tree) if self.version(name).is_some() => {
                v2::base(tree, &[name.to_owned()], self.ready()).map(drop)
            }
            _ => Err(super::refused(name, format!("this host has no cgroup controller {controller}"))),
        }
    }

    /// Makes a group with these limits; none at all for no limits.
    pub fn create(&self, limits: &Limits) -> Result<Group, Error> {
        if *limits == Limits::default() {
            return Ok(Group::default());
        }
        let resources = limits.into();
        self.plan(None, &Owner::this_process()?.to_string(), &resources)?.create(&resources)
    }
}

/// Reads a table that the kernel makes up, whose length nobody knows before: the kernel gives it in pieces of about
/// a page, and only nothing is its end.
pub(crate) fn read_whole(path: impl AsRef<Path>) -> io::Result<Vec<u8>> {
    read(path.as_ref(), 16 * PAGE, false)
}

/// Reads a file that the kernel makes up in one piece, whose length nobody knows before: less than was asked for is
/// all there is. (Not so for a list, of mounts or of processes.)
pub(crate) fn read_at_once(path: impl AsRef<Path>) -> io::Result<Vec<u8>> {
    read(path.as_ref(), PAGE, true)
}

/// `at_once`: whether a piece that is shorter than the room for it is the last one.
fn read(path: &Path, room: usize, at_once: bool) -> io::Result<Vec<u8>> {
    let file = File::open(path)?;
    let mut bytes = Vec::with_capacity(room);
    loop {
        bytes.reserve(PAGE);
        let space = bytes.capacity() - bytes.len();
        let length = rustix::io::read(&file, rustix::buffer::spare_capacity(&mut bytes))?;
        if length == 0 || (at_once && length < space) {
            return Ok(bytes);
        }
    }
}

/// The path of this process's group, in the hierarchy of version 2 or in the one with these options.
fn own_group(own_groups: &[u8], version2: bool, options: &[String]) -> Option<PathBuf> {
    own_groups.split(|&byte| byte == b'\n').find_map(|line| {
        let mut parts = line.splitn(3, |&byte| byte == b':');
        let (number, names, path) = (parts.next()?, parts.next()?, parts.next()?);
        let matches = if version2 {
            number == b"0"
        } else {
            !names.is_empty()
                && names.split(|&byte| byte == b',').all(|name| options.iter().any(|o| o.as_bytes() == name))
        };
        matches.then(|| OsString::from_vec(path.to_vec()).into())
    })
}

/// Spaces, tabs, line feeds and backslashes are written `\040` and so on in `mountinfo`.
pub(crate) fn unescape(word: &[u8]) -> PathBuf {
    let mut bytes = Vec::with_capacity(word.len());
    let mut rest = word;
    while let Some((&byte, after)) = rest.split_first() {
        let octal = after
            .get(..3)
            .filter(|_| byte == b'\\')
            .and_then(|digits| u8::from_str_radix(std::str::from_utf8(digits).ok()?, 8).ok());
        bytes.push(octal.unwrap_or(byte));
        rest = if octal.is_some() { &after[3..] } else { after };
    }
    OsString::from_vec(bytes).into()
}

/// The folders in which isolab's groups may lie, in all hierarchies.
pub(crate) fn folders(hierarchy: &Hierarchy) -> Vec<PathBuf> {
    let mut folders = Vec::new();
    for tree in hierarchy.v1.iter().chain(&hierarchy.v2) {
        let own = tree.own();
        let upwards = own.ancestors().take_while(|folder| folder.starts_with(&tree.mount));
        folders.extend(upwards.map(|folder: &Path| folder.join(FOLDER)));
    }
    folders
}

#[cfg(test)]
mod tests {
    use super::*;

    const HYBRID: &[u8] =
        b"32 31 0:29 / /sys/fs/cgroup/cpu,cpuacct rw shared:9 - cgroup cgroup rw,cpu,cpuacct\n\
        35 31 0:32 / /sys/fs/cgroup/a\\040b rw - cgroup cgroup rw,memory\n\
        41 31 0:38 /outer /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n\
        27 1 254:0 / / rw,relatime - ext4 /dev/vda rw\n";
    const OWN: &[u8] = b"4:memory:/x/y\n2:cpu,cpuacct:/z\n1:name=systemd:/\n0::/outer/app.scope\n";

    #[test]
    fn both_versions_are_found_with_the_own_group_in_each() {
        let found = Hierarchy::parse(HYBRID);
        assert_eq!(found.mode(), Mode::Hybrid);
        assert_eq!(found.v1[0].own_in(OWN), Path::new("/sys/fs/cgroup/cpu,cpuacct/z"));
        assert!(found.v1[0].has("cpu") && !found.v1[0].has("memory"));
        assert_eq!(found.v1[1].own_in(OWN), Path::new("/sys/fs/cgroup/a b/x/y"));
        // The mount shows only what lies below "/outer".
        assert_eq!(found.v2.as_ref().unwrap().own_in(OWN), Path::new("/sys/fs/cgroup/unified/app.scope"));
        assert_eq!(found.controllers(), [(Controller::Memory, Mode::V1), (Controller::Cpu, Mode::V1)]);
        assert!(found.own(Controller::Memory).is_some() && found.own(Controller::Pids).is_none());
    }

    #[test]
    fn a_host_without_groups_has_none() {
        let found = Hierarchy::parse(b"27 1 254:0 / / rw,relatime - ext4 /dev/vda rw\n");
        assert_eq!(found.mode(), Mode::None);
        let error = found.can_create(Controller::Pids).unwrap_err();
        assert_eq!(error.exit_status(), crate::error::UNAVAILABLE);
        assert!(error.to_string().contains("--pids"), "{error}");
    }

    #[test]
    fn an_own_group_out_of_view_gives_the_mount() {
        let found = Hierarchy::parse(HYBRID);
        assert_eq!(found.v2.unwrap().own_in(b"0::/elsewhere\n"), Path::new("/sys/fs/cgroup/unified"));
    }
}
