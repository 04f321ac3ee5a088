//! What each piece of a wall costs, in-process: the runtime's and the VMM's own functions.
//!
//! Linux side: a child in each new namespace, the overlay root, joining a cgroup by each way. KVM side:
//! creating a VM, its vCPU, the first run, and closing it with and without an interrupt controller.

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use isolab::programs::Programs;
use isolab_microvm::memory::Memory;
use isolab_microvm::vcpu::Vcpu;
use isolab_microvm::vm::Vm;
use isolab_runtime::cgroup::{Hierarchy, Limits};
use isolab_runtime::clone::{Child, clone};
use isolab_runtime::namespaces::Namespaces;
use isolab_runtime::rootfs::overlay;
use rustix::process::{WaitId, WaitIdOptions, waitid};
use std::fs;
use std::io::Write;
use std::os::fd::AsFd;
use std::time::{Duration, Instant};

/// Longer than a grace period.
const REST: Duration = Duration::from_millis(50);

/// Creates a child in new `namespaces`, which runs `inside` and ends, and reaps it.
fn child(namespaces: Namespaces, inside: impl FnOnce() -> i32) -> i32 {
    let Child { pidfd, .. } = clone(namespaces, None, inside).expect("clone3");
    let status = waitid(WaitId::PidFd(pidfd.as_fd()), WaitIdOptions::EXITED).expect("waitid");
    status.and_then(|status| status.exit_status()).expect("an exit status")
}

/// The time that `work` takes inside a child which has its own mounts: measured there, told by a pipe.
fn timed_inside(work: impl FnOnce()) -> Duration {
    let (reader, mut writer) = std::io::pipe().expect("a pipe");
    let status = child(Namespaces::MOUNT, || {
        let start = Instant::now();
        work();
        let nanoseconds = start.elapsed().as_nanos() as u64;
        i32::from(writer.write_all(&nanoseconds.to_le_bytes()).is_err())
    });
    assert_eq!(status, 0, "the work in the child failed");
    let mut bytes = [0; 8];
    std::io::Read::read_exact(&mut &reader, &mut bytes).expect("the child's time");
    Duration::from_nanos(u64::from_le_bytes(bytes))
}

fn namespaces(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("pieces/clone");
    let user = Namespaces::USER;
    for (name, namespaces) in [
        ("no-namespace", Namespaces::NONE),
        ("user", user),
        ("pid", Namespaces::PID),
        ("mount", Namespaces::MOUNT),
        ("ipc", Namespaces::IPC),
        ("uts", Namespaces::UTS),
        ("network", Namespaces::NETWORK),
        ("cgroup", Namespaces::CGROUP),
        ("container", Namespaces::CONTAINER),
    ] {
        // An ordinary user may make the others only inside a user namespace of its own.
        let root = rustix::process::geteuid().is_root();
        let namespaces = if root { namespaces } else { namespaces | user };
        group.bench_function(name, |bencher| bencher.iter(|| child(namespaces, || 0)));
    }
    group.finish();
}

fn root(criterion: &mut Criterion) {
    if !rustix::process::geteuid().is_root() {
        return eprintln!("skipped: pieces/overlay-root: needs root");
    }
    let folder = tempfile::tempdir().expect("a folder");
    criterion.bench_function("pieces/overlay-root", |bencher| {
        bencher.iter_custom(|times| {
            let mount = || drop(overlay::attach(folder.path(), false).expect("an overlay root"));
            (0..times).map(|_| timed_inside(mount)).sum()
        });
    });
}

fn cgroup(criterion: &mut Criterion) {
    let limits = Limits { memory: Some(1 << 30), cpus: None, pids: None };
    let group = match Hierarchy::detect().and_then(|hierarchy| hierarchy.create(&limits)) {
        Ok(group) => group,
        Err(error) => return eprintln!("skipped: pieces/cgroup-join: {error}"),
    };
    let joining = group.joining().expect("the ways in");
    let mut benches = criterion.benchmark_group("pieces/cgroup-join");
    if joining.folder().is_some() {
        benches.bench_function("v2-clone-into", |bencher| {
            bencher.iter(|| {
                let Child { pidfd, .. } = clone(Namespaces::NONE, joining.folder(), || 0).expect("clone3");
                waitid(WaitId::PidFd(pidfd.as_fd()), WaitIdOptions::EXITED).expect("waitid")
            });
        });
    } else {
        benches.bench_function("v1-own-write-to-tasks", |bencher| {
            bencher.iter_custom(|times| {
                let join = || joining.join().expect("joining");
                (0..times).map(|_| timed_inside(join)).sum()
            });
        });
    }
    let folder = group.folders().next().expect("a folder").to_owned();
    benches.sample_size(10).bench_function("parents-write-to-procs", |bencher| {
        bencher.iter_custom(|times| (0..times).map(|_| join_by_parent(&folder)).sum());
    });
    benches.finish();
    group.remove().expect("removing the group");
}

