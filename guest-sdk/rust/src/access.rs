//! Reading a field as what the mapping needs.
//!
//! Every reader comes twice: `text("email")` for a field that has to have a value, `optional_text("email")`
//! for one that may be blank. Blank is `null`, the empty text, and text of nothing but white space of any
//! kind (no-break spaces and byte order marks included); a field that the source left out is blank too.
//! Errors name the field and show the value, and become `invalid-record`, which the host shows to whoever can
//! correct the source.

use crate::functions::dates::is_date_or_moment;
use crate::functions::trim;
use crate::outcome::MappingError;
use crate::record::{FieldValue, Record};
use std::borrow::Cow;

impl Record {
    /// A text, without white space at its ends. Numbers and truth values read as their usual text: an
    /// employee number that a source takes for an integer is still a fine text.
    ///
    /// # Errors
    /// [`MappingError::InvalidRecord`] when the field is blank, or holds a list, bytes or JSON.
    pub fn text(&self, name: &str) -> Result<Cow<'_, str>, MappingError> {
        self.required(name, self.optional_text(name)?)
    }

    /// As [`text`](Self::text), with `None` for a blank field.
    ///
    /// # Errors
    /// [`MappingError::InvalidRecord`] when the field holds a list, bytes or JSON.
    pub fn optional_text(&self, name: &str) -> Result<Option<Cow<'_, str>>, MappingError> {
        Ok(match self.field(name) {
            None | Some(FieldValue::Null) => None,
            Some(FieldValue::Text(text) | FieldValue::DateTime(text)) => present(text).map(Cow::Borrowed),
            Some(FieldValue::Boolean(truth)) => Some(Cow::Borrowed(if *truth { "true" } else { "false" })),
            Some(FieldValue::Integer(number)) => Some(Cow::Owned(number.to_string())),
            Some(FieldValue::Decimal(number)) => Some(Cow::Owned(number.to_string())),
            Some(value) => return Err(unfit(name, value, "text")),
        })
    }

    /// A yes or a no: a truth value, 1 or 0, or one of the words true, yes, y, t, on, x and false, no, n, f,
    /// off, in any case.
    ///
    /// # Errors
    /// [`MappingError::InvalidRecord`] when the field is blank or says something else.
    pub fn boolean(&self, name: &str) -> Result<bool, MappingError> {
        self.required(name, self.optional_boolean(name)?)
    }

    /// As [`boolean`](Self::boolean), with `None` for a blank field.
    ///
    /// # Errors
    /// [`MappingError::InvalidRecord`] when the field says something else.
    pub fn optional_boolean(&self, name: &str) -> Result<Option<bool>, MappingError> {
        if let Some(FieldValue::Boolean(truth)) = self.field(name) {
            return Ok(Some(*truth));
        }
        self.parsed(name, "a yes or a no", parse_boolean)
    }

    /// A whole number, also where the source has it as text.
    ///
    /// # Errors
    /// [`MappingError::InvalidRecord`] when the field is blank or no whole number of 64 bits.
    pub fn integer(&self, name: &str) -> Result<i64, MappingError> {
        self.required(name, self.optional_integer(name)?)
    }

    /// As [`integer`](Self::integer), with `None` for a blank field.
    ///
    /// # Errors
    /// [`MappingError::InvalidRecord`] when the field is no whole number of 64 bits.
    pub fn optional_integer(&self, name: &str) -> Result<Option<i64>, MappingError> {
        if let Some(FieldValue::Integer(number)) = self.field(name) {
            return Ok(Some(*number));
        }
        self.parsed(name, "a whole number", |text| text.parse().ok())
    }

    /// A number, also where the source has it as text with a decimal point.
    ///
    /// # Errors
    /// [`MappingError::InvalidRecord`] when the field is blank or no finite number.
    pub fn decimal(&self, name: &str) -> Result<f64, MappingError> {
        self.required(name, self.optional_decimal(name)?)
    }

    /// As [`decimal`](Self::decimal), with `None` for a blank field.
    ///
    /// # Errors
    /// [`MappingError::InvalidRecord`] when the field is no finite number.
    pub fn optional_decimal(&self, name: &str) -> Result<Option<f64>, MappingError> {
        if let Some(FieldValue::Decimal(number)) = self.field(name) {
            return Ok(Some(*number));
        }
        self.parsed(name, "a number", |text| text.parse().ok().filter(|number: &f64| number.is_finite()))
    }

    /// A date or a moment as it stands: `2024-03-01` or RFC 3339 `2024-03-01T08:00:00Z`. Dates compare as
    /// text, for example with [`Context::today`](crate::Context::today).
    ///
    /// # Errors
    /// [`MappingError::InvalidRecord`] when the field is blank or neither; `01.03.2024` could be read in two
    /// ways, so it is not read at all.
    pub fn date(&self, name: &str) -> Result<Cow<'_, str>, MappingError> {
        self.required(name, self.optional_date(name)?)
    }

    /// As [`date`](Self::date), with `None` for a blank field.
    ///
    /// # Errors
    /// [`MappingError::InvalidRecord`] when the field is neither a date nor a moment.
    pub fn optional_date(&self, name: &str) -> Result<Option<Cow<'_, str>>, MappingError> {
        match self.optional_text(name)? {
            Some(text) if is_date_or_moment(&text) => Ok(Some(text)),
            Some(text) => {
                Err(unread(name, &text, "a date like 2024-03-01 or a moment like 2024-03-01T08:00:00Z"))
            }
            None => Ok(None),
        }
    }

    /// The texts of a list, blank ones left out. A single text is a list of one, a blank field an empty list.
    ///
    /// # Errors
    /// [`MappingError::InvalidRecord`] when the field holds bytes or JSON.
    pub fn many(&self, name: &str) -> Result<Vec<Cow<'_, str>>, MappingError> {
        match self.field(name) {
            Some(FieldValue::Many(texts)) => {
                Ok(texts.iter().filter_map(|text| present(text)).map(Cow::Borrowed).collect())
            }
            _ => Ok(self.optional_text(name)?.into_iter().collect()),
        }
    }

    /// What the JSON text of a field says, where the source nests. Any other kind of value reads as the JSON
    /// value that it is; a blank field is `null`.
    ///
    /// # Errors
    /// [`MappingError::InvalidRecord`] when the text is not JSON, or the field holds bytes.
    pub fn json(&self, name: &str) -> Result<serde_json::Value, MappingError> {
        Ok(match self.field(name) {
            None | Some(FieldValue::Null) => serde_json::Value::Null,
            Some(FieldValue::Json(text)) => {
                serde_json::from_str(text).map_err(|error| MappingError::field(name, format!("{error}")))?
            }
            Some(FieldValue::Text(text) | FieldValue::DateTime(text)) => text.as_str().into(),
            Some(FieldValue::Boolean(truth)) => (*truth).into(),
            Some(FieldValue::Integer(number)) => (*number).into(),
            Some(FieldValue::Decimal(number)) => (*number).into(),
            Some(FieldValue::Many(texts)) => texts.as_slice().into(),
            Some(value @ FieldValue::Binary(_)) => return Err(unfit(name, value, "JSON")),
        })
    }

    fn required<T>(&self, name: &str, value: Option<T>) -> Result<T, MappingError> {
        value.ok_or_else(|| {
            let message = match self.field(name) {
                Some(_) => "is blank, and a value is needed",
                None => {
                    "is missing, and a value is needed (a module gets only fields that its manifest reads)"
                }
            };
            MappingError::field(name, message)
        })
    }

    fn parsed<T>(
        &self,
        name: &str,
        wanted: &str,
        parse: impl Fn(&str) -> Option<T>,
    ) -> Result<Option<T>, MappingError> {
        let Some(text) = self.optional_text(name)? else { return Ok(None) };
        parse(&text).map(Some).ok_or_else(|| unread(name, &text, wanted))
    }
}

