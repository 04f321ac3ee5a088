//! A device's interrupt (VIRTIO 1.2, 4.2.2: `InterruptStatus`, `InterruptACK`): one line for all its reasons, and
//! a register that says which they are.
//!
//! The reason must be in the register before the line is raised. Both can be reached without the device's lock: the
//! guest's interrupt handler reads the register while the I/O thread may be deep in a request.

use crate::interrupts::Line;
use std::sync::atomic::{AtomicU32, Ordering};
use virtio_bindings::virtio_mmio::{VIRTIO_MMIO_INT_CONFIG, VIRTIO_MMIO_INT_VRING};
use vm_superio::Trigger;

/// The line and the reasons.
#[derive(Debug)]
pub struct Interrupt {
    reasons: AtomicU32,
    line: Line,
}

impl Interrupt {
    /// No reason yet.
    pub fn new(line: Line) -> Interrupt {
        Interrupt { reasons: AtomicU32::new(0), line }
    }

    /// Answers are in a used ring.
    pub fn used(&self) {
        self.raise(VIRTIO_MMIO_INT_VRING);
    }

    /// The device's status has changed.
    pub fn changed(&self) {
        self.raise(VIRTIO_MMIO_INT_CONFIG);
    }

    fn raise(&self, reason: u32) {
        self.reasons.fetch_or(reason, Ordering::SeqCst);
        // It can only fail when the event's counter is full, and then the line is up anyhow.
        let _ = self.line.trigger();
    }

    /// The reasons that the guest has not acknowledged.
    pub fn reasons(&self) -> u32 {
        self.reasons.load(Ordering::SeqCst)
    }

    /// The guest has seen these.
    pub fn acknowledge(&self, reasons: u32) {
        self.reasons.fetch_and(!reasons, Ordering::SeqCst);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_stays_until_it_is_acknowledged() {
        let interrupt = Interrupt::new(Line::new().unwrap());
        interrupt.used();
        interrupt.changed();
        interrupt.used();
        assert_eq!(interrupt.reasons(), 3);
        interrupt.acknowledge(1);
        assert_eq!(interrupt.reasons(), 2);
        interrupt.acknowledge(u32::MAX);
        assert_eq!(interrupt.reasons(), 0);
    }
}
