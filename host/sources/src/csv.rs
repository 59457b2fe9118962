//! A CSV file (RFC 4180) with a header line.
//!
//! Cells are text unless the configuration says otherwise. Quoted cells may hold line
//! breaks, rows may end in CRLF or LF, and a UTF-8 mark at the start is skipped.
//!
//! What is wrong with one row is reported with that row. What puts the rest of the file in
//! doubt ends the pass with an error: a quote that is never closed, a row larger than
//! [`MAX_ROW_BYTES`], a file that changes while it is read.

use crate::MAX_ROW_BYTES;
use crate::columns::{Column, Columns, key_from};
use crate::csv_rows::{CsvRows, RawRow, RowsError};
use crate::feed::{self, Feed, Halt};
use crate::file::SteadyFile;
use crate::repeated;
use crate::typing::{ColumnType, infer};
use futures::future::{BoxFuture, FutureExt, TryFutureExt};
use scimwright_record::{
    Field, FieldValue, Malformed, Position, Record, RecordKey, RecordSource, RecordStream, Row, SourceError,
    SourceName,
};
use std::path::PathBuf;

/// What an empty cell means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum EmptyCell {
    /// There is no value.
    #[default]
    Null,
    /// The value is the empty text. In a column that does not hold text there is still no value.
    Text,
}

/// A CSV file and how to read it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CsvOptions {
    /// The source's name in the configuration.
    pub name: SourceName,
    /// The file.
    pub path: PathBuf,
    /// The column that holds the record's key.
    pub key: String,
    /// The byte between two cells: `,`, `;` or a tab.
    pub delimiter: u8,
    /// What single columns hold; the others hold text.
    pub types: Vec<(String, ColumnType)>,
    /// Whether cells of the other columns become numbers, truth values and moments where they read back
    /// as exactly the same text.
    pub infer: bool,
    /// What an empty cell means.
    pub empty: EmptyCell,
    /// Whether blanks at both ends of a cell, and of a column's name, are dropped.
    pub trim: bool,
}

impl CsvOptions {
    /// A comma-separated file whose cells are all text, with nothing in empty ones.
    #[must_use]
    pub fn new(name: SourceName, path: impl Into<PathBuf>, key: impl Into<String>) -> Self {
        Self {
            name,
            path: path.into(),
            key: key.into(),
            delimiter: b',',
            types: Vec::new(),
            infer: false,
            empty: EmptyCell::default(),
            trim: false,
        }
    }
}

/// A CSV file as a source.
#[derive(Debug, Clone)]
pub struct CsvSource {
    options: CsvOptions,
}

impl CsvSource {
    /// A source that reads as the options say. The file is opened by [`read`](RecordSource::read), which
    /// reports a missing file, and columns that the header does not have.
    #[must_use]
    pub fn new(options: CsvOptions) -> Self {
        Self { options }
    }
}

impl RecordSource for CsvSource {
    fn name(&self) -> &SourceName {
        &self.options.name
    }

    fn has_columns(&self) -> bool {
        true
    }

    fn repeated_keys(&self) -> BoxFuture<'_, Result<Option<Vec<RecordKey>>, SourceError>> {
        repeated::by_reading(self).map_ok(Some).boxed()
    }

    fn read(&self) -> BoxFuture<'_, Result<RecordStream, SourceError>> {
        let options = self.options.clone();
        async move {
            let name = options.name.clone();
            let opened = feed::open(name.clone(), move || CsvPass::open(options)).await?;
            Ok(feed::stream(name, move |feed| opened.run(feed)))
        }
        .boxed()
    }
}

/// One pass over the file, with the header behind it.
struct CsvPass {
    options: CsvOptions,
    columns: Columns,
    rows: CsvRows<SteadyFile>,
    last: Option<Position>,
}

