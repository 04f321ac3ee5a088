//! Made-up runs for tests: they look like launches (skewed, two modes) but nothing was measured.

use crate::counts::section::{ByName, Counted, Counts, StackCounts, Traced, Untraced};
use crate::density::section::{self as density, Burst, Density, Fill, Need, Point, Stopped};
use crate::ladder::{self, Rung, Wall, section::Ladder};
use crate::peers::Record;
use crate::samples::{Commit, SCHEMA_VERSION, SamplesFile, Unavailable};
use crate::tax::Work;
use crate::tax::section::{Absent, Launch, Tax};
use isolab_timeline::{Mark, Outcome, Peer, Sample, Stack, Timeline, Workload};
use isolab_workload::kind::Kind;
use std::collections::BTreeMap;

/// For each stack the typical length of its phases (launcher, isolation, workload, teardown) in ms.
type Plan = [(Stack, [f64; 4])];

/// Without a guest that boots Linux, which lies far from the rest.
const PLAN: [(Stack, [f64; 4]); 5] = [
    (Stack::Process, [0.52, 0.0, 0.006, 0.11]),
    (Stack::Container, [0.58, 0.94, 0.006, 0.37]),
    (Stack::Unikernel, [0.55, 0.41, 0.009, 0.48]),
    (Stack::ContainerFloor, [0.51, 0.79, 0.006, 0.30]),
    (Stack::KvmFloor, [0.50, 0.36, 0.009, 0.45]),
];

/// A whole run of all stacks.
pub(crate) fn run() -> SamplesFile {
    of(&PLAN, 60)
}

/// A whole run of the stacks of which two boot Linux.
pub(crate) fn with_linux() -> SamplesFile {
    let guests = [(Stack::Microvm, [0.56, 61.0, 0.04, 3.2]), (Stack::Nested, [0.56, 74.0, 0.05, 3.6])];
    SamplesFile { guest: Some("Linux 6.12.0 (small)".into()), ..of(&[&PLAN[..], &guests].concat(), 60) }
}

/// A whole run of all stacks of ours and three peers.
pub(crate) fn with_peers() -> SamplesFile {
    let of_ours = [(Stack::Microvm, [0.56, 61.0, 0.04, 3.2]), (Stack::Nested, [0.56, 74.0, 0.05, 3.6])];
    let peers = [
        (Stack::Peer(Peer::Runc), [20.0, 0.0, 0.006, 8.0]),
        (Stack::Peer(Peer::Qemu), [38.0, 0.0, 0.02, 4.0]),
        (Stack::Peer(Peer::QemuLinux), [140.0, 0.0, 0.06, 9.0]),
    ];
    let mut file = of(&[&PLAN[..], &of_ours, &peers].concat(), 60);
    file.peers = peers
        .map(|(stack, _)| {
            let version = format!("{stack} version 1.2.3");
            (stack, Record { version, command: vec![stack.to_string(), "run".into(), "--fast".into()] })
        })
        .into();
    file
}

/// A run in which one stack takes a hundred times as long as another.
pub(crate) fn slow_and_fast() -> SamplesFile {
    let mut plan = PLAN;
    plan[1].1 = [3.1, 52.0, 0.006, 17.0];
    of(&plan, 60)
}

/// A run in which unikernels begin before containers and end after them.
pub(crate) fn flipped() -> SamplesFile {
    let mut plan = PLAN;
    plan[2].1[3] = 4.8;
    of(&plan, 60)
}

/// A run in which containers and unikernels can't be told apart.
pub(crate) fn alike() -> SamplesFile {
    let mut plan = PLAN;
    for (_, phases) in &mut plan {
        *phases = [0.55, 0.40, 0.006, 0.30];
    }
    of(&plan, 60)
}

