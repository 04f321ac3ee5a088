//! What a command finds when it starts, alike in a container and in a Linux guest: its environment, and where it
//! is looked for (`environ(7)`, `execvp(3)`).

use std::env;
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// `PATH`, `HOME` and, from outside, only `TERM`; then what was asked for, where the last of a name counts.
pub fn environment(asked: &[OsString]) -> Vec<OsString> {
    let mut defaults = vec![format!("PATH={PATH}").into(), OsString::from("HOME=/root")];
    if let Some(terminal) = env::var_os("TERM") {
        let mut entry = OsString::from("TERM=");
        entry.push(terminal);
        defaults.push(entry);
    }
    let mut entries = Vec::<OsString>::with_capacity(defaults.len() + asked.len());
    for entry in defaults.iter().chain(asked) {
        match entries.iter_mut().find(|earlier| name(earlier) == name(entry)) {
            Some(earlier) => earlier.clone_from(entry),
            None => entries.push(entry.clone()),
        }
    }
    entries
}

/// Reads a host's name as a command line gives it.
pub fn hostname(text: &str) -> Result<String, String> {
    if (1..=64).contains(&text.len()) { Ok(text.into()) } else { Err("a name of 1 to 64 bytes".into()) }
}

/// Reads a variable as a command line gives it.
pub fn variable(text: &str) -> Result<String, String> {
    let named = text.split_once('=').is_some_and(|(name, _)| !name.is_empty());
    if named { Ok(text.into()) } else { Err("NAME=VALUE".into()) }
}

fn name(entry: &OsStr) -> &[u8] {
    entry.as_bytes().split(|&byte| byte == b'=').next().unwrap_or_default()
}

/// Where the command may be: itself if it has a slash, else in each folder of the `PATH` in
/// its own environment.
pub fn candidates(command: &OsStr, environment: &[OsString]) -> Vec<OsString> {
    if command.is_empty() {
        return Vec::new();
    }
    if command.as_bytes().contains(&b'/') {
        return vec![command.into()];
    }
    let path = environment.iter().find(|entry| name(entry) == b"PATH");
    let folders = path.map_or(&[][..], |entry| &entry.as_bytes()["PATH=".len()..]);
    folders
        .split(|&byte| byte == b':')
        .map(|folder| PathBuf::from(OsStr::from_bytes(folder)).join(command).into_os_string())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_of_a_name_counts() {
        let asked = ["A=1", "PATH=/x", "A=2"].map(OsString::from);
        let entries = environment(&asked);
        assert!(entries.contains(&"A=2".into()) && entries.contains(&"PATH=/x".into()));
        assert!(!entries.contains(&"A=1".into()));
        assert_eq!(entries.iter().filter(|entry| name(entry) == b"PATH").count(), 1);
    }

    #[test]
    fn a_command_is_searched_along_the_path_unless_it_has_a_slash() {
        let environment = [OsString::from("PATH=/a:/b")];
        assert_eq!(candidates(OsStr::new("sh"), &environment), ["/a/sh", "/b/sh"]);
        assert_eq!(candidates(OsStr::new("./sh"), &environment), ["./sh"]);
        assert!(candidates(OsStr::new(""), &environment).is_empty());
    }
}
