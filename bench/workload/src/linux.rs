//! Linux system calls without a C library, on x86-64: what the static programs of the lab are made of.

use core::arch::asm;
use core::ffi::CStr;

const READ: usize = 0;
const WRITE: usize = 1;
const MMAP: usize = 9;
const GETPPID: usize = 110;
const EXIT_GROUP: usize = 231;

/// Makes a system call: number in `rax`, arguments in `rdi rsi rdx r10 r8 r9`, result in `rax`
/// (a negative `errno` on failure); the kernel overwrites `rcx` and `r11`.
///
/// # Safety
/// As for the system call in question: each address among the arguments must be valid for what the
/// kernel does with it, and the call must not take away memory that Rust still uses.
#[inline]
pub unsafe fn syscall(number: usize, a: [usize; 6]) -> isize {
    let result: isize;
    // SAFETY: by this function's contract the call does no harm; the registers named are all it changes.
    unsafe {
        asm!("syscall", inlateout("rax") number as isize => result,
            in("rdi") a[0], in("rsi") a[1], in("rdx") a[2], in("r10") a[3], in("r8") a[4], in("r9") a[5],
            lateout("rcx") _, lateout("r11") _, options(nostack));
    }
    result
}

/// `write(2)` of all of `bytes`; nobody is left to tell if it fails.
pub fn say(descriptor: usize, bytes: &[u8]) {
    // SAFETY: the kernel only reads `bytes`.
    unsafe { syscall(WRITE, [descriptor, bytes.as_ptr() as usize, bytes.len(), 0, 0, 0]) };
}

/// `getppid(2)`: among the cheapest calls that must enter the kernel.
pub fn getppid() {
    // SAFETY: it takes no argument and changes nothing.
    unsafe { syscall(GETPPID, [0; 6]) };
}

/// `read(2)` from standard input until it ends (or fails), whatever arrives.
pub fn wait_for_end_of_input() {
    let mut buffer = [0_u8; 64];
    // SAFETY: the kernel writes into `buffer` only, and no further than its length.
    while unsafe { syscall(READ, [0, buffer.as_mut_ptr() as usize, buffer.len(), 0, 0, 0]) } > 0 {}
}

/// `mmap(2)` of `length` bytes of fresh private memory; `None` when the kernel refuses.
pub fn map(length: usize) -> Option<&'static mut [u8]> {
    const READ_WRITE: usize = 1 | 2;
    const PRIVATE_ANONYMOUS: usize = 0x02 | 0x20;
    if length == 0 {
        return Some(&mut []);
    }
    // SAFETY: a fresh anonymous mapping touches none that exists.
    let address = unsafe { syscall(MMAP, [0, length, READ_WRITE, PRIVATE_ANONYMOUS, usize::MAX, 0]) };
    // SAFETY: the kernel has just mapped `length` zeroed bytes there for this caller alone, and
    // nothing unmaps them before the program exits.
    (address > 0).then(|| unsafe { core::slice::from_raw_parts_mut(address as *mut u8, length) })
}

/// `exit_group(2)`.
pub fn exit(status: usize) -> ! {
    loop {
        // SAFETY: it does not return.
        unsafe { syscall(EXIT_GROUP, [status, 0, 0, 0, 0, 0]) };
    }
}

/// A program's command line, where the kernel put it: the count, that many pointers, then a null
/// (see the System V ABI, "Process Initialization").
#[derive(Debug)]
pub struct Arguments(*const usize);

impl Arguments {
    /// The arguments of this program.
    ///
    /// # Safety
    /// `stack` must be the stack pointer that the kernel gave this program at its entry.
    pub unsafe fn at(stack: *const usize) -> Arguments {
        Arguments(stack)
    }

    /// Argument number `index`, 0 being the program's own name.
    pub fn get(&self, index: usize) -> Option<&'static CStr> {
        let pointer = self.pointers_from(index)?;
        // SAFETY: by the contract of `at`, the pointer leads to a string that ends in a zero byte and stays
        // mapped while the program runs. (Volatile, or the compiler makes this loop a call of `strlen`,
        // which only a C library has.)
        unsafe {
            let text = *pointer as *const u8;
            let mut length = 0;
            while text.add(length).read_volatile() != 0 {
                length += 1;
            }
            Some(CStr::from_bytes_with_nul_unchecked(core::slice::from_raw_parts(text, length + 1)))
        }
    }

    /// The pointers to argument number `index` and those behind it, up to a null.
    pub fn pointers_from(&self, index: usize) -> Option<*const usize> {
        // SAFETY: by the contract of `at`, the count lies there and as many pointers behind it.
        unsafe { (index < *self.0).then(|| self.0.add(1 + index)) }
    }
}

/// Makes `fn main(&Arguments) -> !` the program's entry: the symbol `_start`, where the kernel begins with
/// the argument count at the stack pointer. Its address goes to Rust, on an aligned stack.
#[macro_export]
macro_rules! entry {
    ($main:path) => {
        core::arch::global_asm!(
            ".globl _start",
            "_start:",
            "mov rdi, rsp",
            "and rsp, -16",
            "call {begin}",
            begin = sym begin,
        );

        extern "C" fn begin(stack: *const usize) -> ! {
            // SAFETY: `_start` passes the stack pointer of the program's entry.
            $main(&unsafe { $crate::linux::Arguments::at(stack) })
        }
    };
}
