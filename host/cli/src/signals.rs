//! Signals that end what goes on.
//!
//! The first SIGINT or SIGTERM asks: what is under way is settled, nothing new begins. The second one does not ask:
//! the process ends at once, which loses nothing either, as a killed process never does.

use crate::exit::Exit;
use crate::terminal::err;
use scimwright_provision::StopSignal;

/// Gives the signal when the process is told to end, and ends the process when it is told again.
pub(crate) fn stop_on_signal(stop: StopSignal) {
    tokio::spawn(async move {
        // Without handlers the system's own way of ending a process is left.
        let Ok(mut signals) = Signals::listen() else { return };
        signals.next().await;
        stop.request();
        err("stopping: what is under way is settled first; a second signal ends it at once");
        signals.next().await;
        std::process::exit(Exit::Stopped as i32);
    });
}

/// Waits until the process is told to end. From then on it is for the caller to end it.
pub(crate) async fn interrupted() {
    match Signals::listen() {
        Ok(mut signals) => signals.next().await,
        // The system's own way of ending a process is left.
        Err(_) => std::future::pending().await,
    }
}

/// What tells a process to end.
#[cfg(unix)]
struct Signals {
    interrupt: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
}

#[cfg(unix)]
impl Signals {
    fn listen() -> std::io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self { interrupt: signal(SignalKind::interrupt())?, terminate: signal(SignalKind::terminate())? })
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}

#[cfg(not(unix))]
struct Signals;

#[cfg(not(unix))]
impl Signals {
    fn listen() -> std::io::Result<Self> {
        Ok(Self)
    }

    async fn next(&mut self) {
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}
