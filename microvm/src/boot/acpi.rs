//! ACPI tables ("Advanced Configuration and Power Interface Specification" 6.5; crate `acpi_tables`): what a stock
//! kernel asks to know its CPUs, its interrupts and the devices that it cannot find by looking.
//!
//! A pointer (RSDP) leads to a list of tables (XSDT): which CPUs and interrupt controllers there are (MADT), what
//! kind of machine it is (FADT), and through the latter to a program in ACPI's own language, AML, that
//! names the devices (DSDT). The machine is "hardware-reduced": there is none of ACPI's own hardware, and none of
//! the interrupt controllers and timers of 1981, so that a kernel loses no time on them. Each table is
//! written once it is known where those lie that it points at.

use crate::Error;
use crate::boot::mp_table::{IO_APIC, LOCAL_APIC};
use crate::devices::power;
use crate::devices::virtio::place::{self, Place};
use crate::layout::{ACPI, ACPI_SIZE};
use crate::machine::{CONTROL_INTERRUPT, SERIAL_INTERRUPT};
use crate::memory::Memory;
use acpi_tables::aml::{
    Device, EISAName, IO, Interrupt, Memory32Fixed, Name, Package, ResourceTemplate, Scope,
};
use acpi_tables::fadt::{FADTBuilder, Flags};
use acpi_tables::gas::{AccessSize, AddressSpace, GAS};
use acpi_tables::madt::{EnabledStatus, IoApic, LocalInterruptController, MADT, ProcessorLocalApic};
use acpi_tables::rsdp::Rsdp;
use acpi_tables::sdt::Sdt;
use acpi_tables::xsdt::XSDT;
use acpi_tables::{Aml, aml};
use isolab_guest::ports;
use vm_memory::{Bytes, GuestAddress};

/// Who made the tables.
const MAKER: [u8; 6] = *b"ISOLAB";
const MODEL: [u8; 8] = *b"MICROVM ";
const REVISION: u32 = 1;
/// The DSDT's revision: its integers have 64 bits.
const DSDT_REVISION: u8 = 2;
/// FADT, what a PC has by tradition: here no VGA, and no battery-backed clock worth reading.
const NO_VGA: u16 = 1 << 2;
const NO_CLOCK: u16 = 1 << 5;

/// Writes the tables of a VM with `cpus` CPUs and virtio devices at `places`. The pointer lies at [`ACPI`].
pub fn write(memory: &Memory, cpus: u8, places: impl Iterator<Item = Place>) -> Result<(), Error> {
    let mut at = ACPI.0 + Rsdp::len() as u64;
    let mut put = |table: &dyn Aml| {
        let mut bytes = Vec::new();
        table.to_aml_bytes(&mut bytes);
        let start = at.next_multiple_of(8);
        at = start + bytes.len() as u64;
        if at > ACPI.0 + ACPI_SIZE {
            return Err(Error::Tables);
        }
        memory.map().write_slice(&bytes, GuestAddress(start))?;
        Ok(start)
    };
    let dsdt = put(&dsdt(places))?;
    let mut xsdt = XSDT::new(MAKER, MODEL, REVISION);
    xsdt.add_entry(put(&fadt(dsdt))?);
    xsdt.add_entry(put(&madt(cpus))?);
    let xsdt = put(&xsdt)?;
    let mut pointer = Vec::new();
    Rsdp::new(MAKER, xsdt).to_aml_bytes(&mut pointer);
    memory.map().write_slice(&pointer, ACPI)?;
    Ok(())
}

/// The CPUs and the IO-APIC, whose inputs are the interrupts from 0 on.
fn madt(cpus: u8) -> MADT {
    let mut table = MADT::new(MAKER, MODEL, REVISION, LocalInterruptController::Address(LOCAL_APIC));
    for cpu in 0..cpus {
        table.add_structure(ProcessorLocalApic::new(cpu, cpu, EnabledStatus::Enabled));
    }
    table.add_structure(IoApic::new(cpus, IO_APIC, 0));
    table
}

/// The kind of machine, how it is switched off, and where the DSDT is. No reset register: Linux does not ask a
/// hardware-reduced machine for one; `reboot=k` on its command line makes it take the keyboard controller.
fn fadt(dsdt: u64) -> acpi_tables::fadt::FADT {
    let port = |number: u16| GAS::new(AddressSpace::SystemIo, 8, 0, AccessSize::ByteAccess, number.into());
    let mut table = FADTBuilder::new(MAKER, MODEL, REVISION)
        .dsdt_64(dsdt)
        .flag(Flags::HwReducedAcpi)
        .flag(Flags::PwrButton)
        .flag(Flags::SlpButton);
    table.iapc_boot_arch = (NO_VGA | NO_CLOCK).into();
    table.sleep_control_reg = port(ports::ACPI);
    table.sleep_status_reg = port(ports::ACPI + 1);
    table.finalize()
}

