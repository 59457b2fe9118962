//! Many operations in one request (RFC 7644 section 3.7).

use crate::support::{Asked, GROUP, PATCH_OP, USER, refusal};
use scimwright_sandbox::{BulkLimits, Capabilities, SandboxOptions};
use serde_json::{Value, json};
use std::num::NonZeroUsize;

const BULK: &str = "urn:ietf:params:scim:api:messages:2.0:BulkRequest";

fn bulk(asked: &Asked, operations: &Value) -> Value {
    let response = asked.post("/Bulk", &json!({ "schemas": [BULK], "Operations": operations }));
    assert_eq!(response.status, 200, "{}", response.value());
    response.value()["Operations"].clone()
}

fn user(bulk_id: &str, user_name: &str) -> Value {
    json!({
        "method": "POST", "path": "/Users", "bulkId": bulk_id,
        "data": { "schemas": [USER], "userName": user_name },
    })
}

fn group(bulk_id: &str, display_name: &str, member: &str) -> Value {
    json!({
        "method": "POST", "path": "/Groups", "bulkId": bulk_id,
        "data": { "schemas": [GROUP], "displayName": display_name, "members": [{ "value": member }] },
    })
}

fn statuses(results: &Value) -> Vec<&str> {
    results.as_array().unwrap().iter().map(|it| it["status"].as_str().unwrap()).collect()
}

#[test]
fn each_operation_is_answered_as_it_would_be_alone() {
    let asked = Asked::strict();
    let [kept, gone] = ["kept", "gone"].map(|name| asked.user(name, &json!({})));
    let results = bulk(
        &asked,
        &json!([
            user("new", "new"),
            { "method": "PUT", "path": format!("/Users/{kept}"), "bulkId": "put",
              "data": { "schemas": [USER], "userName": "kept", "title": "Clerk" } },
            { "method": "PATCH", "path": format!("/Users/{kept}"),
              "data": { "schemas": [PATCH_OP], "Operations": [{ "op": "remove", "path": "title" }] } },
            { "method": "DELETE", "path": format!("/Users/{gone}") },
            user("again", "NEW"),
            { "method": "DELETE", "path": "/Users/nobody" },
        ]),
    );
    assert_eq!(statuses(&results), ["201", "200", "200", "204", "409", "404"]);
    let id = asked.get("/Users?filter=userName%20eq%20%22new%22").value()["Resources"][0]["id"].clone();
    let location = |id: &str| format!("https://scim.example/v2/Users/{id}");
    assert_eq!(
        results[0],
        json!({ "location": location(id.as_str().unwrap()), "method": "POST", "bulkId": "new",
                "version": "W/\"1\"", "status": "201" })
    );
    assert_eq!(results[1]["version"], "W/\"2\"");
    assert_eq!(results[3], json!({ "location": location(&gone), "method": "DELETE", "status": "204" }));
    assert_eq!(results[4]["response"]["scimType"], "uniqueness");
    assert!(results[4].get("location").is_none(), "a create that failed has no place");
    assert_eq!(asked.provider.stats().writes(), 3, "a bulk request is one request");
}

#[test]
fn operations_refer_to_what_others_create_before_and_after_them() {
    let asked = Asked::strict();
    let results = bulk(
        &asked,
        &json!([
            group("outer", "Outer", "bulkId:inner"),
            group("inner", "Inner", "bulkId:ann"),
            user("ann", "ann"),
            { "method": "PATCH", "path": "/Users/bulkId:ann",
              "data": { "schemas": [PATCH_OP], "Operations": [{ "op": "add", "path": "title", "value": "x" }] } },
        ]),
    );
    let ids: Vec<_> = results.as_array().unwrap().iter().map(|it| it["bulkId"].as_str()).collect();
    assert_eq!(ids, [Some("ann"), Some("inner"), Some("outer"), None]);
    assert_eq!(statuses(&results), ["201", "201", "201", "200"]);
    let ann = asked.get("/Users").value()["Resources"][0].clone();
    assert_eq!(ann["title"], "x");
    let groups: Vec<_> = ann["groups"].as_array().unwrap().iter().map(|it| &it["display"]).collect();
    assert_eq!(groups, ["Inner", "Outer"]);
}

#[test]
fn a_circle_of_references_is_refused_and_nothing_is_created() {
    let asked = Asked::strict();
    let operations = json!([user("ann", "ann"), group("a", "A", "bulkId:b"), group("b", "B", "bulkId:a")]);
    let response = asked.post("/Bulk", &json!({ "schemas": [BULK], "Operations": operations }));
    assert_eq!(refusal(&response), "409");
    assert_eq!(asked.get("/").value()["totalResults"], 0);
}

