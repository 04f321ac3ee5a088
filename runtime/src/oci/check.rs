//! What a configuration must have, and what it must not ask for (the specification's "Configuration").
//!
//! Only what no other part looks at is checked here: mounts, namespaces, identities, limits and filters are
//! checked where they are understood. All of it happens before anything is made.

use crate::error::Error;
use oci_spec::runtime::{Hook, Hooks, Linux, Process, Spec};
use std::path::Path;

/// The versions of the specification that this runtime knows.
pub const VERSIONS: (&str, &str) = ("1.0.0", "1.3.0");
/// The longest id: it becomes the name of a folder, and of a cgroup.
const LONGEST_ID: usize = 255;

/// Checks an id: it becomes a file's name, so it may hold letters, digits and `_+-.` only, and not be `.`.
pub fn id(id: &str) -> Result<(), Error> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_+-.".contains(&byte);
    let fits = (1..=LONGEST_ID).contains(&id.len());
    if fits && id.bytes().all(plain) && id != "." && id != ".." { Ok(()) } else { Err(Error::Id(id.into())) }
}

/// Checks a whole configuration.
pub fn spec(spec: &Spec) -> Result<(), Error> {
    version(spec.version())?;
    let root = spec.root().as_ref().ok_or_else(|| missing("root"))?;
    if root.path().as_os_str().is_empty() {
        return Err(missing("root.path"));
    }
    // It is required when the container is started.
    if let Some(wanted) = spec.process() {
        process(wanted)?;
    }
    if let Some(hooks) = spec.hooks() {
        each_hook(hooks)?;
    }
    if spec.annotations().as_ref().is_some_and(|annotations| annotations.contains_key("")) {
        return Err(Error::property("annotations", "a key must not be empty"));
    }
    if spec.vm().is_some() {
        return Err(Error::property("vm", "this runtime makes containers, no virtual machines"));
    }
    spec.linux().as_ref().map_or(Ok(()), linux)
}

/// Checks the properties of a process that every process needs.
pub fn process(process: &Process) -> Result<(), Error> {
    if process.args().as_ref().is_none_or(Vec::is_empty) {
        return Err(missing("process.args"));
    }
    if !process.cwd().is_absolute() {
        return Err(Error::property("process.cwd", "must be an absolute path"));
    }
    Ok(())
}

fn linux(linux: &Linux) -> Result<(), Error> {
    if linux.intel_rdt().is_some() {
        return Err(Error::property("linux.intelRdt", "this runtime does not write to resctrl"));
    }
    if linux.mount_label().as_ref().is_some_and(|label| !label.is_empty()) {
        return Err(Error::property("linux.mountLabel", "this runtime labels no mounts (SELinux)"));
    }
    Ok(())
}

fn each_hook(hooks: &Hooks) -> Result<(), Error> {
    // Deprecated, and demanded nevertheless.
    #[allow(deprecated)]
    let prestart = hooks.prestart();
    let points: [(&'static str, &Option<Vec<Hook>>); 6] = [
        ("hooks.prestart", prestart),
        ("hooks.createRuntime", hooks.create_runtime()),
        ("hooks.createContainer", hooks.create_container()),
        ("hooks.startContainer", hooks.start_container()),
        ("hooks.poststart", hooks.poststart()),
        ("hooks.poststop", hooks.poststop()),
    ];
    for (point, hooks) in points {
        for hook in hooks.iter().flatten() {
            if !Path::is_absolute(hook.path()) {
                return Err(Error::property(format!("{point}.path"), "must be an absolute path"));
            }
            if hook.timeout().is_some_and(|seconds| seconds <= 0) {
                return Err(Error::property(format!("{point}.timeout"), "must be greater than zero"));
            }
        }
    }
    Ok(())
}

/// Semantic versioning: the major version says whether it can be understood. A later minor one may have
/// properties that are unknown here, and unknown properties are ignored.
fn version(text: &str) -> Result<(), Error> {
    let core = text.split(['-', '+']).next().unwrap_or_default();
    let mut numbers = core.split('.');
    let mut number = || {
        let text = numbers.next()?;
        let plain = text.bytes().all(|byte| byte.is_ascii_digit()) && (text == "0" || !text.starts_with('0'));
        text.parse::<u32>().ok().filter(|_| plain)
    };
    let (major, minor, patch) = (number(), number(), number());
    if text.is_empty() {
        return Err(missing("ociVersion"));
    }
    match (major, minor, patch, numbers.next()) {
        (Some(1), Some(_), Some(_), None) => Ok(()),
        (Some(_), Some(_), Some(_), None) => Err(Error::property(
            "ociVersion",
            format!("{text} is not to be had: this runtime knows {} to {}", VERSIONS.0, VERSIONS.1),
        )),
        _ => Err(Error::property("ociVersion", format!("{text:?} is no version (MAJOR.MINOR.PATCH)"))),
    }
}

fn missing(property: &str) -> Error {
    Error::property(property, "is required")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_plain_names() {
        for good in ["a", "A-1_b.c+d", "...", &"x".repeat(255)] {
            assert!(id(good).is_ok(), "{good}");
        }
        for bad in ["", ".", "..", "a/b", "../x", "a b", "ä", "a\0", "a\n", &"x".repeat(256)] {
            assert!(id(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn versions_are_semantic() {
        for good in ["1.0.0", "1.0.2-dev", "1.3.0", "1.99.0", "1.0.0-rc1+x"] {
            assert!(version(good).is_ok(), "{good}");
        }
        for bad in ["", "1", "1.0", "0.9.0", "2.0.0", "1.0.0.0", "one", "1.x.0", "-1.0.0", "01.0.0", "+1.0.0"]
        {
            assert!(version(bad).is_err(), "{bad}");
        }
    }
}
