//! Virtio devices from the command line to the guest, on the real `/dev/kvm`: what is refused, and a guest of a few
//! bytes that accesses every register in every width.

mod common;

use common::{GUEST, assert_fails, file, kvm, microvm};
use std::process::Output;
use tempfile::NamedTempFile;

/// `mov al, status; out 0xf4, al`
const fn end(status: u8) -> [u8; 4] {
    [0xb0, status, 0xe6, 0xf4]
}

/// An ELF file whose machine code runs by PVH: in 32-bit mode without page tables, where devices can be reached.
fn pvh(code: &[u8]) -> NamedTempFile {
    let note = [4_u32, 4, 18, u32::from_le_bytes(*b"Xen\0"), GUEST as u32].map(u32::to_le_bytes).concat();
    let mut elf = common::elf(&[&note[..], code].concat());
    // A second program header for the note takes the place where the first segment began.
    let (headers, segment) = (64, 64 + 2 * 56);
    let content = elf.split_off(headers + 56);
    elf[56] = 2;
    let word = |elf: &mut Vec<u8>, place: usize, value: u64| {
        elf[place..place + 8].copy_from_slice(&value.to_le_bytes());
    };
    for (place, value) in [(8, segment as u64 + 20), (32, code.len() as u64), (40, code.len() as u64)] {
        word(&mut elf, headers + place, value);
    }
    elf.extend([4_u32, 4].map(u32::to_le_bytes).concat());
    for value in [segment as u64, 0, 0, 20, 20, 4] {
        elf.extend(value.to_le_bytes());
    }
    elf.extend(content);
    file(&elf)
}

fn boot(kernel: &NamedTempFile, more: &[&str]) -> Output {
    microvm(["boot", "--memory", "4", "--protocol", "pvh", "--kernel"])
        .arg(kernel.path())
        .args(more)
        .output()
        .unwrap()
}

#[test]
fn a_guest_may_access_every_register_in_every_width() {
    if !kvm("a_guest_may_access_every_register_in_every_width") {
        return;
    }
    let mut code = vec![0xa1, 0x00, 0x00, 0x00, 0xd0]; // mov eax, [0xd0000000]
    code.extend([0x3d, b'v', b'i', b'r', b't']); // cmp eax, "virt"
    code.extend([0x74, 4]); // je, over the next
    code.extend(end(1));
    code.extend([0xbf, 0x00, 0x00, 0x00, 0xd0]); // mov edi, 0xd0000000
    let turn = [
        &[0x88, 0x07, 0x66, 0x89, 0x07, 0x89, 0x07][..], // mov [edi], al; mov [edi], ax; mov [edi], eax
        &[0x8a, 0x0f, 0x66, 0x8b, 0x0f, 0x8b, 0x0f],     // mov cl, [edi]; mov cx, [edi]; mov ecx, [edi]
        &[0x47, 0x81, 0xff, 0x00, 0x04, 0x00, 0xd0],     // inc edi; cmp edi, 0xd0000400
        &[0x72, 0xe9],                                   // jb, back to the start
    ];
    code.extend(turn.concat());
    code.extend([0xc7, 0x05, 0x70, 0x00, 0x00, 0xd0, 0, 0, 0, 0]); // mov dword [0xd0000070], 0: a reset
    code.extend([0xa1, 0x70, 0x00, 0x00, 0xd0, 0xe6, 0xf4]); // mov eax, [0xd0000070]; out 0xf4, al
    let disk = file(&[0x5a; 4096]);
    let drive = disk.path().to_str().unwrap();
    for more in [&["--rng"][..], &["--drive", drive], &["--drive", &format!("{drive}:ro")]] {
        let output = boot(&pvh(&code), more);
        assert_eq!(output.status.code(), Some(0), "{more:?} {output:?}");
        assert_eq!(std::fs::read(disk.path()).unwrap(), [0x5a; 4096]);
    }
    // Without a device there, the bus floats.
    assert_eq!(boot(&pvh(&code), &[]).status.code(), Some(1));
}

#[test]
fn a_drive_that_another_vm_writes_is_refused() {
    if !kvm("a_drive_that_another_vm_writes_is_refused") {
        return;
    }
    let disk = file(&[0; 512]);
    let drive = disk.path().to_str().unwrap();
    let shared = format!("{drive}:ro");
    let kernel = pvh(&end(7));
    assert_eq!(boot(&kernel, &["--drive", &shared, "--drive", &shared]).status.code(), Some(7));
    for pair in [[drive, drive], [drive, &shared], [&shared, drive]] {
        assert_fails(
            &boot(&kernel, &["--drive", pair[0], "--drive", pair[1]]),
            125,
            &[drive, "in use", ":ro"],
        );
    }
    assert_eq!(boot(&kernel, &["--drive", drive]).status.code(), Some(7), "nothing is left behind");
}

#[test]
fn what_cannot_be_a_device_is_refused_in_one_line() {
    if !kvm("what_cannot_be_a_device_is_refused_in_one_line") {
        return;
    }
    let odd = file(&[0; 100]);
    let odd = odd.path().to_str().unwrap();
    let kernel = pvh(&end(0));
    assert_fails(&boot(&kernel, &["--drive", odd]), 125, &[odd, "100 bytes", "truncate"]);
    assert_fails(&boot(&kernel, &["--drive", "/nowhere"]), 125, &["drive /nowhere", "No such file"]);
    assert_fails(&boot(&kernel, &["--drive", "/"]), 125, &["drive /", "Is a directory"]);
    assert_fails(&boot(&kernel, &["--net", "isolab-none"]), 125, &["\"isolab-none\"", "ip tuntap add"]);
    assert_fails(&boot(&kernel, &["--net", "a-name-that-is-too-long"]), 125, &["no tap interface"]);
    assert_fails(&boot(&kernel, &["--drive", "/dev/null:ro"]), 125, &["/dev/null", "neither a file"]);
    let many = ["--drive", "/none"].repeat(20);
    assert_fails(&boot(&kernel, &many), 125, &["20 devices", "at most 19"]);
    let output = boot(&kernel, &["--net", "tap0:01:00:00:00:00:00"]);
    assert_eq!(output.status.code(), Some(125), "{output:?}");
    assert!(
        String::from_utf8_lossy(&output.stderr).contains("no Ethernet address of one card"),
        "{output:?}"
    );
}

#[test]
fn a_machine_file_is_as_good_as_options() {
    if !kvm("a_machine_file_is_as_good_as_options") {
        return;
    }
    // Linux's own protocol: 64-bit code.
    let kernel = file(&common::elf(&end(9)));
    let text = serde_json::json!({
        "boot-source": { "kernel_image_path": kernel.path() },
        "machine-config": { "vcpu_count": 1, "mem_size_mib": 4 },
        "entropy": {},
    });
    let boot = |text: &str| {
        let machine = file(text.as_bytes());
        let output = microvm(["boot", "--config-file"]).arg(machine.path()).output().unwrap();
        (output, machine)
    };
    assert_eq!(boot(&text.to_string()).0.status.code(), Some(9));
    let (output, machine) = boot(&text.to_string().replace("entropy", "enthropy"));
    let name = machine.path().to_str().unwrap();
    assert_fails(&output, 125, &["reading the machine file", name, "unknown field `enthropy`", "`entropy`"]);
    let output = microvm(["boot", "--config-file", name, "--rng"]).output().unwrap();
    assert_eq!(output.status.code(), Some(125), "{output:?}");
    let output = microvm(["boot"]).output().unwrap();
    assert!(String::from_utf8_lossy(&output.stderr).contains("--kernel"), "{output:?}");
}
