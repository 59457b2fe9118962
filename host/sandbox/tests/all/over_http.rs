//! The same over a socket: start, ask, count, shut down.

use crate::support::USER;
use reqwest::{Client, StatusCode};
use scimwright_sandbox::{Sandbox, SandboxError, SandboxOptions, Stats};
use serde_json::{Value, json};
use std::time::{Duration, Instant};

fn client() -> Client {
    // Another test of this binary may have been first.
    let _ = rustls::crypto::ring::default_provider().install_default();
    Client::builder().no_proxy().build().unwrap()
}

async fn body(response: reqwest::Response) -> Value {
    serde_json::from_str(&response.text().await.unwrap()).unwrap()
}

#[tokio::test]
async fn a_user_lives_and_dies_over_http() {
    let options = SandboxOptions { bearer_token: Some("s3cret".into()), ..SandboxOptions::default() };
    let sandbox = Sandbox::start(options).await.unwrap();
    let (client, base) = (client(), sandbox.base_url().as_str().to_owned());
    let users = format!("{base}/Users");

    assert_eq!(client.get(&users).send().await.unwrap().status(), StatusCode::UNAUTHORIZED);

    let created = client
        .post(&users)
        .bearer_auth("s3cret")
        .header("Content-Type", "application/scim+json")
        .body(json!({ "schemas": [USER], "userName": "Zoë" }).to_string())
        .send()
        .await
        .unwrap();
    assert_eq!(created.status(), StatusCode::CREATED);
    assert_eq!(created.headers()["content-type"], "application/scim+json");
    let location = created.headers()["location"].to_str().unwrap().to_owned();
    let tag = created.headers()["etag"].clone();
    assert!(location.starts_with(&format!("{users}/")), "{location}");

    let found = client
        .get(format!("{users}?filter=userName%20eq%20%22ZO%C3%8B%22"))
        .bearer_auth("s3cret")
        .send()
        .await
        .unwrap();
    assert_eq!(body(found).await["totalResults"], 1);

    let same =
        client.get(&location).bearer_auth("s3cret").header("If-None-Match", &tag).send().await.unwrap();
    assert_eq!(same.status(), StatusCode::NOT_MODIFIED);

    let stale =
        client.delete(&location).bearer_auth("s3cret").header("If-Match", "W/\"7\"").send().await.unwrap();
    assert_eq!(stale.status(), StatusCode::PRECONDITION_FAILED);
    let deleted =
        client.delete(&location).bearer_auth("s3cret").header("If-Match", &tag).send().await.unwrap();
    assert_eq!(deleted.status(), StatusCode::NO_CONTENT);

    let counted = client.get(sandbox.stats_url().as_str()).send().await.unwrap();
    let counted: Stats = serde_json::from_str(&counted.text().await.unwrap()).unwrap();
    assert_eq!(counted, sandbox.stats());
    assert_eq!(counted.count("DELETE", "/Users/{id}"), 2);
    assert_eq!(counted.statuses[&401], 1);
    sandbox.shutdown().await;
    assert!(client.get(&users).send().await.is_err(), "nobody listens any more");
}

#[tokio::test]
async fn a_body_beyond_the_limit_is_refused_over_http() {
    let sandbox =
        Sandbox::start(SandboxOptions { max_body_bytes: 64, ..SandboxOptions::default() }).await.unwrap();
    let response = client()
        .post(format!("{}/Users", sandbox.base_url()))
        .header("Content-Type", "application/scim+json")
        .body(json!({ "userName": "b".repeat(100) }).to_string())
        .send()
        .await
        .unwrap();
    assert_eq!(response.status(), StatusCode::PAYLOAD_TOO_LARGE);
    assert_eq!(body(response).await["status"], "413");
    sandbox.shutdown().await;
}

#[tokio::test]
async fn an_answer_is_held_back_for_as_long_as_was_asked() {
    let latency = Duration::from_millis(60);
    let sandbox = Sandbox::start(SandboxOptions { latency, ..SandboxOptions::default() }).await.unwrap();
    let started = Instant::now();
    client().get(format!("{}/Users", sandbox.base_url())).send().await.unwrap();
    assert!(started.elapsed() >= latency);
    sandbox.shutdown().await;
}

#[tokio::test]
async fn a_port_that_is_taken_is_named_with_the_remedy() {
    let first = Sandbox::start(SandboxOptions::default()).await.unwrap();
    let options = SandboxOptions { address: first.address(), ..SandboxOptions::default() };
    let error = Sandbox::start(options).await.unwrap_err();
    let text = error.to_string();
    assert!(text.contains(&first.address().to_string()) && text.contains("port 0"), "{text}");
    first.shutdown().await;
}

#[tokio::test]
async fn a_sandbox_without_a_token_stays_off_the_network() {
    let options = SandboxOptions { address: "0.0.0.0:0".parse().unwrap(), ..SandboxOptions::default() };
    assert!(matches!(Sandbox::start(options).await, Err(SandboxError::Unguarded { .. })));
}
