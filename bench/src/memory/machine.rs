//! What the kernel counts for the whole machine: `/proc/meminfo` (`proc_meminfo(5)`; kernel documentation, "The /proc
//! Filesystem").
//!
//! Most of its counters are kept per CPU and folded into the total now and then. Reading
//! `/proc/sys/vm/stat_refresh`, which only root may, folds them in at once (kernel documentation, `vm.stat_refresh`),
//! so that happens first; otherwise the kernel does it once a second.
//!
//! Each CPU keeps some free pages at hand, megabytes where there is much memory, and takes from them first. They are
//! in none of these counters, so that a machine can give pages away and `MemFree` does not fall. `/proc/zoneinfo`
//! counts them (`pagesets`, `count`).

use super::error::MemoryError;
use serde::{Deserialize, Serialize};
use std::fs;

const MEMINFO: &str = "/proc/meminfo";
const ZONEINFO: &str = "/proc/zoneinfo";
const PAGE_KIB: u64 = 4;
const REFRESH: &str = "/proc/sys/vm/stat_refresh";
/// The least of a [`Machine::reserve_kib`].
pub const LEAST_RESERVE_KIB: u64 = 256 << 10;

/// One reading of the whole machine, in KiB, named as `/proc/meminfo` names them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Machine {
    /// `MemTotal`.
    pub total_kib: u64,
    /// `MemAvailable`: what could be given to new work without swapping.
    pub available_kib: u64,
    /// Free pages that CPUs keep at hand; in neither `MemAvailable` nor `MemFree`.
    pub at_hand_kib: u64,
    /// The zones' low watermarks together, by `/proc/zoneinfo`: below it the kernel begins to reclaim.
    pub low_watermark_kib: u64,
    /// `MemFree`: pages that nobody uses.
    pub free_kib: u64,
    /// `AnonPages`: pages of processes without a file behind them.
    pub anonymous_kib: u64,
    /// `Cached` and `Buffers`: pages of files, those in memory (`Shmem`) included.
    pub cached_kib: u64,
    /// `Shmem`: pages of files that are in memory only (tmpfs, memfd).
    pub shmem_kib: u64,
    /// `SReclaimable`: kernel objects that it would drop if it had to, such as names of files.
    pub slab_reclaimable_kib: u64,
    /// `SUnreclaim`: all other kernel objects.
    pub slab_unreclaimable_kib: u64,
    /// `KernelStack`: one stack a thread.
    pub kernel_stack_kib: u64,
    /// `PageTables`: page tables of processes.
    pub page_tables_kib: u64,
    /// `SecPageTables`: page tables that KVM makes for guests. Kernels before 6.1 do not tell.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secondary_page_tables_kib: Option<u64>,
    /// `VmallocUsed`: memory that only the kernel sees in one piece, its stacks included.
    pub vmalloc_kib: u64,
    /// `Percpu`: what the kernel has once for each CPU.
    pub percpu_kib: u64,
}

impl Machine {
    /// Reads it now.
    pub fn read() -> Result<Machine, MemoryError> {
        // As an ordinary user it stays as old as it is.
        let _ = fs::read(REFRESH);
        let zones = fs::read_to_string(ZONEINFO).map_err(MemoryError::reading(ZONEINFO))?;
        let text = fs::read_to_string(MEMINFO).map_err(MemoryError::reading(MEMINFO))?;
        Machine::parse(&text, &zones)
    }

    /// What of the reclaimable objects `MemAvailable` leaves out, because some will be in use: half of them, or the low
    /// watermark if that is less (the kernel's `si_mem_available`).
    pub fn held_back_bytes(&self) -> u64 {
        (self.slab_reclaimable_kib * 1024 / 2).min(self.low_watermark_kib * 1024)
    }

    /// What is to stay available for everybody else, whatever is measured: a tenth of the memory, and no less than
    /// [`LEAST_RESERVE_KIB`].
    pub fn reserve_kib(&self) -> u64 {
        (self.total_kib / 10).max(LEAST_RESERVE_KIB)
    }

