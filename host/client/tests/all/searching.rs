//! Queries by GET and by `/.search`, and conditional and partial reads.

use crate::support::{Reply, Scripted, answer, client, settings, user};
use futures::TryStreamExt;
use scimwright_client::{Client, Failure, Method, Query, Retrieved, Selection};
use scimwright_profile::{EmptyResult, PageSize, ProviderQuirks, QueryBy};
use scimwright_scim::{AttributePath, Filter, urn};
use serde_json::{Value, json};
use std::num::NonZeroU32;
use wiremock::matchers::{any, body_json, header, method, path, query_param};
use wiremock::{Mock, MockServer, ResponseTemplate};

fn list(ids: &[&str]) -> Value {
    let resources: Vec<_> = ids.iter().map(|id| json!({"id": id})).collect();
    json!({"schemas": [urn::LIST_RESPONSE], "totalResults": ids.len(), "Resources": resources})
}

fn found(ids: &[&str]) -> ResponseTemplate {
    ResponseTemplate::new(200).set_body_json(list(ids))
}

fn with_quirks(url: &str, quirks: ProviderQuirks) -> Client {
    let mut settings = settings(url);
    settings.quirks = quirks;
    Client::new(settings).unwrap()
}

fn searching(url: &str) -> Client {
    with_quirks(url, ProviderQuirks { query_by: QueryBy::Search, ..ProviderQuirks::default() })
}

fn jdoe() -> Query {
    Query::filtered(Filter::parse("userName eq \"jdoe\"").unwrap())
}

#[tokio::test]
async fn a_search_keeps_the_filter_out_of_the_address() {
    let server = MockServer::start().await;
    Mock::given(method("POST"))
        .and(path("/scim/v2/Users/.search"))
        .and(header("content-type", "application/scim+json"))
        .and(body_json(json!({
            "schemas": [urn::SEARCH_REQUEST],
            "attributes": ["userName"],
            "filter": "userName eq \"jdoe\"",
            "count": 2,
        })))
        .respond_with(found(&["7"]))
        .expect(1)
        .mount(&server)
        .await;
    let query =
        Query { count: Some(2), attributes: vec![AttributePath::parse("userName").unwrap()], ..jdoe() };
    let client = searching(&format!("{}/scim/v2", server.uri()));
    let answer = client.query(&user(), &query).await.unwrap();
    assert_eq!(answer.value.resources.len(), 1);
    assert_eq!((answer.call.method, answer.call.path.as_str()), (Method::Post, "/scim/v2/Users/.search"));
}

#[tokio::test]
async fn a_search_only_reads_so_that_it_is_tried_again_and_leaves_nothing_in_doubt() {
    let body = list(&["7"]).to_string();
    let server = Scripted::start(vec![Reply::Reset(""), answer("200 OK", "", &body)]).await;
    let found = searching(&server.url).query(&user(), &jdoe()).await.unwrap();
    assert_eq!((server.requests(), found.call.attempts), (2, 2));
    let server = Scripted::start(vec![Reply::Reset("")]).await;
    let error = searching(&server.url).query(&user(), &jdoe()).await.unwrap_err();
    assert!(matches!(error.kind, Failure::Interrupted { .. }), "{error}");
    assert!(!error.may_have_been_executed());
    assert_eq!((error.call.attempts, error.call.method), (3, Method::Post));
}

/// Point 2: downgraded on 404, 405 and 501, and restored on a fresh discovery.
#[tokio::test]
async fn a_provider_without_search_is_asked_by_get_and_from_then_on() {
    for status in [404, 405, 501] {
        let server = MockServer::start().await;
        Mock::given(method("POST"))
            .respond_with(ResponseTemplate::new(status))
            .expect(2)
            .mount(&server)
            .await;
        Mock::given(query_param("filter", "userName eq \"jdoe\""))
            .respond_with(found(&["7"]))
            .mount(&server)
            .await;
        Mock::given(any()).respond_with(ResponseTemplate::new(404)).mount(&server).await;
        let client = searching(&server.uri());
        for _ in 0..3 {
            assert_eq!(client.query(&user(), &jdoe()).await.unwrap().value.resources.len(), 1);
        }
        // A fresh discovery gives it another chance.
        client.discover().await.unwrap();
        client.query(&user(), &jdoe()).await.unwrap();
    }
}

