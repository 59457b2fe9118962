//! How requests are authenticated, and what happens when a token is refused.

use crate::support::{TOKEN, resource, settings, user};
use futures::future::{BoxFuture, join_all};
use scimwright_client::{
    Authentication, Client, ClientCredentials, Failure, FailureClass, ProviderSettings, RetryAdvice,
    SecretPlacement, TokenSource,
};
use secrecy::SecretString;
use serde_json::json;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use wiremock::matchers::{any, body_string, header, header_exists, method, path};
use wiremock::{Mock, MockServer, Request, ResponseTemplate};

const SECRET: &str = "client-s3cret that/nobody-may-see";

fn grant(server: &MockServer) -> ClientCredentials {
    ClientCredentials::new(format!("{}/token", server.uri()).parse().unwrap(), "scim wright", SECRET)
}

fn oauth(provider: &MockServer, grant: ClientCredentials) -> ProviderSettings {
    let mut settings = settings(&provider.uri());
    settings.auth = Authentication::ClientCredentials(grant);
    settings.headers.push(("X-Tenant".to_owned(), SecretString::from("blue".to_owned())));
    settings
}

/// Issues `token-0`, `token-1` and so on, each good for so long.
async fn token_server(lifetime: Option<u64>, delay: Duration) -> MockServer {
    let server = MockServer::start().await;
    let issued = AtomicUsize::new(0);
    let issue = move |_: &Request| {
        let token = format!("token-{}", issued.fetch_add(1, Ordering::SeqCst));
        let body = json!({"access_token": token, "token_type": "Bearer", "expires_in": lifetime});
        ResponseTemplate::new(200).set_body_json(body).set_delay(delay)
    };
    Mock::given(any()).respond_with(issue).mount(&server).await;
    server
}

async fn count(server: &MockServer) -> usize {
    server.received_requests().await.unwrap().len()
}

/// Accepts one token only.
async fn accept(server: &MockServer, token: &str) {
    let found = ResponseTemplate::new(200).set_body_json(json!({"id": "7"}));
    Mock::given(header("authorization", format!("Bearer {token}"))).respond_with(found).mount(server).await;
    let refusal = ResponseTemplate::new(401).set_body_json(json!({"status": "401", "detail": "expired"}));
    Mock::given(any()).respond_with(refusal).mount(server).await;
}

#[tokio::test]
async fn basic_authentication_sends_user_and_password() {
    let server = MockServer::start().await;
    let found = ResponseTemplate::new(200).set_body_json(json!({"id": "7"}));
    Mock::given(header("authorization", "Basic dGVzdDoxMjPCow==")).respond_with(found).mount(&server).await;
    let mut settings = settings(&server.uri());
    settings.auth = Authentication::basic("test", "123£");
    Client::new(settings).unwrap().retrieve(&user(), "7").await.unwrap();
}

/// Point 23: one token refresh, single-flight.
#[tokio::test]
async fn fifty_calls_that_wait_for_a_token_send_one_request_for_it() {
    let tokens = token_server(Some(3600), Duration::from_millis(300)).await;
    let provider = MockServer::start().await;
    accept(&provider, "token-0").await;
    let client = Client::new(oauth(&provider, grant(&tokens))).unwrap();
    let (user, calls) = (user(), 0..50);
    for found in join_all(calls.map(|_| client.retrieve(&user, "7"))).await {
        assert_eq!(found.unwrap().call.attempts, 1);
    }
    assert_eq!((count(&tokens).await, count(&provider).await), (1, 50));
}

/// Point 27: a User-Agent always.
#[tokio::test]
async fn the_token_endpoint_gets_the_grant_and_no_header_of_the_provider() {
    let tokens = MockServer::start().await;
    let issued = ResponseTemplate::new(200).set_body_json(json!({"access_token": "token-0"}));
    Mock::given(method("POST"))
        .and(path("/token"))
        // `scim+wright:client-s3cret+that%2Fnobody-may-see`
        .and(header(
            "authorization",
            "Basic c2NpbSt3cmlnaHQ6Y2xpZW50LXMzY3JldCt0aGF0JTJGbm9ib2R5LW1heS1zZWU=",
        ))
        .and(header("content-type", "application/x-www-form-urlencoded"))
        .and(header_exists("user-agent"))
        .and(body_string("grant_type=client_credentials&scope=scim.read+scim.write"))
        .respond_with(issued)
        .expect(1)
        .mount(&tokens)
        .await;
    let provider = MockServer::start().await;
    accept(&provider, "token-0").await;
    let grant = ClientCredentials { scope: Some("scim.read scim.write".to_owned()), ..grant(&tokens) };
    Client::new(oauth(&provider, grant)).unwrap().retrieve(&user(), "7").await.unwrap();
    let request = tokens.received_requests().await.unwrap().remove(0);
    assert!(!request.headers.contains_key("x-tenant"));
    assert_eq!(provider.received_requests().await.unwrap()[0].headers["x-tenant"], "blue");
}

