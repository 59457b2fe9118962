//! Reading a source to its end, and the rows that tests expect.

use futures::StreamExt;
use scimwright_record::{FieldValue, Malformed, Position, Record, RecordKey, RecordSource, Row, SourceName};
use std::path::PathBuf;

/// What a pass over a source yielded.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) rows: Vec<Row>,
    /// The error that ended it, as a person reads it; none for a complete pass.
    pub(crate) error: Option<String>,
}

/// Where every record of an outcome stands.
const SOMEWHERE: Position = Position::Row(0);

impl Outcome {
    pub(crate) fn malformed(&self) -> impl Iterator<Item = Malformed> {
        self.rows.iter().filter_map(|row| match row {
            Row::Malformed(malformed) => Some(malformed.clone()),
            Row::Record(..) => None,
        })
    }

    /// The keys of the records.
    pub(crate) fn keys(&self) -> Vec<&str> {
        self.rows
            .iter()
            .filter_map(|row| match row {
                Row::Record(_, record) => Some(record.key().as_str()),
                Row::Malformed(_) => None,
            })
            .collect()
    }
}

pub(crate) fn run<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}

pub(crate) fn read_source(source: &dyn RecordSource) -> Outcome {
    run(async {
        let mut outcome = Outcome { rows: Vec::new(), error: None };
        match source.read().await {
            Err(error) => outcome.error = Some(error.to_string()),
            Ok(mut rows) => {
                while let Some(row) = rows.next().await {
                    assert_eq!(outcome.error, None, "a stream is over after an error");
                    match row {
                        // Tests of values do not care where they stand.
                        Ok(Row::Record(_, record)) => outcome.rows.push(Row::Record(SOMEWHERE, record)),
                        Ok(malformed) => outcome.rows.push(malformed),
                        Err(error) => outcome.error = Some(error.to_string()),
                    }
                }
            }
        }
        outcome
    })
}

/// Writes a file and reads it through a source.
pub(crate) fn read_file<S: RecordSource>(
    file_name: &str,
    content: &[u8],
    source: impl FnOnce(PathBuf) -> S,
) -> Outcome {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(file_name);
    std::fs::write(&path, content).unwrap();
    read_source(&source(path))
}

pub(crate) fn name() -> SourceName {
    SourceName::parse("hr").unwrap()
}

pub(crate) fn record(key: &str, fields: &[(&str, FieldValue)]) -> Row {
    let mut record = Record::new(name(), RecordKey::parse(key).unwrap());
    for (field, value) in fields {
        record.push(*field, value.clone());
    }
    Row::Record(SOMEWHERE, record)
}

pub(crate) fn malformed(line: u64, key: Option<&str>, message: &str) -> Malformed {
    Malformed {
        position: Position::Line(line),
        key: key.map(|key| RecordKey::parse(key).unwrap()),
        message: message.to_owned(),
    }
}
