//! Two ladders on one ground: the container's on the left, the VM's on the right, and on top of the VM a Linux guest
//! with a container in it.
//!
//! They are climbed from the bottom, where both stand on the same bare process, and both have one scale, so that the
//! walls compare by length. A rung is pale up to where the one below it ends, and full from there: the full part is what it
//! costs. The boot of a kernel takes a hundred times as long as a namespace, so the guest on top has a scale of its own.
//! What stands aside of the way up, another way to do the same, is grey; what KVM emulates is hatched.

use super::axis::Axis;
use super::canvas::{Area, Drawn, FIGURE, MARGIN, NAME, NOTE, Stands, Type, WIDTH, line, svg, write};
use super::ink::{self, INK, SOFT};
use crate::host::{EMULATED, Host};
use crate::ladder::Wall;
use crate::ladder::figures::{How, Step, Steps};
use crate::ladder::table::interval;
use crate::stats::{bootstrap, show};
use isolab_timeline::Stack;

/// The heights of a ladder's head, of a rung with its words, of its bar, of the axis, and of the gap above, in pixels.
const HEAD: i32 = 24;
const RUNG: i32 = 35;
const BAR: i32 = 11;
const AXIS: i32 = 44;
const GAP: i32 = 24;
/// The gap between the two ladders, and what is kept free behind the longest bar for how far it comes, in pixels.
const BETWEEN: i32 = 44;
const TOTAL: i32 = 74;
/// The words of a rung.
const WORDS: Type = Type { size: 12.5, ..FIGURE };

/// One ladder: its rungs from the lowest, and where it stands, in pixels.
struct Ladder<'a> {
    wall: Wall,
    rungs: Vec<&'a Step>,
    axis: Axis,
    left: i32,
    right: i32,
}

/// Draws a ladder for each wall that was measured.
pub fn draw(steps: &Steps, host: &Host) -> String {
    let foot = || steps.iter().filter(|step| step.wall.is_none());
    let rungs = |wall: Wall| -> Vec<&Step> {
        let own = || steps.of_wall(wall);
        let first = foot().filter(|_| wall != Wall::Guest && own().next().is_some());
        first.chain(own()).collect()
    };
    let [container, vm, guest] = Wall::ALL.map(rungs);
    let walls = longest(container.iter().chain(&vm));
    let columns = [!container.is_empty(), !(vm.is_empty() && guest.is_empty())];
    let half = (WIDTH - 2 * MARGIN - BETWEEN) / 2;
    let width = if columns == [true, true] { half } else { WIDTH - 2 * MARGIN };
    let ladder = |wall: Wall, rungs, longest: f64| {
        let left = if wall == Wall::Container { MARGIN } else { WIDTH - MARGIN - width };
        Ladder { wall, rungs, axis: Axis::from_zero(longest), left, right: left + width }
    };
    let guest_longest = longest(guest.iter());
    let left = [ladder(Wall::Container, container, walls)];
    let right = [ladder(Wall::Vm, vm, walls), ladder(Wall::Guest, guest, guest_longest)];
    let height = |column: &[Ladder<'_>]| column.iter().map(Ladder::height).sum::<i32>();
    // No gap above the highest.
    let room = height(&left).max(height(&right)) - GAP;
    let unit = host.clock.unit();
    let subtitle =
        format!("Read it from the bottom: what each rung adds to the start of a bare process, in {unit}");
    svg("The ladder: what each wall is made of", &subtitle, &caption(steps, host), room, |area, _, bottom| {
        for column in [&left[..], &right[..]] {
            let mut foot = bottom;
            for ladder in column.iter().filter(|ladder| !ladder.rungs.is_empty()) {
                ladder.draw(area, foot, unit)?;
                foot -= ladder.height();
            }
        }
        Ok(())
    })
}

fn caption(steps: &Steps, host: &Host) -> Vec<String> {
    let mut caption = vec![format!(
        "t0 = spawn → begin; n = {} launches of each rung in random order, warm-up left out. Full bar: the difference of the \
         medians with and without the rung; line below it, and in brackets: its {}. Grey words: the interval includes \
         zero. “or:” and the interrupt controllers stand aside of the way up.",
        steps.launches(),
        bootstrap::method()
    )];
    if steps.iter().any(|step| step.how == How::Phase) {
        caption.push(
            "Green: phases of the guest's launches, each a median: no guest can be launched without its kernel. The guest \
             has a scale of its own."
                .into(),
        );
    }
    if steps.iter().any(|step| step.emulated) {
        caption.push(format!("Hatched: {EMULATED}."));
    }
    caption.push(host.caption());
    caption
}

/// The furthest that a bar or its interval comes.
fn longest<'a>(steps: impl Iterator<Item = &'a &'a Step>) -> f64 {
    let end =
        |step: &&Step| step.cost.interval.map_or(step.to(), |ends| (step.from + ends.high).max(step.to()));
    steps.map(end).fold(0.0, f64::max)
}

