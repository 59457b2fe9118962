//! One process at a time: an exclusive lock on a file beside the state.
//!
//! The operating system drops the lock when the process ends, however it ends, so there is
//! no stale lock to clear by hand. Who is said to hold it only serves the message: it is
//! never trusted to decide.
//!
//! The file stays when the process has ended. Its second line says that a state was made beside it, and when: a
//! state that is empty or missing then was lost, and one without that line was never there.

use crate::error::StateError;
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Seek, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How often, and how far apart, an occupied lock is tried again: a reader that looks whether anybody
/// is working takes the lock for an instant.
const TRIES: u32 = 5;
const PAUSE: Duration = Duration::from_millis(20);

/// The most that is read back from the file.
const MAX_BYTES: u64 = 1024;

/// What the line begins with that says when a state was made.
const MADE: &str = "state made ";

/// The lock, held until this is dropped.
#[derive(Debug)]
pub(crate) struct ProcessLock {
    file: File,
    path: PathBuf,
    /// Since when there is a state, where there is one.
    made: Option<String>,
}

impl ProcessLock {
    /// Takes the lock of the state file at `state`.
    pub(crate) async fn take(state: &Path) -> Result<Self, StateError> {
        let path = lock_path(state);
        let cannot = |cause| StateError::Open { path: path.clone(), cause };
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(&path)
            .map_err(cannot)?;
        for attempt in 1..=TRIES {
            match file.try_lock() {
                Ok(()) => {
                    let made = made_in(&contents(&mut file));
                    describe_self(&mut file).map_err(cannot)?;
                    let mut lock = Self { file, path: path.clone(), made: None };
                    if let Some(made) = made {
                        lock.write_made(made).map_err(cannot)?;
                    }
                    return Ok(lock);
                }
                Err(TryLockError::WouldBlock) if attempt < TRIES => tokio::time::sleep(PAUSE).await,
                Err(TryLockError::WouldBlock) => break,
                Err(TryLockError::Error(cause)) => return Err(cannot(cause)),
            }
        }
        Err(StateError::Held { path: state.to_owned(), holder: holder(&mut file), is_service: false })
    }

    /// Whether it is noted that there is a state beside the lock.
    pub(crate) fn knows_a_state(&self) -> bool {
        self.made.is_some()
    }

    /// Notes it, for good.
    pub(crate) fn note_made(&mut self) -> Result<(), StateError> {
        let made = format!("{:.0}", jiff::Timestamp::now());
        self.write_made(made).map_err(|cause| StateError::Open { path: self.path.clone(), cause })
    }

    fn write_made(&mut self, made: String) -> std::io::Result<()> {
        writeln!(self.file, "{MADE}{made}")?;
        self.made = Some(made);
        Ok(())
    }

    /// Since when there was a state at this place, where one was ever made.
    pub(crate) fn state_made(state: &Path) -> Option<String> {
        made_in(&contents(&mut File::open(lock_path(state)).ok()?))
    }

    /// Whether the lock is still the file that everybody else would take.
    pub(crate) fn is_in_place(&self) -> bool {
        let held = self.file.metadata().map(|file| identity(&file));
        let there = std::fs::metadata(&self.path).map(|file| identity(&file));
        matches!((held, there), (Ok(held), Ok(there)) if held == there)
    }

    /// Whether some process holds the lock at this moment.
    pub(crate) fn is_held(state: &Path) -> bool {
        let Ok(file) = File::open(lock_path(state)) else { return false };
        matches!(file.try_lock_shared(), Err(TryLockError::WouldBlock))
    }
}

/// What tells a file from any other that has had its name.
#[cfg(unix)]
pub(crate) fn identity(file: &std::fs::Metadata) -> (u64, u64) {
    use std::os::unix::fs::MetadataExt;
    (file.dev(), file.ino())
}

/// Elsewhere a file that is open cannot be taken away.
#[cfg(not(unix))]
pub(crate) fn identity(_: &std::fs::Metadata) -> (u64, u64) {
    (0, 0)
}

pub(crate) fn lock_path(state: &Path) -> PathBuf {
    let mut path = state.as_os_str().to_owned();
    path.push(".lock");
    path.into()
}

fn describe_self(file: &mut File) -> std::io::Result<()> {
    let program = std::env::current_exe().ok();
    let program =
        program.as_deref().and_then(Path::file_name).map(|name| name.to_string_lossy().into_owned());
    file.set_len(0)?;
    file.rewind()?;
    writeln!(
        file,
        "process {} ({}), since {:.0}",
        std::process::id(),
        program.as_deref().unwrap_or("unnamed"),
        jiff::Timestamp::now()
    )
}

fn contents(file: &mut File) -> String {
    let mut text = String::new();
    match file.rewind().and_then(|()| file.take(MAX_BYTES).read_to_string(&mut text)) {
        Ok(_) => text,
        Err(_) => String::new(),
    }
}

fn made_in(contents: &str) -> Option<String> {
    contents.lines().find_map(|line| line.strip_prefix(MADE)).map(|made| made.trim().to_owned())
}

fn holder(file: &mut File) -> String {
    match contents(file).lines().next().map(str::trim) {
        Some(line) if !line.is_empty() => line.to_owned(),
        _ => "another process".to_owned(),
    }
}
