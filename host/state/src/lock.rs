//! One process at a time: an exclusive lock on a file beside the state.
//!
//! The operating system drops the lock when the process ends, however it ends, so there is
//! no stale lock to clear by hand. What stands in the file only serves the message: it is
//! never trusted to decide.

use crate::error::StateError;
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Seek, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How often, and how far apart, an occupied lock is tried again: a reader that looks whether anybody
/// is working takes the lock for an instant.
const TRIES: u32 = 5;
const PAUSE: Duration = Duration::from_millis(20);

/// The longest description of a holder that is read back.
const MAX_HOLDER_BYTES: u64 = 512;

/// The lock, held until this is dropped.
#[derive(Debug)]
pub(crate) struct ProcessLock {
    _file: File,
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
                    describe_self(&mut file).map_err(cannot)?;
                    return Ok(Self { _file: file });
                }
                Err(TryLockError::WouldBlock) if attempt < TRIES => tokio::time::sleep(PAUSE).await,
                Err(TryLockError::WouldBlock) => break,
                Err(TryLockError::Error(cause)) => return Err(cannot(cause)),
            }
        }
        Err(StateError::Held { path: state.to_owned(), holder: holder(&mut file) })
    }

    /// Whether some process holds the lock at this moment.
    pub(crate) fn is_held(state: &Path) -> bool {
        let Ok(file) = File::open(lock_path(state)) else { return false };
        matches!(file.try_lock_shared(), Err(TryLockError::WouldBlock))
    }
}

fn lock_path(state: &Path) -> PathBuf {
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

fn holder(file: &mut File) -> String {
    let mut text = String::new();
    let read = file.rewind().and_then(|()| file.take(MAX_HOLDER_BYTES).read_to_string(&mut text));
    match read {
        Ok(_) if !text.trim().is_empty() => text.trim().to_owned(),
        _ => "another process".to_owned(),
    }
}
