//! The same Linux guest by two VMMs: ours, and QEMU's `microvm` machine. Same kernel, same initial RAM file system,
//! same memory, same host, one run, interleaved: what differs is the VMM.
//!
//! QEMU is configured twice: as its manual's page on the `microvm` machine shows it, and with all that the page says
//! can be left out. Marks leave it by its debug console, which has the port of our mark device.
//!
//! It is no criterion bench because what counts is the ratio within a run. It needs a KVM that boots Linux; where
//! there is none, `just bench-boot` runs it in the emulated machine, in virtual time.

use isolab::ground::Ground;
use isolab::instance::{Launched, Launcher};
use isolab::placement::Placement;
use isolab::programs::Programs;
use isolab::sandbox::Sandbox;
use isolab::stacks::microvm::Microvm;
use isolab::stats::bootstrap::Medians;
use isolab::stats::{Sorted, show};
use isolab_microvm::machine::COMMAND_LINE;
use isolab_timeline::{Mark, Timeline, Workload};
use isolab_workload::kind::Kind;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

const MEMORY_MIB: u32 = 128;
/// As in the manual of the `microvm` machine.
const QEMU: &str = "microvm,acpi=off";
/// And with what that page says can be left out: the PC's old devices and option ROMs. The serial port stays: it is
/// the guest's console.
const QEMU_LEAST: &str = "microvm,acpi=off,x-option-roms=off,pit=off,pic=off,rtc=off";

fn main() -> anyhow::Result<()> {
    let trial = std::env::args().any(|word| word == "--test");
    let runs = if trial { 1 } else { 11 };
    let ground = Ground::lay(Programs::find()?, MEMORY_MIB, None)?;
    let noop = Workload(Kind::Noop);
    let kernel = match ground.kernel() {
        Ok(kernel) => kernel.clone(),
        Err(refusal) => {
            eprintln!("skipped: boot: {}; fix: {}", refusal.reason, refusal.fix);
            return Ok(());
        }
    };
    let launcher = Launcher::new(Placement::choose()?, Duration::from_secs(60))?;
    let ours = || Microvm.command(&ground, noop).map_err(|refusal| anyhow::anyhow!(refusal.reason));
    // Packs the archive that QEMU takes too.
    ours()?;
    let archive = ground.place("microvm-noop.cpio");
    let mut vmms = vec![Vmm { name: "isolab-microvm", machine: None }];
    vmms.extend([("QEMU microvm", QEMU), ("QEMU microvm, least", QEMU_LEAST)].map(Vmm::qemu));
    let launch = |vmm: &Vmm| -> anyhow::Result<Timeline> {
        let command = match vmm.machine {
            None => ours()?,
            Some(machine) => qemu(machine, &kernel.image, &archive),
        };
        let Launched { timeline, outcome, complaint, .. } = launcher.run(command)?;
        // The port by which a guest ends QEMU doubles its status and adds one.
        let success = i32::from(vmm.machine.is_some());
        let whole = outcome.status == success && timeline.get(Mark::End).is_some();
        anyhow::ensure!(whole, "{} ended with status {}: {complaint}", vmm.name, outcome.status);
        Ok(timeline)
    };
    vmms.retain(|vmm| launch(vmm).inspect_err(|why| eprintln!("skipped: boot: {why:#}")).is_ok());
    anyhow::ensure!(vmms.first().is_some_and(|vmm| vmm.machine.is_none()), "our own guest does not boot");
    let mut samples = vec![Vec::new(); vmms.len()];
    let (mut random, mut round) = (fastrand::Rng::with_seed(1), (0..vmms.len()).collect::<Vec<_>>());
    for _ in 0..runs {
        random.shuffle(&mut round);
        for &vmm in &round {
            samples[vmm].push(launch(&vmms[vmm])?);
        }
    }
    println!("{}, {MEMORY_MIB} MiB, n = {runs}", kernel.words);
    for (clock, mark) in [("begin", Mark::Begin), ("reaped", Mark::Reaped)] {
        table(clock, mark, &vmms, &samples);
    }
    phases(&samples[0]);
    Ok(())
}

/// One VMM, as it is configured.
struct Vmm {
    name: &'static str,
    /// QEMU's `-M`; `None`: it is ours.
    machine: Option<&'static str>,
}

impl Vmm {
    fn qemu((name, machine): (&'static str, &'static str)) -> Vmm {
        Vmm { name, machine: Some(machine) }
    }
}

/// QEMU's command for the same guest.
fn qemu(machine: &str, kernel: &Path, archive: &Path) -> Command {
    let mut command = Command::new("qemu-system-x86_64");
    command.args(["-M", machine, "-enable-kvm", "-cpu", "host", "-m", &MEMORY_MIB.to_string()]);
    command.args(["-nodefaults", "-no-user-config", "-display", "none", "-no-reboot", "-serial", "null"]);
    command.arg("-kernel").arg(kernel).arg("-initrd").arg(archive);
    command.args(["-append", &format!("{COMMAND_LINE} quiet")]);
    command.args([
        "-chardev",
        "stdio,id=marks,signal=off",
        "-device",
        "isa-debugcon,iobase=0xe9,chardev=marks",
    ]);
    command.args(["-device", "isa-debug-exit,iobase=0xf4,iosize=1"]);
    command
}

fn table(clock: &str, mark: Mark, vmms: &[Vmm], samples: &[Vec<Timeline>]) {
    let mut random = fastrand::Rng::with_seed(1);
    let mut figures = samples.iter().map(|launches| {
        let spans = launches.iter().filter_map(|launch| launch.span(Mark::Spawn, mark));
        let sample = Sorted::new(spans.map(|span| span as f64 / 1e6)).expect("every launch has this mark");
        (sample.median(), Medians::draw(&sample, &mut random))
    });
    let (base, base_medians) = figures.next().expect("ours");
    println!("\nspawn → {clock}, ms\n{:20} {:>8}", vmms[0].name, show::ms(base));
    for (Vmm { name, .. }, (median, medians)) in vmms[1..].iter().zip(figures) {
        let interval = base_medians.as_ref().zip(medians.as_ref()).map(|(ours, theirs)| {
            let ends = ours.ratio_interval(theirs);
            format!(" ({} to {})", show::factor(ends.low), show::factor(ends.high))
        });
        let ratio = show::factor(base / median);
        println!("{name:20} {:>8}   ours / theirs {ratio}{}", show::ms(median), interval.unwrap_or_default());
    }
}

/// Where our time goes: the medians of our own marks.
fn phases(launches: &[Timeline]) {
    println!("\nisolab-microvm, since the spawn, ms");
    for mark in Mark::ALL {
        let times = launches.iter().filter_map(|launch| launch.get(mark));
        if let Some(sample) = Sorted::new(times.map(|time| time as f64 / 1e6)) {
            println!("{:20} {:>8}", format!("{mark:?}").to_lowercase(), show::ms(sample.median()));
        }
    }
}