/// The devices: two serial ports, and those of virtio; and which "sleep type" means off.
fn dsdt(places: impl Iterator<Item = Place>) -> Sdt {
    let mut table = Sdt::new(*b"DSDT", 36, DSDT_REVISION, MAKER, MODEL, REVISION);
    let off = Package::new(vec![&power::OFF, &aml::ZERO, &aml::ZERO, &aml::ZERO]);
    Name::new("_S5_".into(), &off).to_aml_bytes(&mut table);
    let ports = [("COM1", ports::SERIAL, SERIAL_INTERRUPT), ("COM2", ports::CONTROL, CONTROL_INTERRUPT)];
    for (number, (name, port, interrupt)) in (0_u8..).zip(ports) {
        let serial = EISAName::new("PNP0501");
        device(&mut table, name, &serial, number, &IO::new(port, port, 0, 8), interrupt);
    }
    for (number, place) in (0_u8..).zip(places) {
        // The kernel's driver knows virtio over MMIO by this name.
        let registers = Memory32Fixed::new(true, place.address as u32, place::SIZE as u32);
        let name = format!("VR{number:02}");
        device(&mut table, &name, &"LNRO0005", number, &registers, place.interrupt);
    }
    table.update_checksum();
    table
}

/// Adds a device: what it is, its number among those, where its registers are, and its interrupt.
fn device(table: &mut Sdt, name: &str, kind: &dyn Aml, number: u8, registers: &dyn Aml, interrupt: u32) {
    // Consumed by the device, raised by an edge, active high, its own.
    let interrupt = Interrupt::new(true, true, false, false, interrupt);
    let children: [&dyn Aml; 3] = [
        &Name::new("_HID".into(), kind),
        &Name::new("_UID".into(), &number),
        &Name::new("_CRS".into(), &ResourceTemplate::new(vec![registers, &interrupt])),
    ];
    let device = Device::new(name.into(), children.to_vec());
    Scope::new("\\_SB_".into(), vec![&device]).to_aml_bytes(table);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::machine::MOST_CPUS;
    use vm_memory::Address;

    /// The table at `address`, which adds up.
    fn table(memory: &Memory, address: u64) -> Vec<u8> {
        let address = GuestAddress(address);
        let length: u32 = memory.map().read_obj(address.unchecked_add(4)).unwrap();
        let mut bytes = vec![0; length as usize];
        memory.map().read_slice(&mut bytes, address).unwrap();
        assert_eq!(bytes.iter().fold(0, |sum: u8, &byte| sum.wrapping_add(byte)), 0, "{bytes:x?}");
        bytes
    }

    fn word(bytes: &[u8], at: usize) -> u64 {
        u64::from_le_bytes(bytes[at..at + 8].try_into().unwrap())
    }

    #[test]
    fn each_table_is_found_from_the_pointer_and_adds_up() {
        for (cpus, devices) in [(1, 0), (4, 3), (MOST_CPUS, place::MOST)] {
            let memory = Memory::new(2).unwrap();
            write(&memory, cpus, Place::first(devices)).unwrap();
            let mut pointer = [0; 36];
            memory.map().read_slice(&mut pointer, ACPI).unwrap();
            assert!(pointer.starts_with(b"RSD PTR "));
            let xsdt = table(&memory, word(&pointer, 24));
            assert!(xsdt.starts_with(b"XSDT") && xsdt.len() == 36 + 2 * 8);
            let fadt = table(&memory, word(&xsdt, 36));
            assert!(fadt.starts_with(b"FACP"));
            let madt = table(&memory, word(&xsdt, 44));
            assert!(madt.starts_with(b"APIC"));
            assert_eq!(madt.len(), 44 + 8 * usize::from(cpus) + 12);
            let dsdt = table(&memory, word(&fadt, 140));
            assert!(dsdt.starts_with(b"DSDT"));
            let count = dsdt.windows(8).filter(|name| name == b"LNRO0005").count();
            assert_eq!(count, devices);
        }
    }

    #[test]
    fn more_than_there_is_room_for_is_an_error() {
        let memory = Memory::new(2).unwrap();
        let places = (0..5).flat_map(|_| Place::first(place::MOST));
        assert!(matches!(write(&memory, 1, places), Err(Error::Tables)));
    }
}
