//! The instructions `in`, `out` and `hlt`: all that ring 3 has of the outside.
//!
//! `in` and `out` are allowed by the TSS's bitmap; `hlt` traps to ring 0, which halts (`entry.rs`).

use core::arch::asm;

/// Writes `byte` to an I/O port.
#[inline]
pub(crate) fn out(port: u16, byte: u8) {
    // SAFETY: the devices of this guest do not touch its memory. (It is not said to the compiler: a mark
    // must not overtake the work's writes to memory.)
    unsafe { asm!("out dx, al", in("dx") port, in("al") byte, options(nostack, preserves_flags)) };
}

/// Reads a byte from an I/O port.
#[inline]
pub(crate) fn input(port: u16) -> u8 {
    let byte;
    // SAFETY: the devices of this guest do not touch its memory.
    unsafe { asm!("in al, dx", in("dx") port, out("al") byte, options(nomem, nostack, preserves_flags)) };
    byte
}

/// Stops the CPU until the VMM runs it again.
#[inline]
pub(crate) fn halt() {
    // SAFETY: the handler of the trap restores every register and has a stack of its own.
    unsafe { asm!("hlt", options(nomem, nostack)) };
}
