//! How well several runs of one command agree: the medians of each, held against each other.
//!
//! In a deterministic machine they should not differ at all; what they differ by is the error bar of its figures.

use crate::samples::{SamplesError, SamplesFile, merge};
use crate::stats::{Clock, Summary, show};
use std::fs;
use std::path::{Path, PathBuf};

/// The clocks that are looked at: the ruler of a report, and the whole launch.
const CLOCKS: [Clock; 2] = [Clock::Begin, Clock::Reaped];
const SAMPLES: &str = "samples.json";

/// Why runs cannot be held against each other.
#[derive(Debug, thiserror::Error)]
pub enum SpreadError {
    /// A file is no record of a run.
    #[error(transparent)]
    Samples(#[from] SamplesError),
    /// Two records that say nothing about each other.
    #[error("{} and {} are never compared: {reason}", one.display(), other.display())]
    Mixed {
        /// The first record.
        one: PathBuf,
        /// One that does not go with it.
        other: PathBuf,
        /// What differs.
        reason: String,
    },
}

/// One line for each stack and clock of each report that all the `runs` have at the same place in their folders;
/// empty if there is none.
pub fn lines(runs: &[PathBuf]) -> Result<Vec<String>, SpreadError> {
    let Some(first) = runs.first() else { return Ok(Vec::new()) };
    let mut lines = Vec::new();
    for place in reports(first) {
        let paths: Vec<_> = runs.iter().map(|run| run.join(&place)).collect();
        if !paths.iter().all(|path| path.is_file()) {
            continue;
        }
        let files = paths.iter().map(|path| SamplesFile::read(path)).collect::<Result<Vec<_>, _>>()?;
        let differs = |(path, file)| Some((path, merge::mismatch(&files[0], file)?));
        if let Some((other, reason)) = paths.iter().zip(&files).find_map(differs) {
            return Err(SpreadError::Mixed { one: paths[0].clone(), other: PathBuf::clone(other), reason });
        }
        let report = place.parent().unwrap_or(&place).display();
        lines.extend(of(&files).into_iter().map(|line| format!("{report}: {line}")));
    }
    Ok(lines)
}

fn of(files: &[SamplesFile]) -> Vec<String> {
    let summaries: Vec<_> = files.iter().map(Summary::of).collect();
    let mut lines = Vec::new();
    for stack in files[0].stacks() {
        for clock in CLOCKS {
            let medians = summaries.iter().map(|summary| Some(summary.clock(stack, clock)?.p50()));
            let Some(medians) = medians.collect::<Option<Vec<_>>>() else { continue };
            let least = medians.iter().copied().fold(f64::INFINITY, f64::min);
            let most = medians.iter().copied().fold(0.0, f64::max);
            let spread = if least > 0.0 {
                format!("{:.3} %", (most / least - 1.0) * 100.0)
            } else {
                show::NONE.into()
            };
            lines.push(format!(
                "{stack}, {}: medians of {} runs {} to {} {}, spread {spread}",
                clock.name(),
                medians.len(),
                show::ms(least),
                show::ms(most),
                files[0].host.clock.unit(),
            ));
        }
    }
    lines
}

/// The places of all reports below `run`, relative to it.
fn reports(run: &Path) -> Vec<PathBuf> {
    let (mut found, mut open) = (Vec::new(), vec![run.to_path_buf()]);
    while let Some(folder) = open.pop() {
        for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
            if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                open.push(entry.path());
            } else if entry.file_name() == SAMPLES {
                found.extend(entry.path().strip_prefix(run).map(Path::to_path_buf));
            }
        }
    }
    found.sort();
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::clock;
    use crate::report::example;

    fn run(folder: &Path, name: &str, change: impl FnOnce(&mut SamplesFile)) -> PathBuf {
        let mut file = example::run();
        change(&mut file);
        let run = folder.join(name);
        fs::create_dir_all(run.join("a/b")).unwrap();
        file.write(&run.join("a/b").join(SAMPLES)).unwrap();
        run
    }

    #[test]
    fn equal_runs_have_no_spread_and_others_have_theirs() {
        let folder = tempfile::tempdir().unwrap();
        let runs = ["1", "2"].map(|name| run(folder.path(), name, |_| ()));
        let found = lines(&runs).unwrap();
        assert_eq!(found.len(), 10);
        assert!(
            found.iter().all(|line| line.starts_with("a/b: ") && line.ends_with("spread 0.000 %")),
            "{found:#?}"
        );
        let slower = run(folder.path(), "3", |file| {
            for sample in &mut file.samples {
                let marks: Vec<_> = sample.marks_ns.marks().collect();
                for (mark, at) in marks {
                    sample.marks_ns.set(mark, at * 2);
                }
            }
        });
        let found = lines(&[runs[0].clone(), slower]).unwrap();
        assert!(found[0].ends_with("spread 100.000 %"), "{found:#?}");
    }

    #[test]
    fn times_of_two_kinds_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let real = run(folder.path(), "1", |_| ());
        let emulated = run(folder.path(), "2", |file| file.host.emulated = true);
        let virtual_time = run(folder.path(), "3", |file| file.host.clock = clock::Clock::VirtualIcount);
        for other in [emulated, virtual_time] {
            let error = lines(&[real.clone(), other]).unwrap_err();
            assert!(error.to_string().contains("never compared"), "{error}");
        }
    }

    #[test]
    fn runs_without_reports_have_nothing_to_say() {
        let folder = tempfile::tempdir().unwrap();
        assert!(lines(&[folder.path().into(), folder.path().into()]).unwrap().is_empty());
        assert!(lines(&[]).unwrap().is_empty());
    }
}
