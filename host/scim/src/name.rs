//! The name of an attribute or sub-attribute.
//!
//! Names are checked once, where text enters, and compare without case from then on, so that nothing
//! deeper in has to remember to fold. The spelling is kept, because some providers echo what they read.

use crate::text::{Text, text_type};

/// The name of an attribute (RFC 7643 section 2.1): a letter, then letters, digits, `-`, `_` and `$`; or
/// `$ref`, the one name that begins with `$` (RFC 7643 section 2.4).
///
/// Equality, order and hash ignore case. At most [`MAX_BYTES`](Self::MAX_BYTES) long.
///
/// ```
/// use scimwright_scim::AttributeName;
///
/// let name = AttributeName::parse("userName")?;
/// assert_eq!(name, AttributeName::parse("USERNAME")?);
/// assert_eq!(name.as_str(), "userName");
/// # Ok::<(), scimwright_scim::InvalidName>(())
/// ```
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AttributeName(Text);

text_type!(AttributeName, InvalidName);

/// Text that cannot be an attribute name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` cannot be an attribute name: {reason}")]
pub struct InvalidName {
    /// The text, cut to 80 characters.
    pub text: String,
    /// The rule that it breaks.
    pub reason: String,
}

impl AttributeName {
    /// The longest name, in bytes.
    pub const MAX_BYTES: usize = 256;

    /// `active`: whether the person may use the service (RFC 7643 section 4.1.1).
    pub const ACTIVE: Self = Self(Text::Static("active"));
    /// `password`: never returned by a provider (RFC 7643 section 4.1.1).
    pub const PASSWORD: Self = Self(Text::Static("password"));
    /// `value`: the default sub-attribute of a multi-valued attribute (RFC 7643 section 2.4).
    pub const VALUE: Self = Self(Text::Static("value"));
    pub(crate) const TYPE: Self = Self(Text::Static("type"));
    pub(crate) const PRIMARY: Self = Self(Text::Static("primary"));
    pub(crate) const SCHEMAS: Self = Self(Text::Static("schemas"));
    /// `externalId`: the client's own name for a resource (RFC 7643 section 3.1).
    pub const EXTERNAL_ID: Self = Self(Text::Static("externalId"));
    /// `id`: the provider's name for a resource (RFC 7643 section 3.1).
    pub const ID: Self = Self(Text::Static("id"));
    /// `members`: who is in a group (RFC 7643 section 4.2).
    pub const MEMBERS: Self = Self(Text::Static("members"));
    /// `meta`: what the provider notes about a resource (RFC 7643 section 3.1).
    pub const META: Self = Self(Text::Static("meta"));
    /// `version`: the part of `meta` that holds the ETag.
    pub const VERSION: Self = Self(Text::Static("version"));

    /// Checks text that is to be an attribute name.
    ///
    /// # Errors
    /// [`InvalidName`] says which rule the text breaks.
    pub fn parse(text: &str) -> Result<Self, InvalidName> {
        match broken_rule(text) {
            None => Ok(Self(text.into())),
            Some(reason) => Err(InvalidName { text: text.chars().take(80).collect(), reason }),
        }
    }
}

fn broken_rule(text: &str) -> Option<String> {
    if text.eq_ignore_ascii_case("$ref") {
        return None;
    }
    if text.is_empty() {
        return Some("it is empty".into());
    }
    if text.len() > AttributeName::MAX_BYTES {
        let allowed = AttributeName::MAX_BYTES;
        return Some(format!("it has {} bytes, {allowed} are allowed", text.len()));
    }
    // RFC 7643 section 2.1: ATTRNAME = ALPHA *(nameChar); nameChar = "$" / "-" / "_" / DIGIT / ALPHA.
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '$' | '-' | '_');
    if let Some(odd) = text.chars().find(|&c| !allowed(c)) {
        let odd = odd.escape_default();
        return Some(format!("`{odd}` is not allowed; use letters, digits, `-`, `_` and `$`"));
    }
    if !text.starts_with(|c: char| c.is_ascii_alphabetic()) {
        return Some("it has to begin with a letter".into());
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    /// Point 4: names compare without case.
    #[test]
    fn names_that_differ_only_in_case_are_one_name() {
        let names: HashSet<_> =
            ["userName", "USERNAME", "username"].map(|text| AttributeName::parse(text).unwrap()).into();
        assert_eq!(names.len(), 1);
    }

    #[test]
    fn order_ignores_case_too() {
        let name = |text| AttributeName::parse(text).unwrap();
        assert!(name("Alpha") < name("beta"));
        assert!(name("alpha") < name("BETA"));
        assert_eq!(name("a").cmp(&name("A")), std::cmp::Ordering::Equal);
    }

    #[test]
    fn the_alphabet_of_the_rfc_is_kept() {
        for good in ["a", "userName", "x509Certificates", "a-b_c$d", "$ref", "$REF"] {
            assert!(AttributeName::parse(good).is_ok(), "{good}");
        }
        for bad in ["", "1a", "$x", "-a", "a b", "a.b", "a:b", "é", "a[", &"x".repeat(257)] {
            assert!(AttributeName::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn an_error_names_the_text_and_the_rule() {
        assert_eq!(
            AttributeName::parse("user name").unwrap_err().to_string(),
            "`user name` cannot be an attribute name: ` ` is not allowed; use letters, digits, `-`, `_` and `$`"
        );
    }
}
