//! A fleet: many instances of a stack, started several at a time, all held at *ready* until they are asked to end.
//!
//! Its instances run the workload `wait`, which says that it is ready, reads its standard input to the end and then
//! says `end`. In order:
//!
//! 1. [`Fleet::new`] makes one pipe to all of its instances, and as many lanes as are to start at once (`lane.rs`): each
//!    is one pipe back, so that thousands need no more descriptors than one. Marks have no sender; but a lane starts
//!    one instance at a time, and those that wait are silent.
//! 2. [`Fleet::grow`]: each lane has a thread, takes the next command, starts it, and waits until it is ready. All run on
//!    all CPUs ([`crate::placement::spread`]).
//! 3. [`Fleet::check`]: who has ended (`waitid(2)` with `WNOWAIT`) is named, without a descriptor for each.
//! 4. [`Fleet::end`]: the lab closes its end of the pipe. Every instance that works sees the end of its input, says
//!    `end`, and ends with status 0; all are reaped ([`crate::reap`]), and whoever did otherwise is named.
//!
//! If the lab is killed, its ends of the pipes close, and the instances end by themselves. Ctrl-C at a terminal does
//! not reach them: each is in a process group of its own (`setpgid(2)`), so that the lab can end them in order.

mod lane;

use crate::interrupt::Interrupt;
use crate::placement;
use crate::wire::Wire;
use isolab_timeline::Record;
use lane::Lane;
use rustix::io::Errno;
use rustix::pipe::{PipeFlags, pipe_with};
use rustix::process::{Pid, WaitId, WaitIdOptions, waitid};
use std::io;
use std::os::fd::OwnedFd;
use std::process::Command;
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

/// A lane's thread needs little, and there may be hundreds.
const STACK: usize = 256 << 10;

/// The descriptors that a lane needs while it starts an instance: its pipe's two ends and the file for complaints,
/// three copies for the child, the descriptor of the process.
pub const DESCRIPTORS_A_LANE: usize = 7;

/// One instance that was started and became ready. Times are those of `CLOCK_MONOTONIC`, in nanoseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Instance {
    /// Its place in the order in which the fleet's instances were started, from 0.
    pub number: usize,
    /// The process that the lab started; what that started in turn are its descendants.
    pub pid: Pid,
    /// Just before it was started.
    pub spawn_ns: u64,
    /// The workload's first instruction.
    pub begin_ns: u64,
    /// It holds.
    pub ready_ns: u64,
}

/// What was wrong with an instance, or with the fleet.
#[derive(Debug, thiserror::Error)]
pub enum FleetError {
    /// The lab itself could not do something.
    #[error("{step}: {source}")]
    Lab {
        /// What it was doing.
        step: &'static str,
        /// The system's reason.
        source: io::Error,
    },
    /// It could not be started at all.
    #[error("instance {number} cannot be started: {source}")]
    Spawn {
        /// Which one.
        number: usize,
        /// The system's reason.
        source: io::Error,
    },
    /// It began, or not even that, and then nothing came.
    #[error("instance {number} (process {pid}) was not ready after {seconds} s and was killed{said}")]
    NeverReady {
        /// Which one.
        number: usize,
        /// Its process.
        pid: i32,
        /// How long it was waited for.
        seconds: f64,
        /// What it complained of, behind a colon; empty if of nothing.
        said: String,
    },
    /// It ended before it was asked to.
    #[error("instance {number} (process {pid}) ended too early, with status {status}{said}")]
    EndedEarly {
        /// Which one.
        number: usize,
        /// Its process.
        pid: i32,
        /// Its exit status, or 128 + the signal that ended it.
        status: i32,
        /// What it complained of, behind a colon; empty if of nothing.
        said: String,
    },
    /// It was asked to end and failed.
    #[error("instance {number} (process {pid}) ended with status {status} when it was asked to end")]
    Failed {
        /// Which one.
        number: usize,
        /// Its process.
        pid: i32,
        /// Its exit status, or 128 + the signal that ended it.
        status: i32,
    },
    /// It was asked to end and did not.
    #[error(
        "instance {number} (process {pid}) did not end within {seconds} s of being asked to and was killed"
    )]
    NeverEnded {
        /// Which one.
        number: usize,
        /// Its process.
        pid: i32,
        /// How long it was waited for.
        seconds: f64,
    },
    /// Not all that ended well, of those on one lane, had said that they would: the mark `end` is missing.
    #[error(
        "of {instances} instances that ended with status 0 only {ends} said `end`: the others did not work"
    )]
    Silent {
        /// How many ended well.
        instances: usize,
        /// How often the mark came.
        ends: usize,
    },
    /// All of a lane's instances were reaped, and something still holds their output.
    #[error("a process that was left behind by one of instances {first} to {last} still holds their output")]
    Leak {
        /// The lane's first instance.
        first: usize,
        /// The lane's last instance.
        last: usize,
    },
    /// Somebody asked the lab to stop.
    #[error("it was interrupted")]
    Interrupted,
}

