//! What both floors share: how a step that fails is told.

use core::ffi::CStr;
use isolab_workload::linux::{exit, say, syscall};

const OPEN: usize = 2;

/// The result of a system call; ends the program, naming the step, where it failed.
pub fn check(step: &str, result: isize) -> isize {
    if result < 0 {
        fail(step, result.unsigned_abs());
    }
    result
}

/// Ends the program with status 125 and the step that failed, with its `errno`.
pub fn fail(step: &str, errno: usize) -> ! {
    say(2, b"isolab floor: ");
    say(2, step.as_bytes());
    say(2, b": errno ");
    let digits = [errno / 100 % 10, errno / 10 % 10, errno % 10].map(|digit| b'0' + digit as u8);
    say(2, &digits);
    say(2, b"\n");
    exit(125)
}

/// `open(2)`.
pub fn open(step: &str, path: &CStr, flags: usize) -> isize {
    // SAFETY: the kernel reads the path up to its zero byte.
    check(step, unsafe { syscall(OPEN, [path.as_ptr() as usize, flags, 0, 0, 0, 0]) })
}

#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    fail("a bug: it panicked", 0)
}
