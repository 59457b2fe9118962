//! Rows of a PostgreSQL database as records, one after the other as the server sends them.

use super::PostgresOptions;
use super::connection::Server;
use super::shape::Shape;
use crate::columns::{Column, Columns, key_from, key_of};
use futures::stream::StreamExt;
use scimwright_record::{
    Field, FieldValue, Malformed, Position, Record, RecordKey, RecordStream, Row, SourceError,
};
use sqlx::postgres::{PgArguments, PgConnection, PgRow};
use sqlx::{Arguments, AssertSqlSafe, Connection, Row as _, ValueRef};
use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

/// How long a server may take for the next row. A server whose machine is gone says nothing at all.
pub(super) const ROW_TIMEOUT: Duration = Duration::from_secs(300);

/// One SELECT, and the value of its parameter.
pub(super) struct Select {
    pub(super) sql: String,
    pub(super) values: Values,
}

pub(super) enum Values {
    None,
    Text(String),
    Texts(Vec<String>),
    Integers(Vec<i64>),
}

impl Select {
    pub(super) fn plain(sql: String) -> Self {
        Self { sql, values: Values::None }
    }
}

/// A transaction in which rows are read.
pub(super) struct Reading {
    pub(super) options: Arc<PostgresOptions>,
    pub(super) server: Server,
    pub(super) connection: PgConnection,
    pub(super) columns: Columns,
    pub(super) shapes: Vec<Option<Shape>>,
    /// The keys that are wanted; all of them without it.
    pub(super) only: Option<HashSet<RecordKey>>,
}

impl Reading {
    /// The same, of records with these keys. What the database takes for equal may be more than that: `7` and
    /// `007` for a number.
    pub(super) fn only(mut self, keys: Vec<RecordKey>) -> Self {
        self.only = Some(keys.into_iter().collect());
        self
    }

    /// The rows of these statements. They end cleanly only when the server has said that there are no more.
    pub(super) fn rows(self, selects: Vec<Select>) -> RecordStream {
        let Self { options, server, mut connection, columns, shapes, only } = self;
        async_stream::stream! {
            let mut number = 0;
            let failed = |number: u64, message| {
                let position = (number > 0).then_some(Position::Row(number));
                Err(SourceError { source_name: options.name.clone(), position, message })
            };
            for Select { sql, values } in selects {
                let arguments = match arguments(values) {
                    Ok(arguments) => arguments,
                    Err(message) => {
                        yield failed(number, message);
                        return;
                    }
                };
                let query = sqlx::query_with(AssertSqlSafe(sql), arguments).persistent(false);
                let mut found = query.fetch(&mut connection);
                loop {
                    let next = match tokio::time::timeout(ROW_TIMEOUT, found.next()).await {
                        Ok(next) => next,
                        Err(_) => {
                            yield failed(number, silent(server.place()));
                            return;
                        }
                    };
                    match next {
                        None => break,
                        Some(Err(error)) => {
                            yield failed(number, server.describe(&error));
                            return;
                        }
                        Some(Ok(row)) => {
                            number += 1;
                            let row = read_row(&options, &columns, &shapes, &row, number);
                            if only.as_ref().is_none_or(|keys| row.key().is_some_and(|key| keys.contains(key))) {
                                yield Ok(row);
                            }
                        }
                    }
                }
            }
            // All rows are there; a server that does not hear the good-bye takes nothing of them back.
            let _ = connection.close().await;
        }
        .boxed()
    }
}

/// What is said of a server that says nothing.
pub(super) fn silent(place: &str) -> String {
    format!(
        "{place} said nothing for {} s; is it still there, and is the query that slow?",
        ROW_TIMEOUT.as_secs()
    )
}

fn arguments(values: Values) -> Result<PgArguments, String> {
    let mut arguments = PgArguments::default();
    match values {
        Values::None => Ok(()),
        Values::Text(text) => arguments.add(text),
        Values::Texts(texts) => arguments.add(texts),
        Values::Integers(numbers) => arguments.add(numbers),
    }
    .map_err(|error| format!("a value cannot be handed to the database: {error}"))?;
    Ok(arguments)
}

fn read_row(
    options: &PostgresOptions,
    columns: &Columns,
    shapes: &[Option<Shape>],
    row: &PgRow,
    number: u64,
) -> Row {
    let malformed =
        |key, message| Row::Malformed(Malformed { position: Position::Row(number), key, message });
    let cell = |index: usize| {
        let shape = shapes.get(index).and_then(Option::as_ref);
        let value = row.try_get_raw(index).map_err(|error| format!("cannot be read: {error}"))?;
        match value.is_null() {
            true => Ok(None),
            false => match value.as_bytes() {
                // The server made text of what has no shape of its own.
                Ok(bytes) => Ok(Some((shape.unwrap_or(&Shape::Text), bytes))),
                Err(error) => Err(format!("cannot be read: {error}")),
            },
        }
    };
    let place = columns.key_place();
    let key =
        cell(columns.key()).map_err(|message| format!("{place} {message}")).and_then(|cell| match cell {
            None => key_of(&FieldValue::Null, place),
            Some((shape, bytes)) => key(shape, bytes, place),
        });
    let key = match key {
        Ok(key) => key,
        Err(message) => return malformed(None, message),
    };
    let mut fields = Vec::with_capacity(columns.list().len());
    for (index, column) in columns.list().iter().enumerate() {
        let value = match cell(index) {
            Ok(None) => Ok(FieldValue::Null),
            Ok(Some((shape, bytes))) => field(shape, bytes, column),
            Err(message) => Err(format!("column `{}` {message}", column.name)),
        };
        match value {
            Ok(value) => fields.push(Field { name: column.name.clone(), value }),
            Err(message) => return malformed(Some(key), message),
        }
    }
    Row::Record(Position::Row(number), Record::with_distinct_fields(options.name.clone(), key, fields))
}

fn key(shape: &Shape, bytes: &[u8], place: &str) -> Result<RecordKey, String> {
    let read = |message: String| format!("{place} {message}");
    match shape {
        // Whole numbers are stored as `numeric` by programs that come from other databases.
        Shape::Numeric => {
            let text = shape.text(bytes).map_err(read)?;
            match text.contains('.') {
                true => Err(format!("{place} holds {text}, and a key is text or a whole number")),
                false => key_from(&text, place),
            }
        }
        Shape::Text | Shape::Padded | Shape::Uuid | Shape::Integer | Shape::Oid => {
            key_from(&shape.text(bytes).map_err(read)?, place)
        }
        other => key_of(&other.read(bytes).map_err(read)?, place),
    }
}

fn field(shape: &Shape, bytes: &[u8], column: &Column) -> Result<FieldValue, String> {
    let name = &column.name;
    let read = |message: String| format!("column `{name}` {message}");
    let Some(declared) = &column.declared else { return shape.read(bytes).map_err(read) };
    // From its digits: a whole number of 18 digits is an integer, though no decimal.
    let value = match shape {
        Shape::Numeric => shape.text(bytes).map(FieldValue::Text),
        other => other.read(bytes),
    };
    declared.convert(value.map_err(read)?).map_err(|mismatch| format!("column `{name}`: {mismatch}"))
}
