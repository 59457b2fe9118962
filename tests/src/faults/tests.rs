//! The proxy before a tiny server, seen with a real HTTP client and with bare sockets.

use super::*;
use crate::servers::Http;
use serde_json::json;
use std::io::{ErrorKind, Read, Write};
use std::time::Duration;

/// Answers every request with 201, its body echoed, in chunks if asked; counts what it has done.
struct Upstream {
    address: SocketAddr,
    done: Arc<AtomicUsize>,
}

impl Upstream {
    fn start(chunked: bool) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let address = listener.local_addr().unwrap();
        let done = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&done);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let stream = stream.unwrap();
                let Ok(Some(request)) = wire::Reader::new(&stream).request() else { continue };
                count.fetch_add(1, Ordering::AcqRel);
                let body = String::from_utf8(request.body()).unwrap();
                let answer = if chunked {
                    let (one, two) = body.split_at(body.len() / 2);
                    format!(
                        "HTTP/1.1 201 Created\r\nTransfer-Encoding: chunked\r\n\r\n{:x}\r\n{one}\r\n{:x}\r\n{two}\r\n0\r\n\r\n",
                        one.len(),
                        two.len()
                    )
                } else {
                    // As Python's wsgiref has it: the end of the connection ends the answer.
                    format!("HTTP/1.0 201 Created\r\nContent-Type: application/scim+json\r\n\r\n{body}")
                };
                (&stream).write_all(answer.as_bytes()).unwrap();
            }
        });
        Self { address, done }
    }

    fn done(&self) -> usize {
        self.done.load(Ordering::Acquire)
    }
}

fn proxy(script: Script) -> (Upstream, Proxy, Http) {
    let upstream = Upstream::start(false);
    let proxy = Proxy::start(&format!("http://{}/v2", upstream.address), script).unwrap();
    let http = Http::new(proxy.base_url(), None);
    (upstream, proxy, http)
}

fn post(http: &Http) -> anyhow::Result<crate::servers::Answer> {
    http.call("POST", "/Users", Some(&json!({ "userName": "jürgen" })))
}

