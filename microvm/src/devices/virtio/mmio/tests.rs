use super::super::driver::{BUFFERS, Driver};
use super::super::rng::Rng;
use super::*;
use virtio_bindings::virtio_mmio::{
    VIRTIO_MMIO_INTERRUPT_ACK, VIRTIO_MMIO_INTERRUPT_STATUS, VIRTIO_MMIO_QUEUE_NOTIFY,
};
use vm_memory::Bytes;

/// What a bad driver does.
type Act = fn(&mut Driver);

fn driver() -> Driver {
    Driver::new(Box::new(Rng))
}

fn status(driver: &Driver) -> u32 {
    driver.read(VIRTIO_MMIO_STATUS)
}

#[test]
fn a_driver_recognizes_the_device() {
    let driver = driver();
    assert_eq!([0, 4, 8].map(|register| driver.read(register)), [0x7472_6976, 2, 4]);
    assert_eq!(driver.offers() >> 32, 1, "the modern interface, and nothing else above 31");
    assert_eq!(
        [0, 1].map(|queue| {
            driver.write(VIRTIO_MMIO_QUEUE_SEL, queue);
            driver.read(VIRTIO_MMIO_QUEUE_NUM_MAX)
        }),
        [256, 0]
    );
    assert_eq!([0xb0, 0xbc, 0xfc].map(|register| driver.read(register)), [u32::MAX, u32::MAX, 0]);
}

#[test]
fn features_are_agreed_on_or_not_at_all() {
    let mut driver = driver();
    let modern = 1 << VIRTIO_F_VERSION_1;
    assert_eq!(driver.negotiate(modern), 0xb);
    assert_eq!(driver.negotiate(0), 3, "a legacy driver");
    assert_eq!(driver.negotiate(modern | 1 << 5), 3, "a feature that was not offered");
    assert_eq!(driver.negotiate(modern | 1 << 34), 3);
}

#[test]
fn steps_are_taken_in_order_and_not_back() {
    let driver = driver();
    for (write, read) in
        [(4, 0), (8, 0), (2, 0), (1, 1), (8, 1), (4, 1), (2, 3), (1, 3), (0x40, 3), (0x83, 0x83)]
    {
        driver.write(VIRTIO_MMIO_STATUS, write);
        assert_eq!(status(&driver), read, "{write:#x}");
    }
    driver.write(VIRTIO_MMIO_STATUS, 0);
    assert_eq!(status(&driver), 0);
}

#[test]
fn an_answer_interrupts_until_it_is_acknowledged() {
    let mut driver = driver();
    assert_eq!(driver.start(), 15);
    driver.request(0, &[(BUFFERS, 8, true)]);
    assert_eq!(driver.read(VIRTIO_MMIO_INTERRUPT_STATUS), 1);
    driver.write(VIRTIO_MMIO_INTERRUPT_ACK, 1);
    assert_eq!(driver.read(VIRTIO_MMIO_INTERRUPT_STATUS), 0);
}

#[test]
fn a_reset_forgets_everything() {
    let mut driver = driver();
    driver.start();
    driver.request(0, &[(BUFFERS, 8, true)]);
    driver.write(VIRTIO_MMIO_STATUS, 0);
    let registers = [VIRTIO_MMIO_STATUS, VIRTIO_MMIO_QUEUE_READY, VIRTIO_MMIO_INTERRUPT_STATUS];
    assert_eq!(registers.map(|register| driver.read(register)), [0; 3]);
    assert_eq!(driver.start(), 15);
    driver.request(0, &[(BUFFERS, 8, true)]);
    assert_eq!(driver.answer(0), Some((0, 8)));
}

#[test]
fn a_queue_that_cannot_be_fails_the_device() {
    let modern = 1 << VIRTIO_F_VERSION_1;
    let far = (0xffff_fff0, VIRTIO_MMIO_QUEUE_USED_HIGH);
    let odd = (0x1001, VIRTIO_MMIO_QUEUE_AVAIL_LOW);
    let none = (0, VIRTIO_MMIO_QUEUE_NUM);
    for (value, register) in [far, odd, none, (257, VIRTIO_MMIO_QUEUE_NUM), (3, VIRTIO_MMIO_QUEUE_NUM)] {
        let mut driver = driver();
        assert_eq!(driver.negotiate(modern), 0xb);
        driver.write(register, value);
        driver.write(VIRTIO_MMIO_QUEUE_READY, 1);
        assert_eq!(driver.read(VIRTIO_MMIO_QUEUE_READY), 0);
        assert_eq!(status(&driver), 0xb | NEEDS_RESET, "{register:#x} {value:#x}");
        driver.write(VIRTIO_MMIO_STATUS, 0xf);
        driver.device.serve(0);
        assert_eq!(driver.start(), 15);
    }
}

#[test]
fn a_broken_queue_stops_the_device_until_a_reset() {
    const LOOP: u16 = 1;
    const WRITE: u16 = 2;
    let cases: [(&str, Act); 7] = [
        ("a loop", |driver| {
            driver.describe(0, 0, (BUFFERS, 8), LOOP | WRITE, 0);
            driver.offer(0, 0);
        }),
        ("a head outside the table", |driver| driver.offer(0, 256)),
        ("a next outside the table", |driver| {
            driver.describe(0, 0, (BUFFERS, 8), LOOP | WRITE, 999);
            driver.offer(0, 0);
        }),
        ("a buffer outside memory", |driver| {
            driver.describe(0, 0, (u64::MAX - 4, 8), WRITE, 0);
            driver.offer(0, 0);
        }),
        ("a buffer to read behind one to write", |driver| {
            driver.describe(0, 0, (BUFFERS, 8), LOOP | WRITE, 1);
            driver.describe(0, 1, (BUFFERS, 8), 0, 0);
            driver.offer(0, 0);
        }),
        ("an index that runs backwards", |driver| driver.claim(0, u16::MAX)),
        ("an indirect table in itself", |driver| {
            driver.describe(0, 0, (BUFFERS, 16), 4, 0);
            driver.memory.write_obj([BUFFERS, 16 | 4 << 32], GuestAddress(BUFFERS)).unwrap();
            driver.offer(0, 0);
        }),
    ];
    for (case, break_it) in cases {
        let mut driver = driver();
        driver.start();
        break_it(&mut driver);
        driver.device.serve(0);
        assert_eq!(status(&driver), 15 | NEEDS_RESET, "{case}");
        assert_eq!(driver.read(VIRTIO_MMIO_INTERRUPT_STATUS), 2, "{case}: the guest is told");
        driver.request(0, &[(BUFFERS, 8, true)]);
        assert_eq!(driver.answer(0), None, "{case}: nothing more is answered");
        assert_eq!(driver.start(), 15);
        driver.request(0, &[(BUFFERS, 8, true)]);
        assert_eq!(driver.answer(0), Some((0, 8)), "{case}");
    }
}

#[test]
fn only_whole_words_reach_registers() {
    let mut driver = driver();
    driver.start();
    for width in [1, 2, 8] {
        let mut data = vec![0xff; width];
        driver.device.read(0, &mut data);
        assert_eq!(data, vec![0; width]);
        driver.device.write(VIRTIO_MMIO_STATUS.into(), &data);
    }
    assert_eq!(status(&driver), 15);
    // A notice for a queue that there is none of.
    driver.write(VIRTIO_MMIO_QUEUE_NOTIFY, 7);
}
