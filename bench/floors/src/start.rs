//! What both floors share: the entry, the command line, and how a step that fails is told.

use isolab_workload::linux::{argument, exit, say, syscall};

const OPEN: usize = 2;

core::arch::global_asm!(
    // As in the workload: the kernel enters with the argument count at the stack pointer.
    ".globl _start",
    "_start:",
    "mov rdi, rsp",
    "and rsp, -16",
    "call {begin}",
    begin = sym begin,
);

extern "C" fn begin(stack: *const usize) -> ! {
    crate::main(&Arguments { stack })
}

/// The program's arguments, where the kernel put them.
pub struct Arguments {
    /// The stack pointer at the program's entry: the count, then the pointers, then a null.
    pub stack: *const usize,
}

impl Arguments {
    /// Argument number `index`, 0 being the program's own name.
    pub fn get(&self, index: usize) -> Option<&'static [u8]> {
        // SAFETY: `begin` was given the stack pointer of the program's entry.
        unsafe { argument(self.stack, index) }
    }
}

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

/// `open(2)` of a path that is an argument (so a zero byte follows it).
pub fn open(step: &str, path: &[u8], flags: usize) -> isize {
    // SAFETY: the kernel reads the path up to its zero byte.
    check(step, unsafe { syscall(OPEN, [path.as_ptr() as usize, flags, 0, 0, 0, 0]) })
}

#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    fail("a bug: it panicked", 0)
}
