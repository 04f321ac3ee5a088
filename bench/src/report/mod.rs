//! The report of a run: a folder that explains itself.
//!
//! 1. `measured.rs`: the figures of every part of the run, each computed once.
//! 2. `answers.rs`: the head: one sentence for each question. [`sentences`], `ranking.rs`: start-up in words, from what
//!    the samples show and no more.
//! 3. `drawing.rs`: each chart as it is on the page, and as SVG, PNG and CSV beside it.
//! 4. `page.rs`: `report.html`, one file without scripts or network, and `summary.md` for a pull request;
//!    both are templates (`report.html.j2`, `summary.md.j2`) filled with the same figures.
//! 5. [`folder`]: all files at once, or none.
//!
//! Beside them lies `samples.json`, from which all of it can be made again (`isolab report`). What the page says of
//! one part of the run is in `parts/`.

mod answers;
#[cfg(test)]
mod browser;
mod csv;
mod drawing;
#[cfg(test)]
pub(crate) mod example;
pub mod folder;
mod measured;
pub(crate) mod page;
mod parts;
mod ranking;
pub mod sentences;

use crate::chart::Circumstances;
use crate::samples::SamplesFile;
use drawing::Drawing;
use folder::ReportError;
use measured::Measured;
use std::collections::BTreeMap;
use std::path::Path;

/// Makes the report of a run and puts it at `folder`, in place of an older one. When that fails, an
/// older report is as it was.
pub fn write(folder: &Path, file: &SamplesFile) -> Result<(), ReportError> {
    let measured = Measured::of(file);
    let drawings = drawings(&measured);
    let json = file.to_json();
    let (pictures, html, markdown) = side_by_side(&measured, &drawings, &json);
    let mut files: Vec<(String, Option<Vec<u8>>)> = vec![
        ("samples.json".into(), Some(json)),
        ("report.html".into(), Some(html.into_bytes())),
        ("summary.md".into(), Some(markdown.into_bytes())),
    ];
    // All that any report has: what this one has not is no stranger in an older one.
    let mut drawn: BTreeMap<_, _> =
        drawings.into_iter().zip(pictures).map(|(drawing, png)| (drawing.name, drawing.files(png))).collect();
    for name in drawing::NAMES {
        let entry = |ending: &str, content| (format!("{name}.{ending}"), content);
        match drawn.remove(name) {
            Some(contents) => files.extend(contents.map(|(ending, content)| entry(ending, Some(content)))),
            None => files.extend(drawing::ENDINGS.map(|ending| entry(ending, None))),
        }
    }
    let files: Vec<_> = files.iter().map(|(name, content)| (name.as_str(), content.as_deref())).collect();
    folder::replace(folder, &files)
}

/// The pictures of the charts, and the two pages.
fn side_by_side(
    measured: &Measured<'_>,
    drawings: &[Drawing],
    json: &[u8],
) -> (Vec<Vec<u8>>, String, String) {
    std::thread::scope(|scope| {
        let pictures = scope.spawn(|| drawing::pictures(drawings));
        let (html, markdown) = page::render(measured, drawings, json);
        (pictures.join().expect("pictures are drawn without a panic"), html, markdown)
    })
}

/// All charts of what was measured.
fn drawings(measured: &Measured<'_>) -> Vec<Drawing> {
    let Measured { file, summary, ledgers, density, steps, prices } = measured;
    let (workload, host) = (file.workloads(), file.host.caption());
    let of = Circumstances { workload: &workload, host: &host };
    let mut drawings = parts::startup::drawings(file, summary, of);
    drawings.extend(parts::memory::drawing(file, ledgers.as_deref(), of));
    drawings.extend(parts::density::drawing(file, density.as_ref(), of));
    drawings.extend(steps.iter().map(|steps| parts::ladder::drawing(steps, &file.host)));
    drawings.extend(prices.iter().map(|prices| parts::tax::drawing(prices, &file.host)));
    drawings.extend(parts::peers::drawing(summary, of));
    drawings
}
