//! An open file crosses a socket (`unix(7)`: `SCM_RIGHTS`).

use crate::error::{Context, Error};
use rustix::fs::{CWD, Mode, OFlags, openat};
use rustix::io::Errno;
use rustix::net::{
    AddressFamily, RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags, SocketAddrUnix, SocketFlags, SocketType, recvmsg, sendmsg, socket_with,
    socketpair,
};
use std::io::{IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{AsRawFd, BorrowedFd, OwnedFd};
use std::path::Path;

/// Engines take the message for the terminal's name, and want one.
const NAME: &[u8] = b"/dev/ptmx";

/// Connects to the engine's socket.
pub(super) fn connect(path: &Path) -> Result<OwnedFd, Error> {
    let socket = socket_with(AddressFamily::UNIX, SocketType::STREAM, SocketFlags::CLOEXEC, None)
        .step("making a socket for the terminal")?;
    let address = match SocketAddrUnix::new(path) {
        // A socket's address is 107 bytes long; the path through an open file is shorter.
        Err(Errno::NAMETOOLONG) => return connect_by_file(&socket, path).map(|()| socket),
        result => result.at("connecting to the console socket", path)?,
    };
    rustix::net::connect(&socket, &address).at("connecting to the console socket", path)?;
    Ok(socket)
}

fn connect_by_file(socket: &OwnedFd, path: &Path) -> Result<(), Error> {
    let file = openat(CWD, path, OFlags::PATH | OFlags::CLOEXEC, Mode::empty())
        .at("connecting to the console socket", path)?;
    let address = SocketAddrUnix::new(format!("/proc/self/fd/{}", file.as_raw_fd()))
        .and_then(|address| rustix::net::connect(socket, &address));
    address.at("connecting to the console socket", path)
}

/// The runtime's end and the new process's, in the foreground.
pub(super) fn pair() -> Result<(OwnedFd, OwnedFd), Error> {
    socketpair(AddressFamily::UNIX, SocketType::STREAM, SocketFlags::CLOEXEC, None)
        .step("making a socket for the terminal")
}

/// Sends the outer end.
pub(super) fn send(socket: BorrowedFd<'_>, master: BorrowedFd<'_>) -> Result<(), Error> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut control = SendAncillaryBuffer::new(&mut space);
    let files = [master];
    control.push(SendAncillaryMessage::ScmRights(&files));
    sendmsg(socket, &[IoSlice::new(NAME)], &mut control, SendFlags::NOSIGNAL)
        .map(drop)
        .step("sending the terminal over the console socket")
}

/// Receives the outer end.
pub(super) fn receive(socket: BorrowedFd<'_>) -> Result<OwnedFd, Error> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut control = RecvAncillaryBuffer::new(&mut space);
    let mut name = [0; NAME.len()];
    recvmsg(socket, &mut [IoSliceMut::new(&mut name)], &mut control, RecvFlags::CMSG_CLOEXEC)
        .step("receiving the terminal")?;
    let master = control.drain().find_map(|message| match message {
        RecvAncillaryMessage::ScmRights(mut files) => files.next(),
        _ => None,
    });
    master.ok_or(Errno::BADMSG).step("receiving the terminal")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::fd::AsFd as _;
    use std::os::unix::net::UnixListener;

    #[test]
    fn a_file_crosses_even_by_a_long_path() {
        let folder = tempfile::tempdir().unwrap();
        let long = folder.path().join("x".repeat(120));
        std::fs::create_dir(&long).unwrap();
        // To bind it, too, takes a short path.
        let open = std::fs::File::open(&long).unwrap();
        let short = format!("/proc/self/fd/{}/socket", open.as_raw_fd());
        let listener = UnixListener::bind(short).unwrap();
        let outer = connect(&long.join("socket")).unwrap();
        let (inner, _) = listener.accept().unwrap();
        send(outer.as_fd(), open.as_fd()).unwrap();
        let received = receive(inner.as_fd()).unwrap();
        assert_eq!(rustix::fs::fstat(&received).unwrap().st_ino, rustix::fs::fstat(&open).unwrap().st_ino);
    }

    #[test]
    fn a_message_without_a_file_is_an_error() {
        let (outside, inside) = pair().unwrap();
        rustix::io::write(&inside, b"x").unwrap();
        assert!(receive(outside.as_fd()).is_err());
        drop(inside);
        assert!(receive(outside.as_fd()).is_err());
    }
}
