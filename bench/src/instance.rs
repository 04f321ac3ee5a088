//! One launch: start a command, stamp its marks as they arrive, reap it.
//!
//! The order is what makes the numbers right. The pipe exists before the child does; a second thread,
//! pinned to the children's CPU, stamps *spawn* and starts the child there (`posix_spawn(3)`, which does
//! not copy the lab's memory), while the lab already sleeps in `poll(2)` on its own CPU. Each byte is
//! stamped when the read that brought it returns. The pipe is drained to its end before the child is
//! reaped ([`crate::reap`]), and only then is *reaped* stamped. One time limit holds for all of it.

use crate::placement::{Placement, pin};
use crate::reap::{Reaped, reap, wait};
use crate::wire::Wire;
use isolab_timeline::stamps::now;
use isolab_timeline::{Mark, Outcome, Record, Sample, Stack, Timeline, Workload};
use isolab_workload::kind::Kind;
use rustix::event::{PollFd, PollFlags};
use rustix::fs::{MemfdFlags, memfd_create};
use rustix::pipe::{PipeFlags, pipe_with};
use rustix::process::Pid;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read, Seek};
use std::os::fd::OwnedFd;
use std::process::{Child, Command};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::{Duration, Instant};

/// Starts commands on the children's CPU.
#[derive(Debug)]
pub struct Launcher {
    jobs: Sender<Command>,
    started: Receiver<io::Result<(u64, Child)>>,
    /// A launch that has not ended by then is killed and counts as failed.
    pub limit: Duration,
}

/// What one launch came to.
#[derive(Debug)]
pub struct Launched {
    /// Every mark, from the lab and from the launcher, since the spawn.
    pub timeline: Timeline,
    /// How it ended.
    pub outcome: Outcome,
    /// How often a guest came back to its VMM, by reason, if there was one that keeps count.
    pub exits: Option<BTreeMap<String, u64>>,
    /// What KVM counted of the VM, if its VMM was asked for it.
    pub statistics: Option<BTreeMap<String, u64>>,
    /// What it wrote to standard output beside marks.
    pub text: Vec<u8>,
    /// What it wrote to standard error.
    pub complaint: String,
    /// Why the launch does not count, if so.
    pub invalid: Option<String>,
}

impl Launched {
    /// What the run's record keeps of it.
    pub fn into_sample(self, stack: Stack, workload: Workload, order: usize, warmup: bool) -> Sample {
        let Launched { timeline: marks_ns, outcome: exit, invalid, .. } = self;
        Sample { stack, workload, order, warmup, marks_ns, exit, invalid }
    }
}

/// What every launch of a run must print: a stack that computes something else has not run the work.
#[derive(Debug)]
pub struct Agreed(Option<Vec<u8>>);

impl Agreed {
    /// For launches of `workload`: only a computation prints, and the first that is measured says what.
    pub fn on(workload: Workload) -> Agreed {
        Agreed((!matches!(workload.0, Kind::Cpu(_))).then(Vec::new))
    }

    /// Marks `launch` as invalid if it printed something else.
    pub fn judge(&mut self, launch: &mut Launched) {
        if launch.invalid.is_none() && *self.0.get_or_insert_with(|| launch.text.clone()) != launch.text {
            launch.invalid = Some(format!("it printed {:?}", String::from_utf8_lossy(&launch.text)));
        }
    }
}

impl Launcher {
    /// Pins the calling thread to the lab's CPU and starts the thread that launches.
    pub fn new(placement: Placement, limit: Duration) -> io::Result<Launcher> {
        let (jobs, orders) = channel::<Command>();
        let (report, started) = channel();
        std::thread::Builder::new().name("launcher".into()).spawn(move || {
            // A CPU that has gone since it was chosen is no reason to stop: the report names the rule.
            let _ = pin(placement.launched);
            for mut command in orders {
                let spawned_at = now();
                let child = command.spawn().map(|child| (spawned_at, child));
                // The command holds this side's ends of the child's pipes: they must close for its end to show.
                drop(command);
                if report.send(child).is_err() {
                    return;
                }
            }
        })?;
        pin(placement.lab)?;
        Ok(Launcher { jobs, started, limit })
    }

    /// Launches `command`, waits for its end and reaps it. A workload that holds is asked to end, by
    /// the end of its standard input, as soon as it is ready.
    ///
    /// An error: the command could not be started, or the lab itself failed. All that a child does
    /// wrong is in [`Launched::invalid`].
    pub fn run(&self, command: Command) -> io::Result<Launched> {
        self.run_as(command, &|status| status)
    }

