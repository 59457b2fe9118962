//! A wanted state cut to what the provider can keep.

use super::members;
use scimwright_profile::ResourceQuirks;
use scimwright_scim::{AttributeName, AttributePath, Desired, DesiredValue, Resource, SchemaSet};
use serde_json::Value;
use std::fmt;

/// What was changed about a wanted state, printed as a sentence.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum ShapeNote {
    /// Of several values one was kept.
    Single {
        /// The attribute.
        path: AttributePath,
        /// Whether the one that was kept is marked as primary; otherwise it is the first.
        primary: bool,
        /// How many were left out.
        left_out: usize,
    },
}

impl fmt::Display for ShapeNote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Single { path, primary, left_out } => {
                let kept = if *primary { "primary" } else { "first" };
                write!(
                    f,
                    "`{path}` is sent with its {kept} value only, without {left_out} more: the provider keeps one"
                )
            }
        }
    }
}

/// Cuts a wanted state to what the provider can keep, and says what was changed.
pub(crate) fn shape(
    desired: Desired,
    quirks: &ResourceQuirks,
    schemas: &SchemaSet,
) -> (Desired, Vec<ShapeNote>) {
    let single: Vec<_> =
        quirks.single_valued.iter().map(|path| schemas.canonical(path).without_sub()).collect();
    let mut notes = Vec::new();
    let mut shaped = Desired::new();
    for (path, value) in desired {
        let canonical = schemas.canonical(&path);
        let value = match value {
            DesiredValue::Set(mut value) => {
                if members::is_members(&canonical) {
                    members::name_once(&mut value);
                }
                if single.iter().any(|listed| listed.same_attribute(&canonical)) {
                    notes.extend(cut(&mut value, &path));
                }
                DesiredValue::Set(value)
            }
            clear => clear,
        };
        shaped.set(&path, value);
    }
    (shaped, notes)
}

/// Fills the `type` that the provider demands into members that have none.
///
/// Only what is sent is filled, and not the wanted state: a group whose members are shown with another type, or
/// in another case, would have all of them removed and added again.
pub(crate) fn fill_member_types(body: &mut Resource, quirks: &ResourceQuirks) {
    let members = AttributePath::new(AttributeName::MEMBERS);
    let Some(member_type) = &quirks.member_type else { return };
    if let Some(mut value) = body.get(&members).cloned()
        && members::type_members(&mut value, member_type) > 0
    {
        body.set(&members, value);
    }
}

/// Leaves the primary value, or else the first.
fn cut(value: &mut Value, path: &AttributePath) -> Option<ShapeNote> {
    let Value::Array(items) = value else { return None };
    items.retain(|item| !item.is_null());
    if items.len() < 2 {
        return None;
    }
    let primary = items.iter().position(is_primary);
    let kept = items.swap_remove(primary.unwrap_or(0));
    let left_out = items.len();
    *items = vec![kept];
    Some(ShapeNote::Single { path: path.clone(), primary: primary.is_some(), left_out })
}

fn is_primary(item: &Value) -> bool {
    let parts = item.as_object().into_iter().flatten();
    parts.into_iter().any(|(name, part)| name.eq_ignore_ascii_case("primary") && *part == Value::Bool(true))
}

#[cfg(test)]
mod tests {
    use super::*;
    use scimwright_scim::builtin;
    use serde_json::json;

    fn shaped(wanted: Value, quirks: &ResourceQuirks, schemas: &SchemaSet) -> (Value, Vec<String>) {
        let (shaped, notes) = shape(serde_json::from_value(wanted).unwrap(), quirks, schemas);
        (serde_json::to_value(shaped).unwrap(), notes.iter().map(ToString::to_string).collect())
    }

    #[test]
    fn where_one_value_is_kept_it_is_the_primary_one_or_the_first() {
        let paths = ["EMAILS", "urn:ietf:params:scim:schemas:core:2.0:User:phoneNumbers", "addresses"];
        let single_valued = paths.iter().map(|path| AttributePath::parse(path).unwrap()).collect();
        let quirks = ResourceQuirks { single_valued, ..ResourceQuirks::default() };
        let wanted = json!({
            "userName": "zoe",
            "emails": [{"value": "a"}, {"value": "b", "PRIMARY": true}, {"value": "c"}],
            "phoneNumbers": [null, {"value": "1"}, {"value": "2"}],
            "addresses": [{"locality": "Oslo"}],
            "ims": [{"value": "x"}, {"value": "y"}],
            "title": null,
        });
        let (left, notes) = shaped(wanted, &quirks, &builtin::user_schema_set());
        assert_eq!(
            left,
            json!({
                "userName": "zoe",
                "emails": [{"value": "b", "PRIMARY": true}],
                "phoneNumbers": [{"value": "1"}],
                "addresses": [{"locality": "Oslo"}],
                "ims": [{"value": "x"}, {"value": "y"}],
                "title": null,
            })
        );
        assert_eq!(
            notes,
            [
                "`emails` is sent with its primary value only, without 2 more: the provider keeps one",
                "`phoneNumbers` is sent with its first value only, without 1 more: the provider keeps one",
            ]
        );
    }

    #[test]
    fn members_without_a_type_get_the_one_that_the_provider_demands() {
        let quirks = ResourceQuirks { member_type: Some("user".into()), ..ResourceQuirks::default() };
        let wanted = json!({"members": [{"value": "1"}, {"value": "2", "type": "group"}, {"value": "3", "type": null}]});
        let mut body = Resource::from_value(wanted.clone()).unwrap();
        fill_member_types(&mut body, &ResourceQuirks::default());
        assert_eq!(body.to_value(), wanted);
        fill_member_types(&mut body, &quirks);
        assert_eq!(
            body.to_value()["members"],
            json!([
                {"value": "1", "type": "user"},
                {"value": "2", "type": "group"},
                {"value": "3", "type": "user"},
            ])
        );
    }
}
