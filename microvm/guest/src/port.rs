//! The instructions `in`, `out` and `hlt`: all that ring 3 has of the outside.
//!
//! Who may use them: the unikernel's TSS allows `in` and `out` by its bitmap, and its handler of the trap that
//! `hlt` is in ring 3 halts for it; a Linux process asks its kernel for a port first (`ioperm(2)`). Without that
//! each of them is a fault, which ends the program.

use core::arch::asm;

/// Writes `byte` to an I/O port.
#[inline]
pub fn out(port: u16, byte: u8) {
    // SAFETY: the devices of this guest do not touch its memory. (It is not said to the compiler: a mark
    // must not overtake the work's writes to memory.)
    unsafe { asm!("out dx, al", in("dx") port, in("al") byte, options(nostack, preserves_flags)) };
}

/// Writes `bytes` to an I/O port, one after the other; the hypervisor may take many of them at one exit.
#[inline]
pub fn out_all(port: u16, bytes: &[u8]) {
    // SAFETY: the instruction only reads `bytes`; the direction flag is clear (System V ABI).
    unsafe {
        asm!("rep outsb", in("dx") port, inout("rsi") bytes.as_ptr() => _, inout("rcx") bytes.len() => _,
            options(nostack, preserves_flags));
    }
}

/// Reads a byte from an I/O port.
#[inline]
pub fn input(port: u16) -> u8 {
    let byte;
    // SAFETY: the devices of this guest do not touch its memory.
    unsafe { asm!("in al, dx", in("dx") port, out("al") byte, options(nomem, nostack, preserves_flags)) };
    byte
}

/// Fills `bytes` from an I/O port, one after the other; the hypervisor may give many of them at one exit.
#[inline]
pub fn input_all(port: u16, bytes: &mut [u8]) {
    // Each page must be there, and be this process's own: after a fork it is shared until it is written to. A
    // hypervisor that has fetched bytes from a device and then finds that they cannot be stored has lost them.
    bytes.fill(0);
    // SAFETY: the instruction only writes to `bytes`; the direction flag is clear (System V ABI).
    unsafe {
        asm!("rep insb", in("dx") port, inout("rdi") bytes.as_mut_ptr() => _, inout("rcx") bytes.len() => _,
            options(nostack, preserves_flags));
    }
}

/// Stops the CPU until the VMM runs it again.
#[inline]
pub fn halt() {
    // SAFETY: in the unikernel, the handler of the trap restores every register and has a stack of its own.
    unsafe { asm!("hlt", options(nomem, nostack)) };
}
