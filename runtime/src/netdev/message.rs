//! Netlink messages, as bytes (`netlink(7)`, `rtnetlink(7)`): a header, a fixed part, then attributes, each with its
//! length and its number, all in the machine's own byte order and aligned to four bytes.

use crate::error::IntoErrno as _;
use rustix::io::Errno;
use rustix::net::{AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType, recv, send, socket_with};
use std::os::fd::OwnedFd;

const HEADER: usize = 16;
/// The kernel fills no larger buffer for one answer.
const LARGEST: usize = 32 << 10;
const REQUEST: u16 = 0x001;
const ACKNOWLEDGE: u16 = 0x004;
/// Flags of requests, besides.
pub(super) const DUMP: u16 = 0x300;
pub(super) const CREATE: u16 = 0x400 | 0x100;
const ERROR: u16 = 2;
const DONE: u16 = 3;

/// A message to the kernel.
#[derive(Clone, Debug)]
pub(super) struct Message(Vec<u8>);

impl Message {
    pub(super) fn new(kind: u16, flags: u16, fixed: &[u8]) -> Self {
        let mut bytes = vec![0; HEADER];
        bytes[4..6].copy_from_slice(&kind.to_ne_bytes());
        // Of a list, the end is the acknowledgement.
        let acknowledge = if flags & DUMP == DUMP { 0 } else { ACKNOWLEDGE };
        bytes[6..8].copy_from_slice(&(REQUEST | acknowledge | flags).to_ne_bytes());
        bytes.extend_from_slice(fixed);
        Self(bytes)
    }

    pub(super) fn attribute(mut self, kind: u16, value: &[u8]) -> Self {
        self.0.extend_from_slice(&((value.len() + 4) as u16).to_ne_bytes());
        self.0.extend_from_slice(&kind.to_ne_bytes());
        self.0.extend_from_slice(value);
        self.0.resize(self.0.len().next_multiple_of(4), 0);
        self
    }
}

/// A way to the kernel, in the network namespace in which it was opened, wherever it is used.
#[derive(Debug)]
pub(super) struct Route(OwnedFd);

impl Route {
    pub(super) fn open() -> Result<Self, Errno> {
        // NETLINK_ROUTE is protocol 0.
        socket_with(AddressFamily::NETLINK, SocketType::RAW, SocketFlags::CLOEXEC, None).map(Self)
    }

    /// Sends a request. Returns the messages of the answer, without their headers.
    pub(super) fn ask(&self, message: Message) -> Result<Vec<Vec<u8>>, Errno> {
        let Message(mut bytes) = message;
        let length = bytes.len() as u32;
        bytes[..4].copy_from_slice(&length.to_ne_bytes());
        send(&self.0, &bytes, SendFlags::empty())?;
        let mut answers = Vec::new();
        let mut buffer = vec![0; LARGEST];
        loop {
            let (length, _) = recv(&self.0, &mut buffer[..], RecvFlags::empty())?;
            if read(&buffer[..length], &mut answers)? {
                return Ok(answers);
            }
        }
    }
}

/// Reads what one `recv` brought. `true`: that was the end of the answer.
fn read(mut bytes: &[u8], answers: &mut Vec<Vec<u8>>) -> Result<bool, Errno> {
    while let Some((header, _)) = bytes.split_first_chunk::<HEADER>() {
        let length = u32::from_ne_bytes([header[0], header[1], header[2], header[3]]) as usize;
        let body = bytes.get(HEADER..length).ok_or(Errno::BADMSG)?;
        match u16::from_ne_bytes([header[4], header[5]]) {
            DONE => return Ok(true),
            ERROR => {
                let (code, _) = body.split_first_chunk::<4>().ok_or(Errno::BADMSG)?;
                let code = i32::from_ne_bytes(*code);
                let error = std::io::Error::from_raw_os_error(code.saturating_neg());
                return if code == 0 { Ok(true) } else { Err(error.into_errno()) };
            }
            _ => answers.push(body.to_vec()),
        }
        bytes = bytes.get(length.next_multiple_of(4)..).unwrap_or_default();
    }
    Ok(false)
}

/// The attributes of a message that begin after its fixed part.
pub(super) fn attributes(message: &[u8], fixed: usize) -> impl Iterator<Item = (u16, &[u8])> {
    let mut rest = message.get(fixed..).unwrap_or_default();
    std::iter::from_fn(move || {
        let (header, _) = rest.split_first_chunk::<4>()?;
        let length = usize::from(u16::from_ne_bytes([header[0], header[1]]));
        let value = rest.get(4..length)?;
        rest = rest.get(length.next_multiple_of(4)..).unwrap_or_default();
        Some((u16::from_ne_bytes([header[2], header[3]]), value))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn attributes_come_back_as_they_were_put() {
        let Message(bytes) = Message::new(1, 0, &[0; 8]).attribute(3, b"eth0\0").attribute(28, &[1, 2, 3, 4]);
        let found: Vec<_> = attributes(&bytes, HEADER + 8).collect();
        assert_eq!(found, [(3, &b"eth0\0"[..]), (28, &[1, 2, 3, 4][..])]);
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_without_harm(bytes: Vec<u8>) {
            let mut answers = Vec::new();
            let _ = read(&bytes, &mut answers);
            prop_assert!(attributes(&bytes, 8).count() <= bytes.len());
        }
    }
}
