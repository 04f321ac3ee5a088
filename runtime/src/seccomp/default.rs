//! The profile for those who bring none, after the one that container engines document for theirs: what is not
//! listed is refused with `EPERM`, so that a new call of a new kernel is closed until somebody has thought about it.
//!
//! The listed calls either concern nobody but the caller, or are checked by the kernel against the walls that the
//! container has anyway (namespaces, capabilities, permissions). **Not** listed, by what they would do:
//! - to the machine: load a kernel or modules, reboot, swap, set the clock, ports (`iopl`), accounting, the kernel's log;
//! - to the walls: mount in any form, make or enter namespaces, pivot the root, open files by handles of the
//!   file system (`open_by_handle_at` passes by every mount);
//! - to others: take descriptors from a process (`pidfd_getfd`), move its pages; keyrings, which no namespace splits;
//! - to the kernel's most attacked corners: `bpf`, `perf_event_open`, `userfaultfd`, `io_uring`, and those that nobody
//!   needs any more (`uselib`, `ustat`, `sysfs`, `_sysctl`, `nfsservctl`).
//!
//! Calls that need a capability which a container does not have are left out too: twice closed is closed.

use libc::{
    AF_ALG, AF_XDP, CLONE_NEWCGROUP, CLONE_NEWIPC, CLONE_NEWNET, CLONE_NEWNS, CLONE_NEWPID, CLONE_NEWUSER,
    CLONE_NEWUTS, ENOSYS, EPERM, c_int,
};
use oci_spec::runtime::LinuxSeccompAction::{ScmpActAllow, ScmpActErrno};
use oci_spec::runtime::LinuxSeccompOperator::{self as Operator, ScmpCmpEq, ScmpCmpLt, ScmpCmpMaskedEq};
use oci_spec::runtime::{Arch, LinuxSeccomp, LinuxSeccompArgBuilder, LinuxSyscall};

/// Open, look at, change and remove files: permissions and the mounts in view decide.
const FILES: &str = "access chdir chmod chown chown32 close close_range copy_file_range creat dup dup2 dup3 faccessat \
    faccessat2 fadvise64 fadvise64_64 fallocate fchdir fchmod fchmodat fchmodat2 fchown fchown32 \
    fchownat fcntl fcntl64 fdatasync fgetxattr flistxattr flock fremovexattr fsetxattr fstat fstat64 \
    fstatat64 fstatfs fstatfs64 fsync ftruncate ftruncate64 futimesat getcwd getdents getdents64 \
    getxattr getxattrat ioctl lchown lchown32 lgetxattr link linkat listxattr listxattrat llistxattr \
    _llseek lremovexattr lseek lsetxattr lstat lstat64 mkdir mkdirat mknod mknodat name_to_handle_at \
    newfstatat open openat openat2 pread64 preadv preadv2 pwrite64 pwritev pwritev2 read readahead \
    readlink readlinkat readv removexattr removexattrat rename renameat renameat2 rmdir sendfile \
    sendfile64 setxattr setxattrat splice stat stat64 statfs statfs64 statx symlink symlinkat sync \
    sync_file_range syncfs tee truncate truncate64 umask unlink unlinkat utime utimensat \
    utimensat_time64 utimes vmsplice write writev";

/// Wait for events, on files and on anything with a descriptor.
const EVENTS: &str = "epoll_create epoll_create1 epoll_ctl epoll_ctl_old epoll_pwait epoll_pwait2 epoll_wait \
    epoll_wait_old eventfd eventfd2 fanotify_mark inotify_add_watch inotify_init inotify_init1 \
    inotify_rm_watch io_cancel io_destroy io_getevents io_pgetevents io_pgetevents_time64 io_setup \
    io_submit pipe pipe2 poll ppoll ppoll_time64 pselect6 pselect6_time64 select _newselect signalfd \
    signalfd4";

