//! Stacks: what stands between the workload and the machine.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// One way to isolate the workload, or the floor of one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
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
}

impl Stack {
    /// All stacks, in the order in which tables and charts list them.
    pub const ALL: [Stack; 7] = [
        Stack::Process,
        Stack::Container,
        Stack::Unikernel,
        Stack::Microvm,
        Stack::Nested,
        Stack::ContainerFloor,
        Stack::KvmFloor,
    ];

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
        }
    }

    /// The floor that this stack is held against, where it has one.
    pub const fn floor(self) -> Option<Stack> {
        match self {
            Stack::Container => Some(Stack::ContainerFloor),
            Stack::Unikernel => Some(Stack::KvmFloor),
            Stack::Process | Stack::Microvm | Stack::Nested | Stack::ContainerFloor | Stack::KvmFloor => None,
        }
    }

    /// Whether a virtual machine is part of it.
    pub const fn runs_a_guest(self) -> bool {
        matches!(self, Stack::Unikernel | Stack::Microvm | Stack::Nested | Stack::KvmFloor)
    }

    /// Whether a Linux kernel of its own is booted in it.
    pub const fn boots_linux(self) -> bool {
        matches!(self, Stack::Microvm | Stack::Nested)
    }

    /// Whether this stack is a floor: a yardstick rather than something to use.
    pub const fn is_floor(self) -> bool {
        matches!(self, Stack::ContainerFloor | Stack::KvmFloor)
    }
}

impl fmt::Display for Stack {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// The word on the command line names no stack.
#[derive(Debug, thiserror::Error)]
#[error(
    "there is no stack {0:?}; there are: process, container, unikernel, microvm, nested, container-floor, kvm-floor"
)]
pub struct UnknownStack(String);

impl FromStr for Stack {
    type Err = UnknownStack;

    fn from_str(word: &str) -> Result<Self, Self::Err> {
        Stack::ALL.into_iter().find(|stack| stack.name() == word).ok_or_else(|| UnknownStack(word.into()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_stack_is_read_back_from_its_name() {
        for stack in Stack::ALL {
            assert_eq!(stack.name().parse::<Stack>().unwrap(), stack);
            assert_eq!(serde_json::to_value(stack).unwrap(), stack.name());
        }
        let refusal = "chroot".parse::<Stack>().unwrap_err().to_string();
        assert!(Stack::ALL.iter().all(|stack| refusal.contains(stack.name())), "{refusal}");
    }
}
