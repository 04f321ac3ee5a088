//! The functions that the compiler itself calls to copy, fill and compare memory, which elsewhere a C library
//! has (`memcpy(3)`, `memset(3)`, `memcmp(3)`).
//!
//! Each is one string instruction: written as loops, the compiler would make them calls of themselves.

use core::arch::asm;

/// Copies `count` bytes between places that do not overlap.
///
/// # Safety
/// As for `memcpy(3)`.
// SAFETY: the name and the type are those that the compiler knows, and nothing else in this program has it.
#[unsafe(no_mangle)]
unsafe extern "C" fn memcpy(to: *mut u8, from: *const u8, count: usize) -> *mut u8 {
    // SAFETY: by the contract. The direction flag is clear (System V ABI).
    unsafe {
        asm!("rep movsb", inout("rcx") count => _, inout("rdi") to => _, inout("rsi") from => _,
            options(nostack, preserves_flags));
    }
    to
}

/// Fills `count` bytes with the low byte of `value`.
///
/// # Safety
/// As for `memset(3)`.
// SAFETY: as above.
#[unsafe(no_mangle)]
unsafe extern "C" fn memset(place: *mut u8, value: i32, count: usize) -> *mut u8 {
    // SAFETY: by the contract. The direction flag is clear.
    unsafe {
        asm!("rep stosb", inout("rcx") count => _, inout("rdi") place => _, in("al") value as u8,
            options(nostack, preserves_flags));
    }
    place
}

/// Compares `count` bytes: zero if they are equal, else the sign of the first difference.
///
/// # Safety
/// As for `memcmp(3)`.
// SAFETY: as above.
#[unsafe(no_mangle)]
unsafe extern "C" fn memcmp(left: *const u8, right: *const u8, count: usize) -> i32 {
    let difference: i32;
    // SAFETY: by the contract. The direction flag is clear; with a count of zero the flags are those of the
    // comparison before, which found the count equal to itself.
    unsafe {
        asm!(
            "cmp rcx, rcx",
            "repe cmpsb",
            "seta al",
            "setb dl",
            "sub al, dl",
            "movsx eax, al",
            inout("rcx") count => _, inout("rsi") left => _, inout("rdi") right => _,
            out("eax") difference, out("edx") _, options(nostack, readonly),
        );
    }
    difference
}

/// Whether `count` bytes differ.
///
/// # Safety
/// As for `bcmp(3)`.
// SAFETY: as above.
#[unsafe(no_mangle)]
unsafe extern "C" fn bcmp(left: *const u8, right: *const u8, count: usize) -> i32 {
    // SAFETY: it has the same contract.
    unsafe { memcmp(left, right, count) }
}
