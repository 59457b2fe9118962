//! Carries the provider over HTTP: binds a port, reads requests, writes responses. Nothing here knows SCIM,
//! and nothing else here knows axum.

use crate::error::SandboxError;
use crate::message::{Body, Method, Request, Response};
use crate::options::SandboxOptions;
use crate::provider::Provider;
use crate::route::BASE_PATH;
use crate::stats::Stats;
use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderName, StatusCode, header};
use std::future::IntoFuture;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use url::Url;

/// How long open connections may take to finish once the sandbox shuts down.
const FAREWELL: Duration = Duration::from_secs(2);

/// An in-memory SCIM service provider.
#[derive(Debug)]
pub struct Sandbox;

impl Sandbox {
    /// Listens, and answers from then on, in tasks of the tokio runtime it is called in.
    ///
    /// # Errors
    /// [`SandboxError`] names the option that cannot be honoured.
    pub async fn start(options: SandboxOptions) -> Result<RunningSandbox, SandboxError> {
        let asked = options.address;
        if !asked.ip().is_loopback() && options.bearer_token.is_none() {
            return Err(SandboxError::Unguarded { address: asked });
        }
        let listen = |cause| SandboxError::Listen { address: asked, cause };
        let listener = TcpListener::bind(asked).await.map_err(listen)?;
        let address = listener.local_addr().map_err(listen)?;
        let base_url = base_url(address)?;
        let provider = Arc::new(Provider::new(&options, base_url.clone())?);

        let served = Arc::new(Served {
            provider: Arc::clone(&provider),
            max_body_bytes: options.max_body_bytes,
            latency: options.latency,
        });
        let router = Router::new().fallback(answer).with_state(served);
        let (stop, stopped) = oneshot::channel::<()>();
        let server = axum::serve(listener, router).with_graceful_shutdown(async move {
            // The sender going away is a request to stop as well.
            let _ = stopped.await;
        });
        let task = tokio::spawn(server.into_future());
        tracing::debug!(%base_url, "sandbox listening");
        Ok(RunningSandbox { provider, address, base_url, stop: Some(stop), task })
    }
}

/// A sandbox that answers requests, until it is shut down or dropped.
#[derive(Debug)]
pub struct RunningSandbox {
    provider: Arc<Provider>,
    address: SocketAddr,
    base_url: Url,
    stop: Option<oneshot::Sender<()>>,
    task: JoinHandle<std::io::Result<()>>,
}

impl RunningSandbox {
    /// Where the SCIM endpoints begin: `http://127.0.0.1:4711/v2`, without a slash at the end.
    #[must_use]
    pub fn base_url(&self) -> &Url {
        &self.base_url
    }

    /// The address it listens on, with the port it got.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where the counts are served as JSON, for whoever is in another process.
    #[must_use]
    pub fn stats_url(&self) -> Url {
        let mut url = self.base_url.clone();
        url.set_path(crate::route::STATS_PATH);
        url
    }

    /// What it was asked so far.
    #[must_use]
    pub fn stats(&self) -> Stats {
        self.provider.stats()
    }

    /// The provider behind the port: the same resources, without a socket in between.
    #[must_use]
    pub fn provider(&self) -> &Provider {
        &self.provider
    }

    /// Takes no more connections, lets the open ones finish for at most 2 seconds, and forgets everything.
    pub async fn shutdown(mut self) {
        drop(self.stop.take());
        if tokio::time::timeout(FAREWELL, &mut self.task).await.is_err() {
            tracing::debug!("sandbox shut down with connections still open");
        }
    }
}

impl Drop for RunningSandbox {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// The URL clients on this machine reach the address by. Listening everywhere includes loopback.
fn base_url(address: SocketAddr) -> Result<Url, SandboxError> {
    let ip = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => IpAddr::V4(Ipv4Addr::LOCALHOST),
        IpAddr::V6(ip) if ip.is_unspecified() => IpAddr::V6(Ipv6Addr::LOCALHOST),
        ip => ip,
    };
    let host = SocketAddr::new(ip, address.port());
    Url::parse(&format!("http://{host}{BASE_PATH}")).map_err(|cause| SandboxError::NoUrl { address, cause })
}

struct Served {
    provider: Arc<Provider>,
    max_body_bytes: usize,
    latency: Duration,
}

async fn answer(
    State(served): State<Arc<Served>>,
    request: axum::extract::Request,
) -> axum::response::Response {
    let (head, body) = request.into_parts();
    let body = match axum::body::to_bytes(body, served.max_body_bytes).await {
        Ok(bytes) => Body::Complete(bytes.into()),
        Err(_) => Body::TooLarge,
    };
    let request = Request {
        method: Method::named(head.method.as_str()),
        path: head.uri.path().to_owned(),
        query: head.uri.query().unwrap_or_default().to_owned(),
        authorization: text(&head.headers, header::AUTHORIZATION),
        content_type: text(&head.headers, header::CONTENT_TYPE),
        if_match: text(&head.headers, header::IF_MATCH),
        if_none_match: text(&head.headers, header::IF_NONE_MATCH),
        body,
    };
    let response = served.provider.handle(&request, jiff::Timestamp::now());
    if !served.latency.is_zero() {
        tokio::time::sleep(served.latency).await;
    }
    carried(response)
}

/// A header that occurs several times is one list (RFC 9110 section 5.3).
fn text(headers: &HeaderMap, name: HeaderName) -> Option<String> {
    let values: Vec<_> = headers.get_all(name).iter().filter_map(|value| value.to_str().ok()).collect();
    (!values.is_empty()).then(|| values.join(", "))
}

fn carried(response: Response) -> axum::response::Response {
    let mut builder = axum::http::Response::builder().status(response.status);
    for (name, value) in response.headers {
        builder = builder.header(name, value);
    }
    let built = match response.body {
        Some(body) => builder.header(header::CONTENT_TYPE, response.media_type).body(body.into()),
        None => builder.body(axum::body::Body::empty()),
    };
    built.unwrap_or_else(|error| {
        tracing::error!(%error, "the sandbox made a response that HTTP cannot carry");
        let mut response = axum::response::Response::new(axum::body::Body::empty());
        *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
        response
    })
}
