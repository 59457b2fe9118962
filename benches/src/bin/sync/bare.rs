//! What somebody writes who has all bodies ready and wants them at the provider: reqwest, so many POSTs at a time, and
//! a status that has to be 201. It reads every answer, and keeps none.

use anyhow::ensure;
use futures::{StreamExt, TryStreamExt};
use reqwest::header::{ACCEPT, CONTENT_TYPE};
use rustls::{ClientConfig, RootCertStore, crypto::ring};
use scimwright_tests::servers::TOKEN;
use serde_json::Value;
use std::sync::Arc;
use std::time::{Duration, Instant};
use uuid::Uuid;

/// Posts the bodies, so many at a time, and returns how long it took.
pub(crate) async fn post_all(base_url: &str, bodies: &[Value], at_once: usize) -> anyhow::Result<Duration> {
    // It is not used, as the sandbox is on loopback; reqwest wants it all the same.
    let tls = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()?
        .with_root_certificates(RootCertStore::empty())
        .with_no_client_auth();
    let http = reqwest::Client::builder()
        .tls_backend_preconfigured(tls)
        .pool_max_idle_per_host(at_once)
        .tcp_nodelay(true)
        .no_proxy()
        .build()?;
    let users = format!("{base_url}/Users");
    let begun = Instant::now();
    futures::stream::iter(bodies)
        .map(|body| post(&http, &users, body))
        .buffer_unordered(at_once)
        .try_collect::<()>()
        .await?;
    Ok(begun.elapsed())
}

async fn post(http: &reqwest::Client, users: &str, body: &Value) -> anyhow::Result<()> {
    let response = http
        .post(users)
        .header(CONTENT_TYPE, "application/scim+json")
        .header(ACCEPT, "application/scim+json, application/json")
        .header("x-request-id", Uuid::new_v4().to_string())
        .bearer_auth(TOKEN)
        .body(serde_json::to_vec(body)?)
        .send()
        .await?;
    let status = response.status();
    let answer: Value = serde_json::from_slice(&response.bytes().await?)?;
    ensure!(status == 201, "answered {status}: {answer}");
    Ok(())
}
