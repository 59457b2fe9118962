//! What somebody writes who needs three requests and no client: reqwest, JSON, and a status that has to be right.
//!
//! It sends the headers and bodies that the client sends, over connections set up in the same way, and reads every answer
//! into a JSON value. What it leaves out is everything that makes a client: retries, pace, redaction, judging.

use crate::people::{self, PEOPLE};
use crate::sandbox::TOKEN;
use anyhow::{Context, ensure};
use reqwest::header::{ACCEPT, CONTENT_TYPE};
use rustls::{ClientConfig, RootCertStore, crypto::ring};
use scimwright_client::Timeouts;
use serde_json::Value;
use std::sync::Arc;
use std::time::Duration;
use url::Url;
use uuid::Uuid;

const ACCEPTED: &str = "application/scim+json, application/json";
const SCIM_JSON: &str = "application/scim+json";

/// A client of reqwest, set up as scimwright's own is, and the address of the users.
#[derive(Debug)]
pub(crate) struct Bare {
    http: reqwest::Client,
    users: Url,
}

impl Bare {
    pub(crate) fn new(base_url: &Url) -> anyhow::Result<Self> {
        let Timeouts { connect, read, request } = Timeouts::default();
        // It is not used, as the sandbox is on loopback; reqwest wants it all the same.
        let mut tls = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()?
            .with_root_certificates(RootCertStore::empty())
            .with_no_client_auth();
        tls.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        let idle = Duration::from_secs(30);
        let http = reqwest::Client::builder()
            .tls_backend_preconfigured(tls)
            .user_agent(concat!("scimwright/", env!("CARGO_PKG_VERSION")))
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            .connect_timeout(connect)
            .read_timeout(read)
            .timeout(request)
            .pool_idle_timeout(idle)
            .pool_max_idle_per_host(32)
            .tcp_nodelay(true)
            .tcp_keepalive(idle)
            .no_proxy()
            .build()?;
        Ok(Self { http, users: Url::parse(&format!("{base_url}/Users"))? })
    }

    /// Creates a person.
    pub(crate) async fn create(self: Arc<Self>, number: u64) -> anyhow::Result<()> {
        self.post(number).await.map(drop)
    }

    /// Looks for a person by name, and creates them where there is none.
    pub(crate) async fn find_and_create(self: Arc<Self>, number: u64) -> anyhow::Result<()> {
        let mut url = self.users.clone();
        let filter = format!("{} eq \"{}\"", people::MATCH_BY, people::user_name(number));
        url.query_pairs_mut().append_pair("filter", &filter);
        let found = answer(self.http.get(url), 200).await?;
        ensure!(found["totalResults"] == 0, "person {number} is there already");
        self.post(number).await.map(drop)
    }

    /// Reads one of these people.
    pub(crate) async fn get(self: Arc<Self>, ids: Arc<[String]>, number: u64) -> anyhow::Result<()> {
        let id = people::one_of(&ids, number);
        let url = Url::parse(&format!("{}/{id}", self.users))?;
        let person = answer(self.http.get(url), 200).await?;
        ensure!(person["id"] == *id, "another person was returned");
        Ok(())
    }

    /// Creates people 0 to `PEOPLE`, one after the other, and returns their ids.
    pub(crate) async fn fill(&self) -> anyhow::Result<Arc<[String]>> {
        let mut ids = Vec::new();
        for number in 0..PEOPLE {
            let created = self.post(number).await?;
            ids.push(created["id"].as_str().context("a user has an id")?.to_owned());
        }
        Ok(ids.into())
    }

    async fn post(&self, number: u64) -> anyhow::Result<Value> {
        let body = serde_json::to_vec(&people::body(number))?;
        answer(self.http.post(self.users.clone()).header(CONTENT_TYPE, SCIM_JSON).body(body), 201).await
    }
}

/// Sends a request with the headers that all have, and reads the answer.
async fn answer(request: reqwest::RequestBuilder, expected: u16) -> anyhow::Result<Value> {
    let request = request
        .header("x-request-id", Uuid::new_v4().to_string())
        .header(ACCEPT, ACCEPTED)
        .bearer_auth(TOKEN);
    let response = request.send().await?;
    let status = response.status();
    let body = response.bytes().await?;
    ensure!(status == expected, "answered {status}: {}", String::from_utf8_lossy(&body));
    Ok(serde_json::from_slice(&body)?)
}
