//! What the kernel counts for single processes: `/proc/PID/stat`, `status`, `smaps_rollup` and `smaps`
//! (`proc_pid_smaps(5)`).
//!
//! An instance is a process that the lab has launched, and its descendants. The launched one is the launcher or the
//! VMM, what runs below it is the workload; a bare process is the workload itself. A VM's memory is a mapping of its
//! VMM like any other: the one that is as large as the guest was promised.
//!
//! RSS counts every page that a process maps, PSS each page divided by how many map it, USS those that nobody else
//! maps. None of them sees kernel memory, and a page of a file that all instances share is counted N times by the
//! first, once by the second, and not at all by the third.

use super::error::MemoryError;
use isolab_timeline::Stack;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// The sums over all processes of some instances, in KiB.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Processes {
    /// How many processes.
    pub processes: u64,
    /// How many of them do not let the lab look; they are in no other sum.
    pub unreadable: u64,
    /// Pages without a file that the workload's processes map, each divided by how many map it.
    pub workload_kib: u64,
    /// The same of launchers and VMMs, the guests' memory left out.
    pub launcher_kib: u64,
    /// Pages of the guests' memory that a guest or its VMM has touched.
    pub guest_kib: u64,
    /// What of it the guests' programs and files have, as their inits told; absent where none did. It is told at the
    /// fleet's end: the mean of all, times the instances.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub guest_programs_kib: Option<u64>,
    /// How much of the guests' memory is in huge pages.
    pub guest_huge_kib: u64,
    /// Page tables of all of them (`VmPTE`), without the topmost level.
    pub page_tables_kib: u64,
    /// Pages of files that they map, each divided by how many map it: what all share is in it once.
    pub file_kib: u64,
    /// Pages of files in memory only that they map, each divided by how many map it.
    pub shmem_kib: u64,
    /// RSS: all pages that they map, as often as they are mapped.
    pub rss_kib: u64,
    /// PSS: all pages that they map, each divided by how many map it.
    pub pss_kib: u64,
    /// USS: pages that only one process maps.
    pub uss_kib: u64,
}

/// Which process is what.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Launched {
    /// The workload itself.
    Workload,
    /// A launcher; the workload is below it.
    Launcher,
    /// A VMM whose guest has so many bytes of memory.
    Vmm(u64),
}

impl Launched {
    /// What the lab launches for a stack, of which a VM has `memory_mib` MiB.
    pub fn of(stack: Stack, memory_mib: u32) -> Launched {
        match stack {
            Stack::Process => Launched::Workload,
            _ if stack.runs_a_guest() => Launched::Vmm(u64::from(memory_mib) << 20),
            _ => Launched::Launcher,
        }
    }
}

impl Processes {
    /// Reads the instances whose launched processes are `roots`. One that has ended meanwhile is left out: its end
    /// shows elsewhere.
    pub fn read(roots: &[i32], launched: Launched) -> Result<Processes, MemoryError> {
        let mut sums = Processes::default();
        let mut level: Vec<(i32, bool)> = roots.iter().map(|&pid| (pid, true)).collect();
        let children = children()?;
        while let Some((pid, root)) = level.pop() {
            level.extend(children.get(&pid).into_iter().flatten().map(|&child| (child, false)));
            sums.processes += 1;
            match sums.add(Path::new(&format!("/proc/{pid}")), root, launched) {
                Err(MemoryError::Read { source, .. }) if gone(&source) => sums.processes -= 1,
                Err(MemoryError::Read { .. }) => sums.unreadable += 1,
                result => result?,
            }
        }
        Ok(sums)
    }

    fn add(&mut self, process: &Path, root: bool, launched: Launched) -> Result<(), MemoryError> {
        let status = fields(&process.join("status"))?;
        let all = fields(&process.join("smaps_rollup"))?;
        let of = |name: &str| all.get(name).copied().unwrap_or_default();
        let anonymous = of("Pss_Anon");
        match launched {
            Launched::Vmm(bytes) if root => {
                let (guest, huge) = guest(&process.join("smaps"), bytes)?;
                self.guest_kib += guest;
                self.guest_huge_kib += huge;
                self.launcher_kib += anonymous.saturating_sub(guest);
            }
            Launched::Launcher | Launched::Vmm(_) if root => self.launcher_kib += anonymous,
            Launched::Workload | Launched::Launcher | Launched::Vmm(_) => self.workload_kib += anonymous,
        }
        self.page_tables_kib += status.get("VmPTE").copied().unwrap_or_default();
        self.file_kib += of("Pss_File");
        self.shmem_kib += of("Pss_Shmem");
        self.rss_kib += of("Rss");
        self.pss_kib += of("Pss");
        self.uss_kib += of("Private_Clean") + of("Private_Dirty");
        Ok(())
    }
}