/// One's own memory.
const MEMORY: &str = "brk cachestat madvise map_shadow_stack membarrier memfd_create memfd_secret mincore mlock mlock2 \
    mlockall mmap mmap2 mprotect mremap mseal msync munlock munlockall munmap pkey_alloc pkey_free \
    pkey_mprotect remap_file_pages";

/// Start, end and watch processes and threads: the PID namespace says which. (`clone` is below.)
const PROCESSES: &str = "arch_prctl execve execveat exit exit_group fork get_robust_list get_thread_area getcpu getpgid \
    getpgrp getpid getppid getpriority getrlimit getrusage getsid gettid ioprio_get ioprio_set \
    modify_ldt pidfd_open pidfd_send_signal prctl prlimit64 process_mrelease restart_syscall rseq \
    sched_get_priority_max sched_get_priority_min sched_getaffinity sched_getattr sched_getparam \
    sched_getscheduler sched_rr_get_interval sched_rr_get_interval_time64 sched_setaffinity \
    sched_setattr sched_setparam sched_setscheduler sched_yield set_robust_list set_thread_area \
    set_tid_address setpgid setpriority setrlimit setsid ugetrlimit uretprobe vfork wait4 waitid waitpid";

/// Locks between threads.
const LOCKS: &str = "futex futex_requeue futex_time64 futex_wait futex_waitv futex_wake";

/// Signals, to whom the PID namespace and the user allow.
const SIGNALS: &str = "kill pause rt_sigaction rt_sigpending rt_sigprocmask rt_sigqueueinfo rt_sigreturn rt_sigsuspend \
    rt_sigtimedwait rt_sigtimedwait_time64 rt_tgsigqueueinfo sigaltstack sigprocmask sigreturn tgkill \
    tkill";

/// Who one is and becomes: capabilities decide. `chroot` is `CAP_SYS_CHROOT`, which containers have.
const IDENTITY: &str = "capget capset chroot getegid getegid32 geteuid geteuid32 getgid getgid32 getgroups getgroups32 \
    getresgid getresgid32 getresuid getresuid32 getuid getuid32 setfsgid setfsgid32 setfsuid setfsuid32 \
    setgid setgid32 setgroups setgroups32 setregid setregid32 setresgid setresgid32 setresuid \
    setresuid32 setreuid setreuid32 setuid setuid32";

/// Read clocks, sleep, and set alarms. (`adjtimex` reads too, and needs a capability to write.)
const TIME: &str = "adjtimex alarm clock_adjtime clock_adjtime64 clock_getres clock_getres_time64 clock_gettime \
    clock_gettime64 clock_nanosleep clock_nanosleep_time64 getitimer gettimeofday nanosleep setitimer \
    time timer_create timer_delete timer_getoverrun timer_gettime timer_gettime64 timer_settime \
    timer_settime64 timerfd_create timerfd_gettime timerfd_gettime64 timerfd_settime timerfd_settime64 \
    times";

/// Talk over sockets: the network namespace says with whom. (`socket` is below.)
const SOCKETS: &str = "accept accept4 bind connect getpeername getsockname getsockopt listen recv recvfrom recvmmsg \
    recvmmsg_time64 recvmsg send sendmmsg sendmsg sendto setsockopt shutdown socketpair";

/// Queues, semaphores and shared memory of System V and POSIX: the IPC namespace's.
const IPC: &str = "mq_getsetattr mq_notify mq_open mq_timedreceive mq_timedreceive_time64 mq_timedsend \
    mq_timedsend_time64 mq_unlink msgctl msgget msgrcv msgsnd semctl semget semop semtimedop \
    semtimedop_time64 shmat shmctl shmdt shmget";

/// Ask about the machine, as anybody may.
const MACHINE: &str = "getrandom sysinfo uname";

/// Confine oneself further: these only ever take away.
const CONFINEMENT: &str = "landlock_add_rule landlock_create_ruleset landlock_restrict_self seccomp";

/// Debug one's own children and equals. Since Linux 4.8 the filter is asked again after a tracer has changed a call.
const DEBUGGING: &str = "process_vm_readv process_vm_writev ptrace";