/// A yes or a no in the words that people use for it.
pub(crate) fn parse_boolean(text: &str) -> Option<bool> {
    const YES: [&str; 7] = ["true", "yes", "y", "t", "1", "on", "x"];
    const NO: [&str; 6] = ["false", "no", "n", "f", "0", "off"];
    let is = |word: &&str| text.eq_ignore_ascii_case(word);
    if YES.iter().any(is) {
        Some(true)
    } else if NO.iter().any(is) {
        Some(false)
    } else {
        None
    }
}

/// The text without blank characters at its ends, where anything is left.
fn present(text: &str) -> Option<&str> {
    let text = trim(text);
    (!text.is_empty()).then_some(text)
}

fn unfit(name: &str, value: &FieldValue, wanted: &str) -> MappingError {
    MappingError::field(name, format!("holds {} where {wanted} is needed", value.kind()))
}

fn unread(name: &str, text: &str, wanted: &str) -> MappingError {
    MappingError::field(name, format!("`{}` is not {wanted}", excerpt(text)))
}

/// So much of a value as a message can bear.
fn excerpt(text: &str) -> Cow<'_, str> {
    const LONGEST: usize = 60;
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => Cow::Owned(format!("{}…", &text[..end])),
        None => Cow::Borrowed(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(value: FieldValue) -> Record {
        Record::builder("hr", "E1").field("it", value).build()
    }

    fn text(value: &str) -> Record {
        record(FieldValue::Text(value.into()))
    }

    #[test]
    fn blank_has_many_forms() {
        for blank in ["", " ", "\t\r\n", "\u{A0}", "\u{FEFF}\u{200B} \u{3000}", "\0"] {
            assert_eq!(text(blank).optional_text("it"), Ok(None), "{blank:?}");
        }
        assert_eq!(record(FieldValue::Null).optional_text("it"), Ok(None));
        assert_eq!(text("").optional_text("elsewhere"), Ok(None));
    }

    #[test]
    fn text_loses_white_space_at_its_ends_only() {
        assert_eq!(text("\u{A0} van  der Berg ").text("it").unwrap(), "van  der Berg");
    }

    #[test]
    fn a_number_is_a_fine_text() {
        assert_eq!(record(FieldValue::Integer(1042)).text("it").unwrap(), "1042");
        assert_eq!(record(FieldValue::Decimal(0.5)).text("it").unwrap(), "0.5");
    }

    #[test]
    fn an_error_names_the_field_and_what_is_wrong_with_it() {
        let said = |result: Result<_, MappingError>| result.map(|_: ()| ()).unwrap_err().to_string();
        assert_eq!(said(text(" ").text("it").map(drop)), "field `it`: is blank, and a value is needed");
        assert!(said(text("").text("that").map(drop)).starts_with("field `that`: is missing"));
        assert_eq!(
            said(record(FieldValue::Many(vec![])).text("it").map(drop)),
            "field `it`: holds a list where text is needed"
        );
        assert_eq!(said(text("maybe").boolean("it").map(drop)), "field `it`: `maybe` is not a yes or a no");
        assert_eq!(
            said(text(&"9".repeat(70)).integer("it").map(drop)),
            format!("field `it`: `{}…` is not a whole number", "9".repeat(60))
        );
    }

    #[test]
    fn yes_and_no_are_read_in_the_words_people_use() {
        for yes in ["true", "TRUE", "Yes", "y", "T", "1", "on", " x "] {
            assert_eq!(text(yes).boolean("it"), Ok(true), "{yes:?}");
        }
        for no in ["false", "No", "n", "F", "0", "OFF"] {
            assert_eq!(text(no).boolean("it"), Ok(false), "{no:?}");
        }
        assert_eq!(record(FieldValue::Boolean(true)).boolean("it"), Ok(true));
        assert_eq!(record(FieldValue::Integer(0)).boolean("it"), Ok(false));
        assert!(record(FieldValue::Integer(2)).boolean("it").is_err());
    }

    #[test]
    fn numbers_are_read_from_text_too() {
        assert_eq!(text(" -42 ").integer("it"), Ok(-42));
        assert_eq!(text("2.5").decimal("it"), Ok(2.5));
        assert_eq!(record(FieldValue::Integer(3)).decimal("it"), Ok(3.0));
        assert_eq!(text("").optional_integer("it"), Ok(None));
        assert!(text("2.5").integer("it").is_err());
        assert!(text("inf").decimal("it").is_err());
    }

    #[test]
    fn a_date_is_a_day_that_exists() {
        for date in ["2024-02-29", "2000-02-29", "2026-12-31"] {
            assert_eq!(text(date).date("it").as_deref(), Ok(date));
        }
        for wrong in ["2023-02-29", "1900-02-29", "2024-13-01", "2024-00-10", "2024-04-31", "01.03.2024"] {
            assert!(text(wrong).date("it").is_err(), "{wrong}");
        }
        assert!(text("2024-3-1").date("it").is_err());
        assert!(text("２024-03-1").date("it").is_err());
    }

    #[test]
    fn a_moment_is_rfc_3339() {
        for moment in [
            "2024-03-01T08:00:00Z",
            "2024-03-01t08:00:00z",
            "2024-03-01 08:00:00.125+05:30",
            "2016-12-31T23:59:60Z",
        ] {
            assert_eq!(text(moment).date("it").as_deref(), Ok(moment));
        }
        for wrong in [
            "2024-03-01T08:00Z",
            "2024-03-01T24:00:00Z",
            "2024-03-01T08:00:00",
            "2024-03-01T08:00:00.Z",
            "2024-03-01T08:00:00+5:30",
            "2024-03-01T+8:00:00Z",
            "2024-03-01T",
        ] {
            assert!(text(wrong).date("it").is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_list_drops_its_blanks_and_a_text_is_a_list_of_one() {
        let list = record(FieldValue::Many(vec!["a".into(), " ".into(), " b".into()]));
        assert_eq!(list.many("it").unwrap(), ["a", "b"]);
        assert_eq!(text("a").many("it").unwrap(), ["a"]);
        assert!(text(" ").many("it").unwrap().is_empty());
    }

    #[test]
    fn json_is_read_and_other_values_become_it() {
        let nested = record(FieldValue::Json(r#"{"a":[1]}"#.into()));
        assert_eq!(nested.json("it").unwrap(), serde_json::json!({ "a": [1] }));
        assert_eq!(record(FieldValue::Many(vec!["a".into()])).json("it").unwrap(), serde_json::json!(["a"]));
        assert_eq!(text("a").json("nothing").unwrap(), serde_json::Value::Null);
        let broken = record(FieldValue::Json("{".into())).json("it").unwrap_err();
        assert!(broken.to_string().starts_with("field `it`: EOF"), "{broken}");
    }
}
