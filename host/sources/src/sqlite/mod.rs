//! A table, a view, or the result of a query in an SQLite database.
//!
//! The database is opened for reading only, and a pass is one statement, so it sees the
//! database as it was at one moment, whoever writes meanwhile. Values come with SQLite's
//! own types; booleans and moments, of which SQLite has none, are declared.

mod values;

use crate::columns::{Columns, listed, nearest};
use crate::repeated;
use crate::select::{Dialect, parameter, quoted, single_select};
use crate::typing::ColumnType;
use futures::future::{BoxFuture, FutureExt};
use futures::stream::StreamExt;
use scimwright_record::{
    Changed, FieldValue, Position, RecordKey, RecordSource, RecordStream, Row, SourceError, SourceName,
};
use sqlx::sqlite::{SqliteArguments, SqliteConnectOptions, SqliteConnection};
use sqlx::{Arguments, AssertSqlSafe, Column, ConnectOptions, Either, Executor, SqlSafeStr, Statement};
use std::collections::HashSet;
use std::path::PathBuf;
use std::time::Duration;

/// How long another program may keep the database locked.
const BUSY_TIMEOUT: Duration = Duration::from_secs(10);

/// How many keys are asked for at once. Each may be bound twice, and SQLite takes 32,766 values.
const KEYS_PER_QUERY: usize = 500;

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
    /// The column that tells when a row last changed: a number or text that grows, such as `updated_at`.
    pub change_column: Option<String>,
}

impl SqliteOptions {
    /// A database whose columns hold what SQLite says they do.
    #[must_use]
    pub fn new(name: SourceName, path: impl Into<PathBuf>, from: SqliteFrom, key: impl Into<String>) -> Self {
        Self { name, path: path.into(), from, key: key.into(), types: Vec::new(), change_column: None }
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

    /// Opens the database, and checks what the options say against what it has.
    async fn open(&self) -> Result<Opened, String> {
        let options = &self.options;
        let mut connection = self.connect().await?;
        let path = options.path.display();
        let (sql, relation, place) = match &options.from {
            SqliteFrom::Table(table) => {
                self.check_table(&mut connection, table).await?;
                let relation = quoted(table);
                (format!("SELECT * FROM {relation}"), relation, format!("table `{table}` in {path}"))
            }
            SqliteFrom::Query(query) => {
                let query = single_select(query, Dialect::Sqlite)?;
                // A line of its own: the query may end in a comment.
                (query.to_owned(), format!("({query}\n)"), format!("the query's result from {path}"))
            }
        };
        // Checked above, and the connection cannot write.
        let statement = connection
            .prepare(AssertSqlSafe(sql.clone()).into_sql_str())
            .await
            .map_err(|error| self.describe(&error))?;
        if !matches!(statement.parameters(), None | Some(Either::Right(0))) {
            // SQLite would read it as NULL and say nothing.
            let name = parameter(&sql).unwrap_or("?");
            return Err(format!(
                "the query has a parameter, `{name}`, and nothing gives it a value; write the value into the query"
            ));
        }
        let names: Vec<_> = statement.columns().iter().map(|column| column.name().to_owned()).collect();
        let columns = Columns::new(
            &place,
            names,
            &options.key,
            options.change_column.as_deref(),
            &options.types,
            "give one of them another name with AS",
        )?;
        drop(statement);
        Ok(Opened { source: self.clone(), connection, sql, relation, columns })
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

    fn repeated_keys(&self) -> BoxFuture<'_, Result<Option<Vec<RecordKey>>, SourceError>> {
        async move {
            let mut opened = self.open().await.map_err(|message| self.failed(None, message))?;
            let sql = repeated::select(&self.options.key, &opened.relation);
            let keys =
                sqlx::query_scalar::<_, String>(AssertSqlSafe(sql)).fetch_all(&mut opened.connection).await;
            let keys = keys.map_err(|error| self.failed(None, self.describe(&error)))?;
            // What is no key fails its row.
            Ok(Some(keys.iter().filter_map(|key| RecordKey::parse(key).ok()).collect()))
        }
        .boxed()
    }

    fn read(&self) -> BoxFuture<'_, Result<RecordStream, SourceError>> {
        async move {
            let opened = self.open().await.map_err(|message| self.failed(None, message))?;
            let all = Select { sql: opened.sql.clone(), values: Vec::new() };
            Ok(opened.rows(vec![all], None))
        }
        .boxed()
    }

