//! Mount options: one table of words, what each asks of the kernel, and how a list of them is read
//! (`config.md` of the specification, "Linux mount options"; `mount(8)`).
//!
//! The words of one list go four ways: flags of the file system and of the mount (`mount(2)`), attributes of
//! the mount and of all below it (`mount_setattr(2)`), propagation (`mount_namespaces(7)`), and everything
//! that the table does not know, which is for the file system itself and reaches it as text. A later word
//! overrides an earlier one, as on the command line of mount(8).

use super::attributes::{Attributes, NOATIME, NODEV, NODIRATIME, NOEXEC, NOSUID, NOSYMFOLLOW, RDONLY};
use super::attributes::{RELATIME, STRICTATIME};
use rustix::mount::{MountFlags, MountPropagationFlags};

/// Whether something goes for one mount or for all below it as well.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reach {
    /// This mount.
    One,
    /// This mount and all below it.
    All,
}

/// What a word asks for.
#[derive(Clone, Copy, Debug)]
enum Meaning {
    Nothing,
    Set(MountFlags),
    Clear(MountFlags),
    SetAll(u64),
    ClearAll(u64),
    Propagation(MountPropagationFlags),
    Bind(Reach),
    IdMap(Reach),
    Remount,
    CopyUp,
}

use Meaning::{Bind, Clear, ClearAll, CopyUp, IdMap, Nothing, Propagation, Remount, Set, SetAll};

/// `MS_I_VERSION`, for which rustix has no name.
const I_VERSION: MountFlags = MountFlags::from_bits_retain(1 << 23);
const MAND: MountFlags = MountFlags::PERMIT_MANDATORY_FILE_LOCKING;
const ALL: MountPropagationFlags = MountPropagationFlags::REC;

/// All known words, in alphabetical order: they are searched, and `features` lists them.
const WORDS: [(&str, Meaning); 62] = [
    ("async", Clear(MountFlags::SYNCHRONOUS)),
    ("atime", Clear(MountFlags::NOATIME)),
    ("bind", Bind(Reach::One)),
    ("defaults", Nothing),
    ("dev", Clear(MountFlags::NODEV)),
    ("diratime", Clear(MountFlags::NODIRATIME)),
    ("dirsync", Set(MountFlags::DIRSYNC)),
    ("exec", Clear(MountFlags::NOEXEC)),
    ("idmap", IdMap(Reach::One)),
    ("iversion", Set(I_VERSION)),
    ("lazytime", Set(MountFlags::LAZYTIME)),
    ("loud", Clear(MountFlags::SILENT)),
    ("mand", Set(MAND)),
    ("noatime", Set(MountFlags::NOATIME)),
    ("nodev", Set(MountFlags::NODEV)),
    ("nodiratime", Set(MountFlags::NODIRATIME)),
    ("noexec", Set(MountFlags::NOEXEC)),
    ("noiversion", Clear(I_VERSION)),
    ("nolazytime", Clear(MountFlags::LAZYTIME)),
    ("nomand", Clear(MAND)),
    // Without relatime the kernel would choose it again: what remains is strictatime.
    ("norelatime", Set(MountFlags::STRICTATIME)),
    ("nostrictatime", Clear(MountFlags::STRICTATIME)),
    ("nosuid", Set(MountFlags::NOSUID)),
    ("nosymfollow", Set(MountFlags::NOSYMFOLLOW)),
    ("private", Propagation(MountPropagationFlags::PRIVATE)),
    ("ratime", ClearAll(NOATIME)),
    ("rbind", Bind(Reach::All)),
    ("rdev", ClearAll(NODEV)),
    ("rdiratime", ClearAll(NODIRATIME)),
    ("relatime", Set(MountFlags::RELATIME)),
    ("remount", Remount),
    ("rexec", ClearAll(NOEXEC)),
    ("ridmap", IdMap(Reach::All)),
    ("rnoatime", SetAll(NOATIME)),
    ("rnodev", SetAll(NODEV)),
    ("rnodiratime", SetAll(NODIRATIME)),
    ("rnoexec", SetAll(NOEXEC)),
    ("rnorelatime", ClearAll(STRICTATIME)),
    ("rnostrictatime", ClearAll(STRICTATIME)),
    ("rnosuid", SetAll(NOSUID)),
    ("rnosymfollow", SetAll(NOSYMFOLLOW)),
    ("ro", Set(MountFlags::RDONLY)),
    ("rprivate", Propagation(MountPropagationFlags::PRIVATE.union(ALL))),
    ("rrelatime", SetAll(RELATIME)),
    ("rro", SetAll(RDONLY)),
    ("rrw", ClearAll(RDONLY)),
    ("rshared", Propagation(MountPropagationFlags::SHARED.union(ALL))),
    ("rslave", Propagation(MountPropagationFlags::DOWNSTREAM.union(ALL))),
    ("rstrictatime", SetAll(STRICTATIME)),
    ("rsuid", ClearAll(NOSUID)),
    ("rsymfollow", ClearAll(NOSYMFOLLOW)),
    ("runbindable", Propagation(MountPropagationFlags::UNBINDABLE.union(ALL))),
    ("rw", Clear(MountFlags::RDONLY)),
    ("shared", Propagation(MountPropagationFlags::SHARED)),
    ("silent", Set(MountFlags::SILENT)),
    ("slave", Propagation(MountPropagationFlags::DOWNSTREAM)),
    ("strictatime", Set(MountFlags::STRICTATIME)),
    ("suid", Clear(MountFlags::NOSUID)),
    ("symfollow", Clear(MountFlags::NOSYMFOLLOW)),
    ("sync", Set(MountFlags::SYNCHRONOUS)),
    ("tmpcopyup", CopyUp),
    ("unbindable", Propagation(MountPropagationFlags::UNBINDABLE)),
];

