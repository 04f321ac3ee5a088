//! The end: the exit status goes to the VMM, and with that the VM is gone (`sync(2)`, `reboot(2)`).

use crate::console::drain;
use crate::ports;
use isolab_guest::port::out;
use isolab_guest::ports::EXIT;
use isolab_workload::linux::exit;
use rustix::fs::sync;
use rustix::system::{RebootCommand, reboot};

/// Ends the VM.
pub(crate) fn end(status: u8) -> ! {
    // What was written to disks and to the console must be out before.
    sync();
    drain();
    out(EXIT, status);
    // A VMM without that port: one of these ends it too.
    ports::power_off();
    let _ = reboot(RebootCommand::Restart);
    // And if even that is refused, the kernel panics at the end of PID 1.
    exit(status.into())
}
