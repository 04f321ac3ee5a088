//! The interrupt controllers and the clock of a PC, in the kernel (`KVM_CREATE_IRQCHIP`, `KVM_CREATE_PIT2`),
//! and interrupt lines to them (`KVM_IRQFD`).
//!
//! In the kernel, because the guest talks to them at every tick: an exit to the VMM each time would cost
//! more than all other devices together. They must be there before the vCPU, which is born with a local
//! APIC only if they are. With them, a `hlt` of the guest no longer returns to the VMM: KVM itself waits for
//! the next interrupt.

use crate::Error;
use kvm_bindings::{KVM_PIT_SPEAKER_DUMMY, kvm_pit_config};
use kvm_ioctls::VmFd;
use std::io;
use vm_superio::Trigger;
use vmm_sys_util::eventfd::{EFD_NONBLOCK, EventFd};

/// Three pages that KVM on Intel CPUs wants for its own use: in the hole below 4 GiB, where no guest looks.
const TSS: usize = 0xfffb_d000;

/// Gives `vm` its interrupt controllers (two PICs, an IO-APIC, a local APIC for each vCPU to come) and its
/// timer (PIT).
pub fn create(vm: &VmFd) -> Result<(), Error> {
    vm.set_tss_address(TSS).map_err(Error::kvm("placing KVM's own pages (KVM_SET_TSS_ADDR)"))?;
    vm.create_irq_chip().map_err(Error::kvm("creating the interrupt controllers (KVM_CREATE_IRQCHIP)"))?;
    // The speaker's port shares the timer's gate; the kernel answers that too.
    let timer = kvm_pit_config { flags: KVM_PIT_SPEAKER_DUMMY, ..kvm_pit_config::default() };
    vm.create_pit2(timer).map_err(Error::kvm("creating the timer (KVM_CREATE_PIT2)"))
}

/// An interrupt line: an event (`eventfd(2)`) that KVM turns into an interrupt, whoever writes it.
#[derive(Debug)]
pub struct Line(EventFd);

impl Line {
    /// A line that leads nowhere yet.
    pub fn new() -> Result<Line, Error> {
        EventFd::new(EFD_NONBLOCK).map(Line).map_err(Error::Event)
    }

    /// Leads the line to interrupt `number` of the controllers of `vm`.
    pub fn lead_to(&self, vm: &VmFd, number: u32) -> Result<(), Error> {
        vm.register_irqfd(&self.0, number).map_err(Error::kvm("leading an interrupt to the VM (KVM_IRQFD)"))
    }
}

impl Trigger for Line {
    type E = io::Error;

    fn trigger(&self) -> io::Result<()> {
        self.0.write(1)
    }
}
