//! The lines of the ledger: what each is, where it is read, and how far it can be relied on.

use super::section::Point;

/// One kind of memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Line {
    /// The workload's own pages.
    Workload,
    /// The launcher's or the VMM's own pages.
    Launcher,
    /// The guest's memory, as far as it was touched.
    Guest,
    /// Of a guest that tells: what its kernel has, and what was touched and is free again.
    GuestKernel,
    /// Of a guest that tells: what its programs and files have.
    GuestPrograms,
    /// Files in memory: tmpfs, memfd.
    Shmem,
    /// Page tables of processes.
    PageTables,
    /// Page tables that KVM keeps for the guest.
    SecondaryPageTables,
    /// One kernel stack a thread.
    KernelStacks,
    /// Kernel objects that stay as long as their owner.
    Slab,
    /// What the kernel has once for each CPU.
    Percpu,
    /// Kernel memory in one piece for the kernel only: KVM's record of a VM, programs for devices.
    Vmalloc,
    /// Whole pages of the kernel that have no counter of their own: KVM's, pipes', the topmost page tables.
    KernelPages,
    /// Kernel objects that it would drop if it had to, as far as it does not call them available.
    HeldBack,
    /// The same, as far as it does. Available.
    ReclaimableSlab,
    /// Pages of files that this instance alone has read or written. Available.
    FileCache,
}

/// How far a line can be relied on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Accuracy {
    /// Counted for these processes or this group alone.
    Exact,
    /// Counted for the whole machine: others move it, too.
    Sampled,
    /// A difference of other counters.
    Inferred,
}

impl Accuracy {
    /// The word for it.
    pub const fn name(self) -> &'static str {
        match self {
            Accuracy::Exact => "exact",
            Accuracy::Sampled => "sampled",
            Accuracy::Inferred => "inferred",
        }
    }
}

impl Line {
    /// All, in the order in which they are drawn and listed.
    pub const ALL: [Line; 16] = [
        Line::Workload,
        Line::Launcher,
        Line::Guest,
        Line::GuestKernel,
        Line::GuestPrograms,
        Line::Shmem,
        Line::PageTables,
        Line::SecondaryPageTables,
        Line::KernelStacks,
        Line::Slab,
        Line::Percpu,
        Line::Vmalloc,
        Line::KernelPages,
        Line::HeldBack,
        Line::ReclaimableSlab,
        Line::FileCache,
    ];