    fn change_column(&self) -> Option<&str> {
        self.options.change_column.as_deref()
    }

    fn read_changed(&self, since: Option<&str>) -> BoxFuture<'_, Result<Changed, SourceError>> {
        let since = since.map(ToOwned::to_owned);
        async move {
            let Some(column) = self.change_column() else {
                return Ok(Changed { rows: self.read().await?, watermark: None });
            };
            self.open_changed(&quoted(column), since).await.map_err(|message| self.failed(None, message))
        }
        .boxed()
    }

    fn read_keys(&self, keys: Vec<RecordKey>) -> BoxFuture<'_, Result<RecordStream, SourceError>> {
        async move {
            let opened = self.open().await.map_err(|message| self.failed(None, message))?;
            let selects = keys.chunks(KEYS_PER_QUERY).map(|keys| opened.select_keys(keys)).collect();
            Ok(opened.rows(selects, Some(keys.into_iter().collect())))
        }
        .boxed()
    }
}

/// An open database, and what is read from it.
struct Opened {
    source: SqliteSource,
    connection: SqliteConnection,
    /// What yields all rows.
    sql: String,
    /// The same as what may stand after FROM.
    relation: String,
    columns: Columns,
}

/// One SELECT and the values of its parameters.
struct Select {
    sql: String,
    values: Vec<Value>,
}

/// A value as SQLite compares it: a number is less than any text.
#[derive(Debug, Clone, PartialEq)]
enum Value {
    Integer(i64),
    Real(f64),
    Text(String),
}

impl Value {
    /// The value in a watermark: JSON, so that the number 17 does not come back as the text "17".
    fn parse(watermark: &str) -> Option<Self> {
        match serde_json::from_str(watermark).ok()? {
            serde_json::Value::String(text) => Some(Self::Text(text)),
            serde_json::Value::Number(number) => {
                number.as_i64().map(Self::Integer).or_else(|| number.as_f64().map(Self::Real))
            }
            _ => None,
        }
    }

    fn watermark(&self) -> String {
        match self {
            Self::Integer(number) => serde_json::Value::from(*number),
            Self::Real(number) => serde_json::Value::from(*number),
            Self::Text(text) => serde_json::Value::from(text.as_str()),
        }
        .to_string()
    }
}

impl SqliteSource {
    async fn open_changed(&self, column: &str, since: Option<String>) -> Result<Changed, String> {
        let since = since.map(|text| {
            Value::parse(&text).ok_or_else(|| {
                format!("`{text}` is no watermark of this source; run a full cycle, which makes a new one")
            })
        });
        let since = since.transpose()?;
        let mut opened = self.open().await?;
        // One transaction: the watermark and the rows are of the same moment. It ends with the connection.
        opened.connection.execute("BEGIN").await.map_err(|error| self.describe(&error))?;
        let watermark = opened.newest(column).await?.map(|newest| newest.watermark());
        let select = match since {
            None => Select { sql: opened.sql.clone(), values: Vec::new() },
            Some(since) => {
                // Not `>`: other rows may have been written in the same moment after the last reading. Without
                // a value nobody knows when the row changed, nor with a number among texts; a text among numbers is
                // greater than all of them.
                let numbers = match since {
                    Value::Text(_) => format!(" OR source.{column} < ''"),
                    Value::Integer(_) | Value::Real(_) => String::new(),
                };
                let sql = format!(
                    "SELECT * FROM {} AS source WHERE source.{column} >= ?1 OR source.{column} IS NULL{numbers}",
                    opened.relation
                );
                Select { sql, values: vec![since] }
            }
        };
        Ok(Changed { rows: opened.rows(vec![select], None), watermark })
    }

    fn failed(&self, position: Option<Position>, message: String) -> SourceError {
        SourceError { source_name: self.options.name.clone(), position, message }
    }
}

