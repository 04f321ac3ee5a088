//! A terminal of the test's own, for programs that want one.

use rustix::pty::{OpenptFlags, grantpt, ioctl_tiocgptpeer, openpt, unlockpt};
use rustix::termios::{Winsize, tcsetwinsize};
use std::fs::File;
use std::io::Read as _;
use std::os::fd::OwnedFd;
use std::process::{Child, Command, Stdio};

/// The two ends of a terminal of the test's own, 33 lines of 77 columns.
pub fn pair() -> (File, OwnedFd) {
    let flags = OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC;
    let master = openpt(flags).unwrap();
    grantpt(&master).unwrap();
    unlockpt(&master).unwrap();
    let terminal = ioctl_tiocgptpeer(&master, flags).unwrap();
    tcsetwinsize(&master, Winsize { ws_row: 33, ws_col: 77, ws_xpixel: 0, ws_ypixel: 0 }).unwrap();
    (master.into(), terminal)
}

/// Everything that comes up to `end`.
pub fn read_to(master: &mut File, end: &str) -> String {
    let mut text = String::new();
    let mut chunk = [0; 1024];
    while !text.contains(end) {
        let length = master.read(&mut chunk).unwrap_or(0);
        assert!(length > 0, "it ended before {end:?}: {text}");
        text.push_str(&String::from_utf8_lossy(&chunk[..length]));
    }
    text
}

/// Starts a command on the inner end.
pub fn with_terminal(mut command: Command, terminal: &OwnedFd) -> Child {
    let stream = || Stdio::from(terminal.try_clone().unwrap());
    command.stdin(stream()).stdout(stream()).stderr(stream()).spawn().unwrap()
}