/// How a mount deals with access times: one of three, so each replaces the others.
const ACCESS_TIMES: MountFlags =
    MountFlags::NOATIME.union(MountFlags::RELATIME).union(MountFlags::STRICTATIME);

/// Flags that are the file system's, which a bind mount shares with all other mounts of it.
const OF_FILE_SYSTEM: [(MountFlags, &str); 5] = [
    (MountFlags::SYNCHRONOUS, "sync"),
    (MountFlags::DIRSYNC, "dirsync"),
    (MountFlags::LAZYTIME, "lazytime"),
    (MAND, "mand"),
    (I_VERSION, "iversion"),
];

/// A mount's options, read.
#[derive(Debug)]
pub(crate) struct Options {
    /// Flags that are asked for.
    pub(crate) set: MountFlags,
    /// Flags that are asked not to be.
    clear: MountFlags,
    /// For the mount and all below it.
    pub(crate) all: Attributes,
    /// In the order in which they are to be applied.
    pub(crate) propagation: Vec<MountPropagationFlags>,
    pub(crate) bind: Option<Reach>,
    pub(crate) idmap: Option<Reach>,
    pub(crate) remount: bool,
    pub(crate) copy_up: bool,
    /// For the file system, separated by commas.
    pub(crate) data: String,
}

impl Options {
    /// Reads a list of words.
    pub(crate) fn read(words: &[String]) -> Self {
        let mut options = Self {
            set: MountFlags::empty(),
            clear: MountFlags::empty(),
            all: Attributes::default(),
            propagation: Vec::new(),
            bind: None,
            idmap: None,
            remount: false,
            copy_up: false,
            data: String::new(),
        };
        for word in words {
            options.add(word);
        }
        options
    }

