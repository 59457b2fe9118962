//! JSON Lines: a file with a JSON object on each line. Blank lines are passed over.
//!
//! JSON has types, so nothing has to be declared: text, truth values and null are what they
//! are, whole numbers of 64 bits are integers, other numbers are decimals, an array of
//! texts is several texts, and whatever nests deeper stays JSON. A whole number too large
//! for 64 bits stays JSON too, since a decimal would lose its last digits.

use crate::MAX_ROW_BYTES;
use crate::columns::{key_from, key_of, nearest};
use crate::feed::{self, Feed, Halt};
use crate::file::SteadyFile;
use crate::lines::{Line, Lines};
use crate::repeated;
use crate::typing::ColumnType;
use futures::future::{BoxFuture, FutureExt, TryFutureExt};
use scimwright_record::{
    Field, FieldValue, Malformed, Position, Record, RecordKey, RecordSource, RecordStream, Row, SourceError,
    SourceName,
};
use serde_json::{Map, Value};
use std::io::BufReader;
use std::path::PathBuf;

const BUFFER_BYTES: usize = 64 * 1024;

/// A JSON Lines file and how to read it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JsonLinesOptions {
    /// The source's name in the configuration.
    pub name: SourceName,
    /// The file.
    pub path: PathBuf,
    /// The field that holds the record's key: text or a whole number.
    pub key: String,
    /// What single fields hold, where JSON cannot say it: a moment, a list in one text.
    pub types: Vec<(String, ColumnType)>,
}

impl JsonLinesOptions {
    /// A file whose fields are what JSON says they are.
    #[must_use]
    pub fn new(name: SourceName, path: impl Into<PathBuf>, key: impl Into<String>) -> Self {
        Self { name, path: path.into(), key: key.into(), types: Vec::new() }
    }
}

/// A JSON Lines file as a source.
#[derive(Debug, Clone)]
pub struct JsonLinesSource {
    options: JsonLinesOptions,
}

impl JsonLinesSource {
    /// A source that reads as the options say. The file is opened by [`read`](RecordSource::read).
    #[must_use]
    pub fn new(options: JsonLinesOptions) -> Self {
        Self { options }
    }
}

impl RecordSource for JsonLinesSource {
    fn name(&self) -> &SourceName {
        &self.options.name
    }

    fn repeated_keys(&self) -> BoxFuture<'_, Result<Option<Vec<RecordKey>>, SourceError>> {
        repeated::by_reading(self).map_ok(Some).boxed()
    }

    fn read(&self) -> BoxFuture<'_, Result<RecordStream, SourceError>> {
        let options = self.options.clone();
        async move {
            let name = options.name.clone();
            let failed = |message| SourceError { source_name: options.name.clone(), position: None, message };
            let path = options.path.clone();
            let file =
                feed::open(name.clone(), move || Ok(SteadyFile::open(&path))).await?.map_err(failed)?;
            let lines = Lines::new(BufReader::with_capacity(BUFFER_BYTES, file));
            Ok(feed::stream(name, move |feed| run(&options, lines, feed)))
        }
        .boxed()
    }
}

fn run(
    options: &JsonLinesOptions,
    mut lines: Lines<BufReader<SteadyFile>>,
    feed: &mut Feed,
) -> Result<(), Halt> {
    let failed = |position, message| SourceError { source_name: options.name.clone(), position, message };
    let mut last = None;
    loop {
        match lines.next() {
            Ok(None) => break,
            Ok(Some(line)) => {
                let length = line.text.map_or(MAX_ROW_BYTES, <[u8]>::len);
                if let Some(row) = read_line(options, &line).map_err(|message| failed(last, message))? {
                    feed.push(row, length)?;
                }
                last = Some(Position::Line(line.number));
            }
            Err(cause) => {
                return Err(failed(last, lines.input().get_ref().failed(&cause)).into());
            }
        }
    }
    lines.input().get_ref().check_unchanged().map_err(|message| failed(last, message).into())
}

