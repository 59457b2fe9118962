//! Who is found, and who is not.

use super::*;

/// Point 15: re-check what comes back; a server may ignore the filter and return everyone (canaille).
/// Peer bug: the first search result adopted unchecked.
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
        let found = acme.find(&users, &keys(&["userName"]), &wanted).await.unwrap();
        let Found::One(found) = found else { panic!("{found}") };
        assert_eq!(found.to_value()["userName"], format!("u{number}"));
    }
    let nobody = acme.find(&users, &keys(&["userName"]), &jdoe()).await.unwrap();
    assert_eq!(nobody, Found::None);
    let listings = double.lines().iter().filter(|line| line.path == "/v2/Users").count();
    // One with the filter, then one listing and the look behind its end; then the index serves.
    assert_eq!(listings, 3, "{:?}", double.log());
    assert_eq!(acme.take_notices().len(), 1);
}

/// Point 15: a server may match without case and return two.
/// Peer bug: the first search result adopted unchecked.
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
    let by_external_id = acme.find(&users, &keys(&["externalId"]), &jdoe()).await.unwrap();
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
    let found = acme.find(&users, &keys(&["userName"]), &jdoe()).await.unwrap();
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
    let found = acme.provision(&users, wanted, &keys(&["userName"]), None).await.unwrap();
    assert_eq!(found.done, Done::Updated);
    // Other values are still asked for with a filter.
    double.forget_lines();
    acme.find(&users, &keys(&["userName"]), &jdoe()).await.unwrap();
    assert_eq!(double.lines().len(), 1);
    assert!(double.lines()[0].query.starts_with("filter="), "{:?}", double.lines());
}

fn full_name() -> MatchKey {
    let path = |text: &str| AttributePath::parse(text).unwrap();
    MatchKey::new([path("name.familyName"), path("name.givenName")]).unwrap()
}

fn named(family: &str, given: &str) -> Desired {
    let name = json!({"familyName": family, "givenName": given});
    desired(json!({"userName": format!("{given}.{family}"), "name": name}))
}

/// Five people called Doe and one called Roe, who share their given names.
fn relatives(double: &Double) {
    let names =
        [("Doe", "Ann"), ("Doe", "Ben"), ("Doe", "Cid"), ("Doe", "Jo"), ("Doe", "Zoe"), ("Roe", "Jo")];
    for (family, given) in names {
        let body = json!({
            "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "userName": format!("{given}.{family}"),
            "name": {"familyName": family, "givenName": given},
        });
        double.elsewhere(Method::Post, "/v2/Users", &body);
    }
}

/// Finds Jo Doe and nobody else, and returns how many requests that took.
async fn finds_jo_doe(acme: &Provider, double: &Double) -> usize {
    let users = kind(acme, "User").await;
    double.forget_lines();
    let found = acme.find(&users, &[full_name()], &named("Doe", "Jo")).await.unwrap();
    let Found::One(found) = found else { panic!("{found}") };
    assert_eq!(found.to_value()["userName"], "Jo.Doe");
    let nobody = acme.find(&users, &[full_name()], &named("Roe", "Ann")).await.unwrap();
    assert_eq!(nobody, Found::None);
    double.lines().len()
}

/// Point 15: match by configured attributes, several together where one does not tell.
#[tokio::test]
async fn several_attributes_find_who_has_all_of_them() {
    let double = Double::plain(SandboxOptions::default()).await;
    relatives(&double);
    let acme = provider_at(&double);
    assert_eq!(finds_jo_doe(&acme, &double).await, 2);
    assert!(double.lines().iter().all(|line| line.query.contains("and")), "{:?}", double.lines());

    // Half of the key is no key: the next one counts.
    let users = kind(&acme, "User").await;
    let half = desired(json!({"userName": "jo.roe", "name": {"familyName": "Doe"}}));
    let keys = [full_name(), keys(&["userName"]).remove(0)];
    let found = acme.find(&users, &keys, &half).await.unwrap();
    assert!(
        matches!(&found, Found::One(found) if found.to_value()["name"]["familyName"] == "Roe"),
        "{found}"
    );
    let found = acme.find(&users, &keys[..1], &half).await.unwrap();
    assert_eq!(found, Found::NothingToMatchBy);

    relatives_double(&double);
    let found = acme.find(&users, &[full_name()], &named("Doe", "Jo")).await.unwrap();
    assert!(matches!(&found, Found::Several { by, .. } if *by == full_name()), "{found}");
    assert!(found.to_string().contains("have this name.familyName and name.givenName"), "{found}");
}

fn relatives_double(double: &Double) {
    let body = json!({
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "userName": "jo2",
        "name": {"familyName": "Doe", "givenName": "Jo"},
    });
    double.elsewhere(Method::Post, "/v2/Users", &body);
}

/// Point 2: what is declared is a hint.
/// Point 15: a provider that takes `eq` need not take `and`.
#[tokio::test]
async fn a_provider_without_and_is_asked_for_the_first_attribute() {
    for refusal in [400, 501] {
        let no_and = move |line: &crate::double::Line, _: usize| match line.query.contains("+and+")
            || line.query.contains("%20and%20")
        {
            true => Meddling::Answer(ResponseTemplate::new(refusal)),
            false => Meddling::Pass,
        };
        let double = Double::start(SandboxOptions::default(), no_and).await;
        relatives(&double);
        let acme = provider_at(&double);
        // Refused once; then the Does and the look behind their end, and the Roes.
        assert_eq!(finds_jo_doe(&acme, &double).await, 4, "{:?}", double.lines());
        let notices: Vec<String> = acme.take_notices().iter().map(ToString::to_string).collect();
        assert!(notices.len() == 1 && notices[0].contains("`and`"), "{notices:?}");
    }
}

/// Point 15: several attributes are looked up together also where there is no filter.
/// Point 17: without a usable filter, a bounded scan.
#[tokio::test]
async fn several_attributes_are_looked_up_where_there_is_no_filter() {
    let double = Double::start(SandboxOptions::default(), |line, _| match line.query.contains("filter") {
        true => Meddling::Answer(ResponseTemplate::new(501)),
        false => Meddling::Pass,
    })
    .await;
    relatives(&double);
    let acme = provider_at(&double);
    finds_jo_doe(&acme, &double).await;
    let read: Vec<String> = double.log().into_iter().filter(|line| line.contains("/Users/")).collect();
    assert_eq!(read.len(), 1, "only who has both names is read: {read:?}");
}
