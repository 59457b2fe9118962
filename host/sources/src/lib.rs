//! Where records come from: files, databases and service providers, read as streams.
//!
//! Each source is built from a plain options value and implements
//! [`RecordSource`](scimwright_record::RecordSource). Reading holds a bounded number of rows
//! in memory however many there are, stops when the stream is dropped, and ends in one of
//! two ways that are never confused: everything was read, or an error says that something
//! is missing. A row that cannot be understood is reported with its place and does not
//! stop the others.
//!
//! - [`csv`]: [`CsvSource`], a file with a header line
//! - [`json_lines`]: [`JsonLinesSource`], an object a line
//! - [`sqlite`]: [`SqliteSource`], a table, a view or the result of a query
//! - [`postgres`]: [`PostgresSource`], the same in a PostgreSQL database
//! - [`scim`]: [`ScimSource`], the resources of a service provider
//! - [`lookup`]: [`SourceLookup`], one record of any of them by its key
//! - [`typing`]: [`ColumnType`], what a column's text or numbers are to become
//!
//! Inside: `csv_rows` and `lines` (bytes to rows, bounded, with line numbers), `columns`
//! (names and types of a table's columns), `select` (which SQL may be run), `feed` (from a
//! thread to a stream), `repeated` (keys that several rows have), `file` (a file that must not change while it is read).
//!
//! ```
//! use futures::TryStreamExt;
//! use scimwright_record::{RecordSource, Row, SourceName};
//! use scimwright_sources::{ColumnType, CsvOptions, CsvSource};
//!
//! # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
//! # let folder = tempfile::tempdir()?;
//! let path = folder.path().join("people.csv");
//! std::fs::write(&path, "id,name,active\nE1,Zoë,yes\nE2,Ari,perhaps\n")?;
//! let mut options = CsvOptions::new(SourceName::parse("hr")?, path, "id");
//! options.types = vec![("active".to_owned(), ColumnType::Boolean)];
//!
//! let rows: Vec<Row> = CsvSource::new(options).read().await?.try_collect().await?;
//! assert!(matches!(&rows[0], Row::Record(_, record) if record.key().as_str() == "E1"));
//! let Row::Malformed(row) = &rows[1] else { unreachable!() };
//! assert_eq!(row.message, "column `active`: `perhaps` is not a boolean; write true or false");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! # })?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod columns;
pub mod csv;
mod csv_rows;
mod feed;
mod file;
pub mod json_lines;
mod lines;
pub mod lookup;
pub mod postgres;
mod repeated;
pub mod scim;
mod select;
pub mod sqlite;
pub mod typing;

pub use csv::{CsvOptions, CsvSource, EmptyCell};
pub use json_lines::{JsonLinesOptions, JsonLinesSource};
pub use lookup::SourceLookup;
pub use postgres::{PostgresFrom, PostgresOptions, PostgresSource, UrlSource};
pub use scim::{ProviderSource, ScimOptions, ScimSource};
pub use sqlite::{SqliteFrom, SqliteOptions, SqliteSource};
pub use typing::{ColumnType, UnknownColumnType};

/// The largest row that is read, in bytes. A larger one is a sign of something else, such as a quote that
/// was never closed.
pub const MAX_ROW_BYTES: usize = 1024 * 1024;

#[cfg(test)]
mod fixture;
