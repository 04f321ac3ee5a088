//! One launch of each stack, phase after phase, each where it lies in time.
//!
//! The launch is not picked by eye: it is the one whose whole time (spawn → reaped) is the median of its stack's, the
//! lower of two. Its phases add up to that time, which medians of phases need not.

use super::Circumstances;
use super::axis::Axis;
use super::canvas::{Area, Drawn, FIGURE, MARGIN, NAME, NOTE, Stands, WIDTH, svg, write};
use super::ink;
use crate::host::EMULATED;
use crate::samples::{SamplesFile, ms};
use crate::stats::{Clock, show};
use isolab_timeline::{Phase, Sample, Stack};

/// The heights of the key, of a step and of the axis, in pixels.
const KEY: i32 = 34;
const STEP: i32 = 10;
const AXIS: i32 = 44;
/// Room below the steps of a stack, in pixels.
const GAP: i32 = 14;
/// The least room for names before the bars, what a character of a longer one takes, and the room for totals behind.
const NAMES: i32 = 122;
const CHARACTER: i32 = 8;
const TOTALS: i32 = 92;

/// A phase of a launch: from when to when, in milliseconds since the spawn.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Step {
    /// Which phase.
    pub phase: Phase,
    /// When it began.
    pub from: f64,
    /// When it ended.
    pub to: f64,
}

/// The typical launch of a stack.
#[derive(Clone, Debug)]
pub struct Launch {
    /// Whose.
    pub stack: Stack,
    /// Its place in the run.
    pub order: usize,
    /// Its phases, one after the other.
    pub steps: Vec<Step>,
}

impl Launch {
    fn of(sample: &Sample) -> Launch {
        let mut now = 0.0;
        let step = |phase: Phase| {
            let from = now;
            now += ms(phase.of(&sample.marks_ns)?);
            Some(Step { phase, from, to: now })
        };
        let steps = Phase::ALL.into_iter().filter_map(step).collect();
        Launch { stack: sample.stack, order: sample.order, steps }
    }

    fn total(&self) -> f64 {
        self.steps.last().map_or(0.0, |step| step.to)
    }
}

/// For each stack the launch whose whole time is the median.
pub fn launches(file: &SamplesFile) -> Vec<Launch> {
    let typical = |stack| {
        let mut whole: Vec<_> = file
            .counted(stack)
            .filter_map(|sample| Some((Clock::Reaped.span(&sample.marks_ns)?, sample.order, sample)))
            .collect();
        whole.sort_by_key(|&(span, order, _)| (span, order));
        let middle = whole.len().checked_sub(1)? / 2;
        Some(Launch::of(whole[middle].2))
    };
    file.stacks().filter_map(typical).collect()
}

/// Draws the steps of each launch below one another, all on one axis.
pub fn draw(launches: &[Launch], file: &SamplesFile, of: Circumstances<'_>) -> String {
    let time = file.host.clock;
    let phases: Vec<Phase> = Phase::ALL
        .into_iter()
        .filter(|&phase| launches.iter().any(|launch| launch.steps.iter().any(|step| step.phase == phase)))
        .collect();
    let longest_name = launches.iter().map(|launch| launch.stack.name().len()).max().unwrap_or(0) as i32;
    let totals = || launches.iter().map(Launch::total);
    let longest = totals().fold(0.0, f64::max);
    // From the earliest end of a first phase: before it there is nothing to tell apart.
    let earliest =
        launches.iter().filter_map(|launch| Some(launch.steps.first()?.to)).fold(longest, f64::min);
    let plot = Plot {
        axis: Axis::spanning(earliest / 2.0, longest),
        left: MARGIN + NAMES.max(longest_name * CHARACTER),
    };
    let cut = match plot.axis {
        Axis::Linear { .. } => "",
        Axis::Logarithmic { .. } => {
            " The axis does not begin at the spawn, since a logarithm has no zero: every first step does."
        }
    };
    let mut caption = vec![
        format!(
            "Of each stack the launch whose time from spawn to reaped is the median (of an even number the lower one); workload {}. \
             Right: that time, and the launch's place in the run. Grey: floors.{cut}",
            of.workload
        ),
        of.host.into(),
    ];
    if launches.iter().any(|launch| file.host.emulates(launch.stack)) {
        caption.insert(1, format!("Pale and hatched all over: {EMULATED}."));
    }
    let heights: Vec<i32> = launches.iter().map(|launch| STEP * launch.steps.len() as i32 + GAP).collect();
    let subtitle =
        format!("One launch of each stack, the median one: its phases in {}", time.unit_in_words());
    let room = KEY + heights.iter().sum::<i32>() + AXIS;
    svg("A launch, step by step", &subtitle, &caption, room, |area, top, bottom| {
        key(area, top, &phases)?;
        plot.grid(
            area,
            top + KEY,
            bottom - AXIS,
            &format!("time since the spawn, in {}{}", time.unit_in_words(), plot.axis.remark()),
        )?;
        let mut y = top + KEY;
        for (launch, height) in launches.iter().zip(&heights) {
            plot.launch(area, y, launch, file.host.emulates(launch.stack))?;
            y += height;
        }
        Ok(())
    })
}

