//! `isolab-kvm-floor noop|wait [MIB [RUNG]]`: the barest virtual machine, up to a rung.
//!
//! It makes only the calls that KVM itself demands (the kernel's `Documentation/virt/kvm/api.rst`):
//! open `/dev/kvm`, create a VM, give it memory, create a vCPU, set its registers, run. The guest is
//! fourteen bytes in 16-bit real mode, the state in which an x86 CPU starts: it marks, and ends. No
//! image is read, no page table made, no device modelled: it is a yardstick for `isolab-microvm`.
//!
//! RUNG says how far to go: `vm`, `memory` or `vcpu` end there, and the program itself marks and ends; `run`, the whole
//! of it, is what is done without the word; `irqchip` is the same with the interrupt controllers of a PC in the kernel.
#![no_std]
#![no_main]

mod start;

use core::ffi::CStr;
use core::mem::MaybeUninit;
use isolab_workload::linux::{Arguments, exit, say, syscall, wait_for_end_of_input};
use isolab_workload::{kind, mark};
use start::{check, fail, open};

const MMAP: usize = 9;
const IOCTL: usize = 16;
const O_RDWR_CLOEXEC: usize = 0x8_0002;

const KVM_CREATE_VM: usize = 0xae01;
const KVM_GET_VCPU_MMAP_SIZE: usize = 0xae04;
const KVM_CREATE_IRQCHIP: usize = 0xae60;
const KVM_CREATE_VCPU: usize = 0xae41;
const KVM_RUN: usize = 0xae80;
const KVM_SET_USER_MEMORY_REGION: usize = 0x4020_ae46;
const KVM_SET_REGS: usize = 0x4090_ae82;
const KVM_GET_SREGS: usize = 0x8138_ae83;
const KVM_SET_SREGS: usize = 0x4138_ae84;
const KVM_EXIT_IO: u32 = 2;

const MIB: usize = 1 << 20;
const MARK_PORT: u8 = 0xe9;
const EXIT_PORT: u8 = 0xf4;

/// The guest: `mov al, MARK; out MARK_PORT, al`, three times, then `out EXIT_PORT, al`.
const GUEST: [u8; 14] = [
    0xb0,
    mark::BEGIN,
    0xe6,
    MARK_PORT,
    0xb0,
    mark::READY,
    0xe6,
    MARK_PORT,
    0xb0,
    mark::END,
    0xe6,
    MARK_PORT,
    0xe6,
    EXIT_PORT,
];

/// `struct kvm_userspace_memory_region`: from guest address 0, in slot 0.
#[repr(C)]
struct MemoryRegion {
    slot: u32,
    flags: u32,
    guest_address: u64,
    size: u64,
    address: u64,
}

/// `struct kvm_regs`: sixteen general registers (all zero here), then `rip` and `rflags`.
#[repr(C)]
struct Registers {
    general: [u64; 16],
    rip: u64,
    rflags: u64,
}

/// `struct kvm_sregs`, of which the floor changes the first field, the code segment.
#[repr(C, align(8))]
struct SpecialRegisters {
    cs_base: u64,
    cs_limit: u32,
    cs_selector: u16,
    rest: [u8; 298],
}

/// The head of `struct kvm_run`, up to the description of a port access.
#[repr(C)]
struct Run {
    head: [u8; 8],
    exit_reason: u32,
    middle: [u8; 20],
    direction: u8,
    size: u8,
    port: u16,
    count: u32,
    data_offset: u64,
}

/// How far to go; each includes those before it.
#[derive(Clone, Copy, PartialEq, PartialOrd)]
enum Rung {
    Vm,
    Memory,
    Vcpu,
    Run,
    IrqChip,
}

isolab_workload::entry!(main);

