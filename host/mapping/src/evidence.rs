//! What a call leaves behind, however it ended: what it used, what it logged, what it looked up.
//!
//! The look-ups make a tape: whoever plays it back gives the module the same answers, so that a call can be
//! repeated anywhere, without the sources.

use crate::call::LogLine;
use crate::limits::Usage;
use scimwright_record::{LookupUnavailable, Record};

/// What a call leaves behind.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Evidence {
    /// What the call used.
    pub usage: Usage,
    /// What the module logged.
    pub logs: Vec<LogLine>,
    /// What it looked up, in order.
    pub tape: Vec<TapeEntry>,
}

/// A look-up that was made, and its answer.
#[derive(Debug, Clone, PartialEq)]
pub struct TapeEntry {
    /// The source, as the module named it.
    pub source: String,
    /// The key, as the module gave it.
    pub key: String,
    /// The fields asked for.
    pub fields: Vec<String>,
    /// What the module was told.
    pub answer: TapeAnswer,
}

/// What a module was told when it looked something up.
#[derive(Debug, Clone, PartialEq)]
pub enum TapeAnswer {
    /// The record, cut down to the fields asked for.
    Found(Record),
    /// There is no such record.
    Absent,
    /// The module may not look anything up in this source.
    NotGranted,
    /// The source could not be read, for this reason.
    Unavailable(String),
}

impl TapeAnswer {
    /// What a source said, cut down to `fields`.
    pub(crate) fn of(found: Result<Option<Record>, LookupUnavailable>, fields: &[String]) -> Self {
        match found {
            Ok(Some(record)) => Self::Found(record.cut(|name| fields.iter().any(|field| field == name))),
            Ok(None) => Self::Absent,
            Err(unavailable) => Self::Unavailable(unavailable.to_string()),
        }
    }
}
