//! A tap interface, without a guest: each test's thread has a network namespace to itself, which ends with it.

mod common;

use common::skip;
use isolab_microvm::devices::virtio::tap::{HEADER, Tap, TapError};
use nix::sched::{CloneFlags, unshare};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use std::net::UdpSocket;
use std::process::Command;

/// Runs `body` on a thread in a network namespace of its own, with an interface `tap0`; says so if that cannot be.
fn with_tap(test: &str, body: fn()) {
    let busybox = |words: &[&str]| {
        let output = Command::new("/bin/busybox").args(words).output();
        output.is_ok_and(|output| output.status.success())
    };
    let run = move || {
        if unshare(CloneFlags::CLONE_NEWNET).is_err() {
            return Some("no new network namespace: are you root?");
        }
        if !busybox(&["tunctl", "-t", "tap0"]) {
            return Some("no tap interface can be made (busybox-static, modprobe tun)");
        }
        assert!(busybox(&["ip", "link", "set", "tap0", "up"]));
        assert!(busybox(&["ip", "addr", "add", "10.9.0.1/24", "dev", "tap0"]));
        body();
        None
    };
    if let Some(lacks) = std::thread::spawn(run).join().unwrap() {
        skip(test, lacks);
    }
}

/// The next packet of this type (an Ethernet type), without the header before it.
fn next(tap: &Tap, kind: u16) -> Vec<u8> {
    let mut packet = [0; 2000];
    for _ in 0..100 {
        let second = Timespec { tv_sec: 10, tv_nsec: 0 };
        poll(&mut [PollFd::new(tap, PollFlags::IN)], Some(&second)).unwrap();
        let length = tap.receive(&mut packet).expect("a packet");
        if packet[HEADER + 12..HEADER + 14] == kind.to_be_bytes() {
            return packet[HEADER..length].to_vec();
        }
    }
    panic!("no such packet");
}

#[test]
fn packets_go_both_ways_with_a_header_before_them() {
    with_tap("packets_go_both_ways_with_a_header_before_them", || {
        const ARP: u16 = 0x0806;
        let tap = Tap::open("tap0").unwrap();
        // The host looks for a neighbour to send this to.
        UdpSocket::bind("10.9.0.1:0").unwrap().send_to(b"hello", "10.9.0.2:9").unwrap();
        let question = next(&tap, ARP);
        assert_eq!(question[38..42], [10, 9, 0, 2], "who has 10.9.0.2?");
        // The neighbour answers, and gets what the host had for it.
        let us = [2, 0, 0, 0, 0, 9];
        let mut answer = vec![0; HEADER];
        answer.extend([&question[6..12], &us, &question[12..20], &[0, 2], &us, &question[38..42]].concat());
        answer.extend(&question[22..32]);
        tap.send(&answer);
        let packet = next(&tap, 0x0800);
        assert_eq!((&packet[..6], &packet[packet.len() - 5..]), (&us[..], &b"hello"[..]));
    });
}

#[test]
fn an_interface_is_taken_once_and_only_if_it_is_a_tap() {
    with_tap("an_interface_is_taken_once_and_only_if_it_is_a_tap", || {
        assert!(matches!(Tap::open("tap1"), Err(TapError::Missing(_))), "and is not made");
        assert!(matches!(Tap::open("tap1"), Err(TapError::Missing(_))));
        assert!(matches!(Tap::open(""), Err(TapError::Missing(_))));
        assert!(matches!(Tap::open("lo"), Err(TapError::Kind(_))));
        let tap = Tap::open("tap0").unwrap();
        assert!(matches!(Tap::open("tap0"), Err(TapError::InUse(_))));
        drop(tap);
        Tap::open("tap0").unwrap();
    });
}
