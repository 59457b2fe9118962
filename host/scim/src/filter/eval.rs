//! Does a resource match a filter?
//!
//! Comparing follows the schema: strings by `caseExact`, moments by the instant, numbers by amount. A
//! multi-valued attribute matches when one of its values does; one that is complex and named without a
//! sub-attribute is compared by its `value` (RFC 7644 section 3.4.2.2).

use super::{Comparison, Filter, FilterValue};
use crate::compare::{self, Rule};
use crate::json::{self, is_unassigned};
use crate::name::AttributeName;
use crate::path::AttributePath;
use crate::resource::Resource;
use crate::schema::Attribute;
use crate::schema_set::SchemaSet;
use serde_json::Value;
use std::cmp::Ordering;

impl Filter {
    /// Whether the resource matches.
    ///
    /// An attribute that is not there, or not declared, has no value: it matches `ne` and `eq null`, and
    /// nothing else. Values that cannot be compared, such as a string with a number, do not match.
    ///
    /// ```
    /// use scimwright_scim::{Filter, Resource, builtin};
    /// use serde_json::json;
    ///
    /// let user = Resource::from_value(json!({
    ///     "userName": "JDoe", "emails": [{"type": "work", "value": "jdoe@example.com"}],
    /// }))?;
    /// let filter = Filter::parse(r#"username eq "jdoe" and emails[type eq "WORK" and value ew ".com"]"#)?;
    /// assert!(filter.matches(&user, &builtin::user_schema_set()));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn matches(&self, resource: &Resource, schemas: &SchemaSet) -> bool {
        evaluate(self, Scope::Resource(resource, schemas))
    }
}

/// Whether one value of a multi-valued attribute matches the filter in brackets after it.
pub(crate) fn element_matches(filter: &Filter, value: &Value, attribute: Option<&Attribute>) -> bool {
    evaluate(filter, Scope::Element(value, Rule::of(attribute)))
}

/// What the paths of a filter are looked up in.
#[derive(Clone, Copy)]
enum Scope<'a> {
    Resource(&'a Resource, &'a SchemaSet),
    Element(&'a Value, Rule<'a>),
}

/// The values at a path, and how they compare.
struct Found<'a> {
    values: Vec<&'a Value>,
    rule: Rule<'a>,
}

fn evaluate(filter: &Filter, scope: Scope<'_>) -> bool {
    match filter {
        Filter::Or(operands) => operands.iter().any(|one| evaluate(one, scope)),
        Filter::And(operands) => operands.iter().all(|one| evaluate(one, scope)),
        Filter::Not(inner) => !evaluate(inner, scope),
        Filter::Present(path) => find(path, scope).values.iter().any(|value| has_content(value)),
        Filter::Compare { path, operator, value } => {
            let found = find(path, scope);
            let values: Vec<_> = found.values.iter().filter_map(|value| comparable(value)).collect();
            // A complex value is compared by its `value`, and so by the rule of that.
            let is_complex = found.values.iter().any(|value| value.is_object());
            let rule = if is_complex { found.rule.of_part("value") } else { found.rule };
            match (values.is_empty(), value) {
                (true, FilterValue::Null) => *operator == Comparison::Equal,
                (true, _) => *operator == Comparison::NotEqual,
                (false, FilterValue::Null) => *operator == Comparison::NotEqual,
                (false, value) => values.into_iter().any(|one| holds(one, *operator, value, rule)),
            }
        }
        Filter::Element { path, filter } => {
            let Found { values, rule } = find(path, scope);
            values.into_iter().any(|value| evaluate(filter, Scope::Element(value, rule)))
        }
    }
}

