//! podman: no daemon; conmon holds each container. As root, and as an ordinary user.

use crate::common::{RUNTIME, copy_program, errors, skipped, text};
use crate::engine::{Engine, IMAGE};
use crate::place::Place;
use std::fmt::Display;
use std::fs;
use std::os::unix::fs::{PermissionsExt as _, chown};
use std::process::Command;
use std::sync::OnceLock;

/// One test for each scenario.
macro_rules! scenarios {
    ($engine:ident) => {
        crate::podman::scenarios!(
            $engine:
            its_words_and_its_status_come_back,
            what_cannot_be_executed_has_the_usual_status,
            exec_enters_a_running_one,
            stop_asks_and_then_kills,
            memory_is_limited,
            processes_are_limited,
            a_terminal_is_given_and_has_its_size,
            volumes_are_there,
            the_root_is_read_only_where_asked,
            the_user_is_as_asked,
            its_use_comes_from_its_group,
        );
    };
    ($engine:ident: $($name:ident),+ $(,)?) => {$(
        #[test]
        fn $name() {
            if let Some(engine) = $engine(stringify!($name)) {
                crate::scenarios::$name(engine);
            }
        }
    )+};
}
pub(crate) use scenarios;

/// Makes the image of the folder.
pub fn import(engine: &Engine) {
    let archive = engine.place.path("image.tar");
    let folder = engine.place.rootfs();
    let tar = Command::new("tar").arg("-C").arg(folder).args(["-cf", &archive, "."]).status();
    assert!(tar.unwrap().success());
    engine.must(&["import", &archive, IMAGE]);
}

/// What podman gives every container by default takes `CAP_SYS_RESOURCE` to have: limits above the caller's own.
fn limits() -> Vec<String> {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("CapEff:")).unwrap();
    if u64::from_str_radix(line.trim(), 16).unwrap() & 1 << 24 != 0 {
        return Vec::new();
    }
    eprintln!("podman gets --ulimit: this root has no CAP_SYS_RESOURCE, which its own default takes");
    ["--ulimit", "nofile=1024:1024", "--ulimit", "nproc=1024:1024"].map(str::to_owned).to_vec()
}

fn engine(test: &str) -> Option<&'static Engine> {
    static ENGINE: OnceLock<Result<Engine, String>> = OnceLock::new();
    let make = || {
        let place = Place::new(&["podman", "conmon"], |_| Command::new("true"))?;
        let mut client = vec!["podman".to_owned()];
        for (option, folder) in [("--root", "storage"), ("--runroot", "run"), ("--tmpdir", "tmp")] {
            client.extend([option.to_owned(), place.path(folder)]);
        }
        for option in ["--storage-driver=vfs", "--cgroup-manager=cgroupfs", "--events-backend=file"] {
            client.push(option.to_owned());
        }
        // The states go where they go by default: what clears up after a container gets no --runtime-flag.
        client.push(format!("--runtime={RUNTIME}"));
        let mut run = limits();
        run.extend(["--network=none".to_owned(), format!("--cgroup-parent=/{}", place.group())]);
        let engine = Engine { place, client, run };
        import(&engine);
        Ok(engine)
    };
    or_skipped(test, ENGINE.get_or_init(make).as_ref())
}

/// What there is, or nothing after a line that says why.
pub fn or_skipped<T>(test: &str, found: Result<T, impl Display>) -> Option<T> {
    found.map_err(|why| skipped(test, &why.to_string())).ok()
}

scenarios!(engine);

#[test]
fn a_folder_is_an_image_too() {
    let Some(engine) = engine("a_folder_is_an_image_too") else { return };
    let folder = engine.place.path("root");
    let run: Vec<_> = engine.run.iter().map(String::as_str).collect();
    let output =
        engine.call(&[&["run", "--rm"], &run[..], &["--rootfs", &folder, "sh", "-c", "exit 3"]].concat());
    assert_eq!(output.status.code(), Some(3), "{}", errors(&output));
}

/// The user gets his identities in a mount namespace of the test's own: the host's lists stay as they are.
#[test]
fn an_ordinary_user_may() {
    const USER: u32 = 65534;
    let test = "an_ordinary_user_may";
    let programs = ["podman", "conmon", "newuidmap", "setpriv"];
    let Some(place) = or_skipped(test, Place::new(&programs, |_| Command::new("true"))) else { return };
    let program = place.file("isolab-runtime");
    copy_program(RUNTIME, &program);
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    fs::write(place.file("identities"), "nobody:200000:65536\n").unwrap();
    for folder in ["home", "xdg"] {
        fs::create_dir(place.file(folder)).unwrap();
        chown(place.file(folder), Some(USER), Some(USER)).unwrap();
        fs::set_permissions(place.file(folder), fs::Permissions::from_mode(0o700)).unwrap();
    }
    // podman writes the user's name into it.
    let own = Command::new("chown").args(["-R", "65534:65534"]).arg(place.rootfs()).status();
    assert!(own.unwrap().success());
    let script = r#"mount --bind "$1/identities" /etc/subuid && mount --bind "$1/identities" /etc/subgid || exit 99
        cd /; exec setpriv --reuid 65534 --regid 65534 --clear-groups env -i HOME="$1/home" XDG_RUNTIME_DIR="$1/xdg" \
            USER=nobody PATH="$PATH" timeout 60 podman --storage-driver=vfs --cgroup-manager=cgroupfs \
            --events-backend=file --runtime "$1/isolab-runtime" "${@:2}""#;
    let folder = place.path("").trim_end_matches('/').to_owned();
    let podman = |words: &[&str]| {
        let mut command = Command::new("unshare");
        command.args(["--mount", "bash", "-c", script, "bash", &folder]).args(words).output().unwrap()
    };
    let output = podman(&["unshare", "cat", "/proc/self/uid_map"]);
    if !output.status.success() {
        return skipped(test, &format!("podman cannot map identities here: {}", errors(&output)));
    }
    let limits = ["--ulimit", "nofile=1024:1024", "--ulimit", "nproc=1024:1024", "--network=none"];
    let root = place.path("root");
    let run = |options: &[&str], script: &str| {
        let words =
            [&["run", "--rm"], &limits[..], options, &["--rootfs", &root, "sh", "-c", script]].concat();
        podman(&words)
    };
    let output = run(&[], "id -u; head -n 1 /proc/self/uid_map | tr -s ' '; echo x > /tmp/file; exit 3");
    assert_eq!(output.status.code(), Some(3), "{}", errors(&output));
    assert_eq!(text(&output), "0\n 0 65534 1\n");
    let owner = std::os::unix::fs::MetadataExt::uid(&fs::metadata(place.rootfs().join("tmp/file")).unwrap());
    assert_eq!(owner, USER);
    let output = run(&["-u", "5"], "id -u; touch /etc/file");
    assert_eq!((output.status.code(), &*text(&output)), (Some(1), "5\n"), "{}", errors(&output));
    assert!(!fs::read_dir(place.file("xdg/isolab")).is_ok_and(|mut entries| entries.next().is_some()));
}
