//! The one rule of CPU placement (`sched_setaffinity(2)`): the lab's clock on one CPU, what it launches
//! on another, so that neither waits for the other's time slice.

use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};
use std::io;

/// The CPU of the lab and the CPU of everything that it launches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Placement {
    /// Where the lab waits and stamps.
    pub lab: usize,
    /// Where the launched process and all its descendants run.
    pub launched: usize,
}

impl Placement {
    /// The first and the last CPU that this process may use; the same where there is only one.
    pub fn choose() -> io::Result<Placement> {
        let allowed = sched_getaffinity(None)?;
        let mut cpus = (0..CpuSet::MAX_CPU).filter(|&cpu| allowed.is_set(cpu));
        let lab = cpus.next().unwrap_or(0);
        Ok(Placement { lab, launched: cpus.next_back().unwrap_or(lab) })
    }

    /// The rule in words, for the report.
    pub fn rule(self) -> String {
        if self.lab == self.launched {
            "this host gives one CPU: the lab and what it launches share it, so that times include the lab's"
                .into()
        } else {
            format!(
                "the lab waits on CPU {}; each launched process and its descendants run on CPU {}",
                self.lab, self.launched
            )
        }
    }
}

/// Moves the calling thread to one CPU; what it starts from now on inherits that.
pub fn pin(cpu: usize) -> io::Result<()> {
    let mut set = CpuSet::new();
    set.set(cpu);
    Ok(sched_setaffinity(None, &set)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pinned_thread_and_what_it_starts_stay_on_that_cpu() {
        let placement = Placement::choose().unwrap();
        let status = std::thread::spawn(move || {
            pin(placement.launched).unwrap();
            std::process::Command::new("cat").arg("/proc/self/status").output().unwrap().stdout
        });
        let status = String::from_utf8(status.join().unwrap()).unwrap();
        let list = status.lines().find_map(|line| line.strip_prefix("Cpus_allowed_list:")).unwrap();
        assert_eq!(list.trim(), placement.launched.to_string());
    }
}
