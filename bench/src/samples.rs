//! `samples.json`: what one run measured, every launch of it, and enough about the run to judge it.
//!
//! This file is the source of every table, chart and sentence; nothing is dropped from it, not even
//! warm-up or failed launches. `bench/schema/samples.schema.json` describes it field by field.
//! It is written under another name and then renamed (`rename(2)` replaces a file in one step), so a
//! reader sees the old file or the new one, never half of one.

pub mod join;
mod layout;
pub mod merge;
mod sound;

use crate::counts::section::Counts;
use crate::density::section::Density;
use crate::host::Host;
use crate::ladder::section::Ladder;
use crate::memory;
use crate::peers;
use crate::tax::section::Tax;
use isolab_timeline::{Mark, Sample, Stack};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// The version of the layout that this program writes and reads.
pub const SCHEMA_VERSION: u32 = 2;

/// Nanoseconds in a millisecond: the file holds the former, people read the latter.
const NS_PER_MS: f64 = 1e6;

/// One run: its circumstances and all its launches.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct SamplesFile {
    /// [`SCHEMA_VERSION`] of the program that wrote it.
    pub schema_version: u32,
    /// The machine.
    pub host: Host,
    /// The source that was built and measured.
    pub commit: Commit,
    /// The command line that makes this run again.
    pub command: String,
    /// Seed of the order of launches and of the bootstrap.
    pub seed: u64,
    /// Warm-up launches of each stack; they come first and are marked.
    pub warmup: usize,
    /// The rule by which the lab and the launched tree were given their CPUs.
    pub placement: String,
    /// The kernel that Linux guests booted; absent when none did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub guest: Option<String>,
    /// Null probe: what a mark itself costs in a stack, as spans between two marks that are sent one
    /// right after the other, in nanoseconds.
    pub probe_ns: BTreeMap<Stack, Vec<i64>>,
    /// The peers that were launched: which program of whose, and how it was started.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub peers: BTreeMap<Stack, peers::Record>,
    /// Stacks that were asked for and that this host cannot run.
    pub unavailable: Vec<Unavailable>,
    /// Why the run ended before its plan was done; absent when it was done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub partial: Option<String>,
    /// Every launch, in the order in which they were made.
    pub samples: Vec<Sample>,
    /// What a launch asks of the kernel and of KVM, counted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub counts: Option<Counts>,
    /// What idle instances cost in memory.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory: Option<memory::Section>,
    /// How many instances fit, and how quickly they start side by side.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub density: Option<Density>,
    /// What work costs once it runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tax: Option<Tax>,
    /// What each rung of the two walls costs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ladder: Option<Ladder>,
}

/// A state of the source code.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Commit {
    /// The commit's hash, or a word that says why it is not known.
    pub id: String,
    /// Whether files differed from that commit.
    pub dirty: bool,
}

/// Why this host cannot run a stack.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unavailable {
    /// Which stack.
    pub stack: Stack,
    /// What went wrong when it was tried.
    pub reason: String,
    /// What to do about it.
    pub fix: String,
}

/// A samples file cannot be written or read.
#[derive(Debug, thiserror::Error)]
pub enum SamplesError {
    /// The system refused to write it; an older file is as it was.
    #[error("writing samples {}: {source}", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// The system refused to read it.
    #[error("reading samples {}: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// It is not the JSON that was expected.
    #[error("reading samples {}: not a samples file: {source}", path.display())]
    Parse {
        /// The file.
        path: PathBuf,
        /// Where and why, by line and column.
        source: serde_json::Error,
    },
    /// Another isolab wrote it.
    #[error(
        "reading samples {}: its schema version is {found}, this isolab reads version {SCHEMA_VERSION}; \
         measure again, or read it with the isolab of the commit that it names",
        path.display()
    )]
    Version {
        /// The file.
        path: PathBuf,
        /// The version that it states.
        found: u32,
    },
    /// No run writes such a file.
    #[error("reading samples {}: {flaw}: no run writes such a file; use it as it was written, or measure again", path.display())]
    Flawed {
        /// The file.
        path: PathBuf,
        /// What does not fit, and where.
        flaw: String,
    },
}

impl SamplesFile {
    /// The launches of `stack` that count: neither warm-up nor invalid. Every statistic starts here.
    pub fn counted(&self, stack: Stack) -> impl Iterator<Item = &Sample> {
        self.samples
            .iter()
            .filter(move |sample| sample.stack == stack && !sample.warmup && sample.invalid.is_none())
    }

