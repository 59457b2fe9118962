//! Words of a command, as a shell takes them: a key may have a blank in it, and a remedy is there to be copied.

use std::borrow::Cow;

/// The word, in quotes where a shell would make something else of it.
///
/// ```
/// use scimwright_provision::typed;
///
/// assert_eq!(typed("E00042"), "E00042");
/// assert_eq!(typed("K 5"), "'K 5'");
/// assert_eq!(typed("O'Hara"), r"'O'\''Hara'");
/// ```
#[must_use]
pub fn typed(word: &str) -> Cow<'_, str> {
    let is_plain = |c: char| c.is_alphanumeric() || "-_./+:@%,=".contains(c);
    match !word.is_empty() && word.chars().all(is_plain) {
        true => Cow::Borrowed(word),
        false => Cow::Owned(format!("'{}'", word.replace('\'', r"'\''"))),
    }
}
