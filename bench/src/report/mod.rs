//! The report of a run: a folder that explains itself.
//!
//! 1. [`sentences`]: the answer in words, from what the samples show and no more.
//! 2. `page.rs`: `report.html`, one file without scripts or network, and `summary.md` for a pull request;
//!    both are templates (`report.html.j2`, `summary.md.j2`) filled with the same figures.
//! 3. [`folder`]: all files at once, or none.
//!
//! Beside them lie the charts as files of their own and `samples.json`, from which all of it can be
//! made again. What the page says of a part of the run that is not its start is in `parts/`.

#[cfg(test)]
pub(crate) mod example;
pub mod folder;
pub(crate) mod page;
mod parts;
pub mod sentences;

use crate::chart::{self, Circumstances};
use crate::samples::SamplesFile;
use crate::stats::Summary;
use folder::ReportError;
use page::Charts;
use std::path::Path;

/// Makes the report of a run and puts it at `folder`, in place of an older one. When that fails, an
/// older report is as it was.
pub fn write(folder: &Path, file: &SamplesFile) -> Result<(), ReportError> {
    let summary = Summary::of(file);
    let (workload, host) = (file.workloads(), file.host.caption());
    let of = Circumstances { workload: &workload, host: &host };
    let started = |draw: fn(&Summary, Circumstances<'_>) -> String| {
        (!summary.stacks.is_empty()).then(|| draw(&summary, of))
    };
    let charts = Charts {
        ecdf: started(chart::ecdf::draw),
        phases: started(chart::phases::draw),
        order: (!summary.stacks.is_empty()).then(|| chart::order::draw(file, of)),
        memory: file.memory.as_ref().map(|section| parts::memory::chart(section, of)),
        density: parts::density::Shown::of(file, of),
        ladder: parts::ladder::steps(file).map(|steps| chart::ladder::draw(&steps, &file.host)),
        tax: parts::tax::prices(file).map(|prices| chart::tax::draw(&prices, &file.host)),
    };
    let (html, markdown) = page::render(file, &summary, &charts, of);
    let json = file.to_json();
    let pages = [
        ("samples.json", Some(&*json)),
        ("report.html", Some(html.as_bytes())),
        ("summary.md", Some(markdown.as_bytes())),
    ];
    // All that any report has: what this one has not is no stranger in an older one.
    let drawn = charts.files().map(|(name, chart)| (name, chart.map(str::as_bytes)));
    folder::replace(folder, &[&pages[..], &drawn].concat())
}
