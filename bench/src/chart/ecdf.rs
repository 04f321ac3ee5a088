//! The share of launches that a clock has stopped for, against the time since it started; of the headline's clock: whose
//! workload has begun, by the time since the spawn.
//!
//! A curve further left is a quicker stack, a steeper one a steadier stack, a long flat end a tail.
//! There is no legend: each curve's label stands above it, with the median that it shows.

use super::axis::Axis;
use super::canvas::{Area, Drawn, FIGURE, MARGIN, NAME, NOTE, Stands, WIDTH, line, svg, write};
use super::ink::{self, GRID};
use super::{Circumstances, spread};
use crate::host::EMULATED;
use crate::host::clock::Clock as Time;
use crate::stats::{Clock, Figure, Sorted, Summary, bootstrap, ecdf, show};
use isolab_timeline::Stack;
use plotters::prelude::{Color, PathElement};

/// The height of the labels above the plot and of the axis below it, in pixels.
const LABELS: i32 = 82;
const AXIS: i32 = 44;
/// The left and right end of the plot, in pixels.
const LEFT: i32 = MARGIN + 46;
const RIGHT: i32 = WIDTH - MARGIN;
/// More steps than this would fall on the same pixels.
const MOST_STEPS: usize = 600;

/// The height at which labels point to their curves.
const TIP: f64 = 0.75;

/// One stack's curve.
struct Curve<'a> {
    stack: Stack,
    emulated: bool,
    figure: &'a Figure,
}

impl Curve<'_> {
    /// The time at which the curve's label points: where three launches of four have begun, above the
    /// median's marker and below most tails.
    fn tip(&self) -> f64 {
        self.figure.sample.quantile(TIP)
    }

    /// The lines of its label.
    fn label(&self) -> [String; 3] {
        let remark = if self.emulated { ", emulated" } else { "" };
        let p50 = format!("{}{remark}", show::p50(self.figure));
        [self.stack.to_string(), p50, show::interval_ms(self.figure)]
    }

    /// How wide its label is, about, in pixels: a character of each line, then the marker and the gap to the next label.
    fn width(&self) -> f64 {
        let lines = self.label();
        let widths = lines.iter().zip([8.0, 7.5, 6.5]).map(|(text, each)| each * text.chars().count() as f64);
        widths.fold(0.0, f64::max) + 24.0
    }
}

/// What a clock's curves answer, what has happened in a launch once it stops, and what its marks are.
const fn words(clock: Clock) -> [&'static str; 3] {
    match clock {
        Clock::Begin => [
            "How long until the workload runs?",
            "whose workload has begun, by the time since the spawn",
            "begin is the workload's first instruction",
        ],
        Clock::Ready => [
            "How long until the work is done?",
            "whose work is done, by the time since the spawn",
            "ready is the end of the work",
        ],
        Clock::End => [
            "How long until the workload ends?",
            "whose workload has ended, by the time since the spawn",
            "end is the workload's last instruction",
        ],
        Clock::Reaped => [
            "How long until nothing is left?",
            "of which nothing is left, by the time since the spawn",
            "reaped is when the lab has reaped the child",
        ],
        Clock::Work => [
            "How long does the work alone take?",
            "whose work is done, by the time since it began",
            "begin is the workload's first instruction, ready the end of the work",
        ],
        Clock::Teardown => [
            "How long does it take to clear away?",
            "of which nothing is left, by the time since the workload ended",
            "end is the workload's last instruction, reaped when the lab has reaped the child",
        ],
    }
}

