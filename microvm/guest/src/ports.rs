//! The I/O ports between a guest and its VMM.
//!
//! A write to one of them makes the CPU leave the guest (a VM exit): all that the unikernel has of an interface.

/// Marks, one byte each ([`isolab_workload::mark`]). The debug console of Bochs and of QEMU has this
/// port too (`-debugcon stdio`); a VMM that has nothing there drops the byte.
pub const MARK: u16 = 0xe9;
/// Where `cross` writes: no VMM has a device there, so the border is all that is paid for.
pub const CROSS: u16 = 0xea;
/// Where a Linux guest is on its way to the command, one byte each: [`PHASE_INIT`], [`PHASE_COMMAND`].
pub const PHASE: u16 = 0xeb;
/// The guest's init has begun: its kernel has booted.
pub const PHASE_INIT: u8 = 1;
/// The guest's init is about to start the command.
pub const PHASE_COMMAND: u8 = 2;
/// What programs and files have of a Linux guest's memory, once its command is ready: KiB, as eight bytes, the lowest
/// first.
pub const USAGE: u16 = 0xed;
/// What stands on the VMM's standard input, when nobody sits at a terminal: frames of a length (two bytes, the low one
/// first) and so many bytes, at most [`INPUT_MOST`]. A length of 0: nothing now; a byte on [`SERIAL`] will say when
/// there is more.
pub const INPUT: u16 = 0xec;
/// The most bytes of a frame.
pub const INPUT_MOST: usize = 4096;
/// The length that says that the input has ended; it is also what is read where a VMM has no such port.
pub const INPUT_ENDED: u16 = 0xffff;
/// The end: the byte is the exit status. QEMU's `isa-debug-exit` ends with `2 * status + 1`.
pub const EXIT: u16 = 0xf4;
/// The first serial port of a PC (16550A, eight registers).
pub const SERIAL: u16 = 0x3f8;
/// The second serial port: a byte from the VMM is the number of a signal, for init to send to the command.
pub const CONTROL: u16 = 0x2f8;
/// The keyboard controller's command port, by which [`RESET`] ends firecracker.
pub const KEYBOARD: u16 = 0x64;
/// "Pulse the CPU's reset line", to [`KEYBOARD`].
pub const RESET: u8 = 0xfe;
/// The ACPI shutdown port of cloud-hypervisor, which [`POWER_OFF`] ends.
pub const ACPI: u16 = 0x600;
/// "Enable sleep, sleep type 5", to [`ACPI`].
pub const POWER_OFF: u8 = 0x34;
/// Ports at or above this one are closed to the unikernel's ring 3.
pub const ALLOWED: u16 = 0x608;
