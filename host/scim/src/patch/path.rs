//! What a PATCH operation targets (RFC 7644 section 3.5.2, figure 7).

use crate::filter::{Filter, FilterError, Parser};
use crate::name::AttributeName;
use crate::path::AttributePath;
use crate::schema_set::SchemaSet;
use crate::urn::SchemaUrn;
use std::fmt;
use std::str::FromStr;

/// The target of a PATCH operation.
///
/// ```
/// use scimwright_scim::PatchPath;
///
/// let path = PatchPath::parse(r#"addresses[type eq "work"].locality"#)?;
/// assert_eq!(path.to_string(), r#"addresses[type eq "work"].locality"#);
/// # Ok::<(), scimwright_scim::FilterError>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub enum PatchPath {
    /// An attribute, those of its values that match, or a part of either.
    Attribute {
        /// The attribute, and the part of it that is meant.
        path: AttributePath,
        /// Which of its values are meant; `None` means all.
        filter: Option<Filter>,
    },
    /// A whole extension.
    Extension(SchemaUrn),
}

impl PatchPath {
    /// A whole attribute, or the part of it that the path names.
    #[must_use]
    pub fn attribute(path: AttributePath) -> Self {
        Self::Attribute { path, filter: None }
    }

    /// Those values of the attribute that match, or the part of them that the path names.
    #[must_use]
    pub fn element(path: AttributePath, filter: Filter) -> Self {
        Self::Attribute { path, filter: Some(filter) }
    }

    /// Reads the text form.
    ///
    /// Text alone cannot tell an extension's URN from an attribute's path, since a URN may end in what looks
    /// like a name. A path without filter whose last part follows a version, as in `…:2.0:User`, is read as
    /// an extension; [`PatchRequest::apply`](crate::PatchRequest::apply) asks the schemas and knows better.
    ///
    /// # Errors
    /// [`FilterError`] says where the first mistake is. The bounds of [`Filter`] hold here too.
    pub fn parse(text: &str) -> Result<Self, FilterError> {
        const EXPECTED: &str = "the path of an attribute";
        let mut parser = Parser::new("path", text)?;
        parser.skip_blanks();
        if let Some(urn) = extension(text.trim()) {
            return Ok(Self::Extension(urn));
        }
        let mut path = parser.attribute_path(EXPECTED)?;
        let mut filter = None;
        if parser.peek() == Some('[') {
            if path.sub.is_some() {
                return Err(parser.unexpected("the end: `[` follows an attribute, not a sub-attribute"));
            }
            filter = Some(parser.element_filter()?);
            if parser.take('.') {
                let sub = parser.attribute_path("a sub-attribute")?;
                if sub.schema.is_some() || sub.sub.is_some() {
                    return Err(parser.unexpected("one sub-attribute and then the end"));
                }
                path.sub = Some(sub.attribute);
            }
        }
        parser.skip_blanks();
        if !parser.at_end() {
            return Err(parser.unexpected("the end of the path"));
        }
        Ok(Self::Attribute { path, filter })
    }

    /// The same target as the schemas know it: an extension where its URN is one, an attribute otherwise, in
    /// canonical spelling.
    pub(crate) fn resolved(&self, schemas: &SchemaSet) -> Self {
        match self {
            Self::Extension(urn) if !schemas.has_extension(urn) => match AttributePath::parse(urn.as_str()) {
                Ok(path) if schemas.find(&path).is_some() => Self::attribute(schemas.canonical(&path)),
                _ => self.clone(),
            },
            Self::Extension(_) => self.clone(),
            Self::Attribute { path, filter: None }
                if path.schema.is_some() && schemas.find(path).is_none() =>
            {
                match SchemaUrn::parse(&path.to_string()) {
                    Ok(urn) if schemas.has_extension(&urn) => Self::Extension(urn),
                    _ => self.clone(),
                }
            }
            Self::Attribute { path, filter } => {
                Self::Attribute { path: schemas.canonical(path), filter: filter.clone() }
            }
        }
    }
}

/// The text as an extension's URN, where its last part follows a version, as in the URNs of RFC 7643.
fn extension(text: &str) -> Option<SchemaUrn> {
    let (start, last) = text.rsplit_once(':')?;
    let version = start.rsplit(':').next()?;
    let is_version = version.contains('.') && version.chars().all(|c| c.is_ascii_digit() || c == '.');
    let is_name = AttributeName::parse(last).is_ok();
    (is_version && is_name).then(|| SchemaUrn::parse(text).ok())?
}

impl From<AttributePath> for PatchPath {
    fn from(path: AttributePath) -> Self {
        Self::attribute(path)
    }
}

impl fmt::Display for PatchPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Extension(urn) => write!(f, "{urn}"),
            Self::Attribute { path, filter: None } => write!(f, "{path}"),
            Self::Attribute { path, filter: Some(filter) } => {
                write!(f, "{}[{filter}]", path.without_sub())?;
                match &path.sub {
                    Some(sub) => write!(f, ".{sub}"),
                    None => Ok(()),
                }
            }
        }
    }
}

impl FromStr for PatchPath {
    type Err = FilterError;
    fn from_str(text: &str) -> Result<Self, FilterError> {
        Self::parse(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::builtin;
    use crate::urn;
    use proptest::prelude::*;

    #[test]
    fn the_examples_of_the_rfc_are_read_and_print_as_they_are() {
        // RFC 7644 section 3.5.2, after figure 7.
        for text in [
            "members",
            "name.familyName",
            "addresses[type eq \"work\"]",
            "members[value eq \"2819c223-7f76-453a-919d-413861904646\"]",
            "members[value eq \"2819c223-7f76-453a-919d-413861904646\"].displayName",
            "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department",
            "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager.value",
            "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User",
            "emails[value eq \"a]b\\\"c\"].type",
        ] {
            assert_eq!(PatchPath::parse(text).unwrap().to_string(), text);
        }
    }

    /// Point 9: `URN:attribute` is read as what it names.
    #[test]
    fn the_urn_of_an_extension_is_told_from_the_path_of_an_attribute() {
        let users = builtin::user_schema_set();
        let resolved = |text: &str| PatchPath::parse(text).unwrap().resolved(&users);
        let extension = urn::ENTERPRISE_USER;
        assert_eq!(resolved(extension.as_str()), PatchPath::Extension(extension.clone()));
        let attribute = resolved(&format!("{extension}:DEPARTMENT"));
        assert_eq!(attribute.to_string(), format!("{extension}:department"));
        assert_eq!(resolved("urn:ietf:params:scim:schemas:core:2.0:User:username").to_string(), "userName");
    }

    #[test]
    fn mistakes_are_placed() {
        for (text, start) in [
            ("", 0),
            ("a b", 2),
            ("a[b pr", 6),
            ("a[b pr]x", 7),
            ("a[b pr].", 8),
            ("a.b[c pr]", 3),
            ("a[b pr].c.d", 11),
            ("a[]", 2),
        ] {
            let error = PatchPath::parse(text).unwrap_err();
            assert_eq!(error.span.start, start, "{text}: {error}");
            assert_eq!(error.noun, "path");
        }
    }

    proptest! {
        #[test]
        fn arbitrary_text_never_panics_and_what_is_read_prints_and_reads_again(
            text in "([a-z.:\\[\\]\"$ é]|eq|pr|2\\.0|urn:){0,16}",
        ) {
            if let Ok(path) = PatchPath::parse(&text) {
                prop_assert_eq!(PatchPath::parse(&path.to_string()).unwrap(), path);
            }
        }
    }
}
