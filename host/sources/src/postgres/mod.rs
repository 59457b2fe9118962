//! A table, a view, or the result of a query in a PostgreSQL database.
//!
//! A pass is one read-only transaction of one moment (`REPEATABLE READ`), whoever writes meanwhile. Rows come as
//! the server sends them, so memory stays bounded; a server that goes away in the middle ends the pass with an
//! error. All of a column's values become fields of one kind, whatever the row.
//!
//! - here: [`PostgresSource`], and what it checks before it reads
//! - `opened`: what is asked of the server
//! - `connection`: the way to a server, and its errors in words
//! - `rows`: rows as records
//! - `shape` and `numeric`: PostgreSQL's types as those of fields

mod connection;
mod numeric;
mod opened;
mod rows;
mod shape;

use crate::columns::{Columns, listed, nearest};
use crate::repeated;
use crate::select::{Dialect, quoted, single_select};
use crate::typing::ColumnType;
use connection::Server;
use futures::future::{BoxFuture, FutureExt};
use opened::Opened;
use rows::{ROW_TIMEOUT, silent};
use scimwright_record::{Changed, RecordKey, RecordSource, RecordStream, SourceError, SourceName};
use secrecy::SecretString;
use sqlx::postgres::PgConnection;
use sqlx::{AssertSqlSafe, Column, Either, Executor, SqlSafeStr, Statement};
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
                let query = single_select(query, Dialect::Postgres)?;
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

    fn repeated_keys(&self) -> BoxFuture<'_, Result<Option<Vec<RecordKey>>, SourceError>> {
        self.opened(async |mut opened: Opened| {
            let sql = repeated::select(&self.options.key, &opened.relation);
            let query = sqlx::query_scalar::<_, String>(AssertSqlSafe(sql)).persistent(false);
            let keys = query.fetch_all(&mut opened.connection).await;
            let keys = keys.map_err(|error| opened.server.describe(&error))?;
            // What is no key fails its row.
            Ok(Some(keys.iter().filter_map(|key| RecordKey::parse(key).ok()).collect()))
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
