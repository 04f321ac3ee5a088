//! QEMU's command line (`qemu-system-x86_64(1)`).
//!
//! The machine type is `microvm`: no PCI, no firmware worth the name; a Linux in it is up in a second. Its ACPI
//! tables tell the kernel about CPUs and virtio devices. The kernel is started by its PVH entry.
//!
//! A deterministic machine has one CPU and counts what it does (`-icount`): every instruction takes 1 ns of virtual
//! time, timers fire at an exact instruction, and when all are idle time jumps to the next timer. Whatever differs
//! from run to run is taken away: the date, hardware random numbers, QEMU's own seed, randomised addresses.

use super::error::Error;
use super::inside::{ERR, OUT, RESULTS};
use crate::host::clock::VIRTUAL;
use crate::kernel::tool::is_installed;
use isolab_guest::ports::EXIT;
use rustix::io::{FdFlags, fcntl_setfd};
use std::fmt::Display;
use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::path::Path;
use std::process::Command;

const QEMU: &str = "qemu-system-x86_64";
/// All that the emulator can do, but for two things. A string instruction (`rep movsb`) is emulated, and counted, one
/// element at a time; so the machine does not claim that single bytes are fast (`erms`, `fsrm`), and kernels copy
/// eight at once, as they would on an older CPU. And the emulator does not tell KVM when a nested guest enables AVX
/// (`xsetbv`), which makes that guest's kernel complain; so there is none (`xsave`).
const CPU: &str = "max,-erms,-fsrm,-xsave";
/// A virtual machine's clock has one count a nanosecond.
const VIRTUAL_KHZ: u64 = 1_000_000;

/// What machine it shall be.
#[derive(Clone, Copy, Debug)]
pub struct Machine {
    /// CPUs.
    pub cpus: u32,
    /// Memory, in MiB.
    pub memory_mib: u32,
    /// The same at every run.
    pub deterministic: bool,
    /// Somebody sits at its console.
    pub terminal: bool,
}

/// QEMU's ends of what leads in and out.
#[derive(Debug)]
pub struct Ends {
    /// The initial RAM file system.
    pub image: OwnedFd,
    /// The console's output, and QEMU's own complaints; a terminal has none of its own.
    pub console: OwnedFd,
    /// The command's standard output.
    pub out: OwnedFd,
    /// The command's standard error.
    pub err: OwnedFd,
    /// The results.
    pub results: OwnedFd,
}

/// Says so if there is no QEMU here.
pub fn probe() -> Result<(), Error> {
    if is_installed(QEMU) {
        return Ok(());
    }
    let fix = "apt-get install qemu-system-x86, or your distribution's package with this program";
    Err(Error::Unavailable { what: format!("{QEMU} is not installed"), fix: fix.into() })
}

/// The command that starts the machine. It inherits `ends`, so they must live until it was started. `host_khz` is
/// the rate of this host's time stamp counter.
pub fn command(machine: Machine, kernel: &Path, ends: &Ends, host_khz: u64) -> io::Result<Command> {
    let mut qemu = Command::new(QEMU);
    qemu.args(["-nodefaults", "-no-user-config", "-no-reboot", "-display", "none", "-M", "microvm"]);
    qemu.arg("-smp").arg(machine.cpus.to_string()).arg("-m").arg(machine.memory_mib.to_string());
    // Emulated CPUs take turns. With a thread for each, a nested guest spins for ever without an exit in about one
    // launch of fifty when two CPUs are busy. Taking turns makes that rare; with one CPU it was not seen.
    qemu.args(["-accel", "tcg,thread=single"]);
    if machine.deterministic {
        qemu.args(["-cpu", &format!("{CPU},-rdrand,-rdseed")]);
        qemu.args(["-icount", "shift=0,sleep=off", "-rtc", "base=2026-01-01,clock=vm", "-seed", "1"]);
    } else {
        qemu.args(["-cpu", CPU]);
    }
    qemu.arg("-kernel").arg(kernel).arg("-initrd").arg(inherited(&ends.image)?);
    qemu.arg("-append").arg(kernel_words(machine, host_khz));
    // PID 1 ends the machine by a write to this port.
    qemu.arg("-device").arg(format!("isa-debug-exit,iobase={EXIT:#x},iosize=1"));
    if machine.terminal {
        // Ctrl-A x ends it; all other keys, Ctrl-C too, go to the machine.
        qemu.args(["-chardev", "stdio,id=console,mux=on,signal=off"]);
    } else {
        qemu.arg("-chardev").arg(file("console", &ends.console)?);
    }
    qemu.args(["-serial", "chardev:console", "-device", "virtio-serial-device"]);
    for (number, end) in [(OUT, &ends.out), (ERR, &ends.err), (RESULTS, &ends.results)] {
        qemu.arg("-chardev").arg(file(format_args!("port{number}"), end)?);
        qemu.arg("-device").arg(format!("virtserialport,chardev=port{number},nr={number}"));
    }
    Ok(qemu)
}

/// The kernel's command line.
fn kernel_words(machine: Machine, host_khz: u64) -> String {
    let khz = if machine.deterministic { VIRTUAL_KHZ } else { host_khz };
    let words = format!("console=ttyS0 loglevel=3 panic=-1 pci=off tsc=reliable tsc_early_khz={khz}");
    if machine.deterministic {
        format!("{words} nokaslr norandmaps random.trust_cpu=off random.trust_bootloader=off {VIRTUAL}")
    } else {
        words
    }
}

/// A character device that writes to `end`.
fn file(id: impl Display, end: &OwnedFd) -> io::Result<String> {
    Ok(format!("file,id={id},path={}", inherited(end)?))
}

/// The path of `end` in a child process, which inherits it.
fn inherited(end: &OwnedFd) -> io::Result<String> {
    fcntl_setfd(end, FdFlags::empty())?;
    Ok(format!("/proc/self/fd/{}", end.as_raw_fd()))
}