#[test]
fn what_no_rule_takes_passes_unchanged() {
    for chunked in [false, true] {
        let upstream = Upstream::start(chunked);
        let proxy = Proxy::start(&format!("http://{}/v2", upstream.address), Script::pass()).unwrap();
        let http = Http::new(proxy.base_url(), Some("Bearer t".to_owned()));
        for _ in 0..3 {
            let answer = post(&http).unwrap();
            assert_eq!((answer.status, answer.json()), (201, json!({ "userName": "jürgen" })), "{chunked}");
        }
        let seen = proxy.exchanges();
        assert_eq!(seen.len(), 3);
        assert_eq!(
            (seen[0].request.path(), seen[0].request.header("AUTHORIZATION")),
            ("/v2/Users", Some("Bearer t"))
        );
        assert_eq!(seen[0].request.body, r#"{"userName":"jürgen"}"#);
        assert_eq!((seen[0].server_status, seen[0].client_status), (Some(201), Some(201)));
        assert_eq!((proxy.requests("POST"), proxy.requests("GET"), proxy.answered_with(201)), (3, 0, 3));
    }
}

#[test]
fn a_lost_reply_was_work_done() {
    for fault in [Fault::LoseReply, Fault::ResetReply] {
        let (upstream, proxy, http) = proxy(Script::new(1).rule(Rule::then(fault.clone()).nth(2)));
        assert_eq!(post(&http).unwrap().status, 201);
        assert!(post(&http).is_err(), "{fault:?}");
        assert_eq!(post(&http).unwrap().status, 201);
        assert_eq!(upstream.done(), 3, "the server did all three");
        let lost = &proxy.exchanges()[1];
        assert_eq!((lost.server_status, lost.client_status), (Some(201), None));
        assert_eq!(proxy.with_fault(|seen| *seen == fault), 1);
    }
}

#[test]
fn a_reset_is_a_reset_and_a_close_is_a_close() {
    let end_of = |fault: Fault| {
        let (upstream, proxy, _) = proxy(Script::new(1).rule(Rule::then(fault)));
        let mut socket = TcpStream::connect(proxy.address).unwrap();
        socket.write_all(b"GET /v2/Users HTTP/1.1\r\nHost: x\r\n\r\n").unwrap();
        let mut answer = Vec::new();
        let end = socket.read_to_end(&mut answer).map_err(|error| error.kind());
        assert!(answer.is_empty());
        (end, upstream.done())
    };
    assert_eq!(end_of(Fault::LoseReply), (Ok(0), 1));
    assert_eq!(end_of(Fault::ResetReply), (Err(ErrorKind::ConnectionReset), 1));
    assert_eq!(end_of(Fault::ResetBefore), (Err(ErrorKind::ConnectionReset), 0));
}

#[test]
fn a_truncated_answer_has_its_status_and_half_a_body() {
    let upstream = Upstream::start(true);
    let script = Script::new(1).rule(Rule::then(Fault::Truncate).nth(1));
    let proxy = Proxy::start(&format!("http://{}/v2", upstream.address), script).unwrap();
    let http = Http::new(proxy.base_url(), None);
    assert!(post(&http).is_err());
    assert_eq!(proxy.exchanges()[0].client_status, Some(201));
    assert_eq!(post(&http).unwrap().status, 201);
}

#[test]
fn a_refusal_says_in_every_form_when_to_come_back() {
    let say = |retry_after| {
        let (upstream, _proxy, http) =
            proxy(Script::new(1).rule(Rule::then(Fault::Answer { status: 429, retry_after })));
        let answer = post(&http).unwrap();
        assert_eq!((answer.status, upstream.done()), (429, 0));
        ["Retry-After", "X-Retry-After"].map(|name| answer.header(name).map(str::to_owned))
    };
    assert_eq!(say(RetryAfter::Absent), [None, None]);
    assert_eq!(say(RetryAfter::Seconds(2)), [Some("2".to_owned()), None]);
    assert_eq!(say(RetryAfter::XSeconds(3)), [None, Some("3".to_owned())]);
    let [Some(date), None] = say(RetryAfter::Date(60)) else { panic!("no date") };
    let then = jiff::fmt::rfc2822::parse(&date).unwrap().timestamp();
    let ahead = then.duration_since(jiff::Timestamp::now()).as_secs_f64();
    assert!(date.ends_with(" GMT") && (59.0..=61.0).contains(&ahead), "{date}");

    let (_upstream, proxy, http) = proxy(Script::new(1).rule(Rule::then(Fault::answer(401)).first(1)));
    assert_eq!(post(&http).unwrap().header("WWW-Authenticate"), Some("Bearer error=\"invalid_token\""));
    assert_eq!(post(&http).unwrap().status, 201);
    proxy.play(Script::from_fn(|request| match request.method.as_str() {
        "POST" => Fault::answer(503),
        _ => Fault::Pass,
    }));
    assert_eq!(post(&http).unwrap().status, 503);
    assert_eq!(http.call("GET", "/Users", None).unwrap().status, 201);
}

#[test]
fn rules_count_the_requests_that_fit_them_and_the_first_rule_wins() {
    let script = Script::new(1)
        .rule(Rule::then(Fault::answer(503)).method("POST").below("/Users").nth(2))
        .rule(Rule::then(Fault::answer(429)).method("POST").every(2));
    let (_upstream, _proxy, http) = proxy(script);
    let mut statuses = Vec::new();
    for (method, path) in [
        ("POST", "/Users"),
        ("GET", "/Users"),
        ("POST", "/Groups"),
        ("POST", "/Users/.search"),
        ("POST", "/Users"),
    ] {
        statuses.push(http.call(method, path, None).unwrap().status);
    }
    assert_eq!(statuses, [201, 201, 429, 503, 429]);
}

#[test]
fn the_same_seed_hits_the_same_requests() {
    let hits = |seed| {
        let mut script = Script::new(seed).rule(Rule::then(Fault::LoseReply).per_mille(100));
        let message = {
            let upstream = Upstream::start(false);
            let proxy = Proxy::start(&format!("http://{}/v2", upstream.address), Script::pass()).unwrap();
            post(&Http::new(proxy.base_url(), None)).unwrap();
            proxy.exchanges()[0].request.clone()
        };
        (0..1_000).filter(|_| script.decide(&message) == Fault::LoseReply).collect::<Vec<_>>()
    };
    let first = hits(5);
    assert!((70..130).contains(&first.len()), "about a tenth: {}", first.len());
    assert_eq!(first, hits(5));
    assert_ne!(first, hits(6));
}

#[test]
fn a_delay_is_waited_for_and_requests_at_once_are_counted() {
    let pause = Duration::from_millis(300);
    let (_upstream, proxy, http) = proxy(Script::new(1).rule(Rule::then(Fault::Delay(pause))));
    let begun = Instant::now();
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| post(&http).unwrap());
        }
    });
    assert!(begun.elapsed() >= pause && begun.elapsed() < 4 * pause, "{:?}", begun.elapsed());
    assert_eq!(proxy.most_at_once(), 4);
    proxy.forget();
    post(&http).unwrap();
    assert_eq!((proxy.most_at_once(), proxy.exchanges().len()), (1, 1));
}

#[test]
fn urls_of_the_server_lead_through_the_proxy() {
    let proxy = Proxy::start("http://127.0.0.1:9/scim/v2", Script::pass()).unwrap();
    assert!(proxy.base_url().ends_with("/scim/v2"));
    assert_eq!(
        proxy.through("http://127.0.0.1:9/oauth/token"),
        format!("http://{}/oauth/token", proxy.address)
    );
    assert!(Proxy::start("https://127.0.0.1:9/v2", Script::pass()).is_err());
    // Nobody listens on the discard port: the client sees a connection that ends.
    assert!(post(&Http::new(proxy.base_url(), None)).is_err());
    assert_eq!(proxy.exchanges()[0].server_status, None);
}
