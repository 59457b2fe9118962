//! The provider as a whole: what is wanted goes in, and the provider's habits are met.

use crate::double::{Double, Meddling};
use crate::support::settings;
use scimwright_client::provider::calls::Done;
use scimwright_client::provider::create::Creation;
use scimwright_client::provider::find::Found;
use scimwright_client::{
    Deleted, Failure, Kind, OperationOutcome, Pace, Provider, ProviderSettings, Timeouts,
};
use scimwright_profile::{
    Deletion, MemberRemoval, Profile, ProviderQuirks, ResourceQuirks, Update, Verification,
};
use scimwright_sandbox::{Capabilities, Manners, Method, Normalises, OddRemoval, Plays, SandboxOptions};
use scimwright_scim::{AttributePath, BulkMethod, BulkOperation, Desired};
use serde_json::{Value, json};
use std::time::Duration;
use wiremock::ResponseTemplate;

fn provider_at(double: &Double) -> Provider {
    with_profile(double, Profile::default())
}

fn with_profile(double: &Double, profile: Profile) -> Provider {
    let ms = Duration::from_millis;
    let timeouts = Timeouts { connect: ms(500), read: ms(600), request: ms(700) };
    // Budgets are kept in tests of their own; here they would only cost time.
    let plenty = Some("100000/s".parse().unwrap());
    let pace = Pace { reads: plenty, writes: plenty, ..Pace::default() };
    let settings = ProviderSettings { timeouts, pace, ..settings(&double.url()) };
    Provider::new(settings, profile).unwrap()
}

async fn kind(provider: &Provider, name: &str) -> Kind {
    provider.kind(name).await.unwrap().unwrap()
}

/// The kind with other quirks than the profile's.
async fn kind_with(provider: &Provider, name: &str, quirks: ResourceQuirks) -> Kind {
    Kind { quirks, ..kind(provider, name).await }
}

fn desired(value: Value) -> Desired {
    serde_json::from_value(value).unwrap()
}

fn paths(names: &[&str]) -> Vec<AttributePath> {
    names.iter().map(|name| AttributePath::parse(name).unwrap()).collect()
}

fn jdoe() -> Desired {
    desired(json!({"userName": "jdoe", "externalId": "E1", "title": "Engineer"}))
}

fn members(ids: impl IntoIterator<Item = String>) -> Value {
    ids.into_iter().map(|id| json!({"value": id})).collect()
}

/// People that groups can hold.
fn people(double: &Double, count: usize) -> Vec<String> {
    (0..count)
        .map(|number| {
            let body = json!({
                "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "userName": format!("u{number}"),
            });
            double.elsewhere(Method::Post, "/v2/Users", &body)["id"].as_str().unwrap().to_owned()
        })
        .collect()
}

fn held(group: &Value) -> usize {
    group["members"].as_array().map_or(0, Vec::len)
}

/// Point 6: an empty diff sends nothing.
#[tokio::test]
async fn what_is_provisioned_twice_is_sent_once() {
    let double = Double::plain(SandboxOptions::default()).await;
    let acme = provider_at(&double);
    let users = kind(&acme, "User").await;
    let match_by = paths(&["externalId", "userName"]);
    let first = acme.provision(&users, jdoe(), &match_by, None).await.unwrap();
    assert_eq!((first.done, double.writes()), (Done::Created, 1));
    double.forget_lines();

    let again = acme.provision(&users, jdoe(), &match_by, Some(&first.known)).await.unwrap();
    assert!(!again.wrote());
    assert_eq!(double.log(), [""; 0], "nothing is asked either");
    let without_memory = acme.provision(&users, jdoe(), &match_by, None).await.unwrap();
    assert!(!without_memory.wrote());
    assert_eq!(double.log(), ["GET /v2/Users"]);

    let changed = desired(json!({"userName": "jdoe", "externalId": "E1", "title": "Head of Engineering"}));
    let changed = acme.provision(&users, changed, &match_by, Some(&again.known)).await.unwrap();
    assert_eq!((changed.done, double.writes()), (Done::Updated, 1));
    let refused = acme.provision_new(&users, jdoe(), &match_by).await.unwrap_err();
    assert!(matches!(refused.kind, Failure::Conflict(_)), "{refused}");
    assert_eq!(double.all("/Users").len(), 1);
}

/// Point 5: a value that the provider normalises is not written for ever.
#[tokio::test]
async fn a_provider_that_rewrites_values_is_left_in_peace() {
    let normalises = Normalises { user_name_in_lower_case: true, one_email: true, display_name: true };
    let manners = Manners { normalises, ..Manners::default() };
    let double = Double::playing(Plays { manners, ..Plays::default() }).await;
    let acme = provider_at(&double);
    let users = kind(&acme, "User").await;
    let wanted = desired(json!({
        "userName": "JDoe", "displayName": "J. Doe", "name": {"givenName": "Jane", "familyName": "Doe"},
        "emails": [{"value": "a@example.com", "type": "work"}, {"value": "b@example.com", "type": "home"}],
    }));
    let first = acme.provision(&users, wanted.clone(), &paths(&["userName"]), None).await.unwrap();
    assert_eq!(double.all("/Users")[0]["userName"], "jdoe");
    let mut known = first.known;
    for _ in 0..3 {
        let again = acme.provision(&users, wanted.clone(), &[], Some(&known)).await.unwrap();
        known = again.known;
    }
    assert_eq!(double.writes(), 1);
}

