//! Sends requests and brings back responses. The only file that names the HTTP library.
//!
//! It adds what every request carries (credentials, `User-Agent`, `X-Request-Id`, the configured headers),
//! follows no redirect, reads no body beyond its limit, and says of each failure whether the request can have
//! reached the provider. It judges nothing and repeats nothing.

use crate::address::is_loopback;
use crate::failure::Failure;
use crate::guard::AddressGuard;
use crate::message::{BodyEnd, HttpRequest, HttpResponse, Method, ResponseHeaders};
use crate::proxy::ProxySettings;
use crate::quote::Secrets;
use crate::settings::{ProviderSettings, SettingsRule, Timeouts};
use jiff::Timestamp;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderName, HeaderValue};
use rustls::AlertDescription;
use secrecy::{ExposeSecret, SecretString};
use std::error::Error;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};
use url::Url;
use uuid::Uuid;

/// GitHub, for one, refuses requests without a User-Agent.
const PRODUCT: &str = concat!("scimwright/", env!("CARGO_PKG_VERSION"));

/// How long an unused connection is kept. Providers close theirs after 5 to 75 s; a connection both sides
/// have just given up is where ambiguous failures come from.
const IDLE_CONNECTION: Duration = Duration::from_secs(30);

/// How many unused connections are kept; what runs at the same time is the caller's to bound.
const IDLE_CONNECTIONS: usize = 32;

/// A pool of connections to one host: the provider, or the token endpoint.
#[derive(Debug)]
pub(crate) struct Transport {
    http: reqwest::Client,
    /// The configured headers. They are for the provider only: an API key is nobody else's business.
    headers: HeaderMap,
    timeouts: Timeouts,
    max_body_bytes: usize,
    secrets: Secrets,
}

impl Transport {
    /// Sets up TLS and the pool; connects to nothing yet. The settings have been checked.
    pub(crate) fn to_provider(settings: &ProviderSettings, secrets: Secrets) -> Result<Self, SettingsRule> {
        Ok(Self { headers: headers(settings)?, ..Self::to(settings, &settings.base_url, secrets)? })
    }

    /// The same way to the token endpoint: TLS, proxy, guard, time-outs and limits are those of the provider.
    pub(crate) fn to_token_endpoint(
        settings: &ProviderSettings,
        token_url: &Url,
        secrets: Secrets,
    ) -> Result<Self, SettingsRule> {
        Self::to(settings, token_url, secrets)
    }

    fn to(settings: &ProviderSettings, url: &Url, secrets: Secrets) -> Result<Self, SettingsRule> {
        let Timeouts { connect, read, request } = settings.timeouts;
        let proxied_by_tls =
            matches!(&settings.proxy, ProxySettings::Url { url, .. } if url.scheme() == "https");
        let https = url.scheme() == "https" || !is_loopback(url) || proxied_by_tls;
        let mut builder = reqwest::Client::builder()
            .tls_backend_preconfigured(settings.tls.config(https)?)
            .user_agent(PRODUCT)
            // A redirect could carry credentials to another host, and would turn a POST into a GET.
            .redirect(reqwest::redirect::Policy::none())
            // What is sent again is decided in one place, where budgets and patience are known.
            .retry(reqwest::retry::never())
            .connect_timeout(connect)
            .read_timeout(read)
            .timeout(request)
            .pool_idle_timeout(IDLE_CONNECTION)
            .pool_max_idle_per_host(IDLE_CONNECTIONS)
            .tcp_nodelay(true)
            .tcp_keepalive(IDLE_CONNECTION);
        match &settings.proxy {
            // A proxy looks names up itself, so that nothing is guarded behind it. One that the operator names is
            // their decision; one that the environment happens to name is not.
            ProxySettings::System if !is_loopback(url) && settings.guard == AddressGuard::Open => {}
            ProxySettings::System | ProxySettings::None => builder = builder.no_proxy(),
            ProxySettings::Url { url, credentials } => {
                let proxy = reqwest::Proxy::all(url.as_str()).map_err(|error| SettingsRule::Proxy {
                    reason: secrets.quote(&deepest(&error).to_string()),
                })?;
                builder = builder.proxy(match credentials {
                    Some((user, password)) => proxy.basic_auth(user, password.expose_secret()),
                    None => proxy,
                });
            }
        }
        if settings.guard != AddressGuard::Open {
            builder = builder.dns_resolver(Arc::new(Guarded(settings.guard.clone())));
        }
        let http = builder
            .build()
            .map_err(|error| SettingsRule::Http { cause: secrets.quote(&deepest(&error).to_string()) })?;
        Ok(Self {
            http,
            headers: HeaderMap::new(),
            timeouts: settings.timeouts,
            max_body_bytes: settings.max_body_bytes,
            secrets,
        })
    }

