//! From the name of a system call to its number, which differs from one architecture to the next.
//!
//! The numbers are those of the crate `syscalls`, generated from the kernel's own tables. A profile names some 350
//! calls for three architectures at every start of a container, so the search must cost next to nothing: a hash
//! table for each architecture is made **by the compiler**, and holds the numbers alone, as the crate has the name of
//! each number.

/// More than twice as many as any architecture has calls: most searches end at their first slot.
const SLOTS: usize = 1024;

/// A name and its hash, which is the same for all architectures.
#[derive(Debug, Clone, Copy)]
pub(super) struct Name<'a> {
    pub text: &'a str,
    hash: u32,
}

impl<'a> Name<'a> {
    pub const fn new(text: &'a str) -> Self {
        Name { text, hash: hash(text.as_bytes()) }
    }
}

/// FNV-1a: a few cycles a byte, and good enough for names that nobody chooses in order to collide: those in the
/// table are the kernel's.
const fn hash(bytes: &[u8]) -> u32 {
    let mut hash = 0x811c_9dc5_u32;
    let mut at = 0;
    while at < bytes.len() {
        hash = (hash ^ bytes[at] as u32).wrapping_mul(0x0100_0193);
        at += 1;
    }
    // The low bits alone choose the slot.
    hash ^ hash >> 16
}

/// The numbers of one architecture.
pub(super) struct Table {
    /// A number plus one; zero is an empty slot.
    slots: [u16; SLOTS],
    name: fn(usize) -> Option<&'static str>,
}

impl Table {
    pub fn number(&self, name: Name) -> Option<u32> {
        let mut slot = name.hash as usize % SLOTS;
        while self.slots[slot] != 0 {
            let number = usize::from(self.slots[slot] - 1);
            if (self.name)(number) == Some(name.text) {
                return Some(number as u32);
            }
            slot = (slot + 1) % SLOTS;
        }
        None
    }
}

/// Puts a number into the first free slot from its name's own on.
const fn insert(slots: &mut [u16; SLOTS], name: &str, number: usize) {
    let mut slot = hash(name.as_bytes()) as usize % SLOTS;
    while slots[slot] != 0 {
        slot = (slot + 1) % SLOTS;
    }
    slots[slot] = number as u16 + 1;
}

macro_rules! table {
    ($architecture:ident) => {{
        use syscalls::$architecture::Sysno;
        const fn slots() -> [u16; SLOTS] {
            let mut slots = [0; SLOTS];
            let mut number = 0;
            while number <= Sysno::last().id() as usize {
                if let Some(call) = Sysno::new(number) {
                    insert(&mut slots, call.name(), number);
                }
                number += 1;
            }
            slots
        }
        Table { slots: slots(), name: |number| Sysno::new(number).map(|call| call.name()) }
    }};
}

pub(super) static X86_64: Table = table!(x86_64);
pub(super) static X86: Table = table!(x86);
pub(super) static AARCH64: Table = table!(aarch64);
pub(super) static ARM: Table = table!(arm);
pub(super) static RISCV64: Table = table!(riscv64);
