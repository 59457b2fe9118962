//! No output has a secret in it, not even when the provider sends it back.

use crate::support::{TOKEN, resource, settings, user};
use scimwright_client::{Client, ClientError};
use secrecy::SecretString;
use serde_json::json;
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
    for token in [format!("{TOKEN}\n"), format!("{TOKEN} x"), format!("{TOKEN}\u{e4}")] {
        let mut settings = settings("https://acme.example");
        settings.auth = scimwright_client::Authentication::bearer(token);
        let error = Client::new(settings).unwrap_err();
        assert_clean(&format!("{error} {error:?}"));
    }
}
