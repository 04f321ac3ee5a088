//! `isolab kernel build`: our small guest kernel, from the distribution's own source package.
//!
//! In order: what the build needs is looked for before anything is downloaded; the source package's version
//! and our configuration together name the result, so that an unchanged one is not built again; the source
//! is unpacked in the cache's staging folder (1.6 GiB, removed at the end); `make allnoconfig` with
//! our fragment as `KCONFIG_ALLCONFIG` switches off everything that the fragment does not ask for; and
//! what the fragment asks for is looked up in the result, because Kconfig drops in silence what it does
//! not know.

use super::cache::{Cache, Entry, Origin};
use super::error::Error;
use super::{apt, get, manifest, tool};
use crate::interrupt::Interrupt;
use indicatif::ProgressBar;
use isolab_timeline::file::At;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The options of our kernel, each with its reason.
pub const FRAGMENT: &str = include_str!("../../../microvm/kernel/fragment.config");

const NAME: &str = "small";
const SOURCE: &str = "linux-source-";

/// What the build runs, with the Debian package that has it.
const PROGRAMS: [(&str, &str); 7] = [
    ("gcc", "gcc"),
    ("make", "make"),
    ("flex", "flex"),
    ("bison", "bison"),
    ("bc", "bc"),
    ("xz", "xz-utils"),
    ("bzip2", "bzip2"),
];
/// What the kernel's own build programs include.
const HEADERS: [(&str, &str); 2] = [("gelf.h", "libelf-dev"), ("openssl/evp.h", "libssl-dev")];

/// Builds the small kernel and puts it in the cache. Returns the one that is there already if neither the
/// source package nor the fragment has changed.
pub fn build(
    cache: &Cache,
    install_tools: bool,
    interrupt: &Interrupt,
    bar: &ProgressBar,
) -> Result<Entry, Error> {
    if apt::distribution().is_none() {
        return Err(Error::Unavailable {
            what: "the kernel's source comes as a Debian or Ubuntu package, and this host has no such".into(),
            fix: "take a ready kernel: isolab kernel get".into(),
        });
    }
    let staged = cache.stage()?;
    let (work, log) = (staged.work(), staged.work().join("log"));
    tools(install_tools, &log, interrupt, bar)?;
    let Some(name) = apt::newest(SOURCE)? else {
        return Err(Error::Unavailable {
            what: format!("apt knows no package {SOURCE}VERSION"),
            fix: "run `apt-get update` as root".into(),
        });
    };
    let package = apt::show(&name, &log, interrupt)?;
    let source = format!("{}={}", package.name, package.version);
    let digest = manifest::digest_of([source.as_bytes(), FRAGMENT.as_bytes()]);
    if let Some(there) = cache.with_digest(NAME, &digest) {
        return Ok(there);
    }
    bar.set_message(format!("downloading {source}"));
    apt::fetch(&[package], &work, interrupt)?;
    bar.set_message(format!("unpacking {source}"));
    let tree = unpack(&work, interrupt)?;
    bar.set_message("configuring");
    let config = configure(&tree, &work, interrupt)?;
    compile(&tree, &log, interrupt, bar)?;
    let release = get::take_image(&tree.join("vmlinux"), &staged, bar)?;
    let place = staged.entry().join("config");
    fs::write(&place, config).at("writing", &place)?;
    let source = format!("built from {source}");
    staged.keep(cache, Origin { name: NAME, release, source, digest: Some(digest) })
}

/// Looks for what the build needs; installs what is missing if that was asked for and may be done.
fn tools(install: bool, log: &Path, interrupt: &Interrupt, bar: &ProgressBar) -> Result<(), Error> {
    let missing = missing();
    if missing.is_empty() {
        return Ok(());
    }
    let command = format!("apt-get install --yes --no-install-recommends {}", missing.join(" "));
    if !(install && apt::is_root()) {
        let fix = if install {
            format!("run as root: {command}")
        } else {
            format!("run as root: {command} (or, as root, use --install-tools)")
        };
        return Err(Error::Unavailable { what: format!("the build lacks {}", missing.join(", ")), fix });
    }
    bar.set_message(format!("installing {}", missing.join(", ")));
    let mut words = command.split(' ');
    let mut apt_get = Command::new(words.next().unwrap_or_default());
    tool::run(apt_get.args(words), log, interrupt, |_| ())
}

/// Debian's names of the packages that the build lacks.
fn missing() -> Vec<&'static str> {
    let has_header = |header| {
        ["/usr/include", "/usr/include/x86_64-linux-gnu"]
            .iter()
            .any(|folder| Path::new(folder).join(header).is_file())
    };
    let programs = PROGRAMS.iter().filter(|(program, _)| !tool::is_installed(program));
    let headers = HEADERS.iter().filter(|(header, _)| !has_header(header));
    programs.chain(headers).map(|(_, package)| *package).collect()
}

