//! The launches in the order in which they were made: one strip a stack, one dot a launch.
//!
//! A figure of a run is worth something only if the run was steady. Here a machine that warms up shows as a slope, a
//! neighbour that wakes as a step, a timer as stripes; a median hides all of them. Each strip has its own scale, which ends
//! at its longest launch, so that none is left out, and is logarithmic where that launch would press all others flat.

use super::Circumstances;
use super::axis::Axis;
use super::canvas::{Area, Drawn, FIGURE, MARGIN, NAME, NOTE, Stands, WIDTH, line, svg, write};
use super::ink::{self, GRID, INK};
use crate::host::EMULATED;
use crate::samples::{SamplesFile, ms};
use crate::stats::drift::{self, Drift};
use crate::stats::{Clock, Sorted, show};
use isolab_timeline::Stack;
use plotters::prelude::{Circle, Color, DrawingAreaErrorKind};

/// The clock that is drawn.
const CLOCK: Clock = Clock::Begin;
/// The heights of a strip with its room, and of the axis at the bottom, in pixels.
const STRIP: i32 = 92;
const ROOM: i32 = 16;
const AXIS: i32 = 40;
/// The left and right end of the strips, in pixels.
const LEFT: i32 = MARGIN + 176;
const RIGHT: i32 = WIDTH - MARGIN;
/// More dots than this on a strip would only paint it over.
const MOST_DOTS: usize = 2_000;

/// One stack's launches that count, by their place in the run.
struct Strip {
    stack: Stack,
    emulated: bool,
    /// Place and milliseconds.
    launches: Vec<(usize, f64)>,
    drift: Option<Drift>,
}

/// The stacks of a run that have launches on the clock, and whether each drifted.
fn strips(file: &SamplesFile) -> Vec<Strip> {
    let strip = |stack| {
        let launches: Vec<_> = file
            .counted(stack)
            .filter_map(|sample| Some((sample.order, ms(CLOCK.span(&sample.marks_ns)?))))
            .collect();
        let values: Vec<f64> = launches.iter().map(|&(_, value)| value).collect();
        Strip { stack, emulated: file.host.emulates(stack), drift: Drift::of(&values), launches }
    };
    file.stacks().map(strip).filter(|strip| !strip.launches.is_empty()).collect()
}

/// What the run's order tells, in words; empty when it tells nothing.
pub fn sentences(file: &SamplesFile) -> Vec<String> {
    let drifted = strips(file).into_iter().filter_map(|strip| {
        let drift = strip.drift.filter(|drift| drift.is_there())?;
        let way = if drift.tau > 0.0 { "slower" } else { "quicker" };
        Some(format!(
            "{} grew {way} while the run went on (Mann-Kendall: tau {}, p {}): look at the order of launches.",
            strip.stack,
            tau(drift),
            show::p(drift.p)
        ))
    });
    drifted.collect()
}

/// Draws the strips.
pub fn draw(file: &SamplesFile, of: Circumstances<'_>) -> String {
    let strips = strips(file);
    let n = strips.iter().map(|strip| strip.launches.len()).max().unwrap_or(0);
    let mut caption = vec![
        format!(
            "Each dot: one launch that counts, at its place in the run; n = {n} a stack, warm-up left out; line: the \
             median. Each strip has its own scale, up to its longest launch: from zero, or logarithmic from the \
             shortest where that leaves more to see. Workload {}.",
            of.workload
        ),
        format!(
            "Drift: Mann-Kendall test of order against time, told where p is at most {}; tau is 1 when each launch took \
             longer than all before it.",
            drift::ALPHA
        ),
        of.host.into(),
    ];
    if strips.iter().any(|strip| strip.emulated) {
        caption.insert(2, format!("{}.", show::capitalised(EMULATED)));
    }
    svg(
        "Was the machine steady?",
        &format!("{} in the order of the launches, in {}", CLOCK.name(), file.host.clock.unit_in_words()),
        &caption,
        STRIP * strips.len() as i32 + AXIS,
        |area, top, bottom| {
            let orders = strips.iter().flat_map(|strip| strip.launches.iter().map(|&(order, _)| order));
            let last = orders.max().unwrap_or(0);
            let across = Axis::from_zero(last as f64);
            let x = |order: f64| LEFT + (across.place(order) * f64::from(RIGHT - LEFT)).round() as i32;
            for (row, strip) in (0..).zip(&strips) {
                let top = top + STRIP * row;
                one(area, strip, top, &x)?;
            }
            for tick in across.ticks().into_iter().filter(|tick| tick.fract() == 0.0) {
                line(area, (x(tick), bottom - AXIS), (x(tick), bottom - AXIS + 5), INK)?;
                write(area, &tick.to_string(), (x(tick), bottom - AXIS + 14), Stands::Centred, NOTE)?;
            }
            let middle = i32::midpoint(LEFT, RIGHT);
            write(
                area,
                "place in the run, from 0, warm-up included",
                (middle, bottom - 6),
                Stands::Centred,
                NOTE,
            )
        },
    )
}

