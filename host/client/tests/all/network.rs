//! Which way requests go, whom they trust, and where they never go.

use crate::support::{Https, Scripted, Trust, answer, client, resource, settings, user};
use scimwright_client::{
    AddressGuard, Authentication, Client, ClientCredentials, ClientIdentity, Failure, Pem, ProviderSettings,
    ProxySettings, RetryAdvice, RetryPolicy, TlsSettings,
};
use secrecy::SecretString;
use serde_json::json;
use std::sync::{Arc, Mutex};
use tokio::io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};

fn trusting(url: &str, trust: &Trust) -> ProviderSettings {
    let mut settings = settings(url);
    settings.tls.extra_roots = vec![Pem::new(trust.authority.clone())];
    settings.retry = RetryPolicy::never();
    settings
}

#[tokio::test]
async fn a_private_authority_is_trusted_where_it_is_named() {
    let (trust, other) = (Trust::new(), Trust::new());
    let server = Https::start(&trust, false).await;
    let mut settings = trusting(&server.url, &trust);
    // Several in one text, the one that counts not the first.
    settings.tls.extra_roots = vec![Pem::new(format!("{}{}", other.authority, trust.authority))];
    Client::new(settings).unwrap().retrieve(&user(), "7").await.unwrap();
}

#[tokio::test]
async fn an_unknown_authority_is_refused_with_its_remedy() {
    let (trust, other) = (Trust::new(), Trust::new());
    let server = Https::start(&trust, false).await;
    let client = Client::new(trusting(&server.url, &other)).unwrap();
    let error = client.create(&user(), &resource(json!({}))).await.unwrap_err();
    assert!(!error.may_have_been_executed());
    assert_eq!(
        error.to_string(),
        "cannot create a User at `acme`: there is no connection to it: invalid peer certificate: UnknownIssuer; \
         if the provider's authority is a private one, add its certificate to the extra roots. Check base_url, the network \
         and the proxy settings"
    );
}

#[tokio::test]
async fn a_certificate_for_another_host_is_refused() {
    let trust = Trust::new();
    let server = Https::start(&trust, false).await;
    let url = server.url.replace("127.0.0.1", "other.localhost");
    let error = Client::new(trusting(&url, &trust)).unwrap().retrieve(&user(), "7").await.unwrap_err();
    let told = error.to_string();
    assert!(told.contains("the certificate is for another host") || told.contains("lookup"), "{told}");
}

#[tokio::test]
async fn a_server_that_asks_for_a_certificate_gets_ours() {
    let trust = Trust::new();
    let server = Https::start(&trust, true).await;
    let mut settings = trusting(&server.url, &trust);
    settings.tls.identity =
        Some(ClientIdentity { chain: Pem::new(trust.client.clone()), key: trust.client_key.clone().into() });
    Client::new(settings).unwrap().retrieve(&user(), "7").await.unwrap();
}

#[tokio::test]
async fn where_the_server_asks_for_a_certificate_and_gets_none_nothing_was_executed() {
    let trust = Trust::new();
    let server = Https::start(&trust, true).await;
    let client = Client::new(trusting(&server.url, &trust)).unwrap();
    let error = client.create(&user(), &resource(json!({}))).await.unwrap_err();
    assert!(matches!(error.kind, Failure::Unreachable { .. }), "{error:?}");
    assert!(error.to_string().contains("asks for a client certificate"), "{error}");
    assert!(!error.may_have_been_executed());
}

#[test]
fn a_pem_that_is_none_is_named_before_a_client_exists() {
    let mut settings = settings("https://acme.example");
    settings.tls = TlsSettings { extra_roots: vec![Pem::new("/etc/ca.pem")], identity: None };
    assert_eq!(
        Client::new(settings).unwrap_err().to_string(),
        "provider `acme`: tls.extra_roots cannot be used: it has no `-----BEGIN CERTIFICATE-----`; is it DER, or \
         a file name?"
    );
}