    /// The same for a command whose exit status is not the workload's own, but says what that is: `status`
    /// makes the one of the other.
    pub fn run_as(&self, mut command: Command, status: &dyn Fn(i32) -> i32) -> io::Result<Launched> {
        let (output, childs_output) = pipe_with(PipeFlags::CLOEXEC)?;
        let (childs_input, input) = pipe_with(PipeFlags::CLOEXEC)?;
        let mut complaints = File::from(memfd_create("stderr", MemfdFlags::CLOEXEC)?);
        command.stdin(childs_input).stdout(childs_output).stderr(complaints.try_clone()?);
        self.jobs.send(command).map_err(|_| io::Error::other("the launching thread has ended"))?;

        let mut wire = Wire::default();
        let deadline = Instant::now() + self.limit;
        let closed = listen(&output, input, &mut wire, deadline)?;
        let (spawned_at, child) =
            self.started.recv().map_err(|_| io::Error::other("the launching thread has ended"))??;
        let Reaped { mut outcome, late } = reap(Pid::from_child(&child), deadline)?;
        let reaped_at = now();

        outcome.status = status(outcome.status);
        let mut complaint = String::new();
        complaints.rewind()?;
        // Whatever a child complained of in no encoding is still told, as far as it goes.
        let _ = complaints.read_to_string(&mut complaint);
        let limit = self.limit.as_secs_f64();
        let late = match (late, closed) {
            (true, _) => Some(format!("it had not ended after {limit} s and was killed")),
            (false, false) => {
                Some(format!("it left a process behind, which still held its output after {limit} s"))
            }
            (false, true) => None,
        };
        Ok(assemble(wire, spawned_at, reaped_at, outcome, complaint.trim().into(), late))
    }
}

/// Reads until everybody has closed the child's output, or the deadline has come. Returns whether they have.
fn listen(output: &OwnedFd, input: OwnedFd, wire: &mut Wire, deadline: Instant) -> io::Result<bool> {
    let mut input = Some(input);
    let mut buffer = [0_u8; 4096];
    while wait(&mut [PollFd::new(output, PollFlags::IN)], deadline)? {
        let length = rustix::io::read(output, &mut buffer)?;
        let at = now();
        if length == 0 {
            return Ok(true);
        }
        wire.feed(&buffer[..length], at);
        if wire.marks.contains_key(&Mark::Ready) {
            drop(input.take());
        }
    }
    Ok(false)
}

/// Puts the two sides' marks on one timeline and looks for what is wrong with it.
fn assemble(
    wire: Wire,
    spawned_at: u64,
    reaped_at: u64,
    outcome: Outcome,
    complaint: String,
    late: Option<String>,
) -> Launched {
    let mut timeline = Timeline::default();
    let mut set = |mark, at: u64| timeline.set(mark, at as i64 - spawned_at as i64);
    set(Mark::Spawn, spawned_at);
    set(Mark::Reaped, reaped_at);
    wire.marks.iter().for_each(|(&mark, &at)| set(mark, at));
    let record = wire.record().inspect(|record| record.marks.iter().for_each(|(&mark, &at)| set(mark, at)));

    let missing =
        [Mark::Begin, Mark::Ready, Mark::End].into_iter().find(|&mark| timeline.get(mark).is_none());
    let said = match (complaint.is_empty(), wire.text.is_empty()) {
        (false, _) => format!(": {complaint}"),
        (true, false) => format!(": it printed {:?}", beginning(&wire.text)),
        (true, true) => String::new(),
    };
    let invalid = late
        .or_else(|| (outcome.status != 0).then(|| format!("it ended with status {}{said}", outcome.status)))
        .or_else(|| missing.map(|mark| format!("the mark {mark:?} never came{said}")))
        .or_else(|| wire.repeated().map(|mark| format!("the mark {mark:?} came twice")))
        .or_else(|| record.as_ref().err().map(|error| format!("the launcher's record is damaged: {error}")))
        .or_else(|| timeline.backwards().map(|(a, b)| format!("time ran backwards from {a:?} to {b:?}")));
    let Record { exits, statistics, .. } = record.unwrap_or_default();
    Launched { timeline, outcome, exits, statistics, text: wire.text, complaint, invalid }
}

/// As much of what a child printed as goes into a sentence.
fn beginning(text: &[u8]) -> String {
    String::from_utf8_lossy(&text[..text.len().min(80)]).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a launch of a shell with this script comes to, within 0.2 s.
    fn launched(script: &'static str) -> Launched {
        let placement = Placement::choose().unwrap();
        // On a thread of its own: the launcher pins the one that makes it.
        let launch = std::thread::spawn(move || {
            let launcher = Launcher::new(placement, Duration::from_millis(200)).unwrap();
            let mut shell = Command::new("/bin/sh");
            shell.args(["-c", script]);
            launcher.run(shell).unwrap()
        });
        launch.join().unwrap()
    }

    #[test]
    fn who_closes_its_output_and_does_not_end_is_killed_at_the_limit() {
        let launch = launched("exec >&-; exec sleep 600");
        assert_eq!(launch.outcome.status, 128 + 9);
        assert!(launch.invalid.unwrap().contains("had not ended after 0.2 s"));
    }

    #[test]
    fn who_ends_and_leaves_a_process_behind_is_named() {
        let launch = launched("sleep 2 & exit 0");
        assert_eq!(launch.outcome.status, 0);
        let why = launch.invalid.unwrap();
        assert!(why.contains("left a process behind, which still held its output after 0.2 s"), "{why}");
    }
}
