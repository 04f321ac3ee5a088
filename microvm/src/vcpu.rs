//! The vCPU: its registers, and the loop that runs it (`KVM_RUN`).
//!
//! `KVM_RUN` returns when the guest does something that KVM leaves to the VMM. The VMM answers, and calls it
//! again; a read is answered in memory shared with the kernel, which the next `KVM_RUN` picks up.

use crate::Error;
use crate::bus::{Bus, Effect};
use crate::exit::{Cause, Fault, Next, decide};
use kvm_bindings::{CpuId, Msrs, kvm_regs, kvm_sregs};
use kvm_ioctls::{VcpuFd, VmFd};

/// A virtual CPU.
#[derive(Debug)]
pub struct Vcpu(VcpuFd);

impl Vcpu {
    /// Creates the first vCPU of `vm`.
    pub fn create(vm: &VmFd) -> Result<Vcpu, Error> {
        vm.create_vcpu(0).map(Vcpu).map_err(Error::kvm("creating the vCPU (KVM_CREATE_VCPU)"))
    }

    /// Sets the mode that the CPU is in: control registers and segments.
    pub fn set_mode(&self, registers: &kvm_sregs) -> Result<(), Error> {
        self.0.set_sregs(registers).map_err(Error::kvm("setting the vCPU's mode (KVM_SET_SREGS)"))
    }

    /// Sets the general registers.
    pub fn set_registers(&self, registers: &kvm_regs) -> Result<(), Error> {
        self.0.set_regs(registers).map_err(Error::kvm("setting the vCPU's registers (KVM_SET_REGS)"))
    }

    /// Tells the CPU what `cpuid` shall answer.
    pub fn set_cpuid(&self, leaves: &CpuId) -> Result<(), Error> {
        self.0.set_cpuid2(leaves).map_err(Error::kvm("telling the vCPU what it can do (KVM_SET_CPUID2)"))
    }

    /// Sets model-specific registers. KVM stops at the first that it refuses, without an error: they are
    /// optimizations, and a guest runs without them.
    pub fn set_model_registers(&self, registers: &Msrs) -> Result<(), Error> {
        self.0
            .set_msrs(registers)
            .map(drop)
            .map_err(Error::kvm("setting the vCPU's model-specific registers (KVM_SET_MSRS)"))
    }

    /// Runs the guest to its end and returns its status. When it halts, `hold` is called; the guest runs
    /// on once that returns.
    pub fn run(
        &mut self,
        bus: &mut Bus<'_>,
        mut hold: impl FnMut() -> Result<(), Error>,
    ) -> Result<u8, Error> {
        loop {
            match decide(self.0.run()) {
                Next::Out(port, data) => {
                    if let Effect::End(status) = bus.write(port, data)? {
                        return Ok(status);
                    }
                }
                Next::In(port, data) => bus.read(port, data),
                Next::Halted => hold()?,
                Next::Again => {}
                Next::Stop(cause) => return Err(Error::Guest(Box::new(self.fault(cause)))),
            }
        }
    }

    /// Adds to `cause` what KVM still knows.
    fn fault(&mut self, cause: Cause) -> Fault {
        let suberror = matches!(cause, Cause::Internal).then(|| {
            // SAFETY: after an exit for an internal error, which the cause says this was, this is the union's
            // member that the kernel filled.
            unsafe { self.0.get_kvm_run().__bindgen_anon_1.internal.suberror }
        });
        let registers = self.0.get_regs().ok().zip(self.0.get_sregs().ok());
        Fault { cause, suberror, registers }
    }
}
