//! One keyed row of a source, with typed fields.
//!
//! The variants mirror `field-value` in the WIT contract one to one, so that crossing into
//! a module is a copy and never a guess.

use crate::names::{RecordKey, SourceName};

/// The value of a field, as the source has it.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FieldValue {
    /// The source has no value here.
    Null,
    /// A string.
    Text(String),
    /// True or false.
    Boolean(bool),
    /// A whole number.
    Integer(i64),
    /// A real number; always finite.
    Decimal(f64),
    /// A moment as RFC 3339 text.
    DateTime(String),
    /// Bytes.
    Binary(Vec<u8>),
    /// Several strings.
    Many(Vec<String>),
    /// A value that nests deeper than the variants above can say.
    Json(serde_json::Value),
}

impl FieldValue {
    /// What people call this kind of value: `text`, `boolean`.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Text(_) => "text",
            Self::Boolean(_) => "boolean",
            Self::Integer(_) => "integer",
            Self::Decimal(_) => "decimal",
            Self::DateTime(_) => "date-time",
            Self::Binary(_) => "binary",
            Self::Many(_) => "many",
            Self::Json(_) => "json",
        }
    }
}

/// One named value of a record.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Field {
    /// The name, exactly as the source has it.
    pub name: String,
    /// The value.
    pub value: FieldValue,
}

/// One keyed row of a source.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Record {
    source: SourceName,
    key: RecordKey,
    fields: Vec<Field>,
}

impl Record {
    /// A record without fields.
    #[must_use]
    pub fn new(source: SourceName, key: RecordKey) -> Self {
        Self { source, key, fields: Vec::new() }
    }

    /// A record with fields whose names are known to differ, as those of a table's columns are; with
    /// hundreds of columns this is much faster than [`push`](Self::push) for each.
    #[must_use]
    pub fn with_distinct_fields(source: SourceName, key: RecordKey, fields: Vec<Field>) -> Self {
        Self { source, key, fields }
    }

    /// Adds a field. A source never yields two of one name; where it has them, the later replaces the
    /// earlier.
    pub fn push(&mut self, name: impl Into<String>, value: FieldValue) {
        let name = name.into();
        match self.fields.iter_mut().find(|field| field.name == name) {
            Some(field) => field.value = value,
            None => self.fields.push(Field { name, value }),
        }
    }

    /// [`push`](Self::push), for building a record in one expression.
    #[must_use]
    pub fn with(mut self, name: impl Into<String>, value: FieldValue) -> Self {
        self.push(name, value);
        self
    }

    /// The source the record came from.
    #[must_use]
    pub fn source(&self) -> &SourceName {
        &self.source
    }

    /// What identifies the record in its source.
    #[must_use]
    pub fn key(&self) -> &RecordKey {
        &self.key
    }

    /// The fields, in the source's order.
    #[must_use]
    pub fn fields(&self) -> &[Field] {
        &self.fields
    }

    /// The record with those of its fields whose names are wanted.
    #[must_use]
    pub fn cut(mut self, wanted: impl Fn(&str) -> bool) -> Self {
        self.fields.retain(|field| wanted(&field.name));
        self
    }

    /// The value of the field with exactly this name.
    #[must_use]
    pub fn field(&self, name: &str) -> Option<&FieldValue> {
        self.fields.iter().find(|field| field.name == name).map(|field| &field.value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_repeated_field_keeps_its_place_and_takes_the_later_value() {
        let record = Record::new(SourceName::parse("hr").unwrap(), RecordKey::parse("1").unwrap())
            .with("a", FieldValue::Integer(1))
            .with("b", FieldValue::Null)
            .with("a", FieldValue::Integer(2));
        let names: Vec<_> = record.fields().iter().map(|field| field.name.as_str()).collect();
        assert_eq!(names, ["a", "b"]);
        assert_eq!(record.field("a"), Some(&FieldValue::Integer(2)));
    }
}
