//! Passes on what a pipe brings, as it comes: inside to a port, outside to the lab's own output.
//!
//! Not by `splice(2)`, which `std::io::copy` would choose: the driver of the ports takes no pages of a pipe.

use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::OwnedFd;
use std::thread::{self, JoinHandle};

/// Starts it; it ends with the pipe's last writer. When nobody takes the bytes any more they are dropped, so that
/// the writer can end as it would have.
pub fn start(from: impl Into<OwnedFd>, mut to: impl Write + Send + 'static) -> JoinHandle<()> {
    let mut from = File::from(from.into());
    thread::spawn(move || {
        let mut buffer = [0; 1 << 14];
        while let Ok(length @ 1..) = from.read(&mut buffer) {
            let _ = to.write_all(&buffer[..length]).and_then(|()| to.flush());
        }
    })
}
