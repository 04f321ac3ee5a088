//! What the lab's tests share: its program, what this machine can do, and a terminal to sit at.
#![allow(dead_code, reason = "each test file uses a part of it")]

use isolab::host::clock::is_emulated;
use isolab::programs::Programs;
use isolab::samples::SamplesFile;
use isolab_timeline::Stack;
use rustix::fs::{Mode, OFlags};
use rustix::process::{Pid, Signal, kill_process};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{Termios, tcgetattr};
use std::fs::{self, File};
use std::io::{Read, Write};
use std::os::fd::OwnedFd;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::OnceLock;
use std::time::Duration;

pub const LAB: &str = env!("CARGO_BIN_EXE_isolab");

/// Whether the tests run at full size.
pub fn full_tier() -> bool {
    std::env::var("ISOLAB_TIER").is_ok_and(|tier| tier == "full")
}

/// What one short run measured: `words` are the lab's, without `--out`.
pub fn measured(words: &[&str]) -> SamplesFile {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("report");
    let output = lab(&[words, &["--out", out.to_str().unwrap()]].concat());
    assert!(output.status.success(), "{words:?}: {}", text(&output.stderr));
    accepted(&out)
}

/// A run that goes on for ever, interrupted in the middle of it: what it measured, and its page.
pub fn interrupted(words: &[&str]) -> (SamplesFile, String) {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("report");
    let mut command = Command::new(LAB);
    command.args(words).arg("--out").arg(&out).stdout(Stdio::null()).stderr(Stdio::piped());
    let child = command.spawn().unwrap();
    // Long enough to be in the middle of it, also for a machine in which a guest boots for seconds; it has far more to do.
    std::thread::sleep(Duration::from_secs(if is_emulated() { 20 } else { 3 }));
    kill_process(Pid::from_child(&child), Signal::INT).unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(130), "{}", text(&output.stderr));
    let file = accepted(&out);
    (file, std::fs::read_to_string(out.join("report.html")).unwrap())
}

/// The samples of the report in `out`, which its schema must accept.
pub fn accepted(out: &Path) -> SamplesFile {
    let path = out.join("samples.json");
    let schema: serde_json::Value =
        serde_json::from_str(include_str!("../../schema/samples.schema.json")).unwrap();
    let value: serde_json::Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
    if let Err(error) = jsonschema::validate(&schema, &value) {
        panic!("{error} at {}", error.instance_path());
    }
    SamplesFile::read(&path).unwrap()
}

/// Runs the lab to its end.
pub fn lab(arguments: &[&str]) -> Output {
    Command::new(LAB).args(arguments).stdin(Stdio::null()).output().unwrap()
}

pub fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// What `isolab doctor` finds. It tries every stack, so it is asked once.
pub fn diagnosis() -> &'static serde_json::Value {
    static DIAGNOSIS: OnceLock<serde_json::Value> = OnceLock::new();
    DIAGNOSIS.get_or_init(|| serde_json::from_slice(&lab(&["doctor", "--json"]).stdout).unwrap())
}

/// Whether this machine runs `stack`; says which test is skipped and why where it does not.
pub fn runs_here(stack: Stack, test: &str) -> bool {
    let found = |list: &str| diagnosis()[list].as_array().unwrap().iter();
    if found("available").any(|name| name == stack.name()) {
        return true;
    }
    let why = found("unavailable").find(|entry| entry["stack"] == stack.name()).unwrap();
    eprintln!("skipped: {test}: {stack}: {}", why["reason"]);
    false
}

/// A folder with copies of the measured programs.
pub fn build(folder: &Path) -> PathBuf {
    fs::create_dir_all(folder).unwrap();
    for program in Programs::find().unwrap().all() {
        fs::copy(program, folder.join(program.file_name().unwrap())).unwrap();
    }
    folder.into()
}

/// The same, with `program` behind a script that runs `lines` first.
pub fn behind(folder: &Path, program: &str, lines: &str) -> PathBuf {
    let real = build(&folder.with_extension("real")).join(program);
    let script = build(folder).join(program);
    fs::write(&script, format!("#!/bin/sh\n{lines}\nexec {} \"$@\"\n", real.display())).unwrap();
    fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).unwrap();
    folder.into()
}

/// A terminal (`pty(7)`): this is where somebody types and looks.
pub struct Terminal {
    controller: File,
    terminal: OwnedFd,
}

impl Terminal {
    pub fn open() -> Terminal {
        let controller = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC).unwrap();
        grantpt(&controller).unwrap();
        unlockpt(&controller).unwrap();
        let name = ptsname(&controller, Vec::new()).unwrap();
        let flags = OFlags::RDWR | OFlags::NOCTTY | OFlags::CLOEXEC;
        let terminal = rustix::fs::open(name, flags, Mode::empty()).unwrap();
        Terminal { controller: controller.into(), terminal }
    }

    /// Puts `command` in front of it.
    pub fn give(&self, command: &mut Command) {
        let end = || Stdio::from(self.terminal.try_clone().unwrap());
        command.stdin(end()).stdout(end()).stderr(end());
    }

    pub fn modes(&self) -> Termios {
        tcgetattr(&self.terminal).unwrap()
    }

    pub fn press(&mut self, keys: &str) {
        self.controller.write_all(keys.as_bytes()).unwrap();
    }

    /// Looks until it has shown `word`.
    pub fn look_for(&mut self, word: &str) -> String {
        let mut shown = Vec::new();
        let mut buffer = [0; 1024];
        while !text(&shown).contains(word) {
            let length = self.controller.read(&mut buffer).unwrap_or(0);
            assert!(length > 0, "it ended before it showed {word:?}: {}", text(&shown));
            shown.extend_from_slice(&buffer[..length]);
        }
        text(&shown)
    }
}