    fn add(&mut self, word: &str) {
        let Ok(index) = WORDS.binary_search_by_key(&word, |&(name, _)| name) else {
            if !self.data.is_empty() && !word.is_empty() {
                self.data.push(',');
            }
            self.data.push_str(word);
            return;
        };
        match WORDS[index].1 {
            Nothing => {}
            Set(flag) => {
                if ACCESS_TIMES.contains(flag) {
                    self.set -= ACCESS_TIMES;
                }
                self.set |= flag;
                self.clear -= flag;
            }
            Clear(flag) => {
                self.set -= flag;
                self.clear |= flag;
            }
            SetAll(attribute) => self.all.add(attribute),
            ClearAll(attribute) => self.all.remove(attribute),
            Propagation(kind) => self.propagation.push(kind),
            Bind(reach) => self.bind = Some(reach),
            IdMap(reach) => self.idmap = Some(reach),
            Remount => self.remount = true,
            CopyUp => self.copy_up = true,
        }
    }

    /// The flags as attributes of one mount, for a mount that is there already.
    pub(crate) fn attributes(&self) -> Attributes {
        const SAME: [(MountFlags, u64); 9] = [
            (MountFlags::RDONLY, RDONLY),
            (MountFlags::NOSUID, NOSUID),
            (MountFlags::NODEV, NODEV),
            (MountFlags::NOEXEC, NOEXEC),
            (MountFlags::NODIRATIME, NODIRATIME),
            (MountFlags::NOSYMFOLLOW, NOSYMFOLLOW),
            (MountFlags::NOATIME, NOATIME),
            (MountFlags::STRICTATIME, STRICTATIME),
            (MountFlags::RELATIME, RELATIME),
        ];
        let mut attributes = Attributes::default();
        for (flag, attribute) in SAME {
            if self.clear.contains(flag) {
                attributes.remove(attribute);
            }
        }
        for (flag, attribute) in SAME {
            if self.set.contains(flag) {
                attributes.add(attribute);
            }
        }
        attributes
    }

    /// A word that asks a bind mount for what only a file system of its own can give. Its data, such as `mode=755`, is
    /// none: engines hand on one list of options for mounts of all kinds, and mount(2) ignores the data of a bind.
    pub(crate) fn not_for_bind(&self) -> Option<&str> {
        let flag = OF_FILE_SYSTEM.iter().find(|&&(flag, _)| self.set.contains(flag));
        let data = self.data.split(',').find(|word| !word.is_empty() && !word.contains('='));
        flag.map(|&(_, name)| name).or(data).or(self.copy_up.then_some("tmpcopyup"))
    }
}

/// Every mount option that this runtime knows itself.
pub fn names() -> impl Iterator<Item = &'static str> {
    WORDS.iter().map(|&(name, _)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(words: &[&str]) -> Options {
        Options::read(&words.iter().map(|&word| word.to_owned()).collect::<Vec<_>>())
    }

    #[test]
    fn the_table_is_in_order_and_names_each_word_once() {
        assert!(WORDS.windows(2).all(|pair| pair[0].0 < pair[1].0));
    }

    #[test]
    fn a_later_word_overrides_an_earlier_one() {
        assert_eq!(read(&["ro", "rw"]).attributes(), Attributes { set: 0, clear: RDONLY });
        assert_eq!(read(&["rw", "ro"]).attributes(), Attributes { set: RDONLY, clear: 0 });
        assert_eq!(read(&["rro", "rrw"]).all, Attributes { set: 0, clear: RDONLY });
        assert_eq!(read(&["noatime", "relatime"]).set, MountFlags::RELATIME);
    }

    #[test]
    fn unknown_words_are_the_file_systems() {
        let options = read(&["nosuid", "mode=755", "size=64k", "", "huge=never"]);
        assert_eq!(options.data, "mode=755,size=64k,huge=never");
        assert_eq!(options.not_for_bind(), None);
        assert_eq!(read(&["rbind", "mode=755", "no-such-word"]).not_for_bind(), Some("no-such-word"));
        assert_eq!(read(&["rbind", "sync"]).not_for_bind(), Some("sync"));
        assert_eq!(read(&["rbind", "rprivate", "ro"]).not_for_bind(), None);
    }
}
