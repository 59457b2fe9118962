//! The columns of a table: their names, their types, and which one is the key.
//!
//! What configuration says about columns is checked against what the source has before the
//! first row is read, all of it at once.

use crate::typing::ColumnType;
use scimwright_record::{FieldValue, RecordKey};

/// How alike two names must be for one to be suggested for the other, from 0 to 1.
const ALIKE: f64 = 0.75;

/// The most names that a message lists.
const MOST_LISTED: usize = 20;

/// The columns of a table.
#[derive(Debug, Clone)]
pub(crate) struct Columns {
    list: Vec<Column>,
    key: usize,
    key_place: String,
}

/// One column.
#[derive(Debug, Clone)]
pub(crate) struct Column {
    /// Its name; empty for a column without one, whose cells are passed over.
    pub(crate) name: String,
    /// What configuration says it holds.
    pub(crate) declared: Option<ColumnType>,
}

impl Columns {
    /// Brings together the names that a source has and what configuration says of them. `place` is the
    /// table, for messages: `/data/people.csv`. `naming` is the remedy for two columns of one name.
    ///
    /// # Errors
    /// A sentence for each thing that is wrong.
    pub(crate) fn new(
        place: &str,
        names: Vec<String>,
        key: &str,
        change: Option<&str>,
        types: &[(String, ColumnType)],
        naming: &str,
    ) -> Result<Self, String> {
        let mut problems = Vec::new();
        let named = || names.iter().filter(|name| !name.is_empty());
        let mut sorted: Vec<_> = named().collect();
        sorted.sort_unstable();
        let mut doubles: Vec<_> =
            sorted.windows(2).filter(|pair| pair[0] == pair[1]).map(|pair| pair[0]).collect();
        doubles.dedup();
        for name in doubles {
            problems.push(format!("{place} has two columns named `{name}`: {naming}"));
        }
        let mut check = |name: &str, what: &str| {
            if !named().any(|there| there == name) {
                problems.push(missing(place, name, what, named()));
            }
        };
        check(key, "the key column");
        if let Some(change) = change {
            check(change, "the change column");
        }
        for (name, _) in types {
            check(name, "the column");
        }
        let position = names.iter().position(|name| name == key);
        match position {
            Some(position) if problems.is_empty() => {
                let declared = |name: &str| {
                    types.iter().find(|(typed, _)| typed == name).map(|(_, column_type)| column_type.clone())
                };
                let list = names.into_iter().map(|name| Column { declared: declared(&name), name }).collect();
                Ok(Self { list, key: position, key_place: format!("the key column `{key}`") })
            }
            _ => Err(problems.join("; ")),
        }
    }

    /// The columns, in the table's order.
    pub(crate) fn list(&self) -> &[Column] {
        &self.list
    }

    /// Which of them is the key, counted from 0.
    pub(crate) fn key(&self) -> usize {
        self.key
    }

    /// What messages call the key column.
    pub(crate) fn key_place(&self) -> &str {
        &self.key_place
    }
}

fn missing<'a>(
    place: &str,
    name: &str,
    what: &str,
    names: impl Iterator<Item = &'a String> + Clone,
) -> String {
    let hint = match nearest(name, names.clone().map(String::as_str)) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("it has {}", listed(names.map(String::as_str))),
    };
    format!("{place} does not have {what} `{name}` ({hint})")
}

/// Names for a message; a few of them where there are many.
pub(crate) fn listed<'a>(names: impl Iterator<Item = &'a str> + Clone) -> String {
    let total = names.clone().count();
    let shown: Vec<_> = names.take(MOST_LISTED).map(|name| format!("`{name}`")).collect();
    match total.saturating_sub(MOST_LISTED) {
        0 if total == 0 => "none".to_owned(),
        0 => shown.join(", "),
        more => format!("{} and {more} more", shown.join(", ")),
    }
}

/// The name that `name` was probably meant to be.
pub(crate) fn nearest<'a>(name: &str, candidates: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let plain = |text: &str| text.trim().to_lowercase().replace(['-', ' '], "_");
    let wanted = plain(name);
    candidates
        .map(|candidate| (strsim::jaro_winkler(&wanted, &plain(candidate)), candidate))
        .filter(|(likeness, _)| *likeness >= ALIKE)
        .max_by(|left, right| left.0.total_cmp(&right.0))
        .map(|(_, candidate)| candidate)
}

/// The key that a value is; text and whole numbers can be keys. `place` is what messages call the field:
/// ``the key column `id` ``.
pub(crate) fn key_of(value: &FieldValue, place: &str) -> Result<RecordKey, String> {
    match value {
        FieldValue::Text(text) => key_from(text, place),
        FieldValue::Integer(number) => key_from(&number.to_string(), place),
        FieldValue::Null => key_from("", place),
        other => Err(format!("{place} holds {}, and a key is text or a whole number", other.kind())),
    }
}

/// The key that a text is.
pub(crate) fn key_from(text: &str, place: &str) -> Result<RecordKey, String> {
    match RecordKey::parse(text) {
        Err(_) if text.is_empty() => Err(format!("{place} is empty; every row needs a key of its own")),
        parsed => parsed.map_err(|invalid| format!("{place}: {invalid}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn columns(names: &[&str], key: &str, types: &[(&str, ColumnType)]) -> Result<Columns, String> {
        let names = names.iter().map(|&name| name.to_owned()).collect();
        let types: Vec<_> = types.iter().map(|(name, kind)| ((*name).to_owned(), kind.clone())).collect();
        Columns::new("people.csv", names, key, None, &types, "rename one of them")
    }

    #[test]
    fn a_missing_column_is_named_beside_the_nearest_there_is() {
        let error = columns(&["employee_id", "name"], "emploee id", &[]).unwrap_err();
        assert_eq!(
            error,
            "people.csv does not have the key column `emploee id` (did you mean `employee_id`?)"
        );
        let error = columns(&["a", "b"], "zzz", &[]).unwrap_err();
        assert_eq!(error, "people.csv does not have the key column `zzz` (it has `a`, `b`)");
    }

    #[test]
    fn everything_that_is_wrong_is_said_at_once() {
        let error = columns(&["id", "x", "x", "x"], "idd", &[("y", ColumnType::Text)]).unwrap_err();
        assert_eq!(
            error,
            "people.csv has two columns named `x`: rename one of them; people.csv does not have the key column \
             `idd` (did you mean `id`?); people.csv does not have the column `y` (it has `id`, `x`, `x`, `x`)"
        );
    }

    #[test]
    fn columns_without_a_name_are_no_duplicates() {
        let columns = columns(&["id", "", ""], "id", &[]).unwrap();
        assert_eq!((columns.key(), columns.list().len()), (0, 3));
    }
}
