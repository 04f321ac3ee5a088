//! The pair of ends, made inside the container when its root is in place (`pts(4)`, `ioctl_tty(2)`).
//!
//! The root may be hostile: the device is taken only from a real `devpts`, the inner end is opened through the
//! outer one and not by a path, and `/dev/console` is covered as an open file that is no symbolic link
//! (CVE-2025-52565 was a race between two paths).

use super::socket::send;
use crate::error::{Context, Error};
use rustix::fs::{CWD, FileType, Mode, OFlags, fchown, fstat, fstatfs, mknodat, openat};
use rustix::io::Errno;
use rustix::mount::{MoveMountFlags, OpenTreeFlags, move_mount, open_tree};
use rustix::process::{Uid, ioctl_tiocsctty};
use rustix::pty::{OpenptFlags, ioctl_tiocgptpeer, unlockpt};
use rustix::stdio::{dup2_stderr, dup2_stdin, dup2_stdout};
use rustix::termios::{Winsize, tcsetwinsize};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

const DEVICE: &str = "/dev/pts/ptmx";
const CONSOLE: &str = "/dev/console";
/// `devpts(5)`.
const DEVPTS: i64 = 0x1cd1;

/// Makes a terminal for the calling process, a leader of a session without one, and sends the outer end over
/// `socket`. `own_mounts`: the process has a mount namespace of its own, so `/dev/console` can be covered.
pub(super) fn attach(
    socket: BorrowedFd<'_>,
    size: Option<Winsize>,
    owner: u32,
    own_mounts: bool,
) -> Result<(), Error> {
    let master = open()?;
    unlockpt(&master).step("unlocking the terminal")?;
    let flags = OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC;
    let terminal = ioctl_tiocgptpeer(&master, flags).step("opening the terminal's inner end")?;
    if let Some(size) = size {
        tcsetwinsize(&master, size).step("setting the terminal's size")?;
    }
    if owner != 0 {
        fchown(&terminal, Some(Uid::from_raw(owner)), None).step("giving the terminal to the user")?;
    }
    if own_mounts {
        cover_console(&terminal)?;
    }
    send(socket, master.as_fd())?;
    ioctl_tiocsctty(&terminal).step("making the terminal the session's")?;
    dup2_stdin(&terminal).step("making the terminal standard input")?;
    dup2_stdout(&terminal).step("making the terminal standard output")?;
    dup2_stderr(&terminal).step("making the terminal standard error")
}

fn open() -> Result<OwnedFd, Error> {
    let flags = OFlags::RDWR | OFlags::NOCTTY | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let wrong = |why: &str| {
        let fix = "mount devpts on /dev/pts with ptmxmode=0666";
        Err(Error::property("process.terminal", format!("{DEVICE}: {why}: {fix}")))
    };
    match openat(CWD, DEVICE, flags, Mode::empty()) {
        Ok(master) if fstatfs(&master).at("looking at", DEVICE)?.f_type == DEVPTS => Ok(master),
        Ok(_) => wrong("not of a devpts"),
        Err(error) => wrong(&error.to_string()),
    }
}

fn cover_console(terminal: &OwnedFd) -> Result<(), Error> {
    match mknodat(CWD, CONSOLE, FileType::RegularFile, Mode::from_raw_mode(0o600), 0) {
        Ok(()) | Err(Errno::EXIST) => {}
        error => error.at("making", CONSOLE)?,
    }
    let place = openat(CWD, CONSOLE, OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC, Mode::empty())
        .at("opening", CONSOLE)?;
    let kind = FileType::from_raw_mode(fstat(&place).at("looking at", CONSOLE)?.st_mode);
    if !matches!(kind, FileType::RegularFile | FileType::CharacterDevice) {
        return Err(Error::property(
            "process.terminal",
            format!("{CONSOLE} is no file that could be covered"),
        ));
    }
    let flags =
        OpenTreeFlags::OPEN_TREE_CLONE | OpenTreeFlags::OPEN_TREE_CLOEXEC | OpenTreeFlags::AT_EMPTY_PATH;
    let mount = open_tree(terminal, "", flags).at("copying the terminal for", CONSOLE)?;
    let flags = MoveMountFlags::MOVE_MOUNT_F_EMPTY_PATH | MoveMountFlags::MOVE_MOUNT_T_EMPTY_PATH;
    move_mount(&mount, "", &place, "", flags).at("mounting the terminal on", CONSOLE)
}