/// Point 2: a declared capability is a hint. Downgrade on 501, say so once, restore on a fresh discovery.
#[tokio::test]
async fn patch_that_is_declared_and_refused_becomes_put_until_the_provider_is_asked_anew() {
    let double = Double::start(
        SandboxOptions {
            capabilities: Capabilities { patch: false, ..Capabilities::default() },
            declares: Some(Capabilities::default()),
            ..SandboxOptions::default()
        },
        |_, _| Meddling::Pass,
    )
    .await;
    let acme = provider_at(&double);
    let users = kind(&acme, "User").await;
    let mut known = acme.provision(&users, jdoe(), &[], None).await.unwrap().known;
    for title in ["Head", "Chief"] {
        let wanted = desired(json!({"userName": "jdoe", "externalId": "E1", "title": title}));
        known = acme.provision(&users, wanted, &[], Some(&known)).await.unwrap().known;
    }
    assert_eq!(double.all("/Users")[0]["title"], "Chief");
    assert_eq!((double.count("PATCH"), double.count("PUT")), (1, 2), "PATCH is tried once");
    let notices = acme.take_notices();
    assert_eq!(notices.len(), 1, "it is said once");
    assert!(notices[0].to_string().contains("resources are replaced by PUT"), "{}", notices[0]);

    acme.rediscover().await.unwrap();
    acme.provision(&users, jdoe(), &[], Some(&known)).await.unwrap();
    assert_eq!(double.count("PATCH"), 2, "a fresh discovery restores it");
}

/// Point 2: downgrade on 404 as well, where it is the route that is missing and not the resource.
#[tokio::test]
async fn a_missing_patch_route_is_told_from_a_missing_resource() {
    let double = Double::start(SandboxOptions::default(), |line, _| match line.method.as_str() {
        "PATCH" => Meddling::Answer(ResponseTemplate::new(404)),
        _ => Meddling::Pass,
    })
    .await;
    let acme = provider_at(&double);
    let users = kind(&acme, "User").await;
    let known = acme.provision(&users, jdoe(), &[], None).await.unwrap().known;
    let wanted = desired(json!({"userName": "jdoe", "title": "Head"}));
    let changed = acme.update(&users, &known, &wanted).await.unwrap();
    assert_eq!(double.all("/Users")[0]["title"], "Head");

    double.elsewhere(Method::Delete, &format!("/v2/Users/{}", known.id), &Value::Null);
    let error = acme.update(&users, &changed.known, &jdoe()).await.unwrap_err();
    assert!(matches!(error.kind, Failure::NotFound(_)), "{error}");
}

/// Point 13: PUT is read, merge, write: attributes we do not manage survive.
#[tokio::test]
async fn a_put_keeps_what_others_wrote() {
    let double = Double::plain(SandboxOptions::default()).await;
    let acme = provider_at(&double);
    let quirks = ResourceQuirks { update: Update::Put, ..ResourceQuirks::default() };
    let users = kind_with(&acme, "User", quirks).await;
    let known = acme.provision(&users, jdoe(), &[], None).await.unwrap().known;
    let path = format!("/v2/Users/{}", known.id);
    double.elsewhere(
        Method::Patch,
        &path,
        &json!({
            "schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
            "Operations": [{"op": "add", "path": "nickName", "value": "Jay"},
                           {"op": "add", "path": "phoneNumbers", "value": [{"value": "1", "type": "work"}]}],
        }),
    );
    let wanted = desired(json!({"userName": "jdoe", "externalId": "E1", "title": "Head"}));
    acme.update(&users, &known, &wanted).await.unwrap();
    let now = double.resource(&path);
    assert_eq!((&now["title"], &now["nickName"]), (&json!("Head"), &json!("Jay")));
    assert_eq!(now["phoneNumbers"][0]["value"], "1");
    assert_eq!(double.count("PUT"), 1);
}

/// Point 14: If-Match only when etag is declared; 412: re-read, re-diff.
#[tokio::test]
async fn a_change_by_somebody_else_is_noticed_and_kept() {
    let double = Double::plain(SandboxOptions::default()).await;
    let acme = provider_at(&double);
    let users = kind(&acme, "User").await;
    let emails = |address: &str| json!([{"value": address, "type": "work"}]);
    let wanted = |address: &str| desired(json!({"userName": "jdoe", "emails": emails(address)}));
    let known = acme.provision(&users, wanted("a@example.com"), &[], None).await.unwrap().known;
    let path = format!("/v2/Users/{}", known.id);
    double.elsewhere(
        Method::Patch,
        &path,
        &json!({
            "schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
            "Operations": [{"op": "add", "path": "title", "value": "Boss"}],
        }),
    );
    double.forget_lines();
    acme.update(&users, &known, &wanted("b@example.com")).await.unwrap();
    let patches: Vec<_> = double.lines().into_iter().filter(|line| line.method == "PATCH").collect();
    assert_eq!(patches.len(), 2, "refused, and then from what was read again");
    assert!(patches.iter().all(|patch| patch.if_match.is_some()));
    assert_ne!(patches[0].if_match, patches[1].if_match);
    let now = double.resource(&path);
    assert_eq!((&now["title"], &now["emails"][0]["value"]), (&json!("Boss"), &json!("b@example.com")));
}

/// Point 14: without a declared etag nothing is conditional, whatever headers come.
#[tokio::test]
async fn versions_that_are_not_declared_are_not_relied_on() {
    let capabilities = Capabilities { etag: false, ..Capabilities::default() };
    let options = SandboxOptions { declares: Some(capabilities), ..SandboxOptions::default() };
    let double = Double::plain(options).await;
    let acme = provider_at(&double);
    let users = kind(&acme, "User").await;
    let known = acme.provision(&users, jdoe(), &[], None).await.unwrap().known;
    acme.update(&users, &known, &desired(json!({"userName": "jdoe", "title": "Head"}))).await.unwrap();
    assert!(double.lines().iter().all(|line| line.if_match.is_none()));
}

