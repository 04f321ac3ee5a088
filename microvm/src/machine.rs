//! A VM that boots Linux, from nothing to its end: what [`crate::vm`] does for the unikernel, and what a real
//! kernel needs beyond that, readable top to bottom.
//!
//! It has what the unikernel must not pay for: interrupt controllers, a clock, and threads. The thread that calls
//! [`boot`] runs the first vCPU; each further vCPU has one (`vcpu1`, ...); and one waits for input and signals
//! (`io`).

use crate::boot::kernel::{self, Protocol};
use crate::boot::{acpi, image::ImageError, initrd, linux, long_mode, mp_table, pvh};
use crate::bus::Bus;
use crate::devices::clock::{self, Clock};
use crate::devices::exit::Exit;
use crate::devices::input::Port;
use crate::devices::keyboard::Keyboard;
use crate::devices::mark::Mark as MarkPort;
use crate::devices::phase::Phase;
use crate::devices::power::{self, Power};
use crate::devices::serial::REGISTERS;
use crate::devices::tty::Tty;
use crate::devices::usage::Usage;
use crate::devices::virtio::config::Devices;
use crate::devices::virtio::device::{self, Queues, Virtio};
use crate::devices::virtio::place::{self, Place};
use crate::end::{End, Until};
use crate::input::{Input, Way};
use crate::interrupts::{self, Line};
use crate::io::Subscriber;
use crate::memory::Memory;
use crate::output::{Output, lock};
use crate::seccomp::{Filter, catch_refusals};
use crate::signals::{Blocked, Signals};
use crate::tally::Tally;
use crate::terminal::Raw;
use crate::vcpu::{Vcpu, catch_kicks};
use crate::vm::live;
use crate::watch::Watch;
use crate::{Error, cpuid, files, io, kvm};
use isolab_guest::ports;
use isolab_timeline::Stamps;
use kvm_bindings::kvm_sregs;
use kvm_ioctls::{Kvm, VmFd};
use std::io::{Write, sink};
use std::path::Path;
use std::sync::Mutex;
use std::thread::{self, Builder};

/// What a kernel is told unless the caller says otherwise: its console; to restart by the keyboard controller,
/// which ends the VM; and to do so at once when it panics.
pub const COMMAND_LINE: &str = "console=ttyS0 reboot=k panic=-1";

/// The most vCPUs: so many fit in the MP table.
pub const MOST_CPUS: u8 = 32;

/// The interrupts of a PC's first and second serial port.
pub(crate) const SERIAL_INTERRUPT: u32 = 4;
pub(crate) const CONTROL_INTERRUPT: u32 = 3;

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
    /// How it is entered.
    pub protocol: Protocol,
    /// The initial RAM file system.
    pub initrd: Option<&'a Path>,
    /// The kernel's command line, all of it.
    pub command_line: &'a str,
    /// The guest's memory, in MiB.
    pub memory_mib: u32,
    /// Whether the host is asked for huge pages for it.
    pub huge_pages: bool,
    /// How many vCPUs it has, 1 to [`MOST_CPUS`].
    pub cpus: u8,
    /// Its virtio devices.
    pub devices: &'a Devices,
    /// Whether standard input is at the input port, for a guest whose init fetches it there
    /// ([`crate::devices::input`]).
    pub input_port: bool,
    /// Whether the guest's marks go to the output.
    pub marks: bool,
    /// Where its exits are counted.
    pub tally: &'a Tally,
}

/// Boots Linux, runs it to its end and leaves nothing of it. Returns its exit status.
///
/// The calling thread, which is the first vCPU's, stays confined by the VMM's filter ([`crate::seccomp`]) for ever.
///
/// Stamps what [`crate::launch`] does; and in between, when the guest's init says so, [`Mark::Init`] and
/// [`Mark::Command`].
///
/// [`Mark::Init`]: isolab_timeline::Mark::Init
/// [`Mark::Command`]: isolab_timeline::Mark::Command
pub fn boot(config: Config<'_>, to: impl Write + Send, stamps: &Stamps) -> Result<u8, Error> {
    live(
        stamps,
        || {
            let memory = Memory::within_host(config.memory_mib)?.with_huge_pages(config.huge_pages)?;
            Machine::create(&kvm::open()?, memory, config)
        },
        |machine| machine.load(config),
        |machine| machine.run(to, config, stamps),
    )
}

/// A VM with memory, interrupt controllers, a clock and vCPUs.
///
/// The fields are dropped in this order: KVM must be done with the memory before it is unmapped.
struct Machine {
    vcpus: Vec<Vcpu>,
    devices: Vec<(Place, Virtio)>,
    descriptor: VmFd,
    memory: Memory,
}

impl Machine {
    fn create(kvm: &Kvm, memory: Memory, config: Config<'_>) -> Result<Machine, Error> {
        let cpus = config.cpus;
        let most = kvm.get_max_vcpus().min(MOST_CPUS.into());
        if !(1..=most).contains(&cpus.into()) {
            return Err(Error::Cpus { cpus, most });
        }
        let vm = kvm.create_vm().map_err(Error::kvm("creating the VM (KVM_CREATE_VM)"))?;
        memory.give_to(&vm)?;
        interrupts::create(&vm)?;
        let vcpus = (0..cpus).map(|number| Vcpu::create(&vm, number)).collect::<Result<Vec<_>, _>>()?;
        // Before their mode: KVM checks the mode's bits against what the CPU can do.
        cpuid::set(kvm, &vcpus)?;
        let devices = device::connect_all(&vm, config.devices, memory.map())?;
        Ok(Machine { vcpus, devices, descriptor: vm, memory })
    }

