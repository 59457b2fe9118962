//! The thread that makes running guests look at the time.
//!
//! Guest code cannot be interrupted from outside. Instead every loop and every function in it compares
//! wasmtime's epoch with a deadline, and this thread moves the epoch on, a thousand times a second. It has
//! to be a thread of its own: a timer on the threads that run guests would starve exactly when it is
//! needed. While nothing runs it sleeps, so that an idle service wakes nobody.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;
use wasmtime::Engine;

/// The time between two ticks: how late a limit on time can be noticed.
pub(crate) const TICK: Duration = Duration::from_millis(1);

/// Ticks without a running guest before the thread goes to sleep. Long enough that a pass over a source
/// never pays for waking it, record by record.
const TICKS_UNTIL_SLEEP: u32 = 200;

/// The ticking thread. It ends when this is dropped.
#[derive(Debug)]
pub(crate) struct Ticker {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Debug, Default)]
struct Shared {
    /// Guests that are running now.
    running: AtomicU32,
    /// The thread sleeps, or is about to.
    asleep: AtomicBool,
    stop: AtomicBool,
}

/// A guest that is running. While one exists the epoch moves.
#[derive(Debug)]
pub(crate) struct Running<'a>(&'a Shared);

impl Ticker {
    /// Starts the thread.
    ///
    /// # Errors
    /// The operating system's error when it has no thread to give.
    pub(crate) fn start(engine: &Engine) -> io::Result<Self> {
        let shared = Arc::new(Shared::default());
        // A weak handle: the engine's memory is not kept for the sake of its clock.
        let (engine, state) = (engine.weak(), Arc::clone(&shared));
        let thread = thread::Builder::new().name("scimwright-ticker".into()).spawn(move || {
            let mut idle = 0;
            while !state.stop.load(Ordering::SeqCst) {
                thread::sleep(TICK);
                match engine.upgrade() {
                    Some(engine) => engine.increment_epoch(),
                    None => return,
                }
                idle = if state.running.load(Ordering::SeqCst) > 0 { 0 } else { idle + 1 };
                if idle >= TICKS_UNTIL_SLEEP {
                    state.sleep();
                    idle = 0;
                }
            }
        })?;
        Ok(Self { shared, thread: Some(thread) })
    }

    /// Tells the thread that a guest is about to run, and wakes it if it sleeps.
    pub(crate) fn run(&self) -> Running<'_> {
        self.shared.running.fetch_add(1, Ordering::SeqCst);
        self.wake();
        Running(&self.shared)
    }

    fn wake(&self) {
        if self.shared.asleep.swap(false, Ordering::SeqCst)
            && let Some(thread) = &self.thread
        {
            thread.thread().unpark();
        }
    }
}

impl Shared {
    /// Sleeps until somebody wakes the thread.
    ///
    /// The order matters: `asleep` is set before `running` and `stop` are looked at, and whoever sets those
    /// looks at `asleep` afterwards. So at least one of the two sees the other, and no wake-up is lost.
    fn sleep(&self) {
        self.asleep.store(true, Ordering::SeqCst);
        let wanted = || self.running.load(Ordering::SeqCst) > 0 || self.stop.load(Ordering::SeqCst);
        while self.asleep.load(Ordering::SeqCst) && !wanted() {
            thread::park();
        }
        self.asleep.store(false, Ordering::SeqCst);
    }
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        self.0.running.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Drop for Ticker {
    fn drop(&mut self) {
        self.shared.stop.store(true, Ordering::SeqCst);
        self.wake();
        if let Some(thread) = self.thread.take() {
            // It does nothing that can panic; and if it did, dropping the host is no place to fail.
            let _ = thread.join();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_thread_ends_with_its_owner_even_while_it_sleeps() {
        let engine = Engine::default();
        let ticker = Ticker::start(&engine).unwrap();
        while !ticker.shared.asleep.load(Ordering::SeqCst) {
            thread::yield_now();
        }
        let shared = Arc::clone(&ticker.shared);
        drop(ticker);
        assert_eq!(Arc::strong_count(&shared), 1);
    }

    #[test]
    fn a_guest_wakes_a_sleeping_ticker() {
        let engine = Engine::default();
        let ticker = Ticker::start(&engine).unwrap();
        while !ticker.shared.asleep.load(Ordering::SeqCst) {
            thread::yield_now();
        }
        let _running = ticker.run();
        assert!(!ticker.shared.asleep.load(Ordering::SeqCst));
    }
}
