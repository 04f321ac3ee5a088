//! Terminals: in the foreground, over a console socket, and for `exec`.

mod common;

use common::bundle::Bundle;
use common::terminal::{pair, read_to, with_terminal};
use common::{errors, eventually};
use rustix::fs::OFlags;
use rustix::net::{RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, recvmsg};
use rustix::termios::{LocalModes, tcgetattr};
use serde_json::json;
use std::fs::File;
use std::io::{IoSliceMut, Write as _};
use std::mem::MaybeUninit;
use std::os::unix::net::UnixListener;
use std::process::Command;

/// Runs a script on a terminal of its own, in the foreground.
fn talk(command: Command, answer: &str) -> String {
    let (mut master, terminal) = pair();
    let before = tcgetattr(&terminal).unwrap();
    let mut runtime = with_terminal(command, &terminal);
    let mut text = read_to(&mut master, "ready");
    // The runtime's terminal is raw: nothing that is typed is echoed by it.
    assert!(!tcgetattr(&terminal).unwrap().local_modes.contains(LocalModes::ECHO));
    master.write_all(answer.as_bytes()).unwrap();
    text += &read_to(&mut master, "the end");
    assert_eq!(runtime.wait().unwrap().code(), Some(3), "{text}");
    let after = tcgetattr(&terminal).unwrap();
    assert_eq!(after.local_modes, before.local_modes, "the terminal is as it was");
    assert_eq!(after.output_modes, before.output_modes);
    text.replace('\r', "")
}

const SCRIPT: &str = "tty; stty size; echo ready; read word; echo got $word; echo the end; exit 3";

#[test]
fn in_the_foreground_the_runtime_copies_between_two_terminals() {
    let Some(mut bundle) = Bundle::script("terminal_foreground", SCRIPT) else { return };
    bundle.config["process"]["terminal"] = json!(true);
    bundle.write();
    let mut command = bundle.runtime(&["run", "--bundle"]);
    command.arg(bundle.path()).arg(&bundle.id);
    let said = talk(command, "word\n");
    assert!(said.starts_with("/dev/pts/0\n33 77\nready"), "{said}");
    assert!(said.contains("got word"), "{said}");
}

#[test]
fn ctrl_c_reaches_the_program_and_not_the_runtime() {
    let script = "trap 'echo caught; echo the end; exit 3' INT; echo ready; while :; do sleep 0.05; done";
    let Some(mut bundle) = Bundle::script("terminal_interrupt", script) else { return };
    bundle.config["process"]["terminal"] = json!(true);
    bundle.write();
    let mut command = bundle.runtime(&["run", "--bundle"]);
    command.arg(bundle.path()).arg(&bundle.id);
    assert!(talk(command, "\x03").contains("caught"));
}

#[test]
fn exec_has_one_too() {
    let Some(mut bundle) = Bundle::new("terminal_exec") else { return };
    bundle.config["process"]["args"] = json!(["sleep", "1000"]);
    bundle.create();
    bundle.must("start", &[]);
    let said = talk(bundle.runtime(&["exec", "--tty", &bundle.id, "sh", "-c", SCRIPT]), "word\n");
    assert!(said.starts_with("/dev/pts/0\n33 77\nready") && said.contains("got word"), "{said}");
}

/// The file that comes over a console socket, and the name that comes with it.
fn receive(listener: &UnixListener) -> (File, String) {
    let (socket, _) = listener.accept().unwrap();
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut control = RecvAncillaryBuffer::new(&mut space);
    let mut name = [0; 64];
    let message =
        recvmsg(&socket, &mut [IoSliceMut::new(&mut name)], &mut control, RecvFlags::CMSG_CLOEXEC).unwrap();
    let master = control.drain().find_map(|message| match message {
        RecvAncillaryMessage::ScmRights(mut files) => files.next(),
        _ => None,
    });
    (master.expect("a file").into(), String::from_utf8_lossy(&name[..message.bytes]).into_owned())
}

#[test]
fn an_engine_gets_it_over_its_socket() {
    let script = "tty; stty size; test /dev/console -ef /dev/pts/0 && stty size < /dev/console; \
                  ls -n /dev/pts/0 | awk '{print $3}'; cat /proc/self/stat | awk '{print $7 != 0}'; echo the end; sleep 100";
    let Some(mut bundle) = Bundle::script("terminal_socket", script) else { return };
    bundle.config["process"]["terminal"] = json!(true);
    bundle.config["process"]["consoleSize"] = json!({ "height": 20, "width": 50 });
    bundle.config["process"]["user"] = json!({ "uid": 7, "gid": 7 });
    let path = bundle.beside("console.sock");
    let listener = UnixListener::bind(&path).unwrap();
    let output = bundle.create_with(&["--console-socket", path.to_str().unwrap()]);
    assert!(output.status.success(), "{}", errors(&output));
    let (mut master, name) = receive(&listener);
    assert!(name.starts_with("/dev/"), "{name}");
    let flags = rustix::fs::fcntl_getfl(&master).unwrap();
    rustix::fs::fcntl_setfl(&master, flags - OFlags::NONBLOCK).unwrap();
    bundle.must("start", &[]);
    let said = read_to(&mut master, "the end").replace('\r', "");
    assert!(said.starts_with("/dev/pts/0\n20 50\n20 50\n7\n1\n"), "{said}");
    bundle.must("kill", &["KILL"]);
    eventually("stopped", || bundle.status() == "stopped");
}

#[test]
fn a_terminal_that_nobody_holds_is_refused_before_anything_is_made() {
    let Some(mut bundle) = Bundle::new("terminal_refused") else { return };
    bundle.config["process"]["terminal"] = json!(true);
    assert!(bundle.refuses("no socket").contains("--console-socket"));
    let output = bundle.create_with(&["--console-socket", "/none/console.sock"]);
    assert!(
        !output.status.success() && errors(&output).contains("/none/console.sock"),
        "{}",
        errors(&output)
    );
    bundle.config["process"]["terminal"] = json!(false);
    let path = bundle.beside("console.sock");
    let _listener = UnixListener::bind(&path).unwrap();
    assert!(!bundle.create_with(&["--console-socket", path.to_str().unwrap()]).status.success());
    // A terminal is made of the container's own devpts, or not at all.
    bundle.config["process"]["terminal"] = json!(true);
    let mounts = bundle.config["mounts"].as_array_mut().unwrap();
    mounts.retain(|mount| mount["destination"] != "/dev/pts");
    let output = bundle.create_with(&["--console-socket", path.to_str().unwrap()]);
    assert!(errors(&output).contains("mount devpts"), "{}", errors(&output));
}
