//! The shared libraries that a program needs.
//!
//! The dynamic loader itself says it (`ld.so --list`, see `ld.so(8)`): it resolves them as it would to start the
//! program, and starts nothing. A static program, a script or a file of data needs none.

use super::error::Error;
use isolab_timeline::file::At;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Where the x86-64 psABI puts the loader, which is its name in every dynamic program.
const LOADER: &str = "/lib64/ld-linux-x86-64.so.2";

/// The libraries of `file`, the loader among them.
pub fn of(file: &Path) -> Result<Vec<PathBuf>, Error> {
    let mut start = [0; 4];
    let is_elf = match File::open(file).at("opening", file)?.read_exact(&mut start) {
        Ok(()) => start == *b"\x7fELF",
        Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => false,
        Err(error) => Err(error).at("reading", file)?,
    };
    if !is_elf || !Path::new(LOADER).exists() {
        return Ok(Vec::new());
    }
    // An absolute path: a bare name would be looked for among the libraries.
    let path = std::path::absolute(file).at("finding", file)?;
    let mut loader = Command::new(LOADER);
    loader.arg("--list").arg(path).env("LC_ALL", "C").env_remove("LD_PRELOAD").stdin(Stdio::null());
    let output = loader.output().at("starting", LOADER)?;
    // A static program makes it fail, in words that differ between versions; it then lists nothing.
    let list = String::from_utf8_lossy(&output.stdout);
    list.lines().filter_map(|line| library(file, line)).collect()
}

/// The path on one line: `NAME => PATH (ADDRESS)`, or `PATH (ADDRESS)`. The kernel's own library has none.
fn library(program: &Path, line: &str) -> Option<Result<PathBuf, Error>> {
    let line = line.trim();
    let (name, place) = line.split_once(" => ").unwrap_or((line, line));
    if place == "not found" {
        return Some(Err(Error::Library { program: program.into(), library: name.into() }));
    }
    let path = place.rsplit_once(" (").map_or(place, |(path, _)| path);
    path.starts_with('/').then(|| Ok(path.into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dynamic_program_names_its_libraries_and_its_loader() {
        let found = of(&std::env::current_exe().unwrap()).unwrap();
        assert!(found.iter().all(|path| path.is_file()), "{found:?}");
        for name in ["libc.so", "ld-linux"] {
            assert!(found.iter().any(|path| path.to_string_lossy().contains(name)), "{name}: {found:?}");
        }
    }

    #[test]
    fn a_file_that_is_no_program_needs_none() {
        let file = tempfile::NamedTempFile::new().unwrap();
        assert!(of(file.path()).unwrap().is_empty(), "empty");
        std::fs::write(file.path(), "#!/bin/sh\n").unwrap();
        assert!(of(file.path()).unwrap().is_empty());
        std::fs::write(file.path(), b"\x7fELF and no more").unwrap();
        assert!(of(file.path()).unwrap().is_empty());
        assert!(matches!(of(Path::new("/nowhere")), Err(Error::File(_))));
    }

    #[test]
    fn a_missing_library_is_named() {
        let error = library(Path::new("/bin/it"), "\tlibgone.so.1 => not found").unwrap().unwrap_err();
        assert!(
            error.to_string().contains("/bin/it") && error.to_string().contains("libgone.so.1"),
            "{error}"
        );
        assert!(library(Path::new("/bin/it"), "\tlinux-vdso.so.1 (0x00007fff)").is_none());
    }
}
