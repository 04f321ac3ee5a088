//! Colours, and for those who see none: markers, dashes and hatching.
//!
//! The colours are those of M. Okabe and K. Ito, "Color Universal Design" (2008), told apart with every
//! common kind of colour vision. Each is paired with a shape, so that a chart survives a grey printer.
//! Floors are grey: they are yardsticks, not contenders.

use super::canvas::{Area, Drawn};
use crate::memory::Line;
use isolab_timeline::{Phase, Stack};
use plotters::element::DashedPathElement;
use plotters::prelude::*;

/// Text and axes.
pub(super) const INK: RGBColor = RGBColor(0x22, 0x22, 0x22);
/// Lesser text; 7:1 on white.
pub(super) const SOFT: RGBColor = RGBColor(0x55, 0x55, 0x55);
/// Lines behind the data.
pub(super) const GRID: RGBColor = RGBColor(0xe2, 0xe2, 0xe2);

/// Hatching: not the page's ink, since it lies on colours that are the same on a dark page.
const HATCHING: RGBColor = RGBColor(0x21, 0x21, 0x21);

const ORANGE: RGBColor = RGBColor(0xe6, 0x9f, 0x00);
const SKY_BLUE: RGBColor = RGBColor(0x56, 0xb4, 0xe9);
const BLUISH_GREEN: RGBColor = RGBColor(0x00, 0x9e, 0x73);
const BLUE: RGBColor = RGBColor(0x00, 0x72, 0xb2);
const YELLOW: RGBColor = RGBColor(0xf0, 0xe4, 0x42);
const VERMILLION: RGBColor = RGBColor(0xd5, 0x5e, 0x00);
const REDDISH_PURPLE: RGBColor = RGBColor(0xcc, 0x79, 0xa7);

/// Rules of style for a page that holds charts: paper, text and lines take the page's colours, light or dark, and what
/// means something keeps its own. A chart in a file of its own knows no such rules, and is on white.
pub(crate) fn theme() -> String {
    [(WHITE, "sheet"), (BLACK, "ink"), (INK, "ink"), (SOFT, "soft"), (GRID, "line")]
        .map(|(RGBColor(red, green, blue), variable)| {
            let colour = format!("#{red:02X}{green:02X}{blue:02X}");
            format!(
                "figure svg [fill=\"{colour}\"] {{ fill: var(--{variable}); }}\n\
                 figure svg [stroke=\"{colour}\"] {{ stroke: var(--{variable}); }}\n"
            )
        })
        .concat()
}

/// The colour of a stack's curve: a peer's is that of the stack of ours that it stands beside.
pub(super) const fn of_stack(stack: Stack) -> RGBColor {
    match stack {
        Stack::Process => BLACK,
        Stack::Container => BLUE,
        Stack::Unikernel => VERMILLION,
        Stack::Microvm => BLUISH_GREEN,
        Stack::Nested => REDDISH_PURPLE,
        Stack::ContainerFloor | Stack::KvmFloor => SOFT,
        Stack::Peer(peer) => of_stack(peer.beside()),
    }
}

/// Draws a stack's curve through `points`, in pixels: floors dashed, each in its own way, peers dotted; one that is
/// emulated is crossed by strokes, as a bar is hatched.
pub(super) fn curve(area: &Area<'_>, stack: Stack, emulated: bool, points: Vec<(i32, i32)>) -> Drawn {
    const STROKE: i32 = 4;
    for (x, y) in along(&points).into_iter().filter(|_| emulated) {
        let stroke = vec![(x - STROKE, y + STROKE), (x + STROKE, y - STROKE)];
        area.draw(&PathElement::new(stroke, of_stack(stack)))?;
    }
    let style = of_stack(stack).stroke_width(2);
    let dash = match stack {
        Stack::ContainerFloor => Some((8, 4)),
        Stack::KvmFloor => Some((2, 4)),
        Stack::Peer(_) => Some((2, 2)),
        Stack::Process | Stack::Container | Stack::Unikernel | Stack::Microvm | Stack::Nested => None,
    };
    match dash {
        Some((on, off)) => area.draw(&DashedPathElement::new(points, on, off, style)),
        None => area.draw(&PathElement::new(points, style)),
    }
}

