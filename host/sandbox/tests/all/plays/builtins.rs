//! The profiles that come with scimwright, played.

use super::play;
use crate::support::{Asked, GROUP, USER, refusal};
use scimwright_profile::Profile;
use scimwright_sandbox::{Method, Plays, Request, Response, Rule};
use serde_json::{Value, json};

fn played(name: &str) -> Asked {
    play(Plays::of(Profile::builtin(name).unwrap()))
}

/// Sends a body as the media type that every provider takes.
fn send(asked: &Asked, method: Method, target: &str, body: &Value) -> Response {
    let content_type = Some("application/json".to_owned());
    asked.ask(&Request { content_type, ..Request::new(method, &format!("/v2{target}")).with_json(body) })
}

fn person(user_name: &str) -> Value {
    json!({
        "schemas": [USER],
        "userName": user_name,
        "displayName": "Ann Ek",
        "name": { "givenName": "Ann", "familyName": "Ek", "formatted": "Ann Ek" },
        "emails": [{ "value": "ann@example.com", "type": "work", "primary": true }],
    })
}

#[test]
fn every_profile_can_be_played_and_takes_a_whole_person_and_a_group() {
    for profile in Profile::builtins() {
        let asked = play(Plays::of(profile));
        let person = send(&asked, Method::Post, "/Users", &person("ann@example.com"));
        assert_eq!(person.status, 201, "{}: {}", profile.name(), person.value());
        let group = json!({ "schemas": [GROUP], "displayName": "Tools" });
        assert_eq!(send(&asked, Method::Post, "/Groups", &group).status, 201, "{}", profile.name());
        let config = asked.get(&profile.provider_quirks().service_provider_config);
        assert_eq!(config.status, 200, "{}", profile.name());
        assert!(asked.provider.stats().broken_rules.is_empty(), "{}", profile.name());
    }
}

#[test]
fn aws_shows_no_members_and_changes_them_one_by_one() {
    let asked = played("aws-iam-identity-center");
    let user = send(&asked, Method::Post, "/Users", &person("ann")).value();
    let group = json!({ "schemas": [GROUP], "displayName": "Tools" });
    let group = send(&asked, Method::Post, "/Groups", &group).value();
    let target = format!("/Groups/{}", group["id"].as_str().unwrap());
    let member = json!([{ "value": user["id"] }]);
    let patch = |operation: Value| asked.patch(&target, &json!([operation]));
    assert_eq!(patch(json!({ "op": "add", "path": "members", "value": member })).status, 200);
    assert!(asked.get(&target).value().get("members").is_none());
    let filter =
        format!("/Groups?filter=members.value%20eq%20{}", user["id"].to_string().replace('"', "%22"));
    assert_eq!(asked.found(&filter, "displayName"), ["Tools"]);
    let replace = json!({ "op": "replace", "path": "members", "value": [] });
    assert_eq!(refusal(&patch(replace)), "400 invalidValue");
    assert_eq!(asked.provider.stats().broken(Rule::MembersAsAWhole), 1);
}
