//! `isolab kernel get`: a kernel that somebody else built.
//!
//! From the distribution's signed package, with its modules; or this host's own kernel from `/boot`; or any
//! file. In each case the image is unpacked first ([`super::image`]): what is no kernel never enters the
//! cache.

use super::cache::{Cache, Entry, Origin, Staged};
use super::error::Error;
use super::{apt, image};
use crate::interrupt::Interrupt;
use indicatif::ProgressBar;
use isolab_microvm::decompress;
use isolab_timeline::file::At;
use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

/// Where a kernel comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum From {
    /// The distribution's package for virtual machines (Debian, Ubuntu).
    Apt,
    /// The kernel that this host runs, from `/boot`.
    Host,
    /// A bzImage or a vmlinux.
    File(PathBuf),
}

impl From {
    /// The best that this host has: its distribution's package, else its own kernel.
    pub fn here() -> From {
        if apt::distribution().is_some() { From::Apt } else { From::Host }
    }
}

/// Gets a kernel and puts it in the cache. Returns the one that is there already if it is the same.
pub fn get(cache: &Cache, from: &From, interrupt: &Interrupt, bar: &ProgressBar) -> Result<Entry, Error> {
    match from {
        From::Apt => from_apt(cache, interrupt, bar),
        From::Host => from_host(cache, bar),
        From::File(path) => {
            let staged = cache.stage()?;
            let release = take_image(path, &staged, bar)?;
            let source = format!("the file {}", path.display());
            staged.keep(cache, Origin { name: "file", release, source, digest: None })
        }
    }
}

fn from_apt(cache: &Cache, interrupt: &Interrupt, bar: &ProgressBar) -> Result<Entry, Error> {
    let Some(name) = apt::distribution() else {
        return Err(Error::Unavailable {
            what: "this host is neither Debian nor Ubuntu, or has no apt-get".into(),
            fix: "take its own kernel with --from host, or a file with --from PATH".into(),
        });
    };
    // The smallest of the distribution's kernels that drive virtio devices.
    let wanted = if name == "debian" { "linux-image-cloud-amd64" } else { "linux-image-virtual" };
    let staged = cache.stage()?;
    let (work, log) = (staged.work(), staged.work().join("log"));
    bar.set_message(format!("asking apt for {wanted}"));
    let wanted = apt::show(wanted, &log, interrupt)?;
    // The package only names the one that has the kernel; Ubuntu has the modules in another one still.
    let mut packages = apt::closure(wanted, &["linux-image-", "linux-modules-"], &log, interrupt)?;
    if packages.len() > 1 {
        packages.remove(0);
    }
    let named: Vec<_> =
        packages.iter().map(|package| format!("{}={}", package.name, package.version)).collect();
    let source = format!("{name} package {}", named.join(" "));
    if let Some(there) = cache.from_source(name, &source)? {
        return Ok(there);
    }
    bar.set_message(format!("downloading {}", named.join(" ")));
    apt::fetch(&packages, &work, interrupt)?;
    let tree = work.join("tree");
    let boot = tree.join("boot");
    let image = only(&boot, "vmlinuz-")?;
    let release = take_image(&image, &staged, bar)?;
    let config = only(&boot, "config-")?;
    fs::copy(&config, staged.entry().join("config")).at("copying", &config)?;
    for modules in ["lib/modules", "usr/lib/modules"].map(|folder| tree.join(folder).join(&release)) {
        if modules.is_dir() {
            let place = staged.entry().join("modules");
            fs::rename(&modules, &place).at("moving", &modules)?;
        }
    }
    staged.keep(cache, Origin { name, release, source, digest: None })
}

fn from_host(cache: &Cache, bar: &ProgressBar) -> Result<Entry, Error> {
    let system = rustix::system::uname();
    let running = system.release().to_string_lossy();
    let image = Path::new("/boot").join(format!("vmlinuz-{running}"));
    if let Err(error) = File::open(&image) {
        let fix = match error.kind() {
            // Ubuntu and Fedora keep them from ordinary users.
            ErrorKind::PermissionDenied => "copy it as root to a file that you can read, and give that",
            _ => "give a bzImage or a vmlinux",
        };
        return Err(Error::Unavailable {
            what: format!("{}: {error}", image.display()),
            fix: format!("{fix} with --from PATH"),
        });
    }
    let staged = cache.stage()?;
    let release = take_image(&image, &staged, bar)?;
    let config = Path::new("/boot").join(format!("config-{running}"));
    if config.exists() {
        fs::copy(&config, staged.entry().join("config")).at("copying", &config)?;
    }
    let modules = Path::new("/lib/modules").join(&release);
    if modules.is_dir() {
        bar.set_message("copying modules");
        copy_files(&modules, &staged.entry().join("modules"))?;
    }
    let source = format!("this host's {}", image.display());
    staged.keep(cache, Origin { name: "host", release, source, digest: None })
}

/// Writes the vmlinux of the image at `path` to the new entry. Returns its release.
pub(super) fn take_image(path: &Path, staged: &Staged, bar: &ProgressBar) -> Result<String, Error> {
    bar.set_message(format!("unpacking {}", path.display()));
    let refused = |source| Error::Image { path: path.into(), source };
    let vmlinux = image::vmlinux(read_image(path).at("reading", path)?).map_err(refused)?;
    let release = image::release(&vmlinux).map_err(refused)?;
    let place = staged.entry().join("vmlinux");
    fs::write(&place, vmlinux).at("writing", &place)?;
    Ok(release)
}

/// The content of an image's file: a regular one (a pipe or a device may never end), of a sane size.
fn read_image(path: &Path) -> io::Result<Vec<u8>> {
    let found = fs::metadata(path)?;
    if !found.is_file() || found.len() > decompress::LARGEST {
        return Err(io::Error::other("this is no regular file of at most 1 GiB"));
    }
    fs::read(path)
}

/// The file in `folder` whose name begins with `prefix`.
pub(super) fn only(folder: &Path, prefix: &str) -> Result<PathBuf, Error> {
    let begins = |name: &OsStr| name.as_encoded_bytes().starts_with(prefix.as_bytes());
    let mut found = fs::read_dir(folder).at("reading the folder", folder)?.flatten();
    let found = found.find(|entry| begins(&entry.file_name())).map(|entry| entry.path());
    Ok(found.ok_or_else(|| ErrorKind::NotFound.into()).at("looking for", folder.join(prefix))?)
}

/// Copies the regular files of a folder in any depth; links (a host's `build` and `source`) lead elsewhere.
fn copy_files(from: &Path, to: &Path) -> Result<(), Error> {
    fs::create_dir_all(to).at("making the folder", to)?;
    for found in fs::read_dir(from).at("reading the folder", from)?.flatten() {
        let (path, place) = (found.path(), to.join(found.file_name()));
        let kind = found.file_type().at("looking at", &path)?;
        if kind.is_dir() {
            copy_files(&path, &place)?;
        } else if kind.is_file() {
            fs::copy(&path, &place).at("copying", &path)?;
        }
    }
    Ok(())
}
