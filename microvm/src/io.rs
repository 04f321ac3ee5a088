//! The I/O thread: all that a Linux guest gets from outside waits here, and in no other thread (`epoll(7)`,
//! crate event-manager).
//!
//! With the interrupt controllers in the kernel, a vCPU's thread stays in `KVM_RUN` even while the guest sleeps,
//! and cannot wait for anything else. One more thread is enough for all devices: what each of them does at an
//! event is short and never waits.

use crate::Error;
use crate::end::End;
use crate::seccomp::Filter;
use event_manager::{EventManager, EventOps, EventSet, Events, MutEventSubscriber, SubscriberOps};
use std::io;

/// One that waits for events. At an event that it cannot handle it ends the VM.
pub type Subscriber<'a> = Box<dyn MutEventSubscriber + Send + 'a>;

/// Waits for the events of `subscribers` until the end comes, and for the last vCPU to go.
pub fn run(subscribers: Vec<Subscriber<'_>>, filter: &Filter, end: &End) {
    or_end(wait(subscribers, filter, end), end);
    end.see_off();
}

fn wait(subscribers: Vec<Subscriber<'_>>, filter: &Filter, end: &End) -> Result<(), Error> {
    let capacity = subscribers.len() + 1;
    let mut manager = EventManager::<Subscriber<'_>>::new_with_capacity(capacity).map_err(Error::Events)?;
    // Nothing of the guest's has been looked at yet, and nothing has to be opened any more.
    filter.confine()?;
    manager.add_subscriber(Box::new(Watch(end)));
    for subscriber in subscribers {
        manager.add_subscriber(subscriber);
    }
    while !end.has_come() {
        manager.run().map_err(Error::Events)?;
    }
    Ok(())
}

/// Wakes the thread at the end.
struct Watch<'a>(&'a End);

impl MutEventSubscriber for Watch<'_> {
    fn process(&mut self, _: Events, _: &mut EventOps<'_>) {}

    fn init(&mut self, operations: &mut EventOps<'_>) {
        listen(operations, Events::new(self.0.event(), EventSet::IN), self.0);
    }
}

/// Waits for `events` from now on; ends the VM if that cannot be.
pub fn listen(operations: &mut EventOps<'_>, events: Events, end: &End) {
    if let Err(error) = operations.add(events) {
        end.come(Err(Error::Events(error)));
    }
}

/// Ends the VM if `result` is an error.
pub fn or_end(result: Result<(), Error>, end: &End) {
    if let Err(error) = result {
        end.come(Err(error));
    }
}

/// Whether `error` says that a file cannot be waited for, as it is always ready (`epoll_ctl(2)`, `EPERM`).
pub fn is_always_ready(error: &event_manager::Error) -> bool {
    matches!(error, event_manager::Error::Epoll(errno)
        if io::Error::from(*errno).kind() == io::ErrorKind::PermissionDenied)
}
