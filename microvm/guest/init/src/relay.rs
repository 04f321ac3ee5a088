//! What PID 1 does while the command runs (`poll(2)`, `wait(2)`): input and signals to it, marks from it, and the
//! death of orphans, whose parent PID 1 becomes.
//!
//! Marks come through a pipe, not by a port of the command's own: it need not be root, nor know where it runs.
//! The pipe is emptied once more after the command's end, because its last bytes may still be in there, but not
//! waited for: an orphan may hold its other end for ever.

use crate::command::{self, FAILED, Pipes};
use crate::console::console;
use crate::failure::{Context, Failure};
use crate::input::Input;
use crate::signals::Signals;
use crate::usage;
use core::ffi::CStr;
use isolab_guest::port::{out, out_all};
use isolab_guest::ports::{MARK, PHASE, PHASE_COMMAND};
use isolab_init::start::Start;
use isolab_workload::mark::READY;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fd::{AsFd, OwnedFd};
use rustix::fs::{Mode, OFlags, open};
use rustix::io::{Errno, read};
use rustix::pipe::{PipeFlags, pipe_with};
use rustix::process::{Pid, Signal, WaitOptions, kill_process, wait};
use rustix::termios::{OptionalActions, tcgetattr, tcsetattr};

/// The second serial port, by which the VMM says which signals the command shall get.
const CONTROL: &CStr = c"/dev/ttyS1";
/// To look without waiting.
const NO_TIME: Timespec = Timespec { tv_sec: 0, tv_nsec: 0 };

/// Runs the command to its end. Returns its status.
pub(crate) fn run<'a>(start: &Start<'a>) -> Result<u8, Failure<'a>> {
    let signals = Signals::block()?;
    let (mut pipes, mut marks, mut input) = (Pipes::default(), None, None);
    if start.marks {
        let (ours, commands) = pipe_with(PipeFlags::CLOEXEC).at("making a pipe for", c"marks")?;
        (marks, pipes.output) = (Some(ours), Some(commands));
    }
    if !start.terminal {
        let (ours, commands) = Input::new()?;
        (input, pipes.input) = (Some(ours), Some(commands));
    }
    out(PHASE, PHASE_COMMAND);
    let command = command::begin(start, &pipes)?;
    drop(pipes);
    // Opened now and not before: it takes the driver a while, and the VMM keeps what it has to say.
    let mut control = control();
    let mut to_tell = start.usage;
    loop {
        let [signal, mark, word, room, typed] =
            wait_for(&signals, marks.as_ref(), control.as_ref(), input.as_ref())?;
        if mark && marks.as_ref().is_some_and(|marks| !relay(marks, &mut to_tell)) {
            marks = None;
        }
        if word && control.as_ref().is_some_and(|control| !obey(control, command)) {
            control = None;
        }
        if input.as_mut().is_some_and(|input| (room || typed || input.is_eager()) && !input.go_on()) {
            input = None;
        }
        if signal {
            while let Some(signal) = signals.next() {
                if signal != Signal::CHILD {
                    tell(command, signal);
                }
            }
            if let Some(status) = reap(command) {
                while marks.as_ref().is_some_and(|marks| wait_now(marks) && relay(marks, &mut to_tell)) {}
                return Ok(status);
            }
        }
    }
}

/// Waits until something can be done about one of them: signals, marks, the control port, the command's input
/// that can take more, the console that says that there is some.
fn wait_for(
    signals: &Signals,
    marks: Option<&OwnedFd>,
    control: Option<&OwnedFd>,
    input: Option<&Input>,
) -> Result<[bool; 5], Failure<'static>> {
    let full = input.and_then(Input::full);
    let typed = input.filter(|_| full.is_none()).map(|_| console());
    let mut events = [
        (Some(signals.as_fd()), PollFlags::IN),
        (marks.map(AsFd::as_fd), PollFlags::IN),
        (control.map(AsFd::as_fd), PollFlags::IN),
        (full.map(AsFd::as_fd), PollFlags::OUT),
        (typed, PollFlags::IN),
    ]
    .map(|(descriptor, flags)| match descriptor {
        Some(descriptor) => PollFd::from_borrowed_fd(descriptor, flags),
        // Where there is none, nothing is asked about another one.
        None => PollFd::from_borrowed_fd(signals.as_fd(), PollFlags::empty()),
    });
    let at_once = input.is_some_and(Input::is_eager).then_some(&NO_TIME);
    match poll(&mut events, at_once) {
        Ok(_) | Err(Errno::INTR) => Ok(events.map(|event| !event.revents().is_empty())),
        Err(error) => Err(error).at("waiting for", c"the command"),
    }
}

/// Whether something is to be read now.
fn wait_now(descriptor: &OwnedFd) -> bool {
    poll(&mut [PollFd::new(descriptor, PollFlags::IN)], Some(&NO_TIME)).is_ok_and(|ready| ready > 0)
}

/// Hands on what the command has written. Returns whether more may come. At the mark *ready*, and behind it, so that it
/// is no later for that, the VMM is told of the memory, if it is to be.
fn relay(marks: &OwnedFd, to_tell: &mut bool) -> bool {
    let mut buffer = [0; 4096];
    match read(marks, &mut buffer) {
        Ok(0) => false,
        Ok(length) => {
            out_all(MARK, &buffer[..length]);
            if *to_tell && buffer[..length].contains(&READY) {
                *to_tell = false;
                usage::tell();
            }
            true
        }
        Err(error) => error == Errno::INTR,
    }
}

/// The control port, as it comes: no line, no echo. `None`: this machine has none.
fn control() -> Option<OwnedFd> {
    let flags = OFlags::RDWR | OFlags::NOCTTY | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let port = open(CONTROL, flags, Mode::empty()).ok()?;
    let mut modes = tcgetattr(&port).ok()?;
    modes.make_raw();
    tcsetattr(&port, OptionalActions::Now, &modes).ok()?;
    Some(port)
}

/// Sends the command the signals that the VMM asks for. Returns whether more may come.
fn obey(control: &OwnedFd, command: Pid) -> bool {
    let mut numbers = [0; 16];
    match read(control, &mut numbers) {
        Ok(length) => {
            let signals =
                numbers[..length].iter().filter_map(|&number| Signal::from_named_raw(number.into()));
            signals.for_each(|signal| tell(command, signal));
            length > 0
        }
        Err(error) => matches!(error, Errno::AGAIN | Errno::INTR),
    }
}

fn tell(command: Pid, signal: Signal) {
    // It may have ended already; then its status is the next to be read.
    let _ = kill_process(command, signal);
}

/// Reaps all that has ended. Returns the command's status if it is among them. A command that has stopped goes on.
fn reap(command: Pid) -> Option<u8> {
    let mut found = None;
    while let Ok(Some((process, status))) = wait(WaitOptions::NOHANG | WaitOptions::UNTRACED) {
        if process == command && status.stopped() {
            // By Ctrl-Z, and nobody is there who could continue it.
            tell(command, Signal::CONT);
        } else if process == command {
            let by_signal = status.terminating_signal().map(|signal| 128 + signal);
            found = Some(status.exit_status().or(by_signal).map_or(FAILED, |status| status as u8));
        }
    }
    found
}
