//! What programs ask of a kernel again and again once they run: another process's turn, a page of memory, a page of
//! a file. Each takes how often, so that two sizes tell what one costs.

use crate::linux::{exit, map, syscall};
use crate::work::{PAGE, touch};
use core::ffi::CStr;

const READ: usize = 0;
const WRITE: usize = 1;
const OPEN: usize = 2;
const CLOSE: usize = 3;
const PREAD64: usize = 17;
const MADVISE: usize = 28;
const FORK: usize = 57;
const WAIT4: usize = 61;
const PIPE2: usize = 293;

/// Pages that are given before all of them are taken back: 1 MiB, less than a huge page.
const BATCH: usize = 256;

/// Another process's turn and this one's again, `count` times: a byte goes there over one `pipe(2)` and back over
/// another, and each of the two sleeps until it comes. On one CPU that is two context switches. `None`: the kernel gives
/// no pipe or no process.
pub fn switch(count: u64) -> Option<()> {
    let ([there, to_there], [back, to_back]) = (pipe()?, pipe()?);
    // SAFETY: nothing of this program is shared with the copy, which has one thread as well.
    let partner = unsafe { syscall(FORK, [0; 6]) };
    if partner == 0 {
        // An end of its own that stayed open would keep the pipe that it waits for from ending.
        close(to_there);
        while transfer(READ, there) && transfer(WRITE, to_back) {}
        exit(0);
    }
    let all = partner > 0 && (0..count).all(|_| transfer(WRITE, to_there) && transfer(READ, back));
    for end in [to_there, there, back, to_back] {
        close(end);
    }
    // SAFETY: the kernel is asked to store nothing.
    unsafe { syscall(WAIT4, [partner as usize, 0, 0, 0, 0, 0]) };
    all.then_some(())
}

/// A fresh page of memory, touched and later taken back (`madvise(2)`), `count` times: each is a page fault. `None`:
/// the kernel gives no memory.
pub fn fault(count: u64) -> Option<()> {
    const DONT_NEED: usize = 4;
    const NO_HUGE_PAGE: usize = 15;
    let memory = map(BATCH * PAGE)?;
    // A kernel without huge pages refuses, and has none to avoid.
    advise(memory, NO_HUGE_PAGE);
    let mut left = count;
    while left > 0 {
        let pages = left.min(BATCH as u64);
        touch(&mut memory[..pages as usize * PAGE]);
        advise(memory, DONT_NEED);
        left -= pages;
    }
    Some(())
}

/// The first page of the file `path` (`pread(2)`), `count` times: after the first it is in the kernel's cache. `None`:
/// there is no such file, or it is shorter than a page.
pub fn read(path: &CStr, count: u64) -> Option<()> {
    const CLOSE_ON_EXEC: usize = 0o200_0000;
    let buffer = map(PAGE)?;
    // SAFETY: the kernel only reads the path.
    let file = unsafe { syscall(OPEN, [path.as_ptr() as usize, CLOSE_ON_EXEC, 0, 0, 0, 0]) };
    let file = usize::try_from(file).ok()?;
    let whole = (0..count).all(|_| {
        // SAFETY: the kernel writes into `buffer` only, and no further than its length.
        let length = unsafe { syscall(PREAD64, [file, buffer.as_mut_ptr() as usize, PAGE, 0, 0, 0]) };
        length == PAGE as isize
    });
    close(file);
    whole.then_some(())
}

/// `pipe2(2)`: the end to read from, and the end to write to.
fn pipe() -> Option<[usize; 2]> {
    let mut ends = [0_i32; 2];
    // SAFETY: the kernel stores two numbers in `ends`.
    let result = unsafe { syscall(PIPE2, [ends.as_mut_ptr() as usize, 0, 0, 0, 0, 0]) };
    (result == 0).then(|| ends.map(|end| end as usize))
}

/// `read(2)` or `write(2)` of one byte; whether it was one.
fn transfer(call: usize, end: usize) -> bool {
    let mut byte = 0_u8;
    // SAFETY: the kernel reads or writes this one byte.
    unsafe { syscall(call, [end, &raw mut byte as usize, 1, 0, 0, 0]) == 1 }
}

/// `madvise(2)`.
fn advise(memory: &mut [u8], advice: usize) {
    // SAFETY: the memory is the caller's own, and stays mapped; what it holds may be lost.
    unsafe { syscall(MADVISE, [memory.as_mut_ptr() as usize, memory.len(), advice, 0, 0, 0]) };
}

/// `close(2)`.
fn close(descriptor: usize) {
    // SAFETY: it is a descriptor that only this file has opened, and that nothing uses any more.
    unsafe { syscall(CLOSE, [descriptor, 0, 0, 0, 0, 0]) };
}
