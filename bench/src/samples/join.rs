//! Several runs as one: each measured another part, on the same host and of the same source.
//!
//! A part is taken from one run only. Launches of two runs are not pooled: they were not interleaved, so whatever
//! changed on the machine between the two would pass for a property of what was launched.

use super::SamplesFile;
use super::merge::{differ, machines};
use std::path::{Path, PathBuf};

/// Two files are not of one story.
#[derive(Debug, thiserror::Error)]
#[error("joining {} with {}: {why}; make a report of each", path.display(), first.display())]
pub struct JoinError {
    path: PathBuf,
    first: PathBuf,
    why: String,
}

/// The file that has what all of `files` have.
///
/// # Panics
/// When there is no file.
pub fn join(files: Vec<(PathBuf, SamplesFile)>) -> Result<SamplesFile, JoinError> {
    let mut files = files.into_iter();
    let (first, mut whole) = files.next().expect("at least one file");
    for (path, file) in files {
        let refused = |path: &Path, why| JoinError { path: path.into(), first: first.clone(), why };
        if let Some(why) = mismatch(&whole, &file) {
            return Err(refused(&path, why));
        }
        add(&mut whole, file).map_err(|part| {
            refused(&path, format!("both measured {part}, and two runs of it are not pooled"))
        })?;
    }
    Ok(whole)
}

/// Why two runs tell of two things: the machine, the source, how launches were placed, or what guests booted.
fn mismatch(one: &SamplesFile, other: &SamplesFile) -> Option<String> {
    let changed = |file: &SamplesFile| if file.commit.dirty { "changed" } else { "as committed" };
    machines(one, other)
        .or_else(|| differ("commits", &one.commit.id, &other.commit.id))
        .or_else(|| differ("states of the source", &changed(one), &changed(other)))
        .or_else(|| differ("placements", &one.placement, &other.placement))
        .or_else(|| differ("kernels of guests", one.guest.as_ref()?, other.guest.as_ref()?))
}

/// Adds what `file` measured; the name of a part that is there already is the error.
fn add(whole: &mut SamplesFile, file: SamplesFile) -> Result<(), &'static str> {
    if !file.samples.is_empty() {
        if !whole.samples.is_empty() {
            return Err("the start-up");
        }
        (whole.samples, whole.probe_ns) = (file.samples, file.probe_ns);
        (whole.warmup, whole.seed) = (file.warmup, file.seed);
    }
    part(&mut whole.counts, file.counts, "the counts")?;
    part(&mut whole.memory, file.memory, "memory")?;
    part(&mut whole.density, file.density, "density")?;
    part(&mut whole.ladder, file.ladder, "the ladder")?;
    part(&mut whole.tax, file.tax, "the tax")?;
    whole.guest = whole.guest.take().or(file.guest);
    whole.peers.extend(file.peers);
    let news =
        file.unavailable.into_iter().filter(|why| !whole.unavailable.contains(why)).collect::<Vec<_>>();
    whole.unavailable.extend(news);
    whole.command = format!("{}\n{}", whole.command, file.command);
    let partial = [whole.partial.take(), file.partial].into_iter().flatten().collect::<Vec<_>>();
    whole.partial = (!partial.is_empty()).then(|| partial.join("; "));
    Ok(())
}

fn part<T>(ours: &mut Option<T>, theirs: Option<T>, name: &'static str) -> Result<(), &'static str> {
    match (&ours, theirs) {
        (Some(_), Some(_)) => Err(name),
        (None, theirs @ Some(_)) => {
            *ours = theirs;
            Ok(())
        }
        (_, None) => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::clock::Clock;
    use crate::report::example;

    fn joined(a: SamplesFile, b: SamplesFile) -> Result<SamplesFile, String> {
        join(vec![("a.json".into(), a), ("b.json".into(), b)]).map_err(|error| error.to_string())
    }

    /// The tax alone.
    fn tax() -> SamplesFile {
        example::with_tax()
    }

    #[test]
    fn runs_of_different_parts_become_one() {
        let start = example::run();
        for (a, b) in [(start.clone(), tax()), (tax(), start.clone())] {
            let whole = joined(a, b).unwrap();
            assert_eq!((whole.samples.len(), whole.warmup), (start.samples.len(), start.warmup));
            assert!(whole.tax.is_some() && whole.counts.is_some() && !whole.probe_ns.is_empty());
            assert_eq!(whole.command.lines().count(), 2);
            assert_eq!(joined(whole, example::with_ladder()).unwrap().ladder, example::with_ladder().ladder);
        }
    }

    #[test]
    fn what_is_not_of_one_story_is_refused_with_the_reason() {
        let refused = |change: &dyn Fn(&mut SamplesFile)| {
            let mut other = tax();
            change(&mut other);
            joined(example::run(), other).unwrap_err()
        };
        for (refusal, reason) in [
            (refused(&|file| file.host.kernel = "6.19.0".into()), "different hosts: kernel is"),
            (refused(&|file| file.host.clock = Clock::VirtualIcount), "different clocks"),
            (refused(&|file| file.schema_version += 1), "different schema versions"),
            (refused(&|file| file.commit.id = "fedcba".into()), "different commits"),
            (refused(&|file| file.commit.dirty = true), "different states of the source"),
            (refused(&|file| file.samples = example::run().samples), "both measured the start-up"),
        ] {
            assert!(refusal.starts_with("joining b.json with a.json: "), "{refusal}");
            assert!(refusal.contains(reason), "{refusal}");
        }
        for (part, file) in [("the tax", tax()), ("the ladder", example::with_ladder())] {
            let refusal = joined(file.clone(), file).unwrap_err();
            assert!(refusal.contains(&format!("both measured {part}")), "{refusal}");
        }
    }
}
