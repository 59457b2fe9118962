//! The state files that a command opened for writing, closed however it ends.
//!
//! A store that is only dropped leaves its journal beside the file: the process does not wait for the thread that would
//! write it back.

use scimwright_state::{StateError, StateStore};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

/// What a command opened for writing.
#[derive(Debug, Clone, Default)]
pub(crate) struct States(Arc<Mutex<Vec<StateStore>>>);

impl States {
    /// Opens a state for writing; it stays open until the command ends.
    pub(crate) async fn open(&self, path: &Path) -> Result<StateStore, StateError> {
        let store = StateStore::open(path).await?;
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(store.clone());
        Ok(store)
    }

    /// Closes all of them.
    pub(crate) async fn close(&self) {
        let opened = std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner));
        for store in opened {
            store.close().await;
        }
    }
}
