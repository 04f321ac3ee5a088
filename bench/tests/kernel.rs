//! `isolab kernel` end to end, with a cache folder of the test's own.

use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

const LAB: &str = env!("CARGO_BIN_EXE_isolab");

fn command(cache: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(LAB);
    command.arg("kernel").args(arguments).env("XDG_CACHE_HOME", cache).stdin(Stdio::null());
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

fn kernel(cache: &Path, arguments: &[&str]) -> Output {
    command(cache, arguments).output().unwrap()
}

fn out(output: &Output) -> String {
    assert!(output.status.success(), "{}", err(output));
    String::from_utf8(output.stdout.clone()).unwrap().trim_end().to_owned()
}

fn err(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn list(cache: &Path) -> Vec<serde_json::Value> {
    serde_json::from_str(&out(&kernel(cache, &["list", "--json"]))).unwrap()
}

/// A file that is a kernel as far as the cache can tell: an ELF executable with Linux's banner.
fn small_vmlinux(folder: &Path, release: &str) -> PathBuf {
    let mut image = vec![0; 120];
    image[..7].copy_from_slice(&[0x7f, b'E', b'L', b'F', 2, 1, 1]);
    image[16..20].copy_from_slice(&[2, 0, 62, 0]);
    image[32] = 64;
    image[54..58].copy_from_slice(&[56, 0, 1, 0]);
    image.extend(format!("Linux version {release} (a@b) #1\n").bytes());
    let path = folder.join(format!("vmlinux-{release}"));
    fs::write(&path, image).unwrap();
    path
}

/// What the staging folder holds: nothing, whenever no isolab runs.
fn unfinished(cache: &Path) -> usize {
    fs::read_dir(cache.join("isolab/kernels/.staging")).map_or(0, Iterator::count)
}

#[test]
fn a_file_enters_the_cache_once_and_is_found_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let cache = folder.path().join("cache");
    assert_eq!(list(&cache).len(), 0);
    let image = small_vmlinux(folder.path(), "6.1.2-test");
    let path = out(&kernel(&cache, &["get", "--from", image.to_str().unwrap()]));
    assert_eq!(fs::read(&path).unwrap(), fs::read(&image).unwrap());
    assert_eq!(out(&kernel(&cache, &["get", "--from", image.to_str().unwrap()])), path, "the same entry");
    let entries = list(&cache);
    assert_eq!(entries.len(), 1);
    assert_eq!((&entries[0]["name"], &entries[0]["release"]), (&"file".into(), &"6.1.2-test".into()));

    let full = Path::new(&path).parent().unwrap().file_name().unwrap().to_str().unwrap();
    let digest = full.strip_prefix("file-").unwrap();
    assert!(digest.len() == 16 && digest.bytes().all(|byte| byte.is_ascii_hexdigit()), "{full}");
    for name in ["file", full] {
        assert_eq!(out(&kernel(&cache, &["path", name])), path);
    }
    let other = small_vmlinux(folder.path(), "6.1.3-test");
    let newer = out(&kernel(&cache, &["get", "--from", other.to_str().unwrap()]));
    assert_ne!(newer, path);
    assert_eq!(out(&kernel(&cache, &["path", full])), path, "the full name tells them apart");
    assert!(out(&kernel(&cache, &["list"])).contains("6.1.3-test"));
    assert_eq!(unfinished(&cache), 0);
}

#[test]
fn a_damaged_entry_is_one_clear_error_and_getting_it_again_mends_it() {
    let folder = tempfile::tempdir().unwrap();
    let cache = folder.path().join("cache");
    let image = small_vmlinux(folder.path(), "6.1.2");
    let get = ["get", "--from", image.to_str().unwrap()];
    let path = out(&kernel(&cache, &get));
    let manifest = Path::new(&path).with_file_name("manifest.json");
    let damages: [(&Path, &[u8]); 2] = [(Path::new(&path), b"\x7fELF but not the one"), (&manifest, b"{")];
    for (file, content) in damages {
        fs::write(file, content).unwrap();
        let output = kernel(&cache, &["path", "file"]);
        assert_eq!(output.status.code(), Some(125));
        let said = err(&output);
        assert_eq!(said.lines().count(), 1, "{said}");
        assert!(said.contains(file.to_str().unwrap()) && said.contains("fix: rm -r"), "{said}");
        assert_eq!(out(&kernel(&cache, &get)), path);
        assert_eq!(out(&kernel(&cache, &["path", "file"])), path);
    }
    fs::write(&manifest, b"{").unwrap();
    let output = kernel(&cache, &["list"]);
    assert!(output.status.code() == Some(125) && err(&output).contains("manifest.json"), "{}", err(&output));
    fs::remove_file(&path).unwrap();
}

#[test]
fn what_is_no_kernel_is_refused_and_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let cache = folder.path().join("cache");
    let text = folder.path().join("text");
    fs::write(&text, "hello").unwrap();
    for (from, why) in [
        (text.to_str().unwrap(), "neither a vmlinux (ELF) nor a bzImage"),
        ("/dev/zero", "no regular file"),
        ("/no/such/file", "No such file"),
        (env!("CARGO_BIN_EXE_isolab"), "no x86-64 ELF executable"),
    ] {
        let output = kernel(&cache, &["get", "--from", from]);
        assert_eq!(output.status.code(), Some(125), "{from}");
        assert!(err(&output).contains(why) && err(&output).contains(from), "{}", err(&output));
    }
    assert_eq!((list(&cache).len(), unfinished(&cache)), (0, 0));
    let output = kernel(&cache, &["path", "small"]);
    assert_eq!(output.status.code(), Some(125));
    assert!(err(&output).contains("isolab kernel build"), "{}", err(&output));
    let mut homeless = command(&cache, &["list"]);
    let output = homeless.env_remove("XDG_CACHE_HOME").env_remove("HOME").output().unwrap();
    assert!(!output.status.success() && err(&output).contains("XDG_CACHE_HOME"), "{}", err(&output));
}

