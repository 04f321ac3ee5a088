//! The parts of a comparison: each is a ruler of its own, and a section of the file.

use std::fmt;
use std::str::FromStr;

/// One part.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Part {
    /// How long until the workload runs ([`crate::compare`]).
    Startup,
    /// What a launch asks of the kernel and of KVM ([`crate::counts`]).
    Counts,
    /// What one more idle instance costs ([`mod@crate::memory`]).
    Memory,
    /// How many instances fit, and how quickly they start side by side ([`crate::density`]).
    Density,
    /// What work costs once it runs ([`crate::tax`]).
    Tax,
    /// What each rung of the two walls costs ([`crate::ladder`]).
    Ladder,
}

impl Part {
    /// All parts, in the order in which they are measured: density last, for it takes the lab from its CPU.
    pub const ALL: [Part; 6] =
        [Part::Counts, Part::Startup, Part::Ladder, Part::Tax, Part::Memory, Part::Density];
    /// What a comparison measures unless it is told otherwise.
    pub const DEFAULT: [Part; 4] = [Part::Counts, Part::Startup, Part::Memory, Part::Density];

    /// Its name, as on command lines.
    pub const fn name(self) -> &'static str {
        match self {
            Part::Startup => "startup",
            Part::Counts => "counts",
            Part::Memory => "memory",
            Part::Density => "density",
            Part::Tax => "tax",
            Part::Ladder => "ladder",
        }
    }
}

/// Several parts, as a command line lists them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parts(pub Vec<Part>);

impl Default for Parts {
    fn default() -> Parts {
        Parts(Part::DEFAULT.into())
    }
}

impl Parts {
    /// Whether it is one of them.
    pub fn has(&self, part: Part) -> bool {
        self.0.contains(&part)
    }
}

impl fmt::Display for Parts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.iter().map(|part| part.name()).collect::<Vec<_>>().join(","))
    }
}

/// The words name no parts.
#[derive(Debug, thiserror::Error)]
#[error("there is no part {0:?}; there are: startup, counts, memory, density, tax, ladder, and all")]
pub struct UnknownPart(String);

impl FromStr for Parts {
    type Err = UnknownPart;

    fn from_str(words: &str) -> Result<Parts, UnknownPart> {
        if words == "all" {
            return Ok(Parts(Part::ALL.into()));
        }
        let part = |word: &str| {
            Part::ALL.into_iter().find(|part| part.name() == word).ok_or_else(|| UnknownPart(word.into()))
        };
        words.split(',').map(part).collect::<Result<_, _>>().map(Parts)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_read_back_and_all_means_all() {
        let parts = |words: &str| words.parse::<Parts>();
        assert_eq!(parts("tax,counts").unwrap().to_string(), "tax,counts");
        assert_eq!(parts("all").unwrap(), Parts(Part::ALL.into()));
        for wrong in ["", "tax,", "speed"] {
            let refusal = parts(wrong).unwrap_err().to_string();
            assert!(Part::ALL.iter().all(|part| refusal.contains(part.name())), "{refusal}");
        }
    }
}
