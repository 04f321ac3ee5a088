//! How many fit: memory against instances, with what a fifth of the way foretold; starts against instances; and
//! launches a second against how many are started at a time.

use super::Circumstances;
use super::axis::Axis;
use super::canvas::{Area, Drawn, NOTE, Stands, line, svg, write};
use super::ink::{self, INK};
use super::panel::{LEFT, Label, Panel, RIGHT};
use crate::density::figures::{Figures, Filled, Rate};
use crate::density::section::Density;
use crate::host::{EMULATED, Host};
use crate::stats::{Interval, bootstrap, line as fitted, show};
use isolab_timeline::Stack;
use plotters::prelude::{Color, PathElement, Polygon};

/// The height of a panel, in pixels.
const PANEL: i32 = 270;
/// Into how many pieces the edge of a band is cut.
const PIECES: usize = 40;
const MIB: f64 = (1 << 20) as f64;
const NS_PER_MS: f64 = 1e6;

/// Draws one panel between two heights, in pixels.
type Draw<'a> = dyn Fn(&Area<'_>, i32, i32) -> Drawn + 'a;

/// Draws the density of a run.
pub fn draw(density: &Density, figures: &Figures<'_>, host: &Host, of: Circumstances<'_>) -> String {
    let (filled, burst) = (!figures.filled.is_empty(), !figures.rates.is_empty());
    let mut panels: Vec<&Draw<'_>> = Vec::new();
    let memory = |area: &Area<'_>, top, bottom| memory(area, figures, density, [top, bottom]);
    let starts = |area: &Area<'_>, top, bottom| starts(area, figures, host, [top, bottom]);
    let rates = |area: &Area<'_>, top, bottom| rates(area, figures, host, [top, bottom]);
    if filled {
        panels.extend([&memory as &Draw<'_>, &starts]);
    }
    if burst {
        panels.push(&rates);
    }
    svg(
        "How many fit, and how quickly do they start side by side?",
        "Idle instances of each stack, all alive at once, on this whole machine",
        &caption(density, figures, host, of),
        PANEL * panels.len() as i32,
        |area, top, _| {
            (0..)
                .zip(&panels)
                .try_for_each(|(place, panel)| panel(area, top + PANEL * place, top + PANEL * (place + 1)))
        },
    )
}

fn caption(density: &Density, figures: &Figures<'_>, host: &Host, of: Circumstances<'_>) -> Vec<String> {
    let mut caption = Vec::new();
    if let Some(most) = figures.filled.iter().map(|filled| filled.fill.launches.len()).max() {
        caption.push(format!(
            "Memory: fall of MemAvailable, read after each batch; n = up to {} instances, {} started at a time. The band is \
             what the batches left of the mark foretold for one reading: {}. Start: median of each batch, spawn → begin.",
            show::thousands(most),
            density.at_once,
            fitted::method(),
        ));
    }
    if let Some(rate) = figures.rates.first() {
        let instances = density.bursts.iter().map(|burst| burst.instances).max().unwrap_or_default();
        caption.push(format!(
            "Launches a second: {instances} instances from nothing, first spawn to last ready; median of n = {} bursts \
             and {}.",
            rate.sample.values().len(),
            rate.interval.map_or("their range: too few for an interval".into(), |_| format!("its {}", bootstrap::method())),
        ));
    }
    if density.stacks().iter().any(|&stack| host.emulates(stack)) {
        caption.push(format!("Crossed by strokes, “emulated”: the time in it is {EMULATED}. Memory is not in question: emulation takes no pages."));
    }
    caption.push(format!(
        "CPUs: {}. VMs of {} MiB; workload {}. {}",
        density.placement, density.memory_mib, of.workload, of.host
    ));
    caption
}

/// The axis of instances, and the numbers at it.
fn instances(figures: &Figures<'_>) -> (Axis, Vec<(f64, String)>) {
    let most = figures.filled.iter().filter_map(|filled| Some(filled.fill.points.last()?.instances)).max();
    let axis = Axis::from_zero(most.unwrap_or(1) as f64);
    let names = axis.ticks().into_iter().map(|tick| (tick, tick.to_string())).collect();
    (axis, names)
}

fn memory(area: &Area<'_>, figures: &Figures<'_>, density: &Density, [top, bottom]: [i32; 2]) -> Drawn {
    let falls = figures.filled.iter().flat_map(|filled| filled.fill.falls());
    let most = falls.map(|(_, fall)| fall / MIB).fold(0.0, f64::max);
    let budget = density.budget_bytes as f64 / MIB;
    let (across, names) = instances(figures);
    let panel = Panel::new(across, Axis::from_zero(most), top, bottom);
    panel.grid(area, "Memory, in MiB", "instances alive", &names)?;
    if budget <= most {
        let y = panel.y(budget);
        line(area, (LEFT, y), (RIGHT, y), INK)?;
        write(area, "the budget", (LEFT + 6, y - 9), Stands::Right, NOTE)?;
    }
    for filled in &figures.filled {
        band(area, &panel, filled)?;
    }
    for filled in &figures.filled {
        let points = filled.fill.falls().map(|(place, fall)| (panel.x(place), panel.y_inside(fall / MIB)));
        // Memory: no time in it, so nothing that could be emulated.
        ink::curve(area, filled.fill.stack, false, points.collect())?;
    }
    let label = |filled: &Filled<'_>| {
        let (place, fall) = filled.fill.falls().last()?;
        let each = filled.bytes.map_or(show::NONE.into(), |bytes| show::kib(bytes.value));
        let note = format!("{} alive, {each} KiB each", show::thousands(place as usize));
        Some(Label { stack: filled.fill.stack, value: (fall / MIB).max(0.0), note })
    };
    panel.labels(area, figures.filled.iter().filter_map(label).collect())
}

/// What was foretold for the rest of the way, and a mark where it was.
fn band(area: &Area<'_>, panel: &Panel, Filled { fill, foreseen, .. }: &Filled<'_>) -> Drawn {
    let (Some(from), Some(to)) = (fill.predicted_at, fill.points.last()) else { return Ok(()) };
    let Some((_, lines)) = &foreseen.fall else { return Ok(()) };
    let (from, to) = (from as f64, to.instances as f64);
    let ends: Vec<(i32, Interval)> = (0..=PIECES)
        .map(|piece| from + (to - from) * piece as f64 / PIECES as f64)
        .map(|place| (panel.x(place), lines.at(place)))
        .collect();
    let low = ends.iter().map(|(x, ends)| (*x, panel.y_inside(ends.low / MIB)));
    let high = ends.iter().rev().map(|(x, ends)| (*x, panel.y_inside(ends.high / MIB)));
    let colour = ink::of_stack(fill.stack);
    area.draw(&Polygon::new(low.chain(high).collect::<Vec<_>>(), colour.mix(0.18)))?;
    let x = panel.x(from);
    let mark = vec![(x, panel.y(0.0)), (x, panel.y(0.0) - 12)];
    area.draw(&PathElement::new(mark, colour.stroke_width(2)))
}

fn starts(area: &Area<'_>, figures: &Figures<'_>, host: &Host, [top, bottom]: [i32; 2]) -> Drawn {
    let of = |filled: &Filled<'_>| -> Vec<(f64, f64)> {
        filled.fill.starts().into_iter().map(|(place, ns)| (place, ns / NS_PER_MS)).collect()
    };
    let all: Vec<f64> = figures.filled.iter().flat_map(of).map(|point| point.1).collect();
    let shortest = all.iter().copied().fold(f64::MAX, f64::min);
    let longest = all.iter().copied().fold(0.0, f64::max);
    let (across, names) = instances(figures);
    let up = Axis::spanning(shortest, longest);
    let panel = Panel::new(across, up, top, bottom);
    let heading = format!("Start, spawn → begin, in {}{}", host.clock.unit_in_words(), up.remark());
    panel.grid(area, &heading, "instances alive", &names)?;
    let mut labels = Vec::new();
    for filled in &figures.filled {
        let (stack, starts) = (filled.fill.stack, of(filled));
        let points = starts.iter().map(|&(place, start)| (panel.x(place), panel.y(start)));
        ink::curve(area, stack, host.emulates(stack), points.collect())?;
        labels.extend(starts.last().map(|&(_, start)| {
            let note = format!("{} {}{}", show::ms(start), host.clock.unit(), remark(stack, host));
            Label { stack, value: start, note }
        }));
    }
    panel.labels(area, labels)
}

