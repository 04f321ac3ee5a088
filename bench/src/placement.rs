//! The one rule of CPU placement (`sched_setaffinity(2)`): the lab's clock on one CPU, what it launches
//! on another, so that neither waits for the other's time slice. Where many are launched at once the question is
//! another, what the whole machine can do, and all share all CPUs ([`spread`]).

use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};
use std::io;
use std::sync::OnceLock;

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
        let allowed = given()?;
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

/// The CPUs that this process was given, as they were before any of its threads moved.
fn given() -> io::Result<CpuSet> {
    static GIVEN: OnceLock<CpuSet> = OnceLock::new();
    let now = sched_getaffinity(None)?;
    Ok(*GIVEN.get_or_init(|| now))
}

/// Lets the calling thread run on all CPUs that the process was given; what it starts from now on inherits that.
pub fn spread() -> io::Result<()> {
    Ok(sched_setaffinity(None, &given()?)?)
}

/// The rule of [`spread`] in words, for the report.
pub fn spread_rule() -> io::Result<String> {
    let cpus = given()?.count();
    Ok(format!("the lab and all that it launches share all {cpus} CPUs: a time includes waiting for one"))
}

/// Moves the calling thread to one CPU; what it starts from now on inherits that.
pub fn pin(cpu: usize) -> io::Result<()> {
    given()?;
    let mut set = CpuSet::new();
    set.set(cpu);
    Ok(sched_setaffinity(None, &set)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The CPUs of a program that the calling thread starts.
    fn inherited() -> String {
        let status = std::process::Command::new("cat").arg("/proc/self/status").output().unwrap().stdout;
        let status = String::from_utf8(status).unwrap();
        let list = status.lines().find_map(|line| line.strip_prefix("Cpus_allowed_list:")).unwrap();
        list.trim().into()
    }

    #[test]
    fn a_pinned_thread_and_what_it_starts_stay_on_that_cpu_until_it_is_spread_again() {
        let placement = Placement::choose().unwrap();
        std::thread::spawn(move || {
            let before = inherited();
            pin(placement.launched).unwrap();
            assert_eq!(inherited(), placement.launched.to_string());
            spread().unwrap();
            assert_eq!(inherited(), before);
        })
        .join()
        .unwrap();
    }
}
