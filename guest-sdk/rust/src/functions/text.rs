//! Cutting texts up and putting them together. Counts are of Unicode code points, from 0, as in every SDK: `🚀`
//! is one, and a letter with a combining mark is two.

use super::choose::{OptionalText, is_blank_character};

/// The text with the suffix behind it.
#[must_use]
pub fn append(text: &str, suffix: &str) -> String {
    [text, suffix].concat()
}

/// The parts that are not blank, joined by the separator.
///
/// ```
/// use scimwright_guest::functions::join;
///
/// assert_eq!(join(" ", [Some("Ada"), None, Some(""), Some("Lovelace")]), "Ada Lovelace");
/// ```
pub fn join<T: OptionalText>(separator: &str, parts: impl IntoIterator<Item = T>) -> String {
    let mut joined = String::new();
    for part in parts.into_iter().filter_map(T::into_present) {
        if !joined.is_empty() {
            joined.push_str(separator);
        }
        joined.push_str(part.as_ref());
    }
    joined
}

/// The texts between the separators, empty ones too. An empty text has none; an empty separator separates
/// nothing.
#[must_use]
pub fn split<'a>(text: &'a str, separator: &str) -> Vec<&'a str> {
    match (text.is_empty(), separator.is_empty()) {
        (true, _) => Vec::new(),
        (false, true) => vec![text],
        (false, false) => text.split(separator).collect(),
    }
}

/// The values of a list in one text: cut at `;`, `,`, `|` and line ends, trimmed, blank ones left out.
#[must_use]
pub fn split_list(text: &str) -> Vec<&str> {
    text.split([';', ',', '|', '\n', '\r']).map(trim).filter(|part| !part.is_empty()).collect()
}

/// The text with every occurrence of `find` replaced. Nothing in either is special; an empty `find` changes
/// nothing.
#[must_use]
pub fn replace(text: &str, find: &str, replacement: &str) -> String {
    if find.is_empty() { text.to_owned() } else { text.replace(find, replacement) }
}

/// The text without [blank](super::is_blank) characters at its ends.
#[must_use]
pub fn trim(text: &str) -> &str {
    text.trim_matches(is_blank_character)
}

/// The text without any [blank](super::is_blank) characters, inside too.
#[must_use]
pub fn strip_spaces(text: &str) -> String {
    text.chars().filter(|c| !is_blank_character(*c)).collect()
}

/// The text trimmed, with one plain space for each run of blank characters inside.
#[must_use]
pub fn collapse_spaces(text: &str) -> String {
    join(" ", text.split(is_blank_character))
}

/// How many code points the text has.
#[must_use]
pub fn length(text: &str) -> usize {
    text.chars().count()
}

/// The first code points.
#[must_use]
pub fn left(text: &str, count: usize) -> &str {
    &text[..at(text, count)]
}

/// The last code points.
#[must_use]
pub fn right(text: &str, count: usize) -> &str {
    &text[at(text, length(text).saturating_sub(count))..]
}

/// `count` code points from the one with number `start` on, counted from 1.
#[must_use]
pub fn mid(text: &str, start: usize, count: usize) -> &str {
    let start = start.saturating_sub(1);
    substring(text, start, Some(start.saturating_add(count)))
}

/// The code points from `start` on, up to and without `end`; to the end of the text without one.
#[must_use]
pub fn substring(text: &str, start: usize, end: Option<usize>) -> &str {
    let end = end.map_or(text.len(), |end| at(text, end.max(start)));
    &text[at(text, start)..end]
}

/// Where `find` first occurs, in code points from 0.
#[must_use]
pub fn index_of(text: &str, find: &str) -> Option<usize> {
    text.find(find).map(|at| length(&text[..at]))
}

/// Whether `find` occurs in the text.
#[must_use]
pub fn contains(text: &str, find: &str) -> bool {
    text.contains(find)
}

/// Whether the text begins so.
#[must_use]
pub fn starts_with(text: &str, start: &str) -> bool {
    text.starts_with(start)
}

/// Whether the text ends so.
#[must_use]
pub fn ends_with(text: &str, end: &str) -> bool {
    text.ends_with(end)
}

/// Whether both are the same text in lower case.
#[must_use]
pub fn equals_ignore_case(text: &str, other: &str) -> bool {
    text.to_lowercase() == other.to_lowercase()
}

/// The word with this number, counted from 1. Words lie between `delimiters`, a text of single characters, of
/// which several in a row count as one; without them blank characters delimit.
#[must_use]
pub fn word<'a>(text: &'a str, number: usize, delimiters: Option<&str>) -> Option<&'a str> {
    let is_delimiter = |c: char| delimiters.map_or_else(|| is_blank_character(c), |these| these.contains(c));
    text.split(is_delimiter).filter(|word| !word.is_empty()).nth(number.checked_sub(1)?)
}

/// What stands before the first `mark`.
#[must_use]
pub fn before<'a>(text: &'a str, mark: &str) -> Option<&'a str> {
    text.split_once(mark).map(|(before, _)| before)
}

/// What stands after the first `mark`.
#[must_use]
pub fn after<'a>(text: &'a str, mark: &str) -> Option<&'a str> {
    text.split_once(mark).map(|(_, after)| after)
}

/// The text with `fill` before it until it has this many code points: employee number 42 as `000042`. A fill
/// of several is repeated and cut off on its right.
#[must_use]
pub fn pad_left(text: &str, length: usize, fill: &str) -> String {
    let missing = length.saturating_sub(self::length(text));
    fill.chars().cycle().take(missing).chain(text.chars()).collect()
}

/// The digits 0 to 9 of the text.
#[must_use]
pub fn only_digits(text: &str) -> String {
    text.chars().filter(char::is_ascii_digit).collect()
}

/// The text without these characters.
#[must_use]
pub fn remove_characters(text: &str, characters: &str) -> String {
    text.chars().filter(|c| !characters.contains(*c)).collect()
}

/// The byte at which this many code points end.
fn at(text: &str, count: usize) -> usize {
    text.char_indices().nth(count).map_or(text.len(), |(at, _)| at)
}
