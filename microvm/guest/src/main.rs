//! stub
#![no_std]
#![no_main]
#[unsafe(no_mangle)]
extern "C" fn _start() -> ! { loop {} }
#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! { loop {} }
