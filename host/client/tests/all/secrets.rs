//! No output has a secret in it, not even when the provider sends it back.

use crate::support::{Https, Reply, Scripted, TOKEN, Trust, resource, settings, user};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use scimwright_client::{
    Authentication, Client, ClientCredentials, ClientError, ClientIdentity, Pem, ProviderSettings,
    ProxySettings, SecretPlacement, Timeouts,
};
use secrecy::SecretString;
use serde_json::{Value, json};
use std::time::Duration;
use tracing_subscriber::filter::LevelFilter;
use wiremock::matchers::any;
use wiremock::{Mock, MockServer, Request, ResponseTemplate};

const KEY: &str = "k3y-that-nobody-may-see";

fn assert_clean(text: &str) {
    assert!(!text.contains("nobody-may-see"), "{text}");
}

fn assert_clean_error(error: &ClientError) {
    assert_clean(&format!("{error} {error:?} {error:#?}"));
}

/// Point 27: passwords and tokens never reach logs.
#[tokio::test]
async fn a_secret_that_the_provider_echoes_reaches_no_output() {
    // The request comes back in every form a careless server has: as detail, type, text, page title, address.
    let echo = |request: &Request| {
        let sent = format!("{:?} {:?}", request.headers["authorization"], request.headers["x-api-key"]);
        assert!(sent.contains(TOKEN) && sent.contains(KEY), "the test server sees both: {sent}");
        let raw = |status, body: String| ResponseTemplate::new(status).set_body_string(body);
        match request.url.path().rsplit('/').next().unwrap() {
            "detail" => raw(400, json!({"status": "400", "scimType": sent, "detail": sent}).to_string()),
            "foreign" => raw(401, json!({"error": {"message": sent}}).to_string()),
            "text" => raw(500, sent),
            "page" => raw(502, format!("<html><title>{sent}</title>")),
            "success" => raw(200, format!("<html>{}{sent}", " ".repeat(250))),
            "redirect" => {
                ResponseTemplate::new(302).insert_header("location", sent.replace('"', "").as_str())
            }
            other => raw(404, other.to_owned()),
        }
    };
    let server = MockServer::start().await;
    Mock::given(any()).respond_with(echo).mount(&server).await;
    let mut settings = settings(&server.uri());
    settings.headers.push(("X-Api-Key".to_owned(), SecretString::from(KEY.to_owned())));
    settings.retry.attempts = 1;
    assert_clean(&format!("{settings:?} {settings:#?}"));
    let client = Client::new(settings).unwrap();
    assert_clean(&format!("{client:?} {client:#?}"));

    for kind in ["detail", "foreign", "text", "page", "success", "redirect", "nothing"] {
        let error = client.retrieve(&user(), kind).await.unwrap_err();
        assert_clean_error(&error);
        let quoted = error.to_string().contains("[redacted]");
        assert_eq!(quoted, kind != "nothing", "what was echoed is shown, but for the secret: {error}");
    }
}

/// Point 27: passwords and tokens never reach logs.
#[tokio::test]
async fn a_secret_is_in_no_error_of_a_connection() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let client = Client::new(settings(&url)).unwrap();
    assert_clean_error(&client.create(&user(), &resource(json!({}))).await.unwrap_err());
}

