//! The README is true: its commands are run as they stand, in order, in an empty folder.

use std::path::Path;
use std::process::{Command, Stdio};

const README: &str = include_str!("../../README.md");

/// The lines of all `sh` blocks.
fn commands() -> Vec<&'static str> {
    let mut inside = false;
    README
        .lines()
        .filter(|line| {
            let fence = line.starts_with("```");
            if fence {
                inside = *line == "```sh";
            }
            inside && !fence
        })
        .collect()
}

#[test]
fn every_command_of_the_readme_works() {
    if !Path::new("/bin/busybox").exists() {
        eprintln!("skipped: every_command_of_the_readme_works: no /bin/busybox; install busybox-static");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    // Builds and tests are what is running this test.
    let lines = commands().into_iter().filter(|line| *line != "bench/test.sh");
    let mut ran = 0;
    for line in lines {
        let line = line.replace("cargo run --release --", env!("CARGO_BIN_EXE_isolab"));
        let line = line.replace("cargo run --release", env!("CARGO_BIN_EXE_isolab"));
        let mut shell = Command::new("sh");
        shell.args(["-ec", &line]).current_dir(&folder).stdin(Stdio::null());
        let output = shell.env("XDG_CACHE_HOME", folder.path().join("cache")).output().unwrap();
        let said =
            format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        // 126 says with a reason that this machine cannot; then there is nothing to be true.
        if output.status.code() == Some(126) {
            eprintln!("skipped: every_command_of_the_readme_works: {line}: {}", said.trim());
            continue;
        }
        assert!(output.status.success(), "{line}: {said}");
        if line.contains("run container") {
            assert!(said.contains("box\n") && said.contains("I am PID 1"), "{line}: {said}");
        }
        ran += 1;
    }
    assert!(ran >= 4, "most commands work anywhere");
    assert!(folder.path().join("reports/latest/report.html").exists(), "the first command's report");
}

#[test]
fn every_link_of_the_readme_leads_somewhere() {
    let links = README.split("](").skip(1).filter_map(|rest| rest.split(')').next());
    let local: Vec<_> = links.filter(|link| !link.starts_with("http")).collect();
    assert!(local.len() > 5);
    for link in local {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().join(link);
        assert!(path.exists(), "{link}");
    }
}
