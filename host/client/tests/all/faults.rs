//! The client against servers that are slow, gone, broken, endless, or point elsewhere.

use crate::support::{Reply, Scripted, answer, client, resource, settings, user};
use scimwright_client::{Client, Failure, ProxySettings, Query, RetryAdvice, RetryPolicy, Timeouts};
use serde_json::json;
use std::time::{Duration, Instant};
use tokio::io::AsyncWriteExt;
use wiremock::matchers::{any, method};
use wiremock::{Mock, MockServer, ResponseTemplate};

/// Point 17: an ambiguous POST is never repeated blindly.
#[tokio::test]
async fn a_create_without_an_answer_in_time_may_have_been_executed_and_is_not_repeated() {
    let server = MockServer::start().await;
    let slow = ResponseTemplate::new(201).set_delay(Duration::from_secs(30));
    Mock::given(method("POST")).respond_with(slow).expect(1).mount(&server).await;
    let mut settings = settings(&server.uri());
    let limit = Duration::from_millis(200);
    settings.timeouts = Timeouts { connect: limit, read: limit, request: limit };
    let error = Client::new(settings).unwrap().create(&user(), &resource(json!({}))).await.unwrap_err();
    assert_eq!(error.kind, Failure::TimedOut { limit, connecting: false });
    assert!(error.may_have_been_executed());
    assert_eq!((error.retry(), error.call.attempts), (RetryAdvice::LookUpFirst, 1));
    assert!(error.call.duration >= limit);
}

#[tokio::test]
async fn where_nobody_listens_nothing_was_executed() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let client = client(&url);
    let error = client.create(&user(), &resource(json!({}))).await.unwrap_err();
    assert!(matches!(error.kind, Failure::Unreachable { .. }), "{error}");
    assert!(!error.may_have_been_executed());
    // Nothing was sent, so that even a create is tried again.
    assert_eq!((error.retry(), error.call.attempts, error.call.status), (RetryAdvice::Backoff, 3, None));
    assert!(error.to_string().contains("refused"), "{error}");
}

/// Point 17: an ambiguous POST is never repeated blindly.
#[tokio::test]
async fn a_create_whose_connection_is_reset_may_have_been_executed_and_is_not_repeated() {
    let server = Scripted::start(vec![Reply::Reset("")]).await;
    let error = client(&server.url).create(&user(), &resource(json!({}))).await.unwrap_err();
    assert!(matches!(error.kind, Failure::Interrupted { .. }), "{error}");
    assert!(error.may_have_been_executed());
    assert_eq!((server.requests(), error.call.attempts), (1, 1));
    assert!(error.to_string().ends_with("look it up before creating it again"), "{error}");
}

