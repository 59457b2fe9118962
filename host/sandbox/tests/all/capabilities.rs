//! What can be missing, and what can be declared wrongly.

use crate::support::{Asked, USER, refusal};
use scimwright_sandbox::{Capabilities, Method, Request, SandboxOptions};
use serde_json::json;

const NOTHING: Capabilities =
    Capabilities { patch: false, filter: false, sort: false, etag: false, bulk: false };

fn asked(works: Capabilities, declares: Option<Capabilities>) -> Asked {
    Asked::new(&SandboxOptions { capabilities: works, declares, ..SandboxOptions::default() })
}

/// What is declared as supported, in the order of the RFC.
fn declared(asked: &Asked) -> Vec<&'static str> {
    let config = asked.get("/ServiceProviderConfig").value();
    let names = ["patch", "bulk", "filter", "sort", "etag"];
    names.into_iter().filter(|name| config[*name]["supported"] == true).collect()
}

#[test]
fn what_is_missing_is_not_declared_and_answered_with_501() {
    let asked = asked(NOTHING, None);
    assert!(declared(&asked).is_empty());
    let id = asked.user("ann", &json!({}));
    let operations = json!([{ "op": "replace", "path": "title", "value": "x" }]);
    assert_eq!(refusal(&asked.patch(&format!("/Users/{id}"), &operations)), "501");
    assert_eq!(refusal(&asked.get("/Users?filter=title%20pr")), "501");
    assert_eq!(refusal(&asked.post("/Users/.search", &json!({ "filter": "title pr" }))), "501");
    assert_eq!(refusal(&asked.get("/Users?sortBy=title")), "501");
    assert_eq!(refusal(&asked.post("/Bulk", &json!({ "Operations": [] }))), "501");
    assert_eq!(asked.get("/Users").status, 200);
}

#[test]
fn a_capability_can_be_declared_that_does_not_work() {
    let asked = asked(NOTHING, Some(Capabilities::default()));
    assert_eq!(declared(&asked), ["patch", "bulk", "filter", "sort", "etag"]);
    let id = asked.user("ann", &json!({}));
    let operations = json!([{ "op": "replace", "path": "title", "value": "x" }]);
    assert_eq!(refusal(&asked.patch(&format!("/Users/{id}"), &operations)), "501");
    assert_eq!(refusal(&asked.get("/Users?filter=title%20pr")), "501");
}

#[test]
fn a_capability_can_work_that_is_not_declared() {
    let asked = asked(Capabilities::default(), Some(NOTHING));
    assert!(declared(&asked).is_empty());
    asked.user("ann", &json!({ "title": "x" }));
    assert_eq!(asked.found("/Users?filter=title%20pr", "userName"), ["ann"]);
}

#[test]
fn without_entity_tags_there_is_no_version_and_conditions_are_passed_over() {
    let asked = asked(Capabilities { etag: false, ..Capabilities::default() }, None);
    let id = asked.user("ann", &json!({}));
    let response = asked.get(&format!("/Users/{id}"));
    assert_eq!(response.header("ETag"), None);
    assert!(response.value()["meta"].get("version").is_none());
    let put = Request::new(Method::Put, &format!("/v2/Users/{id}"))
        .with_json(&json!({ "schemas": [USER], "userName": "ann", "title": "x" }));
    let request = Request { if_match: Some("W/\"no such version\"".to_owned()), ..put };
    assert_eq!(asked.ask(&request).status, 200);
}

#[test]
fn entity_tags_that_are_declared_and_do_not_work_change_with_every_answer_and_never_hold() {
    let works = Capabilities { etag: false, ..Capabilities::default() };
    let asked = asked(works, Some(Capabilities::default()));
    let id = asked.user("ann", &json!({}));
    let read = || {
        let response = asked.get(&format!("/Users/{id}"));
        let tag = response.header("ETag").unwrap().to_owned();
        assert_eq!(response.value()["meta"]["version"], tag.as_str());
        tag
    };
    let tag = read();
    assert_ne!(read(), tag);
    let put = Request::new(Method::Put, &format!("/v2/Users/{id}"))
        .with_json(&json!({ "schemas": [USER], "userName": "ann" }));
    assert_eq!(refusal(&asked.ask(&Request { if_match: Some(read()), ..put.clone() })), "412");
    assert_eq!(asked.ask(&put).status, 200);
}
