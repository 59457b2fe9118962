//! What was sent and seen beside what is there now: what counts as somebody's change, and what as a form of the
//! provider's.

use crate::decide;
use scimwright_scim::{AttributePath, Desired, DesiredValue, Resource, SchemaSet, compare, diff};
use scimwright_state::Link;
use serde_json::Value;

/// The attributes that we look after and that are neither as we want them nor as they were when we last looked.
pub(crate) fn drifted(link: &Link, found: &Resource, schemas: &SchemaSet) -> Vec<AttributePath> {
    let is_drift = |path: &AttributePath, value: &DesiredValue| {
        let mut alone = Desired::new();
        alone.set(path, value.clone());
        // The order of a list says nothing.
        let writes = |seen: &Resource| {
            let patch = diff(&alone, None, seen, schemas);
            let mut operations: Vec<String> =
                patch.operations.iter().map(|operation| format!("{operation:?}")).collect();
            operations.sort();
            operations
        };
        let now = writes(found);
        if now.is_empty() {
            return false;
        }
        let (then, is) = (there(&link.seen, path), there(found, path));
        let as_before = compare::same_state(&then, &is, schemas.find(path));
        !(as_before && now == writes(&link.seen))
    };
    link.sent.iter().filter(|(path, value)| is_drift(path, value)).map(|(path, _)| path.clone()).collect()
}

/// Whether two values say the same to a person: letters and digits agree, whatever becomes of case, spaces and
/// punctuation. What a list holds may stand in another order.
pub(super) fn same_but_for_form(sent: &Value, found: &Value) -> bool {
    fn form(value: &Value) -> Value {
        match value {
            Value::String(text) => {
                let bare = text.chars().filter(|letter| letter.is_alphanumeric());
                let bare: String = bare.flat_map(char::to_lowercase).collect();
                // Of nothing but punctuation, every sign counts.
                Value::String(if bare.is_empty() { text.clone() } else { bare })
            }
            Value::Array(items) => {
                let mut items: Vec<Value> = items.iter().map(form).collect();
                items.sort_by_key(ToString::to_string);
                items.into()
            }
            Value::Object(parts) => {
                Value::Object(parts.iter().map(|(name, value)| (name.to_lowercase(), form(value))).collect())
            }
            other => other.clone(),
        }
    }
    let (sent, found) = (form(sent), form(found));
    compare::echoes(&found, &sent, None)
}

/// What the resource was made, where somebody made it active or inactive, whether or not we look after that.
pub(super) fn flipped(link: &Link, found: &Resource) -> Option<bool> {
    let path = decide::active();
    let is = found.get(&path)?.as_bool()?;
    let sent = link.sent.value(&path).and_then(Value::as_bool);
    // RFC 7643 section 4.1.1 leaves the default open; who was never said to be inactive is active.
    let was = sent.or_else(|| link.seen.get(&path)?.as_bool()).unwrap_or(true);
    (is != was).then_some(is)
}

pub(super) fn there(resource: &Resource, path: &AttributePath) -> Value {
    resource.get(path).cloned().unwrap_or(Value::Null)
}

/// The link as it has to be for the next comparison: what was found counts as seen, and what drifted as never sent.
pub(crate) fn seen_as(link: &Link, found: Resource, paths: &[AttributePath]) -> Link {
    let mut sent = link.sent.clone();
    for path in paths {
        sent.remove(path);
    }
    Link { version: found.version().map(str::to_owned), seen: found, sent, ..link.clone() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::links;
    use scimwright_record::RecordKey;
    use scimwright_scim::builtin;
    use scimwright_state::{Ownership, RunId};
    use serde_json::json;

    fn drift(sent: Value, seen: Value, found: Value) -> Vec<String> {
        let resource = |value| Resource::from_value(value).unwrap();
        let key = RecordKey::parse("E1").unwrap();
        let sent: Desired = serde_json::from_value(sent).unwrap();
        let link =
            links::found(key, "r1".into(), Ownership::Created, resource(seen), sent, RunId::generate());
        let paths = drifted(&link, &resource(found), &builtin::user_schema_set());
        paths.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn what_the_provider_keeps_in_another_form_is_no_drift_and_what_somebody_changed_is() {
        let (sent, seen) = (json!({ "userName": "JDoe" }), json!({ "userName": "jdoe" }));
        assert_eq!(drift(sent.clone(), seen.clone(), json!({ "userName": "jdoe" })), [""; 0]);
        assert_eq!(drift(sent.clone(), seen.clone(), json!({ "userName": "other" })), ["userName"]);
        // Somebody made it what we wanted all along.
        assert_eq!(drift(sent, seen, json!({ "userName": "JDoe" })), [""; 0]);
    }

    #[test]
    fn another_form_is_another_case_other_spaces_or_punctuation_and_nothing_else() {
        let same = |sent: Value, found: Value| same_but_for_form(&sent, &found);
        assert!(same(json!("Zoe.New@X.example"), json!("zoe.new@x.example")));
        assert!(same(json!("+49 (30) 1234"), json!("+49301234")));
        assert!(same(
            json!([{ "value": "B" }, { "value": "A" }]),
            json!([{ "Value": "a", "$ref": "x" }, { "value": "b" }])
        ));
        assert!(!same(json!("zoe"), json!("zoey")));
        assert!(!same(json!("zoe"), json!(null)));
        assert!(!same(json!("-"), json!("")) && !same(json!("-"), json!(null)));
        assert!(!same(json!([{ "value": "a" }]), json!([{ "value": "a" }, { "value": "b" }])));
        assert!(!same(json!(true), json!(false)));
    }

    #[test]
    fn what_we_do_not_look_after_is_nobodys_business_and_the_order_of_a_list_says_nothing() {
        let sent =
            json!({ "emails": [{ "value": "a@x.example" }, { "value": "b@x.example" }], "nickName": null });
        let seen = json!({ "emails": [{ "value": "a@x.example" }, { "value": "b@x.example" }] });
        let turned = json!({
            "title": "by hand", "emails": [{ "value": "b@x.example", "display": "B" }, { "value": "a@x.example" }],
        });
        assert_eq!(drift(sent.clone(), seen.clone(), turned), [""; 0]);
        let worse = json!({ "nickName": "by hand", "emails": [{ "value": "a@x.example" }] });
        let mut found = drift(sent, seen, worse);
        found.sort();
        assert_eq!(found, ["emails", "nickName"]);
    }
}
