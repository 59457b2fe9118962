//! What a resource is found by: one attribute, or several that only together tell who it is.

use scimwright_scim::{AttributePath, Desired, Filter, FilterValue};
use std::fmt;

/// One attribute, or several together, that find a resource.
///
/// A key of several attributes counts only for somebody who has a value in each of them: half a name finds
/// somebody else.
///
/// ```
/// use scimwright_client::MatchKey;
/// use scimwright_scim::{AttributePath, Desired};
///
/// let paths = [AttributePath::parse("name.familyName")?, AttributePath::parse("name.givenName")?];
/// let name = MatchKey::new(paths).ok_or("no attributes")?;
/// assert_eq!(name.to_string(), "name.familyName and name.givenName");
///
/// let mut wanted = Desired::new();
/// wanted.set(&AttributePath::parse("name.familyName")?, serde_json::json!("Doe"));
/// assert!(name.filter(&wanted).is_none());
/// wanted.set(&AttributePath::parse("name.givenName")?, serde_json::json!("Jo"));
/// let filter = name.filter(&wanted).ok_or("both are there")?;
/// assert_eq!(filter.to_string(), r#"name.familyName eq "Doe" and name.givenName eq "Jo""#);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct MatchKey {
    /// At least one, and each once.
    paths: Vec<AttributePath>,
}

impl MatchKey {
    /// A key of one attribute.
    #[must_use]
    pub fn single(path: AttributePath) -> Self {
        Self { paths: vec![path] }
    }

    /// A key of these attributes together; none where there are none. One that is named twice counts once.
    #[must_use]
    pub fn new(paths: impl IntoIterator<Item = AttributePath>) -> Option<Self> {
        let mut once: Vec<AttributePath> = Vec::new();
        for path in paths {
            if !once.contains(&path) {
                once.push(path);
            }
        }
        (!once.is_empty()).then_some(Self { paths: once })
    }

    /// The attributes, at least one, in their order.
    #[must_use]
    pub fn paths(&self) -> &[AttributePath] {
        &self.paths
    }

    /// The filter that finds whoever has these values; none where one of the attributes has no single value.
    #[must_use]
    pub fn filter(&self, desired: &Desired) -> Option<Filter> {
        let values = self.values(desired)?;
        Filter::all(values.into_iter().map(|(path, value)| Filter::eq(path.clone(), value)))
    }

    /// What each of the attributes is to be; none where one of them is to be nothing that can be looked for.
    /// Empty text says nothing about anybody.
    pub(super) fn values(&self, desired: &Desired) -> Option<Vec<(&AttributePath, FilterValue)>> {
        let value = |path| match FilterValue::try_from(desired.value(path)?) {
            Ok(FilterValue::Null) | Err(_) => None,
            Ok(FilterValue::Text(text)) if text.trim().is_empty() => None,
            Ok(value) => Some((path, value)),
        };
        self.paths.iter().map(value).collect()
    }
}

impl From<AttributePath> for MatchKey {
    fn from(path: AttributePath) -> Self {
        Self::single(path)
    }
}

impl fmt::Display for MatchKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, path) in self.paths.iter().enumerate() {
            if index > 0 {
                f.write_str(" and ")?;
            }
            path.fmt(f)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn path(text: &str) -> AttributePath {
        AttributePath::parse(text).unwrap()
    }

    #[test]
    fn a_key_has_at_least_one_attribute_and_each_once() {
        assert_eq!(MatchKey::new([]), None);
        assert_eq!(MatchKey::new([path("userName"), path("USERNAME")]), Some(path("userName").into()));
    }

    #[test]
    fn empty_text_and_lists_are_nothing_to_look_for() {
        let wanted: Desired = serde_json::from_value(
            json!({"externalId": " ", "userName": "jdoe", "emails": [{"value": "a"}]}),
        )
        .unwrap();
        assert_eq!(MatchKey::single(path("externalId")).filter(&wanted), None);
        assert_eq!(MatchKey::single(path("emails")).filter(&wanted), None);
        let both = MatchKey::new([path("userName"), path("externalId")]).unwrap();
        assert_eq!(both.filter(&wanted), None);
        assert!(MatchKey::single(path("userName")).filter(&wanted).is_some());
    }
}