/// A run of nothing but density: a container takes 300 KiB, a unikernel 700, their floors less.
pub(crate) fn with_density() -> SamplesFile {
    let mut random = fastrand::Rng::with_seed(42);
    let stacks = [
        (Stack::Container, 300),
        (Stack::Unikernel, 700),
        (Stack::ContainerFloor, 170),
        (Stack::KvmFloor, 490),
    ];
    let before = 6 << 30;
    let mut fill = |(stack, kib): (Stack, u64)| {
        let many = (100 << 10_u64) / kib;
        let mut noise = |most: u64| random.u64(..most);
        let points: Vec<Point> = (1..=many / 5 + 1)
            .map(|batch| Point {
                instances: 5 * batch as usize,
                available_bytes: before - 5 * batch * (kib << 10) - noise(300 << 10),
            })
            .collect();
        let last = points.last().map_or(0, |point| point.instances);
        let start = |at: u64| 900_000 + 200 * at + noise(90_000);
        let starts: Vec<u64> = (0..last as u64).map(start).collect();
        Fill {
            stack,
            need: Need { instances: 8, tasks: 16, descriptors: 60, fall_bytes: (8 * kib as i64) << 10 },
            before_bytes: before,
            predicted_at: points.iter().map(|point| point.instances).find(|&n| n as u64 * kib >= 20 << 10),
            points,
            launches: (0..)
                .zip(starts)
                .map(|(at, begin_ns)| density::Launch {
                    at_ns: at * 500_000,
                    begin_ns,
                    ready_ns: begin_ns + 9_000,
                })
                .collect(),
            stopped: Stopped::Budget,
            why: None,
            ended_ns: 310_000_000,
            wrong: Vec::new(),
            after_bytes: before,
        }
    };
    let fills: Vec<Fill> = stacks.into_iter().map(&mut fill).collect();
    let kinds = stacks.into_iter().flat_map(|(stack, kib)| [1, 2, 100].map(|at_once| (stack, kib, at_once)));
    let bursts = kinds.flat_map(|(stack, kib, at_once)| std::iter::repeat_n((stack, kib, at_once), 6));
    let burst = |(stack, kib, at_once): (Stack, u64, usize)| Burst {
        stack,
        at_once,
        instances: 100,
        took_ns: kib * 1_000_000 / at_once.min(2) as u64 + random.u64(..9_000_000),
        ended_ns: 40_000_000,
        wrong: Vec::new(),
    };
    let density = Density {
        placement: "the lab and all that it launches share all 2 CPUs".into(),
        memory_mib: 128,
        at_once: 2,
        budget_bytes: 100 << 20,
        max: None,
        until_ns: None,
        reserve_bytes: 800 << 20,
        net_bytes: Some(7_200 << 20),
        bursts: bursts.map(burst).collect(),
        fills,
    };
    SamplesFile {
        samples: Vec::new(),
        probe_ns: BTreeMap::new(),
        counts: None,
        density: Some(density),
        ..run()
    }
}

/// A whole run without one stack.
pub(crate) fn without(stack: Stack) -> SamplesFile {
    let mut file = run();
    file.samples.retain(|sample| sample.stack != stack);
    file.unavailable.push(Unavailable {
        stack,
        reason: "/dev/kvm: <permission> denied".into(),
        fix: "add yourself to group kvm & log in again".into(),
    });
    file
}

/// `n` launches of each stack of `plan` after two of warm-up, in turn.
pub(crate) fn of(plan: &Plan, n: usize) -> SamplesFile {
    let mut random = fastrand::Rng::with_seed(42);
    let warmup = 2;
    let mut samples = Vec::new();
    for round in 0..n + warmup {
        for &(stack, phases) in plan {
            samples.push(Sample {
                stack,
                workload: "noop".parse().expect("a kind"),
                order: samples.len(),
                warmup: round < warmup,
                marks_ns: launch(stack, phases, &mut random),
                exit: outcome(),
                invalid: None,
            });
        }
    }
    let stacks = || plan.iter().map(|&(stack, _)| stack);
    SamplesFile {
        schema_version: SCHEMA_VERSION,
        host: host(),
        commit: Commit { id: "0123456789abcdef0123456789abcdef01234567".into(), dirty: false },
        command: "isolab compare --launches 60 --warmup 2 --seed 7".into(),
        seed: 7,
        warmup,
        placement: "lab on CPU 0, launched tree on CPU 1".into(),
        guest: None,
        peers: BTreeMap::new(),
        probe_ns: stacks().map(|stack| (stack, vec![7_000, 8_000, 11_000])).collect(),
        unavailable: Vec::new(),
        partial: None,
        samples,
        counts: Some(counts(stacks())),
        memory: None,
        density: None,
        tax: None,
        ladder: None,
    }
}

