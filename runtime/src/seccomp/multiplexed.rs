//! Calls inside calls: on 32-bit x86 `socketcall(2)` and `ipc(2)` take the number of the real call as their first
//! argument, and the real arguments in memory, where a filter cannot look.
//!
//! Newer kernels have most of them as calls of their own too, so a rule for one of these names is a rule for both ways.

/// The call around it, and the number of `name` inside.
pub(super) fn outer(name: &str) -> Option<(&'static str, u64)> {
    let (outer, number) = match name {
        "socket" => ("socketcall", 1),
        "bind" => ("socketcall", 2),
        "connect" => ("socketcall", 3),
        "listen" => ("socketcall", 4),
        "accept" => ("socketcall", 5),
        "getsockname" => ("socketcall", 6),
        "getpeername" => ("socketcall", 7),
        "socketpair" => ("socketcall", 8),
        "send" => ("socketcall", 9),
        "recv" => ("socketcall", 10),
        "sendto" => ("socketcall", 11),
        "recvfrom" => ("socketcall", 12),
        "shutdown" => ("socketcall", 13),
        "setsockopt" => ("socketcall", 14),
        "getsockopt" => ("socketcall", 15),
        "sendmsg" => ("socketcall", 16),
        "recvmsg" => ("socketcall", 17),
        "accept4" => ("socketcall", 18),
        "recvmmsg" => ("socketcall", 19),
        "sendmmsg" => ("socketcall", 20),
        "semop" => ("ipc", 1),
        "semget" => ("ipc", 2),
        "semctl" => ("ipc", 3),
        "semtimedop" => ("ipc", 4),
        "msgsnd" => ("ipc", 11),
        "msgrcv" => ("ipc", 12),
        "msgget" => ("ipc", 13),
        "msgctl" => ("ipc", 14),
        "shmat" => ("ipc", 21),
        "shmdt" => ("ipc", 22),
        "shmget" => ("ipc", 23),
        "shmctl" => ("ipc", 24),
        _ => return None,
    };
    Some((outer, number))
}
