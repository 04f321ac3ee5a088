//! The names of ioctls (`ioctl(2)`): what a launcher asks of KVM, of a terminal, of a network interface.
//!
//! A request's number holds a letter for its driver, a number there, and mostly the size and direction of its argument.
//! KVM's letter is 0xae. Its numbers are unique but for a few that exist with and without an argument, so a table
//! of numbers names them, whatever size the argument has in one kernel or another (`linux/kvm.h`).

const KVM: u32 = 0xae;

/// Requests with an argument that KVM fills in or reads.
const KVM_WITH_ARGUMENT: [(u32, &str); 42] = [
    (0x02, "KVM_GET_MSR_INDEX_LIST"),
    (0x05, "KVM_GET_SUPPORTED_CPUID"),
    (0x0a, "KVM_GET_MSR_FEATURE_INDEX_LIST"),
    (0x42, "KVM_GET_DIRTY_LOG"),
    (0x46, "KVM_SET_USER_MEMORY_REGION"),
    (0x48, "KVM_SET_IDENTITY_MAP_ADDR"),
    (0x49, "KVM_SET_USER_MEMORY_REGION2"),
    (0x61, "KVM_IRQ_LINE"),
    (0x62, "KVM_GET_IRQCHIP"),
    (0x63, "KVM_SET_IRQCHIP"),
    (0x67, "KVM_IRQ_LINE_STATUS"),
    (0x6a, "KVM_SET_GSI_ROUTING"),
    (0x76, "KVM_IRQFD"),
    (0x77, "KVM_CREATE_PIT2"),
    (0x79, "KVM_IOEVENTFD"),
    (0x7b, "KVM_SET_CLOCK"),
    (0x7c, "KVM_GET_CLOCK"),
    (0x81, "KVM_GET_REGS"),
    (0x82, "KVM_SET_REGS"),
    (0x83, "KVM_GET_SREGS"),
    (0x84, "KVM_SET_SREGS"),
    (0x88, "KVM_GET_MSRS"),
    (0x89, "KVM_SET_MSRS"),
    (0x8b, "KVM_SET_SIGNAL_MASK"),
    (0x8c, "KVM_GET_FPU"),
    (0x8d, "KVM_SET_FPU"),
    (0x8e, "KVM_GET_LAPIC"),
    (0x8f, "KVM_SET_LAPIC"),
    (0x90, "KVM_SET_CPUID2"),
    (0x91, "KVM_GET_CPUID2"),
    (0x98, "KVM_GET_MP_STATE"),
    (0x99, "KVM_SET_MP_STATE"),
    (0x9b, "KVM_SET_GUEST_DEBUG"),
    (0x9f, "KVM_GET_VCPU_EVENTS"),
    (0xa0, "KVM_SET_VCPU_EVENTS"),
    (0xa3, "KVM_ENABLE_CAP"),
    (0xa4, "KVM_GET_XSAVE"),
    (0xa5, "KVM_SET_XSAVE"),
    (0xa6, "KVM_GET_XCRS"),
    (0xa7, "KVM_SET_XCRS"),
    (0xcf, "KVM_GET_XSAVE2"),
    (0xe0, "KVM_CREATE_DEVICE"),
];

/// Requests without one, or with a number for one.
const KVM_WITHOUT_ARGUMENT: [(u32, &str); 12] = [
    (0x00, "KVM_GET_API_VERSION"),
    (0x01, "KVM_CREATE_VM"),
    (0x03, "KVM_CHECK_EXTENSION"),
    (0x04, "KVM_GET_VCPU_MMAP_SIZE"),
    (0x41, "KVM_CREATE_VCPU"),
    (0x47, "KVM_SET_TSS_ADDR"),
    (0x60, "KVM_CREATE_IRQCHIP"),
    (0x80, "KVM_RUN"),
    (0x9a, "KVM_NMI"),
    (0xa2, "KVM_SET_TSC_KHZ"),
    (0xa3, "KVM_GET_TSC_KHZ"),
    (0xce, "KVM_GET_STATS_FD"),
];

/// Requests of others, whole (`ioctl_tty(2)`, `netdevice(7)`, kernel documentation, "Universal TUN/TAP device driver").
const OTHERS: [(u32, &str); 12] = [
    (0x5401, "TCGETS"),
    (0x5402, "TCSETS"),
    (0x540e, "TIOCSCTTY"),
    (0x5413, "TIOCGWINSZ"),
    (0x5421, "FIONBIO"),
    (0x5451, "FIOCLEX"),
    (0x802c_542a, "TCGETS2"),
    (0x402c_542b, "TCSETS2"),
    (0x8913, "SIOCGIFFLAGS"),
    (0x8914, "SIOCSIFFLAGS"),
    (0x4004_54ca, "TUNSETIFF"),
    (0x4004_54d0, "TUNSETOFFLOAD"),
];

/// The request's name, or its number where it is not known here.
pub(super) fn name(request: u32) -> String {
    let (argument, letter, number) = (request >> 30 != 0, request >> 8 & 0xff, request & 0xff);
    let (table, wanted): (&[(u32, &str)], u32) = match (letter == KVM, argument) {
        (true, true) => (&KVM_WITH_ARGUMENT, number),
        (true, false) => (&KVM_WITHOUT_ARGUMENT, number),
        (false, _) => (&OTHERS, request),
    };
    let found = table.iter().find(|(number, _)| *number == wanted);
    found.map_or_else(|| format!("{request:#x}"), |(_, name)| (*name).into())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The numbers are those of `linux/kvm.h` on x86-64, as a C compiler gives them.
    #[test]
    fn requests_are_named_whatever_the_size_of_their_argument() {
        for (request, expected) in [
            (0xae80, "KVM_RUN"),
            (0xae01, "KVM_CREATE_VM"),
            (0x4020_ae46, "KVM_SET_USER_MEMORY_REGION"),
            (0x4138_ae84, "KVM_SET_SREGS"),
            (0x8090_ae81, "KVM_GET_REGS"),
            (0xc008_ae05, "KVM_GET_SUPPORTED_CPUID"),
            (0xaece, "KVM_GET_STATS_FD"),
            (0xaea3, "KVM_GET_TSC_KHZ"),
            (0x4068_aea3, "KVM_ENABLE_CAP"),
            (0x5401, "TCGETS"),
            (0xaeff, "0xaeff"),
            (0x1234_5678, "0x12345678"),
        ] {
            assert_eq!(name(request), expected);
        }
    }
}
