//! Which attribute is meant: an optional schema, a name, and an optional sub-attribute.
//!
//! The text form is that of RFC 7644 section 3.10: `userName`, `name.givenName`,
//! `urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager.displayName`. The URN ends at the
//! last colon, which is unambiguous because attribute names hold none.

use crate::name::{AttributeName, InvalidName};
use crate::urn::{InvalidUrn, SchemaUrn};
use std::fmt;
use std::str::FromStr;

/// The path to an attribute or sub-attribute.
///
/// Paths compare without case. `userName` and `urn:…:core:2.0:User:userName` are different paths to one
/// attribute; [`SchemaSet::canonical`](crate::SchemaSet::canonical) makes them equal.
///
/// ```
/// use scimwright_scim::AttributePath;
///
/// let path = AttributePath::parse("name.givenName")?;
/// assert_eq!(path.attribute, "name");
/// assert_eq!(path.sub.as_ref().map(|sub| sub.as_str()), Some("givenName"));
/// assert_eq!(path.to_string(), "name.givenName");
/// # Ok::<(), scimwright_scim::InvalidPath>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AttributePath {
    /// The schema that defines the attribute; `None` means the resource's core schema, or an attribute that
    /// all resources have.
    pub schema: Option<SchemaUrn>,
    /// The attribute.
    pub attribute: AttributeName,
    /// The part of it that is meant; `None` means all of it.
    pub sub: Option<AttributeName>,
}

/// Text that cannot be the path of an attribute.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidPath {
    /// The part before the last colon is not a URN.
    #[error(transparent)]
    Urn(#[from] InvalidUrn),
    /// A name in it is not an attribute name.
    #[error(transparent)]
    Name(#[from] InvalidName),
    /// SCIM has attributes and sub-attributes, and nothing below (RFC 7643 section 2.3.8).
    #[error("`{text}` goes too deep: a path names an attribute and at most one sub-attribute")]
    TooDeep {
        /// The text after the URN, cut to 80 characters.
        text: String,
    },
}

impl AttributePath {
    /// The path of an attribute of the core schema.
    #[must_use]
    pub fn new(attribute: AttributeName) -> Self {
        Self { schema: None, attribute, sub: None }
    }

    /// Reads the text form.
    ///
    /// # Errors
    /// [`InvalidPath`] says which part is wrong.
    pub fn parse(text: &str) -> Result<Self, InvalidPath> {
        let (schema, rest) = match text.rsplit_once(':') {
            Some((urn, rest)) => (Some(SchemaUrn::parse(urn)?), rest),
            None => (None, text),
        };
        let (attribute, sub) = match rest.split_once('.') {
            Some((_, sub)) if sub.contains('.') => {
                return Err(InvalidPath::TooDeep { text: rest.chars().take(80).collect() });
            }
            Some((attribute, sub)) => (attribute, Some(AttributeName::parse(sub)?)),
            None => (rest, None),
        };
        Ok(Self { schema, attribute: AttributeName::parse(attribute)?, sub })
    }

    /// The same path with this sub-attribute.
    #[must_use]
    pub fn with_sub(&self, sub: AttributeName) -> Self {
        Self { schema: self.schema.clone(), attribute: self.attribute.clone(), sub: Some(sub) }
    }

    /// The same path without its sub-attribute.
    #[must_use]
    pub fn without_sub(&self) -> Self {
        Self { schema: self.schema.clone(), attribute: self.attribute.clone(), sub: None }
    }

    /// Whether both name the same attribute, whatever the sub-attribute.
    #[must_use]
    pub fn same_attribute(&self, other: &Self) -> bool {
        self.schema == other.schema && self.attribute == other.attribute
    }
}

impl From<AttributeName> for AttributePath {
    fn from(attribute: AttributeName) -> Self {
        Self::new(attribute)
    }
}

impl fmt::Display for AttributePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(schema) = &self.schema {
            write!(f, "{schema}:")?;
        }
        write!(f, "{}", self.attribute)?;
        match &self.sub {
            Some(sub) => write!(f, ".{sub}"),
            None => Ok(()),
        }
    }
}

impl FromStr for AttributePath {
    type Err = InvalidPath;
    fn from_str(text: &str) -> Result<Self, InvalidPath> {
        Self::parse(text)
    }
}

impl serde::Serialize for AttributePath {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> serde::Deserialize<'de> for AttributePath {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <String as serde::Deserialize>::deserialize(deserializer)?;
        Self::parse(&text).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::urn;

    #[test]
    fn a_urn_ends_at_the_last_colon() {
        let path =
            AttributePath::parse("urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager.value")
                .unwrap();
        assert_eq!(path.schema, Some(urn::ENTERPRISE_USER));
        assert_eq!(path.attribute, "manager");
        assert_eq!(path.sub.unwrap(), "value");
    }

    #[test]
    fn a_path_prints_as_it_was_written() {
        for text in ["userName", "name.givenName", "urn:acme:1.0:X:a.b", "meta.lastModified", "manager.$ref"]
        {
            assert_eq!(AttributePath::parse(text).unwrap().to_string(), text);
        }
    }

    #[test]
    fn paths_compare_without_case() {
        assert_eq!(AttributePath::parse("NAME.GivenName"), AttributePath::parse("name.givenname"));
    }

    #[test]
    fn what_is_not_a_path_is_refused() {
        for bad in ["", ".", "a.", ".a", "a.b.c", ":a", "x:a", "urn:a:", "a b", "a[b]", "é"] {
            assert!(AttributePath::parse(bad).is_err(), "{bad}");
        }
    }
}
