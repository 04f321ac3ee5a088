use super::*;
use nix::unistd::execv;
use rustix::process::{Pid, test_kill_process};
use rustix::stdio::stdin;
use std::fs::File;
use std::net::UdpSocket;
use std::os::unix::process::ExitStatusExt;
use std::process::{Command, Output, exit};

/// Tells a child of this test program what to do.
const CHILD: &str = "ISOLAB_TEST_CONFINED";

/// Something that a confined thread does.
struct Deed {
    name: &'static str,
    /// The system call that is refused to (a vCPU's thread, the I/O thread); `None`: it is allowed.
    refused: [Option<c_long>; 2],
    act: fn(),
}

const fn never(name: &'static str, call: c_long, act: fn()) -> Deed {
    Deed { name, refused: [Some(call); 2], act }
}

const fn always(name: &'static str, act: fn()) -> Deed {
    Deed { name, refused: [None; 2], act }
}

fn deeds() -> [Deed; 15] {
    [
        never("open", libc::SYS_openat, || drop(File::open("/dev/null"))),
        never("connect", libc::SYS_socket, || drop(UdpSocket::bind("127.0.0.1:0"))),
        never("execute", libc::SYS_execve, || hide(&execv(c"/bin/true", &[c"true"]))),
        never("start a thread", libc::SYS_clone3, || drop(std::thread::spawn(|| ()))),
        never("signal another", libc::SYS_kill, || hide(&test_kill_process(Pid::INIT))),
        never("trace", libc::SYS_ptrace, || hide(&nix::sys::ptrace::traceme())),
        never("type into the terminal", libc::SYS_ioctl, || request(libc::TIOCSTI as c_long)),
        never("execute memory", libc::SYS_mmap, || map(libc::PROT_EXEC, libc::MAP_ANONYMOUS)),
        never("map a file", libc::SYS_mmap, || map(libc::PROT_READ, 0)),
        Deed {
            name: "read",
            refused: [Some(libc::SYS_read), None],
            act: || hide(&rustix::io::read(stdin(), &mut [0])),
        },
        Deed { name: "run a guest", refused: [None, Some(libc::SYS_ioctl)], act: || request(KVM_RUN) },
        Deed {
            name: "read statistics",
            refused: [Some(libc::SYS_pread64); 2],
            act: || hide(&rustix::io::pread(stdin(), &mut [0], 0)),
        },
        always("end the terminal's raw mode", || request(libc::TCSETS as c_long)),
        always("allocate", || drop(std::hint::black_box(vec![1_u8; 32 << 20]))),
        always("panic", || drop(std::panic::catch_unwind(|| panic!("said")))),
    ]
}

/// What came of it is not asked.
fn hide<T>(_: &T) {}

fn map(protection: c_int, flags: c_int) {
    // SAFETY: nobody has this memory yet.
    unsafe { libc::mmap(std::ptr::null_mut(), 4096, protection, libc::MAP_PRIVATE | flags, 0, 0) };
}

fn request(number: c_long) {
    // SAFETY: the descriptor is not open, so nothing happens.
    unsafe { libc::ioctl(-1, number as libc::Ioctl, 0) };
}

/// Runs this test program again for `test` alone, which then finds `word` in [`CHILD`].
fn again(test: &str, word: &str) -> Output {
    let mut child = Command::new(std::env::current_exe().unwrap());
    let name = format!("seccomp::tests::{test}");
    child
        .args(["--exact", &name, "--nocapture"])
        .env(CHILD, word)
        .env_remove("RUST_BACKTRACE")
        .output()
        .unwrap()
}

fn filters() -> [Filter; 2] {
    [Filter::vcpu(false).unwrap(), Filter::io().unwrap()]
}

#[test]
fn a_confined_thread_does_what_it_must_and_nothing_else() {
    if let Ok(word) = std::env::var(CHILD) {
        let (thread, number) = word.split_once(' ').unwrap();
        let deed = &deeds()[number.parse::<usize>().unwrap()];
        catch_refusals().unwrap();
        filters()[thread.parse::<usize>().unwrap()].confine().unwrap();
        (deed.act)();
        exit(0);
    }
    for (number, Deed { name, refused, .. }) in deeds().iter().enumerate() {
        for (thread, refused) in refused.iter().enumerate() {
            let output =
                again("a_confined_thread_does_what_it_must_and_nothing_else", &format!("{thread} {number}"));
            let said = String::from_utf8_lossy(&output.stderr);
            // The C library blocks all signals while it starts a thread; the kernel kills who cannot be told.
            if *refused == Some(libc::SYS_clone3) {
                assert_eq!(output.status.signal(), Some(libc::SIGSYS), "{name} {thread}: {output:?}");
                continue;
            }
            let status = refused.map_or(0, |_| FAILED);
            assert_eq!(output.status.code(), Some(status), "{name} {thread}: {output:?}");
            if let Some(call) = refused {
                assert!(said.contains(&format!("refused system call {call}:")), "{name}: {said}");
                assert_eq!(said.lines().count(), 1, "{name}: {said}");
            }
            assert_eq!(said.contains("said"), *name == "panic", "{name}: {said}");
        }
    }
}

#[test]
fn a_confined_thread_can_abort() {
    if let Ok(word) = std::env::var(CHILD) {
        filters()[word.parse::<usize>().unwrap()].confine().unwrap();
        std::process::abort();
    }
    for thread in ["0", "1"] {
        let output = again("a_confined_thread_can_abort", thread);
        assert_eq!(output.status.signal(), Some(libc::SIGABRT), "{output:?}");
    }
}
