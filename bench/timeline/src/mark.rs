//! Marks: the events of one launch, in the order in which they can happen.
//!
//! Three of them ([`Mark::Begin`], [`Mark::Ready`], [`Mark::End`]) come from the workload as bytes on
//! standard output; `Spawn` and `Reaped` are the lab's own; the rest are stamped by the launcher
//! (the container runtime or the VMM) on the same host clock and handed over afterwards.

use serde::{Deserialize, Serialize};

/// One event of a launch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mark {
    /// The lab is about to start the child process. Zero of every timeline.
    Spawn,
    /// The launcher's `main` has begun.
    Launcher,
    /// The launcher has read its arguments and now begins to isolate.
    Isolate,
    /// Container: the first process runs in its new namespaces and its cgroup.
    Cloned,
    /// Container: the root folder, its mounts and the pivot are done.
    Rooted,
    /// VM: `KVM_CREATE_VM` and the vCPU are done.
    Created,
    /// VM: the guest is in memory and its registers are set; the next call is the first `KVM_RUN`.
    Loaded,
    /// Linux guest: its init has begun; its kernel has booted.
    Init,
    /// Linux guest: its init is about to start the command.
    Command,
    /// The workload's first instruction.
    Begin,
    /// The work is done, or a kind that holds now holds.
    Ready,
    /// The workload is about to exit.
    End,
    /// The launcher has seen the workload's end.
    Exited,
    /// The launcher has removed what it made.
    Cleaned,
    /// The lab has reaped the child process; nothing of it is left.
    Reaped,
}

impl Mark {
    /// All marks, in order.
    pub const ALL: [Mark; 15] = [
        Mark::Spawn,
        Mark::Launcher,
        Mark::Isolate,
        Mark::Cloned,
        Mark::Rooted,
        Mark::Created,
        Mark::Loaded,
        Mark::Init,
        Mark::Command,
        Mark::Begin,
        Mark::Ready,
        Mark::End,
        Mark::Exited,
        Mark::Cleaned,
        Mark::Reaped,
    ];

    /// The mark that a byte on the child's standard output stands for, if it is one.
    pub const fn from_byte(byte: u8) -> Option<Mark> {
        match byte {
            isolab_workload::mark::BEGIN => Some(Mark::Begin),
            isolab_workload::mark::READY => Some(Mark::Ready),
            isolab_workload::mark::END => Some(Mark::End),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_marks_are_listed_once_and_in_order() {
        assert!(Mark::ALL.is_sorted());
        assert!(Mark::ALL.iter().enumerate().all(|(place, &mark)| mark as usize == place));
    }
}
