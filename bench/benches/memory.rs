//! What one more idle instance of each stack is charged: bytes of its cgroup, the launcher's and the VMM's included.
//!
//! `isolab memory` says what they consist of; this is the way to follow *one* stack over time, with criterion's
//! baselines. The group's account is taken for it because no other program moves it. An iteration is one instance;
//! a sample starts at least [`LEAST`], since the kernel charges in batches.

mod measurement;

use criterion::{BenchmarkId, Criterion, SamplingMode, criterion_group, criterion_main};
use isolab::fleet::Fleet;
use isolab::ground::Ground;
use isolab::instance::Launcher;
use isolab::interrupt::Interrupt;
use isolab::memory::lodging::Lodging;
use isolab::memory::measure::SETTLE;
use isolab::placement::Placement;
use isolab::programs::Programs;
use isolab::{sandbox, stacks};
use isolab_timeline::{Stack, Workload};
use isolab_workload::kind::Kind;
use measurement::{Amount, BYTES};
use std::rc::Rc;
use std::thread::sleep;
use std::time::Duration;

/// Instances of a sample.
const LEAST: usize = 100;
const LIMIT: Duration = Duration::from_secs(60);

fn memory(_: &mut Criterion) {
    let ground = Ground::lay(Programs::find().expect("the programs"), 128, None).expect("the ground");
    let launcher = Launcher::new(Placement::choose().expect("the CPUs"), LIMIT).expect("the launcher");
    let interrupt = Interrupt::listen().expect("signals");
    let lodging = match Lodging::enter(None) {
        Ok(lodging) => Rc::new(lodging),
        Err(why) => return eprintln!("skipped: memory: {why}"),
    };
    let charged = {
        let lodging = Rc::clone(&lodging);
        move || lodging.accounts().read().expect("the account").usage_bytes as f64
    };
    let mut criterion =
        Criterion::default().with_measurement(Amount::new(BYTES, charged.clone())).configure_from_args();
    let mut group = criterion.benchmark_group("memory/charged-an-instance");
    group.sampling_mode(SamplingMode::Flat).sample_size(10).warm_up_time(Duration::from_millis(1));
    let wait = Workload(Kind::Wait);
    for stack in Stack::ALL {
        if let Err(why) = sandbox::probe(stacks::of(stack), &ground, &launcher, wait) {
            eprintln!("skipped: {stack}: {}", why.reason);
            continue;
        }
        group.bench_function(BenchmarkId::from_parameter(stack), |bencher| {
            bencher.iter_custom(|instances| {
                let n = LEAST.max(instances as usize);
                let mut fleet = Fleet::new(2, LIMIT).expect("a fleet");
                let mut grow = |by| {
                    let command = |_| stacks::of(stack).command(&ground, wait).expect("a command");
                    fleet.grow((0..by).map(command).collect(), &interrupt).expect("instances");
                    sleep(SETTLE);
                    charged()
                };
                let grown = -grow(1) + grow(n);
                assert!(fleet.end().wrong.is_empty(), "{stack}");
                grown / n as f64 * instances as f64
            });
        });
    }
    group.finish();
}

criterion_group!(benches, memory);
criterion_main!(benches);
