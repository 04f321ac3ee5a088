//! The log file that engines name by `--log`: what containerd, Docker and podman look into for the reason
//! when a runtime fails. One line a message, JSON or text, appended in one `write(2)`.

use crate::error::{Context, Error};
use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

/// How a line looks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Format {
    /// `time="…" level=… msg="…"`
    #[default]
    Text,
    /// `{"level":"…","msg":"…","time":"…"}`
    Json,
}

/// A log to write to, or none.
#[derive(Debug, Default)]
pub struct Log {
    file: Option<File>,
    format: Format,
    debug: bool,
}

impl Log {
    /// Opens the log, if one is wanted.
    pub fn open(path: Option<&Path>, format: Format) -> Result<Self, Error> {
        let open = |path: &Path| OpenOptions::new().append(true).create(true).open(path).at("opening", path);
        Ok(Self { file: path.map(open).transpose()?, format, debug: false })
    }

    /// The same log; `debug`: it takes what helps to find a fault as well.
    #[must_use]
    pub fn with_debug(self, debug: bool) -> Self {
        Self { debug, ..self }
    }

    /// Notes an error.
    pub fn error(&self, message: &str) {
        self.write("error", message);
    }

    /// Notes what went wrong without being an error. Only without a log it goes to the standard error: an
    /// engine takes what it finds there for the program's words.
    pub fn warning(&self, message: &str) {
        if self.file.is_some() {
            self.write("warning", message);
        } else {
            eprintln!("isolab-runtime: warning: {message}");
        }
    }

    /// Notes what helps to find a fault, if that is wanted: without a file, on standard error.
    pub fn debug(&self, message: &str) {
        match (self.debug, &self.file) {
            (false, _) => {}
            (true, Some(_)) => self.write("debug", message),
            (true, None) => eprintln!("isolab-runtime: debug: {message}"),
        }
    }

    fn write(&self, level: &str, message: &str) {
        let Some(mut file) = self.file.as_ref() else { return };
        let time = rfc3339(SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs()));
        let line = match self.format {
            Format::Json => {
                format!("{}\n", serde_json::json!({ "level": level, "msg": message, "time": time }))
            }
            Format::Text => format!("time=\"{time}\" level={level} msg={message:?}\n"),
        };
        // The message goes to stderr as well, and there is nowhere else to complain.
        let _ = file.write_all(line.as_bytes());
    }
}

/// A moment in the form of RFC 3339, UTC. The date is counted in eras of 400 years, which all have as many
/// days, from a first of March, so that a leap day is the last of its year.
pub fn rfc3339(seconds: u64) -> String {
    const DAY: u64 = 86_400;
    const ERA: u64 = 146_097;
    let (days, second) = (seconds / DAY + 719_468, seconds % DAY);
    let (era, day) = (days / ERA, days % ERA);
    let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let shifted = (5 * day + 2) / 153;
    let (day, month) =
        (day - (153 * shifted + 2) / 5 + 1, if shifted < 10 { shifted + 3 } else { shifted - 9 });
    let year = era * 400 + year + u64::from(month <= 2);
    let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_written_in_utc() {
        assert_eq!(rfc3339(0), "1970-01-01T00:00:00Z");
        assert_eq!(rfc3339(951_782_399), "2000-02-28T23:59:59Z");
        assert_eq!(rfc3339(951_782_400), "2000-02-29T00:00:00Z");
        assert_eq!(rfc3339(4_107_542_399), "2100-02-28T23:59:59Z");
        assert_eq!(rfc3339(4_107_542_400), "2100-03-01T00:00:00Z");
    }
}
