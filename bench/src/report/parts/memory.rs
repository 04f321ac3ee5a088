//! The page's part on memory.

use crate::chart::{self, Circumstances};
use crate::memory::ledger::{Entry, Ledger, Slope, Verdict};
use crate::memory::{Line, Section};
use crate::report::answers::Answer;
use crate::report::csv::{self, number};
use crate::report::drawing::Drawing;
use crate::report::sentences::{listed, noun};
use crate::samples::SamplesFile;
use crate::stats::{line, show};
use isolab_timeline::Stack;
use minijinja::{Value, context};

/// What the template prints.
pub(in crate::report) fn values(section: &Section, ledgers: &[Ledger]) -> Value {
    let row = |name: &str, note: &str, of: &dyn Fn(&Ledger) -> Option<Slope>| {
        let cells: Vec<_> = ledgers.iter().map(of).collect();
        let cell = |slope: &Option<Slope>| {
            context! {
                bytes => slope.map_or(show::NONE.into(), |slope| show::kib(slope.bytes)),
                interval => slope.and_then(|slope| slope.interval).map(|ends| show::interval_kib(Some(ends))),
            }
        };
        cells.iter().any(Option::is_some).then(|| {
            context! { name, note, cells => cells.iter().map(cell).collect::<Vec<_>>() }
        })
    };
    let lines = |reclaimable: bool| {
        let these = Line::ALL.into_iter().filter(move |line| line.is_reclaimable() == reclaimable);
        these.filter_map(|line| {
            row(line.name(), &note(ledgers, line), &|ledger| Some(ledger.get(line)?.slope))
        })
    };
    let rulers = [
        row("RSS", "every page that its processes map", &|ledger| Some(ledger.rulers.rss)),
        row("PSS", "each page divided by how many map it", &|ledger| Some(ledger.rulers.pss)),
        row("USS", "pages that nobody else maps", &|ledger| Some(ledger.rulers.uss)),
        row("cgroup", "all that is charged to its group", &|ledger| ledger.rulers.cgroup),
    ];
    context! {
        sentences => sentences(ledgers),
        stacks => ledgers.iter().map(|ledger| context! {
            name => ledger.stack.name(), n => ledger.n, shared => show::kib(ledger.shared_bytes),
        }).collect::<Vec<_>>(),
        lines => lines(false).collect::<Vec<_>>(),
        rest => row("in no line", "the fall less the lines", &|ledger| Some(ledger.unaccounted)),
        fall => row("MemAvailable falls by", "/proc/meminfo: MemAvailable; /proc/zoneinfo: pagesets", &|ledger| Some(ledger.fall)),
        beside => lines(true).collect::<Vec<_>>(),
        rulers => rulers.into_iter().flatten().collect::<Vec<_>>(),
        interval => line::method(),
        settle_ms => section.settle_ms,
        memory_mib => section.memory_mib,
        workload => section.workload.to_string(),
        uncharged => section.uncharged.clone(),
        unreadable => ledgers.iter().map(|ledger| ledger.unreadable).sum::<u64>(),
        complaints => section.complaints().map(|(stack, why)| context! { name => stack.name(), why })
            .collect::<Vec<_>>(),
        huge => huge(section),
        thp => section.thp.clone(),
    }
}

/// The chart, where memory was measured.
pub(in crate::report) fn drawing(
    file: &SamplesFile,
    ledgers: Option<&[Ledger]>,
    of: Circumstances<'_>,
) -> Option<Drawing> {
    let (section, ledgers) = (file.memory.as_ref()?, ledgers?);
    let row = |ledger: &Ledger, line: &str, source: &str, slope: Slope| {
        let ends = slope.interval;
        let numbers = [Some(slope.bytes), ends.map(|ends| ends.low), ends.map(|ends| ends.high)];
        let what = [ledger.stack.to_string(), ledger.n.to_string(), line.into(), source.into()];
        [&what[..], &numbers.map(number)].concat()
    };
    let rows = ledgers.iter().flat_map(|ledger| {
        let lines =
            ledger.entries.iter().map(|entry| row(ledger, entry.line.name(), entry.source, entry.slope));
        let rest = row(ledger, "in no line", "", ledger.unaccounted);
        lines
            .chain([rest, row(ledger, "MemAvailable falls by", "/proc/meminfo", ledger.fall)])
            .collect::<Vec<_>>()
    });
    let csv = csv::table(&["stack", "n", "line", "source", "bytes", "low_bytes", "high_bytes"], rows);
    Some(Drawing { name: "memory", svg: chart::memory::draw(ledgers, section, of), csv })
}

/// Where a line was read and how far it can be relied on.
fn note(ledgers: &[Ledger], line: Line) -> String {
    let entry: Option<&Entry> = ledgers.iter().find_map(|ledger| ledger.get(line));
    entry.map_or_else(String::new, |entry| format!("{}; {}", entry.source, entry.accuracy.name()))
}

