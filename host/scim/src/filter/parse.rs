//! Reading a filter: recursive descent over the text, with bounds that hold whatever comes from the wire.
//!
//! The parser recurses only where `(` or `[` opens, and counts those; chains of `and` and `or` are loops.
//! So depth is bounded by [`Filter::MAX_DEPTH`] and work by [`Filter::MAX_BYTES`], and no text can exhaust
//! the stack. PATCH paths share it, because they hold filters in brackets.

use super::{Comparison, Filter, FilterValue, Operands, suggest};
use crate::path::AttributePath;
use serde_json::Number;
use std::ops::Range;

/// Text that is not a filter, or not the path of a PATCH operation.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("cannot read the {noun} at {}: expected {expected}, found {found}{}", place(.span), question(.suggestion))]
pub struct FilterError {
    /// What the text was meant to be: `filter`, or `path`.
    pub noun: &'static str,
    /// The bytes at fault. Both ends lie on character borders; the range is empty where something is missing.
    pub span: Range<usize>,
    /// What would have been right there.
    pub expected: String,
    /// What is there, shortened.
    pub found: String,
    /// What may have been meant, to be put in the place of the bytes at fault.
    pub suggestion: Option<String>,
}

fn question(suggestion: &Option<String>) -> String {
    suggestion.as_ref().map(|meant| format!("; did you mean `{meant}`?")).unwrap_or_default()
}

fn place(span: &Range<usize>) -> String {
    if span.len() <= 1 {
        format!("byte {}", span.start)
    } else {
        format!("bytes {}..{}", span.start, span.end)
    }
}

impl Filter {
    /// Reads a filter (RFC 7644 section 3.4.2.2, figure 1). Operators and literals are read in any case.
    ///
    /// ```
    /// use scimwright_scim::Filter;
    ///
    /// let error = Filter::parse("userName equals \"jdoe\"").unwrap_err();
    /// assert_eq!(error.span, 9..15);
    /// assert_eq!(
    ///     error.to_string(),
    ///     "cannot read the filter at bytes 9..15: expected a comparison (eq, ne, co, sw, ew, gt, ge, lt, le) \
    ///      or `pr`, found `equals`; did you mean `eq`?"
    /// );
    /// ```
    ///
    /// # Errors
    /// [`FilterError`] says where the first mistake is and what was expected there. Text longer than
    /// [`MAX_BYTES`](Self::MAX_BYTES) or nested deeper than [`MAX_DEPTH`](Self::MAX_DEPTH) is a mistake too.
    pub fn parse(text: &str) -> Result<Self, FilterError> {
        Self::parse_with_places(text).map(|(filter, _)| filter)
    }

    /// The filter, and the place of each path in it, in reading order.
    pub(super) fn parse_with_places(text: &str) -> Result<(Self, Vec<Range<usize>>), FilterError> {
        let mut parser = Parser::new("filter", text)?;
        let filter = parser.disjunction(Place::Top)?;
        parser.skip_blanks();
        if !parser.at_end() {
            let meant = suggest::joiner(parser.word());
            return Err(parser.unexpected("`and`, `or` or the end of the filter").suggesting(meant));
        }
        Ok((filter, parser.paths))
    }
}

impl FilterError {
    fn suggesting(self, suggestion: Option<String>) -> Self {
        Self { suggestion, ..self }
    }
}

/// Where in a filter the parser is; inside brackets no further brackets may follow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    Top,
    Element,
}

#[derive(Debug)]
pub(crate) struct Parser<'a> {
    noun: &'static str,
    text: &'a str,
    at: usize,
    depth: usize,
    /// Where the paths stand that were read.
    paths: Vec<Range<usize>>,
}

impl<'a> Parser<'a> {
    pub(crate) fn new(noun: &'static str, text: &'a str) -> Result<Self, FilterError> {
        if text.len() > Filter::MAX_BYTES {
            return Err(FilterError {
                noun,
                span: 0..text.len(),
                expected: format!("at most {} bytes", Filter::MAX_BYTES),
                found: format!("{} bytes", text.len()),
                suggestion: None,
            });
        }
        Ok(Self { noun, text, at: 0, depth: 0, paths: Vec::new() })
    }

    fn disjunction(&mut self, place: Place) -> Result<Filter, FilterError> {
        self.chain("or", Filter::Or, |parser| parser.conjunction(place))
    }

    fn conjunction(&mut self, place: Place) -> Result<Filter, FilterError> {
        self.chain("and", Filter::And, |parser| parser.term(place))
    }

    fn chain(
        &mut self,
        word: &str,
        join: fn(Operands) -> Filter,
        operand: impl Fn(&mut Self) -> Result<Filter, FilterError>,
    ) -> Result<Filter, FilterError> {
        let first = operand(self)?;
        if !self.take_word(word) {
            return Ok(first);
        }
        let mut operands = Operands::new(first, operand(self)?);
        while self.take_word(word) {
            operands = operands.with(operand(self)?);
        }
        Ok(join(operands))
    }

