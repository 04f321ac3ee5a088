//! The tries that are system calls, as a program for both sides of the wall: this test program itself, which takes its
//! shared libraries along into the root folder.

use crate::common::{Root, copy_program, text};
use rustix::io::Errno;
use std::collections::BTreeMap;
use std::ffi::{CStr, CString};
use std::fs;
use std::path::Path;
use std::process::Command;

/// What the program does when it is called as this test, and not by a name in the environment: nothing.
const ENTRY: [&str; 3] = ["--exact", "tries::inside", "--nocapture"];

#[test]
fn inside() {
    for name in std::env::var("TRIES").unwrap_or_default().split(',').filter(|name| !name.is_empty()) {
        // In a process of one thread, which some calls demand, and from which nothing comes back.
        // SAFETY: the child makes system calls and ends; it takes no lock of another thread's.
        let child = unsafe { libc::fork() };
        if child == 0 {
            let status = attempt(name).map_or_else(Errno::raw_os_error, |()| 0);
            // SAFETY: it ends the process at once.
            unsafe { libc::_exit(status) };
        }
        let mut status = 0;
        // SAFETY: the pointer is to a local.
        unsafe { libc::waitpid(child, &raw mut status, 0) };
        println!("try {name} {}", libc::WEXITSTATUS(status));
    }
}

/// What became of each try: 0, or the error's number.
pub type Outcomes = BTreeMap<String, i32>;

/// Makes the tries on the host, as root, in mount namespaces that go with them.
pub fn on_the_host(tries: &[&str]) -> Outcomes {
    let mut command = Command::new("unshare");
    command.args(["--mount", "--propagation", "private"]).arg(std::env::current_exe().unwrap()).args(ENTRY);
    outcomes(command.env("TRIES", tries.join(",")))
}

/// Puts the program into a root folder, and returns the command line that calls it there.
pub fn install(root: &Path) -> Vec<&'static str> {
    fs::create_dir_all(root.join("tmp")).unwrap();
    copy_program(std::env::current_exe().unwrap(), root.join("try"));
    let maps = fs::read_to_string("/proc/self/maps").unwrap();
    let files =
        maps.lines().filter_map(|line| line.split_whitespace().nth(5)).filter(|file| file.contains(".so"));
    // What the runtime needs beyond that lies beside the C library.
    let files: Vec<&str> = files.collect();
    let beside = files.iter().find_map(|file| Some(file.strip_suffix("libc.so.6")?.to_owned() + "libm.so.6"));
    for file in files.into_iter().chain(beside.as_deref()).chain(["/lib64/ld-linux-x86-64.so.2"]) {
        let copy = root.join(file.trim_start_matches('/'));
        fs::create_dir_all(copy.parent().unwrap()).unwrap();
        if Path::new(file).exists() {
            fs::copy(file, copy).unwrap();
        }
    }
    [&["/try"], &ENTRY[..]].concat()
}

/// Makes the tries in a container with the default profile.
pub fn contained(root: &Root, options: &[&str], tries: &[&str]) -> Outcomes {
    let words = install(&root.path());
    let tries = format!("TRIES={}", tries.join(","));
    outcomes(&mut root.command(&[options, &["--env", &tries]].concat(), &words))
}

pub fn outcomes(command: &mut Command) -> Outcomes {
    let output = command.output().unwrap();
    read(&text(&output))
}

/// The outcomes in what the program has printed.
pub fn read(printed: &str) -> Outcomes {
    let lines = printed.lines().filter_map(|line| line.split_once("try ").map(|(_, outcome)| outcome));
    let pairs = lines.filter_map(|line| line.split_once(' '));
    pairs.filter_map(|(name, status)| Some((name.into(), status.trim().parse().ok()?))).collect()
}

