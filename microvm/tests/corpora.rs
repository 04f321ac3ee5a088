//! The corpora of the fuzz targets in `microvm/fuzz`; their seeds are made here.

mod common;
#[path = "../../bench/tests/common/corpora.rs"]
mod corpora;

use isolab_microvm::devices::virtio::driver::BUFFERS;
use isolab_microvm::devices::virtio::hostile::Step;
use isolab_microvm::fuzz::TARGETS;

/// Steps as a text.
fn text(steps: &[Step]) -> Vec<u8> {
    let mut text = Vec::new();
    for step in steps {
        step.put(&mut text);
    }
    text
}

/// Flags of a descriptor.
const NEXT: u8 = 1;
const WRITE: u8 = 2;
const INDIRECT: u8 = 4;

/// A request to a disk: a header that asks for `kind`, a sector of data, a byte for the status.
fn block_request(kind: u32, data: u8) -> Vec<u8> {
    let header = BUFFERS as u32;
    text(&[
        Step::Start,
        // An odd address reaches all of memory.
        Step::Poke(header | 1, kind << 8),
        Step::Describe(0, 0, BUFFERS + 2, 16, NEXT, 1),
        Step::Describe(0, 1, BUFFERS + 4096, 512, NEXT | data, 2),
        Step::Describe(0, 2, BUFFERS + 64, 1, WRITE, 0),
        Step::Offer(0, 0),
        Step::Serve(0),
    ])
}

/// A kernel of one byte behind bzImage's header, or without its signature.
fn compressed(signature: &[u8]) -> Vec<u8> {
    let mut file = vec![0; 1040];
    for (place, bytes) in [
        (0x1f1, &[1_u8][..]),                   // one sector of setup
        (0x1f4, &[1]),                          // one paragraph
        (0x202, signature),                     // the boot protocol
        (0x206, &[0x0f, 2]),                    // its version
        (0x211, &[1]),                          // loaded high
        (0x236, &[1]),                          // with a 64-bit entry
        (0x258, &(16_u64 << 20).to_le_bytes()), // where it goes
        (0x260, &(1_u32 << 20).to_le_bytes()),  // and how long it is there
    ] {
        file[place..place + bytes.len()].copy_from_slice(bytes);
    }
    file
}

const MACHINE: &str = r#"{"boot-source":{"kernel_image_path":"k","boot_args":"a -- b"},"drives":[{"drive_id":"r",
"path_on_host":"r","is_root_device":true}],"machine-config":{"vcpu_count":1,"mem_size_mib":64},"entropy":{},
"network-interfaces":[{"iface_id":"e","host_dev_name":"tap0","guest_mac":"06:00:ac:10:00:02"}]}"#;

/// The seeds of a target.
fn seeds(target: &str) -> Vec<(&'static str, Vec<u8>)> {
    let one =
        |flags| [Step::Start, Step::Describe(0, 0, BUFFERS, 64, flags, 0), Step::Offer(0, 0), Step::Serve(0)];
    match target {
        "boot_image" => vec![
            ("elf", common::elf(&[0xf4])),
            ("bzimage", compressed(b"HdrS")),
            ("script", b"#!/bin/sh\n".to_vec()),
        ],
        "machine_file" => vec![("machine", MACHINE.into()), ("empty", b"{}".to_vec())],
        "block_queue" => vec![
            ("read", block_request(0, WRITE)),
            ("write", block_request(1, 0)),
            ("flush", block_request(4, 0)),
            ("id", block_request(8, WRITE)),
            ("loop", text(&one(NEXT))),
        ],
        "net_queue" => {
            let packet = [60_u16, 1514, 12, 0, 65535, 100, 100, 100].map(u16::to_le_bytes).concat();
            let send = text(&[
                Step::Start,
                Step::Describe(1, 0, BUFFERS, 12, NEXT, 1),
                Step::Describe(1, 1, BUFFERS, 60, 0, 0),
                Step::Offer(1, 0),
                Step::Serve(1),
            ]);
            vec![
                ("receive", [&packet[..], &text(&one(WRITE))].concat()),
                ("send", [&packet[..], &send].concat()),
            ]
        }
        "registers" => vec![
            ("random", text(&one(WRITE))),
            ("indirect", text(&one(INDIRECT))),
            (
                "backwards",
                text(&[Step::Start, Step::Claim(0, u16::MAX), Step::Serve(0), Step::Read(0x70, 4)]),
            ),
            ("unready", text(&[Step::Write(0x70, 4, 0xf), Step::Write(0x44, 4, 1), Step::Write(0x50, 2, 0)])),
        ],
        other => panic!("no recipe for {other}"),
    }
}

#[test]
fn the_corpora_break_nothing() {
    corpora::play(env!("CARGO_MANIFEST_DIR"), &TARGETS, seeds);
}
