//! The program's format: `create` already fails when the kernel will not execute it, with the words and the status that it
//! has when it is executed at once. What engines clear up after is a create that fails, not a start.

mod common;

use common::bundle::Bundle;
use common::{copy_program, errors, loader_in, refusal, skipped};
use serde_json::json;
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;
use std::sync::Mutex;

/// A handler is the whole machine's: while there is one, nothing is refused.
static HANDLERS: Mutex<()> = Mutex::new(());
/// Where ELF files have the number of their processor.
const MACHINE: usize = 18;
/// `EM_AARCH64` and `EM_X86_64`: the one that this machine is not.
const OTHER: u8 = if cfg!(target_arch = "x86_64") { 183 } else { 62 };

fn program(bundle: &Bundle, name: &str, content: impl AsRef<[u8]>) {
    let file = bundle.inside("bin").join(name);
    fs::write(&file, content).unwrap();
    fs::set_permissions(file, Permissions::from_mode(0o755)).unwrap();
}

/// What `create` says to a program, which has to be what `run` says; its status is `run`'s.
fn refused(bundle: &mut Bundle, name: &str, status: i32) -> String {
    bundle.config["process"]["args"] = json!([format!("/bin/{name}")]);
    let line = bundle.refuses(name);
    let run = bundle.call(&["run", "--bundle", bundle.path().to_str().unwrap(), &bundle.id]);
    assert_eq!(refusal(&run, status), line, "{name}: run and create differ");
    line
}

#[test]
fn an_interpreter_that_is_missing_is_named_at_create() {
    let Some(mut bundle) = Bundle::new("program_interpreter") else { return };
    program(&bundle, "script", "#!/usr/bin/none -x\n");
    let line = refused(&mut bundle, "script", 127);
    assert!(line.contains("/bin/script is there, but its interpreter /usr/bin/none"), "{line}");
    assert!(line.contains("no such file or directory"), "{line}");
    program(&bundle, "script", "#!/bin/../bin\n");
    refused(&mut bundle, "script", 126);
    program(&bundle, "plain", "");
    fs::set_permissions(bundle.inside("bin/plain"), Permissions::from_mode(0o644)).unwrap();
    program(&bundle, "script", "#!/bin/plain\n");
    assert!(refused(&mut bundle, "script", 126).contains("permission denied"));
    // One that is there, with every blank that the kernel skips.
    program(&bundle, "script", "#! \t/bin/sh -e \t\necho ran\n");
    bundle.config["process"]["args"] = json!(["script"]);
    assert_eq!(bundle.lives(), "ran\n");
    // The same as a path that begins in the process's folder, and without an end of the line.
    bundle.config["process"]["cwd"] = json!("/bin");
    program(&bundle, "script", "#!echo");
    assert_eq!(bundle.lives(), "/bin/script\n");
}

#[test]
fn a_dynamic_loader_that_is_missing_is_named_at_create() {
    let test = "a_dynamic_loader_that_is_missing_is_named_at_create";
    let Some(mut bundle) = Bundle::new("program_loader") else { return };
    let on_host = fs::read("/bin/true").unwrap();
    let Some(loader) = loader_in(&on_host) else {
        return skipped(
            test,
            "the host's /bin/true is linked statically; use a distribution with a C library's loader",
        );
    };
    copy_program("/bin/true", bundle.inside("bin/dynamic"));
    let line = refused(&mut bundle, "dynamic", 127);
    assert!(line.contains(&format!("its interpreter {} is not", loader.display())), "{line}");
    // With the loader, and then with all that the loader loads, it runs.
    let there = |file: &Path| bundle.inside(file.strip_prefix("/").unwrap().to_str().unwrap());
    fs::create_dir_all(there(&loader).parent().unwrap()).unwrap();
    copy_program(&loader, there(&loader));
    bundle.create();
    bundle.must("delete", &["--force"]);
    // A loader that is there, but is none.
    fs::write(there(&loader), "no program").unwrap();
    fs::set_permissions(there(&loader), Permissions::from_mode(0o644)).unwrap();
    assert!(refused(&mut bundle, "dynamic", 126).contains("permission denied"));
}