/// Draws one clock's curves of all stacks of a run that have both of its marks.
pub fn draw(summary: &Summary, clock: Clock, of: Circumstances<'_>) -> String {
    let [question, happened, marks] = words(clock);
    let all = summary.stacks.iter().filter_map(|stack| {
        Some(Curve { stack: stack.stack, emulated: stack.emulated, figure: stack.clock(clock)? })
    });
    // As many as there is room for labels: ours come first, peers after them.
    let mut room = f64::from(RIGHT + 8 - MARGIN);
    let (mut curves, left_out): (Vec<_>, Vec<_>) = all.partition(|curve| {
        room -= curve.width();
        room >= 0.0
    });
    curves.sort_by(|a, b| a.tip().total_cmp(&b.tip()));
    let mut caption = vec![format!(
        "t0 → t = {}: {marks}; workload {}; n = {} launches a stack, warm-up left out. Above each curve and \
         at its marker: the median and its {}.",
        clock.name(),
        of.workload,
        summary.launches(),
        bootstrap::method(),
    )];
    if curves.iter().any(|curve| curve.stack.is_floor()) {
        caption.push("Dashed grey: floors, the barest program that puts up the same wall.".into());
    }
    if curves.iter().any(|curve| curve.stack.is_peer()) {
        caption.push(
            "Dotted, with a ring: peers, in the colour of the stack of ours that does the same.".into(),
        );
    }
    if curves.iter().any(|curve| curve.emulated) {
        caption.push(format!("Crossed by strokes: {EMULATED}."));
    }
    if !left_out.is_empty() {
        let names: Vec<_> = left_out.iter().map(|curve| curve.stack.name()).collect();
        caption.push(format!("Measured as well, and not drawn for want of room: {}.", names.join(", ")));
    }
    caption.push(of.host.into());
    svg(
        question,
        &format!("Share of launches {happened}, in {}", summary.time.unit_in_words()),
        &caption,
        LABELS + 300 + AXIS,
        |area, top, bottom| {
            let shortest = curves.iter().map(|curve| curve.figure.sample.min()).fold(f64::MAX, f64::min);
            let longest = curves.iter().map(|curve| curve.figure.sample.max()).fold(0.0, f64::max);
            let plot = Plot {
                axis: Axis::spanning(shortest, longest),
                top: top + LABELS,
                bottom: bottom - AXIS,
                clock,
                time: summary.time,
            };
            plot.grid(area)?;
            plot.labels(area, &curves)?;
            // Floors first: what they are held against is drawn over them.
            let (floors, stacks): (Vec<_>, Vec<_>) = curves.iter().partition(|curve| curve.stack.is_floor());
            floors.into_iter().chain(stacks).try_for_each(|curve| plot.curve(area, curve))
        },
    )
}

struct Plot {
    axis: Axis,
    top: i32,
    bottom: i32,
    clock: Clock,
    time: Time,
}

impl Plot {
    fn x(&self, milliseconds: f64) -> i32 {
        LEFT + (self.axis.place(milliseconds) * f64::from(RIGHT - LEFT)).round() as i32
    }

    fn y(&self, share: f64) -> i32 {
        self.bottom - (share * f64::from(self.bottom - self.top)).round() as i32
    }

    fn grid(&self, area: &Area<'_>) -> Drawn {
        for percent in [0, 25, 50, 75, 100] {
            let y = self.y(f64::from(percent) / 100.0);
            line(area, (LEFT, y), (RIGHT, y), GRID)?;
            write(area, &format!("{percent} %"), (LEFT - 8, y), Stands::Left, NOTE)?;
        }
        let unit = format!("{}, in {}{}", self.clock.name(), self.time.unit_in_words(), self.axis.remark());
        self.axis.draw(area, [(LEFT, self.top), (RIGHT, self.bottom)], &unit)
    }