const ALLOWED: [&str; 13] = [
    FILES,
    EVENTS,
    MEMORY,
    PROCESSES,
    LOCKS,
    SIGNALS,
    IDENTITY,
    TIME,
    SOCKETS,
    IPC,
    MACHINE,
    CONFINEMENT,
    DEBUGGING,
];

/// Families of sockets are allowed below this one, which is a cipher of the kernel for everybody. (Then come NFC's, and
/// `AF_VSOCK`, a way past the network namespace to a virtual machine's host.)
const FIRST_REFUSED_FAMILY: c_int = AF_ALG;

/// The others that are allowed. One by one, because the kernel looks at the lower half of the argument only: to "above
/// `AF_VSOCK`" that very family would belong, with a bit set in the upper half.
const LATER_FAMILIES: [c_int; 5] = [AF_KCM, AF_QIPCRTR, AF_SMC, AF_XDP, AF_MCTP];
/// Newer than the C library's list.
const AF_KCM: c_int = 41;
const AF_QIPCRTR: c_int = 42;
const AF_SMC: c_int = 43;
const AF_MCTP: c_int = 45;

/// Namespaces that `clone(2)` would make: inside a new user namespace its maker has every capability, and with them
/// the parts of the kernel that only root could ever reach. The flag of the time namespace is none of `clone`'s.
const NAMESPACES: u64 = (CLONE_NEWNS
    | CLONE_NEWCGROUP
    | CLONE_NEWUTS
    | CLONE_NEWIPC
    | CLONE_NEWUSER
    | CLONE_NEWPID
    | CLONE_NEWNET) as u64;

/// Linux, 32-bit Linux, the same two as "2.6", and the question which it is. Other personalities turn off address
/// randomisation, or bring back mappings at zero.
const PERSONALITIES: [u64; 5] = [0, 0x8, 0x2_0000, 0x2_0008, 0xffff_ffff];

/// The default profile.
pub fn default_profile() -> LinuxSeccomp {
    let mut rules = vec![
        rule(&ALLOWED.join(" "), None),
        // Its flags are in memory, out of sight. The C library takes ENOSYS for an old kernel's, and calls clone.
        clone3(),
        rule("clone", Some((ScmpCmpMaskedEq, NAMESPACES))),
    ];
    // Inside 32-bit x86's socketcall(2) the family is out of sight.
    rules.push(rule("socket", Some((ScmpCmpLt, FIRST_REFUSED_FAMILY as u64))));
    rules.extend(LATER_FAMILIES.map(|family| rule("socket", Some((ScmpCmpEq, family as u64)))));
    rules.extend(PERSONALITIES.map(|one| rule("personality", Some((ScmpCmpEq, one)))));

    let mut profile = LinuxSeccomp::default();
    profile.set_default_action(ScmpActErrno);
    profile.set_default_errno_ret(Some(EPERM as u32));
    profile.set_architectures(Some(vec![Arch::ScmpArchX86_64, Arch::ScmpArchX86, Arch::ScmpArchX32]));
    profile.set_syscalls(Some(rules));
    profile
}

/// Allows these calls, if their first argument compares so; with a mask: if none of its bits is set.
fn rule(names: &str, condition: Option<(Operator, u64)>) -> LinuxSyscall {
    let mut rule = LinuxSyscall::default();
    rule.set_names(names.split_ascii_whitespace().map(str::to_owned).collect());
    rule.set_action(ScmpActAllow);
    // All that it wants has a default: it does not fail.
    let argument = |(operator, value)| {
        LinuxSeccompArgBuilder::default()
            .op(operator)
            .value(value)
            .value_two(0_u64)
            .build()
            .unwrap_or_default()
    };
    rule.set_args(condition.map(|condition| vec![argument(condition)]));
    rule
}

fn clone3() -> LinuxSyscall {
    let mut rule = rule("clone3", None);
    rule.set_action(ScmpActErrno);
    rule.set_errno_ret(Some(ENOSYS as u32));
    rule
}
