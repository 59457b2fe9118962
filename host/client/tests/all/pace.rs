//! Calls of a provider that asks for less, and who sees them.

use crate::support::{client, resource, settings, user};
use futures::future::join_all;
use scimwright_client::{CallObserver, CallReport, Client, Failure, RetryAdvice, RetryPolicy};
use serde_json::json;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use wiremock::matchers::{any, method};
use wiremock::{Mock, MockServer, Request, ResponseTemplate};

fn created() -> ResponseTemplate {
    ResponseTemplate::new(201).set_body_json(json!({"id": "7"}))
}

/// Point 23: Retry-After.
#[tokio::test]
async fn one_429_makes_every_call_of_the_provider_wait() {
    let server = MockServer::start().await;
    let later = ResponseTemplate::new(429).insert_header("retry-after", "1");
    Mock::given(any()).respond_with(later).up_to_n_times(1).mount(&server).await;
    Mock::given(any()).respond_with(created()).mount(&server).await;
    let (client, body) = (client(&server.uri()), resource(json!({})));
    let begun = Instant::now();
    let (user, others) = (user(), client.clone());
    let first = client.create(&user, &body);
    let second = async {
        tokio::time::sleep(Duration::from_millis(300)).await;
        others.create(&user, &body).await
    };
    let (first, second) = futures::join!(first, second);
    assert_eq!((first.unwrap().call.attempts, second.unwrap().call.attempts), (2, 1));
    assert!(begun.elapsed() >= Duration::from_secs(1));
    assert_eq!(server.received_requests().await.unwrap().len(), 3, "nothing was sent during the pause");
}

#[tokio::test]
async fn a_call_that_is_told_later_is_not_bounded_by_attempts() {
    let server = MockServer::start().await;
    let later = ResponseTemplate::new(503).insert_header("retry-after", "0");
    Mock::given(any()).respond_with(later).up_to_n_times(4).mount(&server).await;
    Mock::given(any()).respond_with(created()).mount(&server).await;
    let mut settings = settings(&server.uri());
    settings.retry = RetryPolicy { attempts: 2, longest_wait: Duration::from_millis(50), ..settings.retry };
    let made = Client::new(settings).unwrap().create(&user(), &resource(json!({}))).await.unwrap();
    assert_eq!(made.call.attempts, 5);
}

#[tokio::test]
async fn during_a_pause_beyond_their_patience_calls_fail_at_once_and_send_nothing() {
    let server = MockServer::start().await;
    let later = ResponseTemplate::new(429).insert_header("retry-after", "3600");
    Mock::given(any()).respond_with(later).expect(1).mount(&server).await;
    let client = client(&server.uri());
    client.retrieve(&user(), "7").await.unwrap_err();
    let error = client.create(&user(), &resource(json!({}))).await.unwrap_err();
    assert!(matches!(error.kind, Failure::Throttled { .. }), "{error}");
    assert!(matches!(error.retry(), RetryAdvice::After(wait) if wait > Duration::from_secs(3500)));
    assert_eq!((error.call.attempts, error.call.status), (0, None));
}

#[tokio::test]
async fn fewer_requests_are_under_way_after_the_provider_is_overloaded() {
    let server = MockServer::start().await;
    let (under_way, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let answer = {
        let (under_way, most) = (under_way.clone(), most.clone());
        move |_: &Request| {
            most.fetch_max(under_way.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
            let under_way = under_way.clone();
            tokio::spawn(async move {
                tokio::time::sleep(Duration::from_millis(50)).await;
                under_way.fetch_sub(1, Ordering::SeqCst);
            });
            created().set_delay(Duration::from_millis(60))
        }
    };
    let later = ResponseTemplate::new(429).insert_header("retry-after", "0");
    Mock::given(method("DELETE")).respond_with(later).up_to_n_times(3).mount(&server).await;
    Mock::given(method("DELETE")).respond_with(ResponseTemplate::new(204)).mount(&server).await;
    Mock::given(method("POST")).respond_with(answer).mount(&server).await;
    let (client, user, body) = (client(&server.uri()), user(), resource(json!({})));
    client.delete(&user, "7", None).await.unwrap();
    for made in join_all((0..6).map(|_| client.create(&user, &body))).await {
        made.unwrap();
    }
    let most = most.load(Ordering::SeqCst);
    assert!(most <= 3, "they begin with 4, were halved to 1, and grew by one a round trip: {most}");
}

#[derive(Default)]
struct Seen(Mutex<Vec<String>>);

impl CallObserver for Seen {
    fn called(&self, call: &CallReport, failure: Option<&Failure>) {
        let failure = failure.map(Failure::class);
        let seen = format!("{} {:?} {} {failure:?}", call.subject, call.status, call.attempts);
        self.0.lock().unwrap().push(seen);
    }
}

#[tokio::test]
async fn an_observer_sees_each_finished_call_once() {
    let server = MockServer::start().await;
    let later = ResponseTemplate::new(429).insert_header("retry-after", "0");
    Mock::given(method("POST")).respond_with(later).up_to_n_times(1).mount(&server).await;
    Mock::given(method("POST")).respond_with(created()).mount(&server).await;
    Mock::given(any()).respond_with(ResponseTemplate::new(404)).mount(&server).await;
    let seen = Arc::new(Seen::default());
    let unobserved = client(&server.uri());
    let observed = unobserved.clone().observed_by(seen.clone());
    unobserved.create(&user(), &resource(json!({}))).await.unwrap();
    observed.create(&user(), &resource(json!({}))).await.unwrap();
    observed.retrieve(&user(), "7").await.unwrap_err();
    observed.retrieve(&user(), "..").await.unwrap_err();
    assert_eq!(
        *seen.0.lock().unwrap(),
        [
            "create a User Some(201) 1 None",
            "retrieve User `7` Some(404) 1 Some(Permanent)",
            "retrieve User `..` None 0 Some(Ours)",
        ]
    );
}
