//! The standard streams: descriptors 0, 1 and 2 are always open (`poll(2)`, `null(4)`).
//!
//! A caller may have closed one. The next file that the runtime opened would then get its number, and with it
//! the container's program, as its input or output.

use crate::error::{Context, Error};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{CWD, Mode, OFlags, openat};
use rustix::stdio::{stderr, stdin, stdout};
use std::os::fd::IntoRawFd as _;

/// Opens `/dev/null` in the place of each that is closed, and has writing to one that nobody reads be an error
/// instead of a death. Before any other file is opened.
pub fn hold() -> Result<(), Error> {
    // SAFETY: to ignore a signal runs no code of this program.
    unsafe { libc::signal(libc::SIGPIPE, libc::SIG_IGN) };
    let mut streams =
        [stdin(), stdout(), stderr()].map(|one| PollFd::from_borrowed_fd(one, PollFlags::empty()));
    let now = Timespec { tv_sec: 0, tv_nsec: 0 };
    poll(&mut streams, Some(&now)).step("looking at the standard streams")?;
    for stream in streams {
        if stream.revents().contains(PollFlags::NVAL) {
            // The lowest free number is that of the first that is closed; it stays so until the end.
            let null = openat(CWD, "/dev/null", OFlags::RDWR, Mode::empty()).at("opening", "/dev/null")?;
            let _ = null.into_raw_fd();
        }
    }
    Ok(())
}
