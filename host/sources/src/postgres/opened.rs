//! What is asked of a PostgreSQL server: everything, what changed, or single records.

use super::PostgresSource;
use super::connection::Server;
use super::rows::{self, Reading, Select};
use super::shape::Shape;
use crate::columns::Columns;
use crate::select::quoted;
use crate::typing::ColumnType;
use scimwright_record::RecordKey;
use sqlx::postgres::types::Oid;
use sqlx::postgres::{PgConnection, PgTypeInfo};
use sqlx::{AssertSqlSafe, TypeInfo};
use std::sync::Arc;

/// An open transaction, and what is read in it.
pub(super) struct Opened {
    pub(super) source: PostgresSource,
    pub(super) server: Server,
    pub(super) connection: PgConnection,
    /// What yields all rows.
    pub(super) sql: String,
    /// The same as what may stand after FROM.
    pub(super) relation: String,
    pub(super) columns: Columns,
    pub(super) types: Vec<(String, PgTypeInfo)>,
    /// How each column is read; `None` for one that the server turns into text first.
    pub(super) shapes: Vec<Option<Shape>>,
    /// Before this moment, nothing is still being written.
    pub(super) horizon: Option<String>,
}

impl Opened {
    /// Decides how each column is read.
    pub(super) fn find_shapes(&mut self) -> Result<(), String> {
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

    pub(super) fn reading(self) -> Reading {
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
    pub(super) fn all(&self) -> Select {
        match self.shapes.iter().all(Option::is_some) {
            true => Select::plain(self.sql.clone()),
            false => Select::plain(format!("SELECT {} FROM {} AS source", self.list(), self.relation)),
        }
    }

    /// What yields the rows that changed at or after a moment. Not `>`: other rows may have been written in the
    /// same moment after the last reading. Without a value nobody knows when the row changed.
    pub(super) async fn since(&mut self, column: &str, kind: &str, since: String) -> Result<Select, String> {
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
    pub(super) fn of_keys(&self, keys: &[RecordKey]) -> Select {
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
    pub(super) async fn type_name(&mut self, column: &str) -> Result<String, String> {
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
    pub(super) async fn newest(&mut self, column: &str) -> Result<Option<String>, String> {
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
