//! `isolab-container-floor ROOTFS JOIN... -- COMMAND [ARG...]`: the barest container.
//!
//! It does only what the kernel itself must do for the same walls as `isolab-runtime`'s, in one
//! straight line: one `clone3(2)` with the namespaces, the cheapest cgroup join of this host, an
//! overlay root on a tmpfs of its own, `pivot_root(2)`, `execve(2)`, `wait4(2)`. No limits are set, no
//! /proc, no capabilities dropped: it is a yardstick and nothing to run strangers' code in.
//!
//! `JOIN` says how to join a cgroup that exists: `v1:FILE` is a version 1 `tasks` file, to which the
//! child writes `0` for itself; `v2:DIR` is a version 2 group, into which `clone3` places it.
#![no_std]
#![no_main]

mod start;

use core::arch::asm;
use core::ffi::CStr;
use isolab_workload::linux::{Arguments, exit, syscall};
use start::{check, fail, open};

const CLONE3: usize = 435;
const CLOSE: usize = 3;
const EXECVE: usize = 59;
const CHDIR: usize = 80;
const MKDIR: usize = 83;
const MOUNT: usize = 165;
const PIVOT_ROOT: usize = 155;
const UMOUNT2: usize = 166;
const UNSHARE: usize = 272;
const WAIT4: usize = 61;
const WRITE: usize = 1;

const CLONE_VM: u64 = 0x100;
const CLONE_VFORK: u64 = 0x4000;
const CLONE_NEWNS: u64 = 0x2_0000;
const CLONE_NEWCGROUP: u64 = 0x200_0000;
const CLONE_NEWUTS: u64 = 0x400_0000;
const CLONE_NEWIPC: u64 = 0x800_0000;
const CLONE_NEWPID: u64 = 0x2000_0000;
const CLONE_NEWNET: u64 = 0x4000_0000;
const CLONE_INTO_CGROUP: u64 = 0x2_0000_0000;
const NAMESPACES: u64 = CLONE_NEWNS | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWPID | CLONE_NEWNET;

const SIGCHLD: u64 = 17;
const MS_REC_PRIVATE: usize = 0x4000 | 0x4_0000;
const MNT_DETACH: usize = 2;
const O_WRONLY: usize = 1;
const O_PATH_DIRECTORY: usize = 0x20_0000 | 0x1_0000;
/// The first descriptor that is free in a program which was given three.
const LOWER: usize = 3;

/// `struct clone_args` of `clone3(2)`.
#[repr(C)]
#[derive(Default)]
struct CloneArgs {
    flags: u64,
    pidfd: u64,
    child_tid: u64,
    parent_tid: u64,
    exit_signal: u64,
    stack: u64,
    stack_size: u64,
    tls: u64,
    set_tid: u64,
    set_tid_size: u64,
    cgroup: u64,
}

/// The child borrows the parent's memory until it runs the command, so it needs a stack of its own.
#[repr(align(16))]
struct Stack(core::cell::UnsafeCell<[u8; 16384]>);
// SAFETY: only the one child uses it, and the parent sleeps meanwhile (CLONE_VFORK).
unsafe impl Sync for Stack {}
static STACK: Stack = Stack(core::cell::UnsafeCell::new([0; 16384]));

/// A step of the child or parent: makes the call and ends the program with its name if it fails.
macro_rules! step {
    ($name:literal, $number:expr $(, $argument:expr)*) => {{
        let mut arguments = [0_usize; 6];
        let mut _place = 0;
        $( arguments[_place] = $argument as usize; _place += 1; )*
        // SAFETY: every address passed is that of a string or structure that outlives the call.
        check($name, unsafe { syscall($number, arguments) })
    }};
}

isolab_workload::entry!(main);

/// The root folder: the first argument.
fn rootfs(arguments: &Arguments) -> &'static CStr {
    let Some(folder) = arguments.get(1) else { fail("usage: ROOTFS JOIN... -- COMMAND", 0) };
    folder
}

/// The ways to join a cgroup: the arguments up to `--`.
fn joins(arguments: &Arguments) -> impl Iterator<Item = &'static CStr> {
    (2..).map_while(|index| arguments.get(index)).take_while(|word| word.to_bytes() != b"--")
}

