//! A vCPU: its registers, and the loop that runs it (`KVM_RUN`).
//!
//! `KVM_RUN` returns when the guest does something that KVM leaves to the VMM. The VMM answers, and calls it
//! again; a read is answered in memory shared with the kernel, which the next `KVM_RUN` picks up.
//!
//! A thread in `KVM_RUN` is called back by a signal; but one that comes just before the call would be lost. So
//! whoever calls it back first sets a flag in the shared memory (`immediate_exit`), with which `KVM_RUN`
//! returns at once, and then sends the signal: one of the two always works.

use crate::Error;
use crate::bus::{Bus, Effect};
use crate::end::End;
use crate::exit::{Cause, Fault, Next, decide};
use crate::signals::catch;
use crate::tally::Exits;
use kvm_bindings::{CpuId, Msrs, kvm_regs, kvm_sregs};
use kvm_ioctls::{VcpuFd, VmFd};
use nix::sys::pthread::{Pthread, pthread_kill, pthread_self};
use nix::sys::signal::Signal;
use std::sync::atomic::{AtomicU8, Ordering};

/// The signal that takes a thread out of `KVM_RUN`: one that nobody sends to a VMM.
pub const KICK: Signal = Signal::SIGVTALRM;

/// Why a vCPU came back without anything to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pause {
    /// The guest executed `hlt`, and there is no interrupt controller to wait with.
    Halted,
    /// A signal came.
    Interrupted,
}

/// A virtual CPU.
#[derive(Debug)]
pub struct Vcpu {
    descriptor: VcpuFd,
    exits: Exits,
}

impl Vcpu {
    /// Creates vCPU `number` of `vm`.
    pub fn create(vm: &VmFd, number: u8) -> Result<Vcpu, Error> {
        let descriptor =
            vm.create_vcpu(number.into()).map_err(Error::kvm("creating a vCPU (KVM_CREATE_VCPU)"))?;
        Ok(Vcpu { descriptor, exits: Exits::default() })
    }

    /// What KVM knows it by.
    pub(crate) fn descriptor(&self) -> &VcpuFd {
        &self.descriptor
    }

    /// How often it came back so far, by reason.
    pub(crate) fn exits(&self) -> Exits {
        self.exits
    }

    /// Sets the mode that the CPU is in: control registers and segments.
    pub fn set_mode(&self, registers: &kvm_sregs) -> Result<(), Error> {
        self.descriptor.set_sregs(registers).map_err(Error::kvm("setting the vCPU's mode (KVM_SET_SREGS)"))
    }

    /// Sets the general registers.
    pub fn set_registers(&self, registers: &kvm_regs) -> Result<(), Error> {
        self.descriptor.set_regs(registers).map_err(Error::kvm("setting the vCPU's registers (KVM_SET_REGS)"))
    }

    /// Tells the CPU what `cpuid` shall answer.
    pub fn set_cpuid(&self, leaves: &CpuId) -> Result<(), Error> {
        self.descriptor
            .set_cpuid2(leaves)
            .map_err(Error::kvm("telling the vCPU what it can do (KVM_SET_CPUID2)"))
    }

    /// Sets model-specific registers. KVM stops at the first that it refuses, without an error: they are
    /// optimizations, and a guest runs without them.
    pub fn set_model_registers(&self, registers: &Msrs) -> Result<(), Error> {
        self.descriptor
            .set_msrs(registers)
            .map(drop)
            .map_err(Error::kvm("setting the vCPU's model-specific registers (KVM_SET_MSRS)"))
    }

    /// Runs the guest to its end and returns its status. At each pause `pause` is called; the guest runs
    /// on once that returns, unless it returns an end.
    pub fn run(
        &mut self,
        bus: &Bus<'_>,
        mut pause: impl FnMut(Pause) -> Result<Effect, Error>,
    ) -> Result<u8, Error> {
        loop {
            let exit = self.descriptor.run();
            self.exits.count(&exit);
            let effect = match decide(exit) {
                Next::Out(port, data) => bus.write(port, data)?,
                Next::In(port, data) => {
                    bus.read(port, data);
                    Effect::None
                }
                Next::Load(address, data) => {
                    let length = data.len();
                    if !bus.read_mapped(address, data) {
                        return Err(self.fault(Cause::NoMemory { access: "read from", address, length }));
                    }
                    Effect::None
                }
                Next::Store(address, data) => {
                    let length = data.len();
                    match bus.write_mapped(address, data)? {
                        Some(effect) => effect,
                        None => {
                            return Err(self.fault(Cause::NoMemory { access: "write to", address, length }));
                        }
                    }
                }
                Next::Halted => pause(Pause::Halted)?,
                Next::Interrupted => pause(Pause::Interrupted)?,
                Next::Again => Effect::None,
                Next::Stop(cause) => return Err(self.fault(cause)),
            };
            if let Effect::End(status) = effect {
                return Ok(status);
            }
        }
    }

    /// Runs this CPU of a VM with several threads until the VM ends, and ends it when this CPU does.
    pub fn run_until(&mut self, bus: &Bus<'_>, end: &End) {
        let kick = Kick {
            immediate_exit: &raw mut self.descriptor.get_kvm_run().immediate_exit,
            thread: pthread_self(),
        };
        let Some(_running) = end.enter(kick) else { return };
        let result = self.run(bus, |pause| match pause {
            Pause::Interrupted if end.has_come() => Ok(Effect::End(0)),
            Pause::Interrupted => Ok(Effect::None),
            // With interrupt controllers KVM itself waits in a halt.
            Pause::Halted => Err(Error::Asleep),
        });
        end.come(result);
    }

    /// Adds to `cause` what KVM still knows.
    fn fault(&mut self, cause: Cause) -> Error {
        let suberror = matches!(cause, Cause::Internal).then(|| {
            // SAFETY: after an exit for an internal error, which the cause says this was, this is the union's
            // member that the kernel filled.
            unsafe { self.descriptor.get_kvm_run().__bindgen_anon_1.internal.suberror }
        });
        let registers = self.descriptor.get_regs().ok().zip(self.descriptor.get_sregs().ok());
        Error::Guest(Box::new(Fault { cause, suberror, registers }))
    }
}

/// What calls a thread back that is in [`Vcpu::run_until`]. Only [`End`] keeps it, and no longer than that runs.
#[derive(Debug)]
pub struct Kick {
    immediate_exit: *mut u8,
    thread: Pthread,
}

// SAFETY: the pointer is only used by `Kick::kick`, as an atomic; any thread may.
unsafe impl Send for Kick {}

impl Kick {
    /// Makes the thread's `KVM_RUN`, this one or the next, return.
    pub(crate) fn kick(&self) {
        // SAFETY: the byte lies in the page that the vCPU shares with the kernel, which lives as long as the
        // vCPU; that is borrowed by `run_until`, at whose end `End` has forgotten this `Kick`. While other
        // threads run, nobody but the kernel reads the byte and nobody else writes it.
        unsafe { AtomicU8::from_ptr(self.immediate_exit) }.store(1, Ordering::SeqCst);
        // A thread that is still running is there to be signalled.
        let _ = pthread_kill(self.thread, KICK);
    }
}

/// Makes [`KICK`] do nothing but interrupt.
pub fn catch_kicks() -> Result<(), Error> {
    extern "C" fn nothing(_: libc::c_int, _: *mut libc::siginfo_t, _: *mut libc::c_void) {}
    catch(KICK as libc::c_int, nothing)
}