/// Points on a line, evenly far apart.
fn along(points: &[(i32, i32)]) -> Vec<(i32, i32)> {
    const EVERY: f64 = 14.0;
    let (mut found, mut ahead) = (Vec::new(), EVERY);
    for (from, to) in points.iter().zip(points.iter().skip(1)) {
        let [across, up] = [f64::from(to.0 - from.0), f64::from(to.1 - from.1)];
        let length = across.hypot(up);
        while ahead <= length {
            let share = ahead / length;
            found.push((from.0 + (share * across) as i32, from.1 + (share * up) as i32));
            ahead += EVERY;
        }
        ahead -= length;
    }
    found
}

/// Draws a stack's marker at a point: containers are square, VMs are triangles, one that boots Linux stands on its
/// head, the container in a VM is a square on its corner, floors are hollow, and a peer is a ring.
pub(super) fn marker(area: &Area<'_>, stack: Stack, at: (i32, i32)) -> Drawn {
    let colour = of_stack(stack).filled();
    let square = |size: i32, style: ShapeStyle| {
        area.draw(&Rectangle::new([(at.0 - size, at.1 - size), (at.0 + size, at.1 + size)], style))
    };
    let polygon = |corners: &[(i32, i32)]| {
        let corners: Vec<_> = corners.iter().map(|(x, y)| (at.0 + x, at.1 + y)).collect();
        area.draw(&Polygon::new(corners, colour))
    };
    let triangle = |size: i32, style: ShapeStyle| {
        let corners = [(0, -size - 1), (size + 1, size), (-size - 1, size)];
        area.draw(&Polygon::new(corners.map(|(x, y)| (at.0 + x, at.1 + y)), style))
    };
    match stack {
        Stack::Process => area.draw(&Circle::new(at, 5, colour)),
        Stack::Container => square(5, colour),
        Stack::Unikernel => triangle(5, colour),
        Stack::Microvm => polygon(&[(0, 6), (6, -5), (-6, -5)]),
        Stack::Nested => polygon(&[(0, -7), (7, 0), (0, 7), (-7, 0)]),
        Stack::ContainerFloor => square(5, colour).and_then(|()| square(3, WHITE.filled())),
        Stack::KvmFloor => triangle(6, colour).and_then(|()| triangle(2, WHITE.filled())),
        Stack::Peer(_) => area
            .draw(&Circle::new(at, 5, colour))
            .and_then(|()| area.draw(&Circle::new(at, 2, WHITE.filled()))),
    }
}

/// How a part of a bar is filled.
#[derive(Clone, Copy, PartialEq)]
enum Hatch {
    Plain,
    Rising,
    Upright,
    Falling,
}

/// Fills a part of a bar as its phase's; in greys when the bar is a floor's.
pub(super) fn phase(area: &Area<'_>, phase: Phase, grey: bool, corners: [(i32, i32); 2]) -> Drawn {
    let (colour, shade, hatch) = match phase {
        Phase::Launcher => (SKY_BLUE, 0xd4, Hatch::Plain),
        Phase::Isolation => (ORANGE, 0xb0, Hatch::Rising),
        Phase::Kernel => (YELLOW, 0xe4, Hatch::Plain),
        Phase::Init => (VERMILLION, 0x90, Hatch::Falling),
        Phase::Workload => (BLUISH_GREEN, 0x66, Hatch::Plain),
        Phase::Teardown => (REDDISH_PURPLE, 0xc4, Hatch::Upright),
    };
    let colour = if grey { RGBColor(shade, shade, shade) } else { colour };
    filled(area, colour, hatch, corners)
}