/// The children of every process of this machine, by its `/proc/PID/stat`.
fn children() -> Result<BTreeMap<i32, Vec<i32>>, MemoryError> {
    let mut children = BTreeMap::<i32, Vec<i32>>::new();
    for entry in fs::read_dir("/proc").map_err(MemoryError::reading("/proc"))?.flatten() {
        let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse().ok()) else { continue };
        // What ends while it is looked at is nobody's child any more.
        let Ok(stat) = fs::read_to_string(entry.path().join("stat")) else { continue };
        if let Some(parent) = parent(&stat) {
            children.entry(parent).or_default().push(pid);
        }
    }
    Ok(children)
}

/// The parent's number: the second word behind the name, which stands in brackets and may itself hold some.
fn parent(stat: &str) -> Option<i32> {
    stat.rsplit_once(')')?.1.split_whitespace().nth(1)?.parse().ok()
}

/// The numbers of a file of lines such as `Rss:    12 kB`.
fn fields(path: &Path) -> Result<BTreeMap<String, u64>, MemoryError> {
    let text = fs::read_to_string(path).map_err(MemoryError::reading(path))?;
    Ok(text.lines().filter_map(field).map(|(name, value)| (name.to_owned(), value)).collect())
}

fn field(line: &str) -> Option<(&str, u64)> {
    let (name, value) = line.split_once(':')?;
    Some((name, value.trim().strip_suffix(" kB")?.parse().ok()?))
}

/// What is there of a guest's memory, and what of it in huge pages, in KiB. It is the anonymous mapping of at least
/// `bytes`.
fn guest(path: &PathBuf, bytes: u64) -> Result<(u64, u64), MemoryError> {
    let text = fs::read_to_string(path).map_err(MemoryError::reading(path))?;
    let (mut inside, mut rss, mut huge) = (false, 0, 0);
    for line in text.lines() {
        if let Some((length, anonymous)) = mapping(line) {
            inside = anonymous && length >= bytes;
        } else if inside {
            match field(line) {
                Some(("Rss", kib)) => rss += kib,
                Some(("AnonHugePages", kib)) => huge += kib,
                _ => {}
            }
        }
    }
    Ok((rss, huge))
}

/// Of the line that begins a mapping (`START-END MODE OFFSET DEVICE INODE [NAME]`), its length and whether it is
/// anonymous; `None` when the line begins none.
fn mapping(line: &str) -> Option<(u64, bool)> {
    let mut words = line.split_whitespace();
    let (start, end) = words.next()?.split_once('-')?;
    let [start, end] = [start, end].map(|address| u64::from_str_radix(address, 16).ok());
    let length = end?.checked_sub(start?)?;
    Some((length, words.nth(3) == Some("0")))
}

fn gone(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::NotFound
        || error.raw_os_error() == Some(rustix::io::Errno::SRCH.raw_os_error())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_with_brackets_hides_no_parent() {
        assert_eq!(parent("12 (a) b) S 7 12 12 0"), Some(7));
        assert_eq!(parent("12"), None);
    }

    #[test]
    fn only_the_anonymous_mapping_of_that_size_is_the_guests() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("smaps");
        let smaps = "7f0000000000-7f0008000000 rw-p 00000000 00:00 0 \nSize: 131072 kB\nRss:    512 kB\nAnonHugePages: 0 kB\n\
            7f0010000000-7f0010001000 rw-p 00000000 00:00 0 \nRss:    4 kB\n\
            7f0020000000-7f0028000000 r--s 00000000 08:01 77 /big/file\nRss:    9000 kB\nVmFlags: rd mr\n";
        fs::write(&path, smaps).unwrap();
        assert_eq!(guest(&path, 128 << 20).unwrap(), (512, 0));
        assert_eq!(guest(&path, 129 << 20).unwrap(), (0, 0));
    }

    #[test]
    fn this_process_is_read_with_its_children() {
        let mut child =
            std::process::Command::new("cat").stdin(std::process::Stdio::piped()).spawn().unwrap();
        let me = std::process::id() as i32;
        let both = Processes::read(&[me], Launched::Launcher).unwrap();
        assert!(both.processes >= 2 && both.unreadable == 0, "{both:?}");
        assert!(both.launcher_kib > 0 && both.workload_kib > 0, "{both:?}");
        assert!(both.uss_kib <= both.pss_kib && both.pss_kib <= both.rss_kib, "{both:?}");
        let alone = Processes::read(&[child.id() as i32], Launched::Workload).unwrap();
        assert_eq!((alone.processes, alone.launcher_kib), (1, 0));
        drop(child.stdin.take());
        child.wait().unwrap();
        let none = Processes::read(&[i32::MAX], Launched::Workload).unwrap();
        assert_eq!(none, Processes::default(), "one that is not there is nothing");
    }
}
