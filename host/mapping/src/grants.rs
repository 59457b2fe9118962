//! What the configuration allows a module beyond the bare minimum, and the look-ups behind it.
//!
//! The default allows nothing. A grant is needed on top of the module's own declaration: the manifest says
//! what a module wants, the configuration says what it gets.

use scimwright_record::{Record, RecordKey, SourceName};
use std::fmt;
use std::sync::Arc;
use std::time::Instant;

/// What the configuration allows a module. The default: nothing.
#[derive(Clone, Default)]
pub struct Grants {
    /// The module may read every field of a record (`reads = ["*"]` in its manifest).
    pub all_fields: bool,
    /// The sources it may look records up in.
    pub lookups: Vec<SourceName>,
    /// Where looked-up records come from. Without it every look-up is refused as not granted.
    pub reader: Option<Arc<dyn RecordLookup>>,
}

impl fmt::Debug for Grants {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Grants")
            .field("all_fields", &self.all_fields)
            .field("lookups", &self.lookups)
            .field("reader", &self.reader.is_some())
            .finish()
    }
}

/// Finds single records of a tenant's sources. Called on the thread that runs the module, many threads at
/// once.
pub trait RecordLookup: Send + Sync {
    /// The record of `source` with this key; `None` where there is none. It may have more fields than
    /// `fields` names: what was not asked for is cut off before the module sees it.
    ///
    /// `deadline` is when the module's wall-clock limit ends. Nobody can interrupt a look-up, so one that
    /// waits for something has to stop waiting by then.
    ///
    /// # Errors
    /// [`LookupUnavailable`] when the source cannot be read; the module is told, and decides.
    fn lookup(
        &self,
        source: &SourceName,
        key: &RecordKey,
        fields: &[String],
        deadline: Instant,
    ) -> Result<Option<Record>, LookupUnavailable>;
}

/// A source that could not be read for a look-up. The message is shown to the module.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct LookupUnavailable(pub String);
