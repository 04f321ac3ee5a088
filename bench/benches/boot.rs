//! The same Linux guest by several VMMs: ours, and the peers that are found here. Same kernel, same programs in the
//! guest, same memory, same host, one run, interleaved: what differs is the VMM.
//!
//! QEMU is configured twice: as its manual's page on the `microvm` machine shows it, and with all that the page says
//! can be left out. Marks leave a peer by its serial port, through the guest kernel's terminal; ours have a port.
//!
//! It is no criterion bench because what counts is the ratio within a run. It needs a KVM that boots Linux; where
//! there is none, `just bench-boot` runs it in the emulated machine, in virtual time.

use isolab::ground::Ground;
use isolab::instance::Launcher;
use isolab::peers::guest::Guest;
use isolab::peers::qemu::{LEAST, MACHINE, Qemu};
use isolab::peers::{cloud_hypervisor::CloudHypervisor, firecracker::Firecracker};
use isolab::placement::Placement;
use isolab::programs::Programs;
use isolab::rivals::{Race, Rival};
use isolab::stacks::microvm::Microvm;
use isolab_timeline::{Mark, Workload};
use isolab_workload::kind::Kind;
use std::time::Duration;

const MEMORY_MIB: u32 = 128;

fn main() -> anyhow::Result<()> {
    let trial = std::env::args().any(|word| word == "--test");
    let runs = if trial { 1 } else { 11 };
    let ground = Ground::lay(Programs::find()?, MEMORY_MIB, None)?;
    let kernel = match ground.kernel() {
        Ok(kernel) => kernel.clone(),
        Err(refusal) => {
            eprintln!("skipped: boot: {}; fix: {}", refusal.reason, refusal.fix);
            return Ok(());
        }
    };
    let launcher = Launcher::new(Placement::choose()?, Duration::from_secs(60))?;
    let rivals = vec![
        Rival { name: "isolab-microvm", sandbox: &Microvm },
        Rival { name: "QEMU microvm", sandbox: &Qemu { guest: Guest::Linux, machine: MACHINE } },
        Rival { name: "QEMU microvm, least", sandbox: &Qemu { guest: Guest::Linux, machine: LEAST } },
        Rival { name: "Firecracker", sandbox: &Firecracker(Guest::Linux) },
        Rival { name: "Cloud Hypervisor", sandbox: &CloudHypervisor(Guest::Linux) },
    ];
    let race = Race::run(rivals, &ground, Workload(Kind::Noop), runs, &launcher)?;
    println!("{}, {MEMORY_MIB} MiB, n = {runs}", kernel.words);
    race.print("begin", Mark::Begin);
    race.print("reaped", Mark::Reaped);
    race.print_marks();
    Ok(())
}
