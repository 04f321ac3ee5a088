//! stub
#![no_std]
#![no_main]
#[unsafe(no_mangle)]
extern "C" fn _start() -> ! { isolab_workload::linux::exit(0) }
#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! { isolab_workload::linux::exit(101) }