#[test]
fn what_is_no_format_of_the_kernels_is_refused_at_create() {
    let test = "what_is_no_format_of_the_kernels_is_refused_at_create";
    let Some(mut bundle) = Bundle::new("program_format") else { return };
    let _alone = HANDLERS.lock();
    let whole = fs::read("/bin/busybox").unwrap();
    let mut other = whole.clone();
    other[MACHINE] = OTHER;
    let long = format!("#!/bin/{}\n", "x".repeat(300));
    for (name, content) in [
        ("empty", &b""[..]),
        ("text", b"echo hello\n"),
        ("nameless", b"#! \n"),
        ("long", long.as_bytes()),
        ("other", &other),
        ("cut", &whole[..40]),
        ("core", &[&whole[..16], &[4, 0], &whole[18..4096]].concat()),
    ] {
        program(&bundle, name, content);
        if name == "empty" && handlers(test) {
            return;
        }
        let line = refused(&mut bundle, name, 126);
        assert!(line.contains("exec format error") && line.contains(name), "{name}: {line}");
    }
    program(&bundle, "busybox-again", &whole);
    bundle.config["process"]["args"] = json!(["busybox-again", "echo", "ran"]);
    assert_eq!(bundle.lives(), "ran\n");
}

/// Whether this machine executes files of formats that are not the kernel's: then nothing is refused.
fn handlers(test: &str) -> bool {
    let names = fs::read_dir("/proc/sys/fs/binfmt_misc").into_iter().flatten().flatten();
    let any = names.map(|entry| entry.file_name()).find(|name| name != "register" && name != "status");
    if let Some(name) = &any {
        skipped(test, &format!("this machine has a handler of other formats, {}", name.display()));
    }
    any.is_some()
}

#[test]
fn scripts_may_name_each_other_as_often_as_the_kernel_allows() {
    let Some(mut bundle) = Bundle::new("program_chain") else { return };
    program(&bundle, "script1", "#!/bin/echo\n");
    for number in 2..=6 {
        program(&bundle, &format!("script{number}"), format!("#!/bin/script{}\n", number - 1));
    }
    bundle.config["process"]["args"] = json!(["script5"]);
    assert!(bundle.lives().ends_with("/bin/script5\n"));
    assert!(refused(&mut bundle, "script6", 126).contains("too many levels"));
    program(&bundle, "circle", "#!/bin/circle\n");
    refused(&mut bundle, "circle", 126);
}

#[test]
fn a_program_that_cannot_be_read_can_be_executed() {
    let Some(mut bundle) = Bundle::new("program_unreadable") else { return };
    let busybox = bundle.inside("bin/busybox");
    fs::set_permissions(busybox, Permissions::from_mode(0o711)).unwrap();
    bundle.config["process"]["user"] = json!({ "uid": 10, "gid": 10 });
    bundle.config["process"]["args"] = json!(["cat", "/bin/busybox"]);
    bundle.create();
    bundle.must("start", &[]);
    bundle.wait();
    let complaints = fs::read_to_string(bundle.beside("err")).unwrap();
    assert!(complaints.contains("Permission denied"), "it can be read: {complaints}");
}

/// A handler that somebody has registered executes what the kernel does not know; `create` must not stand in its way.
#[test]
fn a_registered_handler_is_left_its_formats() {
    let test = "a_registered_handler_is_left_its_formats";
    let Some(mut bundle) = Bundle::new("program_handler") else { return };
    let _alone = HANDLERS.lock();
    let handlers = bundle.beside("handlers");
    fs::create_dir(&handlers).unwrap();
    let mounted =
        Command::new("mount").args(["-t", "binfmt_misc", "binfmt_misc"]).arg(&handlers).output().unwrap();
    if !mounted.status.success() {
        return skipped(test, &format!("needs a kernel with binfmt_misc: {}", errors(&mounted).trim()));
    }
    let name = format!("isolab-{}", std::process::id());
    let magic = format!("isolab{}", std::process::id());
    fs::write(handlers.join("register"), format!(":{name}:M::{magic}::/bin/echo:")).unwrap();
    program(&bundle, "odd", &magic);
    bundle.config["process"]["args"] = json!(["/bin/odd"]);
    let created = bundle.create_with(&[]);
    let started = bundle.call(&["start", &bundle.id]);
    if started.status.success() {
        bundle.wait();
    }
    fs::write(handlers.join(&name), "-1").unwrap();
    assert!(Command::new("umount").arg(&handlers).status().unwrap().success());
    assert!(created.status.success(), "{}", errors(&created));
    assert!(started.status.success(), "{}", errors(&started));
    assert_eq!(bundle.printed(), "/bin/odd\n");
}