fn outcome() -> Outcome {
    Outcome { user_us: 90, system_us: 810, minor_faults: 120, voluntary_switches: 4, ..Outcome::default() }
}

/// Counts of these stacks; those of one VMM could not be had.
fn counts(stacks: impl Iterator<Item = Stack>) -> Counts {
    let named = |counts: &[(&str, u64)]| -> ByName {
        counts.iter().map(|&(name, count)| (name.to_owned(), count)).collect()
    };
    let of = |stack: Stack| {
        let traced = |more: u64| Traced {
            tasks: 2,
            syscalls: named(&[("mount", 6), ("clone3", 1), ("ioctl", 12), ("write", 9 + more)]),
            ioctls: named(&[("KVM_RUN", 12)]),
        };
        let ours = stack.runs_a_guest() && !stack.is_floor();
        let untraced = Untraced {
            exit: outcome(),
            exits: ours.then(|| named(&[("io_out", 4)])),
            statistics: ours.then(|| named(&[("exits", 31), ("io_exits", 4), ("nmi_exits", 0)])),
        };
        let absent = [(Counted::Exits, "its VMM <keeps> no count".to_owned())];
        let absent = if stack == Stack::KvmFloor { absent.into() } else { BTreeMap::new() };
        (stack, StackCounts { traced: vec![traced(0), traced(1)], untraced: vec![untraced], absent })
    };
    Counts { workload: Workload(Kind::Noop), stacks: stacks.map(of).collect() }
}

/// A run with every part that there is, in which the ranking depends on the clock.
pub(crate) fn everything() -> SamplesFile {
    let mut file = with_peers();
    for sample in file.samples.iter_mut().filter(|sample| sample.stack == Stack::Unikernel) {
        let late = sample.marks_ns.get(Mark::Reaped).expect("it was reaped") + 4_000_000;
        sample.marks_ns.set(Mark::Reaped, late);
    }
    SamplesFile {
        memory: Some(crate::memory::ledger::example::section()),
        density: with_density().density,
        ladder: with_ladder().ladder,
        tax: with_tax().tax,
        guest: with_linux().guest,
        ..file
    }
}

/// A run of nothing but the tax: a call takes 100 ns, a container's reads half as long again as a process's.
pub(crate) fn with_tax() -> SamplesFile {
    let mut random = fastrand::Rng::with_seed(42);
    let mut file = SamplesFile { samples: Vec::new(), probe_ns: BTreeMap::new(), counts: None, ..run() };
    let mut tax = Tax { warmup: 1, launches: Vec::new(), absent: Vec::new() };
    let ns = |work: Work, stack: Stack| match (work, stack) {
        (Work::Cpu, _) => 2.0,
        (Work::Switch, _) => 4_000.0,
        (Work::Read, Stack::Container) => 450.0,
        (Work::Read, _) => 300.0,
        (Work::Cross, _) => 1_900.0,
        (Work::Touch, Stack::Unikernel) => 900.0,
        _ => 100.0,
    };
    for round in 0..13 {
        for stack in [Stack::Process, Stack::Container, Stack::Unikernel] {
            for work in Work::ALL.into_iter().filter(|&work| has(work, stack)) {
                for workload in work.sizes() {
                    let operations = Work::of(workload).map_or(0, |(_, count)| count);
                    let around = 1.0 + 0.01 * (random.f64() - 0.5);
                    let exits = named_exits(stack, if work == Work::Cross { operations } else { 0 });
                    tax.launches.push(Launch {
                        stack,
                        workload,
                        round,
                        work_ns: Some((3e6 + operations as f64 * ns(work, stack) * around) as i64),
                        exit: outcome(),
                        exits,
                        invalid: None,
                    });
                }
            }
        }
    }
    tax.absent.push(Absent {
        stack: Stack::Unikernel,
        work: Work::Syscall,
        reason: "a unikernel has no <kernel> to call".into(),
    });
    file.tax = Some(tax);
    file
}

