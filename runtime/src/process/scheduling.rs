//! When the process gets a CPU and a disk, and when it is killed for memory (`sched(7)`, `sched_setattr(2)`,
//! `ioprio_set(2)`, `proc_pid_oom_score_adj(5)`; `process.scheduler`, `.ioPriority`, `.oomScoreAdj`).
//!
//! All of it takes capabilities on the host, so it is done before any is dropped; and for a container with a
//! user namespace, in which nobody has them, by the runtime from outside.

use crate::error::{Error, IntoErrno};
use oci_spec::runtime::{
    IOPriorityClass, LinuxIOPriority, LinuxSchedulerFlag, LinuxSchedulerPolicy, Process, Scheduler,
};
use rustix::io::Errno;
use rustix::process::Pid;
use std::fs;
use std::io;

/// `SCHED_ISO` has a number, but no kernel has it.
const SCHED_ISO: u32 = 4;
const IOPRIO_WHO_PROCESS: i32 = 1;
const IOPRIO_CLASS_SHIFT: u32 = 13;

/// What `sched_setattr(2)` takes.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
struct Attributes {
    size: u32,
    policy: u32,
    flags: u64,
    nice: i32,
    priority: u32,
    runtime: u64,
    deadline: u64,
    period: u64,
}

/// The choices of a process; `None`: as its parent.
#[derive(Clone, Debug)]
pub struct Scheduling {
    cpu: Option<Attributes>,
    disk: Option<i32>,
    out_of_memory: Option<i32>,
}

impl Scheduling {
    /// Checks what the configuration asks for.
    pub fn new(process: &Process) -> Result<Self, Error> {
        let out_of_memory = process.oom_score_adj();
        if out_of_memory.is_some_and(|score| !(-1000..=1000).contains(&score)) {
            return Err(Error::property("process.oomScoreAdj", "must be between -1000 and 1000"));
        }
        Ok(Self {
            cpu: process.scheduler().as_ref().map(cpu).transpose()?,
            disk: process.io_priority().as_ref().map(disk).transpose()?,
            out_of_memory,
        })
    }

    /// Applies them to a process, `None` being the calling one.
    pub(crate) fn apply(&self, process: Option<Pid>) -> Result<(), Error> {
        let number = process.map_or(0, |pid| pid.as_raw_nonzero().get());
        if let Some(score) = self.out_of_memory {
            let folder = process.map_or("self".into(), |_| number.to_string());
            let file = format!("/proc/{folder}/oom_score_adj");
            fs::write(&file, score.to_string()).map_err(|error| match error.into_errno() {
                Errno::ACCESS | Errno::PERM => Error::property(
                    "process.oomScoreAdj",
                    format!("{score} is below the runtime's own score, and that takes CAP_SYS_RESOURCE"),
                ),
                source => Error::Path { step: "writing", path: file.into(), source },
            })?;
        }
        if let Some(attributes) = self.cpu {
            // SAFETY: the kernel reads `size` bytes of a structure of that size.
            let result = unsafe { libc::syscall(libc::SYS_sched_setattr, number, &raw const attributes, 0) };
            done(result).map_err(|error| refused("process.scheduler", error))?;
        }
        if let Some(priority) = self.disk {
            // SAFETY: three numbers and no pointer.
            let result = unsafe { libc::syscall(libc::SYS_ioprio_set, IOPRIO_WHO_PROCESS, number, priority) };
            done(result).map_err(|error| refused("process.ioPriority", error))?;
        }
        Ok(())
    }
}

fn done(result: libc::c_long) -> Result<(), Errno> {
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error().into_errno()) }
}

fn refused(property: &'static str, error: Errno) -> Error {
    match error {
        Errno::PERM => Error::property(property, "takes CAP_SYS_NICE, which the runtime does not have"),
        Errno::INVAL => Error::property(property, "this kernel refuses these values"),
        source => Error::Path { step: "setting", path: property.into(), source },
    }
}

