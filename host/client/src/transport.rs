//! Sends requests and brings back responses. The only file that names the HTTP library.
//!
//! It adds what every request carries (credentials, `User-Agent`, `X-Request-Id`, the configured headers),
//! follows no redirect, reads no body beyond its limit, and says of each failure whether the request can have
//! reached the provider. It judges nothing and repeats nothing.

use crate::address::BaseUrl;
use crate::failure::Failure;
use crate::message::{BodyEnd, HttpRequest, HttpResponse, Method, ResponseHeaders};
use crate::quote::Secrets;
use crate::settings::{ProviderSettings, SettingsRule, Timeouts};
use jiff::Timestamp;
use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderName, HeaderValue, USER_AGENT};
use rustls_platform_verifier::BuilderVerifierExt;
use secrecy::{ExposeSecret, SecretString};
use std::error::Error;
use std::sync::Arc;
use std::time::Duration;
use uuid::Uuid;

/// GitHub, for one, refuses requests without a User-Agent.
const PRODUCT: &str = concat!("scimwright/", env!("CARGO_PKG_VERSION"));

/// How long an unused connection is kept. Providers close theirs after 5 to 75 s; a connection both sides
/// have just given up is where ambiguous failures come from.
const IDLE_CONNECTION: Duration = Duration::from_secs(30);

/// How many unused connections are kept; what runs at the same time is the caller's to bound.
const IDLE_CONNECTIONS: usize = 32;

/// A pool of connections to one provider.
#[derive(Debug)]
pub(crate) struct Transport {
    http: reqwest::Client,
    timeouts: Timeouts,
    max_body_bytes: usize,
    secrets: Secrets,
}

impl Transport {
    /// Sets up TLS and the pool; connects to nothing yet. The settings have been checked.
    pub(crate) fn new(settings: &ProviderSettings, base: &BaseUrl) -> Result<Self, SettingsRule> {
        let Timeouts { connect, request } = settings.timeouts;
        let mut builder = reqwest::Client::builder()
            .tls_backend_preconfigured(tls(base)?)
            .default_headers(headers(settings)?)
            // A redirect could carry credentials to another host, and would turn a POST into a GET.
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(connect)
            .timeout(request)
            .pool_idle_timeout(IDLE_CONNECTION)
            .pool_max_idle_per_host(IDLE_CONNECTIONS)
            .tcp_nodelay(true)
            .tcp_keepalive(IDLE_CONNECTION);
        if base.is_loopback() {
            builder = builder.no_proxy();
        }
        let http = builder.build().map_err(|error| SettingsRule::Http { cause: cause(&error) })?;
        Ok(Self {
            http,
            timeouts: settings.timeouts,
            max_body_bytes: settings.max_body_bytes,
            secrets: settings.secrets(),
        })
    }

    /// Sends one request and reads its response, whatever the status.
    ///
    /// # Errors
    /// [`Failure::Unreachable`], [`Failure::TimedOut`] or [`Failure::Interrupted`], where there is no
    /// response. One that breaks off in its body is a response: its status is known.
    pub(crate) async fn send(
        &self,
        request: &HttpRequest,
        request_id: Uuid,
    ) -> Result<HttpResponse, Failure> {
        let mut builder = self
            .http
            .request(method(request.method), request.url.clone())
            .header("x-request-id", request_id.to_string());
        for (name, value) in &request.headers {
            builder = builder.header(*name, value.as_ref());
        }
        if let Some(body) = &request.body {
            builder = builder.body(body.clone());
        }
        let response = builder.send().await.map_err(|error| self.failure(&error))?;
        let (status, headers) = (response.status().as_u16(), response_headers(response.headers()));
        let received = Timestamp::now();
        let (body, end) = self.read(response).await;
        Ok(HttpResponse { status, headers, body, end, received, secrets: self.secrets.clone() })
    }

