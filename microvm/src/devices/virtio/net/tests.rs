use super::super::driver::{BUFFERS, Driver};
use super::super::hostile::Packets;
use super::super::ring::BUDGET;
use super::*;
use std::sync::{Arc, Mutex};
use vm_memory::{Bytes, GuestAddress};

const SEND: usize = 1;
const MAC: Mac = Mac([2, 0, 0, 0, 0, 1]);

/// A wire that the test still sees when the card has it.
#[derive(Clone)]
struct Shared(Arc<Mutex<Packets>>, Arc<std::os::fd::OwnedFd>);

impl Shared {
    fn new(lengths: Vec<u16>) -> Shared {
        let packets = Packets::new(lengths);
        let event = packets.as_fd().try_clone_to_owned().unwrap();
        Shared(Arc::new(Mutex::new(packets)), Arc::new(event))
    }
}

impl AsFd for Shared {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.1.as_fd()
    }
}

impl Wire for Shared {
    fn receive(&mut self, packet: &mut [u8]) -> Option<usize> {
        self.0.lock().unwrap().receive(packet)
    }

    fn send(&mut self, packet: &[u8]) {
        self.0.lock().unwrap().send(packet);
    }

    fn without_checksums(&mut self, _: bool) {}
}

fn card(lengths: Vec<u16>) -> (Driver, Shared) {
    let wire = Shared::new(lengths);
    let mut driver = Driver::new(Box::new(Net::new(wire.clone(), MAC)));
    assert_eq!(driver.start(), 15);
    (driver, wire)
}

#[test]
fn a_packet_of_the_guest_goes_out_whole() {
    let (mut driver, wire) = card(Vec::new());
    let packet: Vec<u8> = (0..100).collect();
    driver.memory.write_slice(&packet, GuestAddress(BUFFERS)).unwrap();
    driver.request(SEND, &[(BUFFERS, 12, false), (BUFFERS + 12, 88, false)]);
    assert_eq!(driver.answer(SEND), Some((0, 0)));
    assert_eq!(wire.0.lock().unwrap().sent, [packet]);
}

#[test]
fn what_is_no_packet_is_dropped() {
    let (mut driver, wire) = card(Vec::new());
    let long = |count: u32| vec![(BUFFERS, 16 << 10, false); count as usize];
    for buffers in [vec![(BUFFERS, 25, false)], vec![(BUFFERS, 100, true)], long(5)] {
        let head = driver.request(SEND, &buffers);
        assert_eq!(driver.answer(SEND), Some((head, 0)));
    }
    assert!(wire.0.lock().unwrap().sent.is_empty());
    driver.request(SEND, &long(4)[1..]);
    assert_eq!(wire.0.lock().unwrap().sent[0].len(), 48 << 10);
}

#[test]
fn a_packet_waits_for_room_and_room_waits_for_a_packet() {
    let (mut driver, wire) = card(vec![60]);
    // The wire's own notice: no room yet.
    driver.device.serve(RECEIVE);
    assert_eq!((driver.answer(RECEIVE), wire.0.lock().unwrap().lengths.len()), (None, 1));
    let head = driver.request(RECEIVE, &[(BUFFERS, 2000, true)]);
    assert_eq!(driver.answer(RECEIVE), Some((head, 60)));
    let packet = driver.bytes(BUFFERS, 60);
    assert_eq!((&packet[10..12], packet[59]), (&[1, 0][..], 0xa5));
    let head = driver.request(RECEIVE, &[(BUFFERS, 12, true), (BUFFERS + 12, 1988, true)]);
    assert_eq!(driver.answer(RECEIVE), None);
    wire.0.lock().unwrap().lengths.push(70);
    driver.device.serve(RECEIVE);
    assert_eq!(driver.answer(RECEIVE), Some((head, 70)));
}

#[test]
fn a_packet_that_does_not_fit_is_lost_and_the_next_one_is_not() {
    let (mut driver, _) = card(vec![100, 3000]);
    let short = driver.request(RECEIVE, &[(BUFFERS, 1526, true)]);
    let next = driver.request(RECEIVE, &[(BUFFERS, 1526, true)]);
    assert_eq!([driver.answer(RECEIVE), driver.answer(RECEIVE)], [Some((short, 0)), Some((next, 100))]);
}

#[test]
fn a_flood_is_taken_in_bounded_turns() {
    let (mut driver, wire) = card(Vec::new());
    driver.describe(SEND, 0, (BUFFERS, 100), 0, 0);
    for _ in 0..BUDGET + 10 {
        driver.offer(SEND, 0);
    }
    driver.device.serve(SEND);
    assert_eq!(wire.0.lock().unwrap().sent.len(), BUDGET);
    driver.device.serve(SEND);
    assert_eq!(wire.0.lock().unwrap().sent.len(), BUDGET + 10);
}

#[test]
fn the_card_says_its_address() {
    let (driver, _) = card(Vec::new());
    let mut mac = [0; 8];
    driver.device.read(0x100, &mut mac);
    assert_eq!(mac, [2, 0, 0, 0, 0, 1, 0, 0]);
}