impl Opened {
    /// The largest value in a column; none where there are no rows, or none with a value. Where some are numbers it is the
    /// largest of those: a text would be larger than every number to come.
    async fn newest(&mut self, column: &str) -> Result<Option<Value>, String> {
        // https://www.sqlite.org/datatype3.html#sort_order: numbers come before '', the least text.
        match self.largest(column, "<").await? {
            Some(number) => Ok(Some(number)),
            None => self.largest(column, ">=").await,
        }
    }

    /// The largest of the values that stand so to the least text.
    async fn largest(&mut self, column: &str, comparison: &str) -> Result<Option<Value>, String> {
        let sql = format!(
            // No number is greater than infinity, so what is marked so comes every time and moves nothing.
            "SELECT max(source.{column}) FROM {} AS source WHERE source.{column} {comparison} '' \
             AND source.{column} NOT IN (9e999, -9e999)",
            self.relation
        );
        let row = sqlx::query(AssertSqlSafe(sql))
            .fetch_one(&mut self.connection)
            .await
            .map_err(|error| self.source.describe(&error))?;
        match values::raw_value(&row, 0) {
            Ok(FieldValue::Null) => Ok(None),
            Ok(FieldValue::Integer(number)) => Ok(Some(Value::Integer(number))),
            Ok(FieldValue::Decimal(number)) => Ok(Some(Value::Real(number))),
            Ok(FieldValue::Text(text)) => Ok(Some(Value::Text(text))),
            Ok(other) => Err(format!(
                "the change column {column} holds {}; it has to hold numbers or text that grow with every change",
                other.kind()
            )),
            Err(reason) => Err(format!("the change column {column} {reason}")),
        }
    }

    /// What yields the rows with these keys, and perhaps a few more: SQLite makes 7 of '007' for a column of
    /// integers.
    fn select_keys(&self, keys: &[RecordKey]) -> Select {
        let mut values: Vec<_> = keys.iter().map(|key| Value::Text(key.as_str().to_owned())).collect();
        // In a column without a type, numbers may stand as numbers.
        values.extend(keys.iter().filter_map(|key| {
            let number: i64 = key.as_str().parse().ok()?;
            (number.to_string() == key.as_str()).then_some(Value::Integer(number))
        }));
        let places = vec!["?"; values.len()].join(", ");
        let key = quoted(&self.source.options.key);
        let sql = format!("SELECT * FROM {} AS source WHERE source.{key} IN ({places})", self.relation);
        Select { sql, values }
    }

    /// The rows of these statements, one after the other; of certain keys, if there are `only` some. SQLite runs
    /// on a thread of its own, a few rows ahead.
    fn rows(self, selects: Vec<Select>, only: Option<HashSet<RecordKey>>) -> RecordStream {
        let Self { source, mut connection, columns, .. } = self;
        async_stream::stream! {
            let mut number = 0;
            for Select { sql, values } in selects {
                let arguments = match arguments(values) {
                    Ok(arguments) => arguments,
                    Err(message) => {
                        yield Err(source.failed(None, message));
                        return;
                    }
                };
                let mut found = sqlx::query_with(AssertSqlSafe(sql), arguments).fetch(&mut connection);
                while let Some(row) = found.next().await {
                    match row {
                        Ok(row) => {
                            number += 1;
                            let row: Row = values::read_row(&source.options, &columns, &row, number);
                            if only.as_ref().is_none_or(|keys| row.key().is_some_and(|key| keys.contains(key))) {
                                yield Ok(row);
                            }
                        }
                        Err(error) => {
                            let position = (number > 0).then_some(Position::Row(number));
                            yield Err(source.failed(position, source.describe(&error)));
                            return;
                        }
                    }
                }
            }
        }
        .boxed()
    }
}

fn arguments(values: Vec<Value>) -> Result<SqliteArguments, String> {
    let mut arguments = SqliteArguments::default();
    for value in values {
        match value {
            Value::Integer(number) => arguments.add(number),
            Value::Real(number) => arguments.add(number),
            Value::Text(text) => arguments.add(text),
        }
        .map_err(|error| format!("a value cannot be handed to SQLite: {error}"))?;
    }
    Ok(arguments)
}

#[cfg(test)]
mod tests;
