//! A queue's two rings (VIRTIO 1.2, 2.7; the rings themselves are virtio-queue's): takes requests until none waits.
//!
//! The order matters where two sides race. The guest sends no notices while the device is at work; only when the
//! ring looks empty are they asked for again, and then the ring is looked at once more: a request that came
//! in between would otherwise wait for ever.

use super::GuestMemory;
use super::request::{Broken, Request};
use virtio_queue::{Queue, QueueOwnedT, QueueT};

/// How many requests are answered before the other devices get their turn.
pub const BUDGET: usize = 64;

/// How a device left its queue.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Served {
    /// The guest wants to hear of the answers.
    pub interrupt: bool,
    /// Requests may be waiting still.
    pub more: bool,
}

/// What became of a request.
#[derive(Clone, Copy, Debug)]
pub enum Answer {
    /// It is answered; so many bytes of its buffers were written.
    Done(u32),
    /// It stays in the queue, and the device comes back to it by itself.
    Later,
}

/// Hands the requests that wait in `queue` to `answer`, at most [`BUDGET`] of them.
pub fn serve<'a>(
    queue: &mut Queue,
    memory: &'a GuestMemory,
    mut answer: impl FnMut(&mut Request<'a>) -> Result<Answer, Broken>,
) -> Result<Served, Broken> {
    let (mut answered, mut more) = (0, false);
    'notices: loop {
        queue.disable_notification(memory)?;
        while let Some(chain) = queue.iter(memory)?.next() {
            if answered == BUDGET {
                queue.go_to_previous_position();
                more = true;
                break 'notices;
            }
            let head = chain.head_index();
            match answer(&mut Request::parse(chain, memory, queue.size())?)? {
                Answer::Done(length) => queue.add_used(memory, head, length)?,
                Answer::Later => {
                    queue.go_to_previous_position();
                    break 'notices;
                }
            }
            answered += 1;
        }
        if !queue.enable_notification(memory)? {
            break;
        }
        if answered == BUDGET {
            more = true;
            break;
        }
    }
    let interrupt = answered > 0 && queue.needs_notification(memory)?;
    Ok(Served { interrupt, more })
}