/// Point 27: passwords and tokens never reach logs.
#[test]
fn a_secret_is_in_no_error_of_the_settings() {
    let mut broken = Vec::new();
    for secret in [format!("{TOKEN}\n"), format!("{TOKEN} \u{7}"), format!("\u{e4}\r{TOKEN}")] {
        let with = |auth: Authentication| ProviderSettings { auth, ..settings("https://acme.example") };
        let url = "https://login.example/token".parse().unwrap();
        let url_of = |user_info: &str| format!("https://{user_info}@acme.example/").parse().unwrap();
        broken.push(with(Authentication::bearer(secret.clone())));
        broken.push(with(Authentication::basic("jdoe", secret.clone())));
        broken.push(with(Authentication::ClientCredentials(ClientCredentials::new(
            url,
            "id",
            secret.clone(),
        ))));
        let mut other = settings("https://acme.example");
        let credentials = Some(("me".to_owned(), SecretString::from(secret.clone())));
        other.proxy = ProxySettings::Url { url: "http://proxy:3128".parse().unwrap(), credentials };
        broken.push(other.clone());
        other.proxy = ProxySettings::Url { url: url_of(&format!("me:{TOKEN}")), credentials: None };
        broken.push(other.clone());
        other.proxy = ProxySettings::None;
        let key = format!("-----BEGIN PRIVATE KEY-----\n{secret}\n-----END PRIVATE KEY-----\n");
        let chain = Pem::new(Trust::new().client);
        other.tls.identity = Some(ClientIdentity { chain, key: SecretString::from(key) });
        broken.push(other);
        broken.push(ProviderSettings { base_url: url_of(&format!("me:{TOKEN}")), ..settings("https://a") });
    }
    for settings in broken {
        let error = Client::new(settings.clone()).unwrap_err();
        assert_clean(&format!("{error} {error:?} {settings:?}"));
    }
}

const PASSWORD: &str = "p4ss/word that nobody-may-see";
const CLIENT_SECRET: &str = "s3cret&client+nobody-may-see";
const PROXY_PASSWORD: &str = "pr0xy-nobody-may-see";
const FETCHED: &str = "fetched-t0ken-nobody-may-see";

/// Everything that must not be seen, in each form in which it travels.
fn forbidden(client_key: &str) -> Vec<String> {
    let form = |text: &str| url::form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
    let mut all: Vec<_> = [TOKEN, KEY, PASSWORD, CLIENT_SECRET, PROXY_PASSWORD, FETCHED]
        .into_iter()
        .flat_map(|secret| [secret.to_owned(), form(secret), STANDARD.encode(secret)])
        .collect();
    all.push(STANDARD.encode(format!("jdoe:{PASSWORD}")));
    all.push(STANDARD.encode(format!("scimwright:{}", form(CLIENT_SECRET))));
    all.push(STANDARD.encode(format!("me:{PROXY_PASSWORD}")));
    all.extend(client_key.lines().filter(|line| !line.starts_with('-')).map(str::to_owned));
    all
}

/// Makes the calls whose servers run in the parent, and prints all there is to see of them.
#[expect(clippy::print_stdout, reason = "what is printed is what the parent looks at")]
async fn make_calls(told: &Value) {
    tracing_subscriber::fmt().with_max_level(LevelFilter::TRACE).init();
    let text = |name: &str| told[name].as_str().unwrap().to_owned();
    let base = |url: &str| {
        let mut settings = settings(url);
        settings.headers.push(("X-Api-Key".to_owned(), SecretString::from(KEY)));
        settings.retry.attempts = 1;
        settings
    };
    let secure = |url: &str| {
        let mut settings = base(url);
        settings.tls.extra_roots = vec![Pem::new(text("authority"))];
        settings
    };
    let grant = |path: &str| {
        let url = format!("{}/{path}", text("tokens")).parse().unwrap();
        ClientCredentials::new(url, "scimwright", CLIENT_SECRET)
    };
    let with = |auth: Authentication| ProviderSettings { auth, ..secure(&text("https")) };
    let in_body = |path: &str| {
        let grant = ClientCredentials { secret_in: SecretPlacement::Body, ..grant(path) };
        with(Authentication::ClientCredentials(grant))
    };
    let proxied = |through: &str, settings: ProviderSettings| {
        let credentials = Some(("me".to_owned(), SecretString::from(PROXY_PASSWORD)));
        let url = text(through).parse().unwrap();
        ProviderSettings { proxy: ProxySettings::Url { url, credentials }, ..settings }
    };
    let mut identified = secure(&text("identified"));
    identified.tls.identity =
        Some(ClientIdentity { chain: Pem::new(text("client")), key: text("client_key").into() });
    let mut slow = base(&text("slow"));
    let limit = Duration::from_millis(200);
    slow.timeouts = Timeouts { connect: limit, read: limit, request: limit };
    let all = [
        ("bearer", secure(&text("https"))),
        ("basic", with(Authentication::basic("jdoe", PASSWORD))),
        ("grant", with(Authentication::ClientCredentials(grant("ok")))),
        ("grant in the body", in_body("ok")),
        ("grant refused", with(Authentication::ClientCredentials(grant("echo")))),
        ("grant in the body refused", in_body("echo")),
        ("certificate", identified),
        ("echo over http", base(&text("echo"))),
        ("tunnel", proxied("tunnel", secure(&text("https")))),
        ("forward", proxied("forward", base(&text("echo")))),
        ("slow", slow),
        ("nobody there", base("http://127.0.0.1:9")),
    ];
    for (name, settings) in all {
        println!("-- {name}: {settings:?} {settings:#?}");
        let client = Client::new(settings).unwrap();
        println!("{client:?} {client:#?}");
        let (user, body) = (user(), resource(json!({"userName": "jdoe"})));
        for id in ["7", "echo"] {
            match client.retrieve(&user, id).await {
                Ok(found) => println!("{:?} {:#?}", found.call, found.call),
                Err(error) => println!("{error} {error:?} {error:#?} {:?}", error.retry()),
            }
        }
        let made = client.create(&user, &body).await.map(|made| made.call);
        println!("{made:?}");
    }
}