fn find<'a>(path: &AttributePath, scope: Scope<'a>) -> Found<'a> {
    match scope {
        Scope::Resource(resource, schemas) => {
            let path = schemas.canonical(path);
            let rule = Rule::of(schemas.find_attribute(&path));
            let rule = path.sub.as_ref().map_or(rule, |sub| rule.of_part(sub.as_str()));
            Found { values: resource.values(&path), rule }
        }
        Scope::Element(value, rule) => {
            let name = path.attribute.as_str();
            match value {
                Value::Object(parts) => {
                    let values = match json::field(parts, name) {
                        Some(Value::Array(items)) => items.iter().collect(),
                        Some(single) => vec![single],
                        None => Vec::new(),
                    };
                    Found { values, rule: rule.of_part(name) }
                }
                // A value without parts is its own `value`.
                simple if path.attribute == AttributeName::VALUE => Found { values: vec![simple], rule },
                _ => Found { values: Vec::new(), rule },
            }
        }
    }
}

// RFC 7644 section 3.4.2.2, table 3: `pr` matches "a non-empty or non-null value".
fn has_content(value: &Value) -> bool {
    !is_unassigned(value) && value.as_str() != Some("")
}

fn comparable(value: &Value) -> Option<&Value> {
    match value {
        Value::Object(parts) => json::field(parts, "value"),
        Value::Null | Value::Array(_) => None,
        scalar => Some(scalar),
    }
}

fn holds(value: &Value, operator: Comparison, wanted: &FilterValue, rule: Rule<'_>) -> bool {
    if let (Value::String(text), FilterValue::Text(wanted)) = (value, wanted)
        && let Some(search) = search(operator)
    {
        return search(&compare::folded(text, rule), &compare::folded(wanted, rule));
    }
    let wanted = Value::from(wanted);
    match operator {
        Comparison::Equal => compare::same_scalar(value, &wanted, rule),
        Comparison::NotEqual => !compare::same_scalar(value, &wanted, rule),
        Comparison::Greater => order(value, &wanted, rule).is_some_and(Ordering::is_gt),
        Comparison::GreaterOrEqual => order(value, &wanted, rule).is_some_and(Ordering::is_ge),
        Comparison::Less => order(value, &wanted, rule).is_some_and(Ordering::is_lt),
        Comparison::LessOrEqual => order(value, &wanted, rule).is_some_and(Ordering::is_le),
        // Only strings have parts to search.
        Comparison::Contains | Comparison::StartsWith | Comparison::EndsWith => false,
    }
}

fn search(operator: Comparison) -> Option<fn(&str, &str) -> bool> {
    match operator {
        Comparison::Contains => Some(|text, part| text.contains(part)),
        Comparison::StartsWith => Some(|text, part| text.starts_with(part)),
        Comparison::EndsWith => Some(|text, part| text.ends_with(part)),
        _ => None,
    }
}

