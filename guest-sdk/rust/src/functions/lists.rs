//! Fields with several values.

use super::choose::OptionalText;

/// The values, each once, in the order of their first occurrence.
#[must_use]
pub fn distinct<T: PartialEq>(list: impl IntoIterator<Item = T>) -> Vec<T> {
    let mut distinct = Vec::new();
    for value in list {
        if !distinct.contains(&value) {
            distinct.push(value);
        }
    }
    distinct
}

/// The values that are not blank.
#[must_use]
pub fn compact<T: OptionalText>(list: impl IntoIterator<Item = T>) -> Vec<T::Text> {
    list.into_iter().filter_map(T::into_present).collect()
}

/// How many values are not blank.
#[must_use]
pub fn count<T: OptionalText>(list: impl IntoIterator<Item = T>) -> usize {
    list.into_iter().filter_map(T::into_present).count()
}

/// The value with this number, counted from 1.
pub fn item<T>(list: impl IntoIterator<Item = T>, number: usize) -> Option<T> {
    list.into_iter().nth(number.checked_sub(1)?)
}

/// The first value that is not blank.
pub fn first<T: OptionalText>(list: impl IntoIterator<Item = T>) -> Option<T::Text> {
    list.into_iter().find_map(T::into_present)
}
