//! What a resource has to be, what becomes of its values, and when it ends.

use super::{groups, path, play, users};
use crate::support::{ENTERPRISE, USER, refusal};
use scimwright_profile::{Deletion, Disabling, ResourceQuirks};
use scimwright_sandbox::{Manners, Normalises, Plays, Rule};
use serde_json::json;

fn quirks() -> ResourceQuirks {
    ResourceQuirks::default()
}

#[test]
fn an_attribute_can_be_required_that_the_schema_does_not_require() {
    let department = format!("{ENTERPRISE}:department");
    let required = vec![path("name.familyName"), path("emails"), path(&department)];
    let asked = users(ResourceQuirks { required, ..quirks() });
    let whole = json!({
        "schemas": [USER, ENTERPRISE],
        "userName": "ann",
        "NAME": { "familyName": "Ek" },
        "emails": [{ "value": "a@x" }],
        ENTERPRISE: { "department": "Tools" },
    });
    for missing in ["NAME", "emails", ENTERPRISE] {
        let mut body = whole.clone();
        body.as_object_mut().unwrap().remove(missing);
        assert_eq!(refusal(&asked.post("/Users", &body)), "400 invalidValue", "{missing}");
    }
    let mut empty = whole.clone();
    empty["emails"] = json!([]);
    empty["NAME"]["familyName"] = json!("");
    assert_eq!(refusal(&asked.post("/Users", &empty)), "400 invalidValue");
    let response = asked.post("/Users", &whole);
    assert_eq!(response.status, 201);
    let target = format!("/Users/{}", response.value()["id"].as_str().unwrap());
    assert_eq!(
        refusal(&asked.put(&target, &json!({ "schemas": [USER], "userName": "ann" }))),
        "400 invalidValue"
    );
    assert_eq!(asked.provider.stats().broken(Rule::Required), 5);
}

#[test]
fn a_list_can_be_held_to_one_value() {
    let asked = users(ResourceQuirks { single_valued: vec![path("emails")], ..quirks() });
    let two = json!([{ "value": "a@x" }, { "value": "b@x" }]);
    let body = json!({ "schemas": [USER], "userName": "ann", "emails": two });
    assert_eq!(refusal(&asked.post("/Users", &body)), "400 invalidValue");
    let id = asked.user("ann", &json!({ "emails": [{ "value": "a@x" }] }));
    let target = format!("/Users/{id}");
    let add = json!([{ "op": "add", "path": "emails", "value": [{ "value": "b@x" }] }]);
    assert_eq!(refusal(&asked.patch(&target, &add)), "400 invalidValue");
    let replace = json!([{ "op": "replace", "path": "emails", "value": [{ "value": "b@x" }] }]);
    assert_eq!(asked.patch(&target, &replace).value()["emails"], json!([{ "value": "b@x" }]));
    assert_eq!(asked.provider.stats().broken(Rule::SingleValued), 2);
}

#[test]
fn a_replacement_can_have_to_repeat_the_id() {
    let asked = users(ResourceQuirks { id_in_put: true, ..quirks() });
    let [id, other] = ["ann", "bob"].map(|name| asked.user(name, &json!({})));
    let put = |id_in_body: Option<&str>| {
        let mut body = json!({ "schemas": [USER], "userName": "ann", "title": "x" });
        if let Some(id) = id_in_body {
            body["id"] = json!(id);
        }
        asked.put(&format!("/Users/{id}"), &body)
    };
    assert_eq!(refusal(&put(None)), "400 invalidValue");
    assert_eq!(refusal(&put(Some(&other))), "400 invalidValue");
    assert_eq!(put(Some(&id)).status, 200);
}

