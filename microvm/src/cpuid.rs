//! What a CPU says about itself (`KVM_GET_SUPPORTED_CPUID`, `KVM_SET_CPUID2`; Intel SDM volume 2, "CPUID"; AMD APM
//! volume 3, appendix E), and the two registers of which firmware would have set the first values
//! (`KVM_SET_MSRS`).
//!
//! KVM names all that host and KVM can do together. The VMM adds who this vCPU is, and what only it can know:
//! that it runs under a hypervisor, and with KVM's own local APIC. Left alone, the leaves would tell of the
//! host's packages, cores and hyperthreads; here each vCPU is a core of one package, and its APIC id is its
//! number.

use crate::Error;
use crate::vcpu::Vcpu;
use kvm_bindings::{CpuId, KVM_MAX_CPUID_ENTRIES, Msrs, kvm_cpuid_entry2, kvm_msr_entry};
use kvm_ioctls::{Cap, Kvm};

/// The leaves that differ from CPU to CPU, or tell how many there are.
const FEATURES: u32 = 1;
const CACHES: u32 = 4;
const TOPOLOGY: u32 = 0xb;
const TOPOLOGY_V2: u32 = 0x1f;
const AMD_FEATURES: u32 = 0x8000_0001;
const AMD_SIZES: u32 = 0x8000_0008;
const AMD_CACHES: u32 = 0x8000_001d;
const AMD_TOPOLOGY: u32 = 0x8000_001e;

/// Leaf 1, ECX: the local APIC's timer can be set to a value of the time stamp counter. The guest then need
/// not spend 100 ms to measure the timer's speed.
const TSC_DEADLINE: u32 = 1 << 24;
/// Leaf 1, ECX: there is a hypervisor; its own leaves begin at `0x4000_0000`.
const HYPERVISOR: u32 = 1 << 31;
/// Leaf 1, EDX: the package has more than one CPU.
const SEVERAL: u32 = 1 << 28;
/// AMD's features, ECX: these are cores, not hyperthreads.
const CORES: u32 = 1 << 1;

/// `IA32_MISC_ENABLE`: string instructions copy fast. Without it Linux on Intel CPUs does not use them.
const FAST_STRINGS: kvm_msr_entry = kvm_msr_entry { index: 0x1a0, reserved: 0, data: 1 };
/// `IA32_MTRR_DEF_TYPE`: on, and all memory is cached with write-back.
const WRITE_BACK: kvm_msr_entry = kvm_msr_entry { index: 0x2ff, reserved: 0, data: 1 << 11 | 6 };

/// Tells each of `vcpus` what it can do and who it is, and sets what firmware would set.
pub fn set(kvm: &Kvm, vcpus: &[Vcpu]) -> Result<(), Error> {
    let supported = kvm
        .get_supported_cpuid(KVM_MAX_CPUID_ENTRIES)
        .map_err(Error::kvm("asking what the CPU can do (KVM_GET_SUPPORTED_CPUID)"))?;
    let tsc_deadline = kvm.check_extension(Cap::TscDeadlineTimer);
    let registers = Msrs::from_entries(&[FAST_STRINGS, WRITE_BACK]).map_err(|_| Error::Registers)?;
    for (number, vcpu) in (0..).zip(vcpus) {
        let leaves = describe(supported.as_slice(), number, vcpus.len() as u32, tsc_deadline);
        vcpu.set_cpuid(&CpuId::from_entries(&leaves).map_err(|_| Error::Registers)?)?;
        vcpu.set_model_registers(&registers)?;
    }
    Ok(())
}