    /// What could be given to new work, at hand or not.
    pub fn available_bytes(&self) -> u64 {
        (self.available_kib + self.at_hand_kib) * 1024
    }

    fn parse(text: &str, zones: &str) -> Result<Machine, MemoryError> {
        let counts =
            zones.lines().filter_map(|line| line.trim().strip_prefix("count:")?.trim().parse::<u64>().ok());
        let low =
            zones.lines().filter_map(|line| line.trim().strip_prefix("low ")?.trim().parse::<u64>().ok());
        let find = |name: &str| {
            let rest = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))?;
            rest.trim().trim_end_matches(" kB").parse::<u64>().ok()
        };
        let need =
            |name: &'static str| find(name).ok_or(MemoryError::Missing { file: MEMINFO.into(), word: name });
        Ok(Machine {
            total_kib: need("MemTotal")?,
            available_kib: need("MemAvailable")?,
            low_watermark_kib: low.sum::<u64>() * PAGE_KIB,
            at_hand_kib: counts.sum::<u64>() * PAGE_KIB,
            free_kib: need("MemFree")?,
            anonymous_kib: need("AnonPages")?,
            cached_kib: need("Cached")? + need("Buffers")?,
            shmem_kib: need("Shmem")?,
            slab_reclaimable_kib: need("SReclaimable")?,
            slab_unreclaimable_kib: need("SUnreclaim")?,
            kernel_stack_kib: need("KernelStack")?,
            page_tables_kib: need("PageTables")?,
            secondary_page_tables_kib: find("SecPageTables"),
            vmalloc_kib: need("VmallocUsed")?,
            percpu_kib: need("Percpu")?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ZONES: &str = "Node 0, zone DMA\n  pages free 7\n        low      3\n  pagesets\n    cpu: 0\n              count:    5\n              high: 9\n\
        \x20   cpu: 1\n              count:    6\n";
    const OLD: &str = "MemTotal: 9 kB\nMemFree: 3 kB\nMemAvailable:      24 kB\nBuffers: 1 kB\nCached: 10 kB\n\
        SwapCached: 77 kB\nAnonPages: 5 kB\nShmem: 2 kB\nSlab: 88 kB\nSReclaimable: 6 kB\nSUnreclaim: 7 kB\n\
        KernelStack: 16 kB\nPageTables: 40 kB\nVmallocUsed: 50 kB\nPercpu: 12 kB\n";

    #[test]
    fn each_word_is_found_whole_and_one_that_old_kernels_lack_is_absent() {
        let machine = Machine::parse(OLD, ZONES).unwrap();
        assert_eq!((machine.available_kib, machine.free_kib, machine.cached_kib), (24, 3, 11));
        assert_eq!((machine.at_hand_kib, machine.low_watermark_kib), (44, 12));
        assert_eq!(machine.held_back_bytes(), 3 * 1024, "half of the reclaimable objects");
        assert_eq!((machine.page_tables_kib, machine.secondary_page_tables_kib), (40, None));
        let new = format!("{OLD}SecPageTables: 8 kB\n");
        assert_eq!(Machine::parse(&new, ZONES).unwrap().secondary_page_tables_kib, Some(8));
    }

    #[test]
    fn a_word_that_is_missing_is_named() {
        let error = Machine::parse(&OLD.replace("Percpu", "Perchance"), ZONES).unwrap_err().to_string();
        assert!(error.contains(MEMINFO) && error.contains("Percpu"), "{error}");
    }

    #[test]
    fn this_machine_is_read() {
        // How much of each there is changes while it is read; that there is some does not.
        let machine = Machine::read().unwrap();
        assert!(
            machine.free_kib < machine.total_kib && machine.available_kib < machine.total_kib,
            "{machine:?}"
        );
        let some = [machine.anonymous_kib, machine.slab_unreclaimable_kib, machine.kernel_stack_kib];
        assert!(some.iter().all(|&kib| kib > 0) && machine.low_watermark_kib > 0, "{machine:?}");
    }
}
