//! A table, a view, or the result of a query in an SQLite database.
//!
//! The database is opened for reading only, and a pass is one statement, so it sees the
//! database as it was at one moment, whoever writes meanwhile. Values come with SQLite's
//! own types; booleans and moments, of which SQLite has none, are declared.

use crate::columns::{self, Columns, key_of, listed, nearest};
use crate::select::{quoted, single_select};
use crate::typing::ColumnType;
use futures::future::{BoxFuture, FutureExt};
use futures::stream::StreamExt;
use scimwright_record::{
    Field, FieldValue, Malformed, Position, Record, RecordSource, RecordStream, Row, SourceError, SourceName,
};
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection, SqliteRow};
use sqlx::{
    AssertSqlSafe, Column, ConnectOptions, Executor, Row as _, SqlSafeStr, Statement, TypeInfo, ValueRef,
};
use std::path::PathBuf;
use std::time::Duration;

/// How long another program may keep the database locked.
const BUSY_TIMEOUT: Duration = Duration::from_secs(10);

/// What is read from a database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SqliteFrom {
    /// All columns of a table or view.
    Table(String),
    /// The result of a single SELECT.
    Query(String),
}

/// A database and what to read from it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SqliteOptions {
    /// The source's name in the configuration.
    pub name: SourceName,
    /// The database's file.
    pub path: PathBuf,
    /// The table or query.
    pub from: SqliteFrom,
    /// The column that holds the record's key: text or a whole number.
    pub key: String,
    /// What single columns hold, where SQLite cannot say it: `boolean` over 0 and 1, `date-time` over text.
    pub types: Vec<(String, ColumnType)>,
}

impl SqliteOptions {
    /// A database whose columns hold what SQLite says they do.
    #[must_use]
    pub fn new(name: SourceName, path: impl Into<PathBuf>, from: SqliteFrom, key: impl Into<String>) -> Self {
        Self { name, path: path.into(), from, key: key.into(), types: Vec::new() }
    }
}

/// An SQLite database as a source.
#[derive(Debug, Clone)]
pub struct SqliteSource {
    options: SqliteOptions,
}

impl SqliteSource {
    /// A source that reads as the options say. The database is opened by [`read`](RecordSource::read),
    /// which reports a missing file, table or column.
    #[must_use]
    pub fn new(options: SqliteOptions) -> Self {
        Self { options }
    }

    async fn open(&self) -> Result<RecordStream, String> {
        let options = &self.options;
        let mut connection = self.connect().await?;
        let (sql, place) = match &options.from {
            SqliteFrom::Table(table) => {
                self.check_table(&mut connection, table).await?;
                (
                    format!("SELECT * FROM {}", quoted(table)),
                    format!("table `{table}` in {}", options.path.display()),
                )
            }
            SqliteFrom::Query(query) => (
                single_select(query)?.to_owned(),
                format!("the query's result from {}", options.path.display()),
            ),
        };
        // Checked above, and the connection cannot write.
        let statement = connection
            .prepare(AssertSqlSafe(sql.clone()).into_sql_str())
            .await
            .map_err(|error| self.describe(&error))?;
        let names: Vec<_> = statement.columns().iter().map(|column| column.name().to_owned()).collect();
        let columns = Columns::new(
            &place,
            names,
            &options.key,
            &options.types,
            "give one of them another name with AS",
        )?;
        drop(statement);
        Ok(rows(self.clone(), connection, sql, columns))
    }

    async fn connect(&self) -> Result<SqliteConnection, String> {
        let path = &self.options.path;
        let cannot = |cause: &dyn std::fmt::Display| format!("cannot open {}: {cause}", path.display());
        let metadata = std::fs::metadata(path).map_err(|cause| cannot(&cause))?;
        if metadata.is_dir() {
            return Err(cannot(&"it is a folder; name a file in it"));
        }
        let connect = SqliteConnectOptions::new()
            .filename(path)
            .read_only(true)
            .busy_timeout(BUSY_TIMEOUT)
            .disable_statement_logging();
        connect.connect().await.map_err(|error| self.describe(&error))
    }

