//! A table of a setting: what a code entitles to.
//!
//! ```text
//! 100=nurse,staff; 2*=doctor,staff; *=everybody
//! ```
//!
//! or the same as JSON: `{"100": ["nurse", "staff"], "2*": "doctor", "*": "everybody"}`. A `*` at the end of a code
//! stands for any rest, so `*` alone is everybody, also those without a code.

use scimwright_guest::prelude::*;
use scimwright_guest::serde_json::{self, Map, Value};

/// The lines of a table, in their order.
#[derive(Debug, Default)]
pub(crate) struct Table {
    lines: Vec<(String, Vec<String>)>,
}

impl Table {
    /// Reads a setting. One that is blank is a table without lines.
    pub(crate) fn of_setting(ctx: &Context, name: &str) -> Result<Self, MappingError> {
        let Some(text) = ctx.setting(name) else { return Ok(Self::default()) };
        let read = if text.starts_with('{') { Self::from_json(text) } else { Self::from_text(text) };
        read.map_err(|problem| MappingError::other(format!("setting `{name}`: {problem}")))
    }

    fn from_text(text: &str) -> Result<Self, String> {
        let lines = text.split([';', '\n']).map(functions::trim).filter(|line| !line.is_empty());
        let lines = lines.map(|line| {
            let (code, values) = line.split_once('=').ok_or_else(|| format!("`{line}` has no `=`"))?;
            let values = functions::split_list(values).into_iter().map(ToOwned::to_owned).collect();
            Ok((functions::trim(code).to_owned(), values))
        });
        Ok(Self { lines: lines.collect::<Result<_, String>>()? })
    }

    fn from_json(text: &str) -> Result<Self, String> {
        let table: Map<String, Value> = serde_json::from_str(text).map_err(|error| error.to_string())?;
        let lines = table.into_iter().map(|(code, values)| {
            let values = match values {
                Value::Array(values) => values,
                value => vec![value],
            };
            let values = values.iter().map(|value| value.as_str().map(ToOwned::to_owned));
            let values: Option<Vec<_>> = values.collect();
            values.map(|values| (code.clone(), values)).ok_or_else(|| format!("`{code}` has what is no text"))
        });
        Ok(Self { lines: lines.collect::<Result<_, String>>()? })
    }

    /// What every line that fits the code gives, in the order of the lines.
    pub(crate) fn values(&self, code: Option<&str>) -> Vec<&str> {
        let fitting = self.lines.iter().filter(|(known, _)| fits(known, code));
        fitting.flat_map(|(_, values)| values.iter().map(String::as_str)).collect()
    }

    /// Whether a line is about this code, and not about everybody.
    pub(crate) fn has(&self, code: &str) -> bool {
        self.lines.iter().any(|(known, _)| known != "*" && fits(known, Some(code)))
    }
}

fn fits(known: &str, code: Option<&str>) -> bool {
    match (known.strip_suffix('*'), code) {
        (Some(""), _) => true,
        (_, None) => false,
        (Some(start), Some(code)) => {
            functions::starts_with(&functions::lower(code), &functions::lower(start))
        }
        (None, Some(code)) => functions::equals_ignore_case(known, code),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_reads_the_same_as_text_and_as_json() {
        let text = Table::from_text("100 = nurse , staff;\n 2* = doctor; ; *=everybody").unwrap();
        let json = r#"{"100": ["nurse", "staff"], "2*": "doctor", "*": "everybody"}"#;
        assert_eq!(text.lines, Table::from_json(json).unwrap().lines);
        assert_eq!(text.values(Some("100")), ["nurse", "staff", "everybody"]);
        assert_eq!(text.values(Some("205")), ["doctor", "everybody"]);
        assert_eq!(text.values(None), ["everybody"]);
        assert!(text.has("205") && !text.has("300"));
    }

    #[test]
    fn a_mistake_in_a_table_is_told_with_what_stands_there() {
        assert_eq!(Table::from_text("100=nurse; 200 doctor").unwrap_err(), "`200 doctor` has no `=`");
        assert_eq!(Table::from_json(r#"{"100": [1]}"#).unwrap_err(), "`100` has what is no text");
    }
}
