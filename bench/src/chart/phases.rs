//! What the time of a launch goes to: one bar a stack, one part a phase, and the numbers beside it.
//!
//! Each part is the median of its phase over all launches that count, not one launch picked as typical:
//! a single launch can be usual as a whole and odd in its parts. The price is that the parts need not
//! add up to the median of the whole, which is why that stands beside them.
//!
//! Bars of one scale show which stack is slower; but where a VM boots Linux beside a bare process, that scale
//! leaves nothing of the process to see. Then each bar is its own hundred per cent, and shows what is left: which
//! part of a launch is large.

use super::Circumstances;
use super::axis::Axis;
use super::canvas::{Area, Drawn, FIGURE, MARGIN, NAME, NOTE, Stands, WIDTH, svg, write};
use super::ink;
use crate::host::EMULATED;
use crate::host::clock::Clock as Time;
use crate::stats::{Clock, Figure, StackSummary, Summary, bootstrap, show};
use isolab_timeline::Phase;

/// The heights of the columns' heads, of a stack's row, of its bar, and of the axis, in pixels.
const HEAD: i32 = 52;
const ROW: i32 = 46;
const BAR: i32 = 24;
const AXIS: i32 = 44;
/// The least room for names before the bars, and what a character of a longer one takes, in pixels.
const NAMES: i32 = 122;
const CHARACTER: i32 = 8;
/// Where the columns of numbers end, in pixels: one for the whole, and before it one for each phase that some stack
/// has. The bars have what they leave.
const WHOLE: i32 = WIDTH - MARGIN;
const LAST: i32 = WHOLE - 106;
const COLUMN: i32 = 71;

/// A longest launch this many times the shortest is beyond one scale.
const APART: f64 = 20.0;

/// Draws a bar for each stack of a run.
pub fn draw(summary: &Summary, of: Circumstances<'_>) -> String {
    let mut caption = vec![
        format!(
            "Each part: the median of its phase over n = {} launches, warm-up left out; workload {}. \
             Right: the median of {} and its {}. The parts' medians need not add up to it.",
            summary.launches(),
            of.workload,
            Clock::Reaped.name(),
            bootstrap::method(),
        ),
        "launcher: spawn → isolate (who tells of no isolation: → begin); isolation or VM set-up: isolate → begin (a guest with a \
         kernel: → its first instruction); guest kernel: → its first process; guest init: → begin; workload: \
         begin → end; teardown: end → reaped. Grey: floors."
            .into(),
        of.host.into(),
    ];
    if summary.any_emulated() {
        caption.insert(2, format!("Pale and hatched all over: {EMULATED}."));
    }
    let rows = summary.stacks.len() as i32;
    let longest_name = summary.stacks.iter().map(|stack| stack.stack.name().len()).max().unwrap_or(0) as i32;
    let phases = summary.phases();
    let totals = || summary.stacks.iter().map(total);
    let (longest, shortest) = (totals().fold(0.0, f64::max), totals().fold(f64::INFINITY, f64::min));
    let shares = longest > APART * shortest;
    let unit = summary.time.unit_in_words();
    let subtitle = if shares {
        format!("Phases of a launch. Numbers: {unit}; bars: each launch as a whole is 100 %")
    } else {
        format!("Phases of a launch, in {unit}")
    };
    svg("What the time goes to", &subtitle, &caption, HEAD + ROW * rows + AXIS, |area, top, bottom| {
        let plot = Plot {
            axis: if shares { Axis::from_zero(100.0) } else { Axis::from_zero(longest) },
            shares,
            phases: &phases,
            left: MARGIN + NAMES.max(longest_name * CHARACTER),
            top: top + HEAD,
            bottom: bottom - AXIS,
            time: summary.time,
        };
        plot.grid(area)?;
        plot.heads(area, top)?;
        (0..)
            .zip(&summary.stacks)
            .try_for_each(|(row, stack)| plot.row(area, plot.top + ROW * row + ROW / 2, stack))
    })
}

fn total(stack: &StackSummary) -> f64 {
    Phase::ALL.iter().filter_map(|&phase| stack.phase(phase)).map(Figure::p50).sum()
}

struct Plot<'a> {
    axis: Axis,
    phases: &'a [Phase],
    /// Whether bars are shares of their own launch.
    shares: bool,
    /// Where bars begin, in pixels.
    left: i32,
    top: i32,
    bottom: i32,
    time: Time,
}