    async fn check_table(&self, connection: &mut SqliteConnection, table: &str) -> Result<(), String> {
        const SQL: &str = "SELECT name FROM sqlite_schema WHERE type IN ('table', 'view') \
                           AND name NOT LIKE 'sqlite!_%' ESCAPE '!'";
        let tables: Vec<String> =
            sqlx::query_scalar(SQL).fetch_all(connection).await.map_err(|error| self.describe(&error))?;
        // SQLite compares names of tables without case.
        if tables.iter().any(|there| there.eq_ignore_ascii_case(table)) {
            return Ok(());
        }
        let names = || tables.iter().map(String::as_str);
        let hint = match nearest(table, names()) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("it has {}", listed(names())),
        };
        Err(format!("{} does not have the table `{table}` ({hint})", self.options.path.display()))
    }

    /// A sentence for what SQLite reports.
    fn describe(&self, error: &sqlx::Error) -> String {
        let path = self.options.path.display();
        let Some(database) = error.as_database_error() else {
            return format!("cannot read {path}: {error}");
        };
        // The primary result code is the low byte: https://www.sqlite.org/rescode.html
        let code = database.code().and_then(|code| code.parse::<u32>().ok()).map(|code| code & 0xff);
        match code {
            Some(5 | 6) => format!("{path} is locked by another program; run again when that is done"),
            Some(8) => "the query changes the database; a source is read with a SELECT".to_owned(),
            Some(11) => format!("{path} is damaged: {}", database.message()),
            Some(26) => format!("{path} is not an SQLite database"),
            _ => format!("{path}: {}", database.message()),
        }
    }
}

impl RecordSource for SqliteSource {
    fn name(&self) -> &SourceName {
        &self.options.name
    }

    fn has_columns(&self) -> bool {
        true
    }

    fn read(&self) -> BoxFuture<'_, Result<RecordStream, SourceError>> {
        async move {
            self.open().await.map_err(|message| SourceError {
                source_name: self.options.name.clone(),
                position: None,
                message,
            })
        }
        .boxed()
    }
}

/// The rows of a checked statement. SQLite runs on a thread of its own, a few rows ahead.
fn rows(
    source: SqliteSource,
    mut connection: SqliteConnection,
    sql: String,
    columns: Columns,
) -> RecordStream {
    async_stream::stream! {
        let mut found = sqlx::query(AssertSqlSafe(sql)).fetch(&mut connection);
        let mut number = 0;
        while let Some(row) = found.next().await {
            match row {
                Ok(row) => {
                    number += 1;
                    yield Ok(read_row(&source.options, &columns, &row, number));
                }
                Err(error) => {
                    let position = (number > 0).then_some(Position::Row(number));
                    let source_name = source.options.name.clone();
                    yield Err(SourceError { source_name, position, message: source.describe(&error) });
                    return;
                }
            }
        }
    }
    .boxed()
}

fn read_row(options: &SqliteOptions, columns: &Columns, row: &SqliteRow, number: u64) -> Row {
    let malformed =
        |key, message| Row::Malformed(Malformed { position: Position::Row(number), key, message });
    let key = raw_value(row, columns.key())
        .map_err(|message| format!("{} {message}", columns.key_place()))
        .and_then(|value| key_of(&value, columns.key_place()));
    let key = match key {
        Ok(key) => key,
        Err(message) => return malformed(None, message),
    };
    let mut fields = Vec::with_capacity(columns.list().len());
    for (index, column) in columns.list().iter().enumerate() {
        match field_value(row, index, column) {
            Ok(value) => fields.push(Field { name: column.name.clone(), value }),
            Err(message) => return malformed(Some(key), message),
        }
    }
    Row::Record(Position::Row(number), Record::with_distinct_fields(options.name.clone(), key, fields))
}

fn field_value(row: &SqliteRow, index: usize, column: &columns::Column) -> Result<FieldValue, String> {
    let name = &column.name;
    let value = raw_value(row, index).map_err(|message| format!("column `{name}` {message}"))?;
    match &column.declared {
        Some(declared) => declared.convert(value).map_err(|mismatch| format!("column `{name}`: {mismatch}")),
        None => Ok(value),
    }
}

