//! What a provider can do, and what it only says.

use super::*;

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
