//! From the VMM's first instruction to ring 3: all of the unikernel's ring 0.
//!
//! A guest can be entered in two ways, and this one file has both:
//!
//! * the **Linux 64-bit boot protocol** (kernel documentation, "The Linux/x86 Boot Protocol"): long mode is
//!   on, `rsi` holds the address of the zero page. The ELF's entry; firecracker and isolab enter here.
//! * **PVH** (Xen, "x86/HVM direct boot ABI"): 32-bit protected mode without paging, `ebx` holds the address
//!   of the start info. Named by an ELF note; QEMU and cloud-hypervisor enter here. Long mode wants,
//!   in this order: page tables in CR3, PAE, `EFER.LME`, and then paging; the far jump makes it 64-bit.
//!
//! Then both are the same: GDT, IDT and TSS, and `iretq` to ring 3 (Intel SDM volume 3, chapters 3
//! to 7). Why ring 3? A KVM backend without hardware virtualization emulates ring 0 at some million
//! instructions a second but runs ring 3 at full speed; on Intel and AMD it makes no difference.
//! Ring 3 may use the I/O ports that the bitmap in the TSS opens (a clear bit allows). RFLAGS.IOPL
//! would open all of them, but not every backend keeps that field.
//!
//! `hlt` belongs to ring 0, so a guest that holds executes it in ring 3, the CPU raises #GP, and the handler
//! halts on its behalf and returns behind the instruction: trap and emulate, the oldest way to
//! virtualize. Every other fault finds no gate and ends in a triple fault, which the VMM reports.
//!
//! No SSE here, no interrupt, no stack until the tables are loaded: an emulating backend has none of them.

/// GDT selectors: a descriptor's offset in the table, with the privilege level in the low two bits.
const KERNEL_CODE: u16 = 0x08;
const USER_DATA: u16 = 0x18 | 3;
const USER_CODE: u16 = 0x20 | 3;
const TASK: u16 = 0x28;

/// CR0: paging, numeric errors, the fixed bit 4, monitor coprocessor, protection. No EM, no TS: SSE may run.
const CR0: u32 = 1 << 31 | 1 << 5 | 1 << 4 | 1 << 1 | 1;
/// CR4: OSXMMEXCPT and OSFXSR (SSE), PAE (long mode).
const CR4: u32 = 1 << 10 | 1 << 9 | 1 << 5;
/// The register that enables long mode, and the bit that does (LME).
const EFER: u32 = 0xc000_0080;
const LONG_MODE: u32 = 1 << 8;

/// A page table's entry: present, writable, user, accessed; and for a 2-MiB page, dirty and large.
/// (Accessed and dirty, so that the CPU need not write them.)
const TABLE: u64 = 1 | 1 << 1 | 1 << 2 | 1 << 5;
const LARGE_PAGE: u64 = TABLE | 1 << 6 | 1 << 7;

/// All of ring 3's stack, and ring 0's, which holds the seven words of one trap. They share the tables' page.
const USER_STACK: usize = 2048;
const KERNEL_STACK: usize = 128;

/// How `start` is told the boot protocol.
pub(crate) const LINUX: u32 = 0;
pub(crate) const PVH: u32 = 1;