fn key(area: &Area<'_>, top: i32, phases: &[Phase]) -> Drawn {
    let mut x = MARGIN;
    for &phase in phases {
        ink::phase(area, phase, false, [(x, top), (x + 22, top + 11)])?;
        write(area, phase.name(), (x + 28, top + 6), Stands::Right, NOTE)?;
        x += 28 + 7 * phase.name().len() as i32 + 22;
    }
    Ok(())
}

struct Plot {
    axis: Axis,
    /// Where bars begin, in pixels.
    left: i32,
}

impl Plot {
    const RIGHT: i32 = WIDTH - MARGIN - TOTALS;

    fn x(&self, value: f64) -> i32 {
        self.left + (self.axis.place(value).max(0.0) * f64::from(Plot::RIGHT - self.left)).round() as i32
    }

    fn grid(&self, area: &Area<'_>, top: i32, bottom: i32, unit: &str) -> Drawn {
        self.axis.draw(area, [(self.left, top), (Plot::RIGHT, bottom)], unit)
    }

    fn launch(&self, area: &Area<'_>, top: i32, launch: &Launch, emulated: bool) -> Drawn {
        let middle = top + STEP * launch.steps.len() as i32 / 2;
        let name = if launch.stack.is_floor() { NOTE } else { NAME };
        write(area, launch.stack.name(), (self.left - 10, middle), Stands::Left, name)?;
        for (place, step) in (0..).zip(&launch.steps) {
            let y = top + STEP * place;
            let (from, to) = (self.x(step.from), self.x(step.to));
            // At least a line: what took no time to speak of was there all the same.
            let bar = [(from, y), (to.max(from + 1), y + STEP)];
            ink::phase(area, step.phase, launch.stack.is_floor(), bar)?;
            if emulated {
                ink::veil(area, bar)?;
            }
        }
        if emulated {
            write(area, "emulated", (self.left - 10, middle + 15), Stands::Left, NOTE)?;
        }
        write(area, &show::ms(launch.total()), (WIDTH - MARGIN, middle - 7), Stands::Left, FIGURE)?;
        write(area, &format!("no. {}", launch.order), (WIDTH - MARGIN, middle + 9), Stands::Left, NOTE)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::example;
    use isolab_timeline::Mark;

    #[test]
    fn the_launch_is_the_median_one_and_its_steps_add_up_to_it() {
        let file = example::with_linux();
        for launch in launches(&file) {
            let mut totals: Vec<f64> = file.spans_ms(launch.stack, Mark::Spawn, Mark::Reaped).collect();
            totals.sort_by(f64::total_cmp);
            assert!((launch.total() - totals[(totals.len() - 1) / 2]).abs() < 1e-9, "{launch:?}");
            assert!(
                launch.steps.windows(2).all(|pair| (pair[0].to - pair[1].from).abs() < 1e-9),
                "{launch:?}"
            );
            assert_eq!(
                launch.steps.iter().any(|step| step.phase == Phase::Kernel),
                launch.stack.boots_linux()
            );
        }
    }

    #[test]
    fn every_stack_has_its_total_and_its_launch() {
        let file = example::with_linux();
        let launches = launches(&file);
        let svg = draw(&launches, &file, Circumstances { workload: "noop", host: "Some CPU, nested" });
        let texts: Vec<&str> = svg.lines().filter(|line| !line.starts_with('<')).collect();
        for launch in &launches {
            for text in
                [launch.stack.name().into(), show::ms(launch.total()), format!("no. {}", launch.order)]
            {
                assert!(texts.contains(&text.as_str()), "{text}");
            }
        }
        assert!(svg.contains("logarithmic scale") && svg.contains("Some CPU, nested"));
    }
}
