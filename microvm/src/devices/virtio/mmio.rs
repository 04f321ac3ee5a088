//! A virtio device's registers in memory (VIRTIO 1.2, 4.2 "Virtio over MMIO", version 2), and how driver and
//! device come together (3.1 "Device Initialization").
//!
//! The driver writes the status register a bit at a time: it has seen the device, it can drive it, these are the
//! features (the device has the last word), the queues are laid out, go. Each step is taken once and in that order;
//! a write that is out of turn changes nothing. Zero takes everything back to the start.
//!
//! Registers are 32 bits wide and are accessed so; only the configuration space takes any width. The registers of
//! the driver's notices and of the interrupt are not here but in [`super::device`]: they need no lock.

use super::interrupt::Interrupt;
use super::request::Broken;
use super::ring::Served;
use super::{Backend, Complaint, GuestMemory, QUEUE_SIZE};
use virtio_bindings::virtio_config::{
    VIRTIO_CONFIG_S_ACKNOWLEDGE as ACKNOWLEDGE, VIRTIO_CONFIG_S_DRIVER as DRIVER,
    VIRTIO_CONFIG_S_DRIVER_OK as DRIVER_OK, VIRTIO_CONFIG_S_FAILED as FAILED,
    VIRTIO_CONFIG_S_FEATURES_OK as FEATURES_OK, VIRTIO_CONFIG_S_NEEDS_RESET as NEEDS_RESET,
    VIRTIO_F_VERSION_1,
};
use virtio_bindings::virtio_mmio::{
    VIRTIO_MMIO_CONFIG, VIRTIO_MMIO_DEVICE_FEATURES, VIRTIO_MMIO_DEVICE_FEATURES_SEL, VIRTIO_MMIO_DEVICE_ID,
    VIRTIO_MMIO_DRIVER_FEATURES, VIRTIO_MMIO_DRIVER_FEATURES_SEL, VIRTIO_MMIO_MAGIC_VALUE,
    VIRTIO_MMIO_QUEUE_AVAIL_HIGH, VIRTIO_MMIO_QUEUE_AVAIL_LOW, VIRTIO_MMIO_QUEUE_DESC_HIGH,
    VIRTIO_MMIO_QUEUE_DESC_LOW, VIRTIO_MMIO_QUEUE_NUM, VIRTIO_MMIO_QUEUE_NUM_MAX, VIRTIO_MMIO_QUEUE_READY,
    VIRTIO_MMIO_QUEUE_SEL, VIRTIO_MMIO_QUEUE_USED_HIGH, VIRTIO_MMIO_QUEUE_USED_LOW, VIRTIO_MMIO_STATUS,
    VIRTIO_MMIO_VENDOR_ID, VIRTIO_MMIO_VERSION,
};
use virtio_bindings::virtio_ring::VIRTIO_RING_F_EVENT_IDX;
use virtio_queue::{Queue, QueueT};
use vm_memory::GuestAddress;

/// `MagicValue`: "virt".
const MAGIC: u32 = u32::from_le_bytes(*b"virt");
/// `Version`: no legacy.
const VERSION: u32 = 2;
/// `VendorID`: nobody's in particular.
const VENDOR: u32 = u32::from_le_bytes(*b"isol");
/// The first and last register of shared memory regions, of which there is none: all ones says so.
const SHARED_FIRST: u32 = 0xb0;
const SHARED_LAST: u32 = 0xbc;
/// What this transport offers: the modern interface, and notices and interrupts only when they are wanted.
const FEATURES: u64 = 1 << VIRTIO_F_VERSION_1 | 1 << VIRTIO_RING_F_EVENT_IDX;

/// A queue, and where the driver wants it before it says that it is ready.
struct Slot {
    queue: Queue,
    size: u32,
    descriptors: u64,
    available: u64,
    used: u64,
}

/// The registers, and the device behind them.
pub struct Registers {
    backend: Box<dyn Backend>,
    memory: GuestMemory,
    status: u32,
    /// Which half of the features the driver reads, and which it writes.
    offered: u32,
    chosen: u32,
    /// The driver's features.
    features: u64,
    selected: u32,
    slots: Vec<Slot>,
    complaint: Complaint,
}

impl Registers {
    /// A device as it is after a reset.
    pub fn new(backend: Box<dyn Backend>, memory: GuestMemory) -> Registers {
        let slots = (0..backend.queues()).map(|_| Slot::new()).collect();
        Registers {
            backend,
            memory,
            status: 0,
            offered: 0,
            chosen: 0,
            features: 0,
            selected: 0,
            slots,
            complaint: Complaint::default(),
        }
    }

