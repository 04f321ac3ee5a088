//! The distribution's packages: `apt-get download` (`apt-get(8)`) and `dpkg-deb --extract`.
//!
//! apt checks a package against the distribution's signed lists, so what arrives is what the distribution
//! built. Neither downloading nor unpacking needs root, and nothing is installed: the package is a way to
//! ship files.

use super::error::Error;
use super::tool;
use crate::interrupt::Interrupt;
use isolab_timeline::file::At;
use std::fs;
use std::path::Path;
use std::process::Command;

/// A package that apt knows, in its candidate version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Package {
    pub(super) name: String,
    pub(super) version: String,
    /// Names of the packages that it needs; the first of alternatives.
    depends: Vec<String>,
}

/// The distribution, if it is one whose packages are known here: `ID` of `os-release(5)`.
pub(super) fn distribution() -> Option<&'static str> {
    let text = fs::read_to_string("/etc/os-release").ok()?;
    let id = text.lines().find_map(|line| line.strip_prefix("ID="))?.trim_matches('"');
    ["debian", "ubuntu"].into_iter().find(|known| *known == id && tool::is_installed("apt-get"))
}

/// Whether this process may install packages and update the lists.
pub(super) fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// What apt knows of `name`. Without any lists root fetches them once.
pub(super) fn show(name: &str, log: &Path, interrupt: &Interrupt) -> Result<Package, Error> {
    let ask = || tool::ask(Command::new("apt-cache").args(["show", "--no-all-versions", name]));
    let found = ask().ok().and_then(|text| parse(&text));
    if let Some(package) = found {
        return Ok(package);
    }
    if is_root() {
        tool::run(Command::new("apt-get").args(["update", "--quiet"]), log, interrupt, |_| ())?;
        if let Some(package) = parse(&ask()?) {
            return Ok(package);
        }
    }
    let what = format!("apt knows no package {name}");
    Err(Error::Unavailable { what, fix: "run `apt-get update` as root".into() })
}

/// `package` and those that it needs whose names begin with one of `prefixes`, in any depth.
pub(super) fn closure(
    package: Package,
    prefixes: &[&str],
    log: &Path,
    interrupt: &Interrupt,
) -> Result<Vec<Package>, Error> {
    let mut all = vec![package];
    let mut next = 0;
    while next < all.len() {
        for name in all[next].depends.clone() {
            let wanted = prefixes.iter().any(|prefix| name.starts_with(prefix));
            if wanted && all.iter().all(|known| known.name != name) {
                all.push(show(&name, log, interrupt)?);
            }
        }
        next += 1;
    }
    Ok(all)
}

/// The newest package whose name is `prefix` and a version of Linux.
pub(super) fn newest(prefix: &str) -> Result<Option<String>, Error> {
    let pattern = format!("^{prefix}[0-9.]+$");
    let text = tool::ask(Command::new("apt-cache").args(["search", "--names-only", &pattern]))?;
    Ok(text
        .lines()
        .filter_map(|line| line.split(' ').next())
        .filter_map(|name| Some((numbers(name.strip_prefix(prefix)?)?, name)))
        .max()
        .map(|(_, name)| name.into()))
}

/// Downloads `packages` to the folder `work` and unpacks all of them to its folder `tree`.
pub(super) fn fetch(packages: &[Package], work: &Path, interrupt: &Interrupt) -> Result<(), Error> {
    let log = work.join("log");
    // As root apt would drop to a user who may not write here, and warn.
    let mut download = Command::new("apt-get");
    download.args(["download", "--quiet", "-o", "APT::Sandbox::User=root"]).current_dir(work);
    download.args(packages.iter().map(|Package { name, version, .. }| format!("{name}={version}")));
    tool::run(&mut download, &log, interrupt, |_| ()).map_err(|error| match error {
        // The network, or lists so old that the archive has dropped what they name: both are this host's.
        Error::Tool { .. } => Error::Unavailable {
            what: error.to_string(),
            fix: "check the network; if the archive no longer has this version, run `apt-get update` as root"
                .into(),
        },
        other => other,
    })?;
    for found in fs::read_dir(work).at("reading the folder", work)?.flatten() {
        let path = found.path();
        if path.extension().is_some_and(|extension| extension == "deb") {
            let mut unpack = Command::new("dpkg-deb");
            unpack.arg("--extract").arg(&path).arg(work.join("tree"));
            tool::run(&mut unpack, &log, interrupt, |_| ())?;
            fs::remove_file(&path).at("removing", &path)?;
        }
    }
    Ok(())
}

/// Reads the first stanza that `apt-cache show` prints (`deb-control(5)`).
fn parse(text: &str) -> Option<Package> {
    let stanza = text.split("\n\n").next()?;
    let field = |name| stanza.lines().find_map(|line| line.strip_prefix(name));
    let depends = field("Depends: ").unwrap_or_default().split(',');
    let depends = depends.filter_map(|entry| entry.split_whitespace().next()).map(str::to_owned).collect();
    Some(Package { name: field("Package: ")?.into(), version: field("Version: ")?.into(), depends })
}

/// The numbers of a version, which order as versions do: 6.12 is newer than 6.9.
fn numbers(version: &str) -> Option<Vec<u32>> {
    version.split('.').map(|number| number.parse().ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stanza_gives_name_version_and_the_first_alternatives() {
        let text = "Package: linux-image-virtual\nVersion: 6.8.0.31.31\nDepends: linux-image-6.8.0-31-generic \
                    (= 1), kmod | module-init-tools\n\nPackage: older\nVersion: 1\n";
        let package = parse(text).unwrap();
        assert_eq!((&*package.name, &*package.version), ("linux-image-virtual", "6.8.0.31.31"));
        assert_eq!(package.depends, ["linux-image-6.8.0-31-generic", "kmod"]);
        assert_eq!(parse(""), None);
    }

    #[test]
    fn versions_order_by_number_and_not_by_letter() {
        assert!(numbers("6.12") > numbers("6.9") && numbers("6.12.1") > numbers("6.12"));
        assert_eq!(numbers("6.x"), None);
    }
}
