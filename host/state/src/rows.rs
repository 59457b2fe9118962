//! Rows to be stored: many of them in a few statements.
//!
//! Each way to SQLite's thread and back costs more than most statements, and so does each statement more than a row
//! of it. So what is written for every record is made of rows here, and those that several tasks want stored at the
//! same time go into statements together.

use crate::error::StateError;
use crate::store::Shared;
use crate::tenant::LinkScope;
use scimwright_record::RecordKey;
use sqlx::{AssertSqlSafe, SqliteConnection};
use std::sync::Arc;

/// How many rows a statement takes at most; a power of two, as are all its smaller sizes, so that there are few
/// different statements and SQLite has each of them ready.
const MOST: usize = 32;

/// What is done with rows. In this order, whatever the order in which they came: nobody waits for one of them before
/// asking for another in the same transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Statement {
    WriteIntents,
    PutLinks,
    AppendLog,
    EndIntents,
    EndSetbacks,
    EndFailures,
}

/// A value of a row. Text is shared with SQLite's thread as it is.
#[derive(Debug, Clone)]
pub(crate) enum Cell {
    Text(Arc<str>),
    Number(i64),
    Nothing,
}

/// Rows, each with what is done with it.
#[derive(Debug, Default)]
pub(crate) struct Rows(Vec<(Statement, Vec<Cell>)>);

impl Statement {
    const ALL: [Self; 6] = [
        Self::WriteIntents,
        Self::PutLinks,
        Self::AppendLog,
        Self::EndIntents,
        Self::EndSetbacks,
        Self::EndFailures,
    ];

    /// What is being done, as an error says it.
    fn doing(self) -> &'static str {
        match self {
            Self::WriteIntents => "write down an intent",
            Self::PutLinks => "store a link",
            Self::AppendLog => "write the client log",
            Self::EndIntents | Self::EndSetbacks | Self::EndFailures => "settle an operation",
        }
    }

    /// What stands before the rows, how many columns they have, and what stands behind them.
    fn parts(self) -> (&'static str, usize, &'static str) {
        match self {
            Self::WriteIntents => (
                "INSERT OR REPLACE INTO intents (tenant, provider, resource_type, key, operation, run, written_at) \
                 VALUES ",
                7,
                "",
            ),
            Self::PutLinks => (
                "INSERT INTO links (tenant, provider, resource_type, key, resource_id, ownership, standing, sent, \
                 seen, version, created_at, updated_at, run, fingerprint, due_at) VALUES ",
                15,
                " ON CONFLICT (tenant, provider, resource_type, key) DO UPDATE SET \
                 resource_id = excluded.resource_id, ownership = excluded.ownership, standing = excluded.standing, \
                 sent = excluded.sent, seen = excluded.seen, version = excluded.version, \
                 created_at = excluded.created_at, updated_at = excluded.updated_at, run = excluded.run, \
                 fingerprint = excluded.fingerprint, due_at = excluded.due_at",
            ),
            Self::AppendLog => (
                "INSERT INTO client_log (tenant, run, request_id, provider, resource_type, resource_id, key, action, \
                 status, http_status, message, duration_us, at, changes) VALUES ",
                14,
                "",
            ),
            Self::EndIntents => {
                ("DELETE FROM intents WHERE (tenant, provider, resource_type, key) IN (VALUES ", 4, ")")
            }
            Self::EndSetbacks => {
                ("DELETE FROM setbacks WHERE (tenant, provider, resource_type, key) IN (VALUES ", 4, ")")
            }
            Self::EndFailures => (
                "DELETE FROM setbacks WHERE (tenant, provider, resource_type, key) IN (VALUES ",
                4,
                ") AND kind <> 'skipped'",
            ),
        }
    }

    /// The statement for so many rows.
    fn sql(self, rows: usize) -> String {
        let (head, columns, tail) = self.parts();
        let row = format!("({})", vec!["?"; columns].join(", "));
        format!("{head}{}{tail}", vec![row.as_str(); rows].join(", "))
    }
}

impl Rows {
    /// Rows of this kind.
    pub(crate) fn of(statement: Statement, cells: Vec<Cell>) -> Self {
        Self(vec![(statement, cells)])
    }

    /// One more.
    pub(crate) fn add(&mut self, statement: Statement, cells: Vec<Cell>) {
        self.0.push((statement, cells));
    }

    /// Stores them.
    pub(crate) async fn put(
        &self,
        shared: &Shared,
        connection: &mut SqliteConnection,
    ) -> Result<(), StateError> {
        match put_all(&[self], connection).await {
            Ok(()) => Ok(()),
            Err((statement, cause)) => Err(self.explain(statement, cause, shared, connection).await),
        }
    }

