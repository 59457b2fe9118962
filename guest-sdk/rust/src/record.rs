//! One keyed row of a source, cut down to the fields that the module declared.
//!
//! Sources differ in what they know: a CSV file has only text, a database has numbers and dates. The readers
//! in [`access`](crate::access) take a field as what the mapping needs, whichever of them it came from.

/// The value of a field, as the source has it.
#[derive(Debug, Clone, PartialEq)]
pub enum FieldValue {
    /// The source has no value here.
    Null,
    /// A string.
    Text(String),
    /// True or false.
    Boolean(bool),
    /// A whole number.
    Integer(i64),
    /// A real number.
    Decimal(f64),
    /// A moment as RFC 3339 text.
    DateTime(String),
    /// Bytes.
    Binary(Vec<u8>),
    /// Several strings.
    Many(Vec<String>),
    /// JSON text, where the source nests.
    Json(String),
}

impl FieldValue {
    /// What people call this kind of value, for messages.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Null => "no value",
            Self::Text(_) => "text",
            Self::Boolean(_) => "a yes or a no",
            Self::Integer(_) => "a whole number",
            Self::Decimal(_) => "a number",
            Self::DateTime(_) => "a moment",
            Self::Binary(_) => "bytes",
            Self::Many(_) => "a list",
            Self::Json(_) => "JSON",
        }
    }
}

/// One keyed row of a source.
#[derive(Debug, Clone, PartialEq)]
pub struct Record {
    pub(crate) source: String,
    pub(crate) key: String,
    pub(crate) fields: Vec<(String, FieldValue)>,
}

impl Record {
    /// Begins a record for a test: `Record::builder("hr", "E1").text("given_name", "Ada").build()`.
    pub fn builder(source: impl Into<String>, key: impl Into<String>) -> RecordBuilder {
        RecordBuilder { record: Self { source: source.into(), key: key.into(), fields: Vec::new() } }
    }

    /// The source's name in the configuration.
    #[must_use]
    pub fn source(&self) -> &str {
        &self.source
    }

    /// What identifies the record in its source.
    #[must_use]
    pub fn key(&self) -> &str {
        &self.key
    }

    /// The value of the field with exactly this name, as the source has it.
    #[must_use]
    pub fn field(&self, name: &str) -> Option<&FieldValue> {
        self.fields.iter().find(|(known, _)| known == name).map(|(_, value)| value)
    }

    /// The fields, in the source's order.
    pub fn fields(&self) -> impl Iterator<Item = (&str, &FieldValue)> {
        self.fields.iter().map(|(name, value)| (name.as_str(), value))
    }
}

/// Builds a [`Record`], for tests.
#[derive(Debug, Clone)]
pub struct RecordBuilder {
    record: Record,
}

impl RecordBuilder {
    /// A text field.
    #[must_use]
    pub fn text(self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.field(name, FieldValue::Text(value.into()))
    }

    /// A field with any kind of value. One that is there already is replaced.
    #[must_use]
    pub fn field(mut self, name: impl Into<String>, value: FieldValue) -> Self {
        let name = name.into();
        match self.record.fields.iter_mut().find(|(known, _)| *known == name) {
            Some((_, known)) => *known = value,
            None => self.record.fields.push((name, value)),
        }
        self
    }

    /// The record.
    #[must_use]
    pub fn build(self) -> Record {
        self.record
    }
}