    fn term(&mut self, place: Place) -> Result<Filter, FilterError> {
        self.skip_blanks();
        if self.peek() == Some('(') {
            return self.group(place);
        }
        let start = self.at;
        // An attribute may be called `not`; only a parenthesis makes it the operator.
        if self.word().eq_ignore_ascii_case("not") {
            self.take_path_text();
            self.skip_blanks();
            if self.peek() == Some('(') {
                return self.group(place).map(Filter::negated);
            }
            self.at = start;
        }
        let path = self.attribute_path("an attribute, `not (` or `(`")?;
        if self.peek() == Some('[') {
            if place == Place::Element {
                return Err(self.unexpected("a comparison: `[` cannot stand inside `[`"));
            }
            if path.sub.is_some() {
                return Err(self.unexpected("a comparison: `[` follows an attribute, not a sub-attribute"));
            }
            return Ok(Filter::element(path, self.element_filter()?));
        }
        self.comparison(path)
    }

    fn group(&mut self, place: Place) -> Result<Filter, FilterError> {
        self.open()?;
        let inner = self.disjunction(place)?;
        self.close(')', "`and`, `or` or `)`")?;
        Ok(inner)
    }

    /// `[filter]`, where the bracket is next.
    pub(crate) fn element_filter(&mut self) -> Result<Filter, FilterError> {
        self.open()?;
        let inner = self.disjunction(Place::Element)?;
        self.close(']', "`and`, `or` or `]`")?;
        Ok(inner)
    }

    fn comparison(&mut self, path: AttributePath) -> Result<Filter, FilterError> {
        const EXPECTED: &str = "a comparison (eq, ne, co, sw, ew, gt, ge, lt, le) or `pr`";
        self.skip_blanks();
        let word = self.word();
        if word.eq_ignore_ascii_case("pr") {
            self.at += word.len();
            return Ok(Filter::Present(path));
        }
        let found = Comparison::WORDS.iter().find(|(text, _)| word.eq_ignore_ascii_case(text));
        let Some(&(_, operator)) = found else {
            return Err(self.unexpected(EXPECTED).suggesting(suggest::operator(word)));
        };
        self.at += word.len();
        let value = self.value()?;
        Ok(Filter::Compare { path, operator, value })
    }

    fn value(&mut self) -> Result<FilterValue, FilterError> {
        const EXPECTED: &str = "a value: a string in double quotes, a number, true, false or null";
        self.skip_blanks();
        if self.peek() == Some('"') {
            return self.string().map(FilterValue::Text);
        }
        let word = self.word();
        let value = match word.to_ascii_lowercase().as_str() {
            "true" => FilterValue::Boolean(true),
            "false" => FilterValue::Boolean(false),
            "null" => FilterValue::Null,
            _ => match number(word) {
                Some(number) => FilterValue::Number(number),
                None => return Err(self.unexpected(EXPECTED).suggesting(suggest::value(word))),
            },
        };
        self.at += word.len();
        Ok(value)
    }

    /// A JSON string, whose opening quote is next.
    fn string(&mut self) -> Result<String, FilterError> {
        let start = self.at;
        let mut escaped = false;
        let body = &self.text[start + 1..];
        let end = body.bytes().position(|byte| {
            let closes = byte == b'"' && !escaped;
            escaped = byte == b'\\' && !escaped;
            closes
        });
        let Some(end) = end else {
            self.at = self.text.len();
            return Err(
                self.unexpected(&format!("the closing quote of the string that begins at byte {start}"))
            );
        };
        let span = start..start + end + 2;
        self.at = span.end;
        let raw = &self.text[span.clone()];
        serde_json::from_str(raw).map_err(|_| FilterError {
            noun: self.noun,
            span,
            expected: "a JSON string, in which control characters and `\\` are escaped".into(),
            found: shorten(raw),
            suggestion: None,
        })
    }

    /// An attribute path, up to whatever cannot belong to one.
    pub(crate) fn attribute_path(&mut self, expected: &str) -> Result<AttributePath, FilterError> {
        self.skip_blanks();
        let start = self.at;
        let text = self.take_path_text();
        if text.is_empty() {
            return Err(self.unexpected(expected));
        }
        let path = AttributePath::parse(text).map_err(|cause| FilterError {
            noun: self.noun,
            span: start..self.at,
            expected: format!("{expected} ({cause})"),
            found: shorten(text),
            suggestion: None,
        })?;
        self.paths.push(start..self.at);
        Ok(path)
    }

