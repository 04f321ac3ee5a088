//! A virtio device between two threads: a vCPU accesses its registers, the I/O thread answers its requests.
//!
//! The driver's notice is a write to one register. KVM turns it into an event (`KVM_IOEVENTFD`) that wakes the I/O
//! thread, and the vCPU runs on at once. The I/O thread waits for all devices with one `epoll_wait(2)`; each
//! gets its turn for a bounded number of requests and, when more wait, tells itself so by the same event.

use super::config::Devices;
use super::interrupt::Interrupt;
use super::mmio::Registers;
use super::place::{MOST, Place};
use super::{Backend, DeviceError, GuestMemory};
use crate::Error;
use crate::bus::{Effect, MappedDevice};
use crate::end::End;
use crate::interrupts::Line;
use crate::io::listen;
use crate::output::lock;
use event_manager::{EventOps, EventSet, Events, MutEventSubscriber};
use kvm_ioctls::{IoEventAddress, VmFd};
use std::os::fd::AsRawFd;
use std::sync::Mutex;
use virtio_bindings::virtio_mmio::{
    VIRTIO_MMIO_INTERRUPT_ACK, VIRTIO_MMIO_INTERRUPT_STATUS, VIRTIO_MMIO_QUEUE_NOTIFY,
};
use vmm_sys_util::eventfd::{EFD_NONBLOCK, EventFd};

/// Opens all of `devices` and puts them in their places of `vm`.
pub fn connect_all(
    vm: &VmFd,
    devices: &Devices,
    memory: &GuestMemory,
) -> Result<Vec<(Place, Virtio)>, Error> {
    let count = devices.count();
    if count > MOST {
        return Err(DeviceError::TooMany(count).into());
    }
    Place::first(count)
        .zip(devices.open())
        .map(|(place, backend)| Ok((place, Virtio::connect(vm, place, backend?, memory.clone())?)))
        .collect()
}

/// A virtio device.
pub struct Virtio {
    registers: Mutex<Registers>,
    interrupt: Interrupt,
    /// One event a queue: something may be waiting in it.
    notices: Vec<EventFd>,
}

impl Virtio {
    /// A device that nothing is connected to.
    pub fn new(backend: Box<dyn Backend>, memory: GuestMemory, line: Line) -> Result<Virtio, Error> {
        let notices = (0..backend.queues())
            .map(|_| EventFd::new(EFD_NONBLOCK))
            .collect::<Result<_, _>>()
            .map_err(Error::Event)?;
        let registers = Mutex::new(Registers::new(backend, memory));
        Ok(Virtio { registers, interrupt: Interrupt::new(line), notices })
    }

    /// Puts a device at `place` of `vm`: its interrupt, and its driver's notices.
    fn connect(
        vm: &VmFd,
        place: Place,
        backend: Box<dyn Backend>,
        memory: GuestMemory,
    ) -> Result<Virtio, Error> {
        let line = Line::new()?;
        line.lead_to(vm, place.interrupt)?;
        let device = Virtio::new(backend, memory, line)?;
        let register = IoEventAddress::Mmio(place.address + u64::from(VIRTIO_MMIO_QUEUE_NOTIFY));
        for (queue, notice) in device.notices.iter().enumerate() {
            vm.register_ioevent(notice, &register, queue as u32)
                .map_err(Error::kvm("asking for a driver's notices (KVM_IOEVENTFD)"))?;
        }
        Ok(device)
    }

    /// The guest reads `data.len()` bytes at `offset`.
    pub fn read(&self, offset: u64, data: &mut [u8]) {
        // What an interrupt handler reads first must not wait for a request to be answered.
        match <&mut [u8; 4]>::try_from(&mut *data) {
            Ok(word) if offset == u64::from(VIRTIO_MMIO_INTERRUPT_STATUS) => {
                *word = self.interrupt.reasons().to_le_bytes();
            }
            _ => lock(&self.registers).read(offset, data),
        }
    }

    /// The guest writes `data` at `offset`.
    pub fn write(&self, offset: u64, data: &[u8]) {
        match (u32::try_from(offset), <[u8; 4]>::try_from(data).map(u32::from_le_bytes)) {
            (Ok(VIRTIO_MMIO_INTERRUPT_ACK), Ok(reasons)) => self.interrupt.acknowledge(reasons),
            // KVM keeps the notices of queues that there are.
            (Ok(VIRTIO_MMIO_QUEUE_NOTIFY), Ok(queue)) => self.notice(queue as usize),
            _ => {
                if lock(&self.registers).write(offset, data, &self.interrupt) {
                    // What came before the device was ready was not looked at.
                    (0..self.notices.len()).for_each(|queue| self.notice(queue));
                }
            }
        }
    }

    /// Something may be waiting in `queue`.
    fn notice(&self, queue: usize) {
        if let Some(notice) = self.notices.get(queue) {
            // It can only fail when the event's counter is full, and then the I/O thread is on its way.
            let _ = notice.write(1);
        }
    }

    /// Answers what waits in `queue`.
    pub fn serve(&self, queue: usize) {
        if lock(&self.registers).serve(queue, &self.interrupt) {
            self.notice(queue);
        }
    }
}

/// The guest's side of it: registers. KVM takes the driver's notices out before they come here.
impl MappedDevice for &Virtio {
    fn read(&mut self, offset: u64, data: &mut [u8]) {
        Virtio::read(self, offset, data);
    }

    fn write(&mut self, offset: u64, data: &[u8]) -> Result<Effect, Error> {
        Virtio::write(self, offset, data);
        Ok(Effect::None)
    }
}

/// The I/O thread's side of it: queues.
pub struct Queues<'a> {
    device: &'a Virtio,
    end: &'a End,
}

impl<'a> Queues<'a> {
    /// The queues of `device`, which end the VM when they cannot be waited for.
    pub fn new(device: &'a Virtio, end: &'a End) -> Queues<'a> {
        Queues { device, end }
    }
}

impl MutEventSubscriber for Queues<'_> {
    fn process(&mut self, events: Events, _: &mut EventOps<'_>) {
        let queue = events.data() as usize;
        let mut notices = self.device.notices.iter();
        if let Some(notice) = notices.find(|notice| notice.as_raw_fd() == events.fd()) {
            // Before the queue is looked at, or a notice in between would be lost. It only fails when nothing is
            // left to read.
            let _ = notice.read();
        }
        self.device.serve(queue);
    }

    fn init(&mut self, operations: &mut EventOps<'_>) {
        let registers = lock(&self.device.registers);
        // Edge: a packet that waits while the guest has no room for it must not wake the thread again and again.
        let edge = EventSet::IN | EventSet::EDGE_TRIGGERED;
        let source = registers.backend().source();
        let source = source.map(|(source, queue)| Events::with_data(&source, queue as u32, edge));
        let notices = self.device.notices.iter().enumerate();
        let notices = notices.map(|(queue, notice)| Events::with_data(notice, queue as u32, EventSet::IN));
        notices.chain(source).for_each(|events| listen(operations, events, self.end));
    }
}

impl std::fmt::Debug for Virtio {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Virtio").field("queues", &self.notices.len()).finish_non_exhaustive()
    }
}
