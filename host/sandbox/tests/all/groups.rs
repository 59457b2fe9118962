//! Groups and who belongs to them (RFC 7643 sections 4.1.2 and 4.2).

use crate::support::{Asked, GROUP, refusal};
use serde_json::json;

#[test]
fn a_member_is_named_with_its_place_its_type_and_its_display_name() {
    let asked = Asked::strict();
    let id = asked.user("bjensen", &json!({ "displayName": "Babs Jensen" }));
    let group = asked.group("Tour Guides", &[&id]);
    let members = asked.get(&format!("/Groups/{group}")).value()["members"].clone();
    assert_eq!(
        members,
        json!([{
            "value": id,
            "$ref": format!("https://scim.example/v2/Users/{id}"),
            "type": "User",
            "display": "Babs Jensen",
        }])
    );
}

#[test]
fn a_user_shows_the_groups_it_belongs_to_directly_and_through_others() {
    let asked = Asked::strict();
    let id = asked.user("bjensen", &json!({}));
    let inner = asked.group("Tour Guides", &[&id]);
    let outer = asked.group("Staff", &[&inner]);
    asked.patch(
        &format!("/Groups/{inner}"),
        &json!([{ "op": "add", "path": "members", "value": [{ "value": outer }] }]),
    );
    let groups = asked.get(&format!("/Users/{id}")).value()["groups"].clone();
    let seen: Vec<_> =
        groups.as_array().unwrap().iter().map(|it| (it["display"].clone(), it["type"].clone())).collect();
    assert_eq!(seen, [(json!("Tour Guides"), json!("direct")), (json!("Staff"), json!("indirect"))]);
}

#[test]
fn a_member_that_changes_its_name_is_shown_under_the_new_one() {
    let asked = Asked::strict();
    let id = asked.user("bjensen", &json!({ "displayName": "Babs" }));
    let group = asked.group("Tour Guides", &[&id]);
    asked.patch(
        &format!("/Users/{id}"),
        &json!([{ "op": "replace", "path": "displayName", "value": "Barbara" }]),
    );
    assert_eq!(asked.get(&format!("/Groups/{group}")).value()["members"][0]["display"], "Barbara");
}

#[test]
fn members_are_added_once_and_removed_one_by_one() {
    let asked = Asked::strict();
    let (a, b) = (asked.user("a", &json!({})), asked.user("b", &json!({})));
    let group = asked.group("Tour Guides", &[&a, &a]);
    let target = format!("/Groups/{group}");
    let add = json!([{ "op": "add", "path": "members", "value": [{ "value": a }, { "value": b }] }]);
    assert_eq!(asked.patch(&target, &add).value()["members"].as_array().unwrap().len(), 2);
    let remove = json!([{ "op": "remove", "path": format!("members[value eq \"{a}\"]") }]);
    let members = asked.patch(&target, &remove).value()["members"].clone();
    assert_eq!(members.as_array().unwrap().len(), 1);
    assert_eq!(members[0]["value"], b);
    assert!(asked.get(&format!("/Users/{a}")).value().get("groups").is_none());
}

#[test]
fn a_deleted_user_leaves_its_groups_which_get_a_new_version() {
    let asked = Asked::strict();
    let id = asked.user("bjensen", &json!({}));
    let group = asked.group("Tour Guides", &[&id]);
    asked.delete(&format!("/Users/{id}"));
    let body = asked.get(&format!("/Groups/{group}")).value();
    assert!(body.get("members").is_none());
    assert_eq!(body["meta"]["version"], "W/\"2\"");
}

#[test]
fn a_member_that_does_not_exist_is_refused_or_left_out() {
    let body = json!({ "schemas": [GROUP], "displayName": "Ghosts", "members": [{ "value": "nobody" }] });
    assert_eq!(refusal(&Asked::strict().post("/Groups", &body)), "400 invalidValue");
    let response = Asked::tolerant().post("/Groups", &body);
    assert_eq!(response.status, 201);
    assert!(response.value().get("members").is_none());
}

#[test]
fn groups_are_found_by_a_member_and_shown_without_their_members() {
    let asked = Asked::strict();
    let id = asked.user("bjensen", &json!({}));
    asked.group("Tour Guides", &[&id]);
    asked.group("Empty", &[]);
    for filter in
        [format!("members.value%20eq%20%22{id}%22"), format!("members%5Bvalue%20eq%20%22{id}%22%5D")]
    {
        assert_eq!(
            asked.found(&format!("/Groups?filter={filter}"), "displayName"),
            ["Tour Guides"],
            "{filter}"
        );
    }
    let list = asked.get("/Groups?excludedAttributes=members").value();
    assert!(list["Resources"][0].get("members").is_none());
}
