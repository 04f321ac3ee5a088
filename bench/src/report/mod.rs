//! The report of a run: a folder that explains itself.
//!
//! 1. [`sentences`], `ranking.rs`: the answer in words, from what the samples show and no more.
//! 2. `drawing.rs`: each chart as it is on the page, and as SVG, PNG and CSV beside it.
//! 3. `page.rs`: `report.html`, one file without scripts or network, and `summary.md` for a pull request;
//!    both are templates (`report.html.j2`, `summary.md.j2`) filled with the same figures.
//! 4. [`folder`]: all files at once, or none.
//!
//! Beside them lies `samples.json`, from which all of it can be made again (`isolab report`). What the page says of
//! one part of the run is in `parts/`.

#[cfg(test)]
mod browser;
mod csv;
mod drawing;
#[cfg(test)]
pub(crate) mod example;
pub mod folder;
pub(crate) mod page;
mod parts;
mod ranking;
pub mod sentences;

use crate::chart::Circumstances;
use crate::samples::SamplesFile;
use crate::stats::Summary;
use drawing::Drawing;
use folder::ReportError;
use std::path::Path;

/// Makes the report of a run and puts it at `folder`, in place of an older one. When that fails, an
/// older report is as it was.
pub fn write(folder: &Path, file: &SamplesFile) -> Result<(), ReportError> {
    let summary = Summary::of(file);
    let (workload, host) = (file.workloads(), file.host.caption());
    let of = Circumstances { workload: &workload, host: &host };
    let density = parts::density::Shown::of(file, of);
    let mut drawings = parts::startup::drawings(file, &summary, of);
    drawings.extend(parts::memory::drawing(file, of));
    drawings.extend(density.iter().map(|density| density.drawing.clone()));
    drawings.extend(parts::ladder::drawing(file));
    drawings.extend(parts::tax::drawing(file));
    drawings.extend(parts::peers::drawing(&summary, of));
    let json = file.to_json();
    let (html, markdown) = page::render(file, &summary, density.as_ref(), &drawings, &json);
    let mut files: Vec<(String, Option<Vec<u8>>)> = vec![
        ("samples.json".into(), Some(json)),
        ("report.html".into(), Some(html.into_bytes())),
        ("summary.md".into(), Some(markdown.into_bytes())),
    ];
    // All that any report has: what this one has not is no stranger in an older one.
    for name in drawing::NAMES {
        let drawing = drawings.iter().find(|drawing| drawing.name == name);
        let entry = |ending: &str, content| (format!("{name}.{ending}"), content);
        match drawing.map(Drawing::files) {
            Some(contents) => files.extend(contents.map(|(ending, content)| entry(ending, Some(content)))),
            None => files.extend(drawing::ENDINGS.map(|ending| entry(ending, None))),
        }
    }
    let files: Vec<_> = files.iter().map(|(name, content)| (name.as_str(), content.as_deref())).collect();
    folder::replace(folder, &files)
}
