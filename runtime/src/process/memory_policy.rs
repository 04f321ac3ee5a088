//! On which NUMA nodes the process gets its memory (`set_mempolicy(2)`, `numa(7)`; `linux.memoryPolicy`).

use super::list;
use crate::error::{Error, IntoErrno as _};
use oci_spec::runtime::{LinuxMemoryPolicy, MemoryPolicyFlagType, MemoryPolicyModeType};
use rustix::io::Errno;
use std::io;

/// The most nodes that any kernel has (`CONFIG_NODES_SHIFT`).
const NODES: usize = 1024;
const WORD: usize = u64::BITS as usize;

/// A policy to set.
#[derive(Clone, Debug)]
pub(super) struct MemoryPolicy {
    mode: i32,
    nodes: Vec<u64>,
}

impl MemoryPolicy {
    /// Checks what the configuration asks for. Whether these nodes are there, the kernel says.
    pub(super) fn new(asked: &LinuxMemoryPolicy) -> Result<Self, Error> {
        let mode = match asked.mode() {
            MemoryPolicyModeType::MpolDefault => 0,
            MemoryPolicyModeType::MpolPreferred => 1,
            MemoryPolicyModeType::MpolBind => 2,
            MemoryPolicyModeType::MpolInterleave => 3,
            MemoryPolicyModeType::MpolLocal => 4,
            MemoryPolicyModeType::MpolPreferredMany => 5,
            MemoryPolicyModeType::MpolWeightedInterleave => 6,
        };
        let flag = |flag: &MemoryPolicyFlagType| match flag {
            MemoryPolicyFlagType::MpolFNumaBalancing => 1 << 13,
            MemoryPolicyFlagType::MpolFRelativeNodes => 1 << 14,
            MemoryPolicyFlagType::MpolFStaticNodes => 1 << 15,
        };
        let flags = asked.flags().iter().flatten().map(flag).fold(0, |flags, flag| flags | flag);
        let mut nodes = vec![0; NODES / WORD];
        if let Some(text) = asked.nodes().as_deref().filter(|text| !text.is_empty()) {
            let list = list::parse(text, NODES)
                .ok_or_else(|| wrong(&format!("{text:?} is no list of nodes such as 0-3,7")))?;
            for node in list {
                nodes[node / WORD] |= 1 << (node % WORD);
            }
        }
        Ok(Self { mode: mode | flags, nodes })
    }

    pub(super) fn apply(&self) -> Result<(), Error> {
        // The kernel reads one bit less than it is told.
        let bits = self.nodes.len() * WORD + 1;
        // SAFETY: the kernel reads that many bits, which the vector has.
        let result = unsafe { libc::syscall(libc::SYS_set_mempolicy, self.mode, self.nodes.as_ptr(), bits) };
        if result == 0 {
            return Ok(());
        }
        match io::Error::last_os_error().into_errno() {
            Errno::INVAL => Err(wrong("this mode, these flags and these nodes do not go together here")),
            Errno::NOSYS => Err(wrong("this kernel has no memory policies (CONFIG_NUMA)")),
            source => Err(Error::Step { step: "setting the memory policy", source }),
        }
    }
}

fn wrong(why: &str) -> Error {
    Error::property("linux.memoryPolicy", why)
}