fn order(one: &Value, other: &Value, rule: Rule<'_>) -> Option<Ordering> {
    match (one, other) {
        (Value::Number(one), Value::Number(other)) => compare::compare_numbers(one, other),
        (Value::String(one), Value::String(other)) if rule.is_moment() => {
            Some(compare::instant(one)?.cmp(&compare::instant(other)?))
        }
        (Value::String(one), Value::String(other)) => {
            Some(compare::folded(one, rule).cmp(&compare::folded(other, rule)))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::builtin;
    use serde_json::json;

    fn user() -> Resource {
        Resource::from_value(json!({
            "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"],
            "id": "aB3",
            "externalId": "E-1",
            "userName": "Zoë.Straße",
            "active": true,
            "nickName": "",
            "title": null,
            "name": {"familyName": "O'Malley", "givenName": "Zoë"},
            "emails": [
                {"type": "work", "value": "zoe@example.com", "primary": true},
                {"type": "home", "value": "zoe@example.org"},
            ],
            "phoneNumbers": [],
            "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User": {
                "employeeNumber": "701", "manager": {"value": "9f"},
            },
            "meta": {"lastModified": "2024-03-01T10:00:00+01:00"},
        }))
        .unwrap()
    }

    fn matches(text: &str) -> bool {
        Filter::parse(text).unwrap().matches(&user(), &builtin::user_schema_set())
    }

    /// Point 4: values compare by `caseExact`.
    #[test]
    fn strings_compare_by_case_exact_in_any_script() {
        assert!(matches(r#"userName eq "ZOË.STRASSE""#));
        assert!(matches(r#"userName sw "zoË" and userName ew "STRASSE" and userName co "ë.STR""#));
        assert!(matches(r#"externalId eq "E-1""#) && !matches(r#"externalId eq "e-1""#));
        assert!(matches(r#"id eq "aB3""#) && !matches(r#"id eq "ab3""#));
    }

    #[test]
    fn moments_compare_by_the_instant() {
        assert!(matches(r#"meta.lastModified eq "2024-03-01T09:00:00Z""#));
        assert!(matches(r#"meta.lastModified gt "2024-03-01T09:59:00+01:00""#));
        assert!(matches(r#"meta.lastModified lt "2024-03-01T09:00:00.001Z""#));
        assert!(!matches(r#"meta.lastModified gt "not a moment""#));
    }

    #[test]
    fn a_multi_valued_attribute_matches_when_one_value_does() {
        assert!(matches(r#"emails co "example.org""#));
        assert!(matches(r#"emails.type eq "WORK""#));
        assert!(matches(r#"emails ne "zoe@example.com""#));
        assert!(!matches(r#"emails eq "nobody@example.com""#));
    }

    #[test]
    fn one_and_the_same_value_has_to_match_all_that_stands_in_brackets() {
        assert!(matches(r#"emails[type eq "work" and value ew "com"]"#));
        assert!(!matches(r#"emails[type eq "work" and value ew "org"]"#));
        assert!(matches(r#"emails[type eq "home" and not (primary eq true)]"#));
        assert!(matches(r#"schemas[value co "core"]"#));
        assert!(!matches(r#"phoneNumbers[not (value pr)]"#));
    }

    #[test]
    fn absent_null_and_empty_are_not_present() {
        for text in ["title pr", "nickName pr", "phoneNumbers pr", "locale pr", "emails.display pr"] {
            assert!(!matches(text), "{text}");
        }
        for text in ["userName pr", "name pr", "emails pr", "emails.type pr", "active pr"] {
            assert!(matches(text), "{text}");
        }
    }

    #[test]
    fn null_is_equal_to_what_has_no_value() {
        assert!(matches("title eq null") && matches("userName ne null"));
        assert!(!matches("userName eq null") && !matches("title ne null"));
        assert!(matches(r#"title ne "x""#) && !matches(r#"title co "x""#));
    }

    #[test]
    fn values_of_different_kinds_do_not_match() {
        assert!(matches("active eq true") && !matches("active eq false"));
        assert!(!matches(r#"active eq "true""#) && !matches("userName eq 1") && !matches("userName gt 1"));
    }

    #[test]
    fn paths_may_spell_their_schema_out() {
        assert!(matches(r#"urn:ietf:params:scim:schemas:core:2.0:User:name.familyname eq "o'malley""#));
        let enterprise = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";
        assert!(matches(&format!(r#"{enterprise}:employeeNumber eq "701""#)));
        assert!(matches(&format!(r#"{enterprise}:manager eq "9f""#)));
        assert!(!matches(&format!(r#"{enterprise}:manager eq "9F""#)));
        assert!(!matches(r#"employeeNumber eq "701""#));
    }

    #[test]
    fn numbers_compare_by_amount() {
        let users = builtin::user_schema_set();
        let device = Resource::from_value(json!({"level": 3})).unwrap();
        for (text, expected) in
            [("level eq 3.0", true), ("level gt 2.5", true), ("level le 2", false), ("level ne 3", false)]
        {
            assert_eq!(Filter::parse(text).unwrap().matches(&device, &users), expected, "{text}");
        }
    }
}