/// How long another process's write to `cgroup.procs` takes, which is how engines usually do it.
///
/// The kernel lets such writes that follow each other at once share the wait for one RCU grace period, so a tight
/// loop would show a hundredth of what a single launch pays: each write here comes after a rest.
fn join_by_parent(folder: &std::path::Path) -> Duration {
    let (reader, writer) = std::io::pipe().expect("a pipe");
    let Child { pid, pidfd } = clone(Namespaces::NONE, None, || {
        // It waits for one byte: it must be alive while it is moved.
        i32::from(rustix::io::read(&reader, &mut [0; 1]).is_err())
    })
    .expect("clone3");
    std::thread::sleep(REST);
    let start = Instant::now();
    fs::write(folder.join("cgroup.procs"), pid.as_raw_nonzero().to_string()).expect("the write");
    let time = start.elapsed();
    (&writer).write_all(b"x").expect("the pipe");
    waitid(WaitId::PidFd(pidfd.as_fd()), WaitIdOptions::EXITED).expect("waitid");
    time
}

/// The time of `work` on what `prepare` makes; what is left of it is closed outside of the time.
fn timed<T, R>(times: u64, prepare: impl Fn() -> T, work: impl Fn(T) -> R) -> Duration {
    let one = |_| {
        let prepared = prepare();
        let start = Instant::now();
        let result = work(prepared);
        let time = start.elapsed();
        drop(result);
        time
    };
    (0..times).map(one).sum()
}

fn kvm(criterion: &mut Criterion) {
    let kvm = match isolab_microvm::kvm::open() {
        Ok(kvm) => kvm,
        Err(error) => return eprintln!("skipped: pieces/kvm: {error}"),
    };
    let programs = Programs::find().expect("the programs");
    let words = ["noop".to_owned()];
    let create = || kvm.create_vm().expect("KVM_CREATE_VM");
    let vm = || Vm::create(&kvm, Memory::new(128).expect("memory")).expect("a VM");

    let mut group = criterion.benchmark_group("pieces/kvm");
    group.sample_size(50).measurement_time(Duration::from_secs(3));
    group.bench_function("create-vm", |bencher| {
        bencher.iter_custom(|times| timed(times, || (), |()| create()));
    });
    group.bench_function("create-vcpu", |bencher| {
        bencher.iter_custom(|times| {
            timed(times, create, |vm| (Vcpu::create(&vm, 0).expect("KVM_CREATE_VCPU"), vm))
        });
    });
    group.bench_function("load-guest", |bencher| {
        bencher.iter_custom(|times| {
            timed(times, vm, |mut vm| {
                vm.load(&programs.unikernel, &words).expect("the guest");
                vm
            })
        });
    });
    group.bench_function("first-run-to-end", |bencher| {
        let loaded = || {
            let mut vm = vm();
            vm.load(&programs.unikernel, &words).expect("the guest");
            vm
        };
        bencher.iter_custom(|times| {
            timed(times, loaded, |mut vm| {
                assert_eq!(vm.run(std::io::sink(), false).expect("a run"), 0);
                vm
            })
        });
    });
    for (name, irqchip) in [("without-irqchip", false), ("with-irqchip", true)] {
        let made = || {
            let vm = create();
            if irqchip {
                vm.create_irq_chip().expect("KVM_CREATE_IRQCHIP");
            }
            vm
        };
        group.bench_function(BenchmarkId::new("close", name), |bencher| {
            bencher.iter_custom(|times| timed(times, made, drop));
        });
    }
    group.finish();
}

criterion_group!(benches, namespaces, root, cgroup, kvm);
criterion_main!(benches);