    /// Sends one request and reads its response, whatever the status.
    ///
    /// # Errors
    /// Where there is no response: [`Failure::Unreachable`], [`Failure::AddressRefused`],
    /// [`Failure::TimedOut`], [`Failure::NotTaken`], [`Failure::Interrupted`] or [`Failure::Unsendable`]. One
    /// that breaks off in its body is a response: its status is known.
    pub(crate) async fn send(
        &self,
        request: &HttpRequest,
        authorization: Option<&SecretString>,
        request_id: Uuid,
    ) -> Result<HttpResponse, Failure> {
        let begun = Instant::now();
        let mut builder = self
            .http
            .request(method(request.method), request.url.clone())
            .headers(self.headers.clone())
            .header("x-request-id", request_id.to_string());
        if let Some(value) = authorization {
            let unsendable = |rule: SettingsRule| Failure::Unsendable { reason: rule.to_string() };
            builder =
                builder.header(AUTHORIZATION, secret_value("authorization", value).map_err(unsendable)?);
        }
        for (name, value) in &request.headers {
            builder = builder.header(*name, value.as_ref());
        }
        if let Some(body) = &request.body {
            builder = builder.body(body.clone());
        }
        let response = builder.send().await.map_err(|error| self.failure(&error, begun))?;
        let (status, headers) = (response.status().as_u16(), response_headers(response.headers()));
        let received = Timestamp::now();
        let (body, end) = self.read(response, begun).await;
        Ok(HttpResponse { status, headers, body, end, received, secrets: self.secrets.clone() })
    }

    /// Reads a body up to the limit, and says how that ended.
    async fn read(&self, mut response: reqwest::Response, begun: Instant) -> (Vec<u8>, BodyEnd) {
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
                Err(error) => return (body, BodyEnd::Lost(self.broken_off(&error, begun))),
            }
        }
    }

    /// What an error in a body means. Whatever its cause, the request was taken: there is a response.
    fn broken_off(&self, error: &reqwest::Error, begun: Instant) -> Failure {
        match self.failure(error, begun) {
            late @ Failure::TimedOut { connecting: false, .. } => late,
            _ => Failure::Interrupted { cause: self.secrets.quote(&cause(error)) },
        }
    }

    /// What an error before a response means.
    fn failure(&self, error: &reqwest::Error, begun: Instant) -> Failure {
        let Timeouts { connect, read, request } = self.timeouts;
        let cause = || self.secrets.quote(&cause(error));
        if let Some(refused) = find::<GuardError>(error) {
            let GuardError { host, address, kind } = refused.clone();
            return Failure::AddressRefused { host, address, kind };
        }
        match (error.is_connect(), error.is_timeout()) {
            (true, true) => Failure::TimedOut { limit: connect, connecting: true },
            (true, false) => Failure::Unreachable { cause: cause() },
            // The library does not say which of the two passed.
            (false, true) if begun.elapsed() >= request => {
                Failure::TimedOut { limit: request, connecting: false }
            }
            (false, true) => Failure::TimedOut { limit: read, connecting: false },
            // A request that could not even be built has sent nothing.
            (false, false) if error.is_builder() => Failure::Unsendable { reason: cause() },
            (false, false) if refuses_our_certificate(error) => Failure::Unreachable { cause: cause() },
            (false, false) if not_taken(error) => Failure::NotTaken { cause: cause() },
            (false, false) => Failure::Interrupted { cause: cause() },
        }
    }
}

/// Resolves names, and yields no address that the guard refuses. The library connects to nothing else, so
/// that a name which points elsewhere the next moment gains nothing.
#[derive(Debug)]
struct Guarded(AddressGuard);

/// Why a name has no address that may be connected to.
#[derive(Debug, Clone, thiserror::Error)]
#[error("`{host}` leads to {address} ({kind}), which the address guard refuses")]
struct GuardError {
    host: String,
    address: IpAddr,
    kind: &'static str,
}