core::arch::global_asm!(
    ".pushsection .ring0, \"ax\", @progbits",
    // PVH: 32-bit protected mode, no paging. What edi and esi hold survives the change of mode.
    ".code32",
    "entry_pvh:",
    "mov edi, ebx",
    "mov esi, {PVH}",
    "mov eax, offset pml4",
    "mov cr3, eax",
    "mov eax, {CR4}",
    "mov cr4, eax",
    "mov ecx, {EFER}",
    "mov eax, {LONG_MODE}",
    "xor edx, edx",
    "wrmsr",
    "mov eax, {CR0}",
    "mov cr0, eax",
    "lgdt [gdt_pointer]",
    ".byte 0xea", // A far jump: to this offset, in this segment.
    ".long tables",
    ".word {KERNEL_CODE}",
    // Linux: 64-bit mode on the VMM's page tables.
    ".code64",
    ".globl entry_linux",
    "entry_linux:",
    "mov edi, esi",
    "mov esi, {LINUX}",
    "mov eax, offset pml4",
    "mov cr3, rax",
    "mov eax, {CR4}",
    "mov cr4, rax",
    "mov eax, {CR0}",
    "mov cr0, rax",
    "lgdt [gdt_pointer]",
    // Both: the frame of a trap that never was, "returned" to by iretq.
    "tables:",
    "lidt [idt_pointer]",
    "mov eax, {TASK}",
    "ltr ax",
    "mov esp, offset first_frame",
    "iretq",
    // #GP. On the stack: rax, error code, rip, cs, rflags, rsp, ss.
    "general_protection:",
    "push rax",
    "mov rax, [rsp + 16]",
    "cmp byte ptr [rax], 0xf4", // hlt?
    "jne 2f",
    "pop rax",
    "hlt",
    "add rsp, 8",
    "inc qword ptr [rsp]",
    "iretq",
    "2: ud2",
    ".popsection",
    // The first GiB, identity mapped in 2-MiB pages.
    ".pushsection .data.pages, \"aw\", @progbits",
    ".balign 4096",
    "pml4: .quad pdpt + {TABLE}",
    ".skip 4096 - 8",
    "pdpt: .quad pd + {TABLE}",
    ".skip 4096 - 8",
    "pd:",
    ".set address, 0",
    ".rept 512",
    ".quad address + {LARGE_PAGE}",
    ".set address, address + 0x200000",
    ".endr",
    // Ring 0's tables. An address of this image is 0x10_0000 and 16 bits more (link.ld makes sure).
    "gdt: .quad 0",
    ".quad 0x00af9b000000ffff", // 0x08: ring-0 code, 64-bit
    ".quad 0x00cf93000000ffff", // 0x10: ring-0 data
    ".quad 0x00cff3000000ffff", // 0x18: ring-3 data
    ".quad 0x00affb000000ffff", // 0x20: ring-3 code, 64-bit
    ".word tss_end - tss - 1, tss - 0x100000", // 0x28: the TSS, 16 bytes
    ".byte 0x10, 0x89, 0, 0",
    ".quad 0",
    "gdt_end:",
    "idt: .skip 13 * 16",
    ".word general_protection - 0x100000, {KERNEL_CODE}", // 13: #GP
    ".byte 0, 0x8e",
    ".word 0x10",
    ".quad 0",
    "idt_end:",
    "tss: .long 0",
    ".quad kernel_stack_top", // The stack of a trap to ring 0.
    ".skip 102 - 12",
    ".word io_bitmap - tss",
    "io_bitmap: .skip {ALLOWED} / 8",
    ".byte 0xff", // The CPU reads one byte further than it needs.
    "tss_end:",
    "gdt_pointer: .word gdt_end - gdt - 1",
    ".quad gdt",
    "idt_pointer: .word idt_end - idt - 1",
    ".quad idt",
    "first_frame: .quad {start}, {USER_CODE}, 2, user_stack_top, {USER_DATA}",
    ".popsection",
    ".pushsection .bss.stacks, \"aw\", @nobits",
    ".balign 16",
    ".skip {KERNEL_STACK}",
    "kernel_stack_top:",
    ".skip {USER_STACK}",
    // A function begins 8 bytes below a multiple of 16, as if it had been called.
    "user_stack_top = . - 8",
    ".popsection",
    // XEN_ELFNOTE_PHYS32_ENTRY: name, its length, the value's length, type 18.
    ".pushsection .note.pvh, \"a\", @note",
    ".balign 4",
    ".long 4, 4, 18",
    ".asciz \"Xen\"",
    ".long entry_pvh",
    ".popsection",
    start = sym crate::start,
    PVH = const PVH,
    LINUX = const LINUX,
    CR0 = const CR0,
    CR4 = const CR4,
    EFER = const EFER,
    LONG_MODE = const LONG_MODE,
    KERNEL_CODE = const KERNEL_CODE,
    USER_CODE = const USER_CODE,
    USER_DATA = const USER_DATA,
    TASK = const TASK,
    TABLE = const TABLE,
    LARGE_PAGE = const LARGE_PAGE,
    ALLOWED = const isolab_guest::ports::ALLOWED,
    KERNEL_STACK = const KERNEL_STACK,
    USER_STACK = const USER_STACK,
);

/// The first address behind the unikernel, on a page boundary: from here on memory is free.
pub(crate) fn image_end() -> usize {
    unsafe extern "C" {
        static image_end: u8;
    }
    (&raw const image_end).expose_provenance()
}
