//! Several vCPUs, with kernels of a few bytes on the real `/dev/kvm`: the first starts the others as Linux does, and
//! whichever ends ends all.

mod common;

use common::{assert_fails, elf, file, kvm, microvm};
use std::process::Output;

/// Where the first CPU puts the code of the others, which begin in real mode: page 8.
const OTHERS: u32 = 0x8000;
/// Where they count themselves.
const COUNT: u32 = 0x9000;

fn boot(code: &[u8], cpus: &str) -> Output {
    let kernel = file(&elf(code));
    let mut command = microvm(["boot", "--memory", "4", "--cpus", cpus, "--kernel"]);
    command.arg(kernel.path()).output().unwrap()
}

/// Code that writes the code of the other CPUs, 8 bytes, and starts them by their local APICs.
fn start_others(code: [u8; 8]) -> Vec<u8> {
    let mut first = Vec::new();
    for (address, bytes) in [(OTHERS, &code[..4]), (OTHERS + 4, &code[4..])] {
        first.extend([0xc7, 0x04, 0x25]); // mov dword [address], bytes
        first.extend(address.to_le_bytes());
        first.extend(bytes);
    }
    // IA32_APIC_BASE: registers of the local APIC are MSRs (x2APIC).
    first.extend([0xb9, 0x1b, 0, 0, 0, 0x0f, 0x32]); // mov ecx, 0x1b; rdmsr
    first.extend([0x0d, 0, 0x0c, 0, 0, 0x0f, 0x30]); // or eax, 0xc00; wrmsr
    // To all others: INIT, and twice "start at page 8".
    first.extend([0xb9, 0x30, 8, 0, 0, 0x31, 0xd2]); // mov ecx, 0x830; xor edx, edx
    for command in [0xc_4500_u32, 0xc_4608, 0xc_4608] {
        first.push(0xb8); // mov eax, command
        first.extend(command.to_le_bytes());
        first.extend([0x0f, 0x30]); // wrmsr
    }
    first
}

/// `lock inc byte [COUNT]; hlt; jmp`, in real mode
const COUNT_AND_HALT: [u8; 8] = [0xf0, 0xfe, 0x06, 0, (COUNT >> 8) as u8, 0xf4, 0xeb, 0xfd];

#[test]
fn the_first_cpu_starts_the_others_and_ends_them() {
    if !kvm("the_first_cpu_starts_the_others_and_ends_them") {
        return;
    }
    for cpus in [2_u8, 4] {
        let mut code = start_others(COUNT_AND_HALT);
        code.extend([0x8a, 0x04, 0x25]); // mov al, [COUNT]
        code.extend(COUNT.to_le_bytes());
        code.extend([0x3c, cpus - 1, 0x75, 0xf5, 0xe6, 0xf4]); // cmp al, cpus - 1; jne; out 0xf4, al
        let output = boot(&code, &cpus.to_string());
        assert_eq!(output.status.code(), Some((cpus - 1).into()), "{output:?}");
    }
}

#[test]
fn another_cpu_ends_the_first_whether_it_runs_or_halts() {
    if !kvm("another_cpu_ends_the_first_whether_it_runs_or_halts") {
        return;
    }
    for rest in [[0xeb, 0xfe, 0x90], [0xf4, 0xeb, 0xfd]] {
        let end = [0xb0, 42, 0xe6, 0xf4, 0xf4, 0xeb, 0xfd, 0]; // mov al, 42; out 0xf4, al; hlt; jmp
        let output = boot(&[&start_others(end)[..], &rest].concat(), "2");
        assert_eq!(output.status.code(), Some(42), "{output:?}");
    }
}

#[test]
fn a_cpu_that_breaks_ends_the_vm_with_its_error() {
    if !kvm("a_cpu_that_breaks_ends_the_vm_with_its_error") {
        return;
    }
    // A table of exceptions without entries, and an instruction that does not exist.
    let broken = [0x0f, 0x01, 0x1e, 0, 0x90, 0x0f, 0x0b, 0]; // lidt [0x9000]; ud2
    assert_fails(
        &boot(&[&start_others(broken)[..], &[0xeb, 0xfe]].concat(), "2"),
        125,
        &["running the guest"],
    );
}

#[test]
fn absurd_numbers_of_cpus_are_refused() {
    if !kvm("absurd_numbers_of_cpus_are_refused") {
        return;
    }
    for cpus in ["0", "33", "255"] {
        assert_fails(&boot(&[0xf4], cpus), 125, &[cpus, "vCPUs: give 1 to"]);
    }
}
