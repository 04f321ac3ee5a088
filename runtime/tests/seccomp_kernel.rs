//! Filters in the kernel: what is allowed works, what is refused is refused, and an agent answers for a container.
//!
//! A filter is for one thread. So most tests confine a thread of their own; what ends a process is tried in a child.

mod common;

use common::skipped;
use isolab_runtime::clone::fork;
use isolab_runtime::seccomp::{Program, default_profile, features, notify};
use oci_spec::runtime::{ContainerProcessState, LinuxSeccomp, State};
use rustix::io::Errno;
use rustix::process::{WaitOptions, WaitStatus, waitpid};
use rustix::thread::set_no_new_privs;
use serde_json::{Value, json};
use std::arch::asm;
use std::io::Read as _;
use std::os::fd::{AsFd as _, AsRawFd as _, OwnedFd};
use std::os::unix::net::UnixListener;
use std::thread::{scope, spawn};

fn program(json: Value) -> Program {
    let profile: LinuxSeccomp = serde_json::from_value(json).unwrap();
    Program::compile(&profile).unwrap()
}

/// The result of a call that needs no memory, as the kernel gives it.
fn call(number: i64, first: u64, second: u64) -> i64 {
    let result;
    // SAFETY: the tests' calls touch no memory of this process; the kernel overwrites rax, rcx and r11.
    unsafe {
        asm!("syscall", inlateout("rax") number => result, in("rdi") first, in("rsi") second, in("rdx") 0, in("r10") 0,
            lateout("rcx") _, lateout("r11") _);
    }
    result
}

/// `act` in a thread with this filter.
fn confined<T: Send>(program: &Program, act: impl FnOnce() -> T + Send) -> T {
    scope(|scope| {
        let thread = scope.spawn(|| {
            set_no_new_privs(true).unwrap();
            program.install().unwrap();
            act()
        });
        thread.join().unwrap()
    })
}

/// How a child with this filter ends that makes a call and then ends with status 7.
fn end(program: Option<&Program>, act: impl FnOnce()) -> WaitStatus {
    let child = fork(|| {
        let installed =
            set_no_new_privs(true).is_ok() && program.is_none_or(|program| program.install().is_ok());
        act();
        if installed { 7 } else { 1 }
    });
    waitpid(Some(child.unwrap()), WaitOptions::empty()).unwrap().unwrap().1
}

fn refused(errno: Errno) -> i64 {
    -i64::from(errno.raw_os_error())
}

#[test]
fn the_default_profile_lets_programs_work_and_keeps_the_walls_shut() {
    let program = Program::compile(&default_profile()).unwrap();
    let permission = refused(Errno::PERM);
    confined(&program, || {
        // Files, threads, sockets and clocks.
        assert!(std::fs::read_dir("/proc/self").unwrap().count() > 10);
        assert_eq!(spawn(|| 1).join().unwrap(), 1);
        drop(std::net::TcpListener::bind("127.0.0.1:0").unwrap());
        assert!(std::process::Command::new("/bin/true").status().unwrap().success());
        // What would be refused for its arguments anyway tells by its error who refused it.
        let none = u64::MAX;
        assert_eq!(call(libc::SYS_unshare, libc::CLONE_NEWUSER as u64, 0), permission);
        assert_eq!(call(libc::SYS_clone, (libc::CLONE_NEWUSER | libc::SIGCHLD) as u64, 0), permission);
        assert_eq!(call(libc::SYS_clone3, none, 0), refused(Errno::NOSYS));
        assert_eq!(call(libc::SYS_socket, libc::AF_VSOCK as u64, 1), permission);
        assert_eq!(call(libc::SYS_socket, libc::AF_ALG as u64, 5), permission);
        // The kernel looks at the lower half only.
        assert_eq!(call(libc::SYS_socket, 1 << 32 | libc::AF_VSOCK as u64, 1), permission);
        assert_eq!(call(libc::SYS_socket, 1 << 32 | libc::AF_ALG as u64, 5), permission);
        // Of a future kernel; and one (KCM) that is let through to a kernel that may not have it.
        assert_eq!(call(libc::SYS_socket, 1000, 1), permission);
        assert_ne!(call(libc::SYS_socket, 41, 5), permission);
        assert_eq!(call(libc::SYS_personality, 0x0040_0000, 0), permission);
        assert!(call(libc::SYS_personality, 0xffff_ffff, 0) >= 0);
        for number in [
            libc::SYS_mount,
            libc::SYS_move_mount,
            libc::SYS_setns,
            libc::SYS_open_by_handle_at,
            libc::SYS_keyctl,
            libc::SYS_bpf,
            libc::SYS_io_uring_setup,
            libc::SYS_userfaultfd,
            libc::SYS_perf_event_open,
            libc::SYS_reboot,
            libc::SYS_init_module,
            libc::SYS_pidfd_getfd,
            // A call of a future kernel.
            600,
        ] {
            assert_eq!(call(number, none, none), permission, "{number}");
        }
    });
}