#[tokio::test]
async fn the_secret_can_stand_in_the_form() {
    let tokens = MockServer::start().await;
    let issued = ResponseTemplate::new(200).set_body_json(json!({"access_token": "token-0"}));
    let form = "grant_type=client_credentials&client_id=scim+wright&\
                client_secret=client-s3cret+that%2Fnobody-may-see";
    Mock::given(body_string(form)).respond_with(issued).expect(1).mount(&tokens).await;
    let provider = MockServer::start().await;
    accept(&provider, "token-0").await;
    let grant = ClientCredentials { secret_in: SecretPlacement::Body, ..grant(&tokens) };
    Client::new(oauth(&provider, grant)).unwrap().retrieve(&user(), "7").await.unwrap();
    assert!(!tokens.received_requests().await.unwrap()[0].headers.contains_key("authorization"));
}

/// Point 23: 401: one token refresh, single-flight, then one retry.
/// Pain 16: a token that ends in mid-run ends nothing else.
#[tokio::test]
async fn a_token_revoked_in_mid_run_costs_one_more_token_and_one_more_request_a_call() {
    let tokens = token_server(Some(3600), Duration::from_millis(100)).await;
    let provider = MockServer::start().await;
    accept(&provider, "token-1").await;
    let client = Client::new(oauth(&provider, grant(&tokens))).unwrap();
    let (user, body) = (user(), resource(json!({})));
    for made in join_all((0..4).map(|_| client.create(&user, &body))).await {
        assert_eq!(made.unwrap().call.attempts, 2, "even a create: what a 401 refuses was not carried out");
    }
    assert_eq!(count(&tokens).await, 2);
    assert_eq!(client.retrieve(&user, "7").await.unwrap().call.attempts, 1);
    assert_eq!(count(&tokens).await, 2);
}

/// Point 23: 401: one token refresh, then one retry.
#[tokio::test]
async fn a_second_401_is_a_failure() {
    let tokens = token_server(None, Duration::ZERO).await;
    let provider = MockServer::start().await;
    accept(&provider, "another one").await;
    let client = Client::new(oauth(&provider, grant(&tokens))).unwrap();
    let error = client.retrieve(&user(), "7").await.unwrap_err();
    assert_eq!((error.kind.class(), error.retry()), (FailureClass::Authentication, RetryAdvice::Never));
    assert_eq!((error.call.attempts, count(&tokens).await, count(&provider).await), (2, 2, 2));
}

#[tokio::test]
async fn a_fixed_token_that_is_refused_is_not_sent_again() {
    let provider = MockServer::start().await;
    accept(&provider, "another one").await;
    let error = crate::support::client(&provider.uri()).retrieve(&user(), "7").await.unwrap_err();
    assert_eq!((error.call.attempts, count(&provider).await), (1, 1));
}

/// Pain 16: a token that lives for a short time is fetched anew before it ends.
#[tokio::test]
async fn a_token_is_fetched_anew_before_it_expires() {
    // A tenth of the lifetime before its end: after 1.8 s.
    let tokens = token_server(Some(2), Duration::ZERO).await;
    let provider = MockServer::start().await;
    let found = ResponseTemplate::new(200).set_body_json(json!({"id": "7"}));
    Mock::given(any()).respond_with(found).mount(&provider).await;
    let client = Client::new(oauth(&provider, grant(&tokens))).unwrap();
    for (sleep, fetched) in [(0, 1), (500, 1), (1350, 2)] {
        tokio::time::sleep(Duration::from_millis(sleep)).await;
        client.retrieve(&user(), "7").await.unwrap();
        assert_eq!(count(&tokens).await, fetched, "after {sleep} ms more");
    }
}

