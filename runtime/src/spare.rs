//! Memory that a process which only waits can give back (`malloc_trim(3)`, `madvise(2)`).
//!
//! To make a container takes a heap and a deep stack: configuration, plan, filter, command line. All of it stays a
//! process's until its end, and a thousand launchers that do nothing but wait would keep a hundred MiB. Two calls give
//! most of it back. What is needed again comes back by itself, page by page.

use crate::cgroup::detect::read_at_once;
use rustix::mm::{Advice, madvise};
use std::ops::Range;

const PAGE: usize = 4096;
/// So much below this function's frame is left alone: those that it calls are there.
const FRAMES: usize = 2 * PAGE;

/// Gives back free pages of the heap, and those of the stack that deeper calls have left. It may do nothing: then
/// it stays as it is.
pub(crate) fn give_back() {
    let here = 0_u8;
    let frame = (&raw const here).addr();
    let stack = read_at_once("/proc/self/maps").ok().and_then(|maps| main_stack(&maps));
    // SAFETY: it touches free memory only.
    unsafe { libc::malloc_trim(0) };
    if let Some(left) = stack.and_then(|stack| left_below(frame, &stack)) {
        let start = std::ptr::without_provenance_mut(left.start);
        // SAFETY: these pages lie in the stack on which this runs, below all frames that are in use. They become zeros,
        // which who grows the stack anew cannot tell from what was left there.
        let _ = unsafe { madvise(start, left.len(), Advice::LinuxDontNeed) };
    }
}

/// Where the stack of the process's first thread is. Others have theirs among other mappings, and are left alone.
fn main_stack(maps: &[u8]) -> Option<Range<usize>> {
    let line = maps.split(|&byte| byte == b'\n').find(|line| line.ends_with(b"[stack]"))?;
    let (start, end) = std::str::from_utf8(line).ok()?.split_whitespace().next()?.split_once('-')?;
    Some(usize::from_str_radix(start, 16).ok()?..usize::from_str_radix(end, 16).ok()?)
}

/// The whole pages of `stack` that nobody uses while the frame at `frame` is the deepest; none if it is on another.
fn left_below(frame: usize, stack: &Range<usize>) -> Option<Range<usize>> {
    let end = frame.checked_sub(FRAMES)? / PAGE * PAGE;
    (stack.contains(&frame) && stack.start < end).then_some(stack.start..end)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_first_threads_stack_is_found_and_only_below_the_frame_it_is_left() {
        let maps = b"7f0000000000-7f0000021000 rw-p 00000000 00:00 0 \n\
            7ffd00000000-7ffd00021000 rw-p 00000000 00:00 0                          [stack]\n";
        let stack = main_stack(maps).unwrap();
        assert_eq!(stack, 0x7ffd_0000_0000..0x7ffd_0002_1000);
        assert_eq!(left_below(0x7ffd_0001_0123, &stack), Some(0x7ffd_0000_0000..0x7ffd_0000_e000));
        for elsewhere in [0x7f00_0000_1000, 0x7ffd_0000_1000, 0x7ffd_0002_1000, 0] {
            assert_eq!(left_below(elsewhere, &stack), None, "{elsewhere:#x}");
        }
        assert_eq!(main_stack(&maps[..50]), None);
    }

    /// What the heap holds afterwards is what it held before.
    #[test]
    fn what_is_in_use_stays() {
        let held: Vec<Vec<u8>> = (0..64).map(|byte| vec![byte; 3 * PAGE]).collect();
        give_back();
        assert!((0..64).zip(&held).all(|(byte, page)| page.iter().all(|&found| found == byte)));
    }
}
