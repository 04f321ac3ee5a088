//! Ctrl-C and `kill`: the first asks the lab to stop and keep what it has, a second ends it at once.
//!
//! The terminal signals the whole foreground group, so what is launched just then ends by itself; the
//! lab reaps it and writes what was measured, as a partial run (`signal(7)`).

use signal_hook::consts::{SIGINT, SIGTERM};
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Whether somebody asked the lab to stop.
#[derive(Clone, Debug)]
pub struct Interrupt(Arc<AtomicBool>);

impl Interrupt {
    /// Listens from now on.
    pub fn listen() -> io::Result<Interrupt> {
        let asked = Arc::new(AtomicBool::new(false));
        for signal in [SIGINT, SIGTERM] {
            // In this order: the first signal finds the flag down and raises it, the second ends the lab.
            signal_hook::flag::register_conditional_shutdown(signal, 128 + signal, Arc::clone(&asked))?;
            signal_hook::flag::register(signal, Arc::clone(&asked))?;
        }
        Ok(Interrupt(asked))
    }

    /// One that never comes: for what ends by itself, and leaves signals to whoever runs it.
    pub fn never() -> Interrupt {
        Interrupt(Arc::default())
    }

    /// Whether a signal has come.
    pub fn came(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}
