//! A lane: the pipe (`pipe2(2)`) on which a number of instances answer, and the instances on it.
//!
//! The lab keeps the instances' end as well while the lane grows, to give it to more. When the fleet is asked to end
//! it drops that: then the end of the last instance is the end of the pipe, too.

use super::{FleetError, Instance, early, ended};
use crate::interrupt::Interrupt;
use crate::reap::{Reaped, reap, wait};
use crate::wire::Wire;
use isolab_timeline::stamps::now;
use isolab_timeline::{Mark, Outcome};
use rustix::event::{PollFd, PollFlags};
use rustix::fs::{MemfdFlags, memfd_create};
use rustix::pipe::{PipeFlags, pipe_with};
use rustix::process::{Pid, PidfdFlags, pidfd_open};
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::FileExt;
use std::os::unix::process::CommandExt;
use std::process::Command;
use std::time::{Duration, Instant};

/// How often a lane that waits looks whether it was interrupted.
const LOOK: Duration = Duration::from_millis(100);

/// A pipe, and who is on it.
#[derive(Debug)]
pub(super) struct Lane {
    pub(super) instances: Vec<Instance>,
    output: OwnedFd,
    /// What all of its instances write to standard error.
    complaints: File,
    /// The instances' end, until they are asked to end.
    shared: Option<OwnedFd>,
}

impl Lane {
    pub(super) fn new() -> Result<Lane, FleetError> {
        let make = || -> io::Result<Lane> {
            let (output, shared) = pipe_with(PipeFlags::CLOEXEC)?;
            let complaints = memfd_create("stderr", MemfdFlags::CLOEXEC)?.into();
            Ok(Lane { instances: Vec::new(), output, complaints, shared: Some(shared) })
        };
        make().map_err(|source| FleetError::Lab { step: "making the pipe of a lane", source })
    }

    /// Starts one instance and waits until it is ready. One that does not become ready is gone when this returns.
    pub(super) fn start(
        &mut self,
        number: usize,
        mut command: Command,
        input: &OwnedFd,
        limit: Duration,
        interrupt: &Interrupt,
    ) -> Result<(), FleetError> {
        let spawn = |source| FleetError::Spawn { number, source };
        let shared = self.shared.as_ref().ok_or_else(|| spawn(io::Error::other("the lane has ended")))?;
        let said_before = self.complaints.metadata().map_or(0, |file| file.len());
        command.stdin(input.try_clone().map_err(spawn)?);
        command.stdout(shared.try_clone().map_err(spawn)?);
        command.stderr(self.complaints.try_clone().map_err(spawn)?).process_group(0);
        let spawn_ns = now();
        let pid = Pid::from_child(&command.spawn().map_err(spawn)?);
        drop(command);

        let mut wire = Wire::default();
        let why = self.listen(pid, &mut wire, limit, interrupt);
        if let (Ok(Heard::Ready), Some(&begin_ns), Some(&ready_ns)) =
            (&why, wire.marks.get(&Mark::Begin), wire.marks.get(&Mark::Ready))
        {
            self.instances.push(Instance { number, pid, spawn_ns, begin_ns, ready_ns });
            return Ok(());
        }
        let lab = |source| FleetError::Lab { step: "waiting for an instance", source };
        // It is killed at once, unless it has ended.
        let status = reap(pid, Instant::now()).map_err(lab)?.outcome.status;
        let (said, pid) = (self.said_since(said_before), pid.as_raw_nonzero().get());
        Err(match why.map_err(lab)? {
            Heard::Interrupted => FleetError::Interrupted,
            Heard::Nothing => FleetError::NeverReady { number, pid, seconds: limit.as_secs_f64(), said },
            // Ready without a beginning is no start either: it is no workload of ours.
            Heard::Ready | Heard::Ended => FleetError::EndedEarly { number, pid, status, said },
        })
    }

