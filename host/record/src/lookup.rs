//! Finding one record by its key, for whoever needs a value of another record than the one at hand.
//!
//! The mapping asks, a source answers, and neither knows the other.

use crate::names::{RecordKey, SourceName};
use crate::record::Record;
use futures::future::{BoxFuture, FutureExt};
use std::any::Any;
use std::fmt;
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

    /// Makes ready what look-ups in these sources need, and keeps it as it is for as long as what is returned
    /// lives: whoever maps many records sees one state of the sources in all of them. Without it, the first
    /// look-up makes ready what it needs.
    fn hold(&self, sources: &[SourceName]) -> BoxFuture<'_, HeldSources> {
        let _ = sources;
        std::future::ready(HeldSources::default()).boxed()
    }
}

/// Sources that are ready for look-ups, and stay as they are until this is dropped.
#[derive(Default)]
pub struct HeldSources {
    /// The sources that cannot be looked up in, and why. Every look-up in them says the same.
    pub unavailable: Vec<(SourceName, LookupUnavailable)>,
    /// Whatever has to live for as long.
    _kept: Option<Box<dyn Any + Send + Sync>>,
}

impl HeldSources {
    /// Sources that last as long as `kept` does.
    #[must_use]
    pub fn new(
        unavailable: Vec<(SourceName, LookupUnavailable)>,
        kept: impl Any + Send + Sync + 'static,
    ) -> Self {
        Self { unavailable, _kept: Some(Box::new(kept)) }
    }
}

impl fmt::Debug for HeldSources {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HeldSources").field("unavailable", &self.unavailable).finish_non_exhaustive()
    }
}

/// A source that could not be read for a look-up. The message is shown to the module.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct LookupUnavailable(pub String);