    /// The text of a path: everything up to a blank, a bracket, a parenthesis or a quote.
    pub(crate) fn take_path_text(&mut self) -> &'a str {
        let word = self.word();
        self.at += word.len();
        word
    }

    pub(crate) fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    pub(crate) fn at_end(&self) -> bool {
        self.at == self.text.len()
    }

    pub(crate) fn skip_blanks(&mut self) {
        self.at = self.text.len() - self.rest().trim_start().len();
    }

    /// Takes one character, if it is this one.
    pub(crate) fn take(&mut self, wanted: char) -> bool {
        let found = self.peek() == Some(wanted);
        if found {
            self.at += wanted.len_utf8();
        }
        found
    }

    pub(crate) fn unexpected(&self, expected: &str) -> FilterError {
        let word = self.word();
        let found = match self.peek() {
            None => "the end",
            Some(next) if word.is_empty() => &self.rest()[..next.len_utf8()],
            Some(_) => word,
        };
        let length = if self.at_end() { 0 } else { found.len() };
        FilterError {
            noun: self.noun,
            span: self.at..self.at + length,
            expected: expected.to_owned(),
            found: if self.at_end() { found.to_owned() } else { shorten(found) },
            suggestion: None,
        }
    }

    fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    fn word(&self) -> &'a str {
        let rest = self.rest();
        let ends = |c: char| c.is_whitespace() || matches!(c, '[' | ']' | '(' | ')' | '"');
        &rest[..rest.find(ends).unwrap_or(rest.len())]
    }

    /// Takes `and` or `or`, if it is next.
    fn take_word(&mut self, wanted: &str) -> bool {
        let before = self.at;
        self.skip_blanks();
        if self.word().eq_ignore_ascii_case(wanted) {
            self.at += wanted.len();
            return true;
        }
        self.at = before;
        false
    }

    fn open(&mut self) -> Result<(), FilterError> {
        if self.depth == Filter::MAX_DEPTH {
            return Err(self.unexpected(&format!("nesting of at most {} levels", Filter::MAX_DEPTH)));
        }
        self.depth += 1;
        self.at += 1;
        Ok(())
    }

    fn close(&mut self, wanted: char, expected: &str) -> Result<(), FilterError> {
        self.skip_blanks();
        if !self.take(wanted) {
            return Err(self.unexpected(expected));
        }
        self.depth -= 1;
        Ok(())
    }
}

/// A JSON number (RFC 8259 section 6). Read here rather than by `serde_json`, whose default reading of a real
/// number may be off in the last digit.
fn number(text: &str) -> Option<Number> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let whole = digits.split(['.', 'e', 'E']).next()?;
    let leading_zero = whole.len() > 1 && whole.starts_with('0');
    let bare_point =
        digits.contains('.') && !digits.split('.').nth(1)?.starts_with(|c: char| c.is_ascii_digit());
    let allowed = |c: char| c.is_ascii_digit() || matches!(c, '.' | 'e' | 'E' | '+' | '-');
    if !whole.starts_with(|c: char| c.is_ascii_digit())
        || leading_zero
        || bare_point
        || !digits.chars().all(allowed)
    {
        return None;
    }
    if let Ok(number) = text.parse::<u64>() {
        return Some(number.into());
    }
    // `-0` is a real number: as a whole one it would lose its sign.
    match text.parse::<i64>() {
        Ok(number) if number != 0 => Some(number.into()),
        _ => Number::from_f64(text.parse().ok()?),
    }
}

