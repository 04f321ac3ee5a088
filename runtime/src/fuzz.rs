//! The bodies of the fuzz targets in `runtime/fuzz`: each takes any bytes, and must neither panic nor hang nor ask
//! for much memory. Here, not there, so that tests play them on the stable toolchain too.
//!
//! They go as far as can be gone without making anything: what is read, checked, translated and compiled.

use crate::cgroup::Hierarchy;
use crate::container::plan::Plan;
use crate::container::{Gate, Recipe};
use crate::error::Error;
use crate::oci::config::{self, Config};
use crate::oci::store::{self, Store};
use crate::rootfs::options::Options;
use crate::seccomp::Program;
use libc::sock_filter;
use oci_spec::runtime::{LinuxSeccomp, Spec};
use serde_json::{Value, json};
use std::path::Path;

/// A fuzz target: its name, and its body.
pub type Target = (&'static str, fn(&[u8]));

/// All of them.
pub const TARGETS: [Target; 3] = [("config", config), ("seccomp", seccomp), ("state", state)];

/// Bytes as a `config.json`.
///
/// # Panics
/// When what is wrong with it has no words, or more than a line of them.
pub fn config(bytes: &[u8]) {
    if let Some(spec) = told(config::parse(bytes, Path::new("config.json"))) {
        resources(&spec);
        for mount in spec.mounts().iter().flatten() {
            Options::read(mount.options().as_deref().unwrap_or_default());
        }
        let namespaces = spec.linux().as_ref().and_then(|linux| linux.namespaces().as_ref());
        // Those would be opened.
        if namespaces.into_iter().flatten().all(|namespace| namespace.path().is_none()) {
            told(Plan::new(&recipe(spec)));
        }
    }
}

/// Where its groups would be, and with which limits.
fn resources(spec: &Spec) {
    let Some(linux) = spec.linux() else { return };
    if let (Some(resources), Ok(hierarchy)) = (linux.resources(), Hierarchy::detect()) {
        told(hierarchy.plan(linux.cgroups_path().as_deref(), "fuzz", resources));
    }
}

fn recipe(spec: Spec) -> Recipe {
    Recipe {
        id: "fuzz".into(),
        config: Config { spec, text: Vec::new(), bundle: "/".into(), unknown_capabilities: Vec::new() },
        store: Store::new(None),
        gate: Gate::Start,
        pid_file: None,
        console_socket: None,
        preserve_fds: 0,
        pivot: true,
        keyring: true,
        default_filter: false,
        overlay: false,
        init: false,
        keep: false,
    }
}

/// Bytes as a seccomp profile in JSON; or, where they are no JSON, as the choices of which one is made.
///
/// # Panics
/// When what is wrong with it has no words, or the kernel would not take the program.
pub fn seccomp(bytes: &[u8]) {
    let profile = serde_json::from_slice(bytes).or_else(|_| serde_json::from_value(chosen(bytes)));
    let profile: Result<LinuxSeccomp, _> = profile;
    let Ok(profile) = profile else { return };
    if let Some(program) = told(Program::compile(&profile)) {
        check_program(program.instructions());
    }
}

/// A profile of known words: a rule for each twelve bytes.
fn chosen(bytes: &[u8]) -> Value {
    let pick = |words: &[&str], byte: u8| words[usize::from(byte) % words.len()].to_owned();
    let names =
        ["read", "socket", "clone", "shmget", "semop", "personality", "clone3", "set_tls", "execve", "none"];
    let actions = ["ALLOW", "ERRNO", "KILL", "TRAP", "LOG", "NOTIFY", "TRACE", "KILL_PROCESS", "KILL_THREAD"];
    let operators = ["EQ", "NE", "LT", "LE", "GT", "GE", "MASKED_EQ"];
    let rules = bytes.chunks_exact(12).map(|rule| {
        let value =
            u64::from_le_bytes([rule[4], rule[5], rule[6], rule[7], rule[8], rule[9], rule[10], rule[11]]);
        let argument = |index: u8, operator: u8, value: u64| {
            let operator = format!("SCMP_CMP_{}", pick(&operators, operator));
            json!({"index": index % 8, "op": operator, "value": value, "valueTwo": value >> 1})
        };
        let arguments =
            [argument(rule[2], rule[3], value), argument(rule[2] >> 4, rule[3] >> 4, value & 0xff)];
        json!({
            "names": [pick(&names, rule[0]), pick(&names, rule[0] >> 4)],
            "action": format!("SCMP_ACT_{}", pick(&actions, rule[1])),
            "args": arguments[..usize::from(rule[1] >> 6).min(2)],
        })
    });
    let first = bytes.first().copied().unwrap_or(0);
    json!({
        "defaultAction": format!("SCMP_ACT_{}", pick(&actions, first)),
        "architectures": ["SCMP_ARCH_X86", "SCMP_ARCH_X32", "SCMP_ARCH_ARM"],
        "listenerPath": "/agent",
        "syscalls": rules.collect::<Vec<_>>(),
    })
}

/// What the kernel checks before it takes a program: it ends, jumps inside of itself, and reads what there is.
fn check_program(program: &[sock_filter]) {
    assert!(program.len() <= 4096 && program.last().is_some_and(|last| last.code == 0x06));
    for (place, &sock_filter { code, jt, jf, k }) in program.iter().enumerate() {
        let left = program.len() - place - 1;
        assert!(match code {
            // The end; a mask.
            0x06 | 0x54 => true,
            // To read a word.
            0x20 => k < 64 && k.is_multiple_of(4),
            // To jump: always; if equal, greater, or either.
            0x05 => (k as usize) < left,
            0x15 | 0x25 | 0x35 => usize::from(jt.max(jf)) < left,
            _ => false,
        });
    }
}

/// Bytes as the record of a container.
///
/// # Panics
/// When what is wrong with it has no words, or it is not the same when it is written and read again.
pub fn state(bytes: &[u8]) {
    if let Some(record) = told(store::parse(bytes, "fuzz")) {
        let text = serde_json::to_vec(&record).expect("a record is text");
        let again = told(store::parse(&text, "fuzz")).expect("a record as we write it");
        assert_eq!(serde_json::to_vec(&again).expect("a record is text"), text);
        // Whose processes and groups they are is asked of the kernel; both may be anything.
        let _ = (record.runtime.is_alive(), record.group().paused());
    }
}

/// The result, or an error that says something.
fn told<T>(result: Result<T, Error>) -> Option<T> {
    result
        .inspect_err(|error| assert!(!error.line().is_empty() && (1..=255).contains(&error.exit_status())))
        .ok()
}
