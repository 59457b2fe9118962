//! What the configuration allows a module beyond the bare minimum, and the look-ups behind it.
//!
//! The default allows nothing. A grant is needed on top of the module's own declaration: the manifest says
//! what a module wants, the configuration says what it gets.

use scimwright_record::{RecordLookup, SourceName};
use std::fmt;
use std::sync::Arc;

/// What the configuration allows a module. The default: nothing.
#[derive(Clone, Default)]
pub struct Grants {
    /// The module may read every field of a record (`reads = ["*"]` in its manifest).
    pub all_fields: bool,
    /// The sources it may look records up in.
    pub lookups: Vec<SourceName>,
    /// How many records one instance may map where the module asks for it; the smaller of the two numbers counts.
    /// 0: every record gets a fresh instance.
    pub reuse: u32,
    /// Where looked-up records come from. Without it every look-up is refused as not granted.
    pub reader: Option<Arc<dyn RecordLookup>>,
}

impl fmt::Debug for Grants {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Grants")
            .field("all_fields", &self.all_fields)
            .field("lookups", &self.lookups)
            .field("reuse", &self.reuse)
            .field("reader", &self.reader.is_some())
            .finish()
    }
}