/// The paths among them for one version of cgroups.
fn joins_of(arguments: &Arguments, version: &'static [u8]) -> impl Iterator<Item = &'static CStr> {
    let path = move |word: &'static CStr| word.to_bytes_with_nul().strip_prefix(version);
    joins(arguments).filter_map(path).filter_map(|path| CStr::from_bytes_with_nul(path).ok())
}

/// The tail of the argument pointers, from the command's name up to the null behind the last.
fn command(arguments: &Arguments) -> *const usize {
    let first = 3 + joins(arguments).count();
    let Some(command) = arguments.pointers_from(first) else { fail("there is no COMMAND behind --", 0) };
    command
}

fn main(arguments: &Arguments) -> ! {
    let mut clone = CloneArgs {
        flags: CLONE_VM | CLONE_VFORK | NAMESPACES,
        exit_signal: SIGCHLD,
        stack: STACK.0.get() as u64,
        stack_size: size_of::<Stack>() as u64,
        ..CloneArgs::default()
    };
    if let Some(folder) = joins_of(arguments, b"v2:").next() {
        clone.flags |= CLONE_INTO_CGROUP;
        clone.cgroup = open("open the cgroup", folder, O_PATH_DIRECTORY) as u64;
    }
    let child: isize;
    // SAFETY: the child starts on its own stack with a copy of these registers and calls `child_main`,
    // which never returns; the parent goes on behind the call when the child has run `execve` or ended.
    unsafe {
        asm!(
            "syscall",
            "test rax, rax",
            "jnz 2f",
            "mov rdi, r12",
            "call {child_main}",
            "2:",
            child_main = sym child_main,
            inlateout("rax") CLONE3 => child,
            in("rdi") &raw const clone, in("rsi") size_of::<CloneArgs>(), in("r12") core::ptr::from_ref(arguments),
            lateout("rcx") _, lateout("r11") _,
        );
    }
    check("clone3", child);
    let mut status = 0_u32;
    step!("wait4", WAIT4, child, &raw mut status);
    let signal = status & 0x7f;
    exit(if signal == 0 { (status >> 8) & 0xff } else { 128 + signal } as usize)
}

/// The first process of the container, from its first instruction to the command's.
extern "C" fn child_main(arguments: &Arguments) -> ! {
    for tasks in joins_of(arguments, b"v1:") {
        let file = open("open the cgroup's tasks", tasks, O_WRONLY);
        step!("join the cgroup", WRITE, file, c"0".as_ptr(), 1);
        step!("close the cgroup's tasks", CLOSE, file);
    }
    if joins_of(arguments, b"v2:").next().is_some() {
        // The group's folder, by which `clone3` has placed this process; its number is free again.
        step!("close the cgroup", CLOSE, LOWER);
    }
    // After the join, so that the new namespace's root is the group just joined.
    step!("unshare the cgroup namespace", UNSHARE, CLONE_NEWCGROUP);
    let folder = rootfs(arguments);
    let mount = |name: &CStr, target: &CStr, options: &CStr| {
        step!("mount", MOUNT, name.as_ptr(), target.as_ptr(), name.as_ptr(), 0, options.as_ptr());
    };
    step!("make mounts private", MOUNT, c"".as_ptr(), c"/".as_ptr(), 0, MS_REC_PRIVATE, 0);
    if open("open the root folder", folder, O_PATH_DIRECTORY) as usize != LOWER {
        fail("descriptors 0, 1 and 2 must be the only ones open", 0);
    }
    // The tmpfs hides the folder's path, not the folder: the descriptor still leads there.
    mount(c"tmpfs", folder, c"");
    step!("enter the tmpfs", CHDIR, folder.as_ptr());
    for name in [c"upper", c"work", c"root"] {
        step!("make a folder", MKDIR, name.as_ptr(), 0o755);
    }
    mount(c"overlay", c"root", c"lowerdir=/proc/self/fd/3,upperdir=upper,workdir=work");
    step!("enter the root", CHDIR, c"root".as_ptr());
    step!("pivot_root", PIVOT_ROOT, c".".as_ptr(), c".".as_ptr());
    step!("unmount the old root", UMOUNT2, c".".as_ptr(), MNT_DETACH);
    step!("close the root folder", CLOSE, LOWER);
    let words = command(arguments);
    let no_environment = [0_usize];
    // SAFETY: `words` is the tail of the program's own argument pointers, which a null ends.
    step!("run the command", EXECVE, unsafe { *words }, words, no_environment.as_ptr());
    exit(125)
}
