//! Start-up of each stack, from the marks of whole launches: spawn → begin, and spawn → reaped.
//!
//! The lab's `compare` interleaves stacks and is the way to compare them; this is the way to follow *one*
//! stack over time, with criterion's baselines (`cargo bench -- --save-baseline NAME`).

use criterion::{BenchmarkId, Criterion, SamplingMode, criterion_group, criterion_main};
use isolab::ground::Ground;
use isolab::instance::Launcher;
use isolab::placement::Placement;
use isolab::programs::Programs;
use isolab::{sandbox, stacks};
use isolab_timeline::{Mark, Stack, Workload};
use isolab_workload::kind::Kind;
use std::time::Duration;

fn startup(criterion: &mut Criterion) {
    let ground = Ground::lay(Programs::find().expect("the programs"), 128, None).expect("the ground");
    let placement = Placement::choose().expect("the CPUs");
    let launcher = Launcher::new(placement, Duration::from_secs(60)).expect("the launcher");
    let noop = Workload(Kind::Noop);
    for (clock, mark) in [("begin", Mark::Begin), ("reaped", Mark::Reaped)] {
        let mut group = criterion.benchmark_group(format!("startup/spawn-{clock}"));
        group.sampling_mode(SamplingMode::Flat).sample_size(50).measurement_time(Duration::from_secs(3));
        for stack in Stack::ALL {
            if let Err(why) = sandbox::probe(stacks::of(stack), &ground, &launcher, noop) {
                eprintln!("skipped: {stack}: {}", why.reason);
                continue;
            }
            group.bench_function(BenchmarkId::from_parameter(stack), |bencher| {
                bencher.iter_custom(|launches| {
                    let one = |_| {
                        let command = stacks::of(stack).command(&ground, noop).expect("a command");
                        let launch = launcher.run(command).expect("a launch");
                        assert_eq!(launch.invalid, None, "{stack}");
                        launch.timeline.span(Mark::Spawn, mark).expect("the mark") as u64
                    };
                    Duration::from_nanos((0..launches).map(one).sum())
                });
            });
        }
        group.finish();
    }
}

criterion_group!(benches, startup);
criterion_main!(benches);
