//! Servers and settings that the tests share.

use hyper_util::rt::{TokioExecutor, TokioIo};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::server::WebPkiClientVerifier;
use scimwright_client::{Authentication, Client, ProviderSettings};
use scimwright_scim::{Resource, ResourceType, builtin};
use serde_json::Value;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

pub(crate) const TOKEN: &str = "t0ken-that-nobody-may-see";

pub(crate) fn settings(base_url: &str) -> ProviderSettings {
    ProviderSettings::new("acme", base_url.parse().unwrap(), Authentication::bearer(TOKEN))
}

pub(crate) fn client(base_url: &str) -> Client {
    Client::new(settings(base_url)).unwrap()
}

pub(crate) fn user() -> ResourceType {
    builtin::resource_type("User").unwrap().clone()
}

pub(crate) fn resource(value: Value) -> Resource {
    Resource::from_value(value).unwrap()
}

/// What a scripted server does with one request.
pub(crate) enum Reply {
    /// Sends these bytes and keeps the connection.
    Answer(Vec<u8>),
    /// Sends these bytes, which may be none, and resets the connection.
    Reset(&'static str),
    /// Sends this head, and then the same byte until nobody reads any more.
    Endless(&'static str),
}

pub(crate) fn answer(status: &str, headers: &str, body: &str) -> Reply {
    let length = body.len();
    Reply::Answer(
        format!("HTTP/1.1 {status}\r\n{headers}content-length: {length}\r\n\r\n{body}").into_bytes(),
    )
}

/// A server that speaks HTTP byte by byte, because no HTTP library breaks its rules on purpose.
pub(crate) struct Scripted {
    pub(crate) url: String,
    connections: Arc<AtomicUsize>,
    requests: Arc<AtomicUsize>,
    sent: Arc<AtomicUsize>,
}

impl Scripted {
    /// Answers the requests in turn; with the last reply for ever, unless it ends the connection.
    pub(crate) async fn start(replies: Vec<Reply>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/scim/v2", listener.local_addr().unwrap());
        let server =
            Self { url, connections: Arc::default(), requests: Arc::default(), sent: Arc::default() };
        let (connections, requests, sent) =
            (server.connections.clone(), server.requests.clone(), server.sent.clone());
        let replies = Arc::new(replies);
        tokio::spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                connections.fetch_add(1, Ordering::SeqCst);
                tokio::spawn(serve(socket, replies.clone(), requests.clone(), sent.clone()));
            }
        });
        server
    }

    pub(crate) fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }

    pub(crate) fn requests(&self) -> usize {
        self.requests.load(Ordering::SeqCst)
    }

    /// How many bytes of endless bodies were taken off its hands.
    pub(crate) fn sent(&self) -> usize {
        self.sent.load(Ordering::SeqCst)
    }
}

async fn serve(
    mut socket: TcpStream,
    replies: Arc<Vec<Reply>>,
    requests: Arc<AtomicUsize>,
    sent: Arc<AtomicUsize>,
) {
    while read_request(&mut socket).await {
        let number = requests.fetch_add(1, Ordering::SeqCst);
        match &replies[number.min(replies.len() - 1)] {
            Reply::Answer(bytes) => socket.write_all(bytes).await.unwrap(),
            Reply::Reset(bytes) => {
                socket.write_all(bytes.as_bytes()).await.unwrap();
                // What was sent should arrive before the reset does.
                tokio::time::sleep(std::time::Duration::from_millis(50)).await;
                socket.set_zero_linger().unwrap();
                return;
            }
            Reply::Endless(head) => {
                socket.write_all(head.as_bytes()).await.unwrap();
                let chunk = [b'x'; 4096];
                while let Ok(bytes) = socket.write(&chunk).await {
                    sent.fetch_add(bytes, Ordering::SeqCst);
                }
                return;
            }
        }
    }
}

