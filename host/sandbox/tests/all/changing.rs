//! PUT, PATCH and DELETE (RFC 7644 sections 3.5 and 3.6), and the conditions they are held to (section 3.14).

use crate::support::{Asked, ENTERPRISE, USER, refusal};
use scimwright_sandbox::{Method, Request};
use serde_json::{Value, json};

fn conditional(method: Method, id: &str, if_match: &str) -> Request {
    let request =
        Request { if_match: Some(if_match.to_owned()), ..Request::new(method, &format!("/v2/Users/{id}")) };
    request.with_json(&json!({ "schemas": [USER], "userName": "bjensen", "title": "Chief" }))
}

#[test]
fn a_replacement_leaves_nothing_of_what_it_does_not_mention() {
    let mut asked = Asked::strict();
    let id = asked.user("bjensen", &json!({ "title": "Clerk", "nickName": "Babs" }));
    asked.now = "2026-02-02T00:00:00Z";
    let response = asked
        .put(&format!("/Users/{id}"), &json!({ "schemas": [USER], "userName": "bjensen", "title": "Chief" }));
    assert_eq!(response.status, 200);
    let body = response.value();
    assert_eq!(body["title"], "Chief");
    assert!(body.get("nickName").is_none());
    assert_eq!(body["meta"]["created"], "2026-01-01T00:00:00Z");
    assert_eq!(body["meta"]["lastModified"], "2026-02-02T00:00:00Z");
    assert_eq!(body["meta"]["version"], "W/\"2\"");
    assert_eq!(response.header("ETag"), Some("W/\"2\""));
}

#[test]
fn writing_what_is_there_already_changes_no_version() {
    let mut asked = Asked::strict();
    let id = asked.user("bjensen", &json!({ "title": "Clerk" }));
    let before = asked.get(&format!("/Users/{id}")).value();
    asked.now = "2026-02-02T00:00:00Z";
    assert_eq!(asked.put(&format!("/Users/{id}"), &before).value(), before);
    let same = json!([{ "op": "replace", "path": "title", "value": "Clerk" }]);
    assert_eq!(asked.patch(&format!("/Users/{id}"), &same).value(), before);
}

#[test]
fn a_modification_adds_replaces_and_removes() {
    let asked = Asked::strict();
    let id = asked
        .user("bjensen", &json!({ "title": "Clerk", "emails": [{ "type": "home", "value": "b@home" }] }));
    let body = asked
        .patch(
            &format!("/Users/{id}"),
            &json!([
                { "op": "replace", "path": "name.familyName", "value": "Jensen" },
                { "op": "add", "path": "emails", "value": [{ "type": "work", "value": "b@work" }] },
                { "op": "replace", "path": "emails[type eq \"home\"].value", "value": "babs@home" },
                { "op": "add", "path": format!("{ENTERPRISE}:department"), "value": "Tools" },
                { "op": "remove", "path": "title" },
            ]),
        )
        .value();
    assert_eq!(body["name"]["familyName"], "Jensen");
    assert_eq!(
        body["emails"],
        json!([{ "type": "home", "value": "babs@home" }, { "type": "work", "value": "b@work" }])
    );
    assert_eq!(body[ENTERPRISE], json!({ "department": "Tools" }));
    assert_eq!(body["schemas"], json!([USER, ENTERPRISE]));
    assert!(body.get("title").is_none());
}

#[test]
fn a_modification_that_fails_in_the_middle_changes_nothing() {
    let asked = Asked::strict();
    let id = asked.user("bjensen", &json!({ "title": "Clerk" }));
    let before = asked.get(&format!("/Users/{id}")).value();
    let failing = [
        json!({ "op": "replace", "path": "active", "value": "soon" }),
        json!({ "op": "replace", "path": "emails[type eq \"work\"].value", "value": "x" }),
        json!({ "op": "remove", "path": "userName" }),
        json!({ "op": "add", "path": "shoeSize", "value": 42 }),
    ];
    for second in failing {
        let operations = json!([{ "op": "replace", "path": "title", "value": "Chief" }, second]);
        let response = asked.patch(&format!("/Users/{id}"), &operations);
        assert!(refusal(&response).starts_with("400 "), "{operations}");
        assert_eq!(asked.get(&format!("/Users/{id}")).value(), before, "{operations}");
    }
}

