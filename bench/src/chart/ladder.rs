//! The two walls as staircases: each rung's bar begins where the one below it ends.
//!
//! Each staircase has an axis of its own from zero: a namespace is microseconds, the boot of a kernel a hundred
//! milliseconds. The line up to the right follows the ladder; what stands aside of it, another way to do the same,
//! begins where it would be switched on and leads nowhere. What KVM emulates is hatched.

use super::axis::Axis;
use super::canvas::{Area, Drawn, FIGURE, MARGIN, NAME, NOTE, Stands, WIDTH, line, svg, write};
use super::ink::{self, INK, SOFT};
use crate::host::{EMULATED, Host};
use crate::ladder::Wall;
use crate::ladder::figures::{How, Step, Steps};
use crate::ladder::table::interval;
use crate::stats::{bootstrap, show};
use isolab_timeline::Stack;

/// The heights of a staircase's head, of a row and of its bar, of the axis, and of the gap behind it, in pixels.
const HEAD: i32 = 26;
const ROW: i32 = 24;
const BAR: i32 = 12;
const AXIS: i32 = 46;
const GAP: i32 = 18;
/// Where bars begin and end, and where the two columns of numbers end, in pixels.
const LEFT: i32 = MARGIN + 196;
const RIGHT: i32 = WIDTH - MARGIN - 236;
const COLUMNS: [i32; 2] = [WIDTH - MARGIN - 146, WIDTH - MARGIN];

/// Draws a staircase for each wall that was measured.
pub fn draw(steps: &Steps, host: &Host) -> String {
    let foot: Vec<&Step> = steps.iter().filter(|step| step.wall.is_none()).collect();
    let stairs: Vec<(Wall, Vec<&Step>)> = Wall::ALL
        .into_iter()
        .filter(|&wall| steps.of_wall(wall).next().is_some())
        .map(|wall| {
            let first = foot.iter().copied().filter(|_| wall != Wall::Guest);
            (wall, first.chain(steps.of_wall(wall)).collect())
        })
        .collect();
    let mut caption = vec![format!(
        "t0 = spawn → begin; n = {} launches of each rung in random order, warm-up left out. Each bar: the difference of the \
         medians with and without the rung; line below it: its {}. “or:” and the interrupt controllers stand aside of \
         the way up. Each staircase has its own scale.",
        steps.launches(),
        bootstrap::method()
    )];
    if steps.iter().any(|step| step.how == How::Phase) {
        caption.push(
            "By phase: the median of a part of the guest's launches, which cannot be switched on by itself."
                .into(),
        );
    }
    if steps.iter().any(|step| step.emulated) {
        caption.push(format!("Hatched: {EMULATED}."));
    }
    caption.push(host.caption());
    let height = |rows: &[&Step]| HEAD + ROW * rows.len() as i32 + AXIS + GAP;
    let room = stairs.iter().map(|(_, rows)| height(rows)).sum();
    let unit = host.clock.unit();
    let subtitle = format!("What each rung costs, in {unit}: from a bare process up");
    svg("The ladder", &subtitle, &caption, room, |area, top, _| {
        let mut y = top;
        for (wall, rows) in &stairs {
            staircase(area, y, *wall, rows, unit)?;
            y += height(rows);
        }
        Ok(())
    })
}

