//! A table, a view, or the result of a query in a PostgreSQL database.
//!
//! A pass is one read-only transaction of one moment (`REPEATABLE READ`), whoever writes meanwhile. Rows come as
//! the server sends them, so memory stays bounded; a server that goes away in the middle ends the pass with an
//! error. All of a column's values become fields of one kind, whatever the row.
//!
//! - here: [`PostgresSource`], what is asked of the server
//! - `connection`: the way to a server, and its errors in words
//! - `rows`: rows as records
//! - `shape` and `numeric`: PostgreSQL's types as those of fields

mod connection;
mod numeric;
mod rows;
mod shape;

use crate::columns::{Columns, listed, nearest};
use crate::select::{quoted, single_select};
use crate::typing::ColumnType;
use connection::Server;
use futures::future::{BoxFuture, FutureExt};
use rows::{ROW_TIMEOUT, Reading, Select, silent};
use scimwright_record::{Changed, RecordKey, RecordSource, RecordStream, SourceError, SourceName};
use secrecy::SecretString;
use shape::Shape;
use sqlx::postgres::types::Oid;
use sqlx::postgres::{PgConnection, PgTypeInfo};
use sqlx::{AssertSqlSafe, Column, Either, Executor, SqlSafeStr, Statement, TypeInfo};
use std::fmt;
use std::sync::Arc;

/// How many keys are asked for at once.
const KEYS_PER_QUERY: usize = 500;

/// Where a server's URL comes from. It is asked for at each pass, so a password may change.
pub trait UrlSource: Send + Sync {
    /// The URL: `postgres://USER:PASSWORD@HOST:PORT/DATABASE`.
    ///
    /// # Errors
    /// A sentence that names the place where it should be, and never what is there.
    fn fetch(&self) -> BoxFuture<'_, Result<SecretString, String>>;
}

impl UrlSource for SecretString {
    fn fetch(&self) -> BoxFuture<'_, Result<SecretString, String>> {
        std::future::ready(Ok(self.clone())).boxed()
    }
}

/// What is read from a database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PostgresFrom {
    /// All columns of a table, a view, a materialised view or a foreign table.
    Table {
        /// Its schema; without one, it is looked for along the user's `search_path`.
        schema: Option<String>,
        /// Its name, exactly as the database has it.
        table: String,
    },
    /// The result of a single SELECT.
    Query(String),
}

/// A database and what to read from it.
#[derive(Clone)]
pub struct PostgresOptions {
    /// The source's name in the configuration.
    pub name: SourceName,
    /// The server, the database, and who we are there. A server that is not on this machine has to show a
    /// certificate that is in order, unless the URL has an `sslmode` of its own.
    pub url: Arc<dyn UrlSource>,
    /// The table or query.
    pub from: PostgresFrom,
    /// The column that holds the record's key: text, a whole number or a UUID.
    pub key: String,
    /// What single columns are to become. A column of a type that fields do not have needs an entry.
    pub types: Vec<(String, ColumnType)>,
    /// The column that tells when a row last changed, and grows with every change: `updated_at`.
    pub change_column: Option<String>,
}

impl PostgresOptions {
    /// A database whose columns become what their types say.
    #[must_use]
    pub fn new(
        name: SourceName,
        url: Arc<dyn UrlSource>,
        from: PostgresFrom,
        key: impl Into<String>,
    ) -> Self {
        Self { name, url, from, key: key.into(), types: Vec::new(), change_column: None }
    }
}

impl fmt::Debug for PostgresOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PostgresOptions")
            .field("name", &self.name)
            .field("url", &format_args!("[redacted]"))
            .field("from", &self.from)
            .field("key", &self.key)
            .field("types", &self.types)
            .field("change_column", &self.change_column)
            .finish()
    }
}

/// A PostgreSQL database as a source.
///
/// ```no_run
/// use futures::TryStreamExt;
/// use scimwright_record::{RecordSource, Row, SourceName};
/// use scimwright_sources::{PostgresFrom, PostgresOptions, PostgresSource};
/// use secrecy::SecretString;
/// use std::sync::Arc;
///
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// let url = SecretString::from(std::env::var("HR_DB")?);
/// let from = PostgresFrom::Table { schema: None, table: "people".into() };
/// let mut options = PostgresOptions::new(SourceName::parse("hr")?, Arc::new(url), from, "employee_id");
/// options.change_column = Some("updated_at".into());
/// let people = PostgresSource::new(options);
///
/// let first = people.read_changed(None).await?;
/// let everybody: Vec<Row> = first.rows.try_collect().await?;
/// // Later: only who changed since, and those of that very moment once more.
/// let next = people.read_changed(first.watermark.as_deref()).await?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct PostgresSource {
    options: Arc<PostgresOptions>,
}

