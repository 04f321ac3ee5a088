//! How often a guest left its CPU, and why: counts, which a busy machine does not change as it changes times.
//!
//! Two keep count. The VMM counts what reaches it: each return of `KVM_RUN`, by reason ([`Exits`]). Most exits never get
//! that far, since KVM answers them itself: a page of memory that is missing, an interrupt, a timer. These KVM counts
//! ([`crate::statistics`]), and tells on request: that takes two system calls for the VM and for each vCPU, so a VM
//! whose start is timed is not asked.

use crate::Error;
use crate::statistics::{self, Statistics};
use crate::vcpu::Vcpu;
use kvm_ioctls::{VcpuExit, VmFd};
use std::collections::BTreeMap;
use std::io;
use std::sync::OnceLock;

/// The reasons for which `KVM_RUN` returns, as far as they are told apart: a port, an address without memory, a halt, a
/// signal, the end by a triple fault.
const REASONS: [&str; 8] =
    ["io_out", "io_in", "mmio_read", "mmio_write", "hlt", "interrupted", "shutdown", "other"];

/// How often one vCPU came back, by reason.
#[derive(Clone, Copy, Debug, Default)]
pub struct Exits([u64; REASONS.len()]);

impl Exits {
    /// Counts one return of `KVM_RUN`.
    pub fn count(&mut self, exit: &Result<VcpuExit<'_>, kvm_ioctls::Error>) {
        let reason = match exit {
            Ok(VcpuExit::IoOut(..)) => 0,
            Ok(VcpuExit::IoIn(..)) => 1,
            Ok(VcpuExit::MmioRead(..)) => 2,
            Ok(VcpuExit::MmioWrite(..)) => 3,
            Ok(VcpuExit::Hlt) => 4,
            Ok(VcpuExit::Intr) | Err(_) => 5,
            Ok(VcpuExit::Shutdown) => 6,
            Ok(_) => 7,
        };
        self.0[reason] += 1;
    }
}

/// The counts of a VM: what is asked for, and at its end the answer.
#[derive(Debug, Default)]
pub struct Tally {
    /// Whether KVM is asked for its own counts.
    pub deep: bool,
    found: OnceLock<Found>,
    guest_programs_kib: OnceLock<u64>,
}

#[derive(Debug)]
struct Found {
    exits: BTreeMap<String, u64>,
    statistics: Option<BTreeMap<String, u64>>,
}

impl Tally {
    /// A tally that asks KVM too if it is `deep`.
    pub fn new(deep: bool) -> Tally {
        Tally { deep, ..Tally::default() }
    }

    /// Before the guest runs, and before its thread is confined: nothing can be opened afterwards.
    pub(crate) fn begin(&self, vm: &VmFd, vcpus: &[Vcpu]) -> Option<Vec<Statistics>> {
        let vcpus = vcpus.iter().map(|vcpu| statistics::of(vcpu.descriptor()));
        // An older KVM has none; then there are none to be had.
        self.deep.then(|| std::iter::once(statistics::of(vm)).chain(vcpus).collect())?
    }

    /// After the guest's end, and before KVM forgets it.
    pub(crate) fn end(&self, asked: Option<Vec<Statistics>>, vcpus: &[Vcpu]) -> Result<(), Error> {
        let mut exits = BTreeMap::new();
        for (reason, count) in vcpus.iter().flat_map(|vcpu| REASONS.iter().zip(vcpu.exits().0)) {
            if count > 0 {
                *exits.entry((*reason).to_owned()).or_default() += count;
            }
        }
        let statistics = asked.map(|all| read(&all)).transpose().map_err(Error::Statistics)?;
        // A VM ends once.
        let _ = self.found.set(Found { exits, statistics });
        Ok(())
    }

    /// What the guest itself says that programs and files have of its memory.
    pub(crate) fn guest_says(&self, programs_kib: u64) {
        // It says so once.
        let _ = self.guest_programs_kib.set(programs_kib);
    }

    /// What programs and files have of the guest's memory, in KiB, if its init has said so.
    pub fn guest_programs_kib(&self) -> Option<u64> {
        self.guest_programs_kib.get().copied()
    }

    /// How often the guest came back to the VMM, by reason; reasons that never were are absent.
    pub fn exits(&self) -> Option<BTreeMap<String, u64>> {
        self.found.get().map(|found| found.exits.clone())
    }

    /// What KVM counted, by its own names (kernel documentation, "The kvm statistics": `struct kvm_stats_desc`).
    pub fn statistics(&self) -> Option<BTreeMap<String, u64>> {
        self.found.get().and_then(|found| found.statistics.clone())
    }
}

/// The counts of all of them; where two have one name, their sum.
fn read(all: &[Statistics]) -> io::Result<BTreeMap<String, u64>> {
    let mut sums = BTreeMap::new();
    for statistics in all {
        for (name, count) in statistics.read()? {
            *sums.entry(name).or_default() += count;
        }
    }
    Ok(sums)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_return_counts_once_under_its_reason() {
        let mut exits = Exits::default();
        let mut data = [0; 4];
        exits.count(&Ok(VcpuExit::IoOut(0xe9, &[1])));
        exits.count(&Ok(VcpuExit::IoOut(0xe9, &[1])));
        exits.count(&Ok(VcpuExit::IoIn(0x64, &mut data)));
        exits.count(&Ok(VcpuExit::MmioRead(0xd000, &mut data)));
        exits.count(&Ok(VcpuExit::MmioWrite(0xd000, &[1])));
        exits.count(&Ok(VcpuExit::Hlt));
        exits.count(&Ok(VcpuExit::Intr));
        exits.count(&Err(kvm_ioctls::Error::new(libc::EINTR)));
        exits.count(&Ok(VcpuExit::Shutdown));
        exits.count(&Ok(VcpuExit::InternalError));
        assert_eq!(exits.0, [2, 1, 1, 1, 1, 2, 1, 1]);
    }
}