#[tokio::test]
async fn a_filter_too_long_for_an_address_is_sent_by_search() {
    let server = MockServer::start().await;
    Mock::given(method("POST"))
        .and(path("/Users/.search"))
        .respond_with(found(&["7"]))
        .expect(1)
        .mount(&server)
        .await;
    Mock::given(method("GET")).respond_with(found(&["8"])).expect(1).mount(&server).await;
    let client = client(&server.uri());
    for (length, id) in [(7_000, "8"), (9_000, "7")] {
        let filter = Filter::eq(AttributePath::parse("userName").unwrap(), "x".repeat(length));
        let answer = client.query(&user(), &Query::filtered(filter)).await.unwrap();
        assert_eq!(answer.value.resources[0].id(), Some(id));
    }
}

#[tokio::test]
async fn a_404_is_an_empty_list_where_the_profile_says_so_and_the_query_has_a_filter() {
    let server = MockServer::start().await;
    Mock::given(any()).respond_with(ResponseTemplate::new(404)).mount(&server).await;
    let quirks = ProviderQuirks { empty_result: EmptyResult::NotFound, ..ProviderQuirks::default() };
    let odd = with_quirks(&server.uri(), quirks.clone());
    assert_eq!(odd.query(&user(), &jdoe()).await.unwrap().value.total_results, Some(0));
    let none: Vec<_> = odd.query_all(&user(), jdoe()).try_collect().await.unwrap();
    assert_eq!(none, []);
    assert!(odd.query(&user(), &Query::default()).await.is_err(), "without a filter it is no such endpoint");
    assert!(client(&server.uri()).query(&user(), &jdoe()).await.is_err());
    let odd = with_quirks(&server.uri(), ProviderQuirks { query_by: QueryBy::Search, ..quirks });
    assert_eq!(odd.query(&user(), &jdoe()).await.unwrap().value.resources, []);
}

/// Point 20: the first cursor is empty, the others come back as they were, under the same parameters.
#[tokio::test]
async fn cursors_arrive_as_the_provider_gave_them() {
    const OPAQUE: &str = "a+b/c=&d%20 é\"";
    let server = MockServer::start().await;
    let page = |ids: &[&str], next: Option<&str>| {
        let mut list = list(ids);
        list.as_object_mut().unwrap().shift_remove("totalResults");
        list["nextCursor"] = json!(next);
        ResponseTemplate::new(200).set_body_json(list)
    };
    for (cursor, answer) in [("", page(&["1", "2"], Some(OPAQUE))), (OPAQUE, page(&["3"], None))] {
        Mock::given(query_param("cursor", cursor))
            .and(query_param("count", "2"))
            .and(query_param("sortBy", "userName"))
            .respond_with(answer)
            .expect(1)
            .mount(&server)
            .await;
    }
    let quirks = ProviderQuirks {
        page_size: PageSize::At(NonZeroU32::new(2).unwrap()),
        paging: scimwright_profile::Paging::Cursor,
        ..ProviderQuirks::default()
    };
    let query = Query { sort_by: Some(AttributePath::parse("userName").unwrap()), ..Query::default() };
    let found: Vec<_> =
        with_quirks(&server.uri(), quirks).query_all(&user(), query).try_collect().await.unwrap();
    assert_eq!(found.iter().filter_map(|resource| resource.id()).collect::<Vec<_>>(), ["1", "2", "3"]);
}

