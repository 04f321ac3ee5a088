//! `isolab-container-floor ROOTFS RUNG... -- COMMAND [ARG...]`: the barest container, rung by rung.
//!
//! It does only what the kernel itself must do for the same walls as `isolab-runtime`'s, in one
//! straight line: one `clone3(2)` with the namespaces, the cheapest cgroup join of this host, a
//! root of its own, what confines the command, `execve(2)`, `wait4(2)`. No limits are set and no device
//! is made: it is a yardstick and nothing to run strangers' code in.
//!
//! Each RUNG switches one thing on; without any it only starts the command. In the order in which the kernel
//! demands them, whatever the order of the words:
//!
//! | word | what it does | in |
//! |---|---|---|
//! | `user` `pid` `mount` `ipc` `uts` `net` | a namespace of that kind (`namespaces(7)`) | here |
//! | `v2:DIR` | `clone3` places the child into this group of version 2 | here |
//! | `v1:FILE` | the child writes `0`, itself, to this `tasks` (or `cgroup.procs`) file | here |
//! | `cgroup` | a cgroup namespace, after the join, so that its root is the group just joined | here |
//! | `overlay`, `bind` | the root: an overlay on a tmpfs of its own, or the folder itself; `pivot_root(2)` | `root.rs` |
//! | `masks` | `/proc`, of which a part is hidden and a part read-only (needs `overlay`) | `root.rs` |
//! | `capabilities` | all but three leave the bounding set (`capabilities(7)`) | `confine.rs` |
//! | `seccomp:FILE` | the filter in this file, as the kernel reads it (`seccomp(2)`) | `confine.rs` |
#![no_std]
#![no_main]

mod confine;
mod root;
mod start;
mod words;

use core::arch::asm;
use core::ffi::CStr;
use isolab_workload::linux::{Arguments, exit};
use start::{check, fail, open};
use words::{begins, step, words};

const CLONE3: usize = 435;
const CLOSE: usize = 3;
const EXECVE: usize = 59;
const MOUNT: usize = 165;
const UNSHARE: usize = 272;
const WAIT4: usize = 61;
const WRITE: usize = 1;

const CLONE_VM: u64 = 0x100;
const CLONE_VFORK: u64 = 0x4000;
const CLONE_NEWCGROUP: u64 = 0x200_0000;
const CLONE_INTO_CGROUP: u64 = 0x2_0000_0000;
/// The namespaces that `clone3` makes at once; where there is a new user namespace among them, it owns the others.
const NAMESPACES: [(&[u8], u64); 6] = [
    (b"user", 0x1000_0000),
    (b"pid", 0x2000_0000),
    (b"mount", 0x2_0000),
    (b"ipc", 0x800_0000),
    (b"uts", 0x400_0000),
    (b"net", 0x4000_0000),
];

const SIGCHLD: u64 = 17;
const MS_REC_PRIVATE: usize = 0x4000 | 0x4_0000;
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

/// What the child is told: the program's words, and what only the parent could find out.
struct Orders<'a> {
    arguments: &'a Arguments,
    /// The identity outside of a new user namespace; only where there is to be one.
    identity: Option<confine::Identity>,
    filter: Option<confine::Filter>,
}

impl Orders<'_> {
    fn has(&self, rung: &[u8]) -> bool {
        words(self.arguments, 2).any(|word| word.count_bytes() == rung.len() && begins(word.to_bytes(), rung))
    }

    fn groups_v2(&self) -> Option<&'static CStr> {
        paths(self.arguments, b"v2:").next()
    }
}

/// What stands behind the colon of each word that begins so.
fn paths(arguments: &Arguments, prefix: &'static [u8]) -> impl Iterator<Item = &'static CStr> {
    let path = move |word: &'static CStr| {
        let path = word.to_bytes_with_nul().get(prefix.len()..)?;
        begins(word.to_bytes(), prefix).then(|| CStr::from_bytes_with_nul(path).ok())?
    };
    words(arguments, 2).filter_map(path)
}

isolab_workload::entry!(main);

fn main(arguments: &Arguments) -> ! {
    let filter = paths(arguments, b"seccomp:").next().map(confine::Filter::read);
    let mut orders = Orders { arguments, identity: None, filter };
    orders.identity = orders.has(b"user").then(confine::Identity::own);
    let mut clone = CloneArgs {
        flags: CLONE_VM | CLONE_VFORK,
        exit_signal: SIGCHLD,
        stack: STACK.0.get() as u64,
        stack_size: size_of::<Stack>() as u64,
        ..CloneArgs::default()
    };
    for (_, flag) in NAMESPACES.iter().filter(|(name, _)| orders.has(name)) {
        clone.flags |= flag;
    }
    if let Some(folder) = orders.groups_v2() {
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
            in("rdi") &raw const clone, in("rsi") size_of::<CloneArgs>(), in("r12") core::ptr::from_ref(&orders),
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
extern "C" fn child_main(orders: &Orders<'_>) -> ! {
    for tasks in paths(orders.arguments, b"v1:") {
        let file = open("open the cgroup's tasks", tasks, O_WRONLY);
        step!("join the cgroup", WRITE, file, c"0".as_ptr(), 1);
        step!("close the cgroup's tasks", CLOSE, file);
    }
    if orders.groups_v2().is_some() {
        // The group's folder, by which `clone3` has placed this process; its number is free again.
        step!("close the cgroup", CLOSE, LOWER);
    }
    if let Some(identity) = &orders.identity {
        identity.become_root();
    }
    if orders.has(b"cgroup") {
        step!("unshare the cgroup namespace", UNSHARE, CLONE_NEWCGROUP);
    }
    if orders.has(b"mount") {
        step!("make mounts private", MOUNT, c"".as_ptr(), c"/".as_ptr(), 0, MS_REC_PRIVATE, 0);
    }
    let folder = orders.arguments.get(1).unwrap_or(c"");
    let rooted = orders.has(b"overlay") || orders.has(b"bind");
    if rooted && !orders.has(b"mount") {
        fail("a root needs the rung mount: it would be the host's", 0);
    }
    if orders.has(b"masks") && !orders.has(b"overlay") {
        fail("masks need the rung overlay: they would be the host's", 0);
    }
    if orders.has(b"overlay") {
        root::overlay(folder, orders.has(b"user"), orders.has(b"masks"));
    }
    if orders.has(b"bind") {
        root::bind(folder);
    }
    if orders.has(b"capabilities") {
        confine::drop_capabilities();
    }
    if let Some(filter) = &orders.filter {
        filter.install();
    }
    run(orders.arguments)
}

/// Becomes the command: the tail of the argument pointers, from its name up to the null behind the last.
fn run(arguments: &Arguments) -> ! {
    let Some(words) = arguments.pointers_from(3 + words(arguments, 2).count()) else {
        fail("usage: ROOTFS RUNG... -- COMMAND", 0)
    };
    let no_environment = [0_usize];
    // SAFETY: `words` is the tail of the program's own argument pointers, which a null ends.
    step!("run the command", EXECVE, unsafe { *words }, words, no_environment.as_ptr());
    exit(125)
}