    /// The time between two marks in each launch of `stack` that counts and has both, in milliseconds.
    pub fn spans_ms(&self, stack: Stack, from: Mark, to: Mark) -> impl Iterator<Item = f64> {
        self.counted(stack).filter_map(move |sample| sample.marks_ns.span(from, to)).map(ms)
    }

    /// The stacks of which at least one launch counts, in the order of [`Stack::every`].
    pub fn stacks(&self) -> impl Iterator<Item = Stack> {
        Stack::every().filter(|&stack| self.counted(stack).next().is_some())
    }

    /// The workloads of the launches by name; there is one, unless a file was put together by hand.
    pub fn workloads(&self) -> String {
        let names: BTreeSet<String> = self.samples.iter().map(|sample| sample.workload.to_string()).collect();
        names.into_iter().collect::<Vec<_>>().join(", ")
    }

    /// The launches that failed or were not measured, warm-up included, in order.
    pub fn invalid(&self) -> impl Iterator<Item = &Sample> {
        self.samples.iter().filter(|sample| sample.invalid.is_some())
    }

    /// Whether nothing was measured at all.
    pub fn is_empty(&self) -> bool {
        self.samples.is_empty()
            && self.counts.as_ref().is_none_or(|counts| counts.stacks.is_empty())
            && self.memory.as_ref().is_none_or(|memory| memory.fleets.is_empty())
            && self.density.as_ref().is_none_or(|density| density.stacks().is_empty())
            && self.ladder.as_ref().is_none_or(|ladder| ladder.launches.is_empty())
            && self.tax.as_ref().is_none_or(|tax| tax.launches.is_empty())
    }

    /// The stack of each launch that failed or was not measured, in whatever part of the run, and why.
    pub fn why_invalid(&self) -> impl Iterator<Item = (Stack, &str)> {
        let start = self.samples.iter().map(|sample| (sample.stack, &sample.invalid));
        let tax = self.tax.iter().flat_map(|tax| &tax.launches).map(|launch| (launch.stack, &launch.invalid));
        let ladder = self.ladder.iter().flat_map(|ladder| &ladder.launches);
        let ladder = ladder.map(|launch| (launch.rung.launched_as(), &launch.invalid));
        start.chain(tax).chain(ladder).filter_map(|(stack, why)| Some((stack, why.as_deref()?)))
    }

    /// The file's text: JSON with one launch a line.
    pub fn to_json(&self) -> Vec<u8> {
        layout::one_launch_a_line(self)
    }

    /// Writes the file in one step: on failure an older file at `path` is as it was.
    pub fn write(&self, path: &Path) -> Result<(), SamplesError> {
        replace(path, &self.to_json()).map_err(|source| SamplesError::Write { path: path.into(), source })
    }

    /// Reads a file back. The version is looked at first, so that a file of another version is named
    /// as such, whatever else about it has changed; then whether it can be what a run wrote.
    pub fn read(path: &Path) -> Result<SamplesFile, SamplesError> {
        #[derive(Deserialize)]
        struct Version {
            schema_version: u32,
        }
        let text = fs::read(path).map_err(|source| SamplesError::Read { path: path.into(), source })?;
        let parse = |source| SamplesError::Parse { path: path.into(), source };
        let Version { schema_version: found } = serde_json::from_slice(&text).map_err(parse)?;
        if found != SCHEMA_VERSION {
            return Err(SamplesError::Version { path: path.into(), found });
        }
        let file = serde_json::from_slice(&text).map_err(parse)?;
        match sound::flaw(&file) {
            Some(flaw) => Err(SamplesError::Flawed { path: path.into(), flaw }),
            None => Ok(file),
        }
    }
}

/// Milliseconds from nanoseconds.
pub fn ms(nanoseconds: i64) -> f64 {
    nanoseconds as f64 / NS_PER_MS
}

/// Writes a file in one step: on failure an older file at `path` is as it was.
pub(crate) fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".new-{}", std::process::id()));
    let new = path.with_file_name(name);
    put(&new, bytes).and_then(|()| fs::rename(&new, path)).inspect_err(|_| {
        // Best effort: the error that matters is the one that is returned.
        let _ = fs::remove_file(&new);
    })
}

/// Writes a new file and waits until the disk has it (`fsync(2)`): a file system that puts off finding
/// room for data can still say "no space" after `write(2)` succeeded.
pub(crate) fn put(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = File::create(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

#[cfg(test)]
mod tests;
