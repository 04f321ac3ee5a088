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
use rustix::net::{
    AddressFamily, RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags, SocketFlags, SocketType, recvmsg, sendmsg, socketpair,
};
use std::io::{IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{BorrowedFd, OwnedFd};

/// A message has one byte that says what it is; an error's line is cut to fit.
const LARGEST: usize = 4096;

/// How far the first process is.
#[derive(Debug)]
pub(crate) enum Reached {
    /// Its namespaces are made: identities and devices can be given to it.
    Namespaces,
    /// What it is to execute has a format that the kernel itself does not know.
    UnknownFormat,
    /// Its root is furnished and the host still in view: time for hooks.
    Furnished,
    /// It is confined, and somebody else is to answer for some of its calls: the listener.
    Filtered(OwnedFd),
    /// Nothing is left but to execute the user's program.
    Ready,
    /// It executes the user's program: its end has closed.
    Started,
}

const FAILED: u8 = 0;
const NAMESPACES: u8 = 1;
const FURNISHED: u8 = 2;
const FILTERED: u8 = 3;
const READY: u8 = 4;
const UNKNOWN_FORMAT: u8 = 5;

/// The messages after which the first process waits for an answer.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Stop {
    /// See [`Reached::Namespaces`].
    Namespaces = NAMESPACES as isize,
    /// See [`Reached::Furnished`].
    Furnished = FURNISHED as isize,
    /// See [`Reached::UnknownFormat`].
    UnknownFormat = UNKNOWN_FORMAT as isize,
    /// See [`Reached::Ready`].
    Ready = READY as isize,
}

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
        let step = "listening to the first process";
        let mut message = [0; LARGEST];
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
        let mut control = RecvAncillaryBuffer::new(&mut space);
        let buffer = &mut [IoSliceMut::new(&mut message)];
        let length = match recvmsg(&self.0, buffer, &mut control, RecvFlags::CMSG_CLOEXEC) {
            Err(Errno::CONNRESET) => 0,
            result => result.step(step)?.bytes,
        };
        let listener = control.drain().find_map(|each| match each {
            RecvAncillaryMessage::ScmRights(mut descriptors) => descriptors.next(),
            _ => None,
        });
        match (message.get(..length).unwrap_or_default(), listener) {
            ([], _) => Ok(Reached::Started),
            ([NAMESPACES], _) => Ok(Reached::Namespaces),
            ([FURNISHED], _) => Ok(Reached::Furnished),
            ([FILTERED], Some(listener)) => Ok(Reached::Filtered(listener)),
            ([UNKNOWN_FORMAT], _) => Ok(Reached::UnknownFormat),
            ([READY], _) => Ok(Reached::Ready),
            ([FAILED, status, line @ ..], _) => Err(Error::Inside {
                line: String::from_utf8_lossy(line).into_owned(),
                status: i32::from(*status),
            }),
            _ => Err(Error::Step { step, source: Errno::BADMSG }),
        }
    }

    /// Lets the first process go on.
    pub(crate) fn go_on(&self) -> Result<(), Error> {
        write(&self.0, &[1]).map(drop).step("answering the first process")
    }
}

impl Inside {
    /// Says how far this process is, and waits until the runtime has done its part. `false`: it has died.
    pub(crate) fn wait(&self, stop: Stop) -> Result<bool, Error> {
        write(&self.0, &[stop as u8]).step("telling the runtime")?;
        self.answer()
    }

    /// Hands over the listener of this process's filter, and waits until somebody has it.
    pub(crate) fn hand_over(&self, listener: BorrowedFd<'_>) -> Result<bool, Error> {
        let listeners = [listener];
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
        let mut control = SendAncillaryBuffer::new(&mut space);
        // The space is that of one descriptor.
        control.push(SendAncillaryMessage::ScmRights(&listeners));
        sendmsg(&self.0, &[IoSlice::new(&[FILTERED])], &mut control, SendFlags::NOSIGNAL)
            .step("handing over the listener")?;
        self.answer()
    }

    fn answer(&self) -> Result<bool, Error> {
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