fn staircase(area: &Area<'_>, top: i32, wall: Wall, rows: &[&Step], unit: &str) -> Drawn {
    write(area, wall.title(), (MARGIN, top + 8), Stands::Right, NAME)?;
    for (head, x) in ["cost", "95 % interval"].into_iter().zip(COLUMNS) {
        write(area, head, (x, top + 8), Stands::Left, NOTE)?;
    }
    let end =
        |step: &&Step| step.cost.interval.map_or(step.to(), |ends| (step.from + ends.high).max(step.to()));
    let axis = Axis::from_zero(rows.iter().map(end).fold(0.0, f64::max));
    let x = |value: f64| LEFT + (axis.place(value.max(0.0)) * f64::from(RIGHT - LEFT)).round() as i32;
    let (first, bottom) = (top + HEAD, top + HEAD + ROW * rows.len() as i32);
    axis.draw(area, [(LEFT, first), (RIGHT, bottom)], &format!("spawn → begin, {unit}"))?;
    // Where the way up was last, to be joined to the next.
    let mut reached: Option<(i32, i32)> = None;
    for (row, step) in (0..).zip(rows) {
        let middle = first + ROW * row + ROW / 2 - 2;
        write(area, step.name, (LEFT - 8, middle), Stands::Left, NOTE)?;
        if let Some((at, from)) = reached.filter(|_| !step.aside) {
            line(area, (at, from), (at, middle - BAR / 2), SOFT)?;
        }
        let [left, right] =
            if step.cost.value < 0.0 { [step.to(), step.from] } else { [step.from, step.to()] };
        let bar = [(x(left), middle - BAR / 2), (x(right).max(x(left) + 1), middle + BAR / 2)];
        ink::bar(area, colour(step), step.emulated, bar)?;
        if let Some(ends) = step.cost.interval {
            let y = middle + BAR / 2 + 3;
            let [low, high] = [ends.low, ends.high].map(|end| x(step.from + end));
            line(area, (low, y), (high, y), INK)?;
            [low, high].into_iter().try_for_each(|x| line(area, (x, y - 2), (x, y + 2), INK))?;
        }
        write(area, &show::more_ms(step.cost.value), (COLUMNS[0], middle), Stands::Left, FIGURE)?;
        write(area, &interval(step.cost), (COLUMNS[1], middle), Stands::Left, FIGURE)?;
        if let Some(remark) = remark(step) {
            // Beside the bar, on the side that has room for it.
            let (at, stands) = if x(right) > i32::midpoint(LEFT, RIGHT) {
                (x(left) - 4, Stands::Left)
            } else {
                (x(end(step)) + 4, Stands::Right)
            };
            write(area, remark, (at, middle), stands, NOTE)?;
        }
        if !step.aside {
            reached = Some((x(step.to()), middle + BAR / 2));
        }
    }
    Ok(())
}

/// What must be known of a cost to read it.
fn remark(step: &Step) -> Option<&'static str> {
    match (step.how, step.emulated) {
        (How::Phase, true) => Some("by phase, emulated"),
        (How::Phase, false) => Some("by phase"),
        (How::Launches, true) => Some("emulated"),
        (How::Launches, false) => None,
    }
}

/// Whose colour: the stack's that the rung leads up to; grey for what stands aside.
fn colour(step: &Step) -> Stack {
    match (step.wall, step.aside) {
        (_, true) => Stack::ContainerFloor,
        (None, _) => Stack::Process,
        (Some(Wall::Container), _) => Stack::Container,
        (Some(Wall::Vm), _) => Stack::Unikernel,
        (Some(Wall::Guest), _) if step.how == How::Phase => Stack::Microvm,
        (Some(Wall::Guest), _) => Stack::Nested,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::example;

    #[test]
    fn every_rung_is_labelled_and_what_is_emulated_says_so() {
        let mut file = example::with_ladder();
        let drawn = |file: &crate::samples::SamplesFile| {
            let steps = Steps::of(file.ladder.as_ref().unwrap(), &file.host, file.seed);
            (draw(&steps, &file.host), steps)
        };
        let (svg, steps) = drawn(&file);
        for step in steps.iter() {
            assert!(svg.contains(step.name) && svg.contains(&show::more_ms(step.cost.value)), "{step:?}");
        }
        assert!(Wall::ALL.iter().all(|wall| svg.contains(wall.title())));
        assert!(svg.contains("n = 12 launches") && svg.contains("bootstrap") && svg.contains("nested"));
        assert_eq!(svg.matches(">\nby phase").count(), 3, "{svg}");
        assert!(!svg.contains("emulated"));
        file.host.guest_kernel = "emulated".into();
        let (svg, _) = drawn(&file);
        assert!(svg.contains(EMULATED));
    }
}
