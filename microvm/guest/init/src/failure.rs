//! A step that failed, as one line for the console.

use core::ffi::CStr;
use core::fmt::{self, Display, Formatter, Write};
use isolab_workload::linux::say;
use rustix::io::Errno;

/// What failed, and why.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Failure<'a> {
    /// The step, as a participle ("mounting"); it reads well before what it works on.
    pub(crate) step: &'static str,
    /// What it works on.
    pub(crate) what: &'a CStr,
    /// As what, if that is not said by the step ("erofs").
    pub(crate) kind: Option<&'a CStr>,
    /// The kernel's reason.
    pub(crate) why: Errno,
}

/// Names the step in which the kernel refused.
pub(crate) trait Context<T> {
    fn at<'a>(self, step: &'static str, what: &'a CStr) -> Result<T, Failure<'a>>;
}

impl<T> Context<T> for Result<T, Errno> {
    fn at<'a>(self, step: &'static str, what: &'a CStr) -> Result<T, Failure<'a>> {
        self.map_err(|why| Failure { step, what, kind: None, why })
    }
}

impl Display for Failure<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Failure { step, what, kind, why } = self;
        write!(f, "{step} {}", what.to_bytes().escape_ascii())?;
        if let Some(kind) = kind {
            write!(f, " as {}", kind.to_bytes().escape_ascii())?;
        }
        match words(*why) {
            Some(words) => write!(f, ": {words}"),
            None => write!(f, ": errno {}", why.raw_os_error()),
        }
    }
}

/// The reason in a system call's own result, which is negative.
pub(crate) fn errno(result: isize) -> Errno {
    Errno::from_raw_os_error(result.wrapping_neg() as i32)
}

/// The reasons that are to be expected in a guest (`errno(3)`).
fn words(why: Errno) -> Option<&'static str> {
    Some(match why {
        Errno::ACCESS => "permission denied",
        Errno::BUSY => "device or resource busy",
        Errno::EXIST => "file exists",
        Errno::INVAL => "invalid argument",
        Errno::IO => "input/output error",
        Errno::ISDIR => "is a directory",
        Errno::LOOP => "too many levels of symbolic links",
        Errno::NODEV => "no such device",
        Errno::NOENT => "no such file or directory",
        Errno::NOEXEC => "exec format error",
        Errno::NOMEM => "out of memory: give the VM more",
        Errno::NOSPC => "no space left",
        Errno::NOTBLK => "block device required",
        Errno::NOTDIR => "not a directory",
        Errno::NXIO => "no such device or address",
        Errno::PERM => "operation not permitted",
        Errno::ROFS => "read-only file system",
        _ => return None,
    })
}

/// Says something in one line with our name before it. One write, so that nobody's words come in between.
pub(crate) fn complain(what: impl Display) {
    let mut line = Line { bytes: [0; LONGEST], length: 0 };
    // A line that is full is said as far as it goes.
    let _ = write!(line, "isolab-init: {what}");
    let end = line.length.min(LONGEST - 1);
    line.bytes[end] = b'\n';
    say(2, &line.bytes[..=end]);
}

const LONGEST: usize = 512;

struct Line {
    bytes: [u8; LONGEST],
    length: usize,
}

impl Write for Line {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let room = &mut self.bytes[self.length..];
        let taken = text.len().min(room.len());
        room[..taken].copy_from_slice(&text.as_bytes()[..taken]);
        self.length += taken;
        if taken == text.len() { Ok(()) } else { Err(fmt::Error) }
    }
}
