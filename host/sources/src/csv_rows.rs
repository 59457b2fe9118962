//! CSV bytes to rows of cells, bounded, with true line numbers.
//!
//! This stands directly on `csv-core`, the state machine inside the `csv` crate, because
//! three things matter here that the crate's own reader does not offer: a bound on the size
//! of a row, the line on which a row truly begins (blank lines before it are not part of
//! it), and noticing that the file ends inside a quote. The last one matters most: an open
//! quote swallows every row after it, and their people would look as if they had left.

use crate::MAX_ROW_BYTES;
use csv_core::{ReadRecordResult, Reader, ReaderBuilder};
use std::io::Read;

const BUFFER_BYTES: usize = 64 * 1024;

/// The most cells in a row. Empty cells take no room in the row's text, so they need a bound of their own.
const MAX_CELLS: usize = 16 * 1024;

const UTF8_MARK: &[u8] = b"\xef\xbb\xbf";

/// Why no further row can be read.
#[derive(Debug)]
pub(crate) enum RowsError {
    /// The input failed.
    Input(std::io::Error),
    /// The input is UTF-16, going by its byte order mark.
    Utf16,
    /// A row exceeds [`MAX_ROW_BYTES`] or [`MAX_CELLS`].
    RowTooLarge {
        /// The line on which it begins.
        line: u64,
    },
    /// The input ends inside a quoted cell.
    OpenQuote {
        /// The line on which the quote was opened.
        line: u64,
    },
}

/// One row, unescaped.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RawRow<'a> {
    /// The line on which it begins, from 1.
    pub(crate) line: u64,
    /// Whether a line break ends it. Only the last row of a file may lack one.
    pub(crate) is_ended: bool,
    text: &'a [u8],
    ends: &'a [usize],
}

impl<'a> RawRow<'a> {
    /// How many cells it has.
    pub(crate) fn len(&self) -> usize {
        self.ends.len()
    }

    /// The bytes of a cell, counted from 0.
    pub(crate) fn cell(&self, index: usize) -> Option<&'a [u8]> {
        let end = *self.ends.get(index)?;
        let start = index.checked_sub(1).and_then(|before| self.ends.get(before)).copied().unwrap_or(0);
        self.text.get(start..end)
    }

    /// All cells, in order.
    pub(crate) fn cells(&self) -> impl Iterator<Item = &'a [u8]> {
        let row = *self;
        (0..row.len()).map_while(move |index| row.cell(index))
    }

    /// The line on which it ends.
    pub(crate) fn last_line(&self) -> u64 {
        self.line + line_breaks(self.text)
    }

    /// What it takes in memory.
    pub(crate) fn bytes(&self) -> usize {
        self.text.len()
    }
}

/// Reads rows one after the other.
pub(crate) struct CsvRows<R> {
    input: R,
    core: Reader,
    buffer: Vec<u8>,
    next: usize,
    filled: usize,
    started: bool,
    line: u64,
    text: Vec<u8>,
    ends: Vec<usize>,
}

impl<R: Read> CsvRows<R> {
    pub(crate) fn new(input: R, delimiter: u8) -> Self {
        Self {
            input,
            core: ReaderBuilder::new().delimiter(delimiter).build(),
            buffer: vec![0; BUFFER_BYTES],
            next: 0,
            filled: 0,
            started: false,
            line: 1,
            text: vec![0; 4096],
            ends: vec![0; 64],
        }
    }

    /// What the rows are read from.
    pub(crate) fn input(&self) -> &R {
        &self.input
    }

    /// The next row; none at the end.
    pub(crate) fn next(&mut self) -> Result<Option<RawRow<'_>>, RowsError> {
        if !self.skip_to_row()? {
            return Ok(None);
        }
        let line = self.line;
        let (mut text, mut ends) = (0_usize, 0_usize);
        let is_ended;
        loop {
            // The last row may lack its line break, so it gets one; inside quotes that would be text.
            let is_last = self.next == self.filled && !self.fill()?;
            let input = if is_last { b"\n" } else { &self.buffer[self.next..self.filled] };
            let (result, taken, written, ended) =
                self.core.read_record(input, &mut self.text[text..], &mut self.ends[ends..]);
            if !is_last {
                self.line += line_breaks(&input[..taken]);
                self.next += taken;
            }
            text += written;
            ends += ended;
            match result {
                ReadRecordResult::InputEmpty if is_last => {
                    let complete = ends.checked_sub(1).map_or(0, |last| self.ends[last]);
                    return Err(RowsError::OpenQuote { line: line + line_breaks(&self.text[..complete]) });
                }
                ReadRecordResult::InputEmpty => {}
                ReadRecordResult::OutputFull if self.text.len() < MAX_ROW_BYTES => {
                    self.text.resize((self.text.len() * 2).min(MAX_ROW_BYTES), 0);
                }
                ReadRecordResult::OutputEndsFull if self.ends.len() < MAX_CELLS => {
                    self.ends.resize(self.ends.len() * 2, 0);
                }
                ReadRecordResult::OutputFull | ReadRecordResult::OutputEndsFull => {
                    return Err(RowsError::RowTooLarge { line });
                }
                ReadRecordResult::Record => {
                    is_ended = !is_last;
                    break;
                }
                ReadRecordResult::End => return Ok(None),
            }
        }
        Ok(Some(RawRow { line, is_ended, text: &self.text[..text], ends: &self.ends[..ends] }))
    }

    /// Moves past line breaks to where a row begins; whether there is one.
    fn skip_to_row(&mut self) -> Result<bool, RowsError> {
        loop {
            if self.next == self.filled && !self.fill()? {
                return Ok(false);
            }
            match self.buffer[self.next] {
                b'\n' => self.line += 1,
                b'\r' => {}
                _ => return Ok(true),
            }
            self.next += 1;
        }
    }

    /// Reads more input; whether there was any.
    fn fill(&mut self) -> Result<bool, RowsError> {
        self.next = 0;
        self.filled = self.read_some(0)?;
        if !self.started {
            self.started = true;
            // A mark has three bytes, and a pipe may bring them one at a time.
            while (1..UTF8_MARK.len()).contains(&self.filled) {
                match self.read_some(self.filled)? {
                    0 => break,
                    more => self.filled += more,
                }
            }
            match &self.buffer[..self.filled] {
                start if start.starts_with(UTF8_MARK) => self.next = UTF8_MARK.len(),
                [0xff, 0xfe, ..] | [0xfe, 0xff, ..] => return Err(RowsError::Utf16),
                _ => {}
            }
            if self.next == self.filled {
                self.next = 0;
                self.filled = self.read_some(0)?;
            }
        }
        Ok(self.filled > 0)
    }

    fn read_some(&mut self, from: usize) -> Result<usize, RowsError> {
        loop {
            match self.input.read(&mut self.buffer[from..]) {
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                outcome => return outcome.map_err(RowsError::Input),
            }
        }
    }
}

