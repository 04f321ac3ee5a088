//! The program's first instruction, before the C library's (`execve(2)`: "the initial process stack";
//! `ld(1)`: `--entry`).
//!
//! `protect` has the program execute itself once more. Up to there a C library makes some fifteen system calls to
//! set up memory, thread and streams that are thrown away the next moment. So the usual case, in which a
//! mount may be made, is done here with nothing but the stack that the kernel has prepared; in every other
//! case the program just begins, and [`isolab_runtime::protect`] does it the long way or says why not. That one also
//! has the last word: it looks whether what was done here has worked.
//!
//! Nothing of the C library can be used yet: neither its memory nor its `errno` nor its `memcpy`, which it
//! chooses by the processor when it starts.

use libc::{AT_EMPTY_PATH, AT_FDCWD, O_CLOEXEC};
use std::ffi::{CStr, c_char};
use std::mem::MaybeUninit;
use syscalls::{Sysno, raw};

const SELF: &CStr = c"/proc/self/exe";
const EMPTY: &CStr = c"";
/// `ST_RDONLY` among the flags of `statfs(2)`.
const READ_ONLY: usize = 1;
/// `OPEN_TREE_CLONE` of `open_tree(2)`.
const CLONE: usize = 1;
/// A read-only mount for `mount_setattr(2)`: what to set, what to clear, propagation, user namespace.
static READ_ONLY_MOUNT: [u64; 4] = [libc::MOUNT_ATTR_RDONLY, 0, 0, 0];
/// The largest error that the kernel returns, negated.
const ERRORS: usize = 4095;

// `rsp` and `rdx` are all that the kernel or the dynamic loader hands over.
std::arch::global_asm!(
    ".globl isolab_runtime_entry",
    "isolab_runtime_entry:",
    "mov r12, rsp",
    "mov r13, rdx",
    "mov rdi, rsp",
    "and rsp, -16",
    "call {protect}",
    "mov rsp, r12",
    "mov rdx, r13",
    "jmp _start",
    protect = sym protect,
);

/// Returns where this process is protected, need not be, or cannot be in this way.
///
/// `stack`: the number of arguments, their addresses and a zero, those of the environment and a zero.
extern "C" fn protect(stack: *const usize) {
    // SAFETY: the kernel has put there what is said above.
    let (count, arguments) = unsafe { (*stack, stack.add(1)) };
    // SAFETY: as above, each argument is a text that ends with a zero.
    if !(1..count).any(|index| unsafe { makes_processes(*arguments.add(index) as *const c_char) }) {
        return;
    }
    let mut about = MaybeUninit::<libc::statfs64>::uninit();
    let path = SELF.as_ptr() as usize;
    // SAFETY: the kernel reads the path and writes no more than the structure.
    if failed(unsafe { raw::syscall2(Sysno::statfs as usize, path, about.as_mut_ptr() as usize) }) {
        return;
    }
    // SAFETY: the kernel has filled it.
    if unsafe { about.assume_init_ref() }.f_flags as usize & READ_ONLY != 0 {
        return;
    }
    // SAFETY: the kernel reads the path.
    let mount = unsafe {
        raw::syscall3(Sysno::open_tree as usize, AT_FDCWD as usize, path, CLONE | O_CLOEXEC as usize)
    };
    if failed(mount) {
        return;
    }
    let (empty, flags) = (EMPTY.as_ptr() as usize, AT_EMPTY_PATH as usize);
    // SAFETY: the kernel reads the empty path, and the attributes as far as they go; then the empty path and the two
    // lists, which are the ones that it has made itself.
    unsafe {
        let attributes = &raw const READ_ONLY_MOUNT;
        let size = size_of_val(&READ_ONLY_MOUNT);
        let set = Sysno::mount_setattr as usize;
        if !failed(raw::syscall5(set, mount, empty, flags, attributes as usize, size)) {
            let environment = arguments.add(count + 1) as usize;
            raw::syscall5(Sysno::execveat as usize, mount, empty, arguments as usize, environment, flags);
        }
        raw::syscall1(Sysno::close as usize, mount);
    }
}

fn failed(result: usize) -> bool {
    result > usize::MAX - ERRORS
}

/// Whether a word is one of [`super::MAKES_PROCESSES`].
///
/// # Safety
/// `word` must be a text that ends with a zero.
unsafe fn makes_processes(word: *const c_char) -> bool {
    super::MAKES_PROCESSES.iter().any(|name| {
        let name = name.as_bytes();
        // SAFETY: no byte is read after one that differs, as the text's zero does from every letter. (Volatile: a
        // compiler may else make a call to the C library of it.)
        let same =
            |(index, &letter): (usize, &u8)| unsafe { word.add(index).read_volatile() } as u8 == letter;
        // SAFETY: the bytes before were those of the name.
        name.iter().enumerate().all(same) && unsafe { word.add(name.len()).read_volatile() } == 0
    })
}
