//! Changing: what arrives, what survives, and what is put right.

use super::*;

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
    let first = acme.provision(&users, wanted.clone(), &keys(&["userName"]), None).await.unwrap();
    assert_eq!(double.all("/Users")[0]["userName"], "jdoe");
    let mut known = first.known;
    for _ in 0..3 {
        let again = acme.provision(&users, wanted.clone(), &[], Some(&known)).await.unwrap();
        known = again.known;
    }
    assert_eq!(double.writes(), 1);
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
