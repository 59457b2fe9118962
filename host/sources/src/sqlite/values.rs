//! A row of a database as a record.

use super::SqliteOptions;
use crate::columns::{self, Columns, key_of};
use scimwright_record::{Field, FieldValue, Malformed, Position, Record, Row};
use sqlx::sqlite::SqliteRow;
use sqlx::{Row as _, TypeInfo, ValueRef};

/// What a row is. `number` is its place in the result.
pub(super) fn read_row(options: &SqliteOptions, columns: &Columns, row: &SqliteRow, number: u64) -> Row {
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
pub(super) fn raw_value(row: &SqliteRow, index: usize) -> Result<FieldValue, String> {
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