/// A run of nothing but the ladder: each rung costs 0.1 ms, the overlay root 0.4; a guest boots in 60.
pub(crate) fn with_ladder() -> SamplesFile {
    let mut random = fastrand::Rng::with_seed(42);
    let mut ladder = Ladder { warmup: 1, ..Ladder::default() };
    let rungs: Vec<Rung> = Rung::ALL.into_iter().filter(|rung| !rung.is_extra()).collect();
    for (round, rung) in (0..13).flat_map(|round| rungs.iter().map(move |&rung| (round, rung))) {
        let up = ladder::below(rung, &rungs);
        let guest = if rung.wall() == Some(Wall::Guest) { 60.0 } else { 0.0 };
        let root = if up.iter().chain([&rung]).any(|&rung| rung == Rung::Overlay) { 0.3 } else { 0.0 };
        let begin = 0.5 + 0.1 * up.len() as f64 + guest + root + 0.01 * random.f64();
        let mut marks_ns = Timeline::default();
        let mut set = |mark, ms: f64| marks_ns.set(mark, (ms * 1e6) as i64);
        set(Mark::Spawn, 0.0);
        if guest > 0.0 {
            set(Mark::Loaded, 1.0 + 0.01 * random.f64());
            set(Mark::Init, begin - 1.0);
        }
        for mark in [Mark::Begin, Mark::Ready, Mark::End] {
            set(mark, begin);
        }
        set(Mark::Reaped, begin + 0.1 + 0.01 * random.f64());
        ladder.launches.push(ladder::section::Launch {
            rung,
            round,
            marks_ns,
            exit: outcome(),
            invalid: None,
        });
    }
    let (reason, fix) = ("the kernel said <no>".into(), "run as root".into());
    ladder.absent.push(ladder::section::Absent { rung: Rung::Bind, reason, fix });
    SamplesFile {
        samples: Vec::new(),
        probe_ns: BTreeMap::new(),
        counts: None,
        ladder: Some(ladder),
        ..run()
    }
}

fn has(work: Work, stack: Stack) -> bool {
    match stack {
        Stack::Unikernel => matches!(work, Work::Cpu | Work::Touch | Work::Cross),
        _ => work != Work::Cross,
    }
}

fn named_exits(stack: Stack, crossings: u64) -> Option<ByName> {
    (stack == Stack::Unikernel).then(|| BTreeMap::from([("io_out".into(), 4 + crossings)]))
}

/// One launch: each phase varies by a tenth, one in eight waits for a clock tick's worth of time more.
fn launch(
    stack: Stack,
    [launcher, isolation, workload, teardown]: [f64; 4],
    random: &mut fastrand::Rng,
) -> Timeline {
    let late = if random.u8(..8) == 0 { 1.35 } else { 1.0 };
    let mut now = 0.0;
    let mut after = |ms: f64| {
        now += ms * 1e6 * late * (0.95 + 0.1 * random.f64() + 0.05 * random.f64().powi(6));
        now as i64
    };
    let mut timeline = Timeline::default();
    timeline.set(Mark::Spawn, 0);
    if isolation > 0.0 {
        timeline.set(Mark::Launcher, after(launcher * 0.8));
        timeline.set(Mark::Isolate, after(launcher * 0.2));
        if stack.boots_linux() {
            timeline.set(Mark::Loaded, after(isolation * 0.02));
            timeline.set(Mark::Init, after(isolation * 0.9));
        }
        timeline.set(Mark::Begin, after(isolation * if stack.boots_linux() { 0.08 } else { 1.0 }));
    } else {
        timeline.set(Mark::Begin, after(launcher));
    }
    timeline.set(Mark::Ready, after(workload * 0.5));
    timeline.set(Mark::End, after(workload * 0.5));
    timeline.set(Mark::Reaped, after(teardown));
    timeline
}

fn host() -> crate::host::Host {
    crate::host::Host {
        kernel: "6.18.0".into(),
        cpu: "Example CPU at 2 GHz".into(),
        cpus: 2,
        memory_mib: 8192,
        nested: true,
        emulated: false,
        clock: crate::host::clock::Clock::Monotonic,
        kvm: "svm".into(),
        guest_kernel: "native".into(),
        cgroup: "v2".into(),
        limits: "memory 1024 MiB, 1 CPU, 64 pids".into(),
        root: true,
        thp: "madvise".into(),
        ksm: "off".into(),
        governor: "performance".into(),
        mitigations: std::iter::once(("meltdown".into(), "Mitigation: PTI".into())).collect(),
    }
}