#[test]
fn what_is_read_only_cannot_be_modified() {
    let asked = Asked::strict();
    let id = asked.user("bjensen", &json!({}));
    for (path, value) in
        [("id", json!("x")), ("meta.version", json!("W/\"9\"")), ("groups", json!([{ "value": "x" }]))]
    {
        let operations = json!([{ "op": "replace", "path": path, "value": value }]);
        assert_eq!(refusal(&asked.patch(&format!("/Users/{id}"), &operations)), "400 mutability", "{path}");
    }
}

#[test]
fn a_user_name_cannot_be_taken_by_a_change_either() {
    let asked = Asked::strict();
    asked.user("first", &json!({}));
    let id = asked.user("second", &json!({}));
    let rename = json!([{ "op": "replace", "path": "userName", "value": "FIRST" }]);
    assert_eq!(refusal(&asked.patch(&format!("/Users/{id}"), &rename)), "409 uniqueness");
    let body = json!({ "schemas": [USER], "userName": "First" });
    assert_eq!(refusal(&asked.put(&format!("/Users/{id}"), &body)), "409 uniqueness");
    assert_eq!(
        asked.put(&format!("/Users/{id}"), &json!({ "schemas": [USER], "userName": "SECOND" })).status,
        200
    );
}

#[test]
fn a_deleted_user_is_gone_and_its_name_is_free() {
    let asked = Asked::strict();
    let id = asked.user("bjensen", &json!({}));
    let response = asked.delete(&format!("/Users/{id}"));
    assert_eq!((response.status, response.body), (204, None));
    assert_eq!(refusal(&asked.get(&format!("/Users/{id}"))), "404");
    assert_eq!(refusal(&asked.delete(&format!("/Users/{id}"))), "404");
    assert_ne!(asked.user("bjensen", &json!({})), id);
}

#[test]
fn a_change_to_a_version_that_is_no_more_is_refused() {
    let asked = Asked::strict();
    let id = asked.user("bjensen", &json!({}));
    assert_eq!(asked.ask(&conditional(Method::Put, &id, "W/\"1\"")).status, 200);
    assert_eq!(refusal(&asked.ask(&conditional(Method::Put, &id, "W/\"1\""))), "412");
    assert_eq!(refusal(&asked.ask(&conditional(Method::Delete, &id, "W/\"1\""))), "412");
    assert_eq!(asked.ask(&conditional(Method::Delete, &id, "*")).status, 204);
}

#[test]
fn a_reader_who_has_the_version_is_not_sent_it_again() {
    let asked = Asked::strict();
    let id = asked.user("bjensen", &json!({}));
    let request = Request {
        if_none_match: Some("W/\"1\"".to_owned()),
        ..Request::new(Method::Get, &format!("/v2/Users/{id}"))
    };
    let response = asked.ask(&request);
    assert_eq!((response.status, response.body.as_deref()), (304, None));
    assert_eq!(response.header("ETag"), Some("W/\"1\""));
    asked.ask(&conditional(Method::Put, &id, "*"));
    assert_eq!(asked.ask(&request).status, 200);
}

/// scim2-models 0.12 sends extensions this way; RFC 7643 section 3 has `schemas` in the resource only.
#[test]
fn schemas_repeated_inside_an_extension_are_passed_over() {
    let asked = Asked::strict();
    let extension = json!({ "schemas": [ENTERPRISE], "department": "Tools" });
    let id = asked.user("bjensen", &json!({ ENTERPRISE: extension }));
    for op in ["add", "replace"] {
        let operations = json!([{ "op": op, "path": ENTERPRISE, "value": extension }]);
        let response = asked.patch(&format!("/Users/{id}"), &operations);
        assert_eq!(response.status, 200, "{op}");
        assert_eq!(response.value()[ENTERPRISE], json!({ "department": "Tools" }), "{op}");
    }
}

#[test]
fn a_body_that_is_no_patch_is_refused() {
    let asked = Asked::strict();
    let id = asked.user("bjensen", &json!({}));
    let patch = |body: &Value| {
        refusal(&asked.ask(&Request::new(Method::Patch, &format!("/v2/Users/{id}")).with_json(body)))
    };
    assert!(patch(&json!({ "Operations": "none" })).starts_with("400 "));
    assert!(patch(&json!({ "Operations": [{ "op": "increment", "path": "title" }] })).starts_with("400 "));
    assert!(patch(&json!({ "Operations": [{ "op": "remove" }] })).starts_with("400 "));
}