impl Resolve for Guarded {
    fn resolve(&self, name: Name) -> Resolving {
        let guard = self.0.clone();
        Box::pin(async move {
            let (mut allowed, mut refused) = (Vec::new(), None);
            // The port is filled in by the library.
            for address in tokio::net::lookup_host((name.as_str(), 0)).await? {
                match guard.objection(address.ip()) {
                    None => allowed.push(address),
                    Some(kind) => {
                        let host = name.as_str().to_owned();
                        refused.get_or_insert(GuardError { host, address: address.ip(), kind });
                    }
                }
            }
            match refused {
                Some(refused) if allowed.is_empty() => Err(refused.into()),
                _ => Ok(Box::new(allowed.into_iter()) as Addrs),
            }
        })
    }
}

fn headers(settings: &ProviderSettings) -> Result<HeaderMap, SettingsRule> {
    let mut headers = HeaderMap::new();
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

/// What an error says, and of TLS errors what to do.
fn cause(error: &reqwest::Error) -> String {
    use rustls::CertificateError::{UnknownIssuer, *};
    let text = deepest(error).to_string();
    let remedy = match find::<rustls::Error>(error) {
        Some(rustls::Error::InvalidCertificate(UnknownIssuer | BadSignature)) => {
            "; if the provider's authority is a private one, add its certificate to the extra roots"
        }
        Some(rustls::Error::InvalidCertificate(NotValidForName | NotValidForNameContext { .. })) => {
            "; the certificate is for another host"
        }
        Some(rustls::Error::InvalidCertificate(Expired | ExpiredContext { .. })) => {
            "; the certificate has expired, or this machine's clock is wrong"
        }
        _ if refuses_our_certificate(error) => {
            "; the provider asks for a client certificate, or does not accept the one that is configured"
        }
        _ => "",
    };
    text + remedy
}

// The library's first words are "error sending request for url (…)"; the reason is at the end of the chain.
fn deepest(error: &reqwest::Error) -> &dyn Error {
    let mut deepest: &dyn Error = error;
    while let Some(source) = deepest.source() {
        deepest = source;
    }
    deepest
}

/// The first error of this type in the chain. An `io::Error` is no link of it: it yields the source of what it
/// wraps, so that it has to be opened.
fn find<'a, E: Error + 'static>(error: &'a (dyn Error + 'static)) -> Option<&'a E> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(found) = error.downcast_ref::<E>() {
            return Some(found);
        }
        let wrapped = error.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref);
        next = match wrapped {
            Some(wrapped) => Some(wrapped as &(dyn Error + 'static)),
            None => error.source(),
        };
    }
    None
}

/// With TLS 1.3 a server refuses the client's certificate, or the lack of one, only after the client takes the
/// connection for made (RFC 8446 section 4.4.2.4). It has not looked at the request.
fn refuses_our_certificate(error: &reqwest::Error) -> bool {
    const ALERTS: [AlertDescription; 8] = [
        AlertDescription::CertificateRequired,
        AlertDescription::BadCertificate,
        AlertDescription::UnsupportedCertificate,
        AlertDescription::CertificateRevoked,
        AlertDescription::CertificateExpired,
        AlertDescription::CertificateUnknown,
        AlertDescription::UnknownCA,
        AlertDescription::AccessDenied,
    ];
    // Over HTTP/2 the TLS library's error arrives as its text only.
    let text = deepest(error).to_string();
    ALERTS.iter().any(|alert| text == rustls::Error::AlertReceived(*alert).to_string())
}

/// Whether the request was certainly not begun with: it was never written, or HTTP/2 says so.
fn not_taken(error: &reqwest::Error) -> bool {
    // The connection was gone before the request's turn came.
    if find::<hyper::Error>(error).is_some_and(hyper::Error::is_canceled) {
        return true;
    }
    // RFC 9113 section 8.7: a stream refused, or one above the last that a GOAWAY names, was not processed.
    // A GOAWAY ends only such streams while it is a graceful one.
    find::<h2::Error>(error).is_some_and(|error| {
        error.is_remote()
            && (error.is_reset() && error.reason() == Some(h2::Reason::REFUSED_STREAM)
                || error.is_go_away() && error.reason() == Some(h2::Reason::NO_ERROR))
    })
}
