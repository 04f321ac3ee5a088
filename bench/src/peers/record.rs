//! What `samples.json` says of each peer that was launched.

use serde::{Deserialize, Serialize};

/// A program of another maker's, as it was started.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// What it says of its own version, in one line.
    pub version: String,
    /// The words of its command for the run's workload. Folders of this machine are left out of paths.
    pub command: Vec<String>,
}