    fn load(&mut self, config: Config<'_>) -> Result<(), Error> {
        let mut line = linux::kernel_command_line(config.command_line)?;
        linux::announce(&mut line, self.devices.iter().map(|(place, _)| *place))?;
        let kernel = files::open(config.kernel, false)
            .map_err(ImageError::from)
            .and_then(|mut file| kernel::load(&mut file, &self.memory, config.protocol))
            .map_err(|source| Error::Image { path: config.kernel.into(), source })?;
        let initrd = config.initrd.map(|path| initrd::load(path, &self.memory, &kernel)).transpose()?;
        mp_table::write(&self.memory, config.cpus)?;
        acpi::write(&self.memory, config.cpus, self.devices.iter().map(|(place, _)| *place))?;
        let (mode, registers) = match config.protocol {
            Protocol::Linux => {
                linux::write_for_kernel(&self.memory, &line, &kernel, initrd)?;
                long_mode::write_tables(&self.memory)?;
                (long_mode::mode(), long_mode::registers(kernel.entry))
            }
            Protocol::Pvh => {
                pvh::write(&self.memory, &line, initrd)?;
                (pvh::mode(), pvh::registers(kernel.entry))
            }
        };
        // The other vCPUs wait, as in any PC, until the first one starts them.
        self.vcpus[0].set_mode(&kvm_sregs { apic_base: APIC_BASE, ..mode })?;
        self.vcpus[0].set_registers(&registers)
    }

    /// A line to interrupt `number`.
    fn line(&self, number: u32) -> Result<Line, Error> {
        let line = Line::new()?;
        line.lead_to(&self.descriptor, number)?;
        Ok(line)
    }

    fn run(&mut self, to: impl Write + Send, config: Config<'_>, stamps: &Stamps) -> Result<u8, Error> {
        let blocked = Blocked::new()?;
        let end = End::new()?;
        let output = Output::shared(Watch::new(Until { to, end: &end }));
        let console = Mutex::new(Tty::new(output.clone(), self.line(SERIAL_INTERRUPT)?)?);
        let control = Mutex::new(Tty::new(Output::shared(sink()), self.line(CONTROL_INTERRUPT)?)?);
        let terminal = Raw::enter().map_err(Error::Input)?;
        if terminal.is_some() {
            lock(&output).interactive();
        }
        let mark = Mutex::new(MarkPort(config.marks.then(|| output.clone())));
        let (exit, keyboard) = (Mutex::new(Exit), Mutex::new(Keyboard(output.clone())));
        let input = Mutex::new(Port::new()?);
        let way = match &terminal {
            Some(_) => Way::Keys,
            None if config.input_port => Way::Port(&input),
            None => Way::Plain,
        };
        let (power, clock) = (Mutex::new(Power), Mutex::new(Clock));
        let phase = Mutex::new(Phase::new(stamps));
        let usage = Mutex::new(Usage::new(config.tally));
        let registers: Vec<_> =
            self.devices.iter().map(|(place, device)| (place, Mutex::new(device))).collect();
        let mut bus = Bus::floating()
            .with(ports::SERIAL, REGISTERS, &console)
            .with(ports::CONTROL, REGISTERS, &control)
            .with(ports::MARK, 1, &mark)
            .with(ports::PHASE, 1, &phase)
            .with(ports::USAGE, 1, &usage)
            .with(ports::INPUT, 1, &input)
            .with(ports::EXIT, 1, &exit)
            .with(ports::KEYBOARD, 1, &keyboard)
            .with(ports::ACPI, power::REGISTERS, &power)
            .with(CLOCK, clock::REGISTERS, &clock);
        for (place, device) in &registers {
            bus = bus.with_mapped(place.address, place::SIZE, device);
        }
        let mut subscribers: Vec<Subscriber<'_>> = vec![
            Box::new(Input::new(&console, &end, way)?),
            Box::new(Signals::new(&blocked, &control, &end)?),
        ];
        subscribers.extend(self.devices.iter().map(|(_, device)| Box::new(Queues::new(device, &end)) as _));
        let asked = config.tally.begin(&self.descriptor, &self.vcpus);
        run_threads(&mut self.vcpus, &bus, subscribers, &end, &Filter::vcpu(asked.is_some())?)?;
        lock(&output).flush().map_err(Error::Output)?;
        let status = end.take_result()?;
        config.tally.end(asked, &self.vcpus)?;
        Ok(status)
    }
}

/// Runs all vCPUs, confined by `filter`, and the I/O thread until the end comes. The calling thread is the first
/// vCPU's.
fn run_threads(
    vcpus: &mut [Vcpu],
    bus: &Bus<'_>,
    subscribers: Vec<Subscriber<'_>>,
    end: &End,
    filter: &Filter,
) -> Result<(), Error> {
    catch_kicks()?;
    catch_refusals()?;
    let io_filter = Filter::io()?;
    let run = |vcpu: &mut Vcpu| match filter.confine() {
        Ok(()) => vcpu.run_until(bus, end),
        Err(error) => end.come(Err(error)),
    };
    let run = &run;
    let Some((first, others)) = vcpus.split_first_mut() else { return Ok(()) };
    thread::scope(|scope| {
        let spawn = || {
            Builder::new().name("io".into()).spawn_scoped(scope, || io::run(subscribers, &io_filter, end))?;
            for (number, vcpu) in (1..).zip(others) {
                let name = format!("vcpu{number}");
                Builder::new().name(name).spawn_scoped(scope, move || run(vcpu))?;
            }
            Ok(())
        };
        match spawn() {
            Ok(()) => run(first),
            // Those that have begun must end.
            Err(error) => end.come(Err(Error::Event(error))),
        }
    });
    Ok(())
}
