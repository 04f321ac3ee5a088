//! What a container has used, in the form in which runc's `events --stats` prints it, which tools read.
//!
//! The kernel counts per group; nothing is computed here but units. A number that the container's groups do
//! not have is left out, or zero where the form has no way to leave it out.

mod v1;
mod v2;

use super::files::Files;
use super::group::Group;
use serde::Serialize;
use std::collections::BTreeMap;

/// All of it.
#[derive(Clone, Debug, Default, Serialize)]
#[allow(missing_docs)] // The names are the documentation: they are those of the form.
pub struct Stats {
    pub cpu: Cpu,
    pub cpuset: CpuSet,
    pub memory: Memory,
    pub pids: Pids,
    pub blkio: BlockIo,
    pub hugetlb: BTreeMap<String, HugePages>,
}

/// CPU time, in nanoseconds.
#[derive(Clone, Debug, Default, Serialize)]
#[allow(missing_docs)]
pub struct Cpu {
    pub usage: CpuUsage,
    pub throttling: Throttling,
}

/// CPU time, in nanoseconds.
#[derive(Clone, Debug, Default, Serialize)]
#[allow(missing_docs)]
pub struct CpuUsage {
    #[serde(skip_serializing_if = "is_zero")]
    pub total: u64,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub percpu: Vec<u64>,
    pub kernel: u64,
    pub user: u64,
}

/// How often a limit on CPU time has held the container up.
#[derive(Clone, Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
#[allow(missing_docs)]
pub struct Throttling {
    #[serde(skip_serializing_if = "is_zero")]
    pub periods: u64,
    #[serde(skip_serializing_if = "is_zero")]
    pub throttled_periods: u64,
    #[serde(skip_serializing_if = "is_zero")]
    pub throttled_time: u64,
}

/// The CPUs and memory nodes that it may use.
#[derive(Clone, Debug, Default, Serialize)]
#[allow(missing_docs)]
pub struct CpuSet {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub cpus: Vec<u16>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub mems: Vec<u16>,
}

/// Memory, in bytes.
#[derive(Clone, Debug, Default, Serialize)]
#[allow(missing_docs)]
pub struct Memory {
    #[serde(skip_serializing_if = "is_zero")]
    pub cache: u64,
    pub usage: Amount,
    pub swap: Amount,
    pub kernel: Amount,
    #[serde(rename = "kernelTCP")]
    pub kernel_tcp: Amount,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub raw: BTreeMap<String, u64>,
}

/// One kind of memory.
#[derive(Clone, Copy, Debug, Default, Serialize)]
#[allow(missing_docs)]
pub struct Amount {
    pub limit: u64,
    #[serde(skip_serializing_if = "is_zero")]
    pub usage: u64,
    #[serde(skip_serializing_if = "is_zero")]
    pub max: u64,
    pub failcnt: u64,
}

/// Processes and threads; a limit of 0 is none.
#[derive(Clone, Copy, Debug, Default, Serialize)]
#[allow(missing_docs)]
pub struct Pids {
    #[serde(skip_serializing_if = "is_zero")]
    pub current: u64,
    #[serde(skip_serializing_if = "is_zero")]
    pub limit: u64,
}

/// Block input and output.
#[derive(Clone, Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
#[allow(missing_docs)]
pub struct BlockIo {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub io_service_bytes_recursive: Vec<BlockEntry>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub io_serviced_recursive: Vec<BlockEntry>,
}

/// One count of one disk.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[allow(missing_docs)]
pub struct BlockEntry {
    pub major: u64,
    pub minor: u64,
    pub op: String,
    pub value: u64,
}

/// Huge pages of one size, in bytes.
#[derive(Clone, Copy, Debug, Default, Serialize)]
#[allow(missing_docs)]
pub struct HugePages {
    #[serde(skip_serializing_if = "is_zero")]
    pub usage: u64,
    #[serde(skip_serializing_if = "is_zero")]
    pub max: u64,
    pub failcnt: u64,
}

#[allow(clippy::trivially_copy_pass_by_ref)] // As serde calls it.
const fn is_zero(number: &u64) -> bool {
    *number == 0
}

impl Group {
    /// Reads what the container has used so far.
    pub fn stats(&self) -> Stats {
        let mut stats = Stats::default();
        let v1 = |controller: &str| self.v1_folder(controller).map(Files);
        let v2 = self.place.v2.as_ref().map(|unified| Files(&unified.path));
        // On a hybrid host a controller is in one of the two.
        if let Some(unified) = &v2 {
            v2::read(unified, &mut stats);
        }
        v1::read(&v1, &mut stats);
        if let Some(pids) = v1("pids").or(v2) {
            stats.pids.current = pids.number("pids.current").unwrap_or_default();
            stats.pids.limit = pids.number("pids.max").filter(|&limit| limit != u64::MAX).unwrap_or_default();
        }
        if let Some(cpuset) = v1("cpuset").or(v2) {
            stats.cpuset.cpus = cpuset.list("cpuset.cpus");
            stats.cpuset.mems = cpuset.list("cpuset.mems");
        }
        stats
    }
}