/// One try. It ends with success only if it has got what it should not have.
fn attempt(name: &str) -> Result<(), Errno> {
    let target = c"/tmp";
    match name {
        "open-by-handle" => open_by_handle(),
        "unshare-user" => call(libc::SYS_unshare, &[libc::CLONE_NEWUSER as usize]),
        "unshare-mount" => call(libc::SYS_unshare, &[libc::CLONE_NEWNS as usize]),
        "mount-proc" => mount(c"proc", target),
        "mount-sysfs" => mount(c"sysfs", target),
        "mount-tmpfs" => mount(c"tmpfs", target),
        "mount-devpts" => mount(c"devpts", target),
        "mount-cgroup2" => mount(c"cgroup2", target),
        "fsopen" => call(libc::SYS_fsopen, &[address(c"tmpfs"), 0]),
        "open-tree" => call(libc::SYS_open_tree, &[libc::AT_FDCWD as usize, address(c"/"), 1]),
        "make-writable" => {
            let flags = libc::MS_REMOUNT | libc::MS_BIND;
            call(libc::SYS_mount, &[address(c"none"), address(c"/proc/sys"), 0, flags as usize, 0])
        }
        "uncover" => call(libc::SYS_umount2, &[address(c"/proc/sysrq-trigger"), 2]),
        "bpf" => call(libc::SYS_bpf, &[0, [2_u32, 4, 4, 1, 0, 0, 0, 0].as_ptr() as usize, 32]),
        "perf" => {
            let mut attributes = [0_u32; 32];
            (attributes[0], attributes[1]) = (1, 128);
            call(libc::SYS_perf_event_open, &[attributes.as_ptr() as usize, 0, usize::MAX, usize::MAX, 0])
        }
        "find-key" => {
            let key = address(c"isolab-escape");
            call(libc::SYS_keyctl, &[10, -3_isize as usize, address(c"user"), key, 0])
        }
        "add-key" => {
            let value = c"value";
            let words = [address(c"user"), address(c"isolab-try"), address(value), 5, -3_isize as usize];
            call(libc::SYS_add_key, &words)
        }
        "mknod" => {
            let path = c"/dev/shm/isolab-escape";
            let made = call(libc::SYS_mknod, &[address(path), (libc::S_IFBLK | 0o600) as usize, 0x700]);
            let _ = call(libc::SYS_unlink, &[address(path)]);
            made
        }
        "attach" => call(libc::SYS_ptrace, &[libc::PTRACE_SEIZE as usize, victim(), 0, 0]),
        "signal" => call(libc::SYS_kill, &[victim(), 0]),
        "read-memory" => {
            let path = CString::new(format!("/proc/{}/mem", victim())).unwrap_or_default();
            call(libc::SYS_open, &[address(&path), libc::O_RDONLY as usize])
        }
        "type-into-terminal" => call(libc::SYS_ioctl, &[0, libc::TIOCSTI as usize, address(c"x")]),
        "chroot" => climb_out_of_a_chroot(),
        "module" => call(libc::SYS_init_module, &[0, 0, address(c"")]),
        _ => Err(Errno::NOSYS),
    }
}

/// The number of a process of the host's.
fn victim() -> usize {
    std::env::var("VICTIM").ok().and_then(|text| text.parse().ok()).unwrap_or_default()
}

fn mount(kind: &CStr, target: &CStr) -> Result<(), Errno> {
    call(libc::SYS_mount, &[address(kind), address(target), address(kind), 0, 0])
}

/// Asks the kernel for a file by its number, past all paths and mounts.
fn open_by_handle() -> Result<(), Errno> {
    let mut handle = [0_u32; 34];
    handle[0] = 128;
    let (mut mount, folder) = (0, c"/dev/shm");
    let about =
        [libc::AT_FDCWD as usize, address(folder), handle.as_mut_ptr() as usize, &raw mut mount as usize, 0];
    call(libc::SYS_name_to_handle_at, &about)?;
    // SAFETY: the path ends with a zero byte.
    let any = unsafe { libc::open(folder.as_ptr(), libc::O_RDONLY) };
    call(libc::SYS_open_by_handle_at, &[any as usize, handle.as_ptr() as usize, libc::O_RDONLY as usize])
}

/// A root folder inside the root, a folder that was open before, and up from there. What `chroot(2)` alone has locked up
/// gets out so; it succeeds if the host's file named by `MARK` is in view then.
fn climb_out_of_a_chroot() -> Result<(), Errno> {
    // SAFETY: the path ends with a zero byte.
    let before = unsafe { libc::open(c"/".as_ptr(), libc::O_DIRECTORY) };
    call(libc::SYS_chroot, &[address(c"/tmp")])?;
    call(libc::SYS_fchdir, &[before as usize])?;
    for _ in 0..30 {
        call(libc::SYS_chdir, &[address(c"..")])?;
    }
    call(libc::SYS_chroot, &[address(c".")])?;
    let mark = CString::new(std::env::var("MARK").unwrap_or_default()).unwrap_or_default();
    call(libc::SYS_access, &[address(&mark), 0])
}

/// A word of a call.
pub fn address(text: &CStr) -> usize {
    text.as_ptr() as usize
}

/// A system call.
pub fn call(number: i64, words: &[usize]) -> Result<(), Errno> {
    let word = |index: usize| words.get(index).copied().unwrap_or_default();
    // SAFETY: every address in the words is that of a live object of the size that the call demands.
    let result = unsafe { libc::syscall(number, word(0), word(1), word(2), word(3), word(4), word(5)) };
    if result >= 0 {
        Ok(())
    } else {
        Err(Errno::from_io_error(&std::io::Error::last_os_error()).unwrap_or(Errno::IO))
    }
}
