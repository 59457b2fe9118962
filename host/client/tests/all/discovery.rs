//! Discovery over HTTP: which documents are asked for, and what refusals lead to.

use crate::support::{client, settings};
use scimwright_client::{CapabilityOverrides, Client, Failure, Provenance};
use scimwright_profile::ProviderQuirks;
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

/// Point 1: read all three, tolerate an absolute endpoint, let configuration override, remember where from.
/// Pain 14: what a provider says of itself is overridden by the configuration.
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

/// Point 1: `/ServiceProviderConfigs`.
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

/// Point 1: where a profile knows the address, it is asked first.
#[tokio::test]
async fn the_configuration_is_looked_for_where_the_profile_says() {
    let server = MockServer::start().await;
    serve(&server, "/v2/about/config", config()).await;
    serve(&server, "/v2/ResourceTypes", users_at("/Users")).await;
    serve(&server, "/v2/Schemas", json!([builtin::user_schema().to_value()])).await;
    let mut settings = settings(&format!("{}/v2", server.uri()));
    settings.quirks = ProviderQuirks {
        service_provider_config: "/about/config".to_owned(),
        etag: Some(true),
        ..ProviderQuirks::default()
    };
    let begun = jiff::Timestamp::now();
    let found = Client::new(settings).unwrap().discover().await.unwrap();
    assert_eq!(found.capabilities.patch.provenance, Provenance::Declared);
    assert_eq!(found.capabilities.etag.provenance, Provenance::Profile);
    assert!(found.supports_etag());
    assert_eq!(found.calls.len(), 3);
    assert!(found.read_at >= begun && found.read_at <= jiff::Timestamp::now());
}

#[tokio::test]
async fn a_profile_that_names_the_wrong_address_does_no_harm() {
    let server = MockServer::start().await;
    serve(&server, "/ServiceProviderConfig", config()).await;
    Mock::given(any()).respond_with(ResponseTemplate::new(404)).mount(&server).await;
    let mut settings = settings(&server.uri());
    settings.quirks.service_provider_config = "/ServiceProviderConfigs".to_owned();
    let found = Client::new(settings).unwrap().discover().await.unwrap();
    assert_eq!(found.capabilities.patch.provenance, Provenance::Declared);
}

/// Point 1: a document that comes in pages is read to its end.
#[tokio::test]
async fn documents_that_are_paged_are_read_to_their_end() {
    let server = MockServer::start().await;
    let kinds = ["User", "Group", "Device"]
        .map(|name| json!({"id": name, "name": name, "endpoint": format!("/{name}s"), "schema": urn::USER}));
    // One entry a page; the others refuse an index, so that there is no more of them than came.
    let types = move |request: &wiremock::Request| {
        let start = request.url.query_pairs().find(|(name, _)| name == "startIndex");
        let start: usize = start.map_or(1, |(_, value)| value.parse().unwrap());
        ResponseTemplate::new(200)
            .set_body_json(json!({"totalResults": 3, "Resources": kinds.get(start - 1..start)}))
    };
    Mock::given(path("/ResourceTypes")).respond_with(types).expect(3).mount(&server).await;
    let schemas = json!({"totalResults": 2, "Resources": [builtin::user_schema().to_value()]});
    let first = ResponseTemplate::new(200).set_body_json(schemas);
    Mock::given(path("/Schemas")).respond_with(first).up_to_n_times(1).mount(&server).await;
    Mock::given(path("/Schemas")).respond_with(ResponseTemplate::new(400)).expect(1).mount(&server).await;
    serve(&server, "/ServiceProviderConfig", config()).await;

    let found = client(&server.uri()).discover().await.unwrap();

    let names: Vec<_> = found.resource_types.iter().map(|kind| kind.name.as_str()).collect();
    assert_eq!(names, ["User", "Group", "Device"]);
    let notes: Vec<_> = found.notes.iter().map(ToString::to_string).collect();
    assert!(
        notes.contains(&"Schemas: it returned 1 of 2 entries; the others are not known".to_owned()),
        "{notes:?}"
    );
    assert_eq!(found.calls.len(), 6);
}