    /// What is behind the registers.
    pub fn backend(&self) -> &dyn Backend {
        &*self.backend
    }

    /// The guest reads `data.len()` bytes at `offset`.
    pub fn read(&self, offset: u64, data: &mut [u8]) {
        data.fill(0);
        match (offset.checked_sub(VIRTIO_MMIO_CONFIG.into()), <&mut [u8; 4]>::try_from(&mut *data)) {
            (Some(place), _) => {
                let config = self.backend.config().iter().skip(place as usize);
                data.iter_mut().zip(config).for_each(|(to, &from)| *to = from);
            }
            (None, Ok(word)) => *word = self.register(offset as u32).to_le_bytes(),
            (None, Err(_)) => {}
        }
    }

    fn register(&self, offset: u32) -> u32 {
        let slot = self.slots.get(self.selected as usize);
        match offset {
            VIRTIO_MMIO_MAGIC_VALUE => MAGIC,
            VIRTIO_MMIO_VERSION => VERSION,
            VIRTIO_MMIO_DEVICE_ID => self.backend.id(),
            VIRTIO_MMIO_VENDOR_ID => VENDOR,
            VIRTIO_MMIO_DEVICE_FEATURES if self.offered < 2 => (self.offers() >> (32 * self.offered)) as u32,
            VIRTIO_MMIO_QUEUE_NUM_MAX => slot.map_or(0, |slot| slot.queue.max_size().into()),
            VIRTIO_MMIO_QUEUE_READY => slot.map_or(0, |slot| slot.queue.ready().into()),
            VIRTIO_MMIO_STATUS => self.status,
            SHARED_FIRST..=SHARED_LAST => u32::MAX,
            // The configuration's generation among them: it never changes.
            _ => 0,
        }
    }

    /// The guest writes `data` at `offset`. Returns whether the device has just become ready.
    pub fn write(&mut self, offset: u64, data: &[u8], interrupt: &Interrupt) -> bool {
        let (Ok(offset), Ok(word)) = (u32::try_from(offset), data.try_into()) else { return false };
        let value = u32::from_le_bytes(word);
        match offset {
            VIRTIO_MMIO_DEVICE_FEATURES_SEL => self.offered = value,
            VIRTIO_MMIO_DRIVER_FEATURES_SEL => self.chosen = value,
            VIRTIO_MMIO_DRIVER_FEATURES => self.choose(value),
            VIRTIO_MMIO_QUEUE_SEL => self.selected = value,
            VIRTIO_MMIO_QUEUE_READY => self.set_ready(value, interrupt),
            VIRTIO_MMIO_STATUS => return self.set_status(value, interrupt),
            _ => self.lay_out(offset, value),
        }
        false
    }

    /// All features on offer.
    fn offers(&self) -> u64 {
        FEATURES | self.backend.features()
    }

    /// The driver says which features of one half it wants, between the second step and the third.
    fn choose(&mut self, value: u32) {
        if self.status & (DRIVER | FEATURES_OK) == DRIVER && self.chosen < 2 {
            let shift = 32 * self.chosen;
            self.features = self.features & !(u64::from(u32::MAX) << shift) | u64::from(value) << shift;
        }
    }

    /// Whether queues may be laid out now.
    fn is_laying_out(&self) -> bool {
        self.status & (FEATURES_OK | DRIVER_OK | FAILED | NEEDS_RESET) == FEATURES_OK
    }

    /// The driver says how long the selected queue is, or where a part of it lies.
    fn lay_out(&mut self, register: u32, value: u32) {
        let may = self.is_laying_out();
        let Some(slot) = self.slots.get_mut(self.selected as usize).filter(|slot| may && !slot.queue.ready())
        else {
            return;
        };
        match register {
            VIRTIO_MMIO_QUEUE_NUM => slot.size = value,
            VIRTIO_MMIO_QUEUE_DESC_LOW => set_low(&mut slot.descriptors, value),
            VIRTIO_MMIO_QUEUE_DESC_HIGH => set_high(&mut slot.descriptors, value),
            VIRTIO_MMIO_QUEUE_AVAIL_LOW => set_low(&mut slot.available, value),
            VIRTIO_MMIO_QUEUE_AVAIL_HIGH => set_high(&mut slot.available, value),
            VIRTIO_MMIO_QUEUE_USED_LOW => set_low(&mut slot.used, value),
            VIRTIO_MMIO_QUEUE_USED_HIGH => set_high(&mut slot.used, value),
            _ => {}
        }
    }