/// A proxy that forwards http and tunnels https to the address it is told to, whatever host is asked for.
/// Returns its URL and the heads of the requests that it saw.
pub(crate) async fn proxy(target: &str) -> (url::Url, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap()).parse().unwrap();
    let heads = Arc::new(Mutex::new(Vec::new()));
    let (target, seen) = (target.to_owned(), heads.clone());
    tokio::spawn(async move {
        while let Ok((mut socket, _)) = listener.accept().await {
            let (target, seen) = (target.clone(), seen.clone());
            tokio::spawn(async move {
                let mut head = Vec::new();
                while !head.ends_with(b"\r\n\r\n") {
                    head.push(socket.read_u8().await.unwrap());
                }
                let text = String::from_utf8(head.clone()).unwrap();
                seen.lock().unwrap().push(text.clone());
                if text.contains("Basic d3Jvbmc6") {
                    let refusal = b"HTTP/1.1 407 Proxy Authentication Required\r\ncontent-length: 0\r\n\r\n";
                    return socket.write_all(refusal).await.unwrap();
                }
                let mut upstream = TcpStream::connect(target).await.unwrap();
                if text.starts_with("CONNECT ") {
                    socket.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await.unwrap();
                } else {
                    upstream.write_all(&head).await.unwrap();
                }
                let _ = copy_bidirectional(&mut socket, &mut upstream).await;
            });
        }
    });
    (url, heads)
}

fn through(url: url::Url, user: &str) -> ProxySettings {
    ProxySettings::Url { url, credentials: Some((user.to_owned(), SecretString::from("p4ss"))) }
}

pub(crate) fn authority(url: &str) -> String {
    let url: url::Url = url.parse().unwrap();
    format!("127.0.0.1:{}", url.port().unwrap())
}