impl PostgresSource {
    /// A source that reads as the options say. The server is connected to by [`read`](RecordSource::read),
    /// which reports a missing server, table or column.
    #[must_use]
    pub fn new(options: PostgresOptions) -> Self {
        Self { options: Arc::new(options) }
    }

    /// Connects, and does what has to be done before the first row, in time.
    async fn opened<T>(&self, make: impl AsyncFnOnce(Opened) -> Result<T, String>) -> Result<T, SourceError> {
        let opening = async {
            let server = Server::find(self.options.url.as_ref()).await?;
            let making = async { make(self.open(server.clone()).await?).await };
            match tokio::time::timeout(ROW_TIMEOUT, making).await {
                Ok(made) => made,
                Err(_) => Err(silent(server.place())),
            }
        };
        let name = &self.options.name;
        opening.await.map_err(|message| SourceError { source_name: name.clone(), position: None, message })
    }

    /// Connects, and checks what the options say against what the database has.
    async fn open(&self, server: Server) -> Result<Opened, String> {
        let options = &*self.options;
        let mut connection = server.connect().await?;
        let horizon = match options.change_column {
            Some(_) => server.horizon(&mut connection).await,
            None => None,
        };
        server.begin(&mut connection).await?;
        let (sql, relation, what) = match &options.from {
            PostgresFrom::Table { schema, table } => {
                check_table(&server, &mut connection, schema.as_deref(), table).await?;
                let schema =
                    schema.as_deref().map(|schema| format!("{}.", quoted(schema))).unwrap_or_default();
                let relation = format!("{schema}{}", quoted(table));
                (format!("SELECT * FROM {relation}"), relation, format!("table `{table}`"))
            }
            PostgresFrom::Query(query) => {
                let query = single_select(query)?;
                // A line of its own: the query may end in a comment.
                (query.to_owned(), format!("({query}\n)"), "the query's result".to_owned())
            }
        };
        // Checked above, and the transaction cannot write.
        let statement = connection
            .prepare(AssertSqlSafe(sql.clone()).into_sql_str())
            .await
            .map_err(|error| server.describe(&error))?;
        if let Some(Either::Left([_, ..])) = statement.parameters() {
            return Err("the query has a parameter, `$1`, and nothing gives it a value; write the value into the query"
                .to_owned());
        }
        let found: Vec<_> = statement
            .columns()
            .iter()
            .map(|column| (column.name().to_owned(), column.type_info().clone()))
            .collect();
        drop(statement);
        let names: Vec<_> = found.iter().map(|(name, _)| name.clone()).collect();
        let columns = Columns::new(
            &format!("{what} in {}", server.place()),
            names,
            &options.key,
            options.change_column.as_deref(),
            &options.types,
            "give one of them another name with AS",
        )?;
        let mut opened = Opened {
            source: self.clone(),
            server,
            connection,
            sql,
            relation,
            columns,
            types: found,
            shapes: Vec::new(),
            horizon,
        };
        opened.find_shapes()?;
        Ok(opened)
    }
}

impl RecordSource for PostgresSource {
    fn name(&self) -> &SourceName {
        &self.options.name
    }

    fn has_columns(&self) -> bool {
        true
    }

    fn read(&self) -> BoxFuture<'_, Result<RecordStream, SourceError>> {
        self.opened(async |opened: Opened| {
            let all = opened.all();
            Ok(opened.reading().rows(vec![all]))
        })
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
            self.opened(async |mut opened: Opened| {
                let kind = opened.type_name(column).await?;
                // In the same transaction as the rows, so of the same moment.
                let watermark = opened.newest(column).await?;
                let select = match since {
                    None => opened.all(),
                    Some(since) => opened.since(column, &kind, since).await?,
                };
                Ok(Changed { rows: opened.reading().rows(vec![select]), watermark })
            })
            .await
        }
        .boxed()
    }

    fn read_keys(&self, keys: Vec<RecordKey>) -> BoxFuture<'_, Result<RecordStream, SourceError>> {
        self.opened(async |opened: Opened| {
            let selects = keys.chunks(KEYS_PER_QUERY).map(|keys| opened.of_keys(keys)).collect();
            Ok(opened.reading().only(keys).rows(selects))
        })
        .boxed()
    }
}