impl Plot<'_> {
    /// The phases, and where the column of each ends.
    fn columns(&self) -> impl Iterator<Item = (Phase, i32)> {
        let first = LAST - COLUMN * (self.phases.len() as i32 - 1);
        self.phases.iter().copied().zip((0..).map(move |place| first + COLUMN * place))
    }

    /// Where bars end at most.
    fn right(&self) -> i32 {
        LAST - COLUMN * self.phases.len() as i32
    }

    fn x(&self, value: f64) -> i32 {
        self.left + (self.axis.place(value) * f64::from(self.right() - self.left)).round() as i32
    }

    fn grid(&self, area: &Area<'_>) -> Drawn {
        let unit = if self.shares { "% of the launch" } else { self.time.unit_in_words() };
        self.axis.draw(area, [(self.left, self.top), (self.right(), self.bottom)], unit)
    }

    /// The columns' heads, which are the key to the bars as well.
    fn heads(&self, area: &Area<'_>, top: i32) -> Drawn {
        for (phase, right) in self.columns() {
            ink::phase(area, phase, false, [(right - 26, top), (right, top + 12)])?;
            let (first, second) = match phase {
                Phase::Isolation => ("isolation or", "VM set-up"),
                Phase::Kernel | Phase::Init => ("guest", phase.name().trim_start_matches("guest ")),
                Phase::Launcher | Phase::Workload | Phase::Teardown => ("", phase.name()),
            };
            write(area, first, (right, top + 24), Stands::Left, NOTE)?;
            write(area, second, (right, top + 39), Stands::Left, NOTE)?;
        }
        write(area, "spawn →", (WHOLE, top + 24), Stands::Left, NOTE)?;
        write(area, "reaped", (WHOLE, top + 39), Stands::Left, NOTE)
    }

    fn row(&self, area: &Area<'_>, middle: i32, stack: &StackSummary) -> Drawn {
        let name = if stack.stack.is_floor() { NOTE } else { NAME };
        let aside = if stack.emulated { 7 } else { 0 };
        write(area, stack.stack.name(), (self.left - 10, middle - aside), Stands::Left, name)?;
        let scale = if self.shares { 100.0 / total(stack) } else { 1.0 };
        let mut before = 0.0;
        for (phase, right) in self.columns() {
            let Some(figure) = stack.phase(phase) else {
                write(area, show::NONE, (right, middle), Stands::Left, NOTE)?;
                continue;
            };
            let after = before + scale * figure.p50();
            let part = [(self.x(before), middle - BAR / 2), (self.x(after), middle + BAR / 2)];
            ink::phase(area, phase, stack.stack.is_floor(), part)?;
            write(area, &show::p50(figure), (right, middle), Stands::Left, FIGURE)?;
            before = after;
        }
        if stack.emulated {
            write(area, "emulated", (self.left - 10, middle + 9), Stands::Left, NOTE)?;
            ink::veil(area, [(self.left, middle - BAR / 2), (self.x(before), middle + BAR / 2)])?;
        }
        let Some(whole) = stack.clock(Clock::Reaped) else { return Ok(()) };
        write(area, &show::p50(whole), (WHOLE, middle - 7), Stands::Left, NAME)?;
        write(area, &show::interval_ms(whole), (WHOLE, middle + 9), Stands::Left, NOTE)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::example;
    use isolab_timeline::Stack;

    #[test]
    fn every_bar_has_its_numbers_and_what_is_absent_is_not_zero() {
        let summary = Summary::of(&example::run());
        let svg = draw(&summary, Circumstances { workload: "noop", host: "Some CPU, nested" });
        let texts: Vec<&str> = svg.lines().filter(|line| !line.starts_with('<')).collect();
        for stack in &summary.stacks {
            for figure in Phase::ALL.iter().filter_map(|&phase| stack.phase(phase)) {
                assert!(texts.contains(&show::p50(figure).replace('<', "&lt;").as_str()), "{}", stack.stack);
            }
        }
        assert!(summary.get(Stack::Process).unwrap().phase(Phase::Isolation).is_none());
        // A process has no isolation; phases that no stack has have no column.
        assert_eq!(texts.iter().filter(|&&text| text == show::NONE).count(), 1);
        assert!(!texts.contains(&"kernel"));
        assert!(!texts.contains(&"0.000"));
        assert!(svg.contains("n = 60 ") && svg.contains("bootstrap") && svg.contains("Some CPU, nested"));
    }
}