    /// The driver says that the selected queue is ready, or no longer.
    fn set_ready(&mut self, value: u32, interrupt: &Interrupt) {
        let may = self.is_laying_out();
        let Some(slot) = self.slots.get_mut(self.selected as usize) else { return };
        if value == 0 {
            slot.queue.set_ready(false);
        } else if may
            && value == 1
            && let Err(broken) = slot.make_ready(&self.memory)
        {
            self.fail(&broken, interrupt);
        }
    }

    /// The driver takes a step. Returns whether that made the device ready.
    fn set_status(&mut self, value: u32, interrupt: &Interrupt) -> bool {
        if value == 0 {
            self.reset(interrupt);
            return false;
        }
        let new = value & !self.status;
        for step in [ACKNOWLEDGE, DRIVER, FEATURES_OK, DRIVER_OK, FAILED] {
            let before = match step {
                DRIVER => ACKNOWLEDGE,
                FEATURES_OK => ACKNOWLEDGE | DRIVER,
                DRIVER_OK => ACKNOWLEDGE | DRIVER | FEATURES_OK,
                _ => 0,
            };
            // Without the modern interface, or with a feature that was not offered, this step is not taken.
            let agreed = self.features >> VIRTIO_F_VERSION_1 & 1 == 1 && self.features & !self.offers() == 0;
            if new & step != 0 && self.status & before == before && (step != FEATURES_OK || agreed) {
                self.status |= step;
            }
        }
        let ready = new & DRIVER_OK != 0 && self.is_running();
        if ready {
            let event_index = self.features >> VIRTIO_RING_F_EVENT_IDX & 1 == 1;
            self.slots.iter_mut().for_each(|slot| slot.queue.set_event_idx(event_index));
            self.backend.activate(self.features);
        }
        ready
    }

    fn reset(&mut self, interrupt: &Interrupt) {
        (self.status, self.features) = (0, 0);
        (self.offered, self.chosen, self.selected) = (0, 0, 0);
        self.slots.iter_mut().for_each(|slot| *slot = Slot::new());
        interrupt.acknowledge(u32::MAX);
    }

    /// Whether the device answers requests.
    fn is_running(&self) -> bool {
        self.status & (DRIVER_OK | FAILED | NEEDS_RESET) == DRIVER_OK
    }

    /// Answers what waits in the queue `index`, up to a bound. Returns whether more may be waiting.
    pub fn serve(&mut self, index: usize, interrupt: &Interrupt) -> bool {
        let running = self.is_running();
        let Some(slot) = self.slots.get_mut(index).filter(|slot| running && slot.queue.ready()) else {
            return false;
        };
        match self.backend.serve(index, &mut slot.queue, &self.memory) {
            Ok(Served { interrupt: wanted, more }) => {
                if wanted {
                    interrupt.used();
                }
                more
            }
            Err(broken) => {
                self.fail(&broken, interrupt);
                false
            }
        }
    }

    /// The guest broke a queue: nothing more happens to this device before it is reset.
    fn fail(&mut self, broken: &Broken, interrupt: &Interrupt) {
        self.status |= NEEDS_RESET;
        if self.status & DRIVER_OK != 0 {
            interrupt.changed();
        }
        let id = self.backend.id();
        self.complaint
            .once(|| format!("virtio device of type {id}: {broken}; it stops until the guest resets it"));
    }
}

impl Slot {
    fn new() -> Slot {
        let queue = Queue::new(QUEUE_SIZE).expect("a queue's size is a power of two");
        Slot { queue, size: QUEUE_SIZE.into(), descriptors: 0, available: 0, used: 0 }
    }

    fn make_ready(&mut self, memory: &GuestMemory) -> Result<(), Broken> {
        let Slot { queue, size, .. } = self;
        queue.try_set_size(u16::try_from(*size).map_err(|_| virtio_queue::Error::InvalidSize)?)?;
        queue.try_set_desc_table_address(GuestAddress(self.descriptors))?;
        queue.try_set_avail_ring_address(GuestAddress(self.available))?;
        queue.try_set_used_ring_address(GuestAddress(self.used))?;
        queue.set_ready(true);
        if queue.is_valid(memory) {
            return Ok(());
        }
        queue.set_ready(false);
        Err(Broken::Outside)
    }
}

fn set_low(address: &mut u64, value: u32) {
    *address = *address & !u64::from(u32::MAX) | u64::from(value);
}

fn set_high(address: &mut u64, value: u32) {
    *address = *address & u64::from(u32::MAX) | u64::from(value) << 32;
}

#[cfg(test)]
mod tests;
