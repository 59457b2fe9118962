//! Finding one record by its key, for whoever needs a value of another record than the one at hand.
//!
//! The mapping asks, a source answers, and neither knows the other.

use crate::names::{RecordKey, SourceName};
use crate::record::Record;
use std::time::Instant;

/// Finds single records of a tenant's sources. Called on the thread that maps, many threads at once.
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
