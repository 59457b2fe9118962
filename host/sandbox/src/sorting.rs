//! How resources compare when a query sorts them (RFC 7644 section 3.4.2.3).

use scimwright_scim::{AttributeName, AttributePath, Resource, SchemaSet};
use serde_json::Value;
use std::cmp::Ordering;

/// What a resource is sorted by.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum SortKey {
    /// False before true.
    Boolean(bool),
    /// By size.
    Number(f64),
    /// By code point, after folding where the attribute does not compare with case.
    Text(String),
    /// A resource without the attribute is last in ascending order, and first in descending.
    Absent,
}

impl SortKey {
    /// The key of a resource: of several values the primary one counts, else the first.
    pub(crate) fn of(resource: &Resource, by: &AttributePath, schemas: &SchemaSet) -> Self {
        let mut path = by.clone();
        // A complex attribute is sorted by its value where the query does not name a part.
        if let (None, Some(attribute)) = (&path.sub, schemas.find_attribute(by))
            && attribute.is_complex()
            && let Ok(value) = AttributeName::parse("value")
        {
            path.sub = Some(value);
        }
        let whole = resource.get(&path.without_sub());
        let chosen = match whole {
            Some(Value::Array(items)) => items.iter().find(|item| item["primary"] == true).or(items.first()),
            single => single,
        };
        let part = match (&path.sub, chosen) {
            (Some(sub), Some(Value::Object(parts))) => {
                parts.iter().find(|(key, _)| *sub == key.as_str()).map(|(_, value)| value)
            }
            (_, simple) => simple,
        };
        let exact = schemas.find(&path).is_some_and(|attribute| attribute.case_exact);
        match part {
            Some(Value::String(text)) if exact => Self::Text(text.clone()),
            Some(Value::String(text)) => Self::Text(text.to_lowercase()),
            Some(Value::Number(number)) => Self::Number(number.as_f64().unwrap_or_default()),
            Some(Value::Bool(flag)) => Self::Boolean(*flag),
            _ => Self::Absent,
        }
    }

    fn rank(&self) -> u8 {
        match self {
            Self::Boolean(_) => 0,
            Self::Number(_) => 1,
            Self::Text(_) => 2,
            Self::Absent => 3,
        }
    }

    /// A total order, also between values of different types, which no schema allows in one attribute.
    pub(crate) fn cmp(&self, other: &Self) -> Ordering {
        match (self, other) {
            (Self::Boolean(a), Self::Boolean(b)) => a.cmp(b),
            (Self::Number(a), Self::Number(b)) => a.total_cmp(b),
            (Self::Text(a), Self::Text(b)) => a.cmp(b),
            (a, b) => a.rank().cmp(&b.rank()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalogue::Catalogue;
    use crate::kind::Kind;
    use serde_json::json;

    fn key(resource: Value, by: &str) -> SortKey {
        let resource = Resource::from_value(resource).unwrap();
        let catalogue = Catalogue::new();
        SortKey::of(&resource, &AttributePath::parse(by).unwrap(), &catalogue.of(Kind::User).schemas)
    }

    #[test]
    fn of_several_values_the_primary_one_counts() {
        let resource = json!({ "emails": [{ "value": "b@x" }, { "value": "a@x", "primary": true }] });
        assert_eq!(key(resource.clone(), "emails"), SortKey::Text("a@x".into()));
        assert_eq!(key(resource, "emails.value"), SortKey::Text("a@x".into()));
    }

    #[test]
    fn case_counts_only_where_the_schema_says_so() {
        assert_eq!(key(json!({ "userName": "Zoë" }), "userName"), SortKey::Text("zoë".into()));
        assert_eq!(key(json!({ "externalId": "E1" }), "externalId"), SortKey::Text("E1".into()));
    }

    #[test]
    fn a_resource_without_the_attribute_comes_after_all_others() {
        let absent = key(json!({}), "title");
        assert_eq!(absent.cmp(&key(json!({ "title": "z" }), "title")), Ordering::Greater);
    }
}