/// An open transaction, and what is read in it.
struct Opened {
    source: PostgresSource,
    server: Server,
    connection: PgConnection,
    /// What yields all rows.
    sql: String,
    /// The same as what may stand after FROM.
    relation: String,
    columns: Columns,
    types: Vec<(String, PgTypeInfo)>,
    /// How each column is read; `None` for one that the server turns into text first.
    shapes: Vec<Option<Shape>>,
    /// Before this moment, nothing is still being written.
    horizon: Option<String>,
}

impl Opened {
    /// Decides how each column is read.
    fn find_shapes(&mut self) -> Result<(), String> {
        let mut problems = Vec::new();
        for (column, (name, kind)) in self.columns.list().iter().zip(&self.types) {
            let shape = Shape::of(kind);
            let is_text = matches!(shape, Some(Shape::Text | Shape::Padded));
            match (&column.declared, shape) {
                (Some(ColumnType::DateTime), Some(Shape::Timestamp)) => problems.push(format!(
                    "column `{name}` is a timestamp without a time zone, so which moment it means is not said; in a \
                     query, write {quoted} AT TIME ZONE 'Europe/Vienna' AS {quoted}",
                    quoted = quoted(name)
                )),
                // What the server calls its text is the best there is, for every type.
                (Some(ColumnType::Text), _) if !is_text => self.shapes.push(None),
                (Some(_), None) => self.shapes.push(None),
                (_, Some(shape)) => self.shapes.push(Some(shape)),
                (None, None) => problems.push(format!(
                    "column `{name}` is of type {}, which fields do not have; declare it, types = {{ {name} = \"text\" }}, \
                     or cast it in a query",
                    kind.name().to_lowercase()
                )),
            }
        }
        match problems.is_empty() {
            true => Ok(()),
            false => Err(problems.join("; ")),
        }
    }

    fn reading(self) -> Reading {
        Reading {
            options: Arc::clone(&self.source.options),
            server: self.server,
            connection: self.connection,
            columns: self.columns,
            shapes: self.shapes,
            only: None,
        }
    }

    /// The columns as they are selected.
    fn list(&self) -> String {
        let column = |((name, _), shape): (&(String, PgTypeInfo), &Option<Shape>)| {
            let name = quoted(name);
            match shape {
                Some(_) => format!("source.{name}"),
                None => format!("CAST(source.{name} AS text) AS {name}"),
            }
        };
        self.types.iter().zip(&self.shapes).map(column).collect::<Vec<_>>().join(", ")
    }

    /// What yields all rows. A query is run as it stands, wherever nothing has to be added.
    fn all(&self) -> Select {
        match self.shapes.iter().all(Option::is_some) {
            true => Select::plain(self.sql.clone()),
            false => Select::plain(format!("SELECT {} FROM {} AS source", self.list(), self.relation)),
        }
    }

    /// What yields the rows that changed at or after a moment. Not `>`: other rows may have been written in the
    /// same moment after the last reading. Without a value nobody knows when the row changed.
    async fn since(&mut self, column: &str, kind: &str, since: String) -> Result<Select, String> {
        let check = format!("SELECT CAST(CAST($1 AS {kind}) AS text)");
        let checked: Result<Option<String>, _> =
            sqlx::query_scalar(AssertSqlSafe(check)).bind(&since).fetch_one(&mut self.connection).await;
        if let Err(error) = checked {
            let reason = self.server.describe(&error);
            return Err(format!(
                "`{since}` is no watermark of this source; run a full cycle, which makes a new one ({reason})"
            ));
        }
        let (list, relation, column) = (self.list(), &self.relation, quoted(column));
        let sql = format!(
            "SELECT {list} FROM {relation} AS source WHERE source.{column} >= CAST($1 AS {kind}) \
             OR source.{column} IS NULL"
        );
        Ok(Select { sql, values: rows::Values::Text(since) })
    }

