//! `update [--resources FILE] [LIMIT…] ID`

use super::Context;
use clap::Args;
use isolab_runtime::cgroup::Problem;
use isolab_runtime::oci::config::read_bounded;
use isolab_runtime::oci::state::Status;
use isolab_runtime::size::Size;
use isolab_runtime::{Error, container};
use oci_spec::runtime::{LinuxBlockIo, LinuxCpu, LinuxMemory, LinuxPids, LinuxResources};
use std::io::Read as _;
use std::path::{Path, PathBuf};

/// More than any resources have.
const MOST: u64 = 1 << 20;

#[derive(Debug, Args)]
pub(crate) struct Update {
    /// A file with `linux.resources` as JSON, or - for standard input; all other options are then ignored
    #[arg(short, long, value_name = "FILE")]
    resources: Option<PathBuf>,
    /// Weight of block input and output, 10 to 1000
    #[arg(long, value_name = "N")]
    blkio_weight: Option<u16>,
    /// Period of the limit on CPU time, in microseconds
    #[arg(long, value_name = "US")]
    cpu_period: Option<u64>,
    /// CPU time in each period, in microseconds; -1: no limit
    #[arg(long, value_name = "US", allow_negative_numbers = true)]
    cpu_quota: Option<i64>,
    /// CPU time that may be saved up beyond the quota, in microseconds
    #[arg(long, value_name = "US")]
    cpu_burst: Option<u64>,
    /// Period of the limit on real-time CPU time, in microseconds
    #[arg(long, value_name = "US")]
    cpu_rt_period: Option<u64>,
    /// Real-time CPU time in each period, in microseconds
    #[arg(long, value_name = "US", allow_negative_numbers = true)]
    cpu_rt_runtime: Option<i64>,
    /// Share of CPU time relative to other groups
    #[arg(long, visible_alias = "cpu-shares", value_name = "N")]
    cpu_share: Option<u64>,
    /// Whether it runs only on CPUs that are idle otherwise
    #[arg(long, value_name = "0|1", allow_negative_numbers = true)]
    cpu_idle: Option<i64>,
    /// CPUs that it may use, such as 0-3,6
    #[arg(long, value_name = "LIST")]
    cpuset_cpus: Option<String>,
    /// Memory nodes that it may use
    #[arg(long, value_name = "LIST")]
    cpuset_mems: Option<String>,
    /// Limit on kernel memory (not on newer kernels)
    #[arg(long, value_name = "SIZE", value_parser = bytes, allow_negative_numbers = true)]
    kernel_memory: Option<i64>,
    /// Limit on kernel memory for TCP
    #[arg(long, value_name = "SIZE", value_parser = bytes, allow_negative_numbers = true)]
    kernel_memory_tcp: Option<i64>,
    /// Limit on memory; -1: none
    #[arg(long, value_name = "SIZE", value_parser = bytes, allow_negative_numbers = true)]
    memory: Option<i64>,
    /// Memory that it keeps when the machine runs short
    #[arg(long, value_name = "SIZE", value_parser = bytes, allow_negative_numbers = true)]
    memory_reservation: Option<i64>,
    /// Limit on memory and swap together; -1: none
    #[arg(long, value_name = "SIZE", value_parser = bytes, allow_negative_numbers = true)]
    memory_swap: Option<i64>,
    /// Limit on processes and threads; -1: none
    #[arg(long, value_name = "N", allow_negative_numbers = true)]
    pids_limit: Option<i64>,
    /// Refused: this runtime does not use Intel's resource director
    #[arg(long, value_name = "SCHEMA")]
    l3_cache_schema: Option<String>,
    /// Refused: this runtime does not use Intel's resource director
    #[arg(long, value_name = "SCHEMA")]
    mem_bw_schema: Option<String>,
    /// The container's name
    #[arg(value_name = "ID")]
    id: String,
}

impl Update {
    pub(crate) fn perform(self, context: &Context<'_>) -> Result<i32, Error> {
        let seen = container::look(&context.global.store(), &self.id)?;
        if matches!(seen.status, Status::Stopped | Status::Creating) {
            return Err(Error::NotRunning { id: self.id, wanted: "updated", status: seen.status });
        }
        if self.l3_cache_schema.is_some() || self.mem_bw_schema.is_some() {
            return Err(Error::Unavailable {
                what: "--l3-cache-schema, --mem-bw-schema",
                why: "this runtime does not use Intel's resource director".into(),
                fix: "leave them out",
            });
        }
        let resources = match &self.resources {
            Some(file) => read(file)?,
            None => self.given(),
        };
        if resources == LinuxResources::default() {
            let why = "nothing is given that could be changed".into();
            return Err(Problem::Invalid { property: "update".into(), why }.into());
        }
        seen.record.group().apply(&resources)?;
        Ok(0)
    }

    /// What the command line says, in the words of the configuration.
    fn given(&self) -> LinuxResources {
        let (mut memory, mut cpu) = (LinuxMemory::default(), LinuxCpu::default());
        memory.set_limit(self.memory).set_reservation(self.memory_reservation).set_swap(self.memory_swap);
        memory.set_kernel_tcp(self.kernel_memory_tcp);
        #[allow(deprecated)] // The specification still has it.
        memory.set_kernel(self.kernel_memory);
        cpu.set_shares(self.cpu_share).set_quota(self.cpu_quota).set_period(self.cpu_period);
        cpu.set_burst(self.cpu_burst).set_idle(self.cpu_idle);
        cpu.set_realtime_runtime(self.cpu_rt_runtime).set_realtime_period(self.cpu_rt_period);
        cpu.set_cpus(self.cpuset_cpus.clone()).set_mems(self.cpuset_mems.clone());
        let mut resources = LinuxResources::default();
        resources.set_memory(Some(memory).filter(|memory| *memory != LinuxMemory::default()));
        resources.set_cpu(Some(cpu).filter(|cpu| *cpu != LinuxCpu::default()));
        resources.set_pids(self.pids_limit.map(|limit| {
            let mut pids = LinuxPids::default();
            pids.set_limit(limit);
            pids
        }));
        resources.set_block_io(self.blkio_weight.map(|weight| {
            let mut block_io = LinuxBlockIo::default();
            block_io.set_weight(Some(weight));
            block_io
        }));
        resources
    }
}

fn read(file: &Path) -> Result<LinuxResources, Error> {
    let broken = |source| Error::Json { what: "the resources", file: file.into(), source };
    if file != Path::new("-") {
        return serde_json::from_slice(&read_bounded(file)?).map_err(broken);
    }
    let mut text = Vec::new();
    let read = std::io::stdin().take(MOST).read_to_end(&mut text);
    read.map_err(|error| broken(serde_json::Error::io(error)))?;
    serde_json::from_slice(&text).map_err(broken)
}

/// A size, or -1 for no limit.
fn bytes(text: &str) -> Result<i64, String> {
    if text == "-1" {
        return Ok(-1);
    }
    let size = text.parse::<Size>().map_err(|error| format!("{error}, or -1 for no limit"))?;
    i64::try_from(size.0).map_err(|error| error.to_string())
}