pub(super) fn shorten(text: &str) -> String {
    let mut characters = text.chars();
    let start: String = characters.by_ref().take(40).collect();
    if characters.next().is_some() { format!("`{start}…`") } else { format!("`{start}`") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn parsed(text: &str) -> Filter {
        Filter::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"))
    }

    #[test]
    fn the_examples_of_the_rfc_are_read_and_print_as_they_are() {
        // RFC 7644 section 3.4.2.2, figure 2.
        for text in [
            r#"userName eq "bjensen""#,
            r#"name.familyName co "O'Malley""#,
            r#"userName sw "J""#,
            r#"urn:ietf:params:scim:schemas:core:2.0:User:userName sw "J""#,
            "title pr",
            r#"meta.lastModified gt "2011-05-13T04:42:34Z""#,
            r#"meta.lastModified le "2011-05-13T04:42:34Z""#,
            r#"title pr and userType eq "Employee""#,
            r#"title pr or userType eq "Intern""#,
            r#"schemas eq "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User""#,
            r#"userType eq "Employee" and (emails co "example.com" or emails.value co "example.org")"#,
            r#"userType ne "Employee" and not (emails co "example.com" or emails.value co "example.org")"#,
            r#"userType eq "Employee" and emails[type eq "work" and value co "@example.com"]"#,
            r#"emails[type eq "work" and value co "@example.com"] or ims[type eq "xmpp" and value co "@foo.com"]"#,
        ] {
            assert_eq!(parsed(text).to_string(), text);
        }
    }

    #[test]
    fn and_binds_tighter_than_or() {
        assert_eq!(parsed("a pr or b pr and c pr"), parsed("a pr or (b pr and c pr)"));
        assert_ne!(parsed("a pr or b pr and c pr"), parsed("(a pr or b pr) and c pr"));
    }

    #[test]
    fn words_are_read_in_any_case_and_blanks_do_not_matter() {
        assert_eq!(parsed(" a  EQ TRUE AND NOT(b Pr) "), parsed("a eq true and not (b pr)"));
        assert_eq!(parsed("emails[ type eq \"work\" ]"), parsed("emails[type eq \"work\"]"));
    }

    #[test]
    fn attributes_may_be_called_like_operators() {
        for text in ["not pr", "and pr and or pr", "eq eq 1", "not eq 1 and not (pr pr)"] {
            assert_eq!(parsed(text).to_string(), text);
        }
    }

    #[test]
    fn numbers_are_those_of_json() {
        for text in ["0", "-1", "42", "18446744073709551615", "1.5", "-0.25", "1e3", "2.5E-3"] {
            assert!(number(text).is_some(), "{text}");
        }
        for text in ["", "-", "01", "1.", ".5", "+1", "1e", "0x1", "1e999", "inf", "nan", "1.2.3", "1-2"] {
            assert!(number(text).is_none(), "{text}");
        }
    }

    #[test]
    fn every_mistake_is_placed_and_says_what_was_expected() {
        for (text, span, expected) in [
            ("", 0..0, "an attribute"),
            ("userName", 8..8, "a comparison"),
            ("userName eq", 11..11, "a value"),
            ("userName eq jdoe", 12..16, "a value"),
            ("userName eq \"jdoe", 17..17, "the closing quote of the string that begins at byte 12"),
            ("userName eq \"a\\q\"", 12..17, "a JSON string"),
            ("a pr and", 8..8, "an attribute"),
            ("a pr b pr", 5..6, "`and`, `or` or the end"),
            ("(a pr", 5..5, "`and`, `or` or `)`"),
            ("a pr)", 4..5, "`and`, `or` or the end"),
            ("emails[type eq \"x\"", 18..18, "`and`, `or` or `]`"),
            ("emails[a[b pr]]", 8..9, "`[` cannot stand inside `[`"),
            ("a.b[c pr]", 3..4, "`[` follows an attribute"),
            ("a.b.c pr", 0..5, "goes too deep"),
            ("ключ pr", 0..8, "an attribute"),
            ("a eq 1 ∧ b pr", 7..10, "`and`, `or` or the end"),
        ] {
            let error = Filter::parse(text).unwrap_err();
            assert_eq!(error.span, span, "{text}: {error}");
            assert!(error.expected.contains(expected), "{text}: {error}");
        }
    }

    #[test]
    fn deep_nesting_is_an_error_and_never_a_stack_overflow() {
        for opening in ["(", "not (", "not(not (", "emails["] {
            let text = opening.repeat(9_000);
            assert!(Filter::parse(&text[..text.len().min(Filter::MAX_BYTES)]).is_err());
        }
        let nested = |depth| format!("{}a pr{}", "(".repeat(depth), ")".repeat(depth));
        assert!(Filter::parse(&nested(Filter::MAX_DEPTH)).is_ok());
        assert!(
            Filter::parse(&nested(Filter::MAX_DEPTH + 1)).unwrap_err().expected.contains("at most 64 levels")
        );
    }

    #[test]
    fn a_long_chain_is_flat() {
        let text = vec!["a pr"; 7_000].join(" or ");
        assert!(matches!(parsed(&text), Filter::Or(operands) if operands.len() == 7_000));
        let too_long = "a".repeat(Filter::MAX_BYTES + 1);
        assert!(Filter::parse(&too_long).unwrap_err().expected.contains("at most"));
    }

    proptest! {
        #[test]
        fn arbitrary_text_never_panics_and_errors_lie_on_character_borders(text in any::<String>()) {
            if let Err(error) = Filter::parse(&text) {
                prop_assert!(text.get(error.span.clone()).is_some(), "{:?}", error);
            }
        }

        #[test]
        fn text_that_looks_like_a_filter_never_panics(
            words in prop::collection::vec(
                prop::sample::select(vec![
                    "a", "emails", "[", "]", "(", ")", "not", "and", "or", "eq", "pr", "\"x\"", "\"", "\\", "1",
                    "true", ".", ":", " ", "é",
                ]),
                0..24,
            ),
            glue in prop::sample::select(vec!["", " "]),
        ) {
            let text = words.join(glue);
            if let Ok(filter) = Filter::parse(&text) {
                prop_assert_eq!(Filter::parse(&filter.to_string()).unwrap(), filter);
            }
        }
    }
}
