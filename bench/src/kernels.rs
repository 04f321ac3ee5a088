//! `isolab kernel`, as the user sees it.

use crate::cli::Kernel;
use crate::{FAILED, print};
use anyhow::Context;
use indicatif::{HumanBytes, HumanDuration, ProgressBar, ProgressStyle};
use isolab::ground;
use isolab::interrupt::Interrupt;
use isolab::kernel::build::build;
use isolab::kernel::cache::{Cache, Entry};
use isolab::kernel::get::{From, get};
use std::io::{self, IsTerminal};
use std::path::Path;
use std::time::{Duration, SystemTime};

pub(crate) fn perform(command: Kernel) -> anyhow::Result<u8> {
    let cache = Cache::of_user()?;
    match command {
        Kernel::Get { from } => {
            let from = match from {
                None => From::here(),
                Some(word) if word == Path::new("apt") => From::Apt,
                Some(word) if word == Path::new("host") => From::Host,
                Some(path) => From::File(path),
            };
            made(|interrupt, bar| get(&cache, &from, interrupt, bar))
        }
        Kernel::Build { install_tools } => {
            made(|interrupt, bar| build(&cache, install_tools, interrupt, bar))
        }
        Kernel::List { json } => list(&cache, json),
        Kernel::Path { name } => {
            print(format!("{}\n", cache.find(&name)?.vmlinux().display()).as_bytes())?;
            Ok(0)
        }
    }
}

/// Makes an entry under a spinner and prints the path of its vmlinux; what it is goes to standard error,
/// so that scripts can take the path as it is.
fn made(
    make: impl FnOnce(&Interrupt, &ProgressBar) -> Result<Entry, isolab::kernel::error::Error>,
) -> anyhow::Result<u8> {
    let interrupt = Interrupt::listen().context("listening for Ctrl-C")?;
    ground::sweep()?;
    let bar = if io::stderr().is_terminal() { ProgressBar::new_spinner() } else { ProgressBar::hidden() };
    let style = ProgressStyle::with_template("  {spinner} {elapsed} {msg}");
    bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_spinner()));
    bar.enable_steady_tick(Duration::from_millis(100));
    let entry = make(&interrupt, &bar);
    bar.finish_and_clear();
    let entry = entry?;
    let manifest = &entry.manifest;
    eprintln!("isolab: kernel {}: Linux {}, {}", manifest.name, manifest.release, manifest.source);
    print(format!("{}\n", entry.vmlinux().display()).as_bytes())?;
    Ok(0)
}

fn list(cache: &Cache, json: bool) -> anyhow::Result<u8> {
    let (entries, damaged) = cache.list()?;
    let text = if json {
        let rows = entries.iter().map(|entry| {
            let mut row = serde_json::to_value(&entry.manifest)?;
            row["folder"] = serde_json::to_value(&entry.folder)?;
            Ok(row)
        });
        serde_json::to_string_pretty(&rows.collect::<Result<Vec<_>, serde_json::Error>>()?)? + "\n"
    } else if entries.is_empty() {
        format!("No kernels in {}; get one: isolab kernel get\n", cache.folder().display())
    } else {
        entries.iter().map(line).collect()
    };
    print(text.as_bytes())?;
    for error in &damaged {
        eprintln!("isolab: {error}");
    }
    Ok(if damaged.is_empty() { 0 } else { FAILED })
}

/// One kernel: its name, release, size, age and where it comes from.
fn line(entry: &Entry) -> String {
    let manifest = &entry.manifest;
    let size = entry.vmlinux().metadata().map_or(0, |found| found.len());
    let modules = manifest.files.keys().filter(|name| name.starts_with("modules/")).count();
    let made = SystemTime::UNIX_EPOCH + Duration::from_secs(manifest.made_unix_s);
    format!(
        "{:8} {:28} {:>10}, {modules} files of modules, {} old, {}\n",
        manifest.name,
        manifest.release,
        HumanBytes(size).to_string(),
        HumanDuration(made.elapsed().unwrap_or_default()),
        manifest.source,
    )
}