fn rates(area: &Area<'_>, figures: &Figures<'_>, host: &Host, [top, bottom]: [i32; 2]) -> Drawn {
    let levels = figures.levels();
    // The levels stand side by side: between 1, 2 and 100 there is no scale that shows all of them.
    let place = |at_once: usize| levels.iter().position(|&level| level == at_once).unwrap_or(0) as f64 + 0.5;
    let ends =
        |rate: &Rate| rate.interval.unwrap_or(Interval { low: rate.sample.min(), high: rate.sample.max() });
    let lowest = figures.rates.iter().map(|rate| ends(rate).low).fold(f64::MAX, f64::min);
    let highest = figures.rates.iter().map(|rate| ends(rate).high).fold(0.0, f64::max);
    let up = Axis::spanning(lowest, highest);
    let panel = Panel::new(Axis::Linear { end: levels.len() as f64 }, up, top, bottom);
    let names: Vec<_> = levels.iter().map(|&level| (place(level), level.to_string())).collect();
    panel.grid(area, &format!("Launches a second{}", up.remark()), "started at a time", &names)?;
    let mut labels = Vec::new();
    let mut stacks: Vec<Stack> = figures.rates.iter().map(|rate| rate.stack).collect();
    stacks.dedup();
    for stack in stacks {
        let own: Vec<_> = figures.rates.iter().filter(|rate| rate.stack == stack).collect();
        let at = |rate: &Rate| (panel.x(place(rate.at_once)), panel.y(rate.sample.median()));
        ink::curve(area, stack, host.emulates(stack), own.iter().map(|rate| at(rate)).collect())?;
        for rate in &own {
            let (x, Interval { low, high }) = (at(rate).0, ends(rate));
            line(area, (x, panel.y(low)), (x, panel.y(high)), ink::of_stack(stack))?;
            ink::marker(area, stack, at(rate))?;
        }
        labels.extend(own.last().map(|rate| {
            let floor = rate
                .of_floor
                .map_or(String::new(), |ratio| format!(", {} × floor", show::factor(ratio.value)));
            let note = format!("{:.0} a second{floor}{}", rate.sample.median(), remark(stack, host));
            Label { stack, value: rate.sample.median(), note }
        }));
    }
    panel.labels(area, labels)
}

