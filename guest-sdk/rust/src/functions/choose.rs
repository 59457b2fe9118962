//! Which of several values it is to be, and whether there is one at all.

use std::borrow::Cow;

/// A text that may be absent: `&str`, `String`, `Cow<str>`, and an `Option` of each. What a field reads as can
/// be handed over as it is.
pub trait OptionalText {
    /// The text that it is, when it is there.
    type Text: AsRef<str>;

    /// The text, blank or not.
    fn into_text(self) -> Option<Self::Text>;

    /// The text, unless it [is blank](is_blank).
    fn into_present(self) -> Option<Self::Text>
    where
        Self: Sized,
    {
        self.into_text().filter(|text| !text.as_ref().chars().all(is_blank_character))
    }
}

impl<'a> OptionalText for &'a str {
    type Text = &'a str;
    fn into_text(self) -> Option<&'a str> {
        Some(self)
    }
}

impl OptionalText for String {
    type Text = Self;
    fn into_text(self) -> Option<Self> {
        Some(self)
    }
}

impl<'a> OptionalText for &'a String {
    type Text = &'a str;
    fn into_text(self) -> Option<&'a str> {
        Some(self)
    }
}

impl<'a> OptionalText for Cow<'a, str> {
    type Text = Self;
    fn into_text(self) -> Option<Self> {
        Some(self)
    }
}

impl<'a> OptionalText for &'a Cow<'_, str> {
    type Text = &'a str;
    fn into_text(self) -> Option<&'a str> {
        Some(self)
    }
}

impl<T: OptionalText> OptionalText for Option<T> {
    type Text = T::Text;
    fn into_text(self) -> Option<T::Text> {
        self.and_then(T::into_text)
    }
}

impl<'a, T> OptionalText for &'a Option<T>
where
    &'a T: OptionalText,
{
    type Text = <&'a T as OptionalText>::Text;
    fn into_text(self) -> Option<Self::Text> {
        self.as_ref().and_then(OptionalText::into_text)
    }
}

/// What does not make a text less blank: white space of any kind, control characters, and the zero-width space,
/// word joiner and byte order mark that spreadsheets and web forms leave behind.
#[must_use]
pub(crate) fn is_blank_character(c: char) -> bool {
    c.is_whitespace() || c.is_control() || matches!(c, '\u{200B}' | '\u{2060}' | '\u{FEFF}')
}

/// Whether a value is absent, or a text with nothing but blank characters: white space, control characters,
/// zero-width spaces, byte order marks.
#[must_use]
pub fn is_blank(value: impl OptionalText) -> bool {
    value.into_present().is_none()
}

/// The opposite of [`is_blank`].
#[must_use]
pub fn is_present(value: impl OptionalText) -> bool {
    !is_blank(value)
}

/// The first value that is not blank, as it is.
///
/// ```
/// use scimwright_guest::functions::coalesce;
///
/// assert_eq!(coalesce([None, Some(" "), Some("Ada")]), Some("Ada"));
/// ```
pub fn coalesce<T: OptionalText>(values: impl IntoIterator<Item = T>) -> Option<T::Text> {
    values.into_iter().find_map(T::into_present)
}

/// What stands beside the value. Both sides compare in lower case, without blank characters at their ends.
///
/// ```
/// use scimwright_guest::functions::choose;
///
/// let kind = choose("ft", [("FT", "Employee"), ("EXT", "Contractor")]).unwrap_or("Other");
/// assert_eq!(kind, "Employee");
/// ```
pub fn choose<K: AsRef<str>, T>(
    value: impl OptionalText,
    cases: impl IntoIterator<Item = (K, T)>,
) -> Option<T> {
    let folded = |text: &str| text.trim_matches(is_blank_character).to_lowercase();
    let value = folded(value.into_text()?.as_ref());
    cases.into_iter().find(|(key, _)| folded(key.as_ref()) == value).map(|(_, result)| result)
}
