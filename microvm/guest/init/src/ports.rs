//! Leave to write to the VMM's ports (`ioperm(2)`).
//!
//! The kernel keeps I/O ports to itself. `ioperm` opens some of them to one process, and then `out` is an exit to
//! the VMM without any system call. (The other way, `/dev/port`, is not in every kernel.)

use isolab_guest::port::out;
use isolab_guest::ports::{ACPI, EXIT, MARK, PHASE, PHASE_INIT, POWER_OFF};
use isolab_workload::linux::syscall;

const IOPERM: usize = 173;

/// Opens the ports and tells the VMM that the kernel has booted: the first act of this program.
pub(crate) fn open() {
    allow(MARK, EXIT - MARK + 1);
    out(PHASE, PHASE_INIT);
}

/// Ends a VMM that has cloud-hypervisor's port for that. Opened only now: the more ports, the longer the list that the
/// kernel copies at each change of process.
pub(crate) fn power_off() {
    allow(ACPI, 1);
    out(ACPI, POWER_OFF);
}

fn allow(first: u16, count: u16) {
    // SAFETY: the call takes no address. A port that stays closed is a fault at its first use, by which the
    // kernel ends this program, and with it the VM.
    unsafe { syscall(IOPERM, [first.into(), count.into(), 1, 0, 0, 0]) };
}
