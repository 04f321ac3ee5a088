//! What the runtime and the container's first process say to each other while the container is made
//! (`socketpair(2)`, `unix(7)`: messages with borders, in order).
//!
//! It is little. The first process says how far it is and waits, where the runtime has something to do in
//! between; it says why it failed; and when it executes the user's program, its end closes by itself. When the
//! runtime dies, the first process sees that its peer has gone.

use crate::error::{Context, Error};
use crate::signals::Blocked;
use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::{Errno, read, write};
use rustix::net::{AddressFamily, SocketFlags, SocketType, socketpair};
use std::os::fd::OwnedFd;

/// A message has one byte that says what it is; an error's line is cut to fit.
const LARGEST: usize = 4096;

/// How far the first process is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reached {
    /// Its namespaces are made: identities and devices can be given to it.
    Namespaces = 1,
    /// Its root is furnished and the host still in view: time for hooks.
    Furnished = 2,
    /// Nothing is left but to execute the user's program.
    Ready = 3,
    /// It executes the user's program: its end has closed.
    Started = 4,
}

const FAILED: u8 = 0;

/// The runtime's end.
#[derive(Debug)]
pub(crate) struct Outside(OwnedFd);

/// The first process's end.
#[derive(Debug)]
pub(crate) struct Inside(OwnedFd);

/// Makes both ends.
pub(crate) fn pair() -> Result<(Outside, Inside), Error> {
    let (outside, inside) =
        socketpair(AddressFamily::UNIX, SocketType::SEQPACKET, SocketFlags::CLOEXEC, None)
            .step("making a channel to the container's first process")?;
    Ok((Outside(outside), Inside(inside)))
}

impl Outside {
    /// Waits for the first process. A signal that asks for an end is one.
    pub(crate) fn wait(&self, signals: &Blocked) -> Result<Reached, Error> {
        loop {
            let queue = signals.queue();
            let mut ready =
                [PollFd::new(&self.0, PollFlags::IN), PollFd::from_borrowed_fd(queue, PollFlags::IN)];
            match poll(&mut ready, None) {
                Ok(_) | Err(Errno::INTR) => {}
                Err(source) => return Err(Error::Step { step: "waiting for the first process", source }),
            }
            if !ready[0].revents().is_empty() {
                return self.receive();
            }
            while let Some(event) = signals.next() {
                if let Some(signal) = event.ends() {
                    return Err(Error::Interrupted(signal));
                }
            }
        }
    }

    fn receive(&self) -> Result<Reached, Error> {
        let mut message = [0; LARGEST];
        let length = match read(&self.0, &mut message) {
            Err(Errno::CONNRESET) => 0,
            result => result.step("listening to the first process")?,
        };
        match message.get(..length) {
            Some([]) | None => Ok(Reached::Started),
            Some([1]) => Ok(Reached::Namespaces),
            Some([2]) => Ok(Reached::Furnished),
            Some([3]) => Ok(Reached::Ready),
            Some([_, status, line @ ..]) => Err(Error::Inside {
                line: String::from_utf8_lossy(line).into_owned(),
                status: i32::from(*status),
            }),
            Some([_]) => Err(Error::Step { step: "listening to the first process", source: Errno::BADMSG }),
        }
    }

    /// Lets the first process go on.
    pub(crate) fn go_on(&self) -> Result<(), Error> {
        write(&self.0, &[1]).map(drop).step("answering the first process")
    }
}

impl Inside {
    /// Says how far this process is, without waiting.
    pub(crate) fn say(&self, reached: Reached) -> Result<(), Error> {
        write(&self.0, &[reached as u8]).map(drop).step("telling the runtime")
    }

    /// Says how far this process is, and waits until the runtime has done its part. `false`: it has died.
    pub(crate) fn wait(&self, reached: Reached) -> Result<bool, Error> {
        self.say(reached)?;
        let mut answer = [0];
        match read(&self.0, &mut answer) {
            Ok(length) => Ok(length == 1),
            Err(Errno::CONNRESET) => Ok(false),
            Err(source) => Err(Error::Step { step: "listening to the runtime", source }),
        }
    }

    /// Says why this process ends. `false`: nobody listens any more.
    pub(crate) fn fail(&self, error: &Error) -> bool {
        let mut message = vec![FAILED, error.exit_status() as u8];
        message.extend(error.line().bytes().take(LARGEST - message.len()));
        write(&self.0, &message).is_ok()
    }

    /// Whether the runtime lives.
    pub(crate) fn is_open(&self) -> bool {
        let mut peer = [PollFd::new(&self.0, PollFlags::RDHUP)];
        let now = rustix::event::Timespec { tv_sec: 0, tv_nsec: 0 };
        poll(&mut peer, Some(&now)).is_ok() && peer[0].revents().is_empty()
    }
}
