//! Creating, and what a create that went wrong has left behind.

use super::*;

/// Point 6: an empty diff sends nothing.
#[tokio::test]
async fn what_is_provisioned_twice_is_sent_once() {
    let double = Double::plain(SandboxOptions::default()).await;
    let acme = provider_at(&double);
    let users = kind(&acme, "User").await;
    let match_by = keys(&["externalId", "userName"]);
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
    let created = acme.create(&users, &jdoe(), &keys(&["userName"])).await.unwrap();
    let Creation::Existed { resource, .. } = created else { panic!("{created:?}") };
    assert_eq!(resource.id(), there["id"].as_str());
    // And with nobody to be found, it stays a conflict.
    let error = acme.create(&users, &jdoe(), &keys(&["externalId"])).await.unwrap_err();
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
    let created = acme.create(&users, &jdoe(), &keys(&["userName"])).await.unwrap();
    assert!(matches!(created, Creation::Recovered { .. }), "{created:?}");
    let without_external_id = desired(json!({"userName": "jdoe"}));
    let created = acme.create(&users, &without_external_id, &keys(&["userName"])).await.unwrap();
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
    let created = acme.create(&users, &jdoe(), &keys(&["userName"])).await.unwrap();
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
    let made = acme.provision(&users, jdoe(), &keys(&["externalId"]), None).await.unwrap();
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
        let made = acme.provision(&users, jdoe(), &keys(&["userName"]), None).await.unwrap();
        assert_eq!(made.done, Done::Created);
        assert_eq!((double.count("POST"), double.all("/Users").len()), (1, 251));
        // The index from before the create did not have it: the look-up after it made another.
        let again = acme.provision(&users, jdoe(), &keys(&["userName"]), None).await.unwrap();
        assert_eq!(again.done, Done::Unchanged);
    }
}

/// Point 24: a tombstone means reactivation (409 after delete, or GET still 200 with active false).
#[tokio::test]
async fn somebody_who_comes_back_after_a_delete_gets_the_old_resource_and_is_active() {
    let quirks = ResourceQuirks { deletion: Deletion::Tombstone, ..ResourceQuirks::default() };
    let double = Double::playing(Plays { user: quirks.clone(), ..Plays::default() }).await;
    let acme = provider_at(&double);
    let users = kind_with(&acme, "User", quirks).await;
    let match_by = keys(&["userName"]);
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