impl CsvPass {
    fn open(options: CsvOptions) -> Result<Self, SourceError> {
        let failed = |message| SourceError { source_name: options.name.clone(), position: None, message };
        if let b'"' | b'\r' | b'\n' = options.delimiter {
            let delimiter = options.delimiter.escape_ascii();
            return Err(failed(format!("`{delimiter}` cannot stand between cells; use `,`, `;` or a tab")));
        }
        let file = SteadyFile::open(&options.path).map_err(failed)?;
        let mut rows = CsvRows::new(file, options.delimiter);
        let header = rows.next().map(|row| row.map(|row| header_names(&row, options.trim)));
        let names = match header {
            Ok(Some(names)) => names.map_err(failed)?,
            Ok(None) => {
                return Err(failed(format!(
                    "{} is empty; its first line has to name the columns",
                    options.path.display()
                )));
            }
            Err(error) => return Err(failed(describe(&rows, error))),
        };
        let place = options.path.display().to_string();
        if let Some(reason) = wrong_delimiter(&names, &options) {
            return Err(failed(format!("{place} {reason}")));
        }
        let columns = Columns::new(
            &place,
            names,
            &options.key,
            None,
            &options.types,
            "rename one of them in the header",
        )
        .map_err(failed)?;
        Ok(Self { options, columns, rows, last: None })
    }

    fn run(mut self, feed: &mut Feed) -> Result<(), Halt> {
        let reader = RowReader { options: &self.options, columns: &self.columns };
        let failed =
            |position, message| SourceError { source_name: self.options.name.clone(), position, message };
        loop {
            match self.rows.next() {
                Ok(Some(row)) => {
                    // A whole file ends in a line break, or at least in a whole row. A stump is the trace of a
                    // file cut short, and its first cell may be half a key.
                    let (line, cells, columns) = (row.line, row.len(), self.columns.list().len());
                    if !row.is_ended && cells < columns {
                        let cut = format!(
                            "line {line} of {}, the last, breaks off after {cells} of {columns} cells; the file \
                             seems to be cut short",
                            self.options.path.display()
                        );
                        let message = self.rows.input().check_unchanged().err().unwrap_or(cut);
                        return Err(failed(self.last, message).into());
                    }
                    self.last = Some(Position::Line(row.line));
                    feed.push(reader.read(&row), row.bytes())?;
                }
                Ok(None) => break,
                Err(error) => return Err(failed(self.last, describe(&self.rows, error)).into()),
            }
        }
        self.rows.input().check_unchanged().map_err(|message| failed(self.last, message).into())
    }
}

/// Why a header of one column is no header, where it has in it what others put between cells.
fn wrong_delimiter(names: &[String], options: &CsvOptions) -> Option<String> {
    let [only] = names else { return None };
    if *only == options.key {
        return None;
    }
    let others = [(b';', ";"), (b'\t', "\\t"), (b'|', "|"), (b',', ",")];
    let found = others.iter().filter(|(byte, _)| *byte != options.delimiter);
    let counted = found.map(|(byte, text)| (only.bytes().filter(|one| one == byte).count(), text));
    let (_, text) = counted.filter(|(count, _)| *count > 0).max_by_key(|(count, _)| *count)?;
    let shown: String = only.chars().take(60).collect();
    Some(format!(
        "has a header of one column, `{}`; if its cells are separated by something else, set delimiter = \"{text}\"",
        shown.escape_debug()
    ))
}

/// Turns rows of cells into records.
struct RowReader<'a> {
    options: &'a CsvOptions,
    columns: &'a Columns,
}

