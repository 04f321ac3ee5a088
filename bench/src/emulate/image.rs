//! The machine's initial RAM file system, packed in memory (`memfd_create(2)`): nothing of it is left behind.

use super::contents::{Contents, Item, PROGRAMS, WORK};
use super::error::Error;
use super::kernels::MODULES;
use crate::compare::{CHANGED, COMMIT, commit};
use crate::kernel::cache::Entry;
use crate::samples::Commit;
use isolab_microvm::pack::start::Start;
use isolab_microvm::pack::{self, modules};
use isolab_timeline::file::At;
use rustix::fs::{MemfdFlags, memfd_create};
use std::ffi::OsString;
use std::fs::File;
use std::io::{self, BufWriter};
use std::os::fd::OwnedFd;
use std::path::Path;

/// Variables of this host's environment that mean the same in the machine: how to print, how much to test.
const SAME: [&str; 5] = ["TERM", "NO_COLOR", "RUST_BACKTRACE", "RUST_TEST_THREADS", "ISOLAB_TIER"];

/// Packs `contents` with PID 1, which is to start `words`, at a terminal or not. `memory_mib` is the machine's.
pub fn pack(
    contents: &Contents,
    init: &Path,
    kernel: &Entry,
    words: Vec<OsString>,
    terminal: bool,
    memory_mib: u32,
) -> Result<OwnedFd, Error> {
    let memory =
        memfd_create("machine", MemfdFlags::CLOEXEC).map_err(io::Error::from).at("making", "a memfd")?;
    let start = Start {
        terminal,
        command: words,
        environment: environment(),
        workdir: WORK.into(),
        ..Start::default()
    };
    let modules = modules::resolve(&kernel.folder.join("modules"), &MODULES).map_err(Error::Pack)?;
    // What is packed is in memory twice, until the kernel has unpacked it.
    let most = u64::from(memory_mib) << 19;
    let to = BufWriter::with_capacity(1 << 16, File::from(memory));
    let mut archive = pack::begin(to, most, init, &modules, &start).map_err(Error::Pack)?;
    archive.folder(pack::ROOT, 0o755).map_err(Error::Pack)?;
    for (path, item) in contents.items() {
        let name = Path::new(pack::ROOT).join(path.strip_prefix("/").unwrap_or(path));
        let packed = match item {
            Item::Folder(mode) => archive.folder(name, *mode),
            Item::Copy(host) => archive.copy(name, host),
            Item::Text(text) => archive.file(name, 0o644, text),
            Item::Link(target) => archive.link(name, target),
        };
        packed.map_err(Error::Pack)?;
    }
    let to = archive.finish().map_err(Error::Pack)?;
    let file = to.into_inner().map_err(io::IntoInnerError::into_error).at("writing", "the memfd")?;
    Ok(file.into())
}

fn environment() -> Vec<OsString> {
    let Commit { id, dirty } = commit();
    let mut all = vec![
        format!("{COMMIT}={id}{}", if dirty { CHANGED } else { "" }).into(),
        format!("PATH={PROGRAMS}:/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin").into(),
        format!("HOME={}", super::contents::HOME).into(),
        format!("ISOLAB_PROGRAMS={PROGRAMS}").into(),
    ];
    for name in SAME {
        if let Some(value) = std::env::var_os(name) {
            let mut variable = OsString::from(format!("{name}="));
            variable.push(value);
            all.push(variable);
        }
    }
    all
}
