//! Made-up runs for tests: they look like launches (skewed, two modes) but nothing was measured.

use crate::samples::{Commit, SCHEMA_VERSION, SamplesFile, Unavailable};
use isolab_timeline::{Mark, Outcome, Sample, Stack, Timeline};
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

/// A run in which one stack takes a hundred times as long as another.
pub(crate) fn slow_and_fast() -> SamplesFile {
    let mut plan = PLAN;
    plan[1].1 = [3.1, 52.0, 0.006, 17.0];
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
                exit: Outcome { status: 0, user_us: 90, system_us: 810 },
                invalid: None,
            });
        }
    }
    let stacks = || plan.iter().map(|&(stack, _)| stack);
    let calls = BTreeMap::from([("mount", 6), ("clone3", 1), ("pivot_root", 1), ("write", 9)].map(own));
    SamplesFile {
        schema_version: SCHEMA_VERSION,
        host: host(),
        commit: Commit { id: "0123456789abcdef0123456789abcdef01234567".into(), dirty: false },
        command: "isolab compare --launches 60 --warmup 2 --seed 7".into(),
        seed: 7,
        warmup,
        placement: "lab on CPU 0, launched tree on CPU 1".into(),
        guest: None,
        probe_ns: stacks().map(|stack| (stack, vec![7_000, 8_000, 11_000])).collect(),
        unavailable: Vec::new(),
        partial: None,
        samples,
        syscalls: stacks().filter(|stack| stack.is_floor()).map(|stack| (stack, calls.clone())).collect(),
        memory: None,
    }
}

fn own((name, count): (&str, u64)) -> (String, u64) {
    (name.into(), count)
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