    /// What an error means. Where a resource is another record's already, it says whose.
    async fn explain(
        &self,
        statement: Statement,
        cause: sqlx::Error,
        shared: &Shared,
        connection: &mut SqliteConnection,
    ) -> StateError {
        const HOLDER: &str = "SELECT key FROM links WHERE tenant = ?1 AND provider = ?2 AND resource_type = ?3 \
                              AND resource_id = ?4";
        let is_clash = cause.as_database_error().is_some_and(sqlx::error::DatabaseError::is_unique_violation);
        let link = self.0.iter().find(|(kind, _)| *kind == Statement::PutLinks).filter(|_| is_clash);
        let Some([tenant, provider, resource_type, key, resource_id, ..]) = link.map(|(_, cells)| &cells[..])
        else {
            return shared.sql(statement.doing())(cause);
        };
        let holder = sqlx::query_scalar::<_, String>(HOLDER)
            .bind(tenant.text())
            .bind(provider.text())
            .bind(resource_type.text())
            .bind(resource_id.text())
            .fetch_optional(connection)
            .await;
        let taken = || {
            Some(StateError::ResourceTaken {
                key: RecordKey::parse(key.text()).ok()?,
                held_by: RecordKey::parse(&holder.ok()??).ok()?,
                resource_id: resource_id.text().to_owned(),
                scope: LinkScope {
                    provider: provider.text().parse().ok()?,
                    resource_type: resource_type.text().parse().ok()?,
                },
            })
        };
        taken().unwrap_or_else(|| shared.sql(statement.doing())(cause))
    }
}

/// Stores what all of them want. On an error, some may have been and the transaction is to be undone.
pub(crate) async fn put_all(
    all: &[&Rows],
    connection: &mut SqliteConnection,
) -> Result<(), (Statement, sqlx::Error)> {
    for statement in Statement::ALL {
        let rows = all.iter().flat_map(|rows| &rows.0);
        let cells: Vec<&[Cell]> =
            rows.filter(|(kind, _)| *kind == statement).map(|(_, cells)| cells.as_slice()).collect();
        let mut left = cells.as_slice();
        while !left.is_empty() {
            // The largest power of two that they fill.
            let size = (1 << left.len().ilog2()).min(MOST);
            let (rows, rest) = left.split_at(size);
            // Of constant parts, and question marks.
            let mut query = sqlx::query(AssertSqlSafe(statement.sql(size)));
            for cell in rows.iter().copied().flatten() {
                query = match cell {
                    Cell::Text(text) => query.bind(Arc::clone(text)),
                    Cell::Number(number) => query.bind(number),
                    Cell::Nothing => query.bind(None::<&str>),
                };
            }
            query.execute(&mut *connection).await.map_err(|cause| (statement, cause))?;
            left = rest;
        }
    }
    Ok(())
}

impl Cell {
    fn text(&self) -> &str {
        match self {
            Self::Text(text) => text,
            Self::Number(_) | Self::Nothing => "",
        }
    }
}

impl From<&str> for Cell {
    fn from(text: &str) -> Self {
        Self::Text(text.into())
    }
}

impl From<String> for Cell {
    fn from(text: String) -> Self {
        Self::Text(text.into())
    }
}

impl From<i64> for Cell {
    fn from(number: i64) -> Self {
        Self::Number(number)
    }
}

impl<T: Into<Cell>> From<Option<T>> for Cell {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Nothing, Into::into)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::Scratch;
    use sqlx::Row;

    #[tokio::test]
    async fn every_statement_is_one_that_sqlite_knows_and_rows_are_ended_by_their_key() {
        let scratch = Scratch::open().await;
        let state = scratch.tenant();
        let mut connection = state.shared.reader().await;
        for statement in Statement::ALL {
            for size in [1, MOST] {
                let sql = format!("EXPLAIN QUERY PLAN {}", statement.sql(size));
                let mut query = sqlx::query(AssertSqlSafe(sql));
                for _ in 0..size * statement.parts().1 {
                    query = query.bind("x");
                }
                let plan = query.fetch_all(&mut *connection).await.unwrap();
                let plan: Vec<String> = plan.iter().map(|row| row.get("detail")).collect();
                if statement.sql(1).starts_with("DELETE") {
                    assert!(plan.iter().any(|step| step.starts_with("SEARCH")), "{plan:?}");
                }
            }
        }
    }
}
