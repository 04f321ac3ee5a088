//! What kind of KVM this host has.
//!
//! A KVM backend without hardware virtualization runs a guest's user code natively but *emulates* its
//! kernel's, so a figure that includes kernel code says nothing about hardware virtualization there. A
//! name does not tell, so a guest of a few bytes counts in ring 0 while the host looks at the clock.

use crate::Error;
use crate::bus::{Bus, Device, Effect, FLOATING};
use crate::kvm;
use crate::layout::HIGH_START;
use crate::memory::{LEAST_MIB, Memory};
use crate::output::lock;
use crate::vm::Vm;
use isolab_guest::ports::CROSS;
use std::path::Path;
use std::sync::Mutex;
use std::time::Instant;
use vm_memory::{Bytes, GuestAddress};

/// How many turns the two loops of the guest make. Their difference counts: it has no entry and no exit.
const SHORT: u32 = 1_000;
const LONG: u32 = 11_000;
/// How often each loop is timed. The fastest counts: interruptions only ever add.
const ROUNDS: usize = 5;

/// The KVM backend by the name of its kernel module: `"vmx"` (Intel), `"svm"` (AMD) or `"pvm"` (neither: no
/// hardware virtualization); `None` when none of these modules is there.
pub fn backend() -> Option<&'static str> {
    [("kvm_intel", "vmx"), ("kvm_amd", "svm"), ("kvm_pvm", "pvm")]
        .into_iter()
        .find_map(|(module, name)| Path::new("/sys/module").join(module).exists().then_some(name))
}

/// How long one turn of a loop (`dec`, `jnz`) takes in a guest's ring 0, in nanoseconds: below one where
/// the CPU runs the guest's kernel itself, hundreds where KVM emulates it.
pub fn ring0_nanoseconds_per_turn() -> Result<f64, Error> {
    let mut vm = Vm::create(&kvm::open()?, Memory::new(LEAST_MIB)?)?;
    vm.memory().map().write_slice(&guest(), GuestAddress(HIGH_START))?;
    vm.enter_at(GuestAddress(HIGH_START))?;
    let stopwatch = Mutex::new(Stopwatch { laps: Vec::with_capacity(2 * ROUNDS + 1) });
    vm.run_on(&Bus::default().with(CROSS, 1, &stopwatch))?;
    let stopwatch = lock(&stopwatch);
    // The first lap ends the first, cold loop; then long and short ones take turns.
    let fastest = |first: usize| {
        let laps = stopwatch.laps.windows(2).skip(first).step_by(2);
        laps.map(|lap| (lap[1] - lap[0]).as_secs_f64()).fold(f64::INFINITY, f64::min)
    };
    Ok((fastest(0) - fastest(1)) * 1e9 / f64::from(LONG - SHORT))
}

/// The guest's machine code: for ever, a short loop and then a long one, each followed by a write to the port.
fn guest() -> Vec<u8> {
    let mut code = Vec::new();
    for turns in [SHORT, LONG] {
        code.push(0xb9); // mov ecx, turns
        code.extend(turns.to_le_bytes());
        code.extend([0xff, 0xc9]); // dec ecx
        code.extend([0x75, 0xfc]); // jnz, back to the dec
        code.extend([0xe6, CROSS as u8]); // out CROSS, al
    }
    code.extend([0xeb, (-(code.len() as i8) - 2) as u8]); // jmp, back to the start
    code
}

/// Looks at the clock at each write; ends when it has seen enough.
struct Stopwatch {
    laps: Vec<Instant>,
}

impl Device for Stopwatch {
    fn read(&mut self, _: u16) -> u8 {
        FLOATING
    }

    fn write(&mut self, _: u16, _: u8) -> Result<Effect, Error> {
        self.laps.push(Instant::now());
        Ok(if self.laps.len() > 2 * ROUNDS { Effect::End(0) } else { Effect::None })
    }
}