#[test]
fn actions_do_what_they_say() {
    let arguments = |value: u64| json!([{"index": 0, "value": value, "op": "SCMP_CMP_EQ"}]);
    let program = program(json!({
        "defaultAction": "SCMP_ACT_ALLOW",
        "flags": ["SECCOMP_FILTER_FLAG_TSYNC", "SECCOMP_FILTER_FLAG_SPEC_ALLOW", "SECCOMP_FILTER_FLAG_LOG"],
        "syscalls": [
            {"names": ["getpgid"], "action": "SCMP_ACT_ERRNO", "errnoRet": 99, "args": arguments(1)},
            {"names": ["getpgid"], "action": "SCMP_ACT_TRACE", "args": arguments(2)},
            {"names": ["getpgid"], "action": "SCMP_ACT_LOG", "args": arguments(0)},
            {"names": ["getpgid"], "action": "SCMP_ACT_ERRNO", "args": arguments(1 << 32)},
            {"names": ["getpgrp"], "action": "SCMP_ACT_TRAP"},
            {"names": ["getuid"], "action": "SCMP_ACT_KILL_PROCESS"},
            {"names": ["getgid"], "action": "SCMP_ACT_KILL_THREAD"},
        ],
    }));
    confined(&program, || {
        assert_eq!(call(libc::SYS_getpgid, 1, 0), -99);
        // Nobody traces.
        assert_eq!(call(libc::SYS_getpgid, 2, 0), refused(Errno::NOSYS));
        assert!(call(libc::SYS_getpgid, 0, 0) > 0);
        // The kernel looks at the low half alone; the filter is asked about both.
        assert_eq!(call(libc::SYS_getpgid, 1 << 32, 0), refused(Errno::PERM));
        assert!(call(libc::SYS_getpgid, 2 << 32, 0) > 0);
    });
    let signals = [libc::SYS_getpgrp, libc::SYS_getuid, libc::SYS_getgid].map(|number| {
        let end = end(Some(&program), || {
            call(number, 0, 0);
        });
        end.terminating_signal()
    });
    assert_eq!(signals, [Some(libc::SIGSYS); 3]);
    assert_eq!(end(Some(&program), || ()).exit_status(), Some(7));
}

#[test]
fn other_architectures_are_no_way_round() {
    /// `getpid`, by the number and the instruction of 32-bit x86.
    fn x86() {
        // SAFETY: no memory is touched; the kernel keeps all registers but rax, and of 32-bit calls clears r8 to r11.
        unsafe {
            asm!("int 0x80", inlateout("rax") 20 => _, out("r8") _, out("r9") _, out("r10") _, out("r11") _);
        }
    }
    fn x32() {
        call(0x4000_0000 | libc::SYS_getpid, 0, 0);
    }
    let allow = |architectures: Value| {
        program(json!({"defaultAction": "SCMP_ACT_ALLOW", "architectures": architectures}))
    };
    let native = allow(json!(["SCMP_ARCH_X86_64"]));
    let all = allow(json!(["SCMP_ARCH_X86", "SCMP_ARCH_X32"]));
    assert_eq!(end(Some(&native), x32).terminating_signal(), Some(libc::SIGSYS));
    assert_eq!(end(Some(&all), x32).exit_status(), Some(7));
    if end(None, x86).exit_status() != Some(7) {
        return skipped("other_architectures_are_no_way_round", "this kernel runs no calls of 32-bit x86");
    }
    assert_eq!(end(Some(&native), x86).terminating_signal(), Some(libc::SIGSYS));
    assert_eq!(end(Some(&all), x86).exit_status(), Some(7));
}

