use super::*;
use example::{HIDDEN, fleet, section, unikernel, unikernel_v2};

fn ledger(stack: Stack) -> Ledger {
    Ledger::of(section().ledger_of(stack).unwrap()).unwrap()
}

fn kib(ledger: &Ledger, line: Line) -> Option<f64> {
    Some((ledger.get(line)?.slope.bytes / 1024.0 * 1e6).round() / 1e6)
}

#[test]
fn every_line_is_the_slope_that_the_readings_were_made_with() {
    let vm = ledger(Stack::Unikernel);
    for (line, expected) in [
        (Line::Workload, None),
        (Line::Launcher, Some(100.0)),
        (Line::Guest, Some(40.0)),
        (Line::PageTables, Some(42.0)),
        (Line::SecondaryPageTables, Some(20.0)),
        (Line::KernelStacks, Some(32.0)),
        (Line::Slab, Some(150.0)),
        (Line::Percpu, Some(1.0)),
        (Line::Vmalloc, Some(340.0)),
        (Line::KernelPages, Some(101.0)),
        (Line::ReclaimableSlab, Some(70.0)),
    ] {
        assert_eq!(kib(&vm, line), expected, "{line:?}");
    }
    assert_eq!(vm.n, 100);
    assert!((vm.shared_bytes - 1_500.0 * 1024.0).abs() < 1e-6);
}

#[test]
fn the_lines_and_what_is_in_none_are_the_fall() {
    for stack in [Stack::Process, Stack::Unikernel] {
        let ledger = ledger(stack);
        let rest = ledger.unaccounted.bytes;
        assert!((ledger.sum_bytes() + rest - ledger.fall.bytes).abs() < 1e-3, "{ledger:#?}");
        let hidden = if stack == Stack::Process { HIDDEN as f64 } else { 900.0 - 826.0 };
        assert!((rest / 1024.0 - hidden).abs() < 1e-6, "{stack}: {}", rest / 1024.0);
        assert_eq!(ledger.verdict(), Verdict::AddsUp, "{stack}");
    }
}

#[test]
fn a_residue_is_large_from_a_tenth_and_fifty_kilobytes_on() {
    let grown = |by: u64| {
        let mut fleet = fleet(Stack::Unikernel, unikernel);
        for point in &mut fleet.points {
            point.machine.available_kib -= by * point.instances as u64;
        }
        Ledger::of(&fleet).unwrap().verdict()
    };
    assert_eq!([grown(0), grown(10), grown(80)], [Verdict::AddsUp, Verdict::AddsUp, Verdict::Off]);
}

#[test]
fn what_the_kernel_could_reclaim_but_does_not_call_available_is_a_line() {
    let mut fleet = fleet(Stack::Unikernel, unikernel);
    fleet.points.iter_mut().for_each(|point| point.machine.low_watermark_kib = 100_000);
    let ledger = Ledger::of(&fleet).unwrap();
    assert_eq!((kib(&ledger, Line::HeldBack), kib(&ledger, Line::ReclaimableSlab)), (Some(35.0), Some(35.0)));
    assert!((ledger.unaccounted.bytes / 1024.0 - (74.0 - 35.0)).abs() < 1e-6, "{ledger:#?}");
}

#[test]
fn on_a_busy_machine_nobody_can_say_whether_it_adds_up() {
    let mut fleet = fleet(Stack::Unikernel, unikernel);
    for (place, point) in fleet.points.iter_mut().enumerate() {
        point.machine.available_kib -= [0, 90_000, 20_000, 60_000][place % 4];
    }
    let ledger = Ledger::of(&fleet).unwrap();
    assert_eq!(ledger.verdict(), Verdict::TooBusy, "{:?}", ledger.unaccounted);
    assert_eq!(
        kib(&ledger, Line::Guest),
        Some(40.0),
        "what is counted for the instances alone is as exact as ever"
    );
}

#[test]
fn version_2_tells_exactly_what_version_1_takes_from_the_machine() {
    let (one, two) = (ledger(Stack::Unikernel), Ledger::of(&fleet(Stack::Unikernel, unikernel_v2)).unwrap());
    for line in [Line::SecondaryPageTables, Line::KernelStacks, Line::Vmalloc] {
        assert_eq!(kib(&one, line), kib(&two, line));
        let accuracy = |ledger: &Ledger| ledger.get(line).unwrap().accuracy;
        assert_eq!((accuracy(&one), accuracy(&two)), (Accuracy::Sampled, Accuracy::Exact), "{line:?}");
        assert_ne!(one.get(line).unwrap().source, two.get(line).unwrap().source);
    }
    assert_eq!(kib(&two, Line::KernelPages), Some(101.0));
}

#[test]
fn without_a_group_what_only_it_tells_is_absent_and_not_zero() {
    let mut fleet = fleet(Stack::Unikernel, unikernel);
    fleet.points.iter_mut().for_each(|point| point.charged = None);
    let ledger = Ledger::of(&fleet).unwrap();
    assert!(ledger.get(Line::KernelPages).is_none() && ledger.rulers.cgroup.is_none());
    assert_eq!(ledger.verdict(), Verdict::Off, "what KVM has is then in no line");
}

#[test]
fn one_reading_makes_no_ledger_and_few_make_no_interval() {
    let mut fleet = fleet(Stack::Unikernel, unikernel);
    fleet.points.truncate(5);
    let few = Ledger::of(&fleet).unwrap();
    assert!((few.fall.bytes / 1024.0 - 900.0).abs() < 1e-6 && few.fall.interval.is_none());
    fleet.points.truncate(1);
    assert_eq!(Ledger::of(&fleet), None);
}

#[test]
fn ledgers_are_of_fleets_without_huge_pages_in_the_order_of_stacks() {
    let mut section = section();
    section.fleets.push(Fleet { huge_pages: true, ..section.fleets[0].clone() });
    let stacks: Vec<_> = Ledger::all(&section).iter().map(|ledger| ledger.stack).collect();
    assert_eq!(stacks, [Stack::Process, Stack::Unikernel]);
}

#[test]
fn a_guest_that_tells_has_two_lines_for_one() {
    let mut fleet = fleet(Stack::Microvm, unikernel);
    for point in &mut fleet.points {
        point.processes.guest_programs_kib = Some(15 * (point.instances as u64 + 1));
    }
    let (silent, telling) = (ledger(Stack::Unikernel), Ledger::of(&fleet).unwrap());
    assert_eq!((kib(&silent, Line::GuestKernel), kib(&silent, Line::GuestPrograms)), (None, None));
    assert_eq!(
        (kib(&telling, Line::GuestKernel), kib(&telling, Line::GuestPrograms)),
        (Some(25.0), Some(15.0))
    );
    assert_eq!(kib(&telling, Line::Guest), None);
    assert!((silent.sum_bytes() - telling.sum_bytes()).abs() < 1e-6);
}
