//! `isolab-init`: PID 1 of a Linux guest. The tour is in `lib.rs`.
#![no_std]
#![no_main]
#![deny(unsafe_code)]

#[allow(unsafe_code)]
mod command;
#[allow(unsafe_code)]
mod console;
mod end;
mod failure;
mod input;
#[allow(unsafe_code)]
mod loopback;
#[allow(unsafe_code)]
mod memory;
mod modules;
mod mounts;
#[allow(unsafe_code)]
mod ports;
mod relay;
mod root;
#[allow(unsafe_code)]
mod signals;
mod usage;

use command::FAILED;
use end::end;
use failure::{Context, Failure, complain};
use isolab_init::start::{PLACE, Refusal, Start};
use isolab_workload::linux::{Arguments, map};
use rustix::fs::{Mode, OFlags, fstat, open};
use rustix::io::read;
use rustix::system::sethostname;

isolab_workload::entry!(main);

fn main(_: &Arguments) -> ! {
    ports::open();
    let status = records().and_then(|records| match Start::parse(records) {
        Ok(start) => run(&start),
        Err(refusal) => {
            refuse(refusal);
            Ok(FAILED)
        }
    });
    end(status.unwrap_or_else(|failure| {
        complain(failure);
        FAILED
    }))
}

/// From an empty machine to the command's end. The order is the point: each step needs the ones before it.
fn run<'a>(start: &Start<'a>) -> Result<u8, Failure<'a>> {
    modules::load(start)?;
    root::make(&start.root)?;
    root::enter()?;
    mounts::make()?;
    loopback::up()?;
    sethostname(start.hostname.to_bytes()).at("setting the host's name to", start.hostname)?;
    if start.terminal {
        console::reopen()?;
    } else {
        console::plain()?;
    }
    relay::run(start)
}

/// The content of the file that says what to do.
fn records() -> Result<&'static [u8], Failure<'static>> {
    let file = open(PLACE, OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty()).at("opening", PLACE)?;
    let size = fstat(&file).at("measuring", PLACE)?.st_size as usize;
    let memory = map(size).ok_or(rustix::io::Errno::NOMEM).at("reading", PLACE)?;
    let mut length = 0;
    while length < size {
        match read(&file, &mut memory[length..]).at("reading", PLACE)? {
            0 => break,
            more => length += more,
        }
    }
    Ok(&memory[..length])
}

fn refuse(refusal: Refusal<'_>) {
    let place = PLACE.to_bytes().escape_ascii();
    match refusal {
        Refusal::NotEnded => complain(format_args!("reading {place}: its last record is cut off")),
        Refusal::Missing(key) => complain(format_args!("reading {place}: it has no record {key:?}")),
        Refusal::Record(record) => {
            let record = record.to_bytes().escape_ascii();
            complain(format_args!("reading {place}: the record \"{record}\" makes no sense"));
        }
    }
}

#[panic_handler]
fn panic(bug: &core::panic::PanicInfo<'_>) -> ! {
    complain(format_args!("a bug: {bug}"));
    end(FAILED)
}
