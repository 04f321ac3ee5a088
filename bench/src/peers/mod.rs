//! Peers: the programs of other makers that put up the same walls, started as their makers would start them.

pub mod record;

use crate::ground::Ground;
use crate::sandbox::{Refusal, Sandbox};
use isolab_timeline::{Peer, Stack, Workload};
pub use record::Record;
use std::process::Command;

/// The sandbox of `peer`.
pub fn of(peer: Peer) -> &'static dyn Sandbox {
    &NONE[peer as usize]
}

static NONE: [Missing; Peer::ALL.len()] = {
    let mut all = [Missing(Peer::Runc); Peer::ALL.len()];
    let mut place = 0;
    while place < all.len() {
        all[place] = Missing(Peer::ALL[place]);
        place += 1;
    }
    all
};

/// A peer that this lab cannot start.
#[derive(Clone, Copy, Debug)]
struct Missing(Peer);

impl Sandbox for Missing {
    fn stack(&self) -> Stack {
        Stack::Peer(self.0)
    }

    fn command(&self, _: &Ground, _: Workload) -> Result<Command, Refusal> {
        Err(Refusal { reason: "this isolab cannot start it".into(), fix: "leave it out".into() })
    }

    fn fix(&self, _: &str) -> String {
        "leave it out".into()
    }
}