#[test]
fn making_a_user_inactive_can_delete_it() {
    let asked = users(ResourceQuirks { disabling: Disabling::Deletes, ..quirks() });
    let [id, other] = ["ann", "bob"].map(|name| asked.user(name, &json!({ "active": true })));
    let disable = json!([{ "op": "replace", "path": "active", "value": false }]);
    let response = asked.patch(&format!("/Users/{id}"), &disable);
    assert_eq!((response.status, &response.value()["active"]), (200, &json!(false)));
    assert_eq!(refusal(&asked.get(&format!("/Users/{id}"))), "404");
    let body = json!({ "schemas": [USER], "userName": "bob", "active": false });
    assert_eq!(asked.put(&format!("/Users/{other}"), &body).status, 200);
    assert!(asked.found("/Users", "userName").is_empty());
}

#[test]
fn a_deletion_can_leave_a_tombstone() {
    let asked = users(ResourceQuirks { deletion: Deletion::Tombstone, ..quirks() });
    let id = asked.user("ann", &json!({ "active": true, "title": "Clerk" }));
    let target = format!("/Users/{id}");
    assert_eq!(asked.delete(&target).status, 204);
    let tombstone = asked.get(&target).value();
    assert_eq!((&tombstone["active"], &tombstone["title"]), (&json!(false), &json!("Clerk")));
    let body = json!({ "schemas": [USER], "userName": "Ann" });
    assert_eq!(refusal(&asked.post("/Users", &body)), "409 uniqueness");
    assert_eq!(asked.found("/Users?filter=userName%20eq%20%22ann%22", "id"), [id.as_str()]);
    let enable = json!([{ "op": "replace", "path": "active", "value": true }]);
    assert_eq!(asked.patch(&target, &enable).value()["active"], true);
}

#[test]
fn a_group_leaves_no_tombstone_because_it_cannot_be_inactive() {
    let asked = groups(ResourceQuirks { deletion: Deletion::Tombstone, ..quirks() }, Manners::default());
    let target = format!("/Groups/{}", asked.group("Team", &[]));
    assert_eq!(asked.delete(&target).status, 204);
    assert_eq!(refusal(&asked.get(&target)), "404");
}

#[test]
fn values_can_read_back_other_than_they_were_written() {
    let normalises = Normalises { user_name_in_lower_case: true, one_email: true, display_name: true };
    let manners = Manners { normalises, ..Manners::default() };
    let asked = play(Plays { manners, ..Plays::default() });
    let id = asked.user(
        "Ann.EK",
        &json!({
            "displayName": "Ann, the great",
            "name": { "givenName": "Ann", "familyName": "Ek" },
            "emails": [{ "value": "a@x" }, { "value": "b@x", "primary": true }],
        }),
    );
    let target = format!("/Users/{id}");
    let read = asked.get(&target).value();
    assert_eq!((&read["userName"], &read["displayName"]), (&json!("ann.ek"), &json!("Ann Ek")));
    assert_eq!(read["emails"], json!([{ "value": "b@x", "primary": true }]));
    let rename = json!([{ "op": "replace", "path": "displayName", "value": "Ann, the great" }]);
    let again = asked.patch(&target, &rename).value();
    assert_eq!(again, read, "and nothing has changed, the version neither");
}

#[test]
fn the_normal_form_of_a_user_without_a_name_is_what_was_written() {
    let normalises = Normalises { display_name: true, ..Normalises::default() };
    let manners = Manners { normalises, ..Manners::default() };
    let asked = play(Plays { manners, ..Plays::default() });
    let id = asked.user("ann", &json!({ "displayName": "Ann" }));
    assert_eq!(asked.get(&format!("/Users/{id}")).value()["displayName"], "Ann");
}

#[test]
fn a_change_can_be_answered_with_nothing() {
    let manners = Manners { writes_answered_empty: true, ..Manners::default() };
    let asked = play(Plays { manners, ..Plays::default() });
    let id = asked.user("ann", &json!({}));
    let target = format!("/Users/{id}");
    let operations = json!([{ "op": "replace", "path": "title", "value": "x" }]);
    let response = asked.patch(&target, &operations);
    assert_eq!((response.status, &response.body), (204, &None));
    assert_eq!(response.header("ETag"), Some("W/\"2\""));
    assert_eq!(asked.get(&target).value()["title"], "x");
    assert_eq!(asked.put(&target, &json!({ "schemas": [USER], "userName": "ann" })).status, 204);
}
