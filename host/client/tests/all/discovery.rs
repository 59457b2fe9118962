//! Discovery over HTTP: which documents are asked for, and what refusals lead to.

use crate::support::{client, settings};
use scimwright_client::{CapabilityOverrides, Client, Failure, Provenance};
use scimwright_scim::{builtin, urn};
use serde_json::{Value, json};
use wiremock::matchers::{any, method, path};
use wiremock::{Mock, MockServer, ResponseTemplate};

async fn serve(server: &MockServer, at: &str, body: Value) {
    let answer = ResponseTemplate::new(200).set_body_raw(body.to_string(), "text/html");
    Mock::given(method("GET")).and(path(at)).respond_with(answer).expect(1).mount(server).await;
}

fn config() -> Value {
    json!({"schemas": [urn::SERVICE_PROVIDER_CONFIG], "patch": {"supported": false}})
}

fn users_at(endpoint: &str) -> Value {
    json!([{"name": "User", "endpoint": endpoint, "schema": urn::USER}])
}

#[tokio::test]
async fn the_three_documents_are_read_and_the_configuration_overrides_them() {
    let server = MockServer::start().await;
    serve(&server, "/v2/ServiceProviderConfig", config()).await;
    serve(&server, "/v2/ResourceTypes", users_at("https://inside.example/v2/Users")).await;
    serve(&server, "/v2/Schemas", json!([builtin::user_schema().to_value()])).await;
    serve(&server, "/v2/Users", json!({"totalResults": 0})).await;
    let mut settings = settings(&format!("{}/v2", server.uri()));
    settings.overrides = CapabilityOverrides { patch: Some(true), ..CapabilityOverrides::default() };
    let client = Client::new(settings).unwrap();

    let found = client.discover().await.unwrap();

    assert!(found.supports_patch());
    assert_eq!(found.capabilities.patch.provenance, Provenance::Overridden);
    assert_eq!((found.schemas_provenance, found.calls.len()), (Provenance::Declared, 3));
    let users = found.resource_type("User").unwrap().resource_type;
    // An absolute endpoint is found below the base URL, not at the host it names.
    client.query(&users, &scimwright_client::Query::default()).await.unwrap();
}

#[tokio::test]
async fn a_configuration_in_the_plural_is_found() {
    let server = MockServer::start().await;
    serve(&server, "/ServiceProviderConfigs", json!({"totalResults": 1, "Resources": [config()]})).await;
    Mock::given(any()).respond_with(ResponseTemplate::new(404)).mount(&server).await;
    let found = client(&server.uri()).discover().await.unwrap();
    assert_eq!(found.capabilities.patch.provenance, Provenance::Declared);
    assert!(!found.supports_patch());
    assert_eq!(found.notes.len(), 2, "{:?}", found.notes);
    assert_eq!(found.calls.len(), 4, "the call that found nothing is in the log too");
}

#[tokio::test]
async fn refused_credentials_are_named_with_their_remedy() {
    let server = MockServer::start().await;
    let refusal = ResponseTemplate::new(401).set_body_json(json!({"status": 401, "detail": "token expired"}));
    Mock::given(any()).respond_with(refusal).mount(&server).await;
    let error = client(&server.uri()).discover().await.unwrap_err();
    assert!(matches!(error.kind, Failure::Authentication(_)));
    assert_eq!(
        error.to_string(),
        "cannot read ServiceProviderConfig at `acme`: token expired (401). Check `auth` of this provider; the \
         token may have expired"
    );
}

#[tokio::test]
async fn a_base_url_that_leads_to_a_web_site_is_an_error() {
    let server = MockServer::start().await;
    let page = ResponseTemplate::new(200).set_body_raw("<!doctype html><title>Welcome</title>", "text/html");
    Mock::given(any()).respond_with(page).mount(&server).await;
    let error = client(&server.uri()).discover().await.unwrap_err();
    assert!(error.to_string().contains("is not SCIM: it is HTML"), "{error}");
}
