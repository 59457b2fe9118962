//! The calls against a server that answers as it should.

use crate::support::{Scripted, answer, client, resource, settings, user};
use futures::{StreamExt, TryStreamExt};
use scimwright_client::{Client, Deleted, Failure, Query};
use scimwright_scim::{AttributePath, Filter, PatchRequest, urn};
use secrecy::SecretString;
use serde_json::{Value, json};
use std::time::{Duration, Instant};
use wiremock::matchers::{
    body_json, header, header_exists, method, path, query_param, query_param_is_missing,
};
use wiremock::{Mock, MockServer, Request, ResponseTemplate};

fn scim(status: u16, body: Value) -> ResponseTemplate {
    ResponseTemplate::new(status).set_body_raw(body.to_string(), "application/scim+json")
}

/// Point 27: a User-Agent always.
#[tokio::test]
async fn a_create_sends_the_resource_with_every_header_and_returns_what_became_of_it() {
    let server = MockServer::start().await;
    Mock::given(method("POST"))
        .and(path("/scim/v2/Users"))
        .and(header("authorization", "Bearer t0ken-that-nobody-may-see"))
        .and(header("user-agent", concat!("scimwright/", env!("CARGO_PKG_VERSION"))))
        .and(header("content-type", "application/scim+json"))
        .and(header("x-tenant", "blue"))
        .and(header_exists("x-request-id"))
        .and(body_json(json!({"schemas": [urn::USER], "userName": "zoë"})))
        .respond_with(scim(201, json!({"id": "7", "userName": "zoë"})).insert_header("etag", "W/\"1\""))
        .expect(1)
        .mount(&server)
        .await;
    let mut settings = settings(&format!("{}/scim/v2/", server.uri()));
    settings.headers.push(("X-Tenant".to_owned(), SecretString::from("blue".to_owned())));
    let client = Client::new(settings).unwrap();

    let body = resource(json!({"schemas": [urn::USER], "userName": "zoë"}));
    let made = client.create(&user(), &body).await.unwrap();

    assert_eq!((made.value.id.as_str(), made.value.version.as_deref()), ("7", Some("W/\"1\"")));
    assert_eq!(made.call.subject.resource_id.as_deref(), Some("7"));
    assert_eq!(
        (made.call.status, made.call.attempts, made.call.path.as_str()),
        (Some(201), 1, "/scim/v2/Users")
    );
    let request = server.received_requests().await.unwrap().remove(0);
    assert_eq!(request.headers["x-request-id"], made.call.request_id.to_string());
    assert_eq!(request.headers["accept"], "application/scim+json, application/json");
}

/// Point 18: filter values are escaped, then percent-encoded; ids are percent-encoded in paths.
#[tokio::test]
async fn an_id_and_a_filter_arrive_as_they_were_meant() {
    let server = MockServer::start().await;
    Mock::given(method("GET"))
        .respond_with(scim(200, json!({"id": "x", "totalResults": 0})))
        .mount(&server)
        .await;
    let client = client(&server.uri());

    client.retrieve(&user(), "Tour Guides/ü").await.unwrap();
    let filter = Filter::eq(AttributePath::parse("userName").unwrap(), "o'neil \"x\" & co");
    client.query(&user(), &Query::filtered(filter.clone())).await.unwrap();

    let requests = server.received_requests().await.unwrap();
    assert_eq!(requests[0].url.path(), "/Users/Tour%20Guides%2F%C3%BC");
    let sent: Vec<(String, String)> = requests[1].url.query_pairs().into_owned().collect();
    assert_eq!(sent, [("filter".to_owned(), filter.to_string())]);
}

#[tokio::test]
async fn a_resource_is_modified_replaced_and_deleted_under_its_version() {
    let server = MockServer::start().await;
    let reply = |verb: &str, answer: ResponseTemplate| {
        Mock::given(method(verb))
            .and(path("/Users/7"))
            .and(header("if-match", "W/\"1\""))
            .respond_with(answer)
    };
    reply("PATCH", ResponseTemplate::new(204)).mount(&server).await;
    reply("PUT", scim(200, json!({"id": "7", "meta": {"version": "W/\"2\""}}))).mount(&server).await;
    reply("DELETE", ResponseTemplate::new(204)).up_to_n_times(1).mount(&server).await;
    reply("DELETE", ResponseTemplate::new(404)).mount(&server).await;
    let (client, user, version) = (client(&server.uri()), user(), Some("W/\"1\""));

    let patch = PatchRequest::parse(&json!({
        "schemas": [urn::PATCH_OP],
        "Operations": [{"op": "replace", "path": "active", "value": false}],
    }))
    .unwrap();
    assert_eq!(client.modify(&user, "7", &patch, version).await.unwrap().value.resource, None);
    let replaced = client.replace(&user, "7", &resource(json!({"userName": "a"})), version).await.unwrap();
    assert_eq!(replaced.value.version.as_deref(), Some("W/\"2\""));
    assert_eq!(client.delete(&user, "7", version).await.unwrap().value, Deleted::Now);
    assert_eq!(client.delete(&user, "7", version).await.unwrap().value, Deleted::AlreadyGone);
}