#[tokio::test]
async fn a_token_endpoint_that_fails_for_a_moment_is_asked_again() {
    let tokens = MockServer::start().await;
    let failing = ResponseTemplate::new(503);
    Mock::given(any()).respond_with(failing).up_to_n_times(2).mount(&tokens).await;
    let issued = ResponseTemplate::new(200).set_body_json(json!({"access_token": "token-0"}));
    Mock::given(any()).respond_with(issued).mount(&tokens).await;
    let provider = MockServer::start().await;
    accept(&provider, "token-0").await;
    let client = Client::new(oauth(&provider, grant(&tokens))).unwrap();
    let made = client.create(&user(), &resource(json!({}))).await.unwrap();
    assert_eq!((made.call.attempts, count(&tokens).await, count(&provider).await), (1, 3, 1));
}

#[tokio::test]
async fn where_no_token_is_to_be_had_nothing_is_sent() {
    let provider = MockServer::start().await;
    Mock::given(any()).respond_with(ResponseTemplate::new(200)).expect(0).mount(&provider).await;
    let refusals = [
        (401, json!({"error": "invalid_client"}).to_string(), FailureClass::Authentication, 1),
        (500, "<html>".to_owned(), FailureClass::Retry, 3),
        (200, "<html>".to_owned(), FailureClass::Authentication, 1),
    ];
    for (status, body, class, asked) in refusals {
        let tokens = MockServer::start().await;
        let answer = ResponseTemplate::new(status).set_body_string(body);
        Mock::given(any()).respond_with(answer).expect(asked).mount(&tokens).await;
        let client = Client::new(oauth(&provider, grant(&tokens))).unwrap();
        let error = client.create(&user(), &resource(json!({}))).await.unwrap_err();
        assert_eq!((error.kind.class(), error.call.attempts), (class, 0), "{error}");
        assert!(!error.may_have_been_executed());
        assert!(error.to_string().contains("`127.0.0.1`"), "{error}");
    }
}

/// Point 27: no redirect to another host with credentials.
#[tokio::test]
async fn a_token_endpoint_that_points_elsewhere_is_not_followed() {
    let elsewhere = MockServer::start().await;
    Mock::given(any()).respond_with(ResponseTemplate::new(200)).expect(0).mount(&elsewhere).await;
    let provider = MockServer::start().await;
    for status in [302, 307, 308] {
        let tokens = MockServer::start().await;
        let redirect = ResponseTemplate::new(status).insert_header("location", elsewhere.uri().as_str());
        Mock::given(any()).respond_with(redirect).expect(1).mount(&tokens).await;
        let client = Client::new(oauth(&provider, grant(&tokens))).unwrap();
        let error = client.retrieve(&user(), "7").await.unwrap_err();
        assert!(matches!(error.kind, Failure::TokenRefused { .. }), "{error}");
        assert!(error.to_string().contains("set token_url to the final address"), "{error}");
    }
}

#[derive(Debug)]
struct FromFile(AtomicUsize);

impl TokenSource for FromFile {
    fn fetch(&self) -> BoxFuture<'_, Result<SecretString, String>> {
        let number = self.0.fetch_add(1, Ordering::SeqCst);
        Box::pin(async move { Ok(SecretString::from(format!("{TOKEN}-{number}"))) })
    }
}

/// Point 23: 401: one token refresh, then one retry.
#[tokio::test]
async fn a_token_from_a_file_is_read_at_first_use_and_again_after_a_401() {
    let provider = MockServer::start().await;
    accept(&provider, &format!("{TOKEN}-1")).await;
    let source = Arc::new(FromFile(AtomicUsize::new(0)));
    let mut settings = settings(&provider.uri());
    settings.auth = Authentication::Fetched(source.clone());
    let client = Client::new(settings).unwrap();
    assert_eq!(source.0.load(Ordering::SeqCst), 0);
    assert_eq!(client.retrieve(&user(), "7").await.unwrap().call.attempts, 2);
    assert_eq!(client.retrieve(&user(), "7").await.unwrap().call.attempts, 1);
    assert_eq!(source.0.load(Ordering::SeqCst), 2);
}