#[test]
fn what_refers_to_a_creation_that_failed_fails_as_well() {
    let asked = Asked::strict();
    asked.user("ann", &json!({}));
    let results = bulk(
        &asked,
        &json!([user("ann", "ann"), group("a", "A", "bulkId:ann"), group("b", "B", "bulkId:nobody")]),
    );
    assert_eq!(statuses(&results), ["409", "400", "400"]);
    assert!(results[1]["response"]["detail"].as_str().unwrap().contains("bulkId:ann"));
}

#[test]
fn a_request_ends_once_it_has_as_many_failures_as_it_allows() {
    let asked = Asked::strict();
    let operations = json!([user("a", "same"), user("b", "same"), user("c", "same"), user("d", "other")]);
    let stopped = |most: u32| {
        let body = json!({ "schemas": [BULK], "failOnErrors": most, "Operations": operations });
        statuses(&asked.post("/Bulk", &body).value()["Operations"]).len()
    };
    assert_eq!(stopped(1), 2);
    assert_eq!(stopped(2), 2, "the first is taken as well now");
    assert_eq!(stopped(4), 4);
}

#[test]
fn an_operation_is_held_to_the_version_it_names() {
    let asked = Asked::strict();
    let id = asked.user("ann", &json!({}));
    let put = |version: &str| {
        json!([{ "method": "PUT", "path": format!("/Users/{id}"), "version": version,
                 "data": { "schemas": [USER], "userName": "ann", "title": version } }])
    };
    assert_eq!(statuses(&bulk(&asked, &put("W/\"1\""))), ["200"]);
    assert_eq!(statuses(&bulk(&asked, &put("W/\"1\""))), ["412"]);
}

#[test]
fn an_operation_that_makes_no_sense_fails_alone() {
    let asked = Asked::strict();
    let mut unnamed = user("x", "unnamed");
    unnamed.as_object_mut().unwrap().remove("bulkId");
    let results = bulk(
        &asked,
        &json!([
            unnamed,
            user("ann", "ann"),
            user("ann", "bob"),
            { "method": "POST", "bulkId": "b", "path": "/Bulk", "data": {} },
            { "method": "POST", "bulkId": "c", "path": "/Users/.search", "data": {} },
            { "method": "DELETE", "path": "/Schemas" },
        ]),
    );
    assert_eq!(statuses(&results), ["400", "201", "400", "400", "400", "400"]);
    assert_eq!(asked.found("/Users", "userName"), ["ann"]);
}

#[test]
fn the_declared_limits_hold() {
    let size = |number| NonZeroUsize::new(number).unwrap();
    let limits = BulkLimits { max_operations: size(2), max_payload_bytes: size(500) };
    let asked = Asked::new(&SandboxOptions { bulk: limits, ..SandboxOptions::default() });
    let declared = asked.get("/ServiceProviderConfig").value()["bulk"].clone();
    assert_eq!(declared, json!({ "supported": true, "maxOperations": 2, "maxPayloadSize": 500 }));
    let send =
        |operations: &Value| asked.post("/Bulk", &json!({ "schemas": [BULK], "Operations": operations }));
    let response = send(&json!([user("a", "a"), user("b", "b"), user("c", "c")]));
    assert_eq!(refusal(&response), "413");
    assert!(response.value()["detail"].as_str().unwrap().contains("maxOperations"));
    let response = send(&json!([user("a", &"a".repeat(500))]));
    assert_eq!(refusal(&response), "413");
    assert!(response.value()["detail"].as_str().unwrap().contains("maxPayloadSize"));
    assert_eq!(send(&json!([user("a", "a"), user("b", "b")])).status, 200);
    // What no body may exceed, no bulk request may exceed either.
    let small = Asked::new(&SandboxOptions { max_body_bytes: 300, ..SandboxOptions::default() });
    assert_eq!(small.get("/ServiceProviderConfig").value()["bulk"]["maxPayloadSize"], 300);
}

#[test]
fn bulk_can_be_missing() {
    let capabilities = Capabilities { bulk: false, ..Capabilities::default() };
    let asked = Asked::new(&SandboxOptions { capabilities, ..SandboxOptions::default() });
    assert_eq!(asked.get("/ServiceProviderConfig").value()["bulk"]["supported"], false);
    assert_eq!(refusal(&asked.post("/Bulk", &json!({ "Operations": [] }))), "501");
}