/// Answers with ids from `startIndex` up to `last`, two at a time.
fn paged(last: u64, total: u64) -> impl Fn(&Request) -> ResponseTemplate {
    move |request| {
        let start = request.url.query_pairs().find(|(name, _)| name == "startIndex");
        let start: u64 = start.map_or(1, |(_, value)| value.parse().unwrap());
        let ids: Vec<_> = (start..=last).take(2).map(|id| json!({"id": id.to_string()})).collect();
        scim(200, json!({"schemas": [urn::LIST_RESPONSE], "totalResults": total, "Resources": ids}))
    }
}

#[tokio::test]
async fn all_resources_are_streamed_over_all_pages() {
    let server = MockServer::start().await;
    // Three pages, and one to see that there is no fourth.
    Mock::given(query_param_is_missing("count")).respond_with(paged(5, 5)).expect(4).mount(&server).await;
    let found: Vec<_> =
        client(&server.uri()).query_all(&user(), Query::default()).try_collect().await.unwrap();
    let ids: Vec<_> = found.iter().filter_map(|resource| resource.id()).collect();
    assert_eq!(ids, ["1", "2", "3", "4", "5"]);
}

/// Point 19: what is not complete says so.
#[tokio::test]
async fn a_list_that_falls_short_of_its_total_ends_with_an_error() {
    let server = MockServer::start().await;
    Mock::given(query_param("count", "2")).respond_with(paged(5, 6)).mount(&server).await;
    let query = Query { count: Some(2), ..Query::default() };
    let items: Vec<_> = client(&server.uri()).query_all(&user(), query).collect().await;
    assert_eq!(items.len(), 6);
    let error = items.into_iter().next_back().unwrap().unwrap_err();
    assert_eq!(
        error.to_string(),
        "cannot query User resources at `acme`: the list is incomplete: 5 of 6 resources came, and then none \
         that was new"
    );
}

/// Point 19: what is not complete says so.
#[tokio::test]
async fn a_page_that_fails_ends_the_stream_after_what_came_before() {
    let server = MockServer::start().await;
    Mock::given(query_param("startIndex", "3")).respond_with(ResponseTemplate::new(500)).mount(&server).await;
    Mock::given(method("GET")).respond_with(paged(5, 5)).mount(&server).await;
    let items: Vec<_> = client(&server.uri()).query_all(&user(), Query::default()).collect().await;
    assert_eq!(items.len(), 3);
    assert!(matches!(items[2].as_ref().unwrap_err().kind, Failure::Unavailable { .. }));
}

#[tokio::test]
async fn clones_of_a_client_call_side_by_side() {
    let server = MockServer::start().await;
    let slow = scim(201, json!({"id": "7"})).set_delay(Duration::from_millis(300));
    Mock::given(method("POST")).respond_with(slow).expect(8).mount(&server).await;
    let (client, begun) = (client(&server.uri()), Instant::now());
    let calls = (0..8).map(|_| {
        let client = client.clone();
        tokio::spawn(
            async move { client.create(&user(), &resource(json!({}))).await.map(|made| made.value.id) },
        )
    });
    for call in futures::future::join_all(calls).await {
        assert_eq!(call.unwrap().unwrap(), "7");
    }
    assert!(begun.elapsed() < Duration::from_millis(8 * 300), "{:?}", begun.elapsed());
}

#[tokio::test]
async fn calls_one_after_the_other_share_a_connection() {
    let server = Scripted::start(vec![answer("200 OK", "", r#"{"id": "7"}"#)]).await;
    let client = client(&server.url);
    for _ in 0..5 {
        client.clone().retrieve(&user(), "7").await.unwrap();
    }
    assert_eq!((server.requests(), server.connections()), (5, 1));
}
