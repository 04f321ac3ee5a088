//! Stacks: what stands between the workload and the machine.

use crate::Peer;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// One way to isolate the workload, the floor of one, or a peer's. In files it is its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(into = "&'static str", try_from = "String")]
pub enum Stack {
    /// Nothing: the control.
    Process,
    /// Namespaces, a cgroup and an overlay root on the shared kernel, by `isolab-runtime`.
    Container,
    /// A KVM VM whose guest *is* the workload, by `isolab-microvm`.
    Unikernel,
    /// A KVM VM that boots its own Linux kernel, then the workload, by `isolab-microvm`.
    Microvm,
    /// The container inside of that VM.
    Nested,
    /// The barest program that makes the same container: what the kernel itself costs.
    ContainerFloor,
    /// The barest program that runs a guest: what KVM itself costs.
    KvmFloor,
    /// The wall of one of ours, put up by another maker's program.
    Peer(Peer),
}

impl Stack {
    /// All stacks of ours, in the order in which tables and charts list them; peers come after them.
    pub const ALL: [Stack; 7] = [
        Stack::Process,
        Stack::Container,
        Stack::Unikernel,
        Stack::Microvm,
        Stack::Nested,
        Stack::ContainerFloor,
        Stack::KvmFloor,
    ];

    /// All stacks of ours and then all peers: every value that there is, in order.
    pub fn every() -> impl Iterator<Item = Stack> {
        Stack::ALL.into_iter().chain(Peer::ALL.map(Stack::Peer))
    }

    /// The stack's name, as on command lines and in files.
    pub const fn name(self) -> &'static str {
        match self {
            Stack::Process => "process",
            Stack::Container => "container",
            Stack::Unikernel => "unikernel",
            Stack::Microvm => "microvm",
            Stack::Nested => "nested",
            Stack::ContainerFloor => "container-floor",
            Stack::KvmFloor => "kvm-floor",
            Stack::Peer(peer) => peer.name(),
        }
    }

    /// The floor that this stack is held against, where it has one.
    pub const fn floor(self) -> Option<Stack> {
        match self {
            Stack::Container => Some(Stack::ContainerFloor),
            Stack::Unikernel => Some(Stack::KvmFloor),
            Stack::Process
            | Stack::Microvm
            | Stack::Nested
            | Stack::ContainerFloor
            | Stack::KvmFloor
            | Stack::Peer(_) => None,
        }
    }

    /// For a peer, the stack of ours that does the same.
    pub const fn beside(self) -> Option<Stack> {
        match self {
            Stack::Peer(peer) => Some(peer.beside()),
            _ => None,
        }
    }

    /// Whether a virtual machine is part of it.
    pub const fn runs_a_guest(self) -> bool {
        match self {
            Stack::Peer(peer) => peer.beside().runs_a_guest(),
            stack => matches!(stack, Stack::Unikernel | Stack::Microvm | Stack::Nested | Stack::KvmFloor),
        }
    }

    /// Whether a Linux kernel of its own is booted in it.
    pub const fn boots_linux(self) -> bool {
        match self {
            Stack::Peer(peer) => peer.beside().boots_linux(),
            stack => matches!(stack, Stack::Microvm | Stack::Nested),
        }
    }

    /// Whether this stack is a floor: a yardstick rather than something to use.
    pub const fn is_floor(self) -> bool {
        matches!(self, Stack::ContainerFloor | Stack::KvmFloor)
    }

    /// Whether it is another maker's.
    pub const fn is_peer(self) -> bool {
        matches!(self, Stack::Peer(_))
    }
}

impl fmt::Display for Stack {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// The word on the command line or in a file names no stack.
#[derive(Debug, thiserror::Error)]
#[error("there is no stack {0:?}; there are: {known}", known = names())]
pub struct UnknownStack(String);

fn names() -> String {
    Stack::every().map(Stack::name).collect::<Vec<_>>().join(", ")
}

impl FromStr for Stack {
    type Err = UnknownStack;

    fn from_str(word: &str) -> Result<Self, Self::Err> {
        Stack::every().find(|stack| stack.name() == word).ok_or_else(|| UnknownStack(word.into()))
    }
}

impl TryFrom<String> for Stack {
    type Error = UnknownStack;

    fn try_from(word: String) -> Result<Self, Self::Error> {
        word.parse()
    }
}

impl From<Stack> for &'static str {
    fn from(stack: Stack) -> Self {
        stack.name()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    #[test]
    fn every_stack_is_read_back_from_its_name() {
        for stack in Stack::every() {
            assert_eq!(stack.name().parse::<Stack>().unwrap(), stack);
            assert_eq!(serde_json::to_value(stack).unwrap(), stack.name());
            let keyed = serde_json::to_string(&BTreeMap::from([(stack, 1)])).unwrap();
            assert_eq!(keyed, format!("{{\"{stack}\":1}}"), "it can be a key");
            assert_eq!(serde_json::from_str::<BTreeMap<Stack, u8>>(&keyed).unwrap()[&stack], 1);
        }
        let refusal = "chroot".parse::<Stack>().unwrap_err().to_string();
        assert!(Stack::every().all(|stack| refusal.contains(stack.name())), "{refusal}");
        assert!(serde_json::from_str::<Stack>("\"chroot\"").is_err());
    }

    #[test]
    fn every_stack_is_listed_once_and_in_order() {
        assert!(Stack::every().collect::<Vec<_>>().is_sorted_by(|a, b| a < b));
    }
}