    /// Reads until the instance that is being started is ready.
    fn listen(&self, pid: Pid, wire: &mut Wire, limit: Duration, interrupt: &Interrupt) -> io::Result<Heard> {
        let process = pidfd_open(pid, PidfdFlags::empty())?;
        let deadline = Instant::now() + limit;
        loop {
            let look = deadline.min(Instant::now() + LOOK);
            let [output, process] = [self.output.as_fd(), process.as_fd()];
            let mut wishes = [output, process].map(|end| PollFd::from_borrowed_fd(end, PollFlags::IN));
            wait(&mut wishes, look)?;
            let [output, process] = wishes.map(|wish| !wish.revents().is_empty());
            if output {
                self.read(wire)?;
                if wire.marks.contains_key(&Mark::Ready) {
                    return Ok(Heard::Ready);
                }
            } else if process {
                return Ok(Heard::Ended);
            }
            if interrupt.came() {
                return Ok(Heard::Interrupted);
            }
            if Instant::now() >= deadline {
                return Ok(Heard::Nothing);
            }
        }
    }

    /// Reads what is there; nothing at the end of the pipe, when all have closed it.
    fn read(&self, wire: &mut Wire) -> io::Result<usize> {
        let mut buffer = [0_u8; 4096];
        let length = rustix::io::read(&self.output, &mut buffer)?;
        wire.feed(&buffer[..length], now());
        Ok(length)
    }

    fn said_since(&self, before: u64) -> String {
        let length = self.complaints.metadata().map_or(0, |file| file.len()).saturating_sub(before);
        let mut text = vec![0; length as usize];
        // What cannot be read was not said.
        let _ = self.complaints.read_exact_at(&mut text, before);
        let text = String::from_utf8_lossy(&text);
        let text = text.trim_matches(|letter: char| letter.is_whitespace() || letter == '\0');
        if text.is_empty() { String::new() } else { format!(": {text}") }
    }

    /// Names and reaps who has ended before it was asked to; they are no longer on the lane.
    pub(super) fn bury(&mut self, wrong: &mut Vec<FleetError>) {
        self.instances.retain(|&instance| {
            let Ok(Some(status)) = ended(instance) else { return true };
            wrong.push(early(instance, status));
            reap(instance.pid, Instant::now()).is_err()
        });
    }

    /// Reaps its instances, which were asked to end, and notes what is wrong with them. `limit` is how long nothing
    /// may happen. Returns what they have said at their end.
    pub(super) fn reap(&mut self, limit: Duration, wrong: &mut Vec<FleetError>) -> Wire {
        let lab = |source| FleetError::Lab { step: "waiting for the end of the instances", source };
        self.shared = None;
        let mut wire = Wire::default();
        let mut closed =
            self.drain(&mut wire, limit).map_err(|error| wrong.push(lab(error))).unwrap_or(false);
        let mut well = 0;
        for &Instance { number, pid, .. } in &self.instances {
            // Where they have been silent for the limit, who still runs has had its time.
            let deadline = Instant::now() + if closed { limit } else { Duration::ZERO };
            let process = pid.as_raw_nonzero().get();
            match reap(pid, deadline) {
                Ok(Reaped { late: true, .. }) => {
                    wrong.push(FleetError::NeverEnded { number, pid: process, seconds: limit.as_secs_f64() });
                }
                Ok(Reaped { outcome: Outcome { status: 0, .. }, .. }) => well += 1,
                Ok(Reaped { outcome: Outcome { status, .. }, .. }) => {
                    wrong.push(FleetError::Failed { number, pid: process, status });
                }
                Err(error) => wrong.push(lab(error)),
            }
        }
        // Those that were killed have closed it now, too.
        closed = closed || self.drain(&mut wire, limit).unwrap_or(false);
        if let ([first, ..], false) = (&self.instances[..], closed) {
            let last = self.instances.last().map_or(first.number, |last| last.number);
            wrong.push(FleetError::Leak { first: first.number, last });
        }
        let ends = wire.times.get(&Mark::End).copied().unwrap_or_default();
        wrong.extend((ends < well).then_some(FleetError::Silent { instances: well, ends }));
        self.instances.clear();
        wire
    }

    /// Reads until all have closed their output; false if nothing came for as long as `limit`.
    fn drain(&self, wire: &mut Wire, limit: Duration) -> io::Result<bool> {
        while wait(&mut [PollFd::new(&self.output, PollFlags::IN)], Instant::now() + limit)? {
            if self.read(wire)? == 0 {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

/// What came of waiting for an instance to be ready.
enum Heard {
    Ready,
    Ended,
    Nothing,
    Interrupted,
}
