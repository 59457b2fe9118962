//! Methods, media types, budgets, and where ServiceProviderConfig is.

use super::{play, provider, users};
use crate::support::{Asked, USER, refusal};
use scimwright_profile::{ContentType, ProviderQuirks, ResourceQuirks, Update};
use scimwright_sandbox::{Manners, Method, Plays, Refusal, Request, RetryAfter, Rule};
use serde_json::{Value, json};

fn quirks() -> ProviderQuirks {
    ProviderQuirks::default()
}

fn title() -> Value {
    json!([{ "op": "replace", "path": "title", "value": "x" }])
}

#[test]
fn a_provider_without_quirks_follows_the_rfcs() {
    let asked = play(Plays::default());
    let id = asked.user("Ann", &json!({}));
    let group = asked.group("Tools", &[&id]);
    assert_eq!(asked.get("/ServiceProviderConfig").status, 200);
    assert_eq!(asked.patch(&format!("/Users/{id}"), &title()).value()["title"], "x");
    let body = json!({ "schemas": [USER], "userName": "Ann" });
    assert_eq!(asked.put(&format!("/Users/{id}"), &body).status, 200);
    let remove = json!([{ "op": "remove", "path": format!("members[value eq \"{id}\"]") }]);
    assert!(asked.patch(&format!("/Groups/{group}"), &remove).value().get("members").is_none());
    assert!(asked.found("/Users?filter=userName%20eq%20%22nobody%22", "id").is_empty());
    assert_eq!(asked.delete(&format!("/Users/{id}")).status, 204);
    assert!(asked.provider.stats().broken_rules.is_empty());
}

#[test]
fn only_the_media_type_of_the_provider_is_taken() {
    let asked = provider(ProviderQuirks { content_type: ContentType::Json, ..quirks() });
    let body = json!({ "schemas": [USER], "userName": "ann" });
    let response = asked.post("/Users", &body);
    assert_eq!((refusal(&response).as_str(), response.media_type), ("415", "application/json"));
    let request = Request {
        content_type: Some("application/json; charset=utf-8".to_owned()),
        ..Request::new(Method::Post, "/v2/Users").with_json(&body)
    };
    assert_eq!(asked.ask(&request).status, 201);
    assert_eq!(asked.provider.stats().broken(Rule::ContentType), 1);
}

#[test]
fn the_configuration_is_where_the_provider_keeps_it_and_nowhere_else() {
    let asked =
        provider(ProviderQuirks { service_provider_config: "/ServiceProviderConfigs".into(), ..quirks() });
    assert_eq!(refusal(&asked.get("/ServiceProviderConfig")), "404");
    assert_eq!(asked.get("/ServiceProviderConfigs").value()["patch"]["supported"], true);
    assert_eq!(asked.provider.stats().broken(Rule::ServiceProviderConfig), 1);
}

#[test]
fn a_method_that_is_missing_is_refused_in_the_providers_manner() {
    let without_patch = |refusal| {
        let manners = Manners { refusal, ..Manners::default() };
        let provider = ProviderQuirks { patch: Some(false), ..quirks() };
        play(Plays { provider, manners, ..Plays::default() })
    };
    for (manner, expected) in [(Refusal::NotImplemented, "501"), (Refusal::MethodNotAllowed, "405")] {
        let asked = without_patch(manner);
        let id = asked.user("ann", &json!({}));
        let response = asked.patch(&format!("/Users/{id}"), &title());
        assert_eq!(refusal(&response), expected);
        let allow = (expected == "405").then_some("GET, PUT, DELETE");
        assert_eq!(response.header("Allow"), allow);
        assert_eq!(asked.get("/ServiceProviderConfig").value()["patch"]["supported"], false);
    }
}

#[test]
fn resources_are_updated_by_the_one_method_they_have() {
    let statuses = |update| {
        let asked = users(ResourceQuirks { update, ..ResourceQuirks::default() });
        let id = asked.user("ann", &json!({}));
        let body = json!({ "schemas": [USER], "userName": "ann" });
        let target = format!("/Users/{id}");
        (asked.put(&target, &body).status, asked.patch(&target, &title()).status)
    };
    assert_eq!(statuses(Update::Put), (200, 501));
    assert_eq!(statuses(Update::Patch), (501, 200));
    assert_eq!(statuses(Update::Declared), (200, 200));
}

/// A provider that takes two writes a minute and three reads a second.
fn hurried(retry_after: RetryAfter) -> Asked {
    let provider = ProviderQuirks {
        writes: Some("2/min".parse().unwrap()),
        reads: Some("3/s".parse().unwrap()),
        ..quirks()
    };
    let manners = Manners { retry_after, ..Manners::default() };
    play(Plays { provider, manners, ..Plays::default() })
}

#[test]
fn what_exceeds_a_budget_waits_as_long_as_it_is_told() {
    let mut asked = hurried(RetryAfter::Seconds);
    asked.user("a", &json!({}));
    asked.user("b", &json!({}));
    let body = json!({ "schemas": [USER], "userName": "c" });
    let response = asked.post("/Users", &body);
    assert_eq!((refusal(&response).as_str(), response.header("Retry-After")), ("429", Some("30")));
    asked.now = "2026-01-01T00:00:29Z";
    assert_eq!(asked.post("/Users", &body).header("Retry-After"), Some("1"));
    asked.now = "2026-01-01T00:00:30Z";
    assert_eq!(asked.post("/Users", &body).status, 201);
    let stats = asked.provider.stats();
    assert_eq!((stats.throttled(), stats.broken(Rule::Writes)), (2, 2));
}

#[test]
fn reads_and_writes_have_budgets_of_their_own_and_a_search_reads() {
    let asked = hurried(RetryAfter::Date);
    asked.user("a", &json!({}));
    asked.get("/Users");
    asked.get("/ServiceProviderConfig");
    assert_eq!(asked.post("/Users/.search", &json!({})).status, 200);
    let response = asked.get("/Users");
    assert_eq!(refusal(&response), "429");
    assert_eq!(response.header("Retry-After"), Some("Thu, 01 Jan 2026 00:00:02 GMT"));
    asked.user("b", &json!({}));
}
