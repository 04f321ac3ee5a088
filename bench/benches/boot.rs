//! The same Linux guest by two VMMs: ours, and QEMU's `microvm` machine. Same kernel, same initial RAM file system,
//! same memory, same host, one run, interleaved: what differs is the VMM.
//!
//! QEMU is configured twice: as its manual's page on the `microvm` machine shows it, and with all that the page says
//! can be left out. Marks leave it by its debug console, which has the port of our mark device.
//!
//! It is no criterion bench because what counts is the ratio within a run. It needs a KVM that boots Linux; where
//! there is none, `just bench-boot` runs it in the emulated machine, in virtual time.

use isolab::ground::Ground;
use isolab::instance::Launcher;
use isolab::placement::Placement;
use isolab::programs::Programs;
use isolab::rivals::{Race, Rival};
use isolab::sandbox::Sandbox;
use isolab::stacks::microvm::Microvm;
use isolab_microvm::machine::COMMAND_LINE;
use isolab_timeline::{Mark, Workload};
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
    let (image, archive) = (&kernel.image, &ground.place("microvm-noop.cpio"));
    let theirs = |name, machine| Rival {
        name,
        // The port by which a guest ends QEMU doubles its status and adds one.
        success: 1,
        command: Box::new(move || Ok(qemu(machine, image, archive))),
    };
    let rivals = vec![
        Rival { name: "isolab-microvm", success: 0, command: Box::new(ours) },
        theirs("QEMU microvm", QEMU),
        theirs("QEMU microvm, least", QEMU_LEAST),
    ];
    let race = Race::run(rivals, runs, &launcher)?;
    println!("{}, {MEMORY_MIB} MiB, n = {runs}", kernel.words);
    race.print("begin", Mark::Begin);
    race.print("reaped", Mark::Reaped);
    race.print_marks();
    Ok(())
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