#[tokio::test]
async fn a_read_whose_connection_is_reset_is_tried_again() {
    let found = answer("200 OK", "", r#"{"id": "7"}"#);
    let cut = "HTTP/1.1 200 OK\r\ncontent-length: 99\r\n\r\n{\"id\": ";
    let server = Scripted::start(vec![Reply::Reset(""), Reply::Reset(cut), found]).await;
    let found = client(&server.url).retrieve(&user(), "7").await.unwrap();
    assert_eq!((server.requests(), found.call.attempts), (3, 3));
}

#[tokio::test]
async fn a_create_whose_answer_breaks_off_in_its_body_is_known_by_its_location() {
    let cut = "HTTP/1.1 201 Created\r\nlocation: /scim/v2/Users/7\r\ncontent-length: 99\r\n\r\n{\"id\": ";
    let server = Scripted::start(vec![Reply::Reset(cut)]).await;
    let made = client(&server.url).create(&user(), &resource(json!({}))).await.unwrap();
    assert_eq!((made.value.id.as_str(), made.value.resource), ("7", None));
}

#[tokio::test]
async fn a_body_that_stops_coming_is_waited_for_once_and_no_longer_than_the_limit() {
    let stalled =
        |head: &str| Reply::Answer(format!("{head}content-length: 99\r\n\r\n{{\"id\": ").into_bytes());
    let created = stalled("HTTP/1.1 201 Created\r\nlocation: /scim/v2/Users/7\r\n");
    let server = Scripted::start(vec![stalled("HTTP/1.1 200 OK\r\n"), created]).await;
    let mut settings = settings(&server.url);
    let limit = Duration::from_millis(200);
    settings.timeouts = Timeouts { connect: limit, read: limit, request: limit };
    let client = Client::new(settings).unwrap();
    let error = client.retrieve(&user(), "7").await.unwrap_err();
    assert_eq!(error.kind, Failure::TimedOut { limit, connecting: false });
    assert_eq!((error.call.attempts, error.call.status), (1, Some(200)));
    assert_eq!(client.create(&user(), &resource(json!({}))).await.unwrap().value.id, "7");
}

/// Point 27: body-size caps.
#[tokio::test]
async fn a_body_without_end_is_read_no_further_than_its_limit() {
    let head = "HTTP/1.1 200 OK\r\n\r\n";
    let server = Scripted::start(vec![Reply::Endless(head)]).await;
    let mut settings = settings(&server.url);
    settings.max_body_bytes = 64 * 1024;
    let error = Client::new(settings).unwrap().query(&user(), &Query::default()).await.unwrap_err();
    assert_eq!(error.kind, Failure::TooLarge { limit: 64 * 1024 });
    // The server's writes fail once the connection is closed; what it got rid of fits into socket buffers.
    let begun = Instant::now();
    let mut sent = server.sent();
    loop {
        tokio::time::sleep(Duration::from_millis(100)).await;
        if server.sent() == sent {
            break;
        }
        sent = server.sent();
        assert!(begun.elapsed() < Duration::from_secs(10), "still being read: {sent} bytes");
    }
    assert!(sent < 64 * 1024 * 1024, "{sent} bytes");
}

/// Point 27: body-size caps.
#[tokio::test]
async fn a_body_announced_as_too_large_is_not_read_at_all() {
    let server = MockServer::start().await;
    let large = ResponseTemplate::new(200).set_body_string("x".repeat(1001));
    Mock::given(any()).respond_with(large).mount(&server).await;
    let mut settings = settings(&server.uri());
    settings.max_body_bytes = 1000;
    let error = Client::new(settings).unwrap().retrieve(&user(), "7").await.unwrap_err();
    assert_eq!(error.kind, Failure::TooLarge { limit: 1000 });
    assert!(error.to_string().contains("larger than 1000 bytes, which is the limit for a body"), "{error}");
}

#[tokio::test]
async fn a_provider_that_falls_silent_is_not_waited_for_as_long_as_one_that_goes_on() {
    let (silence, whole) = (Duration::from_millis(300), Duration::from_secs(20));
    let beginning = b"HTTP/1.1 200 OK\r\ncontent-length: 99\r\n\r\n{\"id\": ".to_vec();
    // Before the head of the answer, and in its body.
    for reply in [Reply::Answer(Vec::new()), Reply::Answer(beginning)] {
        let server = Scripted::start(vec![reply]).await;
        let mut settings = settings(&server.url);
        settings.timeouts = Timeouts { connect: silence, read: silence, request: whole };
        let error = Client::new(settings).unwrap().retrieve(&user(), "7").await.unwrap_err();
        assert_eq!(error.kind, Failure::TimedOut { limit: silence, connecting: false });
    }
}

#[tokio::test]
async fn an_error_too_large_to_read_still_has_its_status() {
    let server = MockServer::start().await;
    Mock::given(any())
        .respond_with(ResponseTemplate::new(404).set_body_string("x".repeat(5000)))
        .mount(&server)
        .await;
    let mut settings = settings(&server.uri());
    settings.max_body_bytes = 1000;
    let error = Client::new(settings).unwrap().retrieve(&user(), "7").await.unwrap_err();
    assert!(matches!(error.kind, Failure::NotFound(_)), "{error}");
    assert!(error.to_string().len() < 500, "{error}");
}

/// Point 27: no redirect to another host with credentials.
#[tokio::test]
async fn no_redirect_is_followed() {
    let elsewhere = MockServer::start().await;
    Mock::given(any()).respond_with(ResponseTemplate::new(200)).expect(0).mount(&elsewhere).await;
    let server = MockServer::start().await;
    let target = format!("{}/Users", elsewhere.uri());
    for status in [301, 302, 303, 307, 308] {
        let redirect = ResponseTemplate::new(status).insert_header("location", target.as_str());
        Mock::given(any()).respond_with(redirect).up_to_n_times(2).mount(&server).await;
        let client = client(&server.uri());
        let read = client.retrieve(&user(), "7").await.unwrap_err();
        let write = client.create(&user(), &resource(json!({}))).await.unwrap_err();
        for error in [read, write] {
            assert_eq!(error.kind, Failure::Redirected { status, location: target.clone() });
            assert!(!error.may_have_been_executed());
        }
    }
}

/// Point 23: Retry-After, and `X-Retry-After`.
#[tokio::test]
async fn a_create_that_was_turned_away_is_repeated_when_the_provider_said() {
    let server = MockServer::start().await;
    for (status, name) in [(429, "retry-after"), (503, "x-retry-after")] {
        let later = ResponseTemplate::new(status).insert_header(name, "1");
        Mock::given(method("POST")).respond_with(later).up_to_n_times(1).mount(&server).await;
    }
    let created = ResponseTemplate::new(201).set_body_json(json!({"id": "7"}));
    Mock::given(method("POST")).respond_with(created).mount(&server).await;
    let made = client(&server.uri()).create(&user(), &resource(json!({"userName": "a"}))).await.unwrap();
    assert_eq!((made.call.attempts, made.call.status), (3, Some(201)));
    assert!(made.call.duration >= Duration::from_secs(2), "{:?}", made.call.duration);
    let requests = server.received_requests().await.unwrap();
    assert!(requests.windows(2).all(|pair| {
        pair[0].headers["x-request-id"] == pair[1].headers["x-request-id"] && pair[0].body == pair[1].body
    }));
}

#[tokio::test]
async fn a_wait_beyond_the_limit_is_left_to_the_caller() {
    let server = MockServer::start().await;
    let later = ResponseTemplate::new(429).insert_header("retry-after", "3600");
    Mock::given(any()).respond_with(later).expect(1).mount(&server).await;
    let error = client(&server.uri()).retrieve(&user(), "7").await.unwrap_err();
    assert_eq!(error.retry(), RetryAdvice::After(Duration::from_secs(3600)));
    assert!(error.to_string().ends_with("too many requests (429). It asks to wait 3600 s"), "{error}");
}

/// Point 17: an ambiguous POST is never repeated blindly.
#[tokio::test]
async fn a_create_that_failed_inside_the_provider_is_not_repeated() {
    for status in [500, 502, 503] {
        let server = MockServer::start().await;
        Mock::given(any()).respond_with(ResponseTemplate::new(status)).expect(1).mount(&server).await;
        let error = client(&server.uri()).create(&user(), &resource(json!({}))).await.unwrap_err();
        assert_eq!(error.may_have_been_executed(), status != 503, "{error}");
    }
}

#[tokio::test]
async fn loopback_never_goes_through_a_proxy() {
    const CHILD: &str = "SCIMWRIGHT_TEST_BEHIND_A_PROXY";
    if std::env::var_os(CHILD).is_none() {
        // The environment is read once per process, so that a process of its own has to have one.
        let test = "faults::loopback_never_goes_through_a_proxy";
        let mut child = std::process::Command::new(std::env::current_exe().unwrap());
        child.args(["--exact", test]).env(CHILD, "1").env_remove("NO_PROXY").env_remove("no_proxy");
        for name in ["HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"] {
            child.env(name, "http://127.0.0.1:9");
        }
        let output = child.output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
        return;
    }
    let server = Scripted::start(vec![answer("200 OK", "", r#"{"id": "7"}"#)]).await;
    client(&server.url).retrieve(&user(), "7").await.unwrap();
}

#[tokio::test]
async fn the_environments_proxy_is_used_unless_the_settings_say_otherwise() {
    const CHILD: &str = "SCIMWRIGHT_TEST_WITH_A_PROXY";
    // A name that nobody has (RFC 6761 section 6.4): only a proxy can lead anywhere.
    let mut settings = settings("http://acme.invalid/scim/v2");
    settings.allow_insecure_http = true;
    settings.retry = RetryPolicy::never();
    if std::env::var_os(CHILD).is_some() {
        Client::new(settings.clone()).unwrap().retrieve(&user(), "7").await.unwrap();
        settings.proxy = ProxySettings::None;
        let error = Client::new(settings).unwrap().retrieve(&user(), "7").await.unwrap_err();
        assert!(matches!(error.kind, Failure::Unreachable { .. }), "{error}");
        return;
    }
    let server = Scripted::start(vec![answer("200 OK", "", r#"{"id": "7"}"#)]).await;
    let (proxy, heads) = crate::network::proxy(&crate::network::authority(&server.url)).await;
    let test = "faults::the_environments_proxy_is_used_unless_the_settings_say_otherwise";
    let mut child = tokio::process::Command::new(std::env::current_exe().unwrap());
    child.args(["--exact", test]).env(CHILD, "1").env("http_proxy", proxy.as_str());
    for name in ["NO_PROXY", "no_proxy", "ALL_PROXY", "all_proxy", "HTTP_PROXY", "REQUEST_METHOD"] {
        child.env_remove(name);
    }
    let output = child.output().await.unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    assert_eq!(heads.lock().unwrap().len(), 1);
}

#[tokio::test]
async fn https_is_set_up_without_a_process_wide_provider_and_refuses_what_is_not_tls() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("https://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((mut socket, _)) = listener.accept().await {
            let _ = socket.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await;
        }
    });
    match Client::new(settings(&url)) {
        Ok(client) => {
            let error = client.create(&user(), &resource(json!({}))).await.unwrap_err();
            assert!(matches!(error.kind, Failure::Unreachable { .. }), "{error}");
            assert!(!error.may_have_been_executed());
        }
        // A machine without CA certificates is told what it lacks.
        Err(error) => assert!(error.to_string().contains("CA certificates"), "{error}"),
    }
}