fn main(arguments: &Arguments) -> ! {
    let holds = match arguments.get(1).map(CStr::to_bytes) {
        Some(b"noop") => false,
        Some(b"wait") => true,
        _ => fail("usage: isolab-kvm-floor noop|wait [MIB [RUNG]]", 0),
    };
    let mib = arguments
        .get(2)
        .map_or(Some(128), |mib| kind::decimal(mib.to_bytes()))
        .filter(|mib| (1..=1024).contains(mib));
    let Some(mib) = mib else { fail("the memory must be 1 to 1024 MiB", 0) };
    let rung = match arguments.get(3).map(CStr::to_bytes) {
        Some(b"vm") => Rung::Vm,
        Some(b"memory") => Rung::Memory,
        Some(b"vcpu") => Rung::Vcpu,
        Some(b"run") | None => Rung::Run,
        Some(b"irqchip") => Rung::IrqChip,
        Some(_) => fail("the rungs are vm, memory, vcpu, run and irqchip", 0),
    };

    let kvm = open("open /dev/kvm", c"/dev/kvm", O_RDWR_CLOEXEC);
    let vm = ioctl("KVM_CREATE_VM", kvm, KVM_CREATE_VM, 0);
    if rung == Rung::Vm {
        without_a_guest(holds);
    }
    let size = mib as usize * MIB;
    let memory: *mut [u8; GUEST.len()] = map("map the guest's memory", size, -1);
    // SAFETY: `memory` is a fresh mapping of at least one MiB.
    unsafe { memory.write(GUEST) };
    let region =
        MemoryRegion { slot: 0, flags: 0, guest_address: 0, size: size as u64, address: memory as u64 };
    ioctl("KVM_SET_USER_MEMORY_REGION", vm, KVM_SET_USER_MEMORY_REGION, &raw const region as usize);
    if rung == Rung::Memory {
        without_a_guest(holds);
    }

    if rung == Rung::IrqChip {
        // Before any vCPU is there: KVM gives each a local controller then.
        ioctl("KVM_CREATE_IRQCHIP", vm, KVM_CREATE_IRQCHIP, 0);
    }
    let vcpu = ioctl("KVM_CREATE_VCPU", vm, KVM_CREATE_VCPU, 0);
    let run_size = ioctl("KVM_GET_VCPU_MMAP_SIZE", kvm, KVM_GET_VCPU_MMAP_SIZE, 0);
    let run: *mut Run = map("map the vCPU's run structure", run_size as usize, vcpu);
    let mut special = MaybeUninit::<SpecialRegisters>::uninit();
    ioctl("KVM_GET_SREGS", vcpu, KVM_GET_SREGS, special.as_mut_ptr() as usize);
    // SAFETY: the call has filled it in.
    let special = unsafe { special.assume_init_mut() };
    special.cs_base = 0;
    special.cs_selector = 0;
    ioctl("KVM_SET_SREGS", vcpu, KVM_SET_SREGS, core::ptr::from_mut(special) as usize);
    let registers = Registers { general: [0; 16], rip: 0, rflags: 2 };
    ioctl("KVM_SET_REGS", vcpu, KVM_SET_REGS, &raw const registers as usize);
    if rung == Rung::Vcpu {
        without_a_guest(holds);
    }

    loop {
        ioctl("KVM_RUN", vcpu, KVM_RUN, 0);
        // SAFETY: the kernel has filled in the run structure, and writes to it only within KVM_RUN.
        let (reason, port, byte) = unsafe {
            let data = run.cast::<u8>().add((*run).data_offset as usize);
            ((*run).exit_reason, (*run).port, if (*run).exit_reason == KVM_EXIT_IO { *data } else { 0 })
        };
        match (reason, port as u8) {
            (KVM_EXIT_IO, MARK_PORT) => {
                say(1, &[byte]);
                if byte == mark::READY && holds {
                    wait_for_end_of_input();
                }
            }
            (KVM_EXIT_IO, EXIT_PORT) => exit(0),
            _ => fail("KVM_RUN returned with the exit reason", reason as usize),
        }
    }
}

/// The marks of a VM in which nothing has run; what there is of it goes with the program.
fn without_a_guest(holds: bool) -> ! {
    say(1, &[mark::BEGIN]);
    say(1, &[mark::READY]);
    if holds {
        wait_for_end_of_input();
    }
    say(1, &[mark::END]);
    exit(0)
}

fn ioctl(step: &str, descriptor: isize, request: usize, argument: usize) -> isize {
    // SAFETY: each caller passes a structure of the request's type, or none where none is used.
    check(step, unsafe { syscall(IOCTL, [descriptor as usize, request, argument, 0, 0, 0]) })
}

/// `mmap(2)`: `length` bytes of the file, or of fresh memory (given no page before it is touched).
fn map<T>(step: &str, length: usize, file: isize) -> *mut T {
    const READ_WRITE: usize = 1 | 2;
    const SHARED: usize = 0x01;
    const PRIVATE_ANONYMOUS_NORESERVE: usize = 0x02 | 0x20 | 0x4000;
    let flags = if file < 0 { PRIVATE_ANONYMOUS_NORESERVE } else { SHARED };
    // SAFETY: a mapping at an address of the kernel's choice touches none that exists.
    check(step, unsafe { syscall(MMAP, [0, length, READ_WRITE, flags, file as usize, 0]) }) as *mut T
}