impl RowReader<'_> {
    fn read(&self, row: &RawRow<'_>) -> Row {
        match self.record(row) {
            Ok(record) => Row::Record(Position::Line(row.line), record),
            Err(message) => Row::Malformed(Malformed {
                position: Position::Line(row.line),
                key: self.key_of_broken(row),
                message,
            }),
        }
    }

    fn record(&self, row: &RawRow<'_>) -> Result<Record, String> {
        if row.len() != self.columns.list().len() {
            return Err(self.wrong_count(row));
        }
        let key = self.key(row)?;
        let mut fields = Vec::with_capacity(row.len());
        for (column, cell) in self.columns.list().iter().zip(row.cells()) {
            if !column.name.is_empty() {
                fields.push(Field { name: column.name.clone(), value: self.value(column, cell)? });
            }
        }
        Ok(Record::with_distinct_fields(self.options.name.clone(), key, fields))
    }

    /// The key stands as text, whatever type its column has as a field.
    fn key(&self, row: &RawRow<'_>) -> Result<RecordKey, String> {
        let cell = row.cell(self.columns.key()).unwrap_or_default();
        let text = self.text(&self.options.key, cell)?;
        key_from(text, self.columns.key_place()).map_err(|message| {
            if text.trim() == text {
                message
            } else {
                format!("{message}. With `trim = true` blanks are dropped")
            }
        })
    }

    /// The key of a row that became no record, where it is beyond doubt. In a row with too many or too few
    /// cells it is only so in the first column, which nothing can have shifted; and not if the row spans
    /// lines, since a stray quote may have swallowed other people's rows.
    fn key_of_broken(&self, row: &RawRow<'_>) -> Option<RecordKey> {
        let whole = row.len() == self.columns.list().len();
        let sure = whole || (self.columns.key() == 0 && row.last_line() == row.line);
        if sure { self.key(row).ok() } else { None }
    }

    fn wrong_count(&self, row: &RawRow<'_>) -> String {
        let (found, wanted) = (row.len(), self.columns.list().len());
        let cells = if found == 1 { "cell" } else { "cells" };
        let message = format!("the row has {found} {cells}, and the header names {wanted} columns");
        match row.last_line() {
            last if last == row.line => {
                format!("{message}; quote a cell that contains `{}`", self.options.delimiter.escape_ascii())
            }
            last => format!(
                "{message}. It reaches to line {last}: a stray quote may have taken other rows into it; write a \
                 quote inside a quoted cell twice"
            ),
        }
    }

    fn value(&self, column: &Column, cell: &[u8]) -> Result<FieldValue, String> {
        let text = self.text(&column.name, cell)?;
        let holds_text = matches!(column.declared, None | Some(ColumnType::Text));
        match &column.declared {
            _ if text.is_empty() => Ok(match self.options.empty {
                EmptyCell::Text if holds_text => FieldValue::Text(String::new()),
                EmptyCell::Text | EmptyCell::Null => FieldValue::Null,
            }),
            Some(declared) => {
                declared.read(text).map_err(|mismatch| format!("column `{}`: {mismatch}", column.name))
            }
            None if self.options.infer => Ok(infer(text)),
            None => Ok(FieldValue::Text(text.to_owned())),
        }
    }

    fn text<'c>(&self, column: &str, cell: &'c [u8]) -> Result<&'c str, String> {
        let text = std::str::from_utf8(cell)
            .map_err(|_| format!("column `{column}` is not UTF-8 text; save the file as UTF-8"))?;
        Ok(if self.options.trim { text.trim() } else { text })
    }
}

fn header_names(row: &RawRow<'_>, trim: bool) -> Result<Vec<String>, String> {
    row.cells()
        .map(|cell| match std::str::from_utf8(cell) {
            Ok(name) => Ok(if trim { name.trim() } else { name }.to_owned()),
            Err(_) => Err("the header is not UTF-8 text; save the file as UTF-8".to_owned()),
        })
        .collect()
}

