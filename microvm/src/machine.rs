//! A VM that boots Linux, from nothing to its end: what [`crate::vm`] does for the unikernel, and what a real
//! kernel needs beyond that, readable top to bottom.
//!
//! It has what the unikernel must not pay for: interrupt controllers, a clock, a thread for its input.

use crate::boot::{image::ImageError, initrd, kernel, linux, long_mode, mp_table};
use crate::bus::Bus;
use crate::devices::clock::{self, Clock};
use crate::devices::console::Console;
use crate::devices::exit::Exit;
use crate::devices::keyboard::Keyboard;
use crate::devices::mark::Mark as MarkPort;
use crate::devices::serial::REGISTERS;
use crate::input::{self, End};
use crate::interrupts::{self, Line};
use crate::memory::Memory;
use crate::output::{Output, lock};
use crate::terminal::Raw;
use crate::vcpu::Vcpu;
use crate::watch::Watch;
use crate::{Error, cpuid, kvm};
use isolab_guest::ports;
use isolab_timeline::{Mark, Stamps};
use kvm_bindings::kvm_sregs;
use kvm_ioctls::{Kvm, VmFd};
use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::thread;

/// What a kernel is told unless the caller says otherwise: its console; to restart by the keyboard controller,
/// which ends the VM; and to do so at once when it panics.
pub const COMMAND_LINE: &str = "console=ttyS0 reboot=k panic=-1";

/// The interrupt of a PC's first serial port.
const SERIAL_INTERRUPT: u32 = 4;

/// The ports of a PC's battery-backed clock.
const CLOCK: u16 = 0x70;
/// `IA32_APIC_BASE`: the local APIC is on, at its usual address, and this CPU is the one that boots. With any
/// other value KVM would tell the guest that there is none.
const APIC_BASE: u64 = 0xfee0_0000 | 1 << 11 | 1 << 8;

/// What to boot.
#[derive(Clone, Copy, Debug)]
pub struct Config<'a> {
    /// The kernel: a vmlinux or a bzImage.
    pub kernel: &'a Path,
    /// The initial RAM file system.
    pub initrd: Option<&'a Path>,
    /// The kernel's command line, all of it.
    pub command_line: &'a str,
    /// The guest's memory, in MiB.
    pub memory_mib: u32,
    /// Whether the guest's marks go to the output.
    pub marks: bool,
}

/// Boots Linux, runs it to its end and leaves nothing of it. Returns its exit status.
///
/// Stamps [`Mark::Created`], [`Mark::Loaded`], [`Mark::Exited`] and [`Mark::Cleaned`].
pub fn boot(config: Config<'_>, to: impl Write + Send, stamps: &Stamps) -> Result<u8, Error> {
    let mut machine = Machine::create(&kvm::open()?, Memory::new(config.memory_mib)?)?;
    stamps.stamp(Mark::Created);
    machine.load(config)?;
    stamps.stamp(Mark::Loaded);
    let status = machine.run(to, config.marks);
    stamps.stamp(Mark::Exited);
    drop(machine);
    stamps.stamp(Mark::Cleaned);
    status
}

/// A VM with memory, interrupt controllers, a clock and one vCPU.
///
/// The fields are dropped in this order: KVM must be done with the memory before it is unmapped.
struct Machine {
    vcpu: Vcpu,
    descriptor: VmFd,
    memory: Memory,
}

impl Machine {
    fn create(kvm: &Kvm, memory: Memory) -> Result<Machine, Error> {
        let vm = kvm.create_vm().map_err(Error::kvm("creating the VM (KVM_CREATE_VM)"))?;
        memory.give_to(&vm)?;
        interrupts::create(&vm)?;
        let vcpu = Vcpu::create(&vm)?;
        // Before its mode: KVM checks the mode's bits against what the CPU can do.
        cpuid::set(kvm, &vcpu)?;
        Ok(Machine { vcpu, descriptor: vm, memory })
    }

    fn load(&mut self, config: Config<'_>) -> Result<(), Error> {
        let line = linux::kernel_command_line(config.command_line)?;
        let kernel = File::open(config.kernel)
            .map_err(ImageError::Read)
            .and_then(|mut file| kernel::load(&mut file, &self.memory))
            .map_err(|source| Error::Image { path: config.kernel.into(), source })?;
        let initrd = config.initrd.map(|path| initrd::load(path, &self.memory, &kernel)).transpose()?;
        linux::write_for_kernel(&self.memory, &line, &kernel, initrd)?;
        mp_table::write(&self.memory)?;
        long_mode::write_tables(&self.memory)?;
        self.vcpu.set_mode(&kvm_sregs { apic_base: APIC_BASE, ..long_mode::mode() })?;
        self.vcpu.set_registers(&long_mode::registers(kernel.entry))
    }

    fn run(&mut self, to: impl Write + Send, marks: bool) -> Result<u8, Error> {
        let output = Output::shared(Watch::new(to));
        let line = Line::new()?;
        line.lead_to(&self.descriptor, SERIAL_INTERRUPT)?;
        let console = Console::new(output.clone(), line);
        let terminal = Raw::enter().map_err(Error::Input)?;
        if terminal.is_some() {
            lock(&output).interactive();
        }
        let end = End::new()?;
        let (mut serial, mut mark) = (&console, MarkPort(marks.then(|| output.clone())));
        let (mut exit, mut keyboard, mut clock) = (Exit, Keyboard(output.clone()), Clock);
        let mut bus = Bus::default()
            .with(ports::SERIAL, REGISTERS, &mut serial)
            .with(ports::MARK, 1, &mut mark)
            .with(ports::EXIT, 1, &mut exit)
            .with(ports::KEYBOARD, 1, &mut keyboard)
            .with(CLOCK, clock::REGISTERS, &mut clock);
        let status = thread::scope(|scope| {
            let input = thread::Builder::new()
                .name("input".into())
                .spawn_scoped(scope, || input::relay(&console, &end, terminal.as_ref()))
                .map_err(Error::Event)?;
            // With interrupt controllers a halt does not come here.
            let status = self.vcpu.run(&mut bus, || Err(Error::Asleep));
            console.close();
            end.tell();
            let input = input.join().unwrap_or(Ok(()));
            status.and_then(|status| input.map(|()| status))
        });
        lock(&output).flush().map_err(Error::Output)?;
        status
    }
}