/// Point 20: by cursor through `/.search` as well.
#[tokio::test]
async fn cursors_are_sent_in_a_search_too() {
    let server = MockServer::start().await;
    for (cursor, next) in [("", Some("n")), ("n", None)] {
        let answer = json!({"schemas": [urn::LIST_RESPONSE], "Resources": [{"id": format!("x{cursor}")}], "nextCursor": next});
        Mock::given(body_json(json!({"schemas": [urn::SEARCH_REQUEST], "cursor": cursor})))
            .respond_with(ResponseTemplate::new(200).set_body_json(answer))
            .expect(1)
            .mount(&server)
            .await;
    }
    let quirks = ProviderQuirks {
        query_by: QueryBy::Search,
        paging: scimwright_profile::Paging::Cursor,
        ..ProviderQuirks::default()
    };
    let client = with_quirks(&server.uri(), quirks);
    let found: Vec<_> = client.query_all(&user(), Query::default()).try_collect().await.unwrap();
    assert_eq!(found.len(), 2);
}

/// Point 20: a provider with cursors only refuses an index, and is read all the same.
#[tokio::test]
async fn a_provider_that_refuses_an_index_is_read_by_cursor() {
    let server = MockServer::start().await;
    let refusal = json!({"schemas": [urn::ERROR], "status": "501", "detail": "startIndex is not supported"});
    Mock::given(|request: &wiremock::Request| {
        request.url.query().is_some_and(|query| query.contains("startIndex"))
    })
    .respond_with(ResponseTemplate::new(501).set_body_json(refusal))
    .mount(&server)
    .await;
    for (cursor, ids, next) in [("", ["1", "2"], Some("n")), ("n", ["3", "4"], None)] {
        let mut list = list(&ids);
        list["nextCursor"] = json!(next);
        list["totalResults"] = json!(4);
        let answer = ResponseTemplate::new(200).set_body_json(list);
        Mock::given(query_param("cursor", cursor)).respond_with(answer).mount(&server).await;
    }
    let mut first = list(&["1", "2"]);
    first["totalResults"] = json!(4);
    Mock::given(any()).respond_with(ResponseTemplate::new(200).set_body_json(first)).mount(&server).await;
    let found: Vec<_> =
        client(&server.uri()).query_all(&user(), Query::default()).try_collect().await.unwrap();
    assert_eq!(found.len(), 4);
}

#[tokio::test]
async fn a_resource_that_has_not_changed_is_not_sent_again() {
    let server = MockServer::start().await;
    Mock::given(header("if-none-match", "W/\"1\""))
        .respond_with(ResponseTemplate::new(304).insert_header("etag", "W/\"1\""))
        .mount(&server)
        .await;
    let changed =
        ResponseTemplate::new(200).set_body_json(json!({"id": "7"})).insert_header("etag", "W/\"2\"");
    Mock::given(any()).respond_with(changed).mount(&server).await;
    let client = client(&server.uri());
    let same = client.retrieve_if_changed(&user(), "7", "W/\"1\"").await.unwrap();
    assert_eq!((same.value, same.call.status), (Retrieved::NotModified, Some(304)));
    let Retrieved::Changed(resource) =
        client.retrieve_if_changed(&user(), "7", "W/\"0\"").await.unwrap().value
    else {
        panic!("it has changed")
    };
    assert_eq!(resource.version(), Some("W/\"2\""));
}

#[tokio::test]
async fn a_304_that_nobody_asked_for_is_a_failure() {
    let server = MockServer::start().await;
    Mock::given(any()).respond_with(ResponseTemplate::new(304)).mount(&server).await;
    let error = client(&server.uri()).retrieve(&user(), "7").await.unwrap_err();
    assert!(matches!(error.kind, Failure::Permanent(_)), "{error}");
}

#[tokio::test]
async fn a_resource_is_read_with_the_attributes_that_are_wanted() {
    let server = MockServer::start().await;
    Mock::given(query_param("excludedAttributes", "members,x509Certificates"))
        .respond_with(ResponseTemplate::new(200).set_body_json(json!({"id": "7"})))
        .expect(1)
        .mount(&server)
        .await;
    let excluded = ["members", "x509Certificates"].map(|name| AttributePath::parse(name).unwrap()).to_vec();
    let selection = Selection { excluded, ..Selection::default() };
    client(&server.uri()).retrieve_selected(&user(), "7", &selection).await.unwrap();
}
