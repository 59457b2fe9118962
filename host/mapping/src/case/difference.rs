//! Where two resources differ, place by place.

use serde_json::Value;
use std::fmt;

/// A place where two outcomes differ.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct Difference {
    /// Where: `emails[0].value`, `urn:…:User:department`.
    pub path: String,
    /// What stands there in the first; `None` where there is nothing.
    pub before: Option<Value>,
    /// What stands there in the second.
    pub after: Option<Value>,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let side = |value: &Option<Value>| value.as_ref().map_or("(nothing)".to_owned(), Value::to_string);
        write!(f, "{}: {} → {}", self.path, side(&self.before), side(&self.after))
    }
}

/// All places where `after` differs from `before`, in the order of `before` and then of `after`. Objects are
/// compared name by name and lists item by item.
#[must_use]
pub fn differences(before: &Value, after: &Value) -> Vec<Difference> {
    let mut found = Vec::new();
    compare("", "", before, after, &mut found);
    found
}

/// Compares what stands at `place`; `joint` comes between that place and the names inside.
fn compare(place: &str, joint: &str, before: &Value, after: &Value, found: &mut Vec<Difference>) {
    match (before, after) {
        (Value::Object(old), Value::Object(new)) => {
            let inside = |name: &str| format!("{place}{joint}{name}");
            for (name, value) in old {
                let path = inside(name);
                match new.get(name) {
                    Some(other) => compare(&path, joint_after(place, name), value, other, found),
                    None => found.push(Difference { path, before: Some(value.clone()), after: None }),
                }
            }
            for (name, value) in new.iter().filter(|(name, _)| !old.contains_key(*name)) {
                found.push(Difference { path: inside(name), before: None, after: Some(value.clone()) });
            }
        }
        (Value::Array(old), Value::Array(new)) => {
            for at in 0..old.len().max(new.len()) {
                let path = format!("{place}[{at}]");
                match (old.get(at), new.get(at)) {
                    (Some(value), Some(other)) => compare(&path, ".", value, other, found),
                    (value, other) => {
                        found.push(Difference { path, before: value.cloned(), after: other.cloned() });
                    }
                }
            }
        }
        _ if before == after => {}
        _ => found.push(Difference {
            path: place.to_owned(),
            before: Some(before.clone()),
            after: Some(after.clone()),
        }),
    }
}

/// What comes between a name and the names inside it: RFC 7644 section 3.10 writes an extension's URN with a colon.
fn joint_after(place: &str, name: &str) -> &'static str {
    let is_urn = name.get(..4).is_some_and(|start| start.eq_ignore_ascii_case("urn:"));
    if place.is_empty() && is_urn { ":" } else { "." }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn every_place_is_named_and_nothing_else() {
        let urn = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";
        let before = json!({
            "userName": "a", "title": "x", "emails": [{ "value": "a@x" }, { "value": "b@x" }],
            urn: { "department": "R", "manager": { "value": "1" } },
        });
        let after = json!({
            "emails": [{ "value": "c@x" }], "userName": "a", "nickName": null,
            urn: { "department": "S", "manager": { "value": "2" } },
        });
        let shown: Vec<_> = differences(&before, &after).iter().map(ToString::to_string).collect();
        assert_eq!(
            shown,
            [
                "title: \"x\" → (nothing)".to_owned(),
                "emails[0].value: \"a@x\" → \"c@x\"".to_owned(),
                "emails[1]: {\"value\":\"b@x\"} → (nothing)".to_owned(),
                format!("{urn}:department: \"R\" → \"S\""),
                format!("{urn}:manager.value: \"1\" → \"2\""),
                "nickName: (nothing) → null".to_owned(),
            ]
        );
        assert!(differences(&before, &before).is_empty());
    }
}
