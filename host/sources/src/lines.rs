//! Lines of a file, bounded, with their numbers.

use crate::MAX_ROW_BYTES;
use std::io::{self, BufRead, Read};

/// One line, without its line break.
#[derive(Debug)]
pub(crate) struct Line<'a> {
    /// Its number, from 1.
    pub(crate) number: u64,
    /// What stands in it; nothing of one longer than [`MAX_ROW_BYTES`].
    pub(crate) text: Option<&'a [u8]>,
    /// Whether a line break follows. A file whose last line has none may have been cut short.
    pub(crate) is_ended: bool,
}

/// Reads lines one after the other.
pub(crate) struct Lines<R> {
    input: R,
    number: u64,
    text: Vec<u8>,
}

impl<R: BufRead> Lines<R> {
    pub(crate) fn new(input: R) -> Self {
        Self { input, number: 0, text: Vec::new() }
    }

    /// What the lines are read from.
    pub(crate) fn input(&self) -> &R {
        &self.input
    }

    /// The next line; none at the end.
    pub(crate) fn next(&mut self) -> io::Result<Option<Line<'_>>> {
        self.text.clear();
        // One byte more than fits tells a line that is too long from one that just fits.
        let bound = MAX_ROW_BYTES as u64 + 1;
        let read = self.input.by_ref().take(bound).read_until(b'\n', &mut self.text)?;
        if read == 0 {
            return Ok(None);
        }
        self.number += 1;
        let mut is_ended = self.text.last() == Some(&b'\n');
        if !is_ended && self.text.len() > MAX_ROW_BYTES {
            is_ended = self.skip_to_break()?;
            return Ok(Some(Line { number: self.number, text: None, is_ended }));
        }
        let mut text = self.text.as_slice();
        text = text.strip_suffix(b"\n").unwrap_or(text);
        text = text.strip_suffix(b"\r").unwrap_or(text);
        if self.number == 1 {
            text = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text);
        }
        Ok(Some(Line { number: self.number, text: Some(text), is_ended }))
    }

    /// Moves past the rest of a line without keeping it; whether a line break ended it.
    fn skip_to_break(&mut self) -> io::Result<bool> {
        loop {
            let buffer = self.input.fill_buf()?;
            let (length, found) = match buffer.iter().position(|&byte| byte == b'\n') {
                Some(position) => (position + 1, true),
                None => (buffer.len(), false),
            };
            self.input.consume(length);
            if found || length == 0 {
                return Ok(found);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(text: &[u8]) -> Vec<(u64, Option<String>, bool)> {
        let mut lines = Lines::new(io::BufReader::with_capacity(16, text));
        let mut found = Vec::new();
        while let Some(line) = lines.next().unwrap() {
            let text = line.text.map(|text| String::from_utf8_lossy(text).into_owned());
            found.push((line.number, text, line.is_ended));
        }
        found
    }

    #[test]
    fn marks_and_line_breaks_are_dropped_and_a_missing_break_is_told() {
        let text = |text: &str| Some(text.to_owned());
        assert_eq!(
            lines("\u{feff}a\r\n\nb".as_bytes()),
            [(1, text("a"), true), (2, text(""), true), (3, text("b"), false)]
        );
        assert_eq!(lines(b""), []);
    }

    #[test]
    fn a_line_that_is_too_long_is_passed_over_and_the_next_one_read() {
        let mut text = vec![b'x'; MAX_ROW_BYTES + 1];
        text.extend(b"\nb\n");
        assert_eq!(lines(&text), [(1, None, true), (2, Some("b".to_owned()), true)]);
        let just_fits = vec![b'x'; MAX_ROW_BYTES];
        assert_eq!(lines(&just_fits)[0].1.as_ref().unwrap().len(), MAX_ROW_BYTES);
        let endless = vec![b'x'; MAX_ROW_BYTES * 2];
        assert_eq!(lines(&endless), [(1, None, false)]);
    }
}
