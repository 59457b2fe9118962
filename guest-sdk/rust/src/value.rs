//! What an attribute can hold.
//!
//! SCIM stops at two levels (RFC 7643 §2.3.8: a complex attribute has no complex sub-attributes), and so do
//! these types: [`AttributeValue`] may hold [`Complex`] values, whose parts are [`SubValue`]s, which are made
//! of [`Scalar`]s. Most authors never name any of them: `map.set("active", true)` converts.

use std::borrow::Cow;

/// One SCIM value that has no parts (RFC 7643 §2.3).
#[derive(Debug, Clone, PartialEq)]
pub enum Scalar {
    /// A string.
    Text(String),
    /// True or false.
    Boolean(bool),
    /// A whole number.
    Integer(i64),
    /// A real number. The host refuses infinities and what is not a number.
    Decimal(f64),
    /// A moment as RFC 3339 text, for example `2024-03-01T08:00:00Z`.
    DateTime(String),
    /// Bytes; the provider gets them as base64.
    Binary(Vec<u8>),
    /// A URI (RFC 7643 §2.3.7).
    Reference(String),
    /// "The resource of that record": the host puts the provider's id here.
    Link(RecordLink),
}

impl Scalar {
    /// A moment. The text has to be RFC 3339; the host checks it.
    pub fn date_time(text: impl Into<String>) -> Self {
        Self::DateTime(text.into())
    }

    /// A URI (RFC 7643 §2.3.7).
    pub fn reference(uri: impl Into<String>) -> Self {
        Self::Reference(uri.into())
    }

    /// Bytes, for example of a certificate.
    pub fn binary(bytes: impl Into<Vec<u8>>) -> Self {
        Self::Binary(bytes.into())
    }
}

/// Names a record whose resource is meant. The author needs no ids of the provider: the host knows them, and
/// where it does not yet, it fills them in later in the same run.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct RecordLink {
    /// The resource type that the record is provisioned as: `User`, `Group`.
    pub resource_type: String,
    /// The record's key in its source.
    pub key: String,
}

impl RecordLink {
    /// A link to the record with this key, provisioned as that resource type.
    pub fn new(resource_type: impl Into<String>, key: impl Into<String>) -> Self {
        Self { resource_type: resource_type.into(), key: key.into() }
    }

    /// A link to a person.
    pub fn user(key: impl Into<String>) -> Self {
        Self::new("User", key)
    }

    /// A link to a group.
    pub fn group(key: impl Into<String>) -> Self {
        Self::new("Group", key)
    }
}

/// The value of a sub-attribute.
#[derive(Debug, Clone, PartialEq)]
pub enum SubValue {
    /// A single value.
    One(Scalar),
    /// Several values.
    Many(Vec<Scalar>),
}

/// One complex value (RFC 7643 §2.3.8): a `name`, one of the `emails`.
///
/// Without parts it is no value at all (RFC 7643 §2.5): as an attribute it clears it, among several it is
/// left out. So a builder whose every [`set_opt`](Self::set_opt) found nothing does the right thing.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Complex {
    parts: Vec<(String, SubValue)>,
}

impl Complex {
    /// A value without parts yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets a part, for example `givenName`. A part that is there already is replaced; names are compared
    /// without case (RFC 7643 §2.1).
    pub fn set(&mut self, name: impl Into<String>, value: impl Into<SubValue>) -> &mut Self {
        let (name, value) = (name.into(), value.into());
        match self.parts.iter_mut().find(|(known, _)| known.eq_ignore_ascii_case(&name)) {
            Some((_, known)) => *known = value,
            None => self.parts.push((name, value)),
        }
        self
    }

    /// Sets a part where there is a value for it.
    pub fn set_opt(&mut self, name: impl Into<String>, value: Option<impl Into<SubValue>>) -> &mut Self {
        match value {
            Some(value) => self.set(name, value),
            None => self,
        }
    }