/// Reads one request with its body; false where the client is gone.
async fn read_request(socket: &mut TcpStream) -> bool {
    let mut request = Vec::new();
    let mut chunk = [0; 4096];
    loop {
        if let Some(end) = request.windows(4).position(|window| window == b"\r\n\r\n") {
            let head = String::from_utf8_lossy(&request[..end]).to_ascii_lowercase();
            let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
            let length: usize = length.map_or(0, |length| length.parse().unwrap());
            if request.len() >= end + 4 + length {
                return true;
            }
        }
        match socket.read(&mut chunk).await {
            Ok(0) | Err(_) => return false,
            Ok(read) => request.extend_from_slice(&chunk[..read]),
        }
    }
}

/// An authority, a certificate it issued for 127.0.0.1 and localhost, and one for a client.
pub(crate) struct Trust {
    pub(crate) authority: String,
    server: (CertificateDer<'static>, Vec<u8>),
    pub(crate) client: String,
    pub(crate) client_key: String,
}

static AUTHORITIES: AtomicUsize = AtomicUsize::new(1);

impl Trust {
    pub(crate) fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        // Two authorities with one name would be told apart by their signatures only.
        let name = format!("authority {}", AUTHORITIES.fetch_add(1, Ordering::SeqCst));
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let authority_key = KeyPair::generate().unwrap();
        let authority = CertifiedIssuer::self_signed(params, authority_key).unwrap();
        let issue = |names: &[&str]| {
            let key = KeyPair::generate().unwrap();
            let names: Vec<_> = names.iter().map(|name| (*name).to_owned()).collect();
            (CertificateParams::new(names).unwrap().signed_by(&key, &authority).unwrap(), key)
        };
        let (server, server_key) = issue(&["127.0.0.1", "localhost"]);
        let (client, client_key) = issue(&["scimwright"]);
        Self {
            authority: authority.pem(),
            server: (server.der().clone(), server_key.serialize_der()),
            client: client.pem(),
            client_key: client_key.serialize_pem(),
        }
    }

    pub(crate) fn config(&self, asks_for_a_certificate: bool) -> rustls::ServerConfig {
        let ring = Arc::new(rustls::crypto::ring::default_provider());
        let mut roots = rustls::RootCertStore::empty();
        roots.add(CertificateDer::from_pem_slice(self.authority.as_bytes()).unwrap()).unwrap();
        let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), ring.clone());
        let builder =
            rustls::ServerConfig::builder_with_provider(ring).with_safe_default_protocol_versions().unwrap();
        let builder = if asks_for_a_certificate {
            builder.with_client_cert_verifier(verifier.build().unwrap())
        } else {
            builder.with_no_client_auth()
        };
        let (certificate, key) = self.server.clone();
        let mut config = builder.with_single_cert(vec![certificate], key.try_into().unwrap()).unwrap();
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        config
    }
}

/// A provider behind TLS, with HTTP/2. It answers each request with a resource; below `/echo`, with 400 and
/// the request's headers.
pub(crate) struct Https {
    pub(crate) url: String,
}

impl Https {
    pub(crate) async fn start(trust: &Trust, asks_for_a_certificate: bool) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("https://{}/scim/v2", listener.local_addr().unwrap());
        let acceptor = TlsAcceptor::from(Arc::new(trust.config(asks_for_a_certificate)));
        tokio::spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                let acceptor = acceptor.clone();
                tokio::spawn(async move {
                    let Ok(socket) = acceptor.accept(socket).await else { return };
                    let service = hyper::service::service_fn(|request: hyper::Request<_>| async move {
                        let _: &hyper::body::Incoming = request.body();
                        let echo = request.uri().path().ends_with("/echo");
                        let shown: Vec<_> =
                            request.headers().values().map(|value| value.to_str().unwrap()).collect();
                        let body = if echo { shown.join(" ") } else { r#"{"id": "7"}"#.to_owned() };
                        let response = hyper::Response::builder().status(if echo { 400 } else { 200 });
                        response.body(http_body_util::Full::new(hyper::body::Bytes::from(body)))
                    });
                    let server = hyper_util::server::conn::auto::Builder::new(TokioExecutor::new());
                    let _ = server.serve_connection(TokioIo::new(socket), service).await;
                });
            }
        });
        Self { url }
    }
}
