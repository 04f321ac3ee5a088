//! The runtime itself: for a moment its own program, memory and descriptors are in a process of the container.

use crate::common::{Root, bundle::Bundle, copy_program, errors, eventually, refusal, skipped, text};
use serde_json::json;
use std::fs::{self, File};
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Command, Stdio};

/// A bundle whose commands are made with a copy of the runtime, which may come to harm.
fn with_own_runtime(test: &str, script: &str) -> Option<(Bundle, std::path::PathBuf)> {
    let bundle = Bundle::script(test, script)?;
    let copy = bundle.beside("isolab-runtime");
    copy_program(crate::common::RUNTIME, &copy);
    Some((bundle, copy))
}

/// Holds on to the program of every process that is not busybox, lets it end, and writes to its file then.
const OVERWRITE: &str = r#"
    echo ready
    while :; do
        for process in /proc/[0-9]*; do
            [ "$(readlink $process/exe)" = /bin/busybox ] || (
                exec 5< $process/exe
                echo caught
                cat /fifo > /dev/null &
                for n in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
                    (echo evil > /proc/self/fd/5)
                    sleep 0.005
                done
            )
        done
    done 2> /dev/null"#;

/// CVE-2019-5736: `/proc/PID/exe` of a runtime that executes itself inside is a way to the host's file.
#[test]
fn the_runtimes_file_cannot_be_overwritten() {
    let test = "the_runtimes_file_cannot_be_overwritten";
    let Some((bundle, copy)) = with_own_runtime(test, OVERWRITE) else { return };
    let before = fs::read(&copy).unwrap();
    symlink("/proc/self/exe", bundle.inside("link")).unwrap();
    let script = bundle.inside("script");
    fs::write(&script, "#!/proc/self/exe\n").unwrap();
    fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).unwrap();
    // The runtime needs its libraries to live on inside. It stays for as long as nobody reads its log.
    crate::tries::install(&bundle.inside(""));
    nix::unistd::mkfifo(&bundle.inside("fifo"), nix::sys::stat::Mode::S_IRWXU).unwrap();
    bundle.create();
    bundle.must("start", &[]);
    eventually("it lies in wait", || bundle.printed().contains("ready"));
    let mut said = Vec::new();
    for _ in 0..3 {
        for word in ["/link", "/script", "/proc/self/exe"] {
            let mut command = Command::new(&copy);
            command.arg("--root").arg(bundle.beside("state")).args(["exec", &bundle.id, word]);
            command.args(["--log", "/fifo", "list"]);
            said.push(errors(&command.stdin(Stdio::null()).output().unwrap()));
        }
    }
    assert!(bundle.printed().contains("caught"), "the runtime has been inside: {said:?}");
    assert_eq!(bundle.status(), "running");
    // Its own entry point, too.
    for word in ["/link", "/script"] {
        let mut command = Command::new(&copy);
        command.arg("contain").arg("--rootfs").arg(bundle.inside("")).args(["--", word, "--help"]);
        command.stdin(Stdio::null()).output().unwrap();
    }
    assert!(fs::read(&copy).unwrap() == before, "the runtime's file was written to");
    fs::write(&copy, before).expect("nobody holds it");
}

/// The same try works on a program that does not protect itself.
#[test]
fn a_program_that_is_not_protected_can_be_overwritten() {
    let test = "a_program_that_is_not_protected_can_be_overwritten";
    let Some(root) = Root::new(test) else { return };
    let victim = root.beside("victim");
    copy_program("/bin/busybox", &victim);
    let mut child = Command::new(&victim).arg0("busybox").args(["sleep", "100"]).spawn().unwrap();
    // The kernel wakes who has made a process by `vfork` just before that gets its new memory: for a moment this link
    // leads to the program of the test.
    let exe = format!("/proc/{}/exe", child.id());
    eventually("it is executed", || fs::read_link(&exe).is_ok_and(|path| path == victim));
    let held = File::open(exe).unwrap();
    child.kill().unwrap();
    child.wait().unwrap();
    let again = format!("/proc/self/fd/{}", std::os::fd::AsRawFd::as_raw_fd(&held));
    // The kernel lets go of a program a moment after its process.
    eventually("it can be written to", || fs::write(&again, "evil\n").is_ok());
    assert_eq!(fs::read(&victim).unwrap(), b"evil\n");
}