    /// The part with this name, compared without case.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&SubValue> {
        self.parts.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }

    /// The text of the part with this name, where it is a single text.
    #[must_use]
    pub fn text(&self, name: &str) -> Option<&str> {
        match self.get(name) {
            Some(SubValue::One(Scalar::Text(text))) => Some(text),
            _ => None,
        }
    }

    /// The parts, in the order in which they were first set.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &SubValue)> {
        self.parts.iter().map(|(name, value)| (name.as_str(), value))
    }

    /// Whether no part was set.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.parts.is_empty()
    }

    pub(crate) fn into_parts(self) -> Vec<(String, SubValue)> {
        self.parts
    }
}

/// What an attribute is to become at the provider.
#[derive(Debug, Clone, PartialEq)]
pub enum AttributeValue {
    /// A single value.
    One(Scalar),
    /// A multi-valued attribute of values without parts.
    Many(Vec<Scalar>),
    /// A single complex value, for example `name`.
    Complex(Complex),
    /// A multi-valued complex attribute, for example `emails`.
    Complexes(Vec<Complex>),
    /// JSON text, for schemas that nest deeper than SCIM says they may.
    Json(String),
    /// Remove the attribute at the provider. An attribute that is left out is left alone.
    Clear,
}

impl AttributeValue {
    /// The value with everything that is no value taken out: RFC 7643 §2.5 makes an empty list and a complex
    /// value without parts the same as no value, and the contract's word for that is [`Clear`](Self::Clear).
    pub(crate) fn assigned(self) -> Self {
        match self {
            Self::Many(values) if values.is_empty() => Self::Clear,
            Self::Complex(complex) if complex.is_empty() => Self::Clear,
            Self::Complexes(mut values) => {
                values.retain(|complex| !complex.is_empty());
                if values.is_empty() { Self::Clear } else { Self::Complexes(values) }
            }
            value => value,
        }
    }
}

/// What an author may hand to `set`, as a [`Scalar`]: text in all its forms, numbers, links.
macro_rules! scalar_from {
    ($($from:ty => |$value:ident| $scalar:expr;)*) => {$(
        impl From<$from> for Scalar {
            fn from($value: $from) -> Self {
                $scalar
            }
        }
    )*};
}

scalar_from! {
    &str => |text| Self::Text(text.to_owned());
    String => |text| Self::Text(text);
    &String => |text| Self::Text(text.clone());
    Cow<'_, str> => |text| Self::Text(text.into_owned());
    &Cow<'_, str> => |text| Self::Text(text.clone().into_owned());
    char => |letter| Self::Text(letter.to_string());
    bool => |truth| Self::Boolean(truth);
    i32 => |number| Self::Integer(number.into());
    u32 => |number| Self::Integer(number.into());
    i64 => |number| Self::Integer(number);
    f64 => |number| Self::Decimal(number);
    RecordLink => |link| Self::Link(link);
    Vec<u8> => |bytes| Self::Binary(bytes);
}

impl<T: Into<Scalar>> From<T> for SubValue {
    fn from(value: T) -> Self {
        Self::One(value.into())
    }
}

impl<T: Into<Scalar>> From<T> for AttributeValue {
    fn from(value: T) -> Self {
        Self::One(value.into())
    }
}

impl From<Complex> for AttributeValue {
    fn from(complex: Complex) -> Self {
        Self::Complex(complex)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_set_twice_keeps_its_place_and_takes_the_later_value() {
        let mut name = Complex::new();
        name.set("givenName", "Ada").set("familyName", "Lovelace").set("GIVENNAME", "Augusta");
        let parts: Vec<_> = name.iter().map(|(name, _)| name).collect();
        assert_eq!(parts, ["givenName", "familyName"]);
        assert_eq!(name.text("givenname"), Some("Augusta"));
    }

    #[test]
    fn nothing_assigned_is_the_same_as_clear() {
        let nothing = || [Complex::new(), Complex::new()].to_vec();
        assert_eq!(AttributeValue::Complex(Complex::new()).assigned(), AttributeValue::Clear);
        assert_eq!(AttributeValue::Many(vec![]).assigned(), AttributeValue::Clear);
        assert_eq!(AttributeValue::Complexes(nothing()).assigned(), AttributeValue::Clear);

        let mut mixed = nothing();
        mixed[1].set("value", "x");
        let AttributeValue::Complexes(kept) = AttributeValue::Complexes(mixed).assigned() else {
            panic!("one value has a part")
        };
        assert_eq!(kept.len(), 1);
    }
}