impl Ladder<'_> {
    fn height(&self) -> i32 {
        if self.rungs.is_empty() { 0 } else { HEAD + RUNG * self.rungs.len() as i32 + AXIS + GAP }
    }

    fn x(&self, value: f64) -> i32 {
        let room = f64::from(self.right - TOTAL - self.left);
        self.left + (self.axis.place(value.max(0.0)) * room).round() as i32
    }

    /// Draws it so that it stands at the height `foot`.
    fn draw(&self, area: &Area<'_>, foot: i32, unit: &str) -> Drawn {
        let bottom = foot - AXIS;
        let top = bottom - RUNG * self.rungs.len() as i32;
        write(area, self.wall.title(), (self.left, top - HEAD / 2), Stands::Right, NAME)?;
        // Once a column: the guest stands on the VM, and its title is long.
        if self.wall != Wall::Guest {
            write(area, "cost (95 % interval)", (self.right, top - HEAD / 2), Stands::Left, NOTE)?;
        }
        self.axis.draw(
            area,
            [(self.left, top), (self.right - TOTAL, bottom)],
            &format!("spawn → begin, {unit}"),
        )?;
        let summit = self.rungs.iter().rposition(|step| !step.aside);
        for (place, step) in self.rungs.iter().enumerate() {
            let bar = bottom - RUNG * place as i32 - 8 - BAR;
            self.rung(area, bar, step)?;
            if Some(place) == summit {
                // Its unit is in the title and at the axis: a long one would not fit.
                let total = show::ms(step.to());
                let at = (self.x(longest(std::iter::once(step))) + 6, bar + BAR / 2);
                write(area, &total, at, Stands::Right, Type { size: 12.0, ..NAME })?;
            }
        }
        line(area, (self.left, top), (self.left, bottom), INK)
    }

    /// Draws a rung, the top of its bar at a height, its words above.
    fn rung(&self, area: &Area<'_>, top: i32, step: &Step) -> Drawn {
        let remark = if step.emulated { " · emulated" } else { "" };
        let words = if step.is_told_from_none() { WORDS } else { Type { colour: SOFT, ..WORDS } };
        let cost = match step.cost.interval {
            Some(_) => format!("{} ({})", show::more_ms(step.cost.value), interval(step.cost)),
            None => show::more_ms(step.cost.value),
        };
        write(area, &format!("{}{remark}", step.name), (self.left + 6, top - 9), Stands::Right, words)?;
        write(area, &cost, (self.right, top - 9), Stands::Left, words)?;
        let [below, end] =
            if step.cost.value < 0.0 { [step.to(), step.from] } else { [step.from, step.to()] };
        let (start, bottom) = (self.x(below), top + BAR);
        ink::pale(area, colour(step), [(self.left, top), (start, bottom)])?;
        let full = [(start, top), (self.x(end).max(start + 1), bottom)];
        ink::bar(area, colour(step), step.emulated, full)?;
        let Some(ends) = step.cost.interval else { return Ok(()) };
        let y = bottom + 4;
        let [low, high] = [ends.low, ends.high].map(|end| self.x(step.from + end));
        line(area, (low, y), (high, y), INK)?;
        [low, high].into_iter().try_for_each(|x| line(area, (x, y - 2), (x, y + 2), INK))
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
            (draw(&steps, &file.host).replace("&apos;", "'"), steps)
        };
        let (svg, steps) = drawn(&file);
        for step in steps.iter() {
            assert!(svg.contains(step.name) && svg.contains(&show::more_ms(step.cost.value)), "{step:?}");
        }
        assert!(Wall::ALL.iter().all(|wall| svg.contains(wall.title())));
        assert!(svg.contains("n = 12 launches") && svg.contains("bootstrap") && svg.contains("nested"));
        assert!(svg.contains("Green: phases"), "{svg}");
        assert!(!svg.contains("emulated"));
        file.host.guest_kernel = "emulated".into();
        let (svg, _) = drawn(&file);
        assert!(svg.contains(EMULATED));
    }
}