    fn labels(&self, area: &Area<'_>, curves: &[Curve<'_>]) -> Drawn {
        let widths: Vec<f64> = curves.iter().map(Curve::width).collect();
        let ends: Vec<i32> = curves.iter().map(|curve| self.x(curve.tip())).collect();
        let wishes: Vec<f64> = ends.iter().map(|&x| f64::from(x)).collect();
        let centres = spread::spread(&wishes, &widths, f64::from(MARGIN), f64::from(RIGHT + 8));
        for ((curve, (centre, width)), end) in curves.iter().zip(centres.iter().zip(&widths)).zip(ends) {
            let left = (centre - width / 2.0).round() as i32;
            let top = self.top - LABELS + 6;
            ink::marker(area, curve.stack, (left + 5, top))?;
            for ((text, look), height) in curve.label().iter().zip([NAME, FIGURE, NOTE]).zip([0, 17, 33]) {
                write(area, text, (left + 16, top + height), Stands::Right, look)?;
            }
            let leader = vec![(centre.round() as i32, top + 44), (end, self.top - 6), (end, self.y(TIP))];
            area.draw(&PathElement::new(leader, ink::of_stack(curve.stack).mix(0.5)))?;
        }
        Ok(())
    }

    fn curve(&self, area: &Area<'_>, Curve { stack, emulated, figure }: &Curve<'_>) -> Drawn {
        let mut points = Vec::new();
        let mut y = self.y(0.0);
        for (value, share) in drawn_steps(&figure.sample) {
            let x = self.x(value);
            points.push((x, y));
            y = self.y(share);
            points.push((x, y));
        }
        ink::curve(area, *stack, *emulated, points)?;
        ink::marker(area, *stack, (self.x(figure.p50()), self.y(0.5)))
    }
}

/// The steps of a curve: all of them, or as many as can be told apart, evenly chosen and with the last.
fn drawn_steps(sample: &Sorted) -> impl Iterator<Item = (f64, f64)> {
    let steps = ecdf::ecdf(sample);
    let (count, every) = (steps.len(), steps.len().div_ceil(MOST_STEPS));
    steps
        .into_iter()
        .enumerate()
        .filter(move |(place, _)| place % every == 0 || place + 1 == count)
        .map(|(_, step)| step)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::example;
    use crate::samples::SamplesFile;

    fn drawn(file: &SamplesFile) -> String {
        draw(&Summary::of(file), Clock::Begin, Circumstances { workload: "noop", host: "Some CPU, nested" })
    }

    #[test]
    fn each_curve_that_was_measured_is_named_with_its_median_and_no_other() {
        let file = example::without(Stack::Unikernel);
        let (svg, summary) = (drawn(&file), Summary::of(&file));
        for stack in example::run().samples.iter().map(|sample| sample.stack) {
            let named = svg.lines().any(|line| line == stack.name());
            assert_eq!(named, stack != Stack::Unikernel, "{stack}");
            if let Some(figure) = summary.clock(stack, Clock::Begin) {
                assert!(svg.lines().any(|line| line == show::p50(figure)), "{stack}");
            }
        }
        assert!(
            svg.contains("in milliseconds")
                && svg.contains("n = 60 ")
                && svg.contains("bootstrap")
                && svg.contains("Some CPU, nested")
        );
    }

    #[test]
    fn peers_are_drawn_while_there_is_room_and_named_where_there_is_none() {
        let mut file = example::with_peers();
        let whole = drawn(&file);
        let named = |svg: &str, name: &str| svg.lines().any(|line| line == name);
        assert!(
            !named(&whole, "runc") && whole.contains("for want of room: runc, qemu, qemu-linux."),
            "{whole}"
        );
        file.samples.retain(|sample| sample.stack == Stack::Process || sample.stack.is_peer());
        let few = drawn(&file);
        assert!(named(&few, "runc") && named(&few, "qemu-linux") && !few.contains("want of room"), "{few}");
    }

    #[test]
    fn the_scale_is_logarithmic_only_where_times_lie_far_apart_and_then_says_so() {
        assert!(!drawn(&example::run()).contains("logarithmic"));
        assert!(drawn(&example::slow_and_fast()).contains("logarithmic"));
    }

    #[test]
    fn of_many_thousand_launches_no_more_steps_are_drawn_than_can_be_told_apart() {
        let steps = |n: u32| drawn_steps(&Sorted::new((1..=n).map(f64::from)).unwrap()).collect::<Vec<_>>();
        assert_eq!(steps(600).len(), 600);
        let thinned = steps(20_000);
        assert!((300..=MOST_STEPS + 1).contains(&thinned.len()), "{}", thinned.len());
        assert_eq!((thinned[0], thinned[thinned.len() - 1]), ((1.0, 1.0 / 20_000.0), (20_000.0, 1.0)));
    }
}