/// Fills a stack's bar; hatched when what it shows is emulated.
pub(super) fn bar(area: &Area<'_>, stack: Stack, emulated: bool, corners: [(i32, i32); 2]) -> Drawn {
    filled(area, of_stack(stack), Hatch::Plain, corners)?;
    if emulated { veil(area, corners) } else { Ok(()) }
}

/// Fills what leads up to a stack's bar, in its colour and pale.
pub(super) fn pale(area: &Area<'_>, stack: Stack, corners: [(i32, i32); 2]) -> Drawn {
    area.draw(&Rectangle::new(corners, of_stack(stack).mix(0.2).filled()))
}

/// Lays over a bar what says that it is emulated: pale, or the hatching would not show.
pub(super) fn veil(area: &Area<'_>, corners: [(i32, i32); 2]) -> Drawn {
    area.draw(&Rectangle::new(corners, WHITE.mix(0.65).filled()))?;
    hatched(area, Hatch::Rising, INK, corners)
}

/// Fills a part of a bar as that kind of memory: three kinds of processes, the rest is the kernel's. `None` is what
/// is in no line.
pub(super) fn memory(area: &Area<'_>, line: Option<Line>, corners: [(i32, i32); 2]) -> Drawn {
    let (colour, hatch) = match line {
        Some(Line::Workload) => (BLUISH_GREEN, Hatch::Plain),
        Some(Line::Launcher) => (SKY_BLUE, Hatch::Plain),
        Some(Line::Guest | Line::GuestKernel) => (VERMILLION, Hatch::Plain),
        Some(Line::GuestPrograms) => (VERMILLION, Hatch::Rising),
        Some(Line::Shmem | Line::FileCache) => (SKY_BLUE, Hatch::Upright),
        Some(Line::PageTables) => (ORANGE, Hatch::Plain),
        Some(Line::SecondaryPageTables) => (ORANGE, Hatch::Rising),
        Some(Line::KernelStacks) => (YELLOW, Hatch::Plain),
        Some(Line::Slab) => (BLUE, Hatch::Plain),
        Some(Line::HeldBack | Line::ReclaimableSlab) => (BLUE, Hatch::Rising),
        Some(Line::Percpu) => (YELLOW, Hatch::Upright),
        Some(Line::Vmalloc) => (REDDISH_PURPLE, Hatch::Plain),
        Some(Line::KernelPages) => (REDDISH_PURPLE, Hatch::Falling),
        None => (WHITE, Hatch::Rising),
    };
    filled(area, colour, hatch, corners)
}

fn filled(area: &Area<'_>, colour: RGBColor, hatch: Hatch, corners: [(i32, i32); 2]) -> Drawn {
    area.draw(&Rectangle::new(corners, colour.filled()))?;
    // Paper turns dark on a dark page, and so must what is drawn on it turn light.
    hatched(area, hatch, if colour == WHITE { INK } else { HATCHING }, corners)
}

fn hatched(
    area: &Area<'_>,
    hatch: Hatch,
    colour: RGBColor,
    [(left, top), (right, bottom)]: [(i32, i32); 2],
) -> Drawn {
    let line = |from, to| area.draw(&PathElement::new(vec![from, to], colour.mix(0.55)));
    match hatch {
        Hatch::Plain => Ok(()),
        Hatch::Upright => (left + 3..right).step_by(5).try_for_each(|x| line((x, top), (x, bottom))),
        // At 45 degrees: what a line is cut off sideways it is cut off in height as well.
        Hatch::Rising | Hatch::Falling => (left - (bottom - top)..right).step_by(7).try_for_each(|x| {
            let [start, end] = [x.max(left), (x + bottom - top).min(right)].map(|along| {
                let across = along - x;
                (along, if hatch == Hatch::Rising { bottom - across } else { top + across })
            });
            line(start, end)
        }),
    }
}