/// The row on a line; none on a blank one. An error is a line that says the file is not whole.
fn read_line(options: &JsonLinesOptions, line: &Line<'_>) -> Result<Option<Row>, String> {
    let malformed = |key, message| {
        Ok(Some(Row::Malformed(Malformed { position: Position::Line(line.number), key, message })))
    };
    let Some(text) = line.text else {
        return malformed(None, format!("the line is longer than {MAX_ROW_BYTES} bytes"));
    };
    if text.iter().all(u8::is_ascii_whitespace) {
        return Ok(None);
    }
    let object = match serde_json::from_slice(text) {
        Ok(Value::Object(object)) => object,
        Ok(other) => {
            let message =
                format!("the line holds {}, not an object; JSON Lines has an object a line", kind(&other));
            return malformed(None, message);
        }
        // A whole line ends in a line break. Without one, broken JSON is the trace of a file cut short.
        Err(error) if !line.is_ended => {
            return Err(format!(
                "line {} of {}, the last, breaks off ({error}); the file seems to be cut short",
                line.number,
                options.path.display()
            ));
        }
        Err(error) => return malformed(None, format!("the line is not JSON: {error}")),
    };
    let key = match find_key(options, &object) {
        Ok(key) => key,
        Err(message) => return malformed(None, message),
    };
    let mut fields = Vec::with_capacity(object.len());
    for (name, value) in object {
        match field_value(options, &name, value) {
            Ok(value) => fields.push(Field { name, value }),
            Err(message) => return malformed(Some(key), message),
        }
    }
    let record = Record::with_distinct_fields(options.name.clone(), key, fields);
    Ok(Some(Row::Record(Position::Line(line.number), record)))
}

fn find_key(options: &JsonLinesOptions, object: &Map<String, Value>) -> Result<RecordKey, String> {
    let name = &options.key;
    let place = format!("the key field `{name}`");
    match object.get(name) {
        // A whole number beyond the signed 64 bits that a field can hold is still a fine key.
        Some(Value::Number(number)) if number.is_u64() => key_from(&number.to_string(), &place),
        Some(value) => key_of(&plain_value(value.clone()), &place),
        None => {
            let near = nearest(name, object.keys().map(String::as_str));
            let hint = near.map(|near| format!(" (did you mean `{near}`?)")).unwrap_or_default();
            Err(format!("the object does not have the key field `{name}`{hint}"))
        }
    }
}

fn field_value(options: &JsonLinesOptions, name: &str, value: Value) -> Result<FieldValue, String> {
    let value = plain_value(value);
    match options.types.iter().find(|(typed, _)| typed == name) {
        Some((_, declared)) => {
            declared.convert(value).map_err(|mismatch| format!("field `{name}`: {mismatch}"))
        }
        None => Ok(value),
    }
}