fn cpu(asked: &Scheduler) -> Result<Attributes, Error> {
    let wrong = |what: &str| Error::property("process.scheduler", what);
    let policy = match asked.policy() {
        LinuxSchedulerPolicy::SchedOther => libc::SCHED_OTHER,
        LinuxSchedulerPolicy::SchedFifo => libc::SCHED_FIFO,
        LinuxSchedulerPolicy::SchedRr => libc::SCHED_RR,
        LinuxSchedulerPolicy::SchedBatch => libc::SCHED_BATCH,
        LinuxSchedulerPolicy::SchedIso => SCHED_ISO as i32,
        LinuxSchedulerPolicy::SchedIdle => libc::SCHED_IDLE,
        LinuxSchedulerPolicy::SchedDeadline => libc::SCHED_DEADLINE,
    };
    let (nice, priority) = (asked.nice().unwrap_or(0), asked.priority().unwrap_or(0));
    let real_time = matches!(policy, libc::SCHED_FIFO | libc::SCHED_RR);
    if !(-20..=19).contains(&nice) {
        return Err(wrong("nice must be between -20 and 19"));
    }
    if nice != 0 && !matches!(policy, libc::SCHED_OTHER | libc::SCHED_BATCH) {
        return Err(wrong("nice is for SCHED_OTHER and SCHED_BATCH only"));
    }
    if real_time && !(1..=99).contains(&priority) {
        return Err(wrong("priority must be between 1 and 99 for SCHED_FIFO and SCHED_RR"));
    }
    if !real_time && priority != 0 {
        return Err(wrong("priority is for SCHED_FIFO and SCHED_RR only"));
    }
    let times = [asked.runtime(), asked.deadline(), asked.period()].map(|time| time.unwrap_or(0));
    if policy != libc::SCHED_DEADLINE && times != [0; 3] {
        return Err(wrong("runtime, deadline and period are for SCHED_DEADLINE only"));
    }
    let flag = |flag: &LinuxSchedulerFlag| match flag {
        LinuxSchedulerFlag::SchedResetOnFork => 0x01,
        LinuxSchedulerFlag::SchedFlagReclaim => 0x02,
        LinuxSchedulerFlag::SchedFlagDLOverrun => 0x04,
        LinuxSchedulerFlag::SchedFlagKeepPolicy => 0x08,
        LinuxSchedulerFlag::SchedFlagKeepParams => 0x10,
        LinuxSchedulerFlag::SchedFlagUtilClampMin => 0x20,
        LinuxSchedulerFlag::SchedFlagUtilClampMax => 0x40,
    };
    Ok(Attributes {
        size: size_of::<Attributes>() as u32,
        policy: policy as u32,
        flags: asked.flags().iter().flatten().map(flag).sum::<u64>(),
        nice,
        priority: priority as u32,
        runtime: times[0],
        deadline: times[1],
        period: times[2],
    })
}

fn disk(asked: &LinuxIOPriority) -> Result<i32, Error> {
    let class = match asked.class() {
        IOPriorityClass::IoprioClassRt => 1,
        IOPriorityClass::IoprioClassBe => 2,
        IOPriorityClass::IoprioClassIdle => 3,
    };
    let level = i32::try_from(asked.priority()).ok().filter(|level| (0..=7).contains(level));
    let level =
        level.ok_or_else(|| Error::property("process.ioPriority", "priority must be between 0 and 7"))?;
    Ok(class << IOPRIO_CLASS_SHIFT | level)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scheduler(json: &str) -> Result<Attributes, Error> {
        cpu(&serde_json::from_str::<Scheduler>(json).unwrap())
    }

    #[test]
    fn values_are_checked_against_their_policy() {
        assert_eq!(scheduler(r#"{"policy":"SCHED_BATCH","nice":5}"#).unwrap().nice, 5);
        assert_eq!(scheduler(r#"{"policy":"SCHED_RR","priority":10}"#).unwrap().priority, 10);
        for bad in [
            r#"{"policy":"SCHED_OTHER","nice":20}"#,
            r#"{"policy":"SCHED_FIFO"}"#,
            r#"{"policy":"SCHED_IDLE","priority":1}"#,
            r#"{"policy":"SCHED_FIFO","priority":1,"nice":1}"#,
            r#"{"policy":"SCHED_OTHER","runtime":1}"#,
        ] {
            assert!(scheduler(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn classes_and_levels_share_one_number() {
        let priority = |json: &str| disk(&serde_json::from_str::<LinuxIOPriority>(json).unwrap());
        assert_eq!(priority(r#"{"class":"IOPRIO_CLASS_BE","priority":4}"#).unwrap(), 2 << 13 | 4);
        assert!(priority(r#"{"class":"IOPRIO_CLASS_RT","priority":8}"#).is_err());
        assert!(priority(r#"{"class":"IOPRIO_CLASS_RT","priority":-1}"#).is_err());
    }
}