fn remark(stack: Stack, host: &Host) -> &'static str {
    if host.emulates(stack) { ", emulated" } else { "" }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::example;

    fn drawn(file: &crate::samples::SamplesFile) -> String {
        let density = file.density.as_ref().unwrap();
        let figures = Figures::of(density, &file.host, file.seed);
        draw(density, &figures, &file.host, Circumstances { workload: "wait", host: "Some CPU, nested" })
    }

    #[test]
    fn every_stack_is_named_in_every_panel_and_the_circumstances_are_told() {
        let svg = drawn(&example::with_density());
        for stack in ["container", "unikernel", "container-floor", "kvm-floor"] {
            assert_eq!(svg.lines().filter(|line| line.trim() == stack).count(), 3, "{stack}");
        }
        for words in [
            "Memory, in MiB",
            "Start, spawn",
            "Launches a second",
            "the budget",
            "bootstrap",
            "Some CPU, nested",
        ] {
            assert!(svg.contains(words), "{words}");
        }
        assert!(!svg.contains("mulated"));
    }

    #[test]
    fn what_kvm_emulates_is_marked_and_a_run_without_fleets_has_one_panel() {
        let mut file = example::with_density();
        file.host.guest_kernel = "emulated".into();
        assert!(drawn(&file).contains(", emulated") && drawn(&file).contains(EMULATED));
        file.density.as_mut().unwrap().fills.clear();
        let svg = drawn(&file);
        assert!(svg.contains("Launches a second") && !svg.contains("Memory, in MiB"));
    }
}