/// How a fleet ended.
#[derive(Debug)]
pub struct Ended {
    /// How many instances it had.
    pub instances: usize,
    /// From the request to end until the last was reaped.
    pub took: Duration,
    /// What programs and files have of each guest's memory, in KiB, of those whose init has told.
    pub guest_programs_kib: Vec<u64>,
    /// All that was not as it should be.
    pub wrong: Vec<FleetError>,
}

/// Instances that hold at *ready*; they are asked to end when it is dropped.
#[derive(Debug)]
pub struct Fleet {
    lanes: Vec<Lane>,
    /// What all of its instances read from, until they are asked to end.
    input: Option<Input>,
    limit: Duration,
}

#[derive(Debug)]
struct Input {
    childs: OwnedFd,
    /// As long as it is open they wait.
    _held: OwnedFd,
}

impl Fleet {
    /// An empty fleet that starts `at_once` instances at a time. One that is not ready, or that does not end, within
    /// `limit` is killed.
    pub fn new(at_once: usize, limit: Duration) -> Result<Fleet, FleetError> {
        let lanes = (0..at_once.max(1)).map(|_| Lane::new()).collect::<Result<_, _>>()?;
        let (childs, held) = pipe_with(PipeFlags::CLOEXEC).map_err(|source| FleetError::Lab {
            step: "making the pipe of a fleet",
            source: source.into(),
        })?;
        Ok(Fleet { lanes, input: Some(Input { childs, _held: held }), limit })
    }

    /// Starts all of `commands` and returns when all are ready. At the first that fails no more are started: that
    /// one is gone, and those that became ready are kept.
    pub fn grow(&mut self, commands: Vec<Command>, interrupt: &Interrupt) -> Result<(), FleetError> {
        let threads = commands.len();
        let queue = Mutex::new((self.len()..).zip(commands));
        let next = || queue.lock().unwrap_or_else(PoisonError::into_inner).next();
        let failed = Mutex::new(None);
        let fail = |error| {
            failed.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(error);
        };
        let going = || failed.lock().unwrap_or_else(PoisonError::into_inner).is_none();
        let Fleet { lanes, input: Some(Input { childs, .. }), limit } = self else { return Ok(()) };
        thread::scope(|scope| {
            for lane in lanes.iter_mut().take(threads) {
                let work = || {
                    // Where it may not choose its CPUs it has those that it has.
                    let _ = placement::spread();
                    while going()
                        && let Some((number, command)) = next()
                    {
                        if let Err(error) = lane.start(number, command, childs, *limit, interrupt) {
                            fail(error);
                        }
                    }
                };
                if let Err(source) = thread::Builder::new().stack_size(STACK).spawn_scoped(scope, work) {
                    fail(FleetError::Lab { step: "starting a thread", source });
                }
            }
        });
        failed.into_inner().unwrap_or_else(PoisonError::into_inner).map_or(Ok(()), Err)
    }

    /// The instances, in the order in which they were started.
    pub fn instances(&self) -> Vec<Instance> {
        let mut all: Vec<_> = self.lanes.iter().flat_map(|lane| lane.instances.iter().copied()).collect();
        all.sort_unstable_by_key(|instance| instance.number);
        all
    }

    /// How many instances there are.
    pub fn len(&self) -> usize {
        self.lanes.iter().map(|lane| lane.instances.len()).sum()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Looks whether every instance is alive; the error names the first that is not.
    pub fn check(&self) -> Result<(), FleetError> {
        self.instances().into_iter().try_for_each(|instance| match ended(instance)? {
            None => Ok(()),
            Some(status) => Err(early(instance, status)),
        })
    }

    /// Asks all instances to end, and reaps them.
    pub fn end(mut self) -> Ended {
        self.finish()
    }

    fn finish(&mut self) -> Ended {
        let instances = self.len();
        let asked = Instant::now();
        let mut wrong = Vec::new();
        self.lanes.iter_mut().for_each(|lane| lane.bury(&mut wrong));
        self.input = None;
        let wires: Vec<_> = self.lanes.drain(..).map(|mut lane| lane.reap(self.limit, &mut wrong)).collect();
        let took = asked.elapsed();
        let told = |record| Record::read(record).ok()?.guest_programs_kib;
        let guest_programs_kib = wires.iter().flat_map(Wire::records).filter_map(told).collect();
        Ended { instances, took, guest_programs_kib, wrong }
    }
}

impl Drop for Fleet {
    fn drop(&mut self) {
        // Whoever wanted to know how they end has called `end`.
        self.finish();
    }
}

/// The status of an instance that has ended, which stays to be reaped.
fn ended(instance: Instance) -> Result<Option<i32>, FleetError> {
    let look = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
    loop {
        match waitid(WaitId::Pid(instance.pid), look) {
            Err(Errno::INTR) => {}
            found => {
                let source =
                    |source: Errno| FleetError::Lab { step: "looking at an instance", source: source.into() };
                return Ok(found.map_err(source)?.map(|ended| {
                    let signal = || ended.terminating_signal().map(|signal| 128 + signal);
                    ended.exit_status().or_else(signal).unwrap_or_default()
                }));
            }
        }
    }
}

fn early(Instance { number, pid, .. }: Instance, status: i32) -> FleetError {
    FleetError::EndedEarly { number, pid: pid.as_raw_nonzero().get(), status, said: String::new() }
}

#[cfg(test)]
mod tests;