/// What CPU `number` of `count` says: what is `supported`, with what KVM leaves open filled in.
fn describe(
    supported: &[kvm_cpuid_entry2],
    number: u32,
    count: u32,
    tsc_deadline: bool,
) -> Vec<kvm_cpuid_entry2> {
    // APIC ids have so many bits.
    let bits = count.next_power_of_two().trailing_zeros();
    let mut leaves: Vec<_> =
        supported.iter().filter(|leaf| ![TOPOLOGY, TOPOLOGY_V2].contains(&leaf.function)).copied().collect();
    for leaf in &mut leaves {
        match leaf.function {
            FEATURES => {
                // EBX: the APIC id in the top byte, how many CPUs in the next. KVM gives the host's own.
                leaf.ebx = leaf.ebx & 0xffff | count << 16 | number << 24;
                leaf.ecx |= HYPERVISOR;
                if tsc_deadline {
                    leaf.ecx |= TSC_DEADLINE;
                }
                leaf.edx = if count > 1 { leaf.edx | SEVERAL } else { leaf.edx & !SEVERAL };
            }
            // EAX: the cores of the package, less one, at the top; below, how many CPUs share this cache, less
            // one. All share the third level; the others are each core's own.
            CACHES | AMD_CACHES if leaf.eax & 0x1f != 0 => {
                let sharing = if leaf.eax >> 5 & 7 >= 3 { count - 1 } else { 0 };
                leaf.eax = leaf.eax & 0x3fff | sharing << 14;
                if leaf.function == CACHES {
                    leaf.eax |= (count - 1) << 26;
                }
            }
            AMD_FEATURES if count > 1 => leaf.ecx |= CORES,
            AMD_FEATURES => leaf.ecx &= !CORES,
            // ECX: cores less one, and how many bits of the APIC id tell them apart.
            AMD_SIZES => leaf.ecx = leaf.ecx & !0xf0ff | (count - 1) | bits << 12,
            // The APIC id; the core, which has one thread; the only node.
            AMD_TOPOLOGY => (leaf.eax, leaf.ebx, leaf.ecx) = (number, number, 0),
            _ => {}
        }
    }
    if supported.iter().any(|leaf| leaf.function == TOPOLOGY) {
        // Of each level: how many bits of the APIC id lie below the next one, how many CPUs it has, and
        // what it is. One thread a core, so many cores a package, and no more levels.
        let level = |index, shift, cpus, kind: u32| kvm_cpuid_entry2 {
            function: TOPOLOGY,
            index,
            flags: kvm_bindings::KVM_CPUID_FLAG_SIGNIFCANT_INDEX,
            eax: shift,
            ebx: cpus,
            ecx: kind << 8 | index,
            edx: number,
            ..kvm_cpuid_entry2::default()
        };
        leaves.extend([level(0, 0, 1, 1), level(1, bits, count, 2), level(2, 0, 0, 0)]);
    }
    leaves
}

#[cfg(test)]
mod tests {
    use super::*;

    fn supported(functions: &[u32]) -> Vec<kvm_cpuid_entry2> {
        let leaf = |&function| kvm_cpuid_entry2 {
            function,
            eax: 0x1c00_4163,
            ebx: 0x0702_0800,
            edx: 7 | SEVERAL,
            ..kvm_cpuid_entry2::default()
        };
        functions.iter().map(leaf).collect()
    }

    #[test]
    fn a_single_cpu_is_the_first_and_knows_its_hypervisor() {
        let leaves = describe(&supported(&[0, 1]), 0, 1, false);
        assert_eq!((leaves[0].ebx, leaves[0].edx), (0x0702_0800, 7 | SEVERAL));
        assert_eq!((leaves[1].ebx, leaves[1].ecx, leaves[1].edx), (0x0001_0800, HYPERVISOR, 7));
        assert_eq!(leaves.len(), 2, "no leaf that the host does not have");
        assert_eq!(describe(&supported(&[1]), 0, 1, true)[0].ecx, HYPERVISOR | TSC_DEADLINE);
    }

    #[test]
    fn each_cpu_is_a_core_of_one_package() {
        let host = supported(&[1, CACHES, TOPOLOGY, TOPOLOGY, TOPOLOGY_V2, AMD_SIZES, AMD_TOPOLOGY]);
        let leaves = describe(&host, 2, 3, false);
        let functions: Vec<_> = leaves.iter().map(|leaf| leaf.function).collect();
        assert_eq!(functions, [1, CACHES, AMD_SIZES, AMD_TOPOLOGY, TOPOLOGY, TOPOLOGY, TOPOLOGY]);
        assert_eq!((leaves[0].ebx, leaves[0].edx), (0x0203_0800, 7 | SEVERAL));
        assert_eq!(leaves[1].eax >> 26, 2, "cores less one");
        assert_eq!(leaves[1].eax >> 14 & 0xfff, 2, "the third level is shared by all");
        assert_eq!(leaves[2].ecx, 0x2002);
        assert_eq!((leaves[3].eax, leaves[3].ebx), (2, 2));
        let levels: Vec<_> = leaves[4..].iter().map(|leaf| (leaf.eax, leaf.ebx, leaf.ecx)).collect();
        assert_eq!(levels, [(0, 1, 0x100), (2, 3, 0x201), (0, 0, 2)]);
        assert!(leaves[4..].iter().all(|leaf| leaf.edx == 2));
    }
}
