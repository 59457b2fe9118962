//! One reading of a source, by key, in a temporary SQLite database.
//!
//! The database has no name: SQLite makes its file when it grows beyond a few megabytes of memory, and unlinks
//! it at once, so that nothing of it is left behind by whatever ends the process.

use super::recent::Recent;
use futures::StreamExt;
use scimwright_record::{Field, LookupUnavailable, Record, RecordKey, RecordSource, Row, SourceName};
use serde_json::json;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{ConnectOptions, Connection, Executor, Row as _};
use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicU64, Ordering};

/// How many rows are written at a time.
const BATCH: usize = 256;

/// How many bytes of records are kept at hand.
const RECENT_BYTES: usize = 8 << 20;

const SCHEMA: &str = "
PRAGMA journal_mode = OFF;
PRAGMA synchronous = OFF;
CREATE TABLE record (
    key     TEXT PRIMARY KEY,
    place   TEXT NOT NULL,
    -- The fields as JSON; none where the key does not tell one record.
    fields  TEXT,
    problem TEXT
) STRICT, WITHOUT ROWID;
";

/// A second row with a key leaves none of the two: which is meant, nobody knows.
const INSERT: &str = "
INSERT INTO record (key, place, fields, problem)
SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3 FROM json_each(?1) WHERE true
ON CONFLICT (key) DO UPDATE SET
    fields = NULL,
    problem = 'its key stands twice, at ' || place || ' and at ' || excluded.place
        || '; one of the two needs another key'
";

/// What one reading of a source found.
pub(super) struct Index {
    source: SourceName,
    /// Rows without a readable key: any of them may be the record that somebody looks for.
    unidentified: Option<String>,
    connection: tokio::sync::Mutex<SqliteConnection>,
    recent: Mutex<Recent>,
}

impl Index {
    /// Reads the source to its end. `read` counts the rows meanwhile.
    pub(super) async fn of(source: &dyn RecordSource, read: &AtomicU64) -> Result<Self, String> {
        let broken = |error: sqlx::Error| {
            format!("the index of source `{}` cannot be written: {error}; is the disk full?", source.name())
        };
        // An empty name is a database of its own that nobody else can open: https://www.sqlite.org/inmemorydb.html
        let options =
            SqliteConnectOptions::new().filename("").create_if_missing(true).disable_statement_logging();
        let mut connection = options.connect().await.map_err(broken)?;
        connection.execute(SCHEMA).await.map_err(broken)?;
        let mut rows = source.read().await.map_err(|error| error.to_string())?;
        let mut unidentified = Unidentified::default();
        let mut writing = connection.begin().await.map_err(broken)?;
        let mut batch = Vec::with_capacity(BATCH);
        loop {
            let row = rows.next().await.transpose().map_err(|error| error.to_string())?;
            let is_last = row.is_none();
            if let Some(row) = row {
                read.fetch_add(1, Ordering::Relaxed);
                batch.extend(entry(row, &mut unidentified)?);
            }
            if batch.len() >= BATCH || (is_last && !batch.is_empty()) {
                let values = serde_json::Value::Array(std::mem::take(&mut batch)).to_string();
                sqlx::query(INSERT).bind(values).execute(&mut *writing).await.map_err(broken)?;
            }
            if is_last {
                break;
            }
        }
        writing.commit().await.map_err(broken)?;
        Ok(Self {
            source: source.name().clone(),
            unidentified: unidentified.reason(),
            connection: tokio::sync::Mutex::new(connection),
            recent: Mutex::new(Recent::new(RECENT_BYTES)),
        })
    }

    /// The answer for a key, where it was asked for a short while ago.
    pub(super) fn recent(&self, key: &RecordKey) -> Option<Result<Option<Record>, LookupUnavailable>> {
        self.recent.lock().unwrap_or_else(PoisonError::into_inner).get(key)
    }

    pub(super) async fn find(&self, key: &RecordKey) -> Result<Option<Record>, LookupUnavailable> {
        let broken = |reason: &dyn std::fmt::Display| {
            LookupUnavailable(format!("the index of source `{}` cannot be read: {reason}", self.source))
        };
        let mut connection = self.connection.lock().await;
        let row = sqlx::query("SELECT place, fields, problem FROM record WHERE key = ?1")
            .bind(key.as_str())
            .fetch_optional(&mut *connection)
            .await
            .map_err(|error| broken(&error))?;
        drop(connection);
        let answer = match row {
            None => match &self.unidentified {
                None => Ok(None),
                Some(reason) => Err(LookupUnavailable(format!(
                    "source `{}` has no record `{key}` that can be read, but {reason}",
                    self.source
                ))),
            },
            Some(row) => match row.get::<Option<String>, _>("fields") {
                Some(fields) => {
                    let fields: Vec<Field> = serde_json::from_str(&fields).map_err(|error| broken(&error))?;
                    Ok(Some(Record::with_distinct_fields(self.source.clone(), key.clone(), fields)))
                }
                None => Err(LookupUnavailable(format!(
                    "record `{key}` of source `{}` cannot be used: {}",
                    self.source,
                    row.get::<Option<String>, _>("problem").unwrap_or_default()
                ))),
            },
        };
        self.recent.lock().unwrap_or_else(PoisonError::into_inner).put(key, &answer);
        answer
    }
}

/// A row as it is written: key, place, fields or what is wrong.
fn entry(row: Row, unidentified: &mut Unidentified) -> Result<Option<serde_json::Value>, String> {
    match row {
        Row::Record(place, record) => {
            // As text inside of text: what SQLite makes of numbers must not touch them.
            let fields = serde_json::to_string(record.fields()).map_err(|error| error.to_string())?;
            Ok(Some(json!([record.key(), place.to_string(), fields, null])))
        }
        Row::Malformed(malformed) => {
            let place = malformed.position.to_string();
            let problem = format!("{place}: {}", malformed.message);
            match malformed.key {
                Some(key) => Ok(Some(json!([key, place, null, problem]))),
                None => {
                    unidentified.note(problem);
                    Ok(None)
                }
            }
        }
    }
}

/// Rows whose key cannot be read.
#[derive(Default)]
struct Unidentified {
    count: u64,
    first: String,
}

impl Unidentified {
    fn note(&mut self, problem: String) {
        if self.count == 0 {
            self.first = problem;
        }
        self.count += 1;
    }

    fn reason(self) -> Option<String> {
        match self.count {
            0 => None,
            1 => Some(format!(
                "a row whose key cannot be read may be it ({}); correct it in the source",
                self.first
            )),
            count => Some(format!(
                "{count} rows whose key cannot be read may be it (the first is {}); correct them in the source",
                self.first
            )),
        }
    }
}