/// A value as SQLite stores it: <https://www.sqlite.org/datatype3.html>.
fn raw_value(row: &SqliteRow, index: usize) -> Result<FieldValue, String> {
    let unreadable = |error: sqlx::Error| format!("cannot be read: {error}");
    let value = row.try_get_raw(index).map_err(unreadable)?;
    if value.is_null() {
        return Ok(FieldValue::Null);
    }
    match value.type_info().name() {
        "INTEGER" => row.try_get_unchecked(index).map(FieldValue::Integer).map_err(unreadable),
        "REAL" => match row.try_get_unchecked::<f64, _>(index).map_err(unreadable)? {
            number if number.is_finite() => Ok(FieldValue::Decimal(number)),
            number => Err(format!("holds {number}, which is not a finite number")),
        },
        "BLOB" => row.try_get_unchecked(index).map(FieldValue::Binary).map_err(unreadable),
        _ => row
            .try_get_unchecked(index)
            .map(FieldValue::Text)
            .map_err(|_| "is not UTF-8 text; store it as a BLOB, or as UTF-8".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::{self, Outcome, name, record};
    use sqlx::Connection;

    const PEOPLE: &str = "
        CREATE TABLE people (id TEXT, name TEXT, active INTEGER, pay REAL, start TEXT, photo BLOB);
        INSERT INTO people VALUES ('1', 'Zoë', 1, 1250.5, '2024-02-28', x'00ff'), ('2', NULL, 0, NULL, NULL, NULL);
        CREATE TABLE \"odd \"\" name; DROP TABLE people\" (id INTEGER PRIMARY KEY);
        INSERT INTO \"odd \"\" name; DROP TABLE people\" VALUES (42);
    ";

    fn read_with(setup: &'static str, change: impl FnOnce(&mut SqliteOptions)) -> Outcome {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("hr.db");
        fixture::run(async {
            let create = SqliteConnectOptions::new().filename(&path).create_if_missing(true);
            let mut connection = create.connect().await.unwrap();
            sqlx::raw_sql(setup).execute(&mut connection).await.unwrap();
            connection.close().await.unwrap();
        });
        let mut options = SqliteOptions::new(name(), path, SqliteFrom::Table("people".into()), "id");
        change(&mut options);
        fixture::read_source(&SqliteSource::new(options))
    }

    fn query(sql: &str) -> Outcome {
        read_with(PEOPLE, |options| options.from = SqliteFrom::Query(sql.to_owned()))
    }

    fn text(text: &str) -> FieldValue {
        FieldValue::Text(text.to_owned())
    }

    #[test]
    fn a_table_is_read_with_its_own_types_and_the_declared_ones() {
        let outcome = read_with(PEOPLE, |options| {
            options.types =
                vec![("active".to_owned(), ColumnType::Boolean), ("start".to_owned(), ColumnType::DateTime)];
        });
        let first = [
            ("id", text("1")),
            ("name", text("Zoë")),
            ("active", FieldValue::Boolean(true)),
            ("pay", FieldValue::Decimal(1250.5)),
            ("start", FieldValue::DateTime("2024-02-28T00:00:00Z".into())),
            ("photo", FieldValue::Binary(vec![0, 255])),
        ];
        let second = [
            ("id", text("2")),
            ("name", FieldValue::Null),
            ("active", FieldValue::Boolean(false)),
            ("pay", FieldValue::Null),
            ("start", FieldValue::Null),
            ("photo", FieldValue::Null),
        ];
        assert_eq!(outcome.rows, [record("1", &first), record("2", &second)]);
        assert_eq!(outcome.error, None);
    }

    #[test]
    fn a_column_without_affinity_keeps_the_type_of_each_value() {
        let outcome = query("VALUES ('a', 1), ('b', 1.5), ('c', 'x'), ('d', x'01')").error.unwrap();
        assert!(outcome.contains("does not have the key column `id`"), "{outcome}");
        let outcome = query(
            "SELECT column1 AS id, column2 AS v FROM (VALUES ('a', 1), ('b', 1.5), ('c', 'x'), ('d', x'01'))",
        );
        let kinds: Vec<_> = outcome
            .rows
            .iter()
            .map(|row| match row {
                Row::Record(_, record) => record.field("v").unwrap().kind(),
                Row::Malformed(_) => "malformed",
            })
            .collect();
        assert_eq!(kinds, ["integer", "decimal", "text", "binary"]);
    }

    #[test]
    fn a_name_is_quoted_whatever_it_contains() {
        let odd = "odd \" name; DROP TABLE people";
        let outcome = read_with(PEOPLE, |options| options.from = SqliteFrom::Table(odd.to_owned()));
        assert_eq!(outcome.rows, [record("42", &[("id", FieldValue::Integer(42))])]);
    }

    #[test]
    fn a_query_may_join_and_order_and_end_in_a_semicolon() {
        let outcome =
            query("SELECT p.id, q.name FROM people p JOIN people q ON q.id = 1 ORDER BY p.id DESC;");
        assert_eq!(outcome.keys(), ["2", "1"]);
        assert_eq!(outcome.error, None);
    }

    #[test]
    fn a_query_that_does_more_than_read_is_refused() {
        for (sql, message) in [
            ("DELETE FROM people", "the query begins with `DELETE`; a source is read with a SELECT"),
            (
                "SELECT id FROM people; DELETE FROM people",
                "the query holds several statements; write a single SELECT",
            ),
            (
                "WITH x AS (SELECT 1) DELETE FROM people RETURNING id",
                "the query changes the database; a source is read with a SELECT",
            ),
        ] {
            let error = query(sql).error.unwrap();
            assert!(error.ends_with(message), "{error}");
        }
    }

    #[test]
    fn what_is_missing_is_named_with_what_is_there() {
        let error =
            read_with(PEOPLE, |options| options.from = SqliteFrom::Table("peopel".into())).error.unwrap();
        assert!(error.ends_with("does not have the table `peopel` (did you mean `people`?)"), "{error}");
        let error = read_with(PEOPLE, |options| options.key = "ident".into()).error.unwrap();
        assert!(error.contains("hr.db does not have the key column `ident`"), "{error}");
        let error = query("SELECT id, id FROM people").error.unwrap();
        assert!(error.contains("two columns named `id`: give one of them another name with AS"), "{error}");
        let error = query("SELECT absent FROM people").error.unwrap();
        assert!(error.ends_with("no such column: absent"), "{error}");
    }

    #[test]
    fn rows_that_cannot_be_records_are_reported_with_their_number() {
        let outcome = query(
            "SELECT column1 AS id, column2 AS v FROM (VALUES (NULL, 1), ('b', 9e999), ('c', CAST(x'ff' AS TEXT)), \
             (x'01', 1), ('e', 1))",
        );
        assert_eq!(outcome.keys(), ["e"]);
        let rows: Vec<_> = outcome
            .malformed()
            .map(|row| (row.position.to_string(), row.key.map(|key| key.to_string()), row.message))
            .collect();
        let row = |place: &str, key: Option<&str>, message: &str| {
            (place.to_owned(), key.map(str::to_owned), message.to_owned())
        };
        assert_eq!(
            rows,
            [
                row("row 1", None, "the key column `id` is empty; every row needs a key of its own"),
                row("row 2", Some("b"), "column `v` holds inf, which is not a finite number"),
                row("row 3", Some("c"), "column `v` is not UTF-8 text; store it as a BLOB, or as UTF-8"),
                row("row 4", None, "the key column `id` holds binary, and a key is text or a whole number"),
            ]
        );
    }

    #[test]
    fn a_failure_in_the_middle_ends_the_pass_with_the_last_row() {
        let outcome = query(
            "SELECT column1 AS id, abs(column2) AS v FROM (VALUES ('a', 1), ('b', 2), ('c', -9223372036854775808))",
        );
        assert_eq!(outcome.keys(), ["a", "b"]);
        let error = outcome.error.unwrap();
        assert!(error.starts_with("source `hr` could not be read past row 2: "), "{error}");
        assert!(error.ends_with("integer overflow"), "{error}");
    }

    #[test]
    fn a_file_that_is_no_database_or_not_there_is_named() {
        let table = || SqliteFrom::Table("people".into());
        let options = SqliteOptions::new(name(), "/nonexistent/hr.db", table(), "id");
        let error = fixture::read_source(&SqliteSource::new(options)).error.unwrap();
        assert!(
            error.starts_with("source `hr` could not be read: cannot open /nonexistent/hr.db: "),
            "{error}"
        );
        let outcome = fixture::read_file("hr.db", &b"id,name\n".repeat(200), |path| {
            SqliteSource::new(SqliteOptions::new(name(), path, table(), "id"))
        });
        assert!(outcome.error.unwrap().ends_with("hr.db is not an SQLite database"));
    }
}
