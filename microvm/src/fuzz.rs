//! The bodies of the fuzz targets in `microvm/fuzz`: each takes any bytes, and must neither panic nor hang nor ask for
//! much memory. Here, not there, so that tests play them on the stable toolchain too.

use crate::boot::kernel::{self, Protocol};
use crate::devices::virtio::block::Block;
use crate::devices::virtio::hostile::{Packets, guest};
use crate::devices::virtio::mac::Mac;
use crate::devices::virtio::net::Net;
use crate::devices::virtio::rng::Rng;
use crate::machine_file;
use crate::memory::Memory;
use rustix::fs::{MemfdFlags, memfd_create};
use std::fs::File;
use std::io::{Cursor, Read, Seek, Write};
use std::os::fd::AsRawFd;
use std::path::Path;

/// A fuzz target: its name, and its body.
pub type Target = (&'static str, fn(&[u8]));

/// All of them.
pub const TARGETS: [Target; 5] = [
    ("boot_image", boot_image),
    ("machine_file", machine_file),
    ("block_queue", block_queue),
    ("net_queue", net_queue),
    ("registers", registers),
];

/// Bytes as a kernel's file.
///
/// # Panics
/// When what is wrong with it has no words, or a kernel is loaded to where there is no memory.
pub fn boot_image(bytes: &[u8]) {
    let memory = Memory::new(32).expect("memory for a small guest");
    for protocol in [Protocol::Linux, Protocol::Pvh] {
        match kernel::load(&mut Cursor::new(bytes), &memory, protocol) {
            Ok(kernel) => assert!(kernel.entry.0 < memory.low_end() && kernel.end <= memory.low_end()),
            Err(error) => assert!(!error.to_string().is_empty()),
        }
    }
}

/// Bytes as a machine file.
///
/// # Panics
/// When what is wrong with it has no words.
pub fn machine_file(bytes: &[u8]) {
    if let Err(error) = machine_file::parse(bytes) {
        assert!(!error.to_string().is_empty());
    }
}

/// How large the disk is, and what it is full of.
const DISK: usize = 16 << 10;
const FILL: u8 = 0x5a;

/// Bytes as what a guest does to a disk.
///
/// # Panics
/// When a read-only disk changes, or a disk its length.
pub fn block_queue(bytes: &[u8]) {
    for read_only in [true, false] {
        let file = memfd_create("disk", MemfdFlags::CLOEXEC).expect("a file in memory");
        let mut file = File::from(file);
        file.write_all(&[FILL; DISK]).expect("memory for a small disk");
        let path = format!("/proc/self/fd/{}", file.as_raw_fd());
        guest(Box::new(Block::open(Path::new(&path), read_only).expect("a disk")), bytes);
        let mut after = Vec::new();
        file.rewind().and_then(|()| file.read_to_end(&mut after)).expect("the disk again");
        assert!(after.len() == DISK && (!read_only || after.iter().all(|&byte| byte == FILL)));
    }
}

/// Bytes as the lengths of packets that arrive (two bytes each, eight of them), and what a guest does to a network
/// card.
pub fn net_queue(bytes: &[u8]) {
    let (lengths, text) = bytes.split_at(bytes.len().min(16));
    let lengths = lengths.chunks_exact(2).map(|pair| u16::from_le_bytes([pair[0], pair[1]])).collect();
    guest(Box::new(Net::new(Packets::new(lengths), Mac::of("tap0"))), text);
}

/// Bytes as what a guest does to the registers of the simplest device.
pub fn registers(bytes: &[u8]) {
    guest(Box::new(Rng), bytes);
}