    /// What yields the rows with these keys. Compared as the column has them, so that its index can be used.
    fn of_keys(&self, keys: &[RecordKey]) -> Select {
        let column = format!("source.{}", quoted(&self.source.options.key));
        let texts = || keys.iter().map(|key| key.as_str().to_owned()).collect::<Vec<_>>();
        let (condition, values) = match &self.shapes.get(self.columns.key()) {
            Some(Some(Shape::Integer)) => {
                let number = |key: &RecordKey| key.as_str().parse::<i64>().ok();
                (
                    format!("{column} = ANY($1)"),
                    rows::Values::Integers(keys.iter().filter_map(number).collect()),
                )
            }
            Some(Some(Shape::Uuid)) => {
                let mut texts = texts();
                texts.retain(|text| uuid::Uuid::parse_str(text).is_ok());
                (format!("{column} = ANY(CAST($1 AS uuid[]))"), rows::Values::Texts(texts))
            }
            Some(Some(Shape::Text)) if self.key_is_plain_text() => {
                (format!("{column} = ANY($1)"), rows::Values::Texts(texts()))
            }
            _ => (format!("CAST({column} AS text) = ANY($1)"), rows::Values::Texts(texts())),
        };
        let sql = format!("SELECT {} FROM {} AS source WHERE {condition}", self.list(), self.relation);
        Select { sql, values }
    }

    fn key_is_plain_text(&self) -> bool {
        let kind = self.types.get(self.columns.key()).map(|(_, kind)| kind.name().to_ascii_lowercase());
        matches!(kind.as_deref(), Some("text" | "varchar"))
    }

    /// A column's type as SQL has it.
    async fn type_name(&mut self, column: &str) -> Result<String, String> {
        let kind = self.types.iter().find(|(name, _)| name == column).and_then(|(_, kind)| kind.oid());
        let kind = kind.ok_or_else(|| format!("the type of the change column `{column}` cannot be told"))?;
        sqlx::query_scalar("SELECT pg_catalog.format_type($1, NULL)")
            .bind(Oid(kind.0))
            .fetch_one(&mut self.connection)
            .await
            .map_err(|error| self.server.describe(&error))
    }

    /// The largest value in a column, as text; none where there are no rows, or none with a value.
    ///
    /// `now()` is when a transaction began, and not when others see what it wrote. So a moment is never later than
    /// the begin of the oldest transaction that is still under way: what that writes will be of that time.
    async fn newest(&mut self, column: &str) -> Result<Option<String>, String> {
        let newest = format!("max(source.{})", quoted(column));
        let shape = self.types.iter().position(|(name, _)| name == column).and_then(|at| self.shapes.get(at));
        let horizon = self.horizon.take().filter(|_| matches!(shape, Some(Some(Shape::TimestampTz))));
        let newest = match horizon {
            // LEAST passes over NULL, and there would be a watermark without any row.
            Some(_) => {
                format!("CASE WHEN {newest} IS NOT NULL THEN LEAST({newest}, CAST($1 AS timestamptz)) END")
            }
            None => newest,
        };
        let sql = format!("SELECT CAST({newest} AS text) FROM {} AS source", self.relation);
        let mut query = sqlx::query_scalar(AssertSqlSafe(sql)).persistent(false);
        if let Some(horizon) = horizon {
            query = query.bind(horizon);
        }
        query.fetch_one(&mut self.connection).await.map_err(|error| {
            format!(
                "the newest change cannot be told by the column `{column}`: {}",
                self.server.describe(&error)
            )
        })
    }
}

async fn check_table(
    server: &Server,
    connection: &mut PgConnection,
    schema: Option<&str>,
    table: &str,
) -> Result<(), String> {
    const SQL: &str = "SELECT CAST(c.relname AS text) FROM pg_catalog.pg_class c \
                       JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace \
                       WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') \
                       AND CASE WHEN $1::text IS NULL \
                           THEN pg_catalog.pg_table_is_visible(c.oid) AND n.nspname <> 'pg_catalog' \
                           ELSE n.nspname = $1::text END \
                       ORDER BY 1";
    let tables: Vec<String> = sqlx::query_scalar(SQL)
        .bind(schema)
        .fetch_all(connection)
        .await
        .map_err(|error| server.describe(&error))?;
    if tables.iter().any(|there| there == table) {
        return Ok(());
    }
    let names = || tables.iter().map(String::as_str);
    let hint = match nearest(table, names()) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("it has {}", listed(names())),
    };
    let schema = schema.map(|schema| format!("the schema `{schema}` in ")).unwrap_or_default();
    Err(format!("{schema}{} does not have the table `{table}` ({hint})", server.place()))
}
