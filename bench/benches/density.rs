//! How many idle instances a GiB holds and how many start in a second, for one stack over time.
//!
//! `isolab density` compares stacks and foretells; this is the way to follow *one*, with criterion's baselines. Memory is
//! the fall of `MemAvailable`, which all programs of the machine share: run it on one that is at rest. An iteration
//! is one instance; a sample has at least [`LEAST`], since the kernel counts in batches.

mod measurement;

use criterion::measurement::{Measurement, ValueFormatter};
use criterion::{BenchmarkId, Criterion, SamplingMode, Throughput, criterion_group, criterion_main};
use isolab::density::available;
use isolab::fleet::Fleet;
use isolab::ground::Ground;
use isolab::instance::Launcher;
use isolab::interrupt::Interrupt;
use isolab::placement::{Placement, spread};
use isolab::programs::Programs;
use isolab::{sandbox, stacks};
use isolab_timeline::{Stack, Workload};
use isolab_workload::kind::Kind;
use measurement::{Amount, BYTES};
use std::process::Command;
use std::time::Duration;

/// Instances of a sample.
const LEAST: usize = 100;
const LIMIT: Duration = Duration::from_secs(60);
const WAIT: Workload = Workload(Kind::Wait);
/// What ended before is given back a grace period later.
const CALM: Duration = Duration::from_millis(300);
const GIB: f64 = (1 << 30) as f64;

/// Bytes an instance, and as their throughput the instances that a GiB holds.
struct Room(Amount);

impl Measurement for Room {
    type Intermediate = f64;
    type Value = f64;

    fn start(&self) -> f64 {
        self.0.start()
    }

    fn end(&self, before: f64) -> f64 {
        self.0.end(before)
    }

    fn add(&self, a: &f64, b: &f64) -> f64 {
        self.0.add(a, b)
    }

    fn zero(&self) -> f64 {
        self.0.zero()
    }

    fn to_f64(&self, value: &f64) -> f64 {
        self.0.to_f64(value)
    }

    fn formatter(&self) -> &dyn ValueFormatter {
        self
    }
}

impl ValueFormatter for Room {
    fn scale_values(&self, typical: f64, values: &mut [f64]) -> &'static str {
        BYTES.scale_values(typical, values)
    }

    fn scale_throughputs(&self, _: f64, _: &Throughput, values: &mut [f64]) -> &'static str {
        for value in values {
            *value = GIB / *value;
        }
        "instances/GiB"
    }

    fn scale_for_machines(&self, values: &mut [f64]) -> &'static str {
        BYTES.scale_for_machines(values)
    }
}

fn density(_: &mut Criterion) {
    let ground = Ground::lay(Programs::find().expect("the programs"), 128, None).expect("the ground");
    let launcher = Launcher::new(Placement::choose().expect("the CPUs"), LIMIT).expect("the launcher");
    let runs = |stack: &Stack| {
        let tried = sandbox::probe(stacks::of(*stack), &ground, &launcher, WAIT);
        tried.inspect_err(|why| eprintln!("skipped: {stack}: {}", why.reason)).is_ok()
    };
    let stacks: Vec<Stack> = Stack::ALL.into_iter().filter(runs).collect();
    spread().expect("all CPUs");
    rates(&stacks, &ground);
    room(&stacks, &ground);
}

fn commands(stack: Stack, ground: &Ground, count: usize) -> Vec<Command> {
    (0..count).map(|_| stacks::of(stack).command(ground, WAIT).expect("a command")).collect()
}

/// Launches a second: from the first spawn until all hold, as many at a time as there are CPUs.
fn rates(stacks: &[Stack], ground: &Ground) {
    let cpus = std::thread::available_parallelism().map_or(1, usize::from);
    let mut criterion = Criterion::default().configure_from_args();
    let mut group = criterion.benchmark_group("density/launches");
    group.sampling_mode(SamplingMode::Flat).sample_size(10).throughput(Throughput::Elements(1));
    for &stack in stacks {
        group.bench_function(BenchmarkId::from_parameter(stack), |bencher| {
            bencher.iter_custom(|instances| {
                let mut fleet = Fleet::new(cpus, LIMIT).expect("a fleet");
                let many = LEAST.max(instances as usize);
                fleet.grow(commands(stack, ground, many), &Interrupt::never()).expect("instances");
                let all = fleet.instances();
                let first = all.iter().map(|instance| instance.spawn_ns).min().expect("an instance");
                let last = all.iter().map(|instance| instance.ready_ns).max().expect("an instance");
                assert!(fleet.end().wrong.is_empty(), "{stack}");
                Duration::from_nanos(last - first).mul_f64(instances as f64 / many as f64)
            });
        });
    }
    group.finish();
}

/// Memory an instance, and instances a GiB.
fn room(stacks: &[Stack], ground: &Ground) {
    let used = || -(available() as f64);
    let mut criterion =
        Criterion::default().with_measurement(Room(Amount::new(BYTES, used))).configure_from_args();
    let mut group = criterion.benchmark_group("density/room");
    group.sampling_mode(SamplingMode::Flat).sample_size(10).throughput(Throughput::Elements(1));
    group.warm_up_time(Duration::from_millis(1));
    for &stack in stacks {
        group.bench_function(BenchmarkId::from_parameter(stack), |bencher| {
            bencher.iter_custom(|instances| {
                let mut fleet = Fleet::new(2, LIMIT).expect("a fleet");
                let mut grow = |by| {
                    fleet.grow(commands(stack, ground, by), &Interrupt::never()).expect("instances");
                    std::thread::sleep(CALM);
                    used()
                };
                let many = LEAST.max(instances as usize);
                let grown = -grow(1) + grow(many);
                assert!(fleet.end().wrong.is_empty(), "{stack}");
                std::thread::sleep(CALM);
                // Criterion takes no amount below zero, which a machine that is not at rest may show.
                grown.max(1.0) / many as f64 * instances as f64
            });
        });
    }
    group.finish();
}

criterion_group!(benches, density);
criterion_main!(benches);
