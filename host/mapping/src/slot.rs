//! Where the version of a module that serves now is to be had.
//!
//! Whoever maps records holds slots, not modules. A slot's module may be replaced while records flow; who took
//! the module out of it keeps that version for as long as the record lasts, so that no record is mapped by two.

use crate::breaker::Health;
use crate::error::Fault;
use crate::module::{MappingModule, ModuleId};
use jiff::Timestamp;
use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};

/// A place for a module. Cheap to clone; all clones are one place.
#[derive(Clone)]
pub struct ModuleSlot {
    id: ModuleId,
    serving: Arc<RwLock<Result<MappingModule, String>>>,
}

/// A slot that has no module to offer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{module} cannot be used: {reason}")]
pub struct Unavailable {
    /// Which module.
    pub module: ModuleId,
    /// Why there is none, and what to do.
    pub reason: String,
}

impl ModuleSlot {
    /// A slot for a module that nobody replaces.
    #[must_use]
    pub fn fixed(module: MappingModule) -> Self {
        Self { id: module.id().clone(), serving: Arc::new(RwLock::new(Ok(module))) }
    }

    /// A slot that is empty, for this reason.
    #[must_use]
    pub fn empty(id: ModuleId, reason: impl Into<String>) -> Self {
        Self { id, serving: Arc::new(RwLock::new(Err(reason.into()))) }
    }

    /// Which module it is for.
    #[must_use]
    pub fn id(&self) -> &ModuleId {
        &self.id
    }

    /// The module that serves now.
    ///
    /// # Errors
    /// [`Unavailable`] where there is none, or it is in quarantine.
    pub fn current(&self) -> Result<MappingModule, Unavailable> {
        let unavailable = |reason| Unavailable { module: self.id.clone(), reason };
        let module = self.loaded().map_err(unavailable)?;
        match module.health() {
            // When its time is over, the next record decides.
            Health::Quarantined(quarantine) if Timestamp::now() < quarantine.until => {
                Err(unavailable(Fault::Quarantined(quarantine).to_string()))
            }
            _ => Ok(module),
        }
    }

    /// The module that is here, in quarantine or not; why there is none, where there is none.
    ///
    /// # Errors
    /// The reason given when it was withdrawn.
    pub fn loaded(&self) -> Result<MappingModule, String> {
        self.serving.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Puts another version in its place. Calls under way end with the version they began with.
    pub fn serve(&self, module: MappingModule) {
        *self.serving.write().unwrap_or_else(PoisonError::into_inner) = Ok(module);
    }

    /// Takes the module away, for this reason.
    pub fn withdraw(&self, reason: impl Into<String>) {
        *self.serving.write().unwrap_or_else(PoisonError::into_inner) = Err(reason.into());
    }
}

impl fmt::Debug for ModuleSlot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ModuleSlot").field("id", &self.id).finish_non_exhaustive()
    }
}
