//! What the CPU says about itself (`KVM_GET_SUPPORTED_CPUID`, `KVM_SET_CPUID2`; Intel SDM volume 2, "CPUID"), and
//! the two registers of which firmware would have set the first values (`KVM_SET_MSRS`).
//!
//! KVM names all that host and KVM can do together. The VMM adds who this vCPU is, and what only it can know:
//! that it runs under a hypervisor, and with KVM's own local APIC.

use crate::Error;
use crate::vcpu::Vcpu;
use kvm_bindings::{KVM_MAX_CPUID_ENTRIES, Msrs, kvm_cpuid_entry2, kvm_msr_entry};
use kvm_ioctls::{Cap, Kvm};

/// Leaf 1: features, and which CPU this is.
const FEATURES: u32 = 1;
/// Leaves 0xb and 0x1f: where this CPU is among the others.
const TOPOLOGY: [u32; 2] = [0xb, 0x1f];
/// Leaf 1, ECX: the local APIC's timer can be set to a value of the time stamp counter. The guest then need
/// not spend 100 ms to measure the timer's speed.
const TSC_DEADLINE: u32 = 1 << 24;
/// Leaf 1, ECX: there is a hypervisor; its own leaves begin at `0x4000_0000`.
const HYPERVISOR: u32 = 1 << 31;

/// `IA32_MISC_ENABLE`: string instructions copy fast. Without it Linux on Intel CPUs does not use them.
const FAST_STRINGS: kvm_msr_entry = kvm_msr_entry { index: 0x1a0, reserved: 0, data: 1 };
/// `IA32_MTRR_DEF_TYPE`: on, and all memory is cached with write-back.
const WRITE_BACK: kvm_msr_entry = kvm_msr_entry { index: 0x2ff, reserved: 0, data: 1 << 11 | 6 };

/// Tells `vcpu`, number 0 of 1, what it can do, and sets what firmware would set.
pub fn set(kvm: &Kvm, vcpu: &Vcpu) -> Result<(), Error> {
    let mut cpuid = kvm
        .get_supported_cpuid(KVM_MAX_CPUID_ENTRIES)
        .map_err(Error::kvm("asking what the CPU can do (KVM_GET_SUPPORTED_CPUID)"))?;
    describe(cpuid.as_mut_slice(), kvm.check_extension(Cap::TscDeadlineTimer));
    vcpu.set_cpuid(&cpuid)?;
    let registers = Msrs::from_entries(&[FAST_STRINGS, WRITE_BACK]).map_err(|_| Error::Registers)?;
    vcpu.set_model_registers(&registers)
}

/// Fills in what KVM leaves open.
fn describe(leaves: &mut [kvm_cpuid_entry2], tsc_deadline: bool) {
    for leaf in leaves {
        if leaf.function == FEATURES {
            // EBX: APIC id 0 in the top byte, 1 logical CPU in the next. KVM gives the host's own.
            leaf.ebx = leaf.ebx & 0xffff | 1 << 16;
            leaf.ecx |= HYPERVISOR;
            if tsc_deadline {
                leaf.ecx |= TSC_DEADLINE;
            }
        } else if TOPOLOGY.contains(&leaf.function) {
            leaf.edx = 0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_cpu_is_the_first_and_knows_its_hypervisor() {
        let leaf =
            |function| kvm_cpuid_entry2 { function, ebx: 0x0702_0800, edx: 7, ..kvm_cpuid_entry2::default() };
        let mut leaves = [leaf(0), leaf(1), leaf(0xb)];
        describe(&mut leaves, false);
        assert_eq!((leaves[0].ebx, leaves[0].edx), (0x0702_0800, 7));
        assert_eq!((leaves[1].ebx, leaves[1].ecx, leaves[1].edx), (0x0001_0800, HYPERVISOR, 7));
        assert_eq!(leaves[2].edx, 0);
        describe(&mut leaves, true);
        assert_eq!(leaves[1].ecx, HYPERVISOR | TSC_DEADLINE);
    }
}