/// CVE-2024-21626: a descriptor of the host's that is open when the program begins is a way to its root.
#[test]
fn no_descriptor_leads_to_the_host() {
    let test = "no_descriptor_leads_to_the_host";
    let Some(mut bundle) = Bundle::script(test, "ls /proc/self/fd | tr '\\n' ' '; sleep 1000") else {
        return;
    };
    bundle.create();
    bundle.must("start", &[]);
    // The last is the one by which `ls` reads the folder.
    eventually("it has looked", || bundle.printed() == "0 1 2 3 ");
    let output = bundle.call(&["exec", &bundle.id, "ls", "/proc/self/fd"]);
    assert_eq!(text(&output), "0\n1\n2\n3\n", "{}", errors(&output));
    for number in 3..16 {
        let folder = format!("/proc/self/fd/{number}");
        let output = bundle.call(&["exec", "--cwd", &folder, &bundle.id, "ls"]);
        assert!(!output.status.success(), "exec begins in {folder}: {}", text(&output));
    }
    bundle.must("delete", &["--force"]);
    for number in 3..16 {
        bundle.config["process"]["cwd"] = json!(format!("/proc/self/fd/{number}"));
        let created = bundle.create_with(&[]);
        assert!(!created.status.success(), "create begins in descriptor {number}");
        refusal(&created, 1);
    }
    // With one that is asked to be kept, the container has the host's folder, but does not begin there.
    bundle.config["process"]["cwd"] = json!("/");
    bundle.set_script("ls /proc/self/fd/3/");
    let call = |bundle: &Bundle, words: &[&str]| {
        bundle.write();
        let mut command = Command::new("sh");
        command.args(["-c", r#"exec 3< "$0" "$@""#]).arg(bundle.path());
        command.args(["sh", "-c", r#"exec "$0" "$@""#, crate::common::RUNTIME, "--root"]);
        command.arg(bundle.beside("state")).args(words).arg("--bundle").arg(bundle.path()).arg(&bundle.id);
        command.stdin(Stdio::null()).output().unwrap()
    };
    let shown = call(&bundle, &["run", "--preserve-fds", "1"]);
    if !text(&shown).contains("config.json") {
        skipped(test, &format!("the kept descriptor shows nothing: {}", errors(&shown)));
    }
    bundle.config["process"]["cwd"] = json!("/proc/self/fd/3");
    let output = call(&bundle, &["run", "--preserve-fds", "1"]);
    assert!(!output.status.success(), "it begins outside its root: {}", text(&output));
}

/// CVE-2016-9962: whoever enters a container brings memory, an environment and descriptors of the host's along. (Its
/// command line, which the kernel shows to everybody, is the runtime's until the program is executed.)
#[test]
fn what_enters_shows_nothing_of_the_host() {
    let test = "what_enters_shows_nothing_of_the_host";
    let watch = r"while :; do for process in /proc/[0-9]*; do
            cat $process/environ $process/maps; echo
            ls -l $process/fd $process/cwd $process/root; head -c 1 $process/mem
        done; done > /seen 2> /dev/null";
    let Some(bundle) = Bundle::script(test, watch) else { return };
    bundle.create();
    bundle.must("start", &[]);
    for _ in 0..20 {
        let mut command = bundle.runtime(&["exec", "--env", "SHOWN=to-all", &bundle.id, "sleep", "0.02"]);
        let output = command.env("HIDDEN", "from-all").output().unwrap();
        assert!(output.status.success(), "{}", errors(&output));
    }
    bundle.must("delete", &["--force"]);
    let seen = fs::read(bundle.inside("seen")).unwrap();
    let seen = String::from_utf8_lossy(&seen);
    assert!(seen.contains("SHOWN=to-all"), "the look sees the environment of what enters");
    assert!(!seen.contains("from-all"), "the environment of the runtime is seen");
    for path in [bundle.beside("state").as_path(), Path::new(crate::common::RUNTIME)] {
        let line = seen.lines().find(|line| line.contains(path.to_str().unwrap()));
        assert_eq!(line, None, "{} is seen", path.display());
    }
}

#[test]
fn nothing_is_executed_in_a_paused_container() {
    let test = "nothing_is_executed_in_a_paused_container";
    let Some(bundle) = Bundle::script(test, "while :; do sleep 1; done") else { return };
    bundle.create();
    bundle.must("start", &[]);
    let exec = || bundle.call(&["exec", &bundle.id, "touch", "/executed"]);
    let paused = bundle.call(&["pause", &bundle.id]);
    if !paused.status.success() {
        return skipped(test, &errors(&paused));
    }
    assert!(!exec().status.success());
    assert!(!bundle.inside("executed").exists());
    bundle.must("resume", &[]);
    let output = exec();
    assert!(output.status.success() && bundle.inside("executed").exists(), "{}", errors(&output));
}
