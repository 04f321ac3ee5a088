//! The entropy device (VIRTIO 1.2, 5.4): its driver offers buffers, and they come back filled with random bytes.
//!
//! The bytes are the host kernel's (`getrandom(2)`), which never runs out.

use super::ring::{Answer, Served, serve};
use super::{Backend, Broken, GuestMemory};
use rustix::rand::{GetRandomFlags, getrandom};
use virtio_bindings::virtio_ids::VIRTIO_ID_RNG;
use virtio_queue::Queue;

/// The most that one request gets: a driver takes what comes, and asks again for more.
const LONGEST: u64 = 256;

/// The entropy device.
#[derive(Clone, Copy, Debug)]
pub struct Rng;

impl Backend for Rng {
    fn id(&self) -> u32 {
        VIRTIO_ID_RNG
    }

    fn features(&self) -> u64 {
        0
    }

    fn queues(&self) -> usize {
        1
    }

    fn config(&self) -> &[u8] {
        &[]
    }

    fn serve(&mut self, _: usize, queue: &mut Queue, memory: &GuestMemory) -> Result<Served, Broken> {
        serve(queue, memory, |request| {
            let mut bytes = [0; LONGEST as usize];
            let wanted = request.writable.length().min(LONGEST) as usize;
            // So few bytes always come whole. What the kernel refuses comes back empty, and the guest asks again.
            let had = getrandom(&mut bytes[..wanted], GetRandomFlags::empty()).unwrap_or(0);
            request.write(&bytes[..had], "random bytes")?;
            Ok(Answer::Done(had as u32))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::driver::{BUFFERS, Driver};
    use super::*;

    #[test]
    fn buffers_come_back_filled_as_far_as_the_bound_goes() {
        let mut driver = Driver::new(Box::new(Rng));
        assert_eq!(driver.start(), 15);
        for (length, filled) in [(64, 64), (4096, 256), (0, 0)] {
            let head = driver.request(0, &[(BUFFERS, length, true)]);
            assert_eq!(driver.answer(0), Some((head, filled)));
        }
        let bytes = driver.bytes(BUFFERS, 4096);
        assert!(bytes[..256].iter().any(|&byte| byte != 0), "as likely as 256 zeros of a fair die");
        assert_eq!(bytes[256..], [0; 4096 - 256]);
    }
}