/// Unpacks the archive that the source package has; Ubuntu's lies one folder deeper than Debian's, and a
/// link leads there. Returns the folder of the source.
fn unpack(work: &Path, interrupt: &Interrupt) -> Result<PathBuf, Error> {
    let packed = work.join("tree/usr/src");
    let mut archive = get::only(&packed, SOURCE)?;
    if archive.is_dir() {
        archive = get::only(&archive, SOURCE)?;
    }
    let tree = work.join("linux");
    fs::create_dir(&tree).at("making the folder", &tree)?;
    let mut tar = Command::new("tar");
    tar.arg("--extract")
        .arg("--file")
        .arg(&archive)
        .arg("--directory")
        .arg(&tree)
        .arg("--strip-components=1");
    tool::run(&mut tar, &work.join("log"), interrupt, |_| ())?;
    fs::remove_file(&archive).at("removing", &archive)?;
    Ok(tree)
}

/// Writes the source's `.config` from the fragment and returns it.
fn configure(tree: &Path, work: &Path, interrupt: &Interrupt) -> Result<String, Error> {
    let fragment = work.join("fragment.config");
    fs::write(&fragment, FRAGMENT).at("writing", &fragment)?;
    let mut make = Command::new("make");
    make.arg("allnoconfig").env("KCONFIG_ALLCONFIG", &fragment).current_dir(tree);
    tool::run(&mut make, &work.join("log"), interrupt, |_| ())?;
    let path = tree.join(".config");
    let config = fs::read_to_string(&path).at("reading", &path)?;
    match dropped(FRAGMENT, &config) {
        options if options.is_empty() => Ok(config),
        options => Err(Error::Options { options: options.join(", ") }),
    }
}

/// The options of `fragment` that are not in `config`.
fn dropped<'a>(fragment: &'a str, config: &str) -> Vec<&'a str> {
    let set = |line: &&str| line.starts_with("CONFIG_");
    let kept: std::collections::HashSet<_> = config.lines().filter(set).collect();
    fragment.lines().filter(set).filter(|line| !kept.contains(line)).collect()
}

/// Runs `make vmlinux` and counts what it compiles.
fn compile(tree: &Path, log: &Path, interrupt: &Interrupt, bar: &ProgressBar) -> Result<(), Error> {
    let jobs = std::thread::available_parallelism().map_or(1, usize::from);
    let mut make = Command::new("make");
    make.arg(format!("-j{jobs}")).arg("vmlinux").current_dir(tree);
    // Who built it and when is not to be in it: the same source gives the same bytes.
    make.env("KBUILD_BUILD_USER", "isolab").env("KBUILD_BUILD_HOST", "isolab");
    make.env("KBUILD_BUILD_TIMESTAMP", "1970-01-01 00:00:00 UTC").env("KBUILD_BUILD_VERSION", "1");
    let (mut compiled, mut line) = (0, Vec::new());
    tool::run(&mut make, log, interrupt, |text| {
        for piece in text.split_inclusive(|&byte| byte == b'\n') {
            line.extend_from_slice(piece);
            if piece.ends_with(b"\n") {
                compiled += usize::from(line.starts_with(b"  CC "));
                line.clear();
            }
        }
        bar.set_message(format!("compiling with {jobs} jobs: {compiled} files of about 1000"));
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_option_that_kconfig_dropped_is_found() {
        let fragment = "# why\nCONFIG_A=y\nCONFIG_B=64\n# CONFIG_C is not set\n";
        assert_eq!(dropped(fragment, "CONFIG_A=y\nCONFIG_B=64\nCONFIG_D=y\n"), Vec::<&str>::new());
        assert_eq!(dropped(fragment, "# CONFIG_A is not set\nCONFIG_B=641\n"), ["CONFIG_A=y", "CONFIG_B=64"]);
    }

    #[test]
    fn every_option_of_the_fragment_has_a_reason_and_is_named_once() {
        let mut named = std::collections::HashSet::new();
        let mut explained = false;
        for line in FRAGMENT.lines() {
            let unset = line.strip_prefix("# ").and_then(|line| line.strip_suffix(" is not set"));
            match unset.or_else(|| line.split_once('=').map(|(option, _)| option)) {
                Some(option) if option.starts_with("CONFIG_") => {
                    assert!(explained, "{option} has no reason");
                    assert!(named.insert(option), "{option} is there twice");
                }
                // A heading is no reason.
                _ => explained = line.starts_with("# ") && !line.starts_with("# -"),
            }
        }
        assert!(named.contains("CONFIG_PVH") && named.len() > 80);
    }
}
