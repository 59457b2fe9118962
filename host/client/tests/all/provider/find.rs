//! Who is found, and who is not.

use super::*;

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