/// What a JSON value is as a field.
pub(crate) fn plain_value(value: Value) -> FieldValue {
    match value {
        Value::Null => FieldValue::Null,
        Value::Bool(truth) => FieldValue::Boolean(truth),
        Value::String(text) => FieldValue::Text(text),
        Value::Number(number) => match (number.as_i64(), number.as_f64()) {
            (Some(whole), _) => FieldValue::Integer(whole),
            (None, Some(decimal)) if number.is_f64() => FieldValue::Decimal(decimal),
            _ => FieldValue::Json(Value::Number(number)),
        },
        Value::Array(items) if items.iter().all(Value::is_string) => FieldValue::Many(
            items
                .into_iter()
                .filter_map(|item| match item {
                    Value::String(text) => Some(text),
                    _ => None,
                })
                .collect(),
        ),
        nested @ (Value::Array(_) | Value::Object(_)) => FieldValue::Json(nested),
    }
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a truth value",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::{self, Outcome, malformed, name, record};
    use proptest::prelude::*;
    use serde_json::json;

    fn read(text: impl AsRef<[u8]>, types: &[(&str, ColumnType)]) -> Outcome {
        fixture::read_file("people.jsonl", text.as_ref(), |path| {
            let mut options = JsonLinesOptions::new(name(), path, "id");
            options.types = types.iter().map(|(name, kind)| ((*name).to_owned(), kind.clone())).collect();
            JsonLinesSource::new(options)
        })
    }

    #[test]
    fn json_types_become_field_types() {
        let line = json!({
            "id": 7, "name": "Zoë", "active": true, "none": null, "pay": 1250.5, "mails": ["a", "b"],
            "empty": [], "mixed": ["a", 1], "nested": {"a": [1]}, "huge": u64::MAX,
        });
        let outcome = read(format!("{line}\n"), &[]);
        let expected = [
            ("id", FieldValue::Integer(7)),
            ("name", FieldValue::Text("Zoë".into())),
            ("active", FieldValue::Boolean(true)),
            ("none", FieldValue::Null),
            ("pay", FieldValue::Decimal(1250.5)),
            ("mails", FieldValue::Many(vec!["a".into(), "b".into()])),
            ("empty", FieldValue::Many(vec![])),
            ("mixed", FieldValue::Json(json!(["a", 1]))),
            ("nested", FieldValue::Json(json!({"a": [1]}))),
            ("huge", FieldValue::Json(json!(u64::MAX))),
        ];
        assert_eq!(outcome.rows, [record("7", &expected)]);
        assert_eq!(outcome.error, None);
    }

    #[test]
    fn a_declared_field_is_converted_and_a_value_that_does_not_fit_keeps_the_key() {
        let text = "{\"id\":\"1\",\"start\":\"2024-02-28\"}\n{\"id\":\"2\",\"start\":5}\n";
        let outcome = read(text, &[("start", ColumnType::DateTime)]);
        let moment = FieldValue::DateTime("2024-02-28T00:00:00Z".into());
        assert_eq!(outcome.rows[0], record("1", &[("id", FieldValue::Text("1".into())), ("start", moment)]));
        let message = "field `start`: `5` is not a date-time; write 2024-02-28T00:00:00Z or 2024-02-28";
        assert_eq!(outcome.malformed().next(), Some(malformed(2, Some("2"), message)));
    }

    #[test]
    fn broken_lines_are_reported_with_their_numbers_and_blank_ones_passed_over() {
        let text = b"\n{\"id\":\"1\"}\n  \nnonsense\n[]\n{\"Id\":\"2\"}\n{\"id\":true}\n\xff\n{\"id\":\"3\"}";
        let outcome = read(text, &[]);
        assert_eq!(outcome.keys(), ["1", "3"], "the last line needs no line break");
        let messages: Vec<_> = outcome.malformed().map(|row| (row.position, row.message)).collect();
        let at = Position::Line;
        assert_eq!(messages.len(), 5, "{messages:?}");
        assert_eq!(
            messages[0],
            (at(4), "the line is not JSON: expected ident at line 1 column 2".to_owned())
        );
        let array = "the line holds an array, not an object; JSON Lines has an object a line";
        assert_eq!(messages[1], (at(5), array.to_owned()));
        let missing = "the object does not have the key field `id` (did you mean `Id`?)";
        assert_eq!(messages[2], (at(6), missing.to_owned()));
        assert_eq!(
            messages[3],
            (at(7), "the key field `id` holds boolean, and a key is text or a whole number".to_owned())
        );
        assert_eq!(messages[4].0, at(8));
        assert_eq!(outcome.error, None);
    }

    #[test]
    fn a_file_that_breaks_off_in_its_last_line_is_incomplete() {
        let outcome = read("{\"id\":\"1\"}\n{\"id\":\"2\",\"na", &[]);
        assert_eq!(outcome.keys(), ["1"]);
        let error = outcome.error.unwrap();
        assert!(error.starts_with("source `hr` could not be read past line 1: line 2 of "), "{error}");
        assert!(error.ends_with("the file seems to be cut short"), "{error}");
    }

    #[test]
    fn a_line_that_is_too_long_does_not_stop_the_others() {
        let long = format!("{{\"id\":\"1\",\"x\":\"{}\"}}\n{{\"id\":\"2\"}}\n", "x".repeat(MAX_ROW_BYTES));
        let outcome = read(long, &[]);
        let message = format!("the line is longer than {MAX_ROW_BYTES} bytes");
        assert_eq!(outcome.malformed().next(), Some(malformed(1, None, &message)));
        assert_eq!(outcome.keys(), ["2"]);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn any_text_comes_back_as_it_was_written(texts in prop::collection::vec(".{0,20}", 0..20)) {
            let lines: String =
                texts.iter().enumerate().map(|(id, text)| format!("{}\n", json!({"id": id, "text": text}))).collect();
            let outcome = read(lines, &[]);
            let expected: Vec<_> = texts
                .iter()
                .enumerate()
                .map(|(id, text)| {
                    let fields = [("id", FieldValue::Integer(id as i64)), ("text", FieldValue::Text(text.clone()))];
                    record(&id.to_string(), &fields)
                })
                .collect();
            prop_assert_eq!(outcome.rows, expected);
            prop_assert_eq!(outcome.error, None);
        }

        #[test]
        fn any_bytes_at_all_come_to_an_end(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            prop_assert!(read(bytes, &[]).rows.len() <= 300);
        }
    }
}
