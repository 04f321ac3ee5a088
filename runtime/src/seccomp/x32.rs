//! x32: 32-bit pointers on a 64-bit machine (`arch/x86/entry/syscalls/syscall_64.tbl` in the kernel).
//!
//! The kernel tells a filter that such a call is one of x86-64; only bit 30 of the number says otherwise. A filter that
//! forgets it lets every call through under a second number. Most numbers are x86-64's with that bit; calls whose
//! arguments hold pointers in memory have one of their own, from 512 on, and a few do not exist.

use syscalls::x86_64::Sysno;

/// What tells the two apart.
pub(super) const BIT: u32 = 0x4000_0000;

/// The number of a call, given its number on x86-64.
pub(super) fn number(on_x86_64: u32) -> Option<u32> {
    let number = NUMBERS.get(on_x86_64 as usize).copied().unwrap_or(on_x86_64 as u16);
    (number != ABSENT).then_some(u32::from(number) | BIT)
}

const ABSENT: u16 = u16::MAX;

/// All with a number of its own or none are below this one.
const LENGTH: usize = 454;

/// The first number of those that x32 has to itself, which follow each other.
const FIRST: u16 = 512;

const OWN: [Sysno; 36] = [
    Sysno::rt_sigaction,
    Sysno::rt_sigreturn,
    Sysno::ioctl,
    Sysno::readv,
    Sysno::writev,
    Sysno::recvfrom,
    Sysno::sendmsg,
    Sysno::recvmsg,
    Sysno::execve,
    Sysno::ptrace,
    Sysno::rt_sigpending,
    Sysno::rt_sigtimedwait,
    Sysno::rt_sigqueueinfo,
    Sysno::sigaltstack,
    Sysno::timer_create,
    Sysno::mq_notify,
    Sysno::kexec_load,
    Sysno::waitid,
    Sysno::set_robust_list,
    Sysno::get_robust_list,
    Sysno::vmsplice,
    Sysno::move_pages,
    Sysno::preadv,
    Sysno::pwritev,
    Sysno::rt_tgsigqueueinfo,
    Sysno::recvmmsg,
    Sysno::sendmmsg,
    Sysno::process_vm_readv,
    Sysno::process_vm_writev,
    Sysno::setsockopt,
    Sysno::getsockopt,
    Sysno::io_setup,
    Sysno::io_submit,
    Sysno::execveat,
    Sysno::preadv2,
    Sysno::pwritev2,
];

const NONE: [Sysno; 12] = [
    Sysno::uselib,
    Sysno::_sysctl,
    Sysno::create_module,
    Sysno::get_kernel_syms,
    Sysno::query_module,
    Sysno::nfsservctl,
    Sysno::set_thread_area,
    Sysno::get_thread_area,
    Sysno::epoll_ctl_old,
    Sysno::epoll_wait_old,
    Sysno::vserver,
    Sysno::map_shadow_stack,
];

static NUMBERS: [u16; LENGTH] = {
    let mut numbers = [0; LENGTH];
    let mut at = 0;
    while at < LENGTH {
        numbers[at] = at as u16;
        at += 1;
    }
    at = 0;
    while at < OWN.len() {
        numbers[OWN[at] as usize] = FIRST + at as u16;
        at += 1;
    }
    at = 0;
    while at < NONE.len() {
        numbers[NONE[at] as usize] = ABSENT;
        at += 1;
    }
    numbers
};
