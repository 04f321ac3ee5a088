//! The same container by four low-level runtimes: ours, crun, runc and youki. One bundle with one configuration, given
//! unchanged to each: the default that `spec` prints (runc's), with a seccomp profile and limits added, and the
//! workload that does nothing. What differs is the runtime.
//!
//! The others are taken as they are found along `PATH`; one that is missing, or that this host does not let run, is
//! named as skipped. It is no criterion bench because what counts is the ratio within a run.

use isolab::ground::Ground;
use isolab::instance::Launcher;
use isolab::peers::oci::Oci;
use isolab::placement::Placement;
use isolab::programs::Programs;
use isolab::rivals::{Race, Rival};
use isolab::stacks;
use isolab_timeline::{Mark, Peer, Stack, Workload};
use isolab_workload::kind::Kind;
use std::time::Duration;

const OTHERS: [Peer; 3] = [Peer::Crun, Peer::Runc, Peer::Youki];

fn main() -> anyhow::Result<()> {
    let trial = std::env::args().any(|word| word == "--test");
    let runs = if trial { 1 } else { 101 };
    let ground = Ground::lay(Programs::find()?, 128, None)?;
    let launcher = Launcher::new(Placement::choose()?, Duration::from_secs(60))?;
    let mut rivals = vec![Rival { name: "isolab-runtime", sandbox: &Oci::OURS }];
    rivals.extend(OTHERS.map(|peer| Rival { name: peer.name(), sandbox: stacks::of(Stack::Peer(peer)) }));
    let race = Race::run(rivals, &ground, Workload(Kind::Noop), runs, &launcher)?;
    println!("{}, n = {runs}", ground.limits());
    race.print("begin", Mark::Begin);
    race.print("reaped", Mark::Reaped);
    Ok(())
}
