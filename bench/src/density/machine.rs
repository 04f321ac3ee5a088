//! What is left on this machine, and what it will hold: memory, processes, descriptors, namespaces.
//!
//! `MemAvailable` is the kernel's estimate of what new programs could have without swapping (`proc_meminfo(5)`), and
//! leaves out the free pages that CPUs keep at hand; [`Machine`] reads both as for the memory ledger. Limits are looked for where they are enforced: in
//! `/proc/sys`, in the resource limits of a process (`getrlimit(2)`), and in the lab's own control group and those
//! above it.

use crate::memory::machine::Machine;
use rustix::process::{Resource, geteuid, getrlimit};
use std::fs;
use std::path::{Path, PathBuf};

/// `MemAvailable` and the free pages at hand, in bytes; 0 where the kernel does not tell, so that nothing is ever started there.
pub fn available() -> u64 {
    Machine::read().map_or(0, |machine| machine.available_bytes())
}

/// What must stay available, in bytes.
pub fn reserve() -> u64 {
    Machine::read().map_or(u64::MAX, |machine| machine.reserve_kib() << 10)
}

/// What fleets may take at most, in bytes: a limit that they meet only if half of the reserve is gone already.
pub fn net(reserve: u64) -> u64 {
    available().saturating_sub(reserve / 2)
}

/// One thing of which the host has only so much.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limit {
    /// What, and who says so.
    pub name: String,
    /// How much of it is still free.
    pub free: u64,
}

/// How many more processes and threads there may be, by each who limits them.
pub fn tasks() -> Vec<Limit> {
    let now = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let now = now.split_whitespace().nth(3).and_then(|word| word.split_once('/')?.1.parse::<u64>().ok());
    let now = now.unwrap_or_default();
    let mut limits: Vec<Limit> = ["pid_max", "threads-max"]
        .iter()
        .filter_map(|name| {
            Some(limit(&format!("kernel.{name}"), number(Path::new("/proc/sys/kernel").join(name))?, now))
        })
        .collect();
    // Root's processes are not counted (`setrlimit(2)`).
    if !geteuid().is_root()
        && let Some(most) = getrlimit(Resource::Nproc).current
    {
        limits.push(limit("the user's limit of processes (ulimit -u)", most, now));
    }
    let groups = groups("pids").into_iter();
    limits.extend(groups.filter_map(|group| {
        let (most, now) = (number(group.join("pids.max"))?, number(group.join("pids.current"))?);
        Some(limit(&format!("pids.max of {}", group.display()), most, now))
    }));
    limits
}

/// How many more files may be open on the whole system.
pub fn files() -> Option<Limit> {
    let text = fs::read_to_string("/proc/sys/fs/file-nr").ok()?;
    let numbers: Vec<u64> = text.split_whitespace().filter_map(|word| word.parse().ok()).collect();
    let [now, _, most] = numbers[..] else { return None };
    Some(limit("fs.file-max", most, now))
}

/// How many descriptors the lab itself may have open.
pub fn descriptors() -> Option<Limit> {
    let now = fs::read_dir("/proc/self/fd").map_or(0, Iterator::count) as u64;
    Some(limit("the lab's limit of descriptors (ulimit -n)", getrlimit(Resource::Nofile).current?, now))
}

/// How many namespaces of one kind there may be: the fewest of those that a container has.
pub fn namespaces() -> Option<Limit> {
    let kinds =
        ["mnt", "pid", "net", "ipc", "uts", "cgroup"].map(|kind| format!("user.max_{kind}_namespaces"));
    let of =
        |name: &String| Some(limit(name, number(Path::new("/proc/sys").join(name.replace('.', "/")))?, 0));
    kinds.iter().filter_map(of).min_by_key(|limit| limit.free)
}

/// How much memory the lab and what it launches may still have, by the control groups that they are in.
pub fn memory() -> Vec<Limit> {
    let of = |group: PathBuf| {
        let files = [("memory.max", "memory.current"), ("memory.limit_in_bytes", "memory.usage_in_bytes")];
        files.into_iter().find_map(|(most, now)| {
            let (most, now) = (number(group.join(most))?, number(group.join(now))?);
            Some(limit(&format!("the memory limit of {}", group.display()), most, now))
        })
    };
    groups("memory").into_iter().filter_map(of).collect()
}

fn limit(name: &str, most: u64, now: u64) -> Limit {
    Limit { name: name.into(), free: most.saturating_sub(now) }
}

/// `None` for a file that is not there, or that says `max`.
fn number(path: PathBuf) -> Option<u64> {
    fs::read_to_string(path).ok()?.trim().parse().ok()
}

/// The folders of the lab's own group in a controller's hierarchy and of those above it, whichever version has it.
fn groups(controller: &str) -> Vec<PathBuf> {
    let text = fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
    let folders = text.lines().filter_map(|line| {
        let mut fields = line.splitn(3, ':').skip(1);
        let (controllers, path) = (fields.next()?, fields.next()?);
        let top = match controllers {
            "" => Path::new("/sys/fs/cgroup").to_path_buf(),
            _ if controllers.split(',').any(|name| name == controller) => {
                Path::new("/sys/fs/cgroup").join(controllers)
            }
            _ => return None,
        };
        let own = top.join(path.trim_start_matches('/'));
        Some(
            own.ancestors()
                .take_while(|folder| folder.starts_with(&top))
                .map(PathBuf::from)
                .collect::<Vec<_>>(),
        )
    });
    folders.flatten().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_available_is_a_part_of_the_memory_and_so_is_the_reserve() {
        let total = Machine::read().unwrap().total_kib << 10;
        assert!(0 < available() && available() < total);
        assert!(0 < reserve() && reserve() < total);
    }

    #[test]
    fn this_machine_has_room_for_one_more_of_everything() {
        let limits =
            tasks().into_iter().chain(files()).chain(descriptors()).chain(namespaces()).chain(memory());
        let limits: Vec<_> = limits.collect();
        assert!(limits.len() >= 4 && limits.iter().all(|limit| limit.free > 0), "{limits:#?}");
    }
}
