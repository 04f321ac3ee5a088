//! What an exit from the guest asks for (kernel documentation, "The Definitive KVM API", the `kvm_run`
//! structure).
//!
//! [`decide`] is a pure function of the exit, so tests call it without a guest. An exit that no guest of
//! ours should cause becomes a [`Fault`], which says what usually leads to it.

use kvm_bindings::{kvm_regs, kvm_sregs};
use kvm_ioctls::VcpuExit;
use std::fmt;
use std::io;

/// What to do after an exit.
#[derive(Debug)]
pub enum Next<'a> {
    /// Give these bytes to the device at this port.
    Out(u16, &'a [u8]),
    /// Fill these bytes from the device at this port.
    In(u16, &'a mut [u8]),
    /// Fill these bytes from what is at this address, which is not memory.
    Load(u64, &'a mut [u8]),
    /// Give these bytes to what is at this address, which is not memory.
    Store(u64, &'a [u8]),
    /// The guest waits: it executed `hlt`.
    Halted,
    /// A signal came.
    Interrupted,
    /// The CPU has just been started by another one; run it.
    Again,
    /// The guest cannot run on.
    Stop(Cause),
}

/// Why a guest cannot run on.
#[derive(Debug)]
pub enum Cause {
    /// An exception with no handler, twice over: a CPU would reset itself.
    TripleFault,
    /// Read or write of guest memory that is not there: the address, and how many bytes.
    NoMemory {
        /// `"read from"` or `"write to"`.
        access: &'static str,
        /// The guest physical address.
        address: u64,
        /// How many bytes.
        length: usize,
    },
    /// KVM itself gave up.
    Internal,
    /// The CPU did not enter the guest with these registers: the hardware's reason and the CPU's number.
    FailedEntry(u64, u32),
    /// The ioctl failed.
    Ioctl(io::Error),
    /// Any other exit, by KVM's name.
    Unexpected(String),
}

/// Says what to do after an exit.
pub fn decide(exit: Result<VcpuExit<'_>, kvm_ioctls::Error>) -> Next<'_> {
    match exit {
        Ok(VcpuExit::IoOut(port, data)) => Next::Out(port, data),
        Ok(VcpuExit::IoIn(port, data)) => Next::In(port, data),
        Ok(VcpuExit::Hlt) => Next::Halted,
        Ok(VcpuExit::Intr) => Next::Interrupted,
        Ok(VcpuExit::Shutdown) => Next::Stop(Cause::TripleFault),
        Ok(VcpuExit::MmioRead(address, data)) => Next::Load(address, data),
        Ok(VcpuExit::MmioWrite(address, data)) => Next::Store(address, data),
        Ok(VcpuExit::InternalError) => Next::Stop(Cause::Internal),
        Ok(VcpuExit::FailEntry(reason, cpu)) => Next::Stop(Cause::FailedEntry(reason, cpu)),
        Ok(other) => Next::Stop(Cause::Unexpected(format!("{other:?}"))),
        Err(errno) => match io::Error::from(errno) {
            error if error.kind() == io::ErrorKind::Interrupted => Next::Interrupted,
            error if error.kind() == io::ErrorKind::WouldBlock => Next::Again,
            error => Next::Stop(Cause::Ioctl(error)),
        },
    }
}

/// A guest that cannot run on: the cause, and the registers that tell where it was.
#[derive(Debug)]
pub struct Fault {
    /// Why.
    pub cause: Cause,
    /// KVM's own code, with [`Cause::Internal`].
    pub suberror: Option<u32>,
    /// The registers, if KVM still gives them.
    pub registers: Option<(kvm_regs, kvm_sregs)>,
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Cause::TripleFault => write!(
                f,
                "triple fault (KVM_EXIT_SHUTDOWN): an exception had no handler; usually a wild jump, a bad \
                 page table or a stack that ran over"
            ),
            Cause::NoMemory { access, address, length } => write!(
                f,
                "{access} {address:#x}, {length} bytes (KVM_EXIT_MMIO): there is neither memory nor a device; \
                 usually a wild pointer, or too little memory"
            ),
            Cause::Internal => write!(f, "KVM gave up (KVM_EXIT_INTERNAL_ERROR)"),
            Cause::FailedEntry(reason, cpu) => write!(
                f,
                "CPU {cpu} refused to enter the guest, hardware reason {reason:#x} (KVM_EXIT_FAIL_ENTRY): \
                 usually registers that contradict each other"
            ),
            Cause::Ioctl(error) => write!(f, "KVM_RUN failed: {error}"),
            Cause::Unexpected(exit) => write!(f, "the guest left for {exit}, which nothing here answers"),
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.cause.fmt(f)?;
        if let Some(code) = self.suberror {
            let meaning = match code {
                1 => {
                    "it cannot emulate the instruction at rip; usually a jump into the void, or privileged \
                      code on a backend that emulates it"
                }
                2 => "exceptions at the same time",
                3 => "an exit while it delivered an exception; usually a broken stack or IDT",
                4 => "an exit that it does not know",
                _ => "of no known meaning",
            };
            write!(f, ": suberror {code}: {meaning}")?;
        }
        match &self.registers {
            None => Ok(()),
            // Guests are entered with protection on. On AMD, KVM resets the vCPU at a triple fault.
            Some((_, special)) if special.cr0 & 1 == 0 => {
                write!(f, " [the CPU has reset itself; its registers no longer tell where it was]")
            }
            Some((general, special)) => write!(
                f,
                " [rip {:#x}, rsp {:#x}, rflags {:#x}, cr0 {:#x}, cr3 {:#x}, efer {:#x}]",
                general.rip, general.rsp, general.rflags, special.cr0, special.cr3, special.efer
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stopped(exit: VcpuExit) -> Cause {
        match decide(Ok(exit)) {
            Next::Stop(cause) => cause,
            other => panic!("{other:?} does not stop"),
        }
    }

    #[test]
    fn ports_are_passed_on() {
        assert!(matches!(decide(Ok(VcpuExit::IoOut(0xf4, &[3]))), Next::Out(0xf4, &[3])));
        let mut data = [0; 2];
        match decide(Ok(VcpuExit::IoIn(0x3fd, &mut data))) {
            Next::In(0x3fd, bytes) => bytes.fill(7),
            other => panic!("{other:?}"),
        }
        assert_eq!(data, [7; 2]);
    }

    #[test]
    fn addresses_are_passed_on() {
        let mut data = [0; 4];
        assert!(matches!(decide(Ok(VcpuExit::MmioRead(0xdead_0000, &mut data))), Next::Load(0xdead_0000, _)));
        assert!(matches!(decide(Ok(VcpuExit::MmioWrite(0xdead_0000, &[1]))), Next::Store(0xdead_0000, &[1])));
    }

    #[test]
    fn a_signal_is_no_end_and_a_halt_is_no_fault() {
        let failed = |errno| decide(Err(kvm_ioctls::Error::new(errno)));
        assert!(matches!(failed(libc::EINTR), Next::Interrupted));
        assert!(matches!(failed(libc::EAGAIN), Next::Again));
        assert!(matches!(decide(Ok(VcpuExit::Intr)), Next::Interrupted));
        assert!(matches!(decide(Ok(VcpuExit::Hlt)), Next::Halted));
    }

    #[test]
    fn every_unexpected_exit_names_itself() {
        let cases = [
            (stopped(VcpuExit::Shutdown), "KVM_EXIT_SHUTDOWN"),
            (
                Cause::NoMemory { access: "read from", address: 0xdead_0000, length: 4 },
                "read from 0xdead0000, 4 bytes",
            ),
            (
                stopped(VcpuExit::FailEntry(0x8000_0021, 3)),
                "CPU 3 refused to enter the guest, hardware reason 0x80000021",
            ),
            (stopped(VcpuExit::InternalError), "KVM_EXIT_INTERNAL_ERROR"),
            (stopped(VcpuExit::SystemEvent(1, &[])), "SystemEvent"),
            (stopped(VcpuExit::Unsupported(77)), "77"),
            (
                match decide(Err(kvm_ioctls::Error::new(libc::EFAULT))) {
                    Next::Stop(cause) => cause,
                    other => panic!("{other:?}"),
                },
                "KVM_RUN failed: Bad address",
            ),
        ];
        for (cause, words) in cases {
            assert!(cause.to_string().contains(words), "{cause} lacks {words:?}");
        }
    }

    #[test]
    fn a_fault_shows_the_registers_that_matter() {
        let general = kvm_regs { rip: 0x1234, rsp: 0x5678, rflags: 0x3002, ..kvm_regs::default() };
        let special = kvm_sregs { cr0: 0x11, cr3: 0x9000, efer: 0x500, ..kvm_sregs::default() };
        let fault = Fault { cause: Cause::Internal, suberror: Some(1), registers: Some((general, special)) };
        let text = fault.to_string();
        for words in [
            "suberror 1",
            "emulate",
            "rip 0x1234",
            "rsp 0x5678",
            "rflags 0x3002",
            "cr0 0x11",
            "cr3 0x9000",
            "efer 0x500",
        ] {
            assert!(text.contains(words), "{text} lacks {words:?}");
        }
    }

    #[test]
    fn a_cpu_that_has_reset_itself_has_nothing_to_show() {
        let special = kvm_sregs { cr0: 0x6000_0010, ..kvm_sregs::default() };
        let registers = Some((kvm_regs { rip: 0xfff0, ..kvm_regs::default() }, special));
        let text = Fault { cause: Cause::TripleFault, suberror: None, registers }.to_string();
        assert!(text.contains("reset itself") && !text.contains("0xfff0"), "{text}");
    }
}