#[tokio::test]
async fn an_explicit_proxy_is_used_with_its_credentials_for_http() {
    let server = Scripted::start(vec![answer("200 OK", "", r#"{"id": "7"}"#)]).await;
    let (url, heads) = proxy(&authority(&server.url)).await;
    let mut settings = settings("http://acme.example/scim/v2");
    settings.allow_insecure_http = true;
    settings.proxy = through(url, "me");
    Client::new(settings).unwrap().retrieve(&user(), "7").await.unwrap();
    let head = heads.lock().unwrap().remove(0).to_ascii_lowercase();
    assert!(head.starts_with("get http://acme.example/scim/v2/users/7 http/1.1\r\n"), "{head}");
    // `me:p4ss`
    assert!(head.contains("proxy-authorization: basic bwu6cdrzcw=="), "{head}");
}

#[tokio::test]
async fn an_explicit_proxy_is_a_tunnel_for_https_and_holds_for_loopback_too() {
    let trust = Trust::new();
    let server = Https::start(&trust, false).await;
    let (url, heads) = proxy(&authority(&server.url)).await;
    let mut settings = trusting(&server.url, &trust);
    settings.proxy = through(url, "me");
    Client::new(settings).unwrap().retrieve(&user(), "7").await.unwrap();
    let head = heads.lock().unwrap().remove(0).to_ascii_lowercase();
    assert!(head.starts_with("connect 127.0.0.1:"), "{head}");
    assert!(head.contains("proxy-authorization: basic bwu6cdrzcw=="), "{head}");
    assert!(!head.contains("bearer"), "the proxy sees nothing of the request: {head}");
}

#[tokio::test]
async fn credentials_that_the_proxy_refuses_are_told_from_those_of_the_provider() {
    let (url, _) = proxy("127.0.0.1:9").await;
    for base in ["http://acme.example/v2", "https://acme.example/v2"] {
        let mut settings = trusting(base, &Trust::new());
        settings.allow_insecure_http = true;
        settings.proxy = through(url.clone(), "wrong");
        let error = Client::new(settings).unwrap().retrieve(&user(), "7").await.unwrap_err();
        let told = error.to_string();
        assert!(told.contains("proxy") && !told.contains("p4ss"), "{told}");
    }
}

#[tokio::test]
async fn a_name_that_leads_to_a_private_address_is_refused_when_it_is_resolved() {
    let server = Scripted::start(vec![answer("200 OK", "", r#"{"id": "7"}"#)]).await;
    let mut settings = settings(&server.url.replace("127.0.0.1", "localhost"));
    settings.guard = AddressGuard::DenyPrivate { except: Vec::new() };
    let error =
        Client::new(settings.clone()).unwrap().create(&user(), &resource(json!({}))).await.unwrap_err();
    let told = error.to_string();
    assert!(
        told.contains("`localhost` leads to ")
            && told.contains("(loopback), which the address guard refuses"),
        "{told}"
    );
    assert_eq!((error.retry(), error.may_have_been_executed()), (RetryAdvice::Never, false));
    assert_eq!(server.connections(), 0);

    // The same request with an exception, so that it is the guard that was in the way.
    settings.guard =
        AddressGuard::DenyPrivate { except: ["127.0.0.0/8", "::1/128"].map(|n| n.parse().unwrap()).to_vec() };
    Client::new(settings).unwrap().retrieve(&user(), "7").await.unwrap();
}

#[tokio::test]
async fn the_guard_holds_for_the_token_endpoint_as_well() {
    let server = Scripted::start(vec![answer("200 OK", "", "{}")]).await;
    let url = server.url.replace("127.0.0.1", "localhost");
    let mut settings = settings("https://acme.example");
    let grant = ClientCredentials::new(url.parse().unwrap(), "id", "s3cr3t");
    settings.auth = Authentication::ClientCredentials(grant);
    settings.guard = AddressGuard::DenyPrivate { except: Vec::new() };
    settings.tls.extra_roots = vec![Pem::new(Trust::new().authority)];
    let error = Client::new(settings).unwrap().retrieve(&user(), "7").await.unwrap_err();
    assert!(matches!(error.kind, Failure::AddressRefused { .. }), "{error}");
    assert_eq!((server.connections(), error.call.attempts), (0, 0));
}

#[tokio::test]
async fn a_connection_that_closes_between_two_requests_costs_nothing() {
    let server = Scripted::start(vec![answer("200 OK", "connection: close\r\n", r#"{"id": "7"}"#)]).await;
    let client = client(&server.url);
    for _ in 0..3 {
        assert_eq!(client.create(&user(), &resource(json!({}))).await.unwrap().call.attempts, 1);
    }
}

/// Resets the first stream for this reason, before its answer or in it, and answers the others.
async fn resetting(trust: &Trust, reason: h2::Reason, answered: bool) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("https://{}", listener.local_addr().unwrap());
    let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(trust.config(false)));
    tokio::spawn(async move {
        let mut first = true;
        while let Ok((socket, _)) = listener.accept().await {
            let socket = acceptor.accept(socket).await.unwrap();
            let mut connection = h2::server::handshake(socket).await.unwrap();
            while let Some(Ok((_, mut respond))) = connection.accept().await {
                if std::mem::take(&mut first) {
                    if answered {
                        let mut body = respond.send_response(hyper::Response::new(()), false).unwrap();
                        // The head is sent by the loop around this; a reset at once would take its place.
                        tokio::spawn(async move {
                            tokio::time::sleep(std::time::Duration::from_millis(100)).await;
                            body.send_reset(reason);
                        });
                    } else {
                        respond.send_reset(reason);
                    }
                    continue;
                }
                let mut body = respond.send_response(hyper::Response::new(()), false).unwrap();
                body.send_data(hyper::body::Bytes::from_static(br#"{"id": "7"}"#), true).unwrap();
            }
        }
    });
    url
}

/// Point 17: an ambiguous POST is never repeated blindly.
#[tokio::test]
async fn a_create_is_repeated_where_the_provider_refused_the_stream_and_only_there() {
    let trust = Trust::new();
    let create = async |reason, answered| {
        let mut settings = trusting(&resetting(&trust, reason, answered).await, &trust);
        settings.retry = RetryPolicy::default();
        Client::new(settings).unwrap().create(&user(), &resource(json!({}))).await
    };
    assert_eq!(create(h2::Reason::REFUSED_STREAM, false).await.unwrap().call.attempts, 2);
    for (reason, answered) in [(h2::Reason::INTERNAL_ERROR, false), (h2::Reason::REFUSED_STREAM, true)] {
        let error = create(reason, answered).await.unwrap_err();
        assert!(matches!(error.kind, Failure::Interrupted { .. }), "{error}");
        assert_eq!((error.may_have_been_executed(), error.call.attempts), (true, 1));
    }
}