/// A sentence for what stopped the reading.
fn describe(rows: &CsvRows<SteadyFile>, error: RowsError) -> String {
    let path = rows.input().path().display();
    match error {
        RowsError::Input(cause) => rows.input().failed(&cause),
        RowsError::Utf16 => format!("{path} is UTF-16 text; save it as UTF-8"),
        RowsError::RowTooLarge { line } => format!(
            "the row that begins on line {line} of {path} is larger than {MAX_ROW_BYTES} bytes; a quote in it may \
             never be closed"
        ),
        RowsError::OpenQuote { line } => format!(
            "a quote that opens on line {line} of {path} is never closed, so every row after it is missing; close \
             it, and write a quote inside a quoted cell twice"
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::{self, Outcome, malformed, name, record};
    use proptest::prelude::*;

    fn options(path: PathBuf) -> CsvOptions {
        CsvOptions::new(name(), path, "id")
    }

    fn read(text: impl AsRef<[u8]>, change: impl FnOnce(&mut CsvOptions)) -> Outcome {
        fixture::read_file("people.csv", text.as_ref(), |path| {
            let mut options = options(path);
            change(&mut options);
            CsvSource::new(options)
        })
    }

    fn text(text: &str) -> FieldValue {
        FieldValue::Text(text.to_owned())
    }

    #[test]
    fn without_types_every_cell_is_text_and_an_empty_one_is_nothing() {
        let outcome = read("id,name,n\n1,Zoë,007\n2,,\"a,b\"\n", |_| ());
        assert_eq!(
            outcome.rows,
            [
                record("1", &[("id", text("1")), ("name", text("Zoë")), ("n", text("007"))]),
                record("2", &[("id", text("2")), ("name", FieldValue::Null), ("n", text("a,b"))]),
            ]
        );
        assert_eq!(outcome.error, None);
    }

    #[test]
    fn types_inference_trimming_and_empty_text_are_asked_for() {
        let outcome = read("id ;groups; n ; note\n 1 ;a|b;42; \n", |options| {
            options.delimiter = b';';
            options.trim = true;
            options.infer = true;
            options.empty = EmptyCell::Text;
            options.types = vec![("groups".to_owned(), ColumnType::parse("list(|)").unwrap())];
        });
        let groups = FieldValue::Many(vec!["a".to_owned(), "b".to_owned()]);
        let expected = [
            ("id", FieldValue::Integer(1)),
            ("groups", groups),
            ("n", FieldValue::Integer(42)),
            ("note", text("")),
        ];
        assert_eq!(outcome.rows, [record("1", &expected)]);
    }

    #[test]
    fn a_broken_row_is_reported_with_line_and_key_and_the_others_are_read() {
        let outcome = read("id,start\n1,2024-02-28\n\n2,31.02.2024\n3\n,2024-02-28\n 4,\n5,\n", |options| {
            options.types = vec![("start".to_owned(), ColumnType::DateTime)];
        });
        let messages: Vec<_> = outcome.malformed().collect();
        assert_eq!(
            messages,
            [
                malformed(
                    4,
                    Some("2"),
                    "column `start`: `31.02.2024` is not a date-time; write 2024-02-28T00:00:00Z or 2024-02-28"
                ),
                malformed(
                    5,
                    Some("3"),
                    "the row has 1 cell, and the header names 2 columns; quote a cell that contains `,`"
                ),
                malformed(6, None, "the key column `id` is empty; every row needs a key of its own"),
                malformed(
                    7,
                    None,
                    "the key column `id`: ` 4` cannot be a record key: it begins or ends with a blank. With \
                     `trim = true` blanks are dropped"
                ),
            ]
        );
        assert_eq!(outcome.keys(), ["1", "5"]);
        assert_eq!(outcome.error, None);
    }

    #[test]
    fn text_that_is_not_utf_8_breaks_its_row_only() {
        let outcome = read(b"id,name\n1,Zo\xeb\n2,Ari\n", |_| ());
        let messages: Vec<_> = outcome.malformed().collect();
        let expected = "column `name` is not UTF-8 text; save the file as UTF-8";
        assert_eq!(messages, [malformed(2, Some("1"), expected)]);
        assert_eq!(outcome.keys(), ["2"]);
    }

    #[test]
    fn a_row_with_missing_cells_claims_no_key_that_may_belong_to_somebody_else() {
        let shifted = read("name,id\nonly\n", |_| ());
        assert_eq!(shifted.malformed().next().unwrap().key, None);
        // Two stray quotes: the first row takes the second into it.
        let swallowed = read("id,a,b\n1,\"x,y\n2,z\",w,v\n3,4,5\n", |_| ());
        let broken = swallowed.malformed().next().unwrap();
        assert_eq!((broken.position, broken.key), (Position::Line(2), None));
        assert!(broken.message.contains("It reaches to line 3"), "{}", broken.message);
        assert_eq!(swallowed.keys(), ["3"]);
    }

    #[test]
    fn a_quote_that_is_never_closed_makes_the_pass_incomplete() {
        let outcome = read("id,name\n1,a\n2,\"b\n3,c\n4,d\n", |_| ());
        assert_eq!(outcome.keys(), ["1"]);
        let error = outcome.error.unwrap();
        assert!(
            error.starts_with("source `hr` could not be read past line 2: a quote that opens on line 3 of "),
            "{error}"
        );
    }

    #[test]
    fn a_header_that_lacks_what_configuration_names_is_refused_before_any_row() {
        let refused = |text: &str, change: fn(&mut CsvOptions)| {
            let outcome = read(text, change);
            assert!(outcome.rows.is_empty());
            outcome.error.unwrap()
        };
        let error = refused("Id,name\n1,a\n", |_| ());
        assert!(error.ends_with("does not have the key column `id` (did you mean `Id`?)"), "{error}");
        let error =
            refused("id,start\n", |options| options.types = vec![("starts".into(), ColumnType::Json)]);
        assert!(error.ends_with("does not have the column `starts` (did you mean `start`?)"), "{error}");
        let error = refused("id,x,x\n", |_| ());
        assert!(error.ends_with("two columns named `x`: rename one of them in the header"), "{error}");
        let error = refused("id;name;town\n1;a;b\n", |_| ());
        assert!(
            error.ends_with(
                "has a header of one column, `id;name;town`; if its cells are separated by something else, set delimiter \
                 = \";\""
            ),
            "{error}"
        );
        for (text, delimiter, wanted) in
            [("id\tname, full\n", b',', "\\t"), ("id|name\n", b',', "|"), ("id,name\n", b';', ",")]
        {
            let outcome = read(text, |options| options.delimiter = delimiter);
            let error = outcome.error.unwrap();
            let remedy = format!("set delimiter = \"{wanted}\"");
            assert_eq!(error.ends_with(&remedy), !text.contains(", "), "{error}");
        }
        let error = refused("name\n", |_| ());
        assert!(error.ends_with("does not have the key column `id` (it has `name`)"), "{error}");
        let error = refused("id\n1\n", |options| options.delimiter = b'"');
        assert!(error.ends_with("`\\\"` cannot stand between cells; use `,`, `;` or a tab"), "{error}");
        let error = refused("", |_| ());
        assert!(error.ends_with("is empty; its first line has to name the columns"), "{error}");
        let error = refused("id,\"x\n", |_| ());
        assert!(error.contains("a quote that opens on line 1"), "{error}");
    }

    #[test]
    fn a_missing_file_is_named() {
        let outcome = fixture::read_source(&CsvSource::new(options("/nonexistent/people.csv".into())));
        let error = outcome.error.unwrap();
        assert!(
            error.starts_with("source `hr` could not be read: cannot open /nonexistent/people.csv: "),
            "{error}"
        );
    }

    #[test]
    fn a_file_cut_short_in_the_middle_of_the_pass_is_noticed() {
        use futures::StreamExt;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("people.csv");
        let mut text = "id,name\n".to_owned();
        for number in 0..60_000 {
            text.push_str(&format!("{number},somebody with a name of some length\n"));
        }
        std::fs::write(&path, &text).unwrap();
        fixture::run(async {
            let mut rows = CsvSource::new(options(path.clone())).read().await.unwrap();
            rows.next().await.unwrap().unwrap();
            std::fs::File::options().write(true).open(&path).unwrap().set_len(1_000_008).unwrap();
            let mut last = None;
            while let Some(row) = rows.next().await {
                last = Some(row);
            }
            let error = last.unwrap().unwrap_err().to_string();
            assert!(error.contains("changed while it was being read"), "{error}");
        });
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn what_the_csv_crate_writes_reads_back(
            rows in prop::collection::vec(prop::collection::vec("[^\u{0}]{0,8}|[\",\r\n a]{0,6}", 3), 0..20)
        ) {
            let mut writer = ::csv::Writer::from_writer(Vec::new());
            writer.write_record(["id", "a", "b", "c"]).unwrap();
            for (number, row) in rows.iter().enumerate() {
                writer.write_record(std::iter::once(&number.to_string()).chain(row)).unwrap();
            }
            let outcome = read(writer.into_inner().unwrap(), |options| options.empty = EmptyCell::Text);
            let expected: Vec<_> = rows
                .iter()
                .enumerate()
                .map(|(number, row)| {
                    let key = number.to_string();
                    record(&key, &[("id", text(&key)), ("a", text(&row[0])), ("b", text(&row[1])), ("c", text(&row[2]))])
                })
                .collect();
            prop_assert_eq!(outcome.error, None);
            prop_assert_eq!(outcome.rows, expected);
        }

        #[test]
        fn any_bytes_at_all_come_to_an_end(bytes in prop::collection::vec(any::<u8>(), 0..300), head in any::<bool>()) {
            let mut text = if head { b"id,name\n".to_vec() } else { Vec::new() };
            text.extend(bytes);
            let outcome = read(text, |options| options.infer = true);
            prop_assert!(outcome.rows.len() <= 301);
        }
    }
}
