//! Several runs as one: each measured another part, on the same host and of the same source.
//!
//! A part is taken from one run only. Launches of two runs are not pooled: they were not interleaved, so whatever
//! changed on the machine between the two would pass for a property of what was launched.

use super::SamplesFile;
use serde_json::Value;
use std::path::{Path, PathBuf};

/// Two files are not of one story.
#[derive(Debug, thiserror::Error)]
pub enum MergeError {
    /// A circumstance differs.
    #[error(
        "merging {}: its {what} is {theirs}, and that of {} is {ours}; make a report of each",
        path.display(),
        first.display()
    )]
    Differs {
        /// The file that does not fit.
        path: PathBuf,
        /// The one that it does not fit to.
        first: PathBuf,
        /// Which circumstance.
        what: String,
        /// What the file has.
        theirs: String,
        /// What the first one has.
        ours: String,
    },
    /// Both measured the same.
    #[error(
        "merging {}: it measured {part}, as {} did, and launches of two runs are not pooled; give one of them",
        path.display(),
        first.display()
    )]
    Both {
        /// The second file.
        path: PathBuf,
        /// The file that has it already.
        first: PathBuf,
        /// The part.
        part: &'static str,
    },
}

/// The file that has what all of `files` have.
///
/// # Panics
/// When there is no file.
pub fn merge(files: Vec<(PathBuf, SamplesFile)>) -> Result<SamplesFile, MergeError> {
    let mut files = files.into_iter();
    let (first, mut whole) = files.next().expect("at least one file");
    for (path, file) in files {
        same_circumstances((&first, &whole), (&path, &file))?;
        add(&mut whole, file).map_err(|part| MergeError::Both { path, first: first.clone(), part })?;
    }
    Ok(whole)
}

/// The host's clock, its kernel and all else about it, the source, and how launches were placed. The version of the
/// layout was looked at when each was read.
fn same_circumstances(
    (first, ours): (&Path, &SamplesFile),
    (path, theirs): (&Path, &SamplesFile),
) -> Result<(), MergeError> {
    let fields = |file: &SamplesFile| {
        let of = |value| serde_json::to_value(value).expect("circumstances are plain data");
        let mut fields = match of(&file.host) {
            Value::Object(host) => host.into_iter().map(|(name, value)| (format!("host's {name}"), value)).collect(),
            _ => Vec::new(),
        };
        fields.push(("commit".into(), Value::from(file.commit.id.clone())));
        fields.push(("state of local changes".into(), Value::from(file.commit.dirty)));
        fields.push(("placement".into(), Value::from(file.placement.clone())));
        fields
    };
    for ((what, ours), (_, theirs)) in fields(ours).into_iter().zip(fields(theirs)) {
        if ours != theirs {
            let (path, first) = (path.to_owned(), first.to_owned());
            return Err(MergeError::Differs { path, first, what, theirs: theirs.to_string(), ours: ours.to_string() });
        }
    }
    match (&ours.guest, &theirs.guest) {
        (Some(kernel), Some(other)) if kernel != other => Err(MergeError::Differs {
            path: path.into(),
            first: first.into(),
            what: "guests' kernel".into(),
            theirs: other.clone(),
            ours: kernel.clone(),
        }),
        _ => Ok(()),
    }
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
    part(&mut whole.tax, file.tax, "the tax")?;
    whole.guest = whole.guest.take().or(file.guest);
    whole.peers.extend(file.peers);
    let news = file.unavailable.into_iter().filter(|why| !whole.unavailable.contains(why)).collect::<Vec<_>>();
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

    fn merged(a: SamplesFile, b: SamplesFile) -> Result<SamplesFile, String> {
        merge(vec![("a.json".into(), a), ("b.json".into(), b)]).map_err(|error| error.to_string())
    }

    #[test]
    fn runs_of_different_parts_become_one() {
        let (start, tax) = (example::run(), example::with_tax());
        for (a, b) in [(start.clone(), tax.clone()), (tax, start.clone())] {
            let whole = merged(a, b).unwrap();
            assert_eq!((whole.samples.len(), whole.warmup), (start.samples.len(), start.warmup));
            assert!(whole.tax.is_some() && whole.counts.is_some() && !whole.probe_ns.is_empty());
            assert_eq!(whole.command.lines().count(), 2);
        }
    }

    #[test]
    fn what_is_not_of_one_story_is_refused_with_the_reason() {
        let tax = example::with_tax;
        let refused = |change: &dyn Fn(&mut SamplesFile)| {
            let mut other = tax();
            change(&mut other);
            merged(example::run(), other).unwrap_err()
        };
        for (refusal, reason) in [
            (refused(&|file| file.host.kernel = "6.19.0".into()), "host's kernel is \"6.19.0\""),
            (refused(&|file| file.host.clock = Clock::VirtualIcount), "host's clock is \"virtual-icount\""),
            (refused(&|file| file.commit.id = "fedcba".into()), "commit is \"fedcba\""),
            (refused(&|file| file.commit.dirty = true), "local changes is true"),
            (refused(&|file| file.samples = example::run().samples), "it measured the start-up"),
        ] {
            assert!(refusal.starts_with("merging b.json: ") && refusal.contains("a.json"), "{refusal}");
            assert!(refusal.contains(reason), "{refusal}");
        }
        assert!(merged(tax(), tax()).unwrap_err().contains("the tax"));
    }
}
