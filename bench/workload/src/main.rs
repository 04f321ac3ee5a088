//! `isolab-workload KIND [N]`: the work as a static Linux program without a C library.
//!
//! It is a few kilobytes, because it runs in thousands, and because the start-up of a C library
//! would be measured with every stack. System calls are made directly (`syscall(2)`); the first
//! one is the mark *begin*.
#![no_std]
#![no_main]

use core::ffi::CStr;
use isolab_workload::kind::Kind;
use isolab_workload::linux::{Arguments, exit, getppid, map, say, wait_for_end_of_input};
use isolab_workload::{mark, steady, work};

const USAGE: &[u8] =
    b"usage: isolab-workload noop | cpu TURNS | syscall COUNT | switch COUNT | fault COUNT | \
      read COUNT | touch MIB | wait\n";
const MIB: usize = 1 << 20;

isolab_workload::entry!(main);

fn main(arguments: &Arguments) -> ! {
    say(1, &[mark::BEGIN]);
    let [word, number, more] = [1, 2, 3].map(|index| arguments.get(index).map(CStr::to_bytes));
    let kind = word.filter(|_| more.is_none()).and_then(|word| Kind::parse(word, number));
    let Some(kind) = kind else {
        say(2, USAGE);
        exit(2);
    };
    let mut checksum = None;
    match kind {
        Kind::Noop | Kind::Wait => {}
        // Opaque to the compiler, which could otherwise put the work off until the sum is printed, after the mark.
        Kind::Cpu(turns) => checksum = Some(core::hint::black_box(work::cpu(turns))),
        Kind::Syscall(count) => (0..count).for_each(|_| getppid()),
        Kind::Switch(count) => {
            expect(steady::switch(count), b"switch: the kernel gives no pipe or process\n");
        }
        Kind::Fault(count) => expect(steady::fault(count), b"fault: the kernel gives no memory\n"),
        Kind::Read(count) => {
            let read = arguments.get(0).and_then(|program| steady::read(program, count));
            expect(read, b"read: its own name, argument 0, leads to no file of a page\n");
        }
        Kind::Cross(_) => {
            say(
                2,
                b"isolab-workload: only a unikernel can cross into its VMM; here the border is: syscall N\n",
            );
            exit(2);
        }
        Kind::Touch(mib) => {
            let Some(memory) = (mib as usize).checked_mul(MIB).and_then(map) else {
                say(2, b"isolab-workload: touch: the kernel gives no mapping of that size\n");
                exit(1);
            };
            work::touch(memory);
        }
    }
    say(1, &[mark::READY]);
    if let Some(checksum) = checksum {
        say(1, &work::checksum_line(checksum));
    }
    if kind.holds() {
        wait_for_end_of_input();
    }
    say(1, &[mark::END]);
    exit(0)
}

/// Ends the program with a sentence if the work could not be done.
fn expect(done: Option<()>, sentence: &[u8]) {
    if done.is_none() {
        say(2, b"isolab-workload: ");
        say(2, sentence);
        exit(1);
    }
}

#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    say(2, b"isolab-workload: a bug: it panicked\n");
    exit(101)
}