    /// Reads a body up to the limit, and says how that ended.
    async fn read(&self, mut response: reqwest::Response) -> (Vec<u8>, BodyEnd) {
        let limit = self.max_body_bytes;
        let announced = response.content_length().and_then(|bytes| usize::try_from(bytes).ok());
        // An error's message stands at the beginning, so that a body too large is still worth its first part;
        // an answer announced as too large is not read at all.
        if response.status().is_success() && announced.is_some_and(|bytes| bytes > limit) {
            return (Vec::new(), BodyEnd::OverLimit { limit });
        }
        let mut body = Vec::with_capacity(announced.unwrap_or(0).min(limit));
        loop {
            match response.chunk().await {
                Ok(Some(chunk)) if chunk.len() > limit - body.len() => {
                    body.extend_from_slice(&chunk[..limit - body.len()]);
                    return (body, BodyEnd::OverLimit { limit });
                }
                Ok(Some(chunk)) => body.extend_from_slice(&chunk),
                Ok(None) => return (body, BodyEnd::Complete),
                Err(error) => return (body, BodyEnd::Lost(self.failure(&error))),
            }
        }
    }

    /// What an error of the library means, before a response or in its body.
    fn failure(&self, error: &reqwest::Error) -> Failure {
        let Timeouts { connect, request } = self.timeouts;
        match (error.is_connect(), error.is_timeout()) {
            (true, true) => Failure::TimedOut { limit: connect, connecting: true },
            (true, false) => Failure::Unreachable { cause: self.secrets.quote(&cause(error)) },
            (false, true) => Failure::TimedOut { limit: request, connecting: false },
            // A request that could not even be built has sent nothing.
            (false, false) if error.is_builder() => {
                Failure::Unsendable { reason: self.secrets.quote(&cause(error)) }
            }
            (false, false) => Failure::Interrupted { cause: self.secrets.quote(&cause(error)) },
        }
    }
}

/// TLS with ring, and the trust of the operating system.
///
/// The provider of cryptography is handed over explicitly: nothing is installed for the whole process, and
/// it does not matter what other crates bring into the tree.
fn tls(base: &BaseUrl) -> Result<rustls::ClientConfig, SettingsRule> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let fail = |error: rustls::Error| SettingsRule::Tls { cause: error.to_string() };
    let builder = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(fail)?;
    // Loopback over http has neither TLS nor a proxy. No certificates are loaded for it, so that it works on
    // machines that have none.
    let builder = if base.is_loopback() && !base.is_https() {
        builder.with_root_certificates(rustls::RootCertStore::empty())
    } else {
        builder.with_platform_verifier().map_err(fail)?
    };
    let mut config = builder.with_no_client_auth();
    // RFC 7301; a preconfigured TLS is used as it is.
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(config)
}

fn headers(settings: &ProviderSettings) -> Result<HeaderMap, SettingsRule> {
    let mut headers = HeaderMap::new();
    headers.insert(USER_AGENT, HeaderValue::from_static(PRODUCT));
    if let Some(value) = settings.auth.header() {
        headers.insert(AUTHORIZATION, secret_value("authorization", &value)?);
    }
    for (name, value) in &settings.headers {
        let key = HeaderName::from_bytes(name.as_bytes()).map_err(|_| SettingsRule::Header {
            header: name.clone(),
            reason: "its name is not a header name",
        })?;
        headers.append(key, secret_value(name, value)?);
    }
    Ok(headers)
}

// Sensitive values print as such, and stay out of HTTP/2's compression tables.
fn secret_value(name: &str, value: &SecretString) -> Result<HeaderValue, SettingsRule> {
    let mut value = HeaderValue::from_str(value.expose_secret()).map_err(|_| SettingsRule::Header {
        header: name.to_owned(),
        reason: "its value has a control character or a character outside ASCII",
    })?;
    value.set_sensitive(true);
    Ok(value)
}

fn method(method: Method) -> reqwest::Method {
    match method {
        Method::Get => reqwest::Method::GET,
        Method::Post => reqwest::Method::POST,
        Method::Put => reqwest::Method::PUT,
        Method::Patch => reqwest::Method::PATCH,
        Method::Delete => reqwest::Method::DELETE,
    }
}

fn response_headers(headers: &HeaderMap) -> ResponseHeaders {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
    ResponseHeaders {
        location: text("location"),
        etag: text("etag"),
        retry_after: text("retry-after").or_else(|| text("x-retry-after")),
        date: text("date"),
    }
}

// The library's first words are "error sending request for url (…)"; the reason is at the end of the chain.
fn cause(error: &reqwest::Error) -> String {
    let mut deepest: &dyn Error = error;
    while let Some(source) = deepest.source() {
        deepest = source;
    }
    deepest.to_string()
}
