//! Bulk requests over HTTP.

use crate::support::{Reply, Scripted, client, settings, user};
use scimwright_client::{Action, Client, Failure, NotAttempted, OperationOutcome, RetryPolicy};
use scimwright_profile::{ContentType, ProviderQuirks};
use scimwright_scim::{Bulk, BulkMethod, BulkOperation, urn};
use serde_json::{Value, json};
use wiremock::matchers::{any, body_json, header, method, path};
use wiremock::{Mock, MockServer, ResponseTemplate};

fn limits() -> Bulk {
    Bulk { supported: true, max_operations: Some(100), max_payload_size: None }
}

fn create(client: &Client, bulk_id: &str, data: Value) -> BulkOperation {
    BulkOperation {
        bulk_id: Some(bulk_id.to_owned()),
        data: Some(data),
        ..BulkOperation::new(BulkMethod::Post, client.bulk_path(&user(), None).unwrap())
    }
}

fn delete(client: &Client, id: &str) -> BulkOperation {
    BulkOperation::new(BulkMethod::Delete, client.bulk_path(&user(), Some(id)).unwrap())
}

/// Point 21: a result for every operation, in the order given.
#[tokio::test]
async fn operations_go_in_one_request_and_each_has_its_result() {
    let server = MockServer::start().await;
    let location = format!("{}/scim/v2/Users/7", server.uri());
    let answer = json!({"schemas": [urn::BULK_RESPONSE], "Operations": [
        {"method": "POST", "bulkId": "a", "version": "W/\"1\"", "location": location, "status": "201"},
        {"method": "POST", "bulkId": "b", "status": {"code": "409"},
         "response": {"status": "409", "scimType": "uniqueness", "detail": "userName is taken"}},
        {"method": "DELETE", "location": "/scim/v2/Users/Tour%20Guides", "status": "404"},
    ]});
    Mock::given(method("POST"))
        .and(path("/scim/v2/Bulk"))
        .and(header("content-type", "application/json"))
        .and(body_json(json!({
            "schemas": [urn::BULK_REQUEST],
            "failOnErrors": 5,
            "Operations": [
                {"method": "POST", "bulkId": "a", "path": "/Users", "data": {"userName": "a"}},
                {"method": "POST", "bulkId": "b", "path": "/Users",
                 "data": {"userName": "b", "manager": {"value": "bulkId:a"}}},
                {"method": "DELETE", "path": "/Users/Tour%20Guides"},
            ],
        })))
        .respond_with(ResponseTemplate::new(200).set_body_json(answer))
        .expect(1)
        .mount(&server)
        .await;
    let mut settings = settings(&format!("{}/scim/v2", server.uri()));
    settings.quirks = ProviderQuirks { content_type: ContentType::Json, ..ProviderQuirks::default() };
    let client = Client::new(settings).unwrap();
    let operations = vec![
        create(&client, "b", json!({"userName": "b", "manager": {"value": "bulkId:a"}})),
        create(&client, "a", json!({"userName": "a"})),
        delete(&client, "Tour Guides"),
    ];

    let outcome = client.bulk(&limits(), operations, Some(5)).await;

    let OperationOutcome::Failed(Failure::Conflict(refusal)) = &outcome.results[0] else {
        panic!("{:?}", outcome.results[0])
    };
    assert_eq!(refusal.detail.as_deref(), Some("userName is taken"));
    let made = outcome.results[1].done().unwrap();
    assert_eq!((made.id.as_str(), made.version.as_deref(), made.status), ("7", Some("W/\"1\""), 201));
    let gone = outcome.results[2].done().unwrap();
    assert_eq!((gone.id.as_str(), gone.status), ("Tour Guides", 404));
    assert_eq!((outcome.calls.len(), outcome.calls[0].subject.action), (1, Action::Bulk));
    assert_eq!(outcome.fell_back, None);
}

/// Point 21: fall back to ordinary calls where there are no bulk requests.
#[tokio::test]
async fn without_bulk_requests_each_operation_is_a_call_of_its_own() {
    let server = MockServer::start().await;
    Mock::given(path("/Bulk")).respond_with(ResponseTemplate::new(501)).expect(1).mount(&server).await;
    let made = ResponseTemplate::new(201).set_body_json(json!({"id": "7"}));
    Mock::given(method("POST")).and(path("/Users")).respond_with(made).expect(1).mount(&server).await;
    Mock::given(method("PUT"))
        .and(path("/Users/8"))
        .and(header("if-match", "W/\"1\""))
        .and(body_json(json!({"userName": "b", "manager": {"value": "7"}})))
        .respond_with(ResponseTemplate::new(200))
        .expect(1)
        .mount(&server)
        .await;
    Mock::given(method("DELETE")).respond_with(ResponseTemplate::new(204)).expect(1).mount(&server).await;
    let client = client(&server.uri());
    let replace = BulkOperation {
        version: Some("W/\"1\"".to_owned()),
        data: Some(json!({"userName": "b", "manager": {"value": "bulkId:a"}})),
        ..BulkOperation::new(BulkMethod::Put, client.bulk_path(&user(), Some("8")).unwrap())
    };
    let operations = vec![replace, create(&client, "a", json!({"userName": "a"})), delete(&client, "9")];
    let outcome = client.bulk(&limits(), operations, None).await;
    let ids: Vec<_> = outcome.results.iter().map(|result| result.done().unwrap().id.as_str()).collect();
    assert_eq!(ids, ["8", "7", "9"]);
    assert_eq!(outcome.fell_back.map(|refusal| refusal.status), Some(501));
    let actions: Vec<_> = outcome.calls.iter().map(|call| call.subject.action).collect();
    assert_eq!(actions, [Action::Bulk, Action::Create, Action::Replace, Action::Delete]);
    assert_eq!(outcome.calls[2].subject.resource_id.as_deref(), Some("8"));
}

#[tokio::test]
async fn a_lost_answer_leaves_its_operations_in_doubt_and_is_not_repeated() {
    let server = Scripted::start(vec![Reply::Reset("")]).await;
    let client = client(&server.url);
    let operations = vec![create(&client, "a", json!({"userName": "a"})), delete(&client, "9")];
    let few = Bulk { max_operations: Some(1), ..limits() };
    let outcome = client.bulk(&few, operations, None).await;
    assert!(matches!(&outcome.results[0], OperationOutcome::InDoubt(Failure::Interrupted { .. })));
    assert!(matches!(
        &outcome.results[1],
        OperationOutcome::NotAttempted { because: NotAttempted::Broken(Failure::Interrupted { .. }) }
    ));
    assert_eq!((server.requests(), outcome.calls[0].attempts), (1, 1));
}

#[tokio::test]
async fn an_answer_that_is_no_bulk_response_leaves_its_operations_in_doubt() {
    let server = MockServer::start().await;
    let page = ResponseTemplate::new(200).set_body_raw("<html><title>Sign in</title>", "text/html");
    Mock::given(any()).respond_with(page).mount(&server).await;
    let mut settings = settings(&server.uri());
    settings.retry = RetryPolicy::never();
    let client = Client::new(settings).unwrap();
    let outcome = client.bulk(&limits(), vec![create(&client, "a", json!({}))], None).await;
    assert!(matches!(&outcome.results[0], OperationOutcome::InDoubt(Failure::Unreadable { .. })));
}
