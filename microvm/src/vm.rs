//! A VM, from nothing to its guest's end: the recipe, readable top to bottom.

use crate::boot::{image, linux, long_mode};
use crate::bus::{Bus, Effect};
use crate::devices::exit::Exit;
use crate::devices::mark::Mark as MarkPort;
use crate::devices::serial::{REGISTERS, Serial};
use crate::memory::Memory;
use crate::output::{Output, Shared, lock};
use crate::tally::Tally;
use crate::vcpu::{Pause, Vcpu};
use crate::{Error, files, kvm};
use isolab_guest::ports;
use isolab_timeline::{Mark, Stamps};
use kvm_ioctls::{Kvm, VmFd};
use std::io::{self, Write};
use std::path::Path;
use std::sync::Mutex;
use vm_memory::GuestAddress;

/// What to run.
#[derive(Clone, Copy, Debug)]
pub struct Config<'a> {
    /// The guest: a static ELF file.
    pub image: &'a Path,
    /// The guest's memory, in MiB.
    pub memory_mib: u32,
    /// Whether the host is asked for huge pages for it.
    pub huge_pages: bool,
    /// What the guest shall do: a kind of work, and its number if it takes one.
    pub words: &'a [String],
    /// Whether the guest's marks go to the output.
    pub marks: bool,
    /// Where its exits are counted.
    pub tally: &'a Tally,
}

/// Runs a guest to its end and leaves nothing of it. Returns its exit status.
pub fn launch(config: Config<'_>, to: impl Write + Send, stamps: &Stamps) -> Result<u8, Error> {
    live(
        stamps,
        || Vm::create(&kvm::open()?, Memory::new(config.memory_mib)?.with_huge_pages(config.huge_pages)?),
        |vm| vm.load(config.image, config.words),
        |vm| {
            let asked = config.tally.begin(&vm.descriptor, std::slice::from_ref(&vm.vcpu));
            let status = vm.run(to, config.marks)?;
            config.tally.end(asked, std::slice::from_ref(&vm.vcpu))?;
            Ok(status)
        },
    )
}

/// The life of a VM of any kind: created, loaded, run to its end, and gone.
///
/// Stamps [`Mark::Created`], [`Mark::Loaded`], [`Mark::Exited`] and [`Mark::Cleaned`].
pub(crate) fn live<M>(
    stamps: &Stamps,
    create: impl FnOnce() -> Result<M, Error>,
    load: impl FnOnce(&mut M) -> Result<(), Error>,
    run: impl FnOnce(&mut M) -> Result<u8, Error>,
) -> Result<u8, Error> {
    let mut machine = create()?;
    stamps.stamp(Mark::Created);
    load(&mut machine)?;
    stamps.stamp(Mark::Loaded);
    let status = run(&mut machine);
    stamps.stamp(Mark::Exited);
    drop(machine);
    stamps.stamp(Mark::Cleaned);
    status
}

/// A VM with memory and one vCPU.
///
/// The fields are dropped in this order: KVM must be done with the memory before it is unmapped.
#[derive(Debug)]
pub struct Vm {
    vcpu: Vcpu,
    descriptor: VmFd,
    memory: Memory,
}

impl Vm {
    /// Creates a VM with this memory and one vCPU, which is not yet in any mode to run a guest.
    ///
    /// No interrupt controller: the guest needs none, and closing a young VM that has one takes ten times
    /// as long. Without it, a `hlt` of the guest returns to the VMM.
    pub fn create(kvm: &Kvm, memory: Memory) -> Result<Vm, Error> {
        let vm = kvm.create_vm().map_err(Error::kvm("creating the VM (KVM_CREATE_VM)"))?;
        memory.give_to(&vm)?;
        let vcpu = Vcpu::create(&vm, 0)?;
        Ok(Vm { vcpu, descriptor: vm, memory })
    }

    /// The VM's memory.
    pub fn memory(&self) -> &Memory {
        &self.memory
    }

    /// Puts the guest in place: its image, its boot structures, and the vCPU at its entry.
    pub fn load(&mut self, path: &Path, words: &[String]) -> Result<(), Error> {
        let entry = files::open(path, false)
            .map_err(image::ImageError::from)
            .and_then(|mut file| image::load(&mut file, &self.memory))
            .map_err(|source| Error::Image { path: path.into(), source })?;
        linux::write(&self.memory, &linux::command_line(words)?)?;
        self.enter_at(GuestAddress(entry))
    }

    /// Makes the vCPU ready to run the 64-bit code at `entry`.
    pub fn enter_at(&mut self, entry: GuestAddress) -> Result<(), Error> {
        long_mode::write_tables(&self.memory)?;
        self.vcpu.set_mode(&long_mode::mode())?;
        self.vcpu.set_registers(&long_mode::registers(entry))
    }

    /// Runs the guest to its end and returns its exit status. Its text, and its marks if `marks`, go to `to`.
    pub fn run(&mut self, to: impl Write + Send, marks: bool) -> Result<u8, Error> {
        let output = Output::shared(to);
        let serial = Mutex::new(Serial::new(output.clone()));
        let mark = Mutex::new(MarkPort(marks.then(|| output.clone())));
        let exit = Mutex::new(Exit);
        let bus = Bus::default().with(ports::MARK, 1, &mark).with(ports::SERIAL, REGISTERS, &serial).with(
            ports::EXIT,
            1,
            &exit,
        );
        let mut input_has_ended = false;
        let status = self.vcpu.run(&bus, |pause| match pause {
            Pause::Halted => hold(&output, &mut input_has_ended),
            Pause::Interrupted => Ok(Effect::None),
        });
        lock(&output).flush().map_err(Error::Output)?;
        status
    }

    /// Runs the guest with these devices to its end; it must not halt.
    pub fn run_on(&mut self, bus: &Bus<'_>) -> Result<u8, Error> {
        self.vcpu.run(bus, |pause| match pause {
            Pause::Halted => Err(Error::Asleep),
            Pause::Interrupted => Ok(Effect::None),
        })
    }
}

/// The guest has halted: waits until standard input ends. Once it has, nothing can wake a guest.
fn hold<W: Write>(output: &Shared<W>, input_has_ended: &mut bool) -> Result<Effect, Error> {
    if *input_has_ended {
        return Err(Error::Asleep);
    }
    lock(output).flush().map_err(Error::Output)?;
    let mut buffer = [0_u8; 64];
    loop {
        match rustix::io::read(rustix::stdio::stdin(), &mut buffer) {
            Ok(0) => break,
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(Error::Hold(io::Error::from(error))),
        }
    }
    *input_has_ended = true;
    Ok(Effect::None)
}