#[test]
fn the_distributions_kernel_comes_with_its_modules_and_is_fetched_once() {
    const TEST: &str = "the_distributions_kernel_comes_with_its_modules_and_is_fetched_once";
    let folder = tempfile::tempdir().unwrap();
    let output = kernel(folder.path(), &["get", "--from", "apt"]);
    if output.status.code() == Some(126) {
        assert!(err(&output).contains("fix: "), "{}", err(&output));
        eprintln!("skipped: {TEST}: {}", err(&output).trim());
        return;
    }
    let vmlinux = PathBuf::from(out(&output));
    let entry = &list(folder.path())[0];
    let files = entry["files"].as_object().unwrap();
    let config = fs::read_to_string(vmlinux.with_file_name("config")).unwrap();
    assert!(config.contains("CONFIG_64BIT=y"));
    assert!(files.keys().any(|name| name.starts_with("modules/") && name.contains("virtio_mmio.ko")));
    assert!(files.contains_key("vmlinux") && files.contains_key("modules/modules.builtin"));
    let release = entry["release"].as_str().unwrap();
    assert!(entry["source"].as_str().unwrap().contains(release), "{entry}");
    assert!(fs::read(&vmlinux).unwrap().starts_with(b"\x7fELF"));
    assert_eq!(unfinished(folder.path()), 0);

    // The same version again is found in the cache.
    let again = out(&kernel(folder.path(), &["get", "--from", "apt"]));
    assert_eq!(Path::new(&again), vmlinux);
    assert_eq!(list(folder.path()).len(), 1);
}

#[test]
fn the_hosts_kernel_is_taken_or_the_reason_given() {
    let folder = tempfile::tempdir().unwrap();
    let release = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap();
    let image = PathBuf::from(format!("/boot/vmlinuz-{}", release.trim()));
    let output = kernel(folder.path(), &["get", "--from", "host"]);
    if fs::File::open(&image).is_ok() {
        assert!(fs::read(out(&output)).unwrap().starts_with(b"\x7fELF"));
        assert_eq!(list(folder.path())[0]["release"], release.trim());
    } else {
        assert_eq!(output.status.code(), Some(126));
        let said = err(&output);
        assert!(said.contains(image.to_str().unwrap()) && said.contains("--from PATH"), "{said}");
    }
    assert_eq!(unfinished(folder.path()), 0);
}

