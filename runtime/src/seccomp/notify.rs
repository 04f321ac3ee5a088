//! Notifications: for `SCMP_ACT_NOTIFY` the kernel stops the caller and asks whoever holds the filter's listener
//! (`seccomp_unotify(2)`). The specification has the runtime hand it to an agent on a Unix socket, with the state of
//! the container's process in JSON ("The Container Process State").

use crate::error::{Context, Error};
use oci_spec::runtime::{ContainerProcessState, SECCOMP_FD_NAME, State};
use rustix::net::{SendAncillaryBuffer, SendAncillaryMessage, SendFlags, sendmsg};
use std::io::{IoSlice, Write};
use std::mem::MaybeUninit;
use std::os::fd::BorrowedFd;
use std::os::unix::net::UnixStream;
use std::path::Path;

const STEP: &str = "sending the seccomp listener to";

/// Sends `listener` to the agent at `path`, with what the profile has for it and the state of the container, in
/// which `pid` is the confined process.
pub fn send(
    path: &Path,
    metadata: Option<&str>,
    listener: BorrowedFd<'_>,
    pid: i32,
    state: State,
) -> Result<(), Error> {
    let mut message = ContainerProcessState::default();
    message.set_version(state.version().clone());
    message.set_fds(vec![SECCOMP_FD_NAME.to_owned()]);
    message.set_pid(pid);
    message.set_metadata(metadata.map(str::to_owned));
    message.set_state(state);
    let message = serde_json::to_vec(&message).map_err(std::io::Error::from).at(STEP, path)?;

    let mut agent = UnixStream::connect(path).at("connecting to the seccomp agent at", path)?;
    let listeners = [listener];
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut control = SendAncillaryBuffer::new(&mut space);
    // The space is that of one descriptor.
    control.push(SendAncillaryMessage::ScmRights(&listeners));
    // An agent that has gone is an error, not a signal.
    let sent =
        sendmsg(&agent, &[IoSlice::new(&message)], &mut control, SendFlags::NOSIGNAL).at(STEP, path)?;
    agent.write_all(message.get(sent..).unwrap_or_default()).at(STEP, path)
}