/// What one more costs; `None` where only floors were measured. Of one whose interval includes zero, that it does not
/// tell.
pub(in crate::report) fn answer(ledgers: &[Ledger]) -> Option<Answer> {
    let ours: Vec<_> = ledgers.iter().filter(|ledger| !ledger.stack.is_floor()).collect();
    let is_told = |ledger: &&&Ledger| ledger.fall.interval.is_none_or(|ends| ends.low > 0.0);
    let cost = |ledger: &&Ledger| format!("{} {} KiB", noun(ledger.stack), show::kib(ledger.fall.bytes));
    let name = |ledger: &&Ledger| noun(ledger.stack);
    let told: Vec<_> = ours.iter().filter(is_told).map(cost).collect();
    let untold: Vec<_> = ours.iter().filter(|ledger| !is_told(ledger)).map(name).collect();
    let sentence = match (told.is_empty(), untold.is_empty()) {
        (true, true) => return None,
        (true, false) => {
            format!("This run cannot tell how much memory one more takes, idle, of {}.", listed(&untold))
        }
        (false, true) => format!("One more, idle, takes of available memory: {}.", listed(&told)),
        (false, false) => format!(
            "One more, idle, takes of available memory: {}; of {} this run cannot tell.",
            listed(&told),
            listed(&untold)
        ),
    };
    let interval = |ledger: &&Ledger| {
        let ends = ledger.fall.interval?;
        Some(format!("{} {}", ledger.stack.name(), show::interval_kib(Some(ends))))
    };
    let intervals: Vec<_> = ours.iter().filter_map(interval).collect();
    let intervals = if intervals.is_empty() { "none".into() } else { intervals.join(", ") };
    let n = ours.iter().map(|ledger| ledger.n).min().unwrap_or(0);
    let support =
        format!("95 % intervals, in KiB: {intervals}; by the fall of MemAvailable while n = {n} were added.");
    let off: Vec<_> = ours.iter().filter(|ledger| ledger.verdict() != Verdict::AddsUp).map(name).collect();
    let off = (!off.is_empty()).then(|| {
        format!(
            "Not all of that is explained: the ledger of {} does not add up, or cannot be told to.",
            listed(&off)
        )
    });
    Some(Answer::new("How much?", sentence, [support].into_iter().chain(off)))
}

/// What the page says of memory: what one more costs, against its floor, and where a ledger does not add
/// up, that it does not.
pub(in crate::report) fn sentences(ledgers: &[Ledger]) -> Vec<String> {
    let of = |stack: Stack| ledgers.iter().find(|ledger| ledger.stack == stack);
    let cost = |ledger: &Ledger| {
        let larger = |stack: Stack| {
            let floor = of(stack)?;
            let (line, more) = widest(ledger, floor)?;
            let (floor_kib, more) = (show::kib(floor.fall.bytes), show::kib(more));
            Some(format!(
                "; {} takes {floor_kib} KiB, and the widest gap is {more} KiB of {}",
                noun(stack),
                line.name()
            ))
        };
        let floor = ledger.stack.floor().and_then(larger).unwrap_or_default();
        format!(
            "One more idle instance of {} takes {} KiB of the memory that is available{floor}; PSS says {} KiB.",
            noun(ledger.stack),
            show::kib(ledger.fall.bytes),
            show::kib(ledger.rulers.pss.bytes),
        )
    };
    let off = |ledger: &Ledger| {
        let rest = show::kib(ledger.unaccounted.bytes);
        let noun = noun(ledger.stack);
        match ledger.verdict() {
            Verdict::AddsUp => None,
            Verdict::Off => Some(format!(
                "The ledger of {noun} does not add up: {rest} KiB an instance are in no line. Either others took or \
                 gave memory all the while, or the kernel keeps something that it counts nowhere."
            )),
            Verdict::TooBusy => Some(format!(
                "This machine did too much else to say whether the ledger of {noun} adds up: the interval of what is \
                 in no line is {} KiB.",
                show::interval_kib(ledger.unaccounted.interval)
            )),
        }
    };
    let costs = ledgers.iter().filter(|ledger| !ledger.stack.is_floor()).map(cost);
    costs.chain(ledgers.iter().filter_map(off)).collect()
}

/// The line by which a ledger lies furthest above another.
fn widest(ledger: &Ledger, floor: &Ledger) -> Option<(Line, f64)> {
    let more =
        |entry: &Entry| entry.slope.bytes - floor.get(entry.line).map_or(0.0, |entry| entry.slope.bytes);
    let lines = ledger.entries.iter().map(|entry| (entry.line, more(entry)));
    lines.max_by(|(_, a), (_, b)| a.total_cmp(b)).filter(|&(_, more)| more > 0.0)
}

/// What fleets with huge pages took, beside those without.
fn huge(section: &Section) -> Vec<Value> {
    let fleets = section.fleets.iter().filter(|fleet| fleet.huge_pages);
    fleets
        .filter_map(|fleet| {
            let (with, without) = (Ledger::of(fleet)?, Ledger::of(section.ledger_of(fleet.stack)?)?);
            Some(context! {
                name => fleet.stack.name(),
                n => with.n,
                with => show::kib(with.fall.bytes),
                without => show::kib(without.fall.bytes),
            })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::memory::ledger::example;

    #[test]
    fn the_head_says_what_one_more_costs_and_what_does_not_add_up() {
        let mut section = example::section();
        let said = |section: &Section| sentences(&Ledger::all(section));
        let sound = said(&section);
        assert_eq!(sound.len(), 2, "{sound:#?}");
        let head = answer(&Ledger::all(&section)).unwrap();
        assert!(
            head.sentence.ends_with("memory: a bare process 100 KiB and a unikernel 900 KiB."),
            "{head:?}"
        );
        assert!(head.support.len() == 1 && head.support[0].contains("n = 100 "), "{head:?}");
        assert!(
            sound[1].contains("a unikernel takes 900 KiB") && sound[1].contains("PSS says 140 KiB"),
            "{sound:#?}"
        );
        for point in &mut section.fleets[0].points {
            point.machine.available_kib -= 200 * point.instances as u64;
        }
        let doctored = said(&section);
        assert!(doctored.iter().any(|text| text.contains("does not add up: 274 KiB")), "{doctored:#?}");
        let support = answer(&Ledger::all(&section)).unwrap().support;
        assert!(support.len() == 2 && support[1].contains("a unikernel does not add up"), "{support:?}");
    }
}
