//! The trait every source implements, and what one pass over a source yields.
//!
//! A pass ends in one of two ways, and the difference decides whether anybody may be
//! deprovisioned: the stream ends with `None` (everything was read), or with an `Err`
//! (something is missing, and nobody knows what). A row that cannot be understood is
//! neither: it is an item of its own, and the pass goes on.

use crate::names::{RecordKey, SourceName};
use crate::record::Record;
use futures::future::BoxFuture;
use futures::stream::BoxStream;
use std::fmt;

/// Something that records can be read from, from start to end, as often as needed.
pub trait RecordSource: Send + Sync {
    /// The source's name in the configuration.
    fn name(&self) -> &SourceName;

    /// Whether every record has the same fields, as the rows of a table have. A field that a record lacks is a
    /// mistake then, and otherwise only a field without a value.
    fn has_columns(&self) -> bool {
        false
    }

    /// Begins a pass over all records. Memory stays bounded however many there are.
    ///
    /// # Errors
    /// [`SourceError`] when the source cannot be opened at all.
    fn read(&self) -> BoxFuture<'_, Result<RecordStream, SourceError>>;
}

/// One pass over a source. After an `Err` the stream is over and the pass was incomplete.
pub type RecordStream = BoxStream<'static, Result<Row, SourceError>>;

/// One row of a source: a record, or what could not become one.
#[derive(Debug, Clone, PartialEq)]
pub enum Row {
    /// A record, and where it stands.
    Record(Position, Record),
    /// A row that could not be understood. The pass goes on.
    Malformed(Malformed),
}

/// A row that could not become a record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Malformed {
    /// Where the row stands.
    pub position: Position,
    /// The record's key, where that much could be read beyond doubt. A person whose row is broken is still
    /// there, and must not be taken for one who left. Without a key the row may be anybody's, so nobody at
    /// all may be taken for one who left.
    pub key: Option<RecordKey>,
    /// What is wrong, and how to mend it.
    pub message: String,
}

/// Where a row stands in its source.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Position {
    /// The line of a file on which the row begins, from 1.
    Line(u64),
    /// The row of a table or query result, from 1.
    Row(u64),
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Line(line) => write!(f, "line {line}"),
            Self::Row(row) => write!(f, "row {row}"),
        }
    }
}

/// A source that could not be opened, or not read to its end.
#[derive(Debug, thiserror::Error)]
#[error("source `{source_name}` {}: {message}", match .position {
    Some(position) => format!("could not be read past {position}"),
    None => "could not be read".to_owned(),
})]
pub struct SourceError {
    /// The source's name in the configuration.
    pub source_name: SourceName,
    /// The last place that was read, where reading had begun.
    pub position: Option<Position>,
    /// What happened, with the file or table and the remedy.
    pub message: String,
}