    /// What charts and tables call it.
    pub const fn name(self) -> &'static str {
        match self {
            Line::Workload => "workload",
            Line::Launcher => "launcher or VMM",
            Line::Guest => "guest memory touched",
            Line::GuestKernel => "guest kernel",
            Line::GuestPrograms => "guest programs, files",
            Line::Shmem => "files in memory",
            Line::PageTables => "page tables",
            Line::SecondaryPageTables => "guest page tables",
            Line::KernelStacks => "kernel stacks",
            Line::Slab => "kernel objects",
            Line::Percpu => "kernel, per CPU",
            Line::Vmalloc => "kernel, vmalloc",
            Line::KernelPages => "other kernel pages",
            Line::HeldBack => "reclaimable, held back",
            Line::ReclaimableSlab => "reclaimable kernel objects",
            Line::FileCache => "file cache",
        }
    }

    /// Whether the kernel counts it as available.
    pub const fn is_reclaimable(self) -> bool {
        matches!(self, Line::ReclaimableSlab | Line::FileCache)
    }

    /// Where it was read, for a reading such as this one.
    pub const fn source(self, point: &Point) -> &'static str {
        let kinds = matches!(&point.charged, Some(charged) if charged.kinds.is_some());
        match self {
            Line::Workload | Line::Launcher => "/proc/PID/smaps_rollup: Pss_Anon",
            Line::Guest => "/proc/PID/smaps: Rss of the guest's mapping",
            Line::GuestKernel => {
                "/proc/PID/smaps: Rss of the guest's mapping − the guest's programs and files"
            }
            Line::GuestPrograms => "the guest's /proc/meminfo: AnonPages + Cached + Buffers",
            Line::Shmem if kinds => "cgroup memory.stat: shmem",
            Line::Shmem if point.charged.is_some() => "cgroup memory.stat: total_shmem",
            Line::Shmem => "/proc/meminfo: Shmem",
            Line::PageTables => "/proc/PID/status: VmPTE",
            Line::SecondaryPageTables if kinds => "cgroup memory.stat: sec_pagetables",
            Line::SecondaryPageTables => "/proc/meminfo: SecPageTables",
            Line::KernelStacks if kinds => "cgroup memory.stat: kernel_stack",
            Line::KernelStacks => "/proc/meminfo: KernelStack",
            Line::Slab => "/proc/meminfo: SUnreclaim",
            Line::Percpu => "/proc/meminfo: Percpu",
            Line::Vmalloc if kinds => "cgroup memory.stat: vmalloc",
            Line::Vmalloc => "/proc/meminfo: VmallocUsed − KernelStack",
            Line::KernelPages if kinds => "cgroup memory.stat: kernel − its parts",
            Line::KernelPages => "cgroup memory.kmem.usage_in_bytes − the lines above",
            Line::HeldBack => "/proc/meminfo: SReclaimable / 2, at most the low watermark",
            Line::ReclaimableSlab => "/proc/meminfo: SReclaimable, the rest",
            Line::FileCache if kinds => "cgroup memory.stat: file − shmem",
            Line::FileCache if point.charged.is_some() => "cgroup memory.stat: total_cache − total_shmem",
            Line::FileCache => "/proc/meminfo: Cached + Buffers − Shmem",
        }
    }

    /// How far it can be relied on, in a reading such as this one.
    pub const fn accuracy(self, point: &Point) -> Accuracy {
        let charged = point.charged.is_some();
        let kinds = matches!(&point.charged, Some(charged) if charged.kinds.is_some());
        match self {
            Line::Workload | Line::Launcher | Line::Guest | Line::GuestPrograms | Line::PageTables => {
                Accuracy::Exact
            }
            Line::Shmem | Line::FileCache if charged => Accuracy::Exact,
            Line::SecondaryPageTables | Line::KernelStacks | Line::Vmalloc if kinds => Accuracy::Exact,
            Line::GuestKernel | Line::KernelPages | Line::HeldBack => Accuracy::Inferred,
            _ => Accuracy::Sampled,
        }
    }

    /// How much of it there was at a reading, in bytes; `None` where nothing tells.
    pub fn bytes(self, point: &Point) -> Option<f64> {
        let Point { machine, charged, processes, .. } = point;
        let kinds = charged.and_then(|charged| charged.kinds);
        let kib = |kib: u64| Some((kib * 1024) as f64);
        let difference = |from: u64, less: u64| Some(from as f64 - less as f64);
        match self {
            Line::Workload => kib(processes.workload_kib),
            Line::Launcher => kib(processes.launcher_kib),
            // In one line, or in two.
            Line::Guest => kib(processes.guest_kib).filter(|_| processes.guest_programs_kib.is_none()),
            Line::GuestKernel => difference(processes.guest_kib * 1024, processes.guest_programs_kib? * 1024),
            Line::GuestPrograms => kib(processes.guest_programs_kib?),
            Line::Shmem => charged.map_or(kib(machine.shmem_kib), |charged| Some(charged.shmem_bytes as f64)),
            Line::PageTables => kib(processes.page_tables_kib),
            Line::SecondaryPageTables => match kinds {
                Some(kinds) => Some(kinds.secondary_page_tables_bytes as f64),
                None => kib(machine.secondary_page_tables_kib?),
            },
            Line::KernelStacks => match kinds {
                Some(kinds) => Some(kinds.kernel_stack_bytes as f64),
                None => kib(machine.kernel_stack_kib),
            },
            Line::Slab => kib(machine.slab_unreclaimable_kib),
            Line::Percpu => kib(machine.percpu_kib),
            Line::Vmalloc => match kinds {
                Some(kinds) => Some(kinds.vmalloc_bytes as f64),
                None => difference(machine.vmalloc_kib * 1024, machine.kernel_stack_kib * 1024),
            },
            Line::KernelPages => kernel_pages(point),
            Line::HeldBack => Some(machine.held_back_bytes() as f64),
            Line::ReclaimableSlab => {
                difference(machine.slab_reclaimable_kib * 1024, machine.held_back_bytes())
            }
            Line::FileCache => match charged {
                Some(charged) => difference(charged.file_bytes, charged.shmem_bytes),
                None => difference(machine.cached_kib * 1024, machine.shmem_kib * 1024),
            },
        }
    }
}

/// All kernel memory that was charged, less all that has a counter. Version 2 tells what of each kind was charged.
/// Version 1 does not, and part of the machine's objects is charged to nobody: there it comes out as too little, or
/// less than nothing, and then cannot be told.
fn kernel_pages(point: &Point) -> Option<f64> {
    let Point { machine, charged, processes, .. } = point;
    let charged = (*charged)?;
    let parts = if let Some(kinds) = charged.kinds {
        kinds.secondary_page_tables_bytes
            + kinds.kernel_stack_bytes
            + kinds.percpu_bytes
            + kinds.vmalloc_bytes
            + kinds.slab_bytes
    } else {
        let slab = machine.slab_unreclaimable_kib + machine.slab_reclaimable_kib;
        // Stacks are part of vmalloc.
        1024 * (machine.secondary_page_tables_kib? + machine.vmalloc_kib + machine.percpu_kib + slab)
    };
    Some(charged.kernel_bytes? as f64 - (parts + processes.page_tables_kib * 1024) as f64)
}
