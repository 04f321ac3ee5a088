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
mod page;
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
    let (workload, host) = (page::workloads(file), file.host.caption());
    let of = Circumstances { workload: &workload, host: &host };
    let charts = Charts {
        ecdf: chart::ecdf::draw(&summary, of),
        phases: chart::phases::draw(&summary, of),
        density: parts::density::Shown::of(file, of),
        tax: parts::tax::prices(file).map(|prices| chart::tax::draw(&prices, &file.host)),
    };
    let (html, markdown) = page::render(file, &summary, &charts, of);
    folder::replace(
        folder,
        &[
            ("samples.json", Some(&file.to_json())),
            ("ecdf.svg", Some(charts.ecdf.as_bytes())),
            ("phases.svg", Some(charts.phases.as_bytes())),
            ("density.svg", charts.density.as_ref().map(|density| density.chart.as_bytes())),
            ("tax.svg", charts.tax.as_deref().map(str::as_bytes)),
            ("report.html", Some(html.as_bytes())),
            ("summary.md", Some(markdown.as_bytes())),
        ],
    )
}