fn tau(drift: Drift) -> String {
    show::signed(&format!("{:+.2}", drift.tau))
}

fn one(area: &Area<'_>, strip: &Strip, top: i32, x: &dyn Fn(f64) -> i32) -> Drawn {
    let bottom = top + STRIP - ROOM;
    let values = strip.launches.iter().map(|&(_, value)| value);
    let Some(sample) = Sorted::new(values) else { return Ok(()) };
    // It stands on its least value, or on zero: what is written at its foot is what lies there.
    let scale = match Axis::spanning(sample.min(), sample.max()) {
        Axis::Logarithmic { end, .. } => Axis::Logarithmic { start: sample.min(), end },
        linear @ Axis::Linear { .. } => linear,
    };
    let y = |value: f64| bottom - (scale.place(value) * f64::from(bottom - top)).round() as i32;
    let name = if strip.stack.is_floor() { NOTE } else { NAME };
    ink::marker(area, strip.stack, (MARGIN + 5, top + 12))?;
    write(area, strip.stack.name(), (MARGIN + 16, top + 12), Stands::Right, name)?;
    let remark = if strip.emulated { ", emulated" } else { "" };
    let median = format!("median {}{remark}", show::ms(sample.median()));
    write(area, &median, (MARGIN, top + 30), Stands::Right, FIGURE)?;
    let told = match strip.drift {
        Some(drift) if drift.is_there() => format!("drift: tau {}, p {}", tau(drift), show::p(drift.p)),
        Some(drift) => format!("no drift (p {})", show::p(drift.p)),
        None => "too few for a test".into(),
    };
    write(area, &told, (MARGIN, top + 47), Stands::Right, NOTE)?;
    if matches!(scale, Axis::Logarithmic { .. }) {
        write(area, "logarithmic", (MARGIN, top + 64), Stands::Right, NOTE)?;
    }
    let least = if matches!(scale, Axis::Linear { .. }) { 0.0 } else { sample.min() };
    for value in [least, sample.max()] {
        line(area, (LEFT, y(value)), (RIGHT, y(value)), GRID)?;
        let text = if value > 0.0 { show::ms(value) } else { "0".into() };
        write(area, &text, (LEFT - 6, y(value)), Stands::Left, NOTE)?;
    }
    line(area, (LEFT, bottom), (RIGHT, bottom), INK)?;
    let every = strip.launches.len().div_ceil(MOST_DOTS);
    let dot = ink::of_stack(strip.stack).mix(0.55).filled();
    strip.launches.iter().step_by(every).try_for_each(
        |&(order, value)| -> Result<(), DrawingAreaErrorKind<_>> {
            area.draw(&Circle::new((x(order as f64), y(value)), 2, dot))
        },
    )?;
    line(area, (LEFT, y(sample.median())), (RIGHT, y(sample.median())), ink::of_stack(strip.stack))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::example;
    use isolab_timeline::Mark;

    fn drawn(file: &SamplesFile) -> String {
        draw(file, Circumstances { workload: "noop", host: "Some CPU, nested" })
    }

    #[test]
    fn every_launch_that_counts_is_a_dot_and_each_stack_has_its_strip() {
        let mut file = example::run();
        file.samples[30].invalid = Some("exit status 1".into());
        let svg = drawn(&file);
        let counted: usize = file.stacks().map(|stack| file.counted(stack).count()).sum();
        // The process's marker is a circle too.
        assert_eq!(svg.matches("<circle").count(), counted + 1);
        assert!(file.stacks().all(|stack| svg.lines().any(|line| line == stack.name())));
        assert!(svg.contains("n = 60 ") && svg.contains("Mann-Kendall") && svg.contains("Some CPU, nested"));
    }

    #[test]
    fn a_drift_is_told_and_a_steady_run_is_not_accused() {
        let mut file = example::run();
        assert_eq!(sentences(&file), Vec::<String>::new());
        assert!(drawn(&file).contains("no drift (p "));
        for sample in file.samples.iter_mut().filter(|sample| sample.stack == Stack::Container) {
            let at = 1_000_000 + 1_000 * sample.order as i64;
            sample.marks_ns.set(Mark::Begin, at);
        }
        let told = sentences(&file);
        assert!(told.len() == 1 && told[0].starts_with("container grew slower"), "{told:?}");
        assert!(drawn(&file).contains("drift: tau +1.00"));
    }
}
