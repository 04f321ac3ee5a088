//! umoci, which makes images and unpacks them to bundles by itself: its `config.json` is run as it is.

use crate::common::terminal::{pair, read_to, with_terminal};
use crate::common::{RUNTIME, errors};
use crate::place::Place;
use crate::podman::or_skipped;
use std::fs;
use std::process::Command;

const SCRIPT: &str =
    r#"echo "$GREETING $(id -u) $(id -g) $(pwd) $(hostname)"; cat note; test -t 1 && echo the end; exit 7"#;

fn umoci(words: &[&str]) {
    let output = Command::new("umoci").args(words).output().unwrap();
    assert!(output.status.success(), "umoci {words:?}: {}", errors(&output));
}

#[test]
fn a_bundle_of_umocis_runs_unchanged() {
    let test = "a_bundle_of_umocis_runs_unchanged";
    let place = Place::new(&["umoci"], |_| Command::new("true"));
    let Some(place) = or_skipped(test, place) else { return };
    let image = |tag: &str| format!("{}:{tag}", place.path("image"));
    let [first, again] = ["first", "again"].map(|name| place.path(name));

    // An image from nothing: what is put into an unpacked bundle becomes a layer.
    umoci(&["init", "--layout", &place.path("image")]);
    umoci(&["new", "--image", &image("empty")]);
    umoci(&["unpack", "--image", &image("empty"), &first]);
    let copied =
        Command::new("cp").arg("-a").arg(place.rootfs().join(".")).arg(format!("{first}/rootfs")).status();
    assert!(copied.unwrap().success());
    fs::create_dir_all(format!("{first}/rootfs/home")).unwrap();
    fs::write(format!("{first}/rootfs/home/note"), "of the layer\n").unwrap();
    umoci(&["repack", "--image", &image("box"), &first]);
    let box_ = image("box");
    let mut words = vec!["config", "--image", &box_, "--config.user", "5:6", "--config.workingdir", "/home"];
    words.extend(["--config.env", "GREETING=hello", "--config.env", "PATH=/bin"]);
    words.extend(["sh", "-c", SCRIPT].iter().flat_map(|word| ["--config.cmd", word]));
    umoci(&words);
    umoci(&["unpack", "--image", &box_, &again]);

    // It asks for a terminal.
    let (mut master, terminal) = pair();
    let mut command = Command::new(RUNTIME);
    command.args(["--root", &place.path("state"), "run", "--bundle", &again]);
    command.arg(format!("umoci-{}", std::process::id()));
    let mut child = with_terminal(command, &terminal);
    let said = read_to(&mut master, "the end").replace('\r', "");
    assert_eq!(child.wait().unwrap().code(), Some(7), "{said}");
    assert!(said.contains("hello 5 6 /home umoci-default\nof the layer\n"), "{said}");
}
