//! POST to `/Users` (RFC 7644 section 3.3), and what the schemas let through.

use crate::support::{Asked, ENTERPRISE, USER, refusal};
use serde_json::{Value, json};

fn user_with(more: &Value) -> Value {
    let mut body = json!({ "schemas": [USER], "userName": "bjensen" });
    for (name, value) in more.as_object().unwrap() {
        body[name] = value.clone();
    }
    body
}

#[test]
fn a_created_user_is_answered_with_its_id_its_place_and_its_version() {
    let asked = Asked::strict();
    let response = asked.post("/Users", &user_with(&json!({ "externalId": "E1" })));
    assert_eq!(response.status, 201);
    let body = response.value();
    let id = body["id"].as_str().unwrap();
    let location = format!("https://scim.example/v2/Users/{id}");
    assert_eq!(response.header("Location"), Some(location.as_str()));
    assert_eq!(response.header("ETag"), Some("W/\"1\""));
    assert_eq!(
        body["meta"],
        json!({
            "resourceType": "User",
            "created": "2026-01-01T00:00:00Z",
            "lastModified": "2026-01-01T00:00:00Z",
            "version": "W/\"1\"",
            "location": location,
        })
    );
    assert_eq!(asked.get(&format!("/Users/{id}")).value(), body);
}

#[test]
fn what_only_the_provider_may_set_is_ignored() {
    let asked = Asked::strict();
    let body = asked
        .post(
            "/Users",
            &user_with(&json!({
                "id": "mine",
                "meta": { "version": "W/\"9\"" },
                "groups": [{ "value": "g1" }],
            })),
        )
        .value();
    assert_ne!(body["id"], "mine");
    assert_eq!(body["meta"]["version"], "W/\"1\"");
    assert!(body.get("groups").is_none());
}

#[test]
fn a_password_is_accepted_and_never_seen_again() {
    let asked = Asked::strict();
    let response = asked.post("/Users", &user_with(&json!({ "password": "correct horse" })));
    assert_eq!(response.status, 201);
    assert!(response.value().get("password").is_none());
    let id = response.value()["id"].as_str().unwrap().to_owned();
    assert!(asked.get(&format!("/Users/{id}?attributes=password")).value().get("password").is_none());
    assert!(asked.found("/Users?filter=password%20pr", "id").is_empty());
}

#[test]
fn a_user_name_that_differs_only_in_case_is_a_conflict() {
    let asked = Asked::strict();
    asked.user("bjensen", &json!({}));
    let response = asked.post("/Users", &json!({ "schemas": [USER], "userName": "BJensen" }));
    assert_eq!(refusal(&response), "409 uniqueness");
}

#[test]
fn names_are_stored_in_the_schemas_spelling() {
    let asked = Asked::strict();
    let body = asked
        .post(
            "/Users",
            &json!({
                "SCHEMAS": [USER],
                "USERNAME": "b",
                "Name": { "GIVENNAME": "B" },
                "emails": [{ "VALUE": "b@x" }],
            }),
        )
        .value();
    assert_eq!(body["userName"], "b");
    assert_eq!(body["name"], json!({ "givenName": "B" }));
    assert_eq!(body["emails"], json!([{ "value": "b@x" }]));
}

#[test]
fn the_schemas_of_a_resource_are_those_it_has_attributes_of() {
    let asked = Asked::strict();
    let extended =
        user_with(&json!({ "schemas": [USER, ENTERPRISE], ENTERPRISE: { "department": "Tools" } }));
    assert_eq!(asked.post("/Users", &extended).value()["schemas"], json!([USER, ENTERPRISE]));
    let plain = json!({ "schemas": [USER, ENTERPRISE], "userName": "other" });
    assert_eq!(asked.post("/Users", &plain).value()["schemas"], json!([USER]));
}

#[test]
fn null_and_the_empty_list_are_no_values() {
    let asked = Asked::strict();
    let body = asked.post("/Users", &user_with(&json!({ "title": null, "emails": [], "name": {} }))).value();
    for name in ["title", "emails", "name"] {
        assert!(body.get(name).is_none(), "{name}");
    }
}

#[test]
fn what_no_schema_allows_is_refused() {
    let asked = Asked::strict();
    let cases = [
        (json!({ "shoeSize": 42 }), "400 invalidSyntax"),
        (json!({ "name": { "nick": "B" } }), "400 invalidSyntax"),
        (json!({ "urn:example:2.0:User": { "a": 1 } }), "400 invalidSyntax"),
        (json!({ "USERNAME": "again" }), "400 invalidSyntax"),
        (json!({ "schemas": [] }), "400 invalidValue"),
        (json!({ "schemas": [USER, "urn:example:2.0:User"] }), "400 invalidValue"),
        (json!({ "userName": null }), "400 invalidValue"),
        (json!({ "userName": " " }), "400 invalidValue"),
        (json!({ "userName": 7 }), "400 invalidValue"),
        (json!({ "active": "true" }), "400 invalidValue"),
        (json!({ "name": "Barbara" }), "400 invalidValue"),
        (json!({ "title": ["a"] }), "400 invalidValue"),
        (json!({ "emails": { "value": "b@x" } }), "400 invalidValue"),
        (json!({ "emails": ["b@x"] }), "400 invalidValue"),
        (json!({ "emails": [{ "primary": true }, { "primary": true }] }), "400 invalidValue"),
        (json!({ "externalId": 1 }), "400 invalidValue"),
    ];
    for (more, expected) in cases {
        assert_eq!(refusal(&asked.post("/Users", &user_with(&more))), expected, "{more}");
    }
    assert_eq!(asked.get("/Users").value()["totalResults"], 0);
}

#[test]
fn a_refusal_names_the_attribute() {
    let asked = Asked::strict();
    let detail = |more: Value| asked.post("/Users", &user_with(&more)).value()["detail"].clone();
    assert_eq!(
        detail(json!({ "name": { "givenName": 1 } })),
        "`name.givenName` has to be a string, not a number"
    );
    assert_eq!(detail(json!({ "shoeSize": 42 })), "no schema of User declares `shoeSize`");
    assert_eq!(detail(json!({ "userName": null })), "`userName` is required");
}

#[test]
fn a_tolerant_provider_drops_what_it_does_not_know_and_reads_what_was_meant() {
    let asked = Asked::tolerant();
    let response = asked.post(
        "/Users",
        &json!({ "userName": "b", "shoeSize": 42, "active": "True", "emails": { "value": "b@x" } }),
    );
    assert_eq!(response.status, 201, "{:?}", response.value());
    let body = response.value();
    assert!(body.get("shoeSize").is_none());
    assert_eq!(body["active"], true);
    assert_eq!(body["emails"], json!([{ "value": "b@x" }]));
    assert_eq!(refusal(&asked.post("/Users", &json!({}))), "400 invalidValue", "userName stays required");
}

#[test]
fn the_answer_to_a_creation_may_be_cut_short() {
    let asked = Asked::strict();
    let body = asked.post("/Users?attributes=userName", &user_with(&json!({ "title": "Chief" }))).value();
    assert_eq!(body["userName"], "bjensen");
    assert!(body.get("title").is_none() && body.get("id").is_some());
}