#[test]
fn an_agent_answers() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("agent");
    let agent = UnixListener::bind(&path).unwrap();
    let program = program(json!({
        "defaultAction": "SCMP_ACT_ALLOW",
        "listenerPath": path,
        "flags": ["SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV"],
        "syscalls": [{"names": ["getpgid"], "action": "SCMP_ACT_NOTIFY"}],
    }));
    assert!(program.notifies());
    let mut state = State::default();
    state.set_version("1.0.2".into()).set_id("one".into());

    let answer = scope(|scope| {
        let container = scope.spawn(|| {
            set_no_new_privs(true).unwrap();
            let listener = program.install().unwrap().expect("a listener");
            let pid = std::process::id() as i32;
            notify::send(&path, Some("words"), listener.as_fd(), pid, state.clone()).unwrap();
            // The agent alone has it now.
            drop(listener);
            call(libc::SYS_getpgid, 1, 0)
        });
        let (listener, message) = receive(&agent);
        assert_eq!(message.fds(), &["seccompFd"]);
        assert_eq!(message.metadata().as_deref(), Some("words"));
        assert_eq!((message.version().as_str(), message.state().id().as_str()), ("1.0.2", "one"));
        assert_eq!(*message.pid(), std::process::id() as i32);
        respond(&listener, 4321);
        container.join().unwrap()
    });
    assert_eq!(answer, 4321);

    let nobody =
        notify::send(&folder.path().join("nobody"), None, std::io::stdin().as_fd(), 1, State::default())
            .unwrap_err();
    assert!(nobody.line().contains("the seccomp agent"), "{}", nobody.line());
}

/// What the runtime sends to an agent.
fn receive(agent: &UnixListener) -> (OwnedFd, ContainerProcessState) {
    use rustix::net::{RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, recvmsg};
    let (mut stream, _) = agent.accept().unwrap();
    let mut space = [std::mem::MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut control = RecvAncillaryBuffer::new(&mut space);
    let mut bytes = vec![0; 4096];
    let parts = &mut [std::io::IoSliceMut::new(&mut bytes)];
    let length = recvmsg(&stream, parts, &mut control, RecvFlags::empty()).unwrap().bytes;
    bytes.truncate(length);
    stream.read_to_end(&mut bytes).unwrap();
    let listener = control.drain().find_map(|message| match message {
        RecvAncillaryMessage::ScmRights(mut descriptors) => descriptors.next(),
        _ => None,
    });
    (listener.expect("a descriptor"), serde_json::from_slice(&bytes).unwrap())
}

/// Answers the next call with a value.
fn respond(listener: &OwnedFd, value: i64) {
    const RECEIVE: u64 = 0xc050_2100;
    const SEND: u64 = 0xc018_2101;
    // SAFETY: numbers only, for which zero is fine.
    let mut asked: libc::seccomp_notif = unsafe { std::mem::zeroed() };
    // SAFETY: the kernel fills in a structure of this type.
    assert_eq!(unsafe { libc::ioctl(listener.as_raw_fd(), RECEIVE, &raw mut asked) }, 0);
    assert_eq!((i64::from(asked.data.nr), asked.data.args[0]), (libc::SYS_getpgid, 1));
    let mut answer = libc::seccomp_notif_resp { id: asked.id, val: value, error: 0, flags: 0 };
    // SAFETY: the kernel reads a structure of this type.
    assert_eq!(unsafe { libc::ioctl(listener.as_raw_fd(), SEND, &raw mut answer) }, 0);
}

#[test]
fn features_are_what_profiles_may_use() {
    let features = features();
    assert_eq!(features.enabled(), &Some(true));
    for flag in features.supported_flags().as_ref().unwrap() {
        let program = program(json!({"defaultAction": "SCMP_ACT_ALLOW", "flags": [flag]}));
        confined(&program, || ());
    }
    for action in features.actions().as_ref().unwrap() {
        program(json!({
            "defaultAction": "SCMP_ACT_ALLOW",
            "listenerPath": "/agent",
            "architectures": features.archs(),
            "syscalls": [{"names": ["read"], "action": action}],
        }));
    }
}