/// Point 14: bounded tries; an ETag that is meaningless is given up.
#[tokio::test]
async fn versions_that_never_match_are_given_up_and_a_race_that_never_ends_is_an_error() {
    let refuse_versions = |line: &crate::double::Line, _: usize| match (&line.if_match, line.method.as_str())
    {
        (Some(_), "PATCH") => Meddling::Answer(ResponseTemplate::new(412)),
        _ => Meddling::Pass,
    };
    let double = Double::start(SandboxOptions::default(), refuse_versions).await;
    let acme = provider_at(&double);
    let users = kind(&acme, "User").await;
    let known = acme.provision(&users, jdoe(), &[], None).await.unwrap().known;
    acme.update(&users, &known, &desired(json!({"userName": "jdoe", "title": "Head"}))).await.unwrap();
    assert_eq!(double.all("/Users")[0]["title"], "Head");
    assert!(acme.take_notices()[0].to_string().contains("not made conditional"));

    let always = |line: &crate::double::Line, _: usize| match line.method.as_str() {
        "PATCH" => Meddling::Answer(ResponseTemplate::new(412)),
        _ => Meddling::Pass,
    };
    let double = Double::start(SandboxOptions::default(), always).await;
    let acme = provider_at(&double);
    let users = kind(&acme, "User").await;
    let known = acme.provision(&users, jdoe(), &[], None).await.unwrap().known;
    let error = acme.update(&users, &known, &desired(json!({"title": "Head"}))).await.unwrap_err();
    assert!(matches!(error.kind, Failure::PreconditionFailed(_)), "{error}");
    assert!(double.count("PATCH") <= 6, "{}", double.count("PATCH"));
}

/// Point 15: re-check what comes back; a server may ignore the filter and return everyone (canaille).
#[tokio::test]
async fn a_filter_that_is_ignored_adopts_nobody_and_costs_one_listing() {
    let ignore = |line: &crate::double::Line, _: usize| match line.query.contains("filter") {
        true => Meddling::Answer(ResponseTemplate::new(200).set_body_json(json!({
            "totalResults": 3, "Resources": [
                {"id": "1", "userName": "a"}, {"id": "2", "userName": "b"}, {"id": "3", "userName": "c"}],
        }))),
        false => Meddling::Pass,
    };
    let double = Double::start(SandboxOptions::default(), ignore).await;
    people(&double, 30);
    let acme = provider_at(&double);
    let users = kind(&acme, "User").await;
    for number in [5, 17, 29] {
        let wanted = desired(json!({"userName": format!("U{number}")}));
        let found = acme.find(&users, &paths(&["userName"]), &wanted).await.unwrap();
        let Found::One(found) = found else { panic!("{found}") };
        assert_eq!(found.to_value()["userName"], format!("u{number}"));
    }
    let nobody = acme.find(&users, &paths(&["userName"]), &jdoe()).await.unwrap();
    assert_eq!(nobody, Found::None);
    let listings = double.lines().iter().filter(|line| line.path == "/v2/Users").count();
    // One with the filter, then one listing and the look behind its end; then the index serves.
    assert_eq!(listings, 3, "{:?}", double.log());
    assert_eq!(acme.take_notices().len(), 1);
}

/// Point 15: a server may match without case and return two.
#[tokio::test]
async fn two_that_match_are_not_one_and_a_stray_one_is_none() {
    let two = |line: &crate::double::Line, _: usize| {
        match line.query.contains("filter") {
        true => Meddling::Answer(ResponseTemplate::new(200).set_body_json(json!({
            "totalResults": 2, "Resources": [{"id": "1", "externalId": "E1"}, {"id": "2", "externalId": "e1"}],
        }))),
        false => Meddling::Pass,
    }
    };
    let double = Double::start(SandboxOptions::default(), two).await;
    let acme = provider_at(&double);
    let users = kind(&acme, "User").await;
    // externalId is compared with case (RFC 7643 section 3.1), userName is not (section 4.1.1).
    let by_external_id = acme.find(&users, &paths(&["externalId"]), &jdoe()).await.unwrap();
    assert!(matches!(&by_external_id, Found::One(found) if found.id() == Some("1")), "{by_external_id}");

    let same = |line: &crate::double::Line, _: usize| {
        match line.query.contains("filter") {
        true => Meddling::Answer(ResponseTemplate::new(200).set_body_json(json!({
            "totalResults": 2, "Resources": [{"id": "1", "userName": "JDOE"}, {"id": "2", "userName": "jdoe"}],
        }))),
        false => Meddling::Pass,
    }
    };
    let double = Double::start(SandboxOptions::default(), same).await;
    let acme = provider_at(&double);
    let found = acme.find(&users, &paths(&["userName"]), &jdoe()).await.unwrap();
    assert!(matches!(&found, Found::Several { ids, .. } if ids == &["1", "2"]), "{found}");
}

