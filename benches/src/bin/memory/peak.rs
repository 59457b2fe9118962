//! The most memory that a process ever held.
//!
//! Linux keeps it as `VmHWM` in `/proc/PID/status`, for as long as the process lives. So it is read every few
//! milliseconds until the end; what is held for the first time after the last look is missed.

use anyhow::Context;
use std::path::PathBuf;
use std::process::{Child, ExitStatus};
use std::thread;
use std::time::{Duration, Instant};

/// The time between two looks.
const LOOK: Duration = Duration::from_millis(2);

/// How a process ended and what it took.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ended {
    /// How it ended.
    pub(crate) status: ExitStatus,
    /// The most memory that was resident at once, in KiB.
    pub(crate) peak_kib: u64,
    /// From the first look to the end.
    pub(crate) took: Duration,
}

/// Waits for a process and watches its memory.
///
/// # Errors
/// When it cannot be waited for, or the system does not tell its memory.
pub(crate) fn watch(mut child: Child) -> anyhow::Result<Ended> {
    let begun = Instant::now();
    let path = PathBuf::from(format!("/proc/{}/status", child.id()));
    let mut peak = None;
    loop {
        // Before asking whether it has ended: asking would take the file away.
        peak = peak.max(std::fs::read_to_string(&path).ok().as_deref().and_then(peak_in));
        if let Some(status) = child.try_wait()? {
            let peak_kib = peak.context("this system does not say VmHWM in /proc/PID/status; Linux does")?;
            return Ok(Ended { status, peak_kib, took: begun.elapsed() });
        }
        thread::sleep(LOOK);
    }
}

/// The peak in a status file. A process that has ended has none.
fn peak_in(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().strip_suffix(" kB")?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::Command;

    #[test]
    fn the_peak_is_read_where_there_is_one() {
        assert_eq!(peak_in("Name:\tx\nVmHWM:\t   45056 kB\nVmRSS:\t 2 kB\n"), Some(45_056));
        assert_eq!(peak_in("Name:\tx\nState:\tZ (zombie)\n"), None);
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn a_process_is_watched_to_its_end() {
        let ended = watch(Command::new("sleep").arg("0.1").spawn().unwrap()).unwrap();
        assert!(ended.status.success());
        assert!(ended.peak_kib > 100, "{ended:?}");
    }
}
