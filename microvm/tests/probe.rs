//! The probe, on the real `/dev/kvm`.

mod common;

use isolab_microvm::probe;

#[test]
fn ring_0_is_timed_and_agrees_with_the_backend() {
    if !common::kvm("ring_0_is_timed_and_agrees_with_the_backend") {
        return;
    }
    let turn = probe::ring0_nanoseconds_per_turn().unwrap();
    eprintln!("backend {:?}: {turn:.2} ns a turn in ring 0", probe::backend());
    // One turn is at least a cycle, and no emulator needs 0.1 ms for one.
    assert!((0.05..100_000.0).contains(&turn), "{turn}");
    if probe::backend() == Some("pvm") {
        assert!(turn > 50.0, "{turn}");
    }
}