fn line_breaks(bytes: &[u8]) -> u64 {
    bytes.iter().filter(|&&byte| byte == b'\n').count() as u64
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Gives a byte at a time, as the slowest pipe would.
    struct Trickle<'a>(&'a [u8]);

    impl Read for Trickle<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
            let count = self.0.len().min(1);
            self.0.read(&mut buffer[..count])
        }
    }

    type Rows = Vec<(u64, Vec<String>)>;

    fn read(input: impl Read) -> (Rows, Option<RowsError>) {
        let mut rows = CsvRows::new(input, b',');
        let mut found = Vec::new();
        loop {
            match rows.next() {
                Ok(Some(row)) => {
                    let cells = row.cells().map(|cell| String::from_utf8_lossy(cell).into_owned());
                    found.push((row.line, cells.collect()));
                }
                Ok(None) => return (found, None),
                Err(error) => return (found, Some(error)),
            }
        }
    }

    fn row(line: u64, cells: &[&str]) -> (u64, Vec<String>) {
        (line, cells.iter().map(|&cell| cell.to_owned()).collect())
    }

    #[test]
    fn lines_are_counted_through_blank_lines_and_quoted_line_breaks() {
        let text = "\u{feff}id,note\r\n\r\n\n1,\"a\r\nb\"\r\n2,\"x \"\"y\"\"\"\n\n3,\"\"";
        let expected = [
            row(1, &["id", "note"]),
            row(4, &["1", "a\r\nb"]),
            row(6, &["2", "x \"y\""]),
            row(8, &["3", ""]),
        ];
        for (rows, error) in [read(text.as_bytes()), read(Trickle(text.as_bytes()))] {
            assert_eq!(rows, expected);
            assert!(error.is_none(), "{error:?}");
        }
    }

    #[test]
    fn a_quote_left_open_is_an_error_that_names_its_line() {
        let text = "id,note,more\n1,\"a\nb\",\"c\nd,e\n2,f,g\n";
        for (rows, error) in [read(text.as_bytes()), read(Trickle(text.as_bytes()))] {
            assert_eq!(rows.len(), 1);
            assert!(matches!(error, Some(RowsError::OpenQuote { line: 3 })), "{error:?}");
        }
        // The shortest one there is.
        assert!(matches!(read(&b"\""[..]).1, Some(RowsError::OpenQuote { line: 1 })));
        // A quote inside a plain cell opens nothing, and a closed one at the very end is closed.
        assert!(read(&b"a,5\" pipe\n1,\"2\""[..]).1.is_none());
    }

    #[test]
    fn a_row_without_end_stops_at_the_bound() {
        let (rows, error) = read(std::io::repeat(b'x'));
        assert!(rows.is_empty());
        assert!(matches!(error, Some(RowsError::RowTooLarge { line: 1 })), "{error:?}");
        let (_, error) = read(std::io::repeat(b','));
        assert!(matches!(error, Some(RowsError::RowTooLarge { line: 1 })), "{error:?}");
    }

    #[test]
    fn utf_16_is_recognised() {
        assert!(matches!(read(&b"\xff\xfei\0d\0"[..]).1, Some(RowsError::Utf16)));
    }

    #[test]
    fn nothing_but_a_mark_is_an_empty_file() {
        for text in [&b""[..], UTF8_MARK, b"\xef\xbb\xbf\r\n\n", b"\n\n"] {
            let (rows, error) = read(text);
            assert!(rows.is_empty() && error.is_none(), "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_come_to_an_end_and_the_chunks_do_not_matter(
            bytes in prop::collection::vec(prop_oneof![
                Just(b'"'), Just(b','), Just(b'\n'), Just(b'\r'), Just(b'x'), any::<u8>()
            ], 0..200)
        ) {
            let (whole, whole_error) = read(&bytes[..]);
            let (trickled, trickled_error) = read(Trickle(&bytes));
            prop_assert_eq!(whole, trickled);
            prop_assert_eq!(format!("{whole_error:?}"), format!("{trickled_error:?}"));
        }
    }
}