/// Point 16: 409 without scimType leads to a look-up.
#[tokio::test]
async fn a_conflict_leads_to_the_resource_that_is_there() {
    let conflict = |line: &crate::double::Line, _: usize| match line.method.as_str() {
        "POST" => Meddling::Answer(ResponseTemplate::new(409).set_body_string("no")),
        _ => Meddling::Pass,
    };
    let double = Double::start(SandboxOptions::default(), conflict).await;
    let body = json!({"schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "userName": "jdoe"});
    let there = double.elsewhere(Method::Post, "/v2/Users", &body);
    let acme = provider_at(&double);
    let users = kind(&acme, "User").await;
    let created = acme.create(&users, &jdoe(), &paths(&["userName"])).await.unwrap();
    let Creation::Existed { resource, .. } = created else { panic!("{created:?}") };
    assert_eq!(resource.id(), there["id"].as_str());
    // And with nobody to be found, it stays a conflict.
    let error = acme.create(&users, &jdoe(), &paths(&["externalId"])).await.unwrap_err();
    assert!(matches!(error.kind, Failure::Conflict(_)), "{error}");
}

/// Point 16: a 500 on create leads to a look-up; whose resource is found is told by the externalId.
#[tokio::test]
async fn a_server_error_on_create_is_looked_into() {
    let fail_after = |line: &crate::double::Line, _: usize| match line.method.as_str() {
        "POST" => Meddling::Instead(ResponseTemplate::new(500).set_body_string("<html><title>Oops</title>")),
        _ => Meddling::Pass,
    };
    let double = Double::start(SandboxOptions::default(), fail_after).await;
    let acme = provider_at(&double);
    let users = kind(&acme, "User").await;
    let created = acme.create(&users, &jdoe(), &paths(&["userName"])).await.unwrap();
    assert!(matches!(created, Creation::Recovered { .. }), "{created:?}");
    let without_external_id = desired(json!({"userName": "jdoe"}));
    let created = acme.create(&users, &without_external_id, &paths(&["userName"])).await.unwrap();
    assert!(matches!(created, Creation::Existed { .. }), "somebody had it before: {created:?}");
}

/// Point 16: 200 on POST is an adoption.
#[tokio::test]
async fn a_create_that_is_answered_with_200_is_an_adoption() {
    let adopt = |line: &crate::double::Line, _: usize| match line.method.as_str() {
        "POST" => {
            Meddling::Answer(ResponseTemplate::new(200).set_body_json(json!({"id": "7", "userName": "jdoe"})))
        }
        _ => Meddling::Pass,
    };
    let double = Double::start(SandboxOptions::default(), adopt).await;
    let acme = provider_at(&double);
    let users = kind(&acme, "User").await;
    let created = acme.create(&users, &jdoe(), &paths(&["userName"])).await.unwrap();
    assert!(
        matches!(&created, Creation::Existed { resource, .. } if resource.id() == Some("7")),
        "{created:?}"
    );
}

/// Point 17: ambiguous POST: look up, never repeat blindly.
#[tokio::test]
async fn a_create_whose_answer_is_lost_is_found_and_not_repeated() {
    let lose = |line: &crate::double::Line, _: usize| match line.method.as_str() {
        "POST" => Meddling::LoseAnswer,
        _ => Meddling::Pass,
    };
    let double = Double::start(SandboxOptions::default(), lose).await;
    let acme = provider_at(&double);
    let users = kind(&acme, "User").await;
    let made = acme.provision(&users, jdoe(), &paths(&["externalId"]), None).await.unwrap();
    assert_eq!(made.done, Done::Created);
    assert_eq!((double.count("POST"), double.all("/Users").len()), (1, 1));
}

/// Point 17: without a usable filter, a bounded scan.
#[tokio::test]
async fn a_lost_create_is_found_without_filters_too() {
    let lose = |line: &crate::double::Line, _: usize| match line.method.as_str() {
        "POST" => Meddling::LoseAnswer,
        _ => Meddling::Pass,
    };
    let capabilities = Capabilities { filter: false, ..Capabilities::default() };
    for declares in [Some(Capabilities::default()), None] {
        let options = SandboxOptions { capabilities, declares, ..SandboxOptions::default() };
        let double = Double::start(options, lose).await;
        people(&double, 250);
        let acme = provider_at(&double);
        let users = kind(&acme, "User").await;
        let made = acme.provision(&users, jdoe(), &paths(&["userName"]), None).await.unwrap();
        assert_eq!(made.done, Done::Created);
        assert_eq!((double.count("POST"), double.all("/Users").len()), (1, 251));
        // The index from before the create did not have it: the look-up after it made another.
        let again = acme.provision(&users, jdoe(), &paths(&["userName"]), None).await.unwrap();
        assert_eq!(again.done, Done::Unchanged);
    }
}

/// Point 10: adds are batched into one operation and chunked, removals are one operation each, few a request.
#[tokio::test]
async fn many_members_travel_in_chunks_and_all_arrive() {
    let double = Double::plain(SandboxOptions::default()).await;
    let ids = people(&double, 260);
    let acme = provider_at(&double);
    let groups = kind(&acme, "Group").await;
    let wanted =
        |ids: &[String]| desired(json!({"displayName": "Guides", "members": members(ids.iter().cloned())}));
    let known = acme.provision(&groups, wanted(&ids[..5]), &[], None).await.unwrap().known;
    double.forget_lines();
    let known = acme.provision(&groups, wanted(&ids), &[], Some(&known)).await.unwrap().known;
    let sizes: Vec<usize> = double
        .lines()
        .iter()
        .flat_map(|line| line.body["Operations"].as_array().cloned().unwrap_or_default())
        .map(|operation| operation["value"].as_array().map_or(0, Vec::len))
        .collect();
    assert_eq!(sizes, [100, 100, 55]);
    let path = format!("/v2/Groups/{}", known.id);
    assert_eq!(held(&double.resource(&path)), 260);

    double.forget_lines();
    acme.provision(&groups, wanted(&ids[..230]), &[], Some(&known)).await.unwrap();
    let operations: Vec<usize> =
        double.lines().iter().map(|line| line.body["Operations"].as_array().unwrap().len()).collect();
    assert_eq!(operations, [10, 10, 10]);
    for line in double.lines() {
        for operation in line.body["Operations"].as_array().unwrap() {
            let path = operation["path"].as_str().unwrap();
            assert!(path.starts_with("members[value eq \"") && !path.contains(" or "), "{path}");
        }
    }
    assert_eq!(held(&double.resource(&path)), 230);
}

/// Point 11: one writer per group; concurrent changes lose nobody.
#[tokio::test]
async fn changes_of_one_group_that_come_at_once_lose_nobody() {
    let double = Double::plain(SandboxOptions::default()).await;
    let ids = people(&double, 12);
    let acme = provider_at(&double);
    let quirks = ResourceQuirks { update: Update::Put, ..ResourceQuirks::default() };
    let groups = kind_with(&acme, "Group", quirks).await;
    let known = acme.provision(&groups, desired(json!({"displayName": "G"})), &[], None).await.unwrap().known;
    // Each adds one member to a group that it knows as empty. By PUT, the last one would win.
    let tasks = ids.iter().map(|id| {
        let (acme, groups, known) = (acme.clone(), groups.clone(), known.clone());
        let wanted = desired(json!({"displayName": "G", "members": [{"value": id}]}));
        tokio::spawn(async move { acme.update(&groups, &known, &wanted).await.map(|_| ()) })
    });
    for task in tasks.collect::<Vec<_>>() {
        task.await.unwrap().unwrap();
    }
    assert_eq!(held(&double.resource(&format!("/v2/Groups/{}", known.id))), 12);
}

/// Point 11: where members read back empty, work from stored state.
#[tokio::test]
async fn members_that_are_not_shown_are_known_from_what_was_sent() {
    let quirks = ResourceQuirks { members_readable: false, ..ResourceQuirks::default() };
    let double = Double::playing(Plays { group: quirks.clone(), ..Plays::default() }).await;
    let ids = people(&double, 4);
    let acme = provider_at(&double);
    let groups = kind_with(&acme, "Group", quirks).await;
    let wanted =
        |ids: &[String]| desired(json!({"displayName": "G", "members": members(ids.iter().cloned())}));
    let known = acme.provision(&groups, wanted(&ids[..3]), &[], None).await.unwrap().known;
    double.forget_lines();
    let known = acme.provision(&groups, wanted(&ids[1..]), &[], Some(&known)).await.unwrap().known;
    let operations = double.lines().iter().map(|line| line.body["Operations"].clone()).collect::<Vec<_>>();
    assert_eq!(
        operations.iter().flat_map(|list| list.as_array().unwrap().clone()).collect::<Vec<_>>(),
        [
            json!({"op": "remove", "path": format!("members[value eq \"{}\"]", ids[0])}),
            json!({"op": "add", "path": "members", "value": [{"value": ids[3]}]}),
        ]
    );
    double.forget_lines();
    acme.provision(&groups, wanted(&ids[1..]), &[], Some(&known)).await.unwrap();
    assert_eq!(double.writes(), 0);
}

/// Point 12: verify after write; one server answers 200 and ignores a filtered remove (authentik #24173).
#[tokio::test]
async fn a_removal_that_is_ignored_is_noticed_and_done_in_another_way() {
    let group = ResourceQuirks { member_removal: MemberRemoval::Replace, ..ResourceQuirks::default() };
    let manners = Manners { odd_removal: OddRemoval::Ignored, ..Manners::default() };
    let double = Double::playing(Plays { group, manners, ..Plays::default() }).await;
    let ids = people(&double, 5);
    let acme = provider_at(&double);
    let trusting = kind(&acme, "Group").await;
    let verification = Verification::Always;
    let wary = Kind { quirks: ResourceQuirks { verification, ..trusting.quirks.clone() }, ..trusting };
    let wanted =
        |ids: &[String]| desired(json!({"displayName": "G", "members": members(ids.iter().cloned())}));
    let known = acme.provision(&wary, wanted(&ids), &[], None).await.unwrap().known;
    let known = acme.provision(&wary, wanted(&ids[..3]), &[], Some(&known)).await.unwrap().known;
    let path = format!("/v2/Groups/{}", known.id);
    assert_eq!(held(&double.resource(&path)), 3);
    let notices: Vec<String> = acme.take_notices().iter().map(ToString::to_string).collect();
    assert_eq!(notices.len(), 1, "{notices:?}");
    assert!(notices[0].contains("From now on they are replaced as a whole by PATCH"), "{}", notices[0]);
    // From now on in that way, at once.
    double.forget_lines();
    acme.provision(&wary, wanted(&ids[..2]), &[], Some(&known)).await.unwrap();
    assert_eq!((double.count("PATCH"), held(&double.resource(&path))), (1, 2));
}

/// Point 10: the remove form differs between providers; one that is refused leads to another.
#[tokio::test]
async fn a_removal_that_is_refused_is_done_in_another_way_and_a_failure_teaches_nothing() {
    let group = ResourceQuirks { member_removal: MemberRemoval::Put, ..ResourceQuirks::default() };
    let double = Double::playing(Plays { group, ..Plays::default() }).await;
    let ids = people(&double, 5);
    let acme = provider_at(&double);
    let groups = kind(&acme, "Group").await;
    let wanted =
        |ids: &[String]| desired(json!({"displayName": "G", "members": members(ids.iter().cloned())}));
    let known = acme.provision(&groups, wanted(&ids), &[], None).await.unwrap().known;
    // Somebody who does not exist is refused in every way, and that is no reason to change ours.
    let nobody = [ids[0].clone(), "nobody".to_owned()];
    assert!(acme.provision(&groups, wanted(&nobody), &[], Some(&known)).await.is_err());
    assert!(acme.take_notices().is_empty());

    acme.provision(&groups, wanted(&ids[..2]), &[], Some(&known)).await.unwrap();
    assert_eq!(held(&double.resource(&format!("/v2/Groups/{}", known.id))), 2);
    assert_eq!(acme.take_notices().len(), 1);
}

/// Point 17: a PATCH whose answer is lost is looked into; what it did is not done again.
#[tokio::test]
async fn a_change_whose_answer_is_lost_is_not_repeated() {
    let lose = |line: &crate::double::Line, _: usize| match line.method.as_str() {
        "PATCH" => Meddling::LoseAnswer,
        _ => Meddling::Pass,
    };
    let double = Double::start(SandboxOptions::default(), lose).await;
    let ids = people(&double, 2);
    let acme = provider_at(&double);
    let groups = kind(&acme, "Group").await;
    let wanted =
        |ids: &[String]| desired(json!({"displayName": "G", "members": members(ids.iter().cloned())}));
    let known = acme.provision(&groups, wanted(&ids[..1]), &[], None).await.unwrap().known;
    let changed = acme.provision(&groups, wanted(&ids), &[], Some(&known)).await.unwrap();
    assert_eq!((changed.done, double.count("PATCH")), (Done::Updated, 1));
    assert_eq!(held(&double.resource(&format!("/v2/Groups/{}", known.id))), 2);
}

/// Point 24: a DELETE whose answer is lost is sent again, and that nothing is found then is no failure.
#[tokio::test]
async fn a_delete_whose_answer_is_lost_is_sent_again() {
    let lose_first = |line: &crate::double::Line, before: usize| match (line.method.as_str(), before) {
        ("DELETE", 0) => Meddling::Instead(ResponseTemplate::new(502)),
        _ => Meddling::Pass,
    };
    let double = Double::start(SandboxOptions::default(), lose_first).await;
    let acme = provider_at(&double);
    let users = kind(&acme, "User").await;
    let known = acme.provision(&users, jdoe(), &[], None).await.unwrap().known;
    let deleted = acme.delete(&users, &known.id).await.unwrap();
    assert_eq!((deleted.value, double.count("DELETE")), (Deleted::AlreadyGone, 2));
}

/// Point 21: bulk only where declared; fall back on 501, and remember it.
#[tokio::test]
async fn bulk_requests_that_are_declared_and_refused_are_given_up() {
    let capabilities = Capabilities { bulk: false, ..Capabilities::default() };
    let options =
        SandboxOptions { capabilities, declares: Some(Capabilities::default()), ..SandboxOptions::default() };
    let double = Double::plain(options).await;
    let acme = provider_at(&double);
    let users = kind(&acme, "User").await;
    for round in 0..2 {
        let operations = (0..3).map(|number| BulkOperation {
            data: Some(json!({"schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"],
                              "userName": format!("u{round}{number}")})),
            bulk_id: Some(format!("u{number}")),
            ..BulkOperation::new(
                BulkMethod::Post,
                acme.client().bulk_path(users.resource_type(), None).unwrap(),
            )
        });
        let outcome = acme.bulk(operations.collect(), None).await.unwrap();
        assert!(outcome.results.iter().all(|result| matches!(result, OperationOutcome::Done(_))));
    }
    assert_eq!(double.all("/Users").len(), 6);
    assert_eq!(double.log().iter().filter(|line| *line == "POST /v2/Bulk").count(), 1);
    assert_eq!(acme.take_notices().len(), 1);
}

/// Point 12: verify after write, sampled or always, per provider.
#[tokio::test]
async fn one_write_in_so_many_is_read_again() {
    let double = Double::plain(SandboxOptions::default()).await;
    let acme = provider_at(&double);
    let verification = Verification::Sampled(std::num::NonZeroU32::new(3).unwrap());
    let users = kind_with(&acme, "User", ResourceQuirks { verification, ..ResourceQuirks::default() }).await;
    let mut known = acme.provision(&users, jdoe(), &[], None).await.unwrap().known;
    double.forget_lines();
    for number in 0..7 {
        let wanted = desired(json!({"userName": "jdoe", "externalId": "E1", "title": format!("T{number}")}));
        known = acme.update(&users, &known, &wanted).await.unwrap().known;
    }
    assert_eq!((double.count("PATCH"), double.count("GET")), (7, 3), "the first, the fourth and the seventh");
}

/// Point 12: what cannot be written in any way is an error, not a success.
#[tokio::test]
async fn a_provider_that_says_yes_and_does_nothing_is_found_out() {
    let pretend = |line: &crate::double::Line, _: usize| match line.method.as_str() {
        "PATCH" => Meddling::Answer(ResponseTemplate::new(204)),
        _ => Meddling::Pass,
    };
    let double = Double::start(SandboxOptions::default(), pretend).await;
    let acme = provider_at(&double);
    let quirks = ResourceQuirks { verification: Verification::Always, ..ResourceQuirks::default() };
    let users = kind_with(&acme, "User", quirks).await;
    let known = acme.provision(&users, jdoe(), &[], None).await.unwrap().known;
    let wanted = desired(json!({"userName": "jdoe", "title": "Head"}));
    let error = acme.update(&users, &known, &wanted).await.unwrap_err();
    assert!(matches!(&error.kind, Failure::NotApplied { what } if what == "`title`"), "{error}");
}

/// Point 1: what the provider says is cached, and asked for once however many ask.
#[tokio::test]
async fn a_provider_is_asked_about_itself_once() {
    let double = Double::plain(SandboxOptions::default()).await;
    let acme = provider_at(&double);
    let asking = (0..20).map(|_| {
        let acme = acme.clone();
        tokio::spawn(async move { acme.discovery().await.map(|_| ()) })
    });
    for task in asking.collect::<Vec<_>>() {
        task.await.unwrap().unwrap();
    }
    let asked = double.metadata();
    assert_eq!(asked, ["/v2/ResourceTypes", "/v2/Schemas", "/v2/ServiceProviderConfig"]);
}

/// Point 15: a filter that a provider does not understand for one value is no reason to create somebody twice.
#[tokio::test]
async fn a_value_that_the_providers_filter_cannot_take_is_looked_through() {
    let no_quotes = |line: &crate::double::Line, _: usize| match line.query.contains("%5C%22") {
        true => Meddling::Answer(ResponseTemplate::new(400)),
        false => Meddling::Pass,
    };
    let double = Double::start(SandboxOptions::default(), no_quotes).await;
    let body = json!({"schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "userName": "the \"boss\""});
    double.elsewhere(Method::Post, "/v2/Users", &body);
    let acme = provider_at(&double);
    let users = kind(&acme, "User").await;
    let wanted = desired(json!({"userName": "the \"boss\"", "title": "Boss"}));
    let found = acme.provision(&users, wanted, &paths(&["userName"]), None).await.unwrap();
    assert_eq!(found.done, Done::Updated);
    // Other values are still asked for with a filter.
    double.forget_lines();
    acme.find(&users, &paths(&["userName"]), &jdoe()).await.unwrap();
    assert_eq!(double.lines().len(), 1);
    assert!(double.lines()[0].query.starts_with("filter="), "{:?}", double.lines());
}

/// Every built-in profile: a provider that insists on its ways, and a client that follows them.
#[tokio::test]
async fn every_profile_is_followed_to_where_nothing_is_left_to_write() {
    for profile in Profile::builtins() {
        let plays = Plays {
            provider: without_budgets(profile.provider_quirks()),
            user: profile.resource_quirks("User"),
            group: profile.resource_quirks("Group"),
            ..Plays::default()
        };
        let double = Double::playing(plays).await;
        let acme = with_profile(&double, profile.clone());
        converge(&double, &acme, profile.name()).await;
        assert_eq!(double.broken_rules(), [""; 0], "{}", profile.name());
    }
}

fn without_budgets(quirks: ProviderQuirks) -> ProviderQuirks {
    ProviderQuirks { reads: None, writes: None, ..quirks }
}

async fn converge(double: &Double, acme: &Provider, name: &str) {
    let users = kind(acme, "User").await;
    let groups = kind(acme, "Group").await;
    let match_by = paths(&["userName"]);
    // Some providers take a title at the beginning only: then it stays, and that is said.
    let title = AttributePath::parse("title").unwrap();
    let titles = users.quirks.patchable.as_ref().is_none_or(|patchable| patchable.contains(&title));
    let person = |number: usize, changed: bool| {
        desired(json!({
            "userName": format!("user{number}"), "externalId": format!("E{number}"),
            "displayName": format!("User {number}"), "active": true,
            "title": if changed { "Head" } else { "Engineer" },
            "name": {"givenName": "User", "familyName": format!("{number}"), "formatted": format!("User {number}")},
            "emails": [{"value": format!("u{number}@example.com"), "type": "work", "primary": true},
                       {"value": format!("u{number}@home.example"), "type": "home"}],
        }))
    };
    let mut ids = Vec::new();
    let mut known_users = Vec::new();
    for number in 0..15 {
        let made = acme.provision(&users, person(number, false), &match_by, None).await;
        let made = made.unwrap_or_else(|error| panic!("{name}: {error}"));
        ids.push(made.known.id.clone());
        known_users.push(made.known);
    }
    for (number, known) in known_users.iter_mut().enumerate().take(5) {
        let changed = acme.provision(&users, person(number, true), &match_by, Some(known)).await;
        let changed = changed.unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(changed.wrote(), titles, "{name}");
        assert_eq!(changed.left_out.iter().any(|note| note.starts_with("`title` stays")), !titles, "{name}");
        *known = changed.known;
        let now = double.resource(&format!("/v2/Users/{}", known.id));
        assert_eq!(now["title"], if titles { "Head" } else { "Engineer" }, "{name}");
    }
    let group = |name: &str, ids: &[String]| {
        desired(json!({"displayName": name, "members": members(ids.iter().cloned())}))
    };
    let mut known_groups = Vec::new();
    for (title, range) in [("Guides", 0..12), ("Pilots", 3..15), ("Nobody", 0..0)] {
        let made = acme.provision(&groups, group(title, &ids[range]), &paths(&["displayName"]), None).await;
        known_groups.push(made.unwrap_or_else(|error| panic!("{name}: {error}")).known);
    }
    let changed = acme.provision(&groups, group("Guides", &ids[2..15]), &[], Some(&known_groups[0])).await;
    known_groups[0] = changed.unwrap_or_else(|error| panic!("{name}: {error}")).known;
    assert_eq!(double.members(&known_groups[0].id, &ids), ids[2..15].iter().cloned().collect(), "{name}");

    // A second pass writes nothing.
    double.forget_lines();
    for (number, known) in known_users.iter().enumerate() {
        let again = acme.provision(&users, person(number, number < 5), &match_by, Some(known)).await.unwrap();
        assert!(!again.wrote(), "{name}: user {number} is written again");
    }
    let again =
        acme.provision(&groups, group("Guides", &ids[2..15]), &[], Some(&known_groups[0])).await.unwrap();
    assert!(!again.wrote(), "{name}: the group is written again");
    assert_eq!(double.writes(), 0, "{name}");

    for known in &known_groups {
        acme.delete(&groups, &known.id).await.unwrap_or_else(|error| panic!("{name}: {error}"));
    }
    for known in &known_users {
        acme.delete(&users, &known.id).await.unwrap_or_else(|error| panic!("{name}: {error}"));
    }
}

/// Point 24: a tombstone means reactivation (409 after delete, or GET still 200 with active false).
#[tokio::test]
async fn somebody_who_comes_back_after_a_delete_gets_the_old_resource_and_is_active() {
    let quirks = ResourceQuirks { deletion: Deletion::Tombstone, ..ResourceQuirks::default() };
    let double = Double::playing(Plays { user: quirks.clone(), ..Plays::default() }).await;
    let acme = provider_at(&double);
    let users = kind_with(&acme, "User", quirks).await;
    let match_by = paths(&["userName"]);
    let first = acme.provision(&users, jdoe(), &match_by, None).await.unwrap().known;
    acme.delete(&users, &first.id).await.unwrap();
    let path = format!("/v2/Users/{}", first.id);
    assert_eq!(double.resource(&path)["active"], false);
    let back = acme.provision(&users, jdoe(), &match_by, None).await.unwrap();
    assert_eq!(
        (back.known.id.as_str(), &double.resource(&path)["active"]),
        (first.id.as_str(), &json!(true))
    );
    // Deleting what is gone is no failure.
    let gone = acme.delete(&users, "nobody").await.unwrap();
    assert_eq!(gone.value, Deleted::AlreadyGone);
}

/// Point 2: whoever was under way when a capability turned out to be none goes the other way too.
#[tokio::test]
async fn a_patch_that_is_refused_fails_nobody_who_was_under_way() {
    let options = SandboxOptions {
        capabilities: Capabilities { patch: false, ..Capabilities::default() },
        declares: Some(Capabilities::default()),
        ..SandboxOptions::default()
    };
    let slow = |line: &crate::double::Line, _: usize| match line.method.as_str() {
        "PATCH" => Meddling::Answer(ResponseTemplate::new(501).set_delay(Duration::from_millis(100))),
        _ => Meddling::Pass,
    };
    let double = Double::start(options, slow).await;
    let acme = provider_at(&double);
    let users = kind(&acme, "User").await;
    let mut changes = Vec::new();
    for number in 0..8 {
        let person = |title: &str| desired(json!({"userName": format!("u{number}"), "title": title}));
        let known = acme.provision(&users, person("a"), &[], None).await.unwrap().known;
        let (acme, users, wanted) = (acme.clone(), users.clone(), person("b"));
        changes.push(async move { acme.update(&users, &known, &wanted).await });
    }
    for changed in futures::future::join_all(changes).await {
        changed.unwrap();
    }
    assert!(double.count("PATCH") > 1, "several were under way");
    assert!(double.all("/Users").iter().all(|user| user["title"] == "b"));
    assert_eq!(acme.take_notices().len(), 1);
}

/// Point 13: what the provider does not show is in the body of a PUT all the same.
#[tokio::test]
async fn a_put_keeps_what_is_wanted_and_not_shown() {
    let hide = |line: &crate::double::Line, _: usize| match line.method.as_str() {
        "GET" if line.path.starts_with("/v2/Users/") => {
            Meddling::Instead(ResponseTemplate::new(200).set_body_json(json!({
                "id": line.path.rsplit('/').next(), "userName": "jdoe", "name": {"familyName": "Doe"},
            })))
        }
        _ => Meddling::Pass,
    };
    let double = Double::start(SandboxOptions::default(), hide).await;
    let acme = provider_at(&double);
    let quirks = ResourceQuirks { update: Update::Put, ..ResourceQuirks::default() };
    let users = kind_with(&acme, "User", quirks).await;
    let wanted = |title: &str| {
        desired(json!({
            "userName": "jdoe", "title": title, "nickName": "Jay",
            "name": {"familyName": "Doe", "givenName": "Jane"},
        }))
    };
    let known = acme.provision(&users, wanted("a"), &[], None).await.unwrap().known;
    acme.update(&users, &known, &wanted("b")).await.unwrap();
    let now = double.all("/Users")[0].clone();
    assert_eq!((&now["title"], &now["nickName"]), (&json!("b"), &json!("Jay")));
    assert_eq!(now["name"], json!({"familyName": "Doe", "givenName": "Jane"}));
}

/// Point 12: an answer that shows that something was not done is not passed over, whatever its status.
#[tokio::test]
async fn what_an_answer_shows_not_to_be_done_is_said_and_what_was_to_go_has_to_go() {
    // The provider answers with the resource as it was.
    let ignore = |line: &crate::double::Line, _: usize| match line.method.as_str() {
        "PATCH" => Meddling::Answer(ResponseTemplate::new(200).set_body_json(json!({
            "id": line.path.rsplit('/').next(), "userName": "jdoe", "externalId": "E1", "title": "Engineer",
        }))),
        _ => Meddling::Pass,
    };
    let double = Double::start(SandboxOptions::default(), ignore).await;
    let acme = provider_at(&double);
    let users = kind(&acme, "User").await;
    let known = acme.provision(&users, jdoe(), &[], None).await.unwrap().known;
    let with = |entry: Value| {
        let mut wanted = json!({"userName": "jdoe", "externalId": "E1", "title": "Engineer"});
        wanted.as_object_mut().unwrap().extend(entry.as_object().unwrap().clone());
        desired(wanted)
    };
    let changed = acme.update(&users, &known, &with(json!({"nickName": "Jay"}))).await.unwrap();
    let said: Vec<String> = changed.unwritable.iter().map(ToString::to_string).collect();
    assert_eq!(said, ["`nickName` was sent and answered with success, and the provider does not show it"]);
    let error = acme.update(&users, &known, &with(json!({"title": null}))).await.unwrap_err();
    assert!(matches!(&error.kind, Failure::NotApplied { what } if what == "`title`"), "{error}");
}

/// Point 8: where a provider has no value paths, the list is replaced as a whole.
#[tokio::test]
async fn a_provider_without_value_paths_gets_whole_lists() {
    let no_value_paths = |line: &crate::double::Line, _: usize| {
        let operations = line.body["Operations"].as_array().cloned().unwrap_or_default();
        let refused = operations
            .iter()
            .any(|operation| operation["path"].as_str().is_some_and(|path| path.contains('[')));
        match refused {
            true => Meddling::Answer(ResponseTemplate::new(400).set_body_json(json!({
                "schemas": ["urn:ietf:params:scim:api:messages:2.0:Error"], "status": "400", "scimType": "invalidPath",
            }))),
            false => Meddling::Pass,
        }
    };
    let double = Double::start(SandboxOptions::default(), no_value_paths).await;
    let acme = provider_at(&double);
    let users = kind(&acme, "User").await;
    let wanted = |work: &str, title: &str| {
        desired(json!({
            "userName": "jdoe", "title": title,
            "emails": [{"value": work, "type": "work"}, {"value": "h@example.com", "type": "home"}],
        }))
    };
    let known = acme.provision(&users, wanted("a@example.com", "a"), &[], None).await.unwrap().known;
    let known = acme.update(&users, &known, &wanted("b@example.com", "b")).await.unwrap().known;
    let now = double.all("/Users")[0].clone();
    assert_eq!((&now["title"], &now["emails"][0]["value"]), (&json!("b"), &json!("b@example.com")));
    assert_eq!(now["emails"].as_array().unwrap().len(), 2);
    assert!(acme.take_notices()[0].to_string().contains("replaced as a whole"));
    double.forget_lines();
    acme.update(&users, &known, &wanted("c@example.com", "b")).await.unwrap();
    assert_eq!(double.count("PATCH"), 1, "it is remembered");
}

/// Drift that an answer shows is put right in the same change; what the provider prefers is not.
#[tokio::test]
async fn what_somebody_else_changed_is_put_right_when_the_person_changes() {
    let manners = Manners {
        normalises: Normalises { user_name_in_lower_case: true, ..Normalises::default() },
        ..Manners::default()
    };
    let double = Double::playing(Plays { manners, ..Plays::default() }).await;
    let acme = provider_at(&double);
    let users = kind(&acme, "User").await;
    let wanted =
        |title: &str| desired(json!({"userName": "JDoe", "nickName": "Jay", "title": title, "active": true}));
    let known = acme.provision(&users, wanted("a"), &[], None).await.unwrap().known;
    let path = format!("/v2/Users/{}", known.id);
    double.elsewhere(
        Method::Patch,
        &path,
        &json!({
            "schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
            "Operations": [{"op": "replace", "path": "nickName", "value": "hacked"},
                           {"op": "replace", "path": "active", "value": false}],
        }),
    );
    let known = acme.update(&users, &known, &wanted("b")).await.unwrap().known;
    let now = double.resource(&path);
    assert_eq!((&now["title"], &now["nickName"], &now["active"]), (&json!("b"), &json!("Jay"), &json!(true)));
    assert_eq!(now["userName"], "jdoe", "that is how this provider writes it");
    double.forget_lines();
    acme.update(&users, &known, &wanted("c")).await.unwrap();
    assert_eq!(double.count("PATCH"), 1, "{:?}", double.log());
}
