//! The trait every source implements, and what one pass over a source yields.
//!
//! A pass ends in one of two ways, and the difference decides whether anybody may be
//! deprovisioned: the stream ends with `None` (everything was read), or with an `Err`
//! (something is missing, and nobody knows what). A row that cannot be understood is
//! neither: it is an item of its own, and the pass goes on.

use crate::names::{RecordKey, SourceName};
use crate::record::Record;
use futures::future::{BoxFuture, FutureExt};
use futures::stream::{BoxStream, StreamExt};
use std::collections::HashSet;
use std::fmt;

/// The most keys that a source names as repeated.
pub const MAX_REPEATED: usize = 1 << 17;

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

    /// What tells when a record last changed, where the source has that: the column `updated_at`. Without it,
    /// [`read_changed`](Self::read_changed) reads everything.
    fn change_column(&self) -> Option<&str> {
        None
    }

    /// Begins a pass over the records that changed at or after `since`, a watermark that an earlier pass gave;
    /// without one, over all of them. A record that is gone does not come, and neither does one that was changed
    /// without its change column: a full pass is still needed now and then.
    ///
    /// # Errors
    /// [`SourceError`] when the source cannot be opened at all, or `since` is no watermark of its.
    fn read_changed(&self, since: Option<&str>) -> BoxFuture<'_, Result<Changed, SourceError>> {
        let _ = since;
        async move { Ok(Changed { rows: self.read().await?, watermark: None }) }.boxed()
    }

    /// The keys that more than one row has, [`MAX_REPEATED`] at most, found without the cost of a whole reading: by the
    /// database, or by a pass over a file on this machine that looks at nothing else. `None` where the source has no
    /// such way.
    ///
    /// # Errors
    /// [`SourceError`] when the source cannot be opened at all, or not read to its end.
    fn repeated_keys(&self) -> BoxFuture<'_, Result<Option<Vec<RecordKey>>, SourceError>> {
        std::future::ready(Ok(None)).boxed()
    }

    /// Begins a pass over the records with these keys and no others. A key that nobody has does not come. A row
    /// that cannot be understood comes where its key is one of them; one without a readable key does not, though
    /// it may be any of them. Without a way to ask for single records, everything is read and passed over.
    ///
    /// # Errors
    /// [`SourceError`] when the source cannot be opened at all.
    fn read_keys(&self, keys: Vec<RecordKey>) -> BoxFuture<'_, Result<RecordStream, SourceError>> {
        async move {
            let keys: HashSet<RecordKey> = keys.into_iter().collect();
            let wanted = move |row: &Result<Row, SourceError>| match row {
                Ok(row) => row.key().is_some_and(|key| keys.contains(key)),
                Err(_) => true,
            };
            let rows = self.read().await?;
            Ok(rows.filter(move |row| std::future::ready(wanted(row))).boxed())
        }
        .boxed()
    }
}

/// A pass over what changed, and where the next one begins.
pub struct Changed {
    /// The records that changed; all of them where the source cannot tell. Those whose change column equals
    /// `since` come again: others with the same moment may have been written after they were read.
    pub rows: RecordStream,
    /// What to hand in as `since` the next time, once all rows are dealt with. It is taken before the first row
    /// is read, so that nothing written meanwhile is missed. `None`: keep the old one, if there is one.
    pub watermark: Option<String>,
}

impl fmt::Debug for Changed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Changed").field("watermark", &self.watermark).finish_non_exhaustive()
    }
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

impl Row {
    /// The record's key, where it could be read.
    #[must_use]
    pub fn key(&self) -> Option<&RecordKey> {
        match self {
            Self::Record(_, record) => Some(record.key()),
            Self::Malformed(malformed) => malformed.key.as_ref(),
        }
    }
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
    /// The resource in the lists of a service provider, from 1.
    Resource(u64),
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Line(line) => write!(f, "line {line}"),
            Self::Row(row) => write!(f, "row {row}"),
            Self::Resource(resource) => write!(f, "resource {resource}"),
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

#[cfg(test)]
mod tests {
    use super::*;
    use futures::TryStreamExt;
    use futures::executor::block_on;

    /// Two people, a broken row of a third, one of nobody knows whom; and then it breaks off, where it is told to.
    struct Told {
        name: SourceName,
        breaks_off: bool,
    }

    fn key(key: &str) -> RecordKey {
        RecordKey::parse(key).unwrap()
    }

    fn told(breaks_off: bool) -> Told {
        Told { name: SourceName::parse("hr").unwrap(), breaks_off }
    }

    impl RecordSource for Told {
        fn name(&self) -> &SourceName {
            &self.name
        }

        fn read(&self) -> BoxFuture<'_, Result<RecordStream, SourceError>> {
            let record =
                |at, text| Row::Record(Position::Line(at), Record::new(self.name.clone(), key(text)));
            let broken = |at, key| {
                Row::Malformed(Malformed { position: Position::Line(at), key, message: String::new() })
            };
            let mut rows = vec![
                Ok(record(1, "E1")),
                Ok(record(2, "E2")),
                Ok(broken(3, Some(key("E3")))),
                Ok(broken(4, None)),
            ];
            let source_name = self.name.clone();
            rows.extend(self.breaks_off.then(|| {
                Err(SourceError { source_name, position: Some(Position::Line(4)), message: "gone".into() })
            }));
            std::future::ready(Ok(futures::stream::iter(rows).boxed())).boxed()
        }
    }

    fn keys(source: &Told, wanted: &[&str]) -> Result<Vec<String>, String> {
        let wanted = wanted.iter().map(|text| key(text)).collect();
        let rows: Result<Vec<Row>, SourceError> =
            block_on(async { source.read_keys(wanted).await?.try_collect().await });
        let rows = rows.map_err(|error| error.to_string())?;
        Ok(rows.iter().map(|row| row.key().unwrap().to_string()).collect())
    }

    #[test]
    fn a_source_that_cannot_ask_for_single_records_reads_all_and_passes_over_the_others() {
        assert_eq!(keys(&told(false), &["E2", "E9"]).unwrap(), ["E2"]);
        assert_eq!(keys(&told(false), &["E3"]).unwrap(), ["E3"], "a broken row is somebody's");
        assert!(keys(&told(false), &[]).unwrap().is_empty());
    }

    #[test]
    fn single_records_of_a_source_that_breaks_off_are_an_error_too() {
        let error = keys(&told(true), &["E1"]).unwrap_err();
        assert_eq!(error, "source `hr` could not be read past line 4: gone");
    }

    #[test]
    fn a_source_that_cannot_tell_what_changed_reads_everything_and_gives_no_watermark() {
        let source: &dyn RecordSource = &told(false);
        assert_eq!(source.change_column(), None);
        let (rows, watermark) = block_on(async {
            let changed = source.read_changed(Some("2024-02-28")).await.unwrap();
            (changed.rows.count().await, changed.watermark)
        });
        assert_eq!((rows, watermark), (4, None));
    }
}
