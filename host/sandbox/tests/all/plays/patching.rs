//! Modifications that a provider understands in its own way.

use super::{path, play, users};
use crate::support::{Asked, ENTERPRISE, refusal};
use scimwright_profile::{OperationNames, PatchForm, ResourceQuirks};
use scimwright_sandbox::{Manners, Plays, Rule};
use serde_json::{Value, json};

fn quirks() -> ResourceQuirks {
    ResourceQuirks::default()
}

/// What becomes of one operation on a new user: `200`, or the refusal.
fn outcome(asked: &Asked, operation: &Value) -> String {
    let id = asked.user(&format!("user{}", asked.provider.stats().total()), &json!({ "nickName": "n" }));
    let response = asked.patch(&format!("/Users/{id}"), &json!([operation]));
    if response.status == 200 { "200".to_owned() } else { refusal(&response) }
}

#[test]
fn operations_are_spelled_with_a_capital_where_the_provider_wants_it() {
    let asked = users(ResourceQuirks { operation_names: OperationNames::Capital, ..quirks() });
    let spelled = |op: &str| outcome(&asked, &json!({ "op": op, "path": "title", "value": "x" }));
    assert_eq!(spelled("Replace"), "200");
    assert_eq!(spelled("Add"), "200");
    for op in ["replace", "REPLACE", "add"] {
        assert_eq!(spelled(op), "400 invalidSyntax", "{op}");
    }
    assert_eq!(asked.provider.stats().broken(Rule::OperationNames), 3);
}

#[test]
fn simple_attributes_stand_in_an_object_where_the_provider_wants_no_paths() {
    let asked = users(ResourceQuirks { patch_form: PatchForm::Object, ..quirks() });
    let department = format!("{ENTERPRISE}:department");
    for simple in ["title", "urn:ietf:params:scim:schemas:core:2.0:User:title", &department] {
        let operation = json!({ "op": "replace", "path": simple, "value": "x" });
        assert_eq!(outcome(&asked, &operation), "400 invalidPath", "{simple}");
    }
    let fine = [
        json!({ "op": "replace", "value": { "title": "x", ENTERPRISE: { "department": "y" } } }),
        json!({ "op": "replace", "path": "name.familyName", "value": "x" }),
        json!({ "op": "replace", "path": "emails", "value": [{ "value": "a@x" }] }),
        json!({ "op": "remove", "path": "nickName" }),
    ];
    for operation in fine {
        assert_eq!(outcome(&asked, &operation), "200", "{operation}");
    }
}

#[test]
fn an_operation_without_a_path_can_be_too_little() {
    let manners = Manners { path_required: true, ..Manners::default() };
    let asked = play(Plays { manners, ..Plays::default() });
    assert_eq!(outcome(&asked, &json!({ "op": "replace", "value": { "title": "x" } })), "400 invalidPath");
    assert_eq!(outcome(&asked, &json!({ "op": "replace", "path": "title", "value": "x" })), "200");
    assert_eq!(asked.provider.stats().broken(Rule::PatchForm), 1);
}

#[test]
fn only_some_attributes_may_be_changed_by_a_patch() {
    let department = format!("{ENTERPRISE}:department");
    let patchable = Some(vec![path("title"), path("name.familyName"), path(&department)]);
    let asked = users(ResourceQuirks { patchable, ..quirks() });
    let fine = [
        json!({ "op": "replace", "path": "TITLE", "value": "x" }),
        json!({ "op": "replace", "path": "name.familyName", "value": "x" }),
        json!({ "op": "replace", "value": { "title": "x", ENTERPRISE: { "department": "y" } } }),
        json!({ "op": "replace", "path": ENTERPRISE, "value": { "department": "y" } }),
    ];
    for operation in fine {
        assert_eq!(outcome(&asked, &operation), "200", "{operation}");
    }
    let odd = [
        json!({ "op": "replace", "path": "nickName", "value": "x" }),
        json!({ "op": "remove", "path": "nickName" }),
        json!({ "op": "replace", "path": "name.givenName", "value": "x" }),
        json!({ "op": "replace", "path": "name", "value": { "familyName": "x" } }),
        json!({ "op": "add", "path": "emails[type eq \"work\"].value", "value": "x" }),
        json!({ "op": "replace", "value": { "title": "x", "nickName": "y" } }),
        json!({ "op": "replace", "value": { ENTERPRISE: { "costCenter": "y" } } }),
        json!({ "op": "remove", "path": ENTERPRISE }),
    ];
    for operation in &odd {
        assert_eq!(outcome(&asked, operation), "400 mutability", "{operation}");
    }
    assert_eq!(asked.provider.stats().broken(Rule::Patchable), odd.len() as u64);
}
