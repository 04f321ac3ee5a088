//! The unikernel's file itself: two entries, and a ring 0 that every backend can run.

mod common;

use common::{skip, unikernel};
use isolab_microvm::memory::Memory;
use linux_loader::loader::elf::PvhBootCapability;
use linux_loader::loader::{Elf, KernelLoader};
use std::fs::File;
use std::path::Path;
use std::process::Command;

/// Instructions that an emulating backend does not emulate.
const FORBIDDEN: [&str; 6] = ["int", "int3", "into", "cmpxchg16b", "xrstor", "xsave"];

#[test]
fn it_can_be_entered_in_two_ways() {
    let Some(path) = unikernel("it_can_be_entered_in_two_ways") else { return };
    let memory = Memory::new(4).unwrap();
    let loaded = Elf::load(memory.map(), None, &mut File::open(&path).unwrap(), None).unwrap();
    let PvhBootCapability::PvhEntryPresent(pvh) = loaded.pvh_boot_cap else { panic!("{loaded:?}") };
    assert!((1 << 20..loaded.kernel_end).contains(&pvh.0), "{loaded:?}");
    assert!((1 << 20..loaded.kernel_end).contains(&loaded.kernel_load.0), "{loaded:?}");
    assert_ne!(pvh, loaded.kernel_load);
    assert!(std::fs::metadata(&path).unwrap().len() < 32 << 10, "it is a small file");
}

/// The instructions of the ring-0 section, `from` the first address `to` the last.
fn disassemble(path: &Path, machine: &str, from: u64, to: u64) -> Vec<String> {
    let mut command = Command::new("objdump");
    command.args(["--disassemble", "--section=.ring0", "--no-show-raw-insn", "--disassembler-options"]);
    command.arg(machine).arg(format!("--start-address={from}")).arg(format!("--stop-address={to}"));
    let output = command.arg(path).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines()
        .filter_map(|line| line.split_once(":\t"))
        .map(|(_, instruction)| instruction.into())
        .collect()
}

#[test]
fn ring_0_uses_only_what_every_backend_emulates() {
    const TEST: &str = "ring_0_uses_only_what_every_backend_emulates";
    let Some(path) = unikernel(TEST) else { return };
    if Command::new("objdump").arg("--version").output().is_err() {
        skip(TEST, "objdump (binutils) is not installed");
        return;
    }
    let memory = Memory::new(4).unwrap();
    let loaded = Elf::load(memory.map(), None, &mut File::open(&path).unwrap(), None).unwrap();
    // The 32-bit entry lies first, the 64-bit one behind it.
    let entry = loaded.kernel_load.0;
    let mut instructions = disassemble(&path, "intel,i386", 0, entry);
    let wide = disassemble(&path, "intel,x86-64", entry, u64::MAX >> 1);
    assert!(instructions.iter().any(|text| text.starts_with("wrmsr")), "{instructions:?}");
    assert!(wide.iter().any(|text| text.starts_with("iretq")), "{wide:?}");
    instructions.extend(wide);
    for text in &instructions {
        let name = text.split_whitespace().next().unwrap();
        assert!(!FORBIDDEN.contains(&name), "ring 0 has: {text}");
        assert!(
            !["mm0", "mm1", "mm2", "mm3", "mm4", "mm5", "mm6", "mm7"].iter().any(|r| text.contains(r)),
            "{text}"
        );
        assert!(!text.contains("(bad)"), "{text}");
    }
}
