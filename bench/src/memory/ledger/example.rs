//! Made-up readings for tests: nothing was measured. Every line grows by a known amount an instance.

use crate::memory::group::{Charged, Kinds};
use crate::memory::machine::Machine;
use crate::memory::processes::Processes;
use crate::memory::section::{Fleet, Point, Section};
use isolab_timeline::Stack;

/// KiB an instance that are in no line.
pub(crate) const HIDDEN: u64 = 24;

/// A hundred processes and a hundred unikernels, in version 1.
pub(crate) fn section() -> Section {
    Section {
        workload: "wait".parse().expect("a kind"),
        memory_mib: 128,
        settle_ms: 500,
        thp: "madvise".into(),
        uncharged: None,
        fleets: vec![fleet(Stack::Unikernel, unikernel), fleet(Stack::Process, process)],
    }
}

/// A reading at every tenth instance.
pub(crate) fn fleet(stack: Stack, point: fn(u64) -> Point) -> Fleet {
    Fleet {
        stack,
        huge_pages: false,
        asked: 100,
        points: (0..=100).step_by(10).map(point).collect(),
        stopped: None,
        wrong: Vec::new(),
    }
}

/// `n` bare processes: 100 KiB each, of which [`HIDDEN`] are in no line.
fn process(n: u64) -> Point {
    Point {
        instances: n as usize,
        machine: Machine {
            available_kib: 8_000_000 - 100 * n,
            slab_unreclaimable_kib: 40_000 + 20 * n,
            slab_reclaimable_kib: 30_000 + 8 * n,
            kernel_stack_kib: 1_700 + 16 * n,
            vmalloc_kib: 9_000 + 16 * n,
            percpu_kib: 900,
            secondary_page_tables_kib: Some(0),
            ..machine()
        },
        charged: Some(charged(n, 12, 70)),
        processes: Processes {
            processes: n + 1,
            workload_kib: 12 + 12 * n,
            page_tables_kib: 28 + 28 * n,
            file_kib: 8,
            rss_kib: 20 + 20 * n,
            pss_kib: 20 + 12 * n,
            uss_kib: 12 + 12 * n,
            ..Processes::default()
        },
    }
}

/// `n` unikernels: 900 KiB each, of which [`HIDDEN`] are in no line.
pub(crate) fn unikernel(n: u64) -> Point {
    Point {
        instances: n as usize,
        machine: Machine {
            available_kib: 8_000_000 - 900 * n,
            slab_unreclaimable_kib: 40_000 + 150 * n,
            slab_reclaimable_kib: 30_000 + 70 * n,
            kernel_stack_kib: 1_700 + 32 * n,
            vmalloc_kib: 9_000 + 372 * n,
            percpu_kib: 900 + n,
            secondary_page_tables_kib: Some(8 + 20 * n),
            ..machine()
        },
        // The slab, the page tables, KVM's own, the stacks, and 101 KiB that have no counter.
        charged: Some(charged(n, 140, 756)),
        processes: Processes {
            processes: n + 1,
            launcher_kib: 100 + 100 * n,
            guest_kib: 40 + 40 * n,
            page_tables_kib: 42 + 42 * n,
            file_kib: 1_500,
            rss_kib: 1_700 + 1_700 * n,
            pss_kib: 1_640 + 140 * n,
            uss_kib: 140 + 140 * n,
            ..Processes::default()
        },
    }
}

/// The same unikernels where version 2 tells kinds apart.
pub(crate) fn unikernel_v2(n: u64) -> Point {
    let mut point = unikernel(n);
    if let Some(charged) = &mut point.charged {
        charged.kinds = Some(Kinds {
            kernel_stack_bytes: 1024 * 32 * n,
            page_tables_bytes: 1024 * 38 * n,
            secondary_page_tables_bytes: 1024 * 20 * n,
            percpu_bytes: 1024 * n,
            sockets_bytes: 0,
            vmalloc_bytes: 1024 * 340 * n,
            slab_bytes: 1024 * 220 * n,
        });
    }
    point
}

fn machine() -> Machine {
    Machine {
        total_kib: 16_000_000,
        at_hand_kib: 2_000,
        low_watermark_kib: 1_000,
        free_kib: 5_000_000,
        cached_kib: 400_000,
        ..Machine::default()
    }
}

fn charged(n: u64, anonymous_kib: u64, kernel_kib: u64) -> Charged {
    Charged {
        usage_bytes: 1024 * (500 + (anonymous_kib + kernel_kib) * n),
        kernel_bytes: Some(1024 * (300 + kernel_kib * n)),
        anonymous_bytes: 1024 * (200 + anonymous_kib * n),
        ..Charged::default()
    }
}
