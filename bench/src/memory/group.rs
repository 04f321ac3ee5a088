//! What the kernel charges to a control group and all below it (`cgroups(7)`; kernel documentation, "Control Group
//! v2", "Memory", and "Memory Resource Controller" for version 1).
//!
//! Both versions charge in batches: a CPU takes 64 pages at once from the group's budget and hands them out. So a
//! single instance can be anything from free to a quarter of a MiB, and only the slope over many is a figure. The
//! counts of `memory.stat` are folded together when more than a batch a CPU has changed, and every two seconds.

use super::error::MemoryError;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// One reading of a group, in bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Charged {
    /// All of it: `memory.usage_in_bytes` (v1), `memory.current` (v2).
    pub usage_bytes: u64,
    /// Kernel memory of every kind: `memory.kmem.usage_in_bytes` (v1), `kernel` (v2, from Linux 5.18).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kernel_bytes: Option<u64>,
    /// Pages without a file behind them: `total_rss` (v1), `anon` (v2).
    pub anonymous_bytes: u64,
    /// Pages of files, those in memory included: `total_cache` (v1), `file` (v2).
    pub file_bytes: u64,
    /// Pages of files that are in memory only: `total_shmem` (v1), `shmem` (v2).
    pub shmem_bytes: u64,
    /// Version 2 alone tells the kinds of kernel memory apart.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kinds: Option<Kinds>,
}

/// Kinds of kernel memory, in bytes, as `memory.stat` of version 2 names them; one that this kernel does not tell is
/// zero, and in none of the others.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Kinds {
    /// `kernel_stack`.
    pub kernel_stack_bytes: u64,
    /// `pagetables`.
    pub page_tables_bytes: u64,
    /// `sec_pagetables`: page tables that KVM makes for guests (from Linux 6.1).
    pub secondary_page_tables_bytes: u64,
    /// `percpu`.
    pub percpu_bytes: u64,
    /// `sock`: what is under way in sockets.
    pub sockets_bytes: u64,
    /// `vmalloc`, stacks not included.
    pub vmalloc_bytes: u64,
    /// `slab`: objects.
    pub slab_bytes: u64,
}

/// A group's folder, in the hierarchy that has the memory controller.
#[derive(Clone, Debug)]
pub struct Accounts(PathBuf);

impl Accounts {
    /// Those of the group at `folder`; `None` when it has none, as where the memory controller is elsewhere.
    pub fn of(folder: &Path) -> Option<Accounts> {
        folder.join("memory.stat").exists().then(|| Accounts(folder.into()))
    }

    /// Whether they are those of version 2.
    pub fn version2(&self) -> bool {
        self.0.join("memory.current").exists()
    }

    /// Reads them now.
    pub fn read(&self) -> Result<Charged, MemoryError> {
        let read = |name: &str| {
            let path = self.0.join(name);
            fs::read_to_string(&path).map_err(MemoryError::reading(path))
        };
        // First: reading it folds together what the CPUs hold.
        let stat = read("memory.stat")?;
        let number = |name: &'static str| {
            let missing = MemoryError::Missing { file: self.0.join(name), word: "number" };
            read(name)?.trim().parse::<u64>().map_err(|_| missing)
        };
        if self.version2() {
            Ok(version2(&stat, number("memory.current")?))
        } else {
            // Kernels can be built, or booted, without.
            let kernel = number("memory.kmem.usage_in_bytes").ok();
            Ok(version1(&stat, number("memory.usage_in_bytes")?, kernel))
        }
    }
}

fn version1(stat: &str, usage_bytes: u64, kernel_bytes: Option<u64>) -> Charged {
    let stat = words(stat);
    let of = |word| stat.get(word).copied().unwrap_or_default();
    Charged {
        usage_bytes,
        kernel_bytes,
        anonymous_bytes: of("total_rss"),
        file_bytes: of("total_cache"),
        shmem_bytes: of("total_shmem"),
        kinds: None,
    }
}

fn version2(stat: &str, usage_bytes: u64) -> Charged {
    let stat = words(stat);
    let of = |word| stat.get(word).copied().unwrap_or_default();
    Charged {
        usage_bytes,
        kernel_bytes: stat.get("kernel").copied(),
        anonymous_bytes: of("anon"),
        file_bytes: of("file"),
        shmem_bytes: of("shmem"),
        kinds: Some(Kinds {
            kernel_stack_bytes: of("kernel_stack"),
            page_tables_bytes: of("pagetables"),
            secondary_page_tables_bytes: of("sec_pagetables"),
            percpu_bytes: of("percpu"),
            sockets_bytes: of("sock"),
            vmalloc_bytes: of("vmalloc"),
            slab_bytes: of("slab"),
        }),
    }
}

fn words(stat: &str) -> BTreeMap<&str, u64> {
    let pair = |line| {
        let (word, number): (&str, &str) = str::split_once(line, ' ')?;
        Some((word, number.parse().ok()?))
    };
    stat.lines().filter_map(pair).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn version_1_is_read_with_all_that_is_below_the_group() {
        let stat = "cache 1\nrss 2\nshmem 3\nhierarchical_memory_limit 9\ntotal_cache 10\ntotal_rss 20\ntotal_shmem 30\n";
        let charged = version1(stat, 100, Some(40));
        assert_eq!((charged.file_bytes, charged.anonymous_bytes, charged.shmem_bytes), (10, 20, 30));
        assert_eq!((charged.usage_bytes, charged.kernel_bytes, charged.kinds), (100, Some(40), None));
    }

    #[test]
    fn version_2_tells_kinds_apart_and_an_old_kernel_fewer() {
        let stat = "anon 20\nfile 10\nkernel 99\nkernel_stack 16\npagetables 24\nsec_pagetables 8\npercpu 4\nsock 0\nvmalloc 5\nshmem 3\nslab 30\n";
        let charged = version2(stat, 100);
        let kinds = charged.kinds.unwrap();
        assert_eq!(
            (kinds.kernel_stack_bytes, kinds.secondary_page_tables_bytes, kinds.slab_bytes),
            (16, 8, 30)
        );
        assert_eq!(charged.kernel_bytes, Some(99));
        assert_eq!(version2("anon 20\nfile 10\n", 100).kernel_bytes, None);
    }
}