/// Point 27: passwords and tokens never reach logs.
#[tokio::test]
async fn no_secret_is_in_any_log_at_any_level() {
    const CHILD: &str = "SCIMWRIGHT_TEST_CALLS";
    if let Ok(told) = std::env::var(CHILD) {
        return make_calls(&serde_json::from_str(&told).unwrap()).await;
    }
    // The calls are made by a process of their own: the log of this one has the servers' side in it as well.
    let trust = Trust::new();
    let (https, identified) = (Https::start(&trust, false).await, Https::start(&trust, true).await);
    let echo = |request: &Request| {
        let body = String::from_utf8_lossy(&request.body);
        let sent = format!("{body} {:?}", request.headers);
        match request.url.path() {
            "/ok" => ResponseTemplate::new(200).set_body_json(json!({"access_token": FETCHED})),
            path if path.ends_with("/7") => ResponseTemplate::new(200).set_body_json(json!({"id": "7"})),
            _ => ResponseTemplate::new(401)
                .set_body_json(json!({"error": "invalid_client", "error_description": sent, "detail": sent})),
        }
    };
    let server = MockServer::start().await;
    Mock::given(any()).respond_with(echo).mount(&server).await;
    let slow =
        Scripted::start(vec![Reply::Answer(b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n".to_vec())]).await;
    let target = https.url.trim_start_matches("https://").split('/').next().unwrap().to_owned();
    let (tunnel, _) = crate::network::proxy(&target).await;
    let (forward, _) = crate::network::proxy(&server.address().to_string()).await;
    let told = json!({
        "https": https.url, "identified": identified.url, "tokens": server.uri(), "echo": server.uri(),
        "slow": slow.url, "tunnel": tunnel.as_str(), "forward": forward.as_str(), "authority": trust.authority, "client": trust.client,
        "client_key": trust.client_key,
    });
    let mut child = tokio::process::Command::new(std::env::current_exe().unwrap());
    child.args(["--exact", "secrets::no_secret_is_in_any_log_at_any_level", "--nocapture"]);
    let output = child.env(CHILD, told.to_string()).output().await.unwrap();
    let log =
        format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{log}");

    for source in ["TRACE", "rustls::", "h2::", "hyper_util::", "reqwest::", "scimwright_client::"] {
        assert!(log.contains(source), "the log of {source} is part of it");
    }
    for shown in ["[redacted]", "invalid_client", "no complete answer"] {
        assert!(log.contains(shown), "{shown}");
    }
    let received = server.received_requests().await.unwrap();
    let sent = |secret: &str| received.iter().any(|r| String::from_utf8_lossy(&r.body).contains(secret));
    assert!(sent("client_secret=s3cret%26client%2Bnobody-may-see"), "the secrets were in use");
    for secret in forbidden(&trust.client_key) {
        let line = log.lines().find(|line| line.contains(&secret));
        assert!(line.is_none(), "`{secret}` is in: {}", line.unwrap_or_default());
    }
}