#[test]
fn a_build_without_its_tools_says_what_to_install() {
    const TEST: &str = "a_build_without_its_tools_says_what_to_install";
    let folder = tempfile::tempdir().unwrap();
    // A search path with apt-get and nothing that compiles.
    let bin = folder.path().join("bin");
    fs::create_dir(&bin).unwrap();
    let has_apt = Path::new("/usr/bin/apt-get").exists();
    if has_apt {
        std::os::unix::fs::symlink("/usr/bin/apt-get", bin.join("apt-get")).unwrap();
    } else {
        eprintln!("skipped: {TEST}: the list of packages: no apt-get");
    }
    let output = command(folder.path(), &["build"]).env("PATH", &bin).output().unwrap();
    assert_eq!(output.status.code(), Some(126));
    let said = err(&output);
    assert!(said.contains("fix: "), "{said}");
    if has_apt {
        assert!(said.contains("apt-get install") && said.contains(" gcc make flex bison bc "), "{said}");
    }
    assert_eq!(unfinished(folder.path()), 0);
}

#[test]
fn a_signal_ends_a_build_and_leaves_nothing() {
    const TEST: &str = "a_signal_ends_a_build_and_leaves_nothing";
    let folder = tempfile::tempdir().unwrap();
    let mut child = command(folder.path(), &["build"]).spawn().unwrap();
    let start = Instant::now();
    while unfinished(folder.path()) == 0 && child.try_wait().unwrap().is_none() {
        assert!(start.elapsed() < Duration::from_secs(30), "the build never began");
        std::thread::sleep(Duration::from_millis(5));
    }
    // Into the download or the unpacking.
    std::thread::sleep(Duration::from_secs(2));
    let running = child.try_wait().unwrap().is_none();
    if running {
        nix::sys::signal::kill(
            nix::unistd::Pid::from_raw(child.id() as i32),
            nix::sys::signal::Signal::SIGTERM,
        )
        .unwrap();
    }
    let output = child.wait_with_output().unwrap();
    assert_eq!((unfinished(folder.path()), output.status.signal()), (0, None));
    if running {
        assert_eq!(output.status.code(), Some(130), "{}", err(&output));
        assert!(err(&output).contains("interrupted"), "{}", err(&output));
    } else {
        eprintln!("skipped: {TEST}: it ended before the signal: {}", err(&output).trim());
    }
}

#[test]
fn the_small_kernel_is_built_once_with_all_options() {
    const TEST: &str = "the_small_kernel_is_built_once_with_all_options";
    if std::env::var_os("ISOLAB_TIER").is_none_or(|tier| tier != "full") {
        eprintln!("skipped: {TEST}: minutes of compiling; ISOLAB_TIER=full runs it");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let output = kernel(folder.path(), &["build"]);
    if output.status.code() == Some(126) {
        eprintln!("skipped: {TEST}: {}", err(&output).trim());
        return;
    }
    let vmlinux = PathBuf::from(out(&output));
    let config = fs::read_to_string(vmlinux.with_file_name("config")).unwrap();
    for option in ["CONFIG_PVH=y", "CONFIG_VIRTIO_MMIO_CMDLINE_DEVICES=y", "# CONFIG_MODULES is not set"] {
        assert!(config.lines().any(|line| line == option), "{option}");
    }
    assert!(vmlinux.metadata().unwrap().len() < 32 << 20);
    let start = Instant::now();
    assert_eq!(Path::new(&out(&kernel(folder.path(), &["build"]))), vmlinux);
    assert!(start.elapsed() < Duration::from_secs(20), "it was built again");
    assert_eq!((list(folder.path()).len(), unfinished(folder.path())), (1, 0));
}
