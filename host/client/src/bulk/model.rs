//! A model of a provider with bulk requests, and what holds of every way to spread operations over requests.

use super::*;
use crate::address::BaseUrl;
use crate::judge::BulkAnswer;
use crate::message::{HttpResponse, ResponseHeaders};
use proptest::prelude::*;
use scimwright_scim::bulk::in_order;
use scimwright_scim::{Bulk, BulkMethod, BulkOperation, BulkRequest, BulkResult};
use serde_json::{Value, json};
use std::collections::{BTreeMap, HashMap};

const BASE: &str = "https://acme.example/scim/v2";

/// What the provider does with bulk requests.
#[derive(Debug, Clone)]
struct Habits {
    /// What it says to one it has not: 404, 405 or 501.
    refuses: Option<u16>,
    /// The most operations it takes, whatever it declares.
    takes: usize,
    /// The largest body it takes, whatever it declares.
    takes_bytes: usize,
    /// Results carry the bulkId.
    names: bool,
}

#[derive(Debug, Clone)]
struct Server {
    habits: Habits,
    store: BTreeMap<String, Value>,
    sizes: Vec<usize>,
    alone: usize,
}

impl Server {
    fn new(habits: Habits) -> Self {
        let store = BTreeMap::from([("old".to_owned(), json!({"userName": "old"}))]);
        Self { habits, store, sizes: Vec::new(), alone: 0 }
    }

    /// One operation, in bulk or alone. An id has characters that a path cannot hold as they are.
    fn carry_out(&mut self, operation: &BulkOperation, made: &HashMap<String, String>) -> BulkResult {
        let mut operation = operation.clone();
        let refused = |status: u16, scim_type: Option<&str>| BulkResult {
            response: Some(json!({"status": status.to_string(), "scimType": scim_type})),
            ..BulkResult::new(operation.method, status)
        };
        let conflict = refused(409, Some("uniqueness"));
        let (missing, unresolved) = (refused(404, None), refused(400, Some("invalidValue")));
        if operation.resolve(|name| made.get(name).cloned()).is_err() {
            return unresolved;
        }
        let id = crate::address::decoded_last_segment(&operation.path);
        let data = operation.data.clone().unwrap_or_default();
        match operation.method {
            BulkMethod::Post => {
                let id = format!("{}/ü", data["userName"].as_str().unwrap());
                if self.store.contains_key(&id) {
                    return conflict;
                }
                let location = BaseUrl::new(BASE.parse().unwrap()).resource(&operation.path, &id).unwrap();
                self.store.insert(id.clone(), data);
                BulkResult {
                    location: Some(location.to_string()),
                    version: Some("W/\"1\"".to_owned()),
                    response: Some(json!({"id": id})),
                    ..BulkResult::new(operation.method, 201)
                }
            }
            BulkMethod::Delete => match self.store.remove(&id) {
                Some(_) => BulkResult::new(operation.method, 204),
                None => missing,
            },
            BulkMethod::Put | BulkMethod::Patch => match self.store.get_mut(&id) {
                Some(resource) => {
                    *resource = data;
                    BulkResult::new(operation.method, 200)
                }
                None => missing,
            },
        }
    }

    fn bulk(&mut self, request: &BulkRequest) -> Result<BulkAnswer, Failure> {
        let refusal = |status| Refusal { status, scim_type: None, detail: None };
        let bytes = request.to_value().to_string().len();
        match self.habits.refuses {
            Some(404) => return Err(Failure::NotFound(refusal(404))),
            Some(status) => return Err(Failure::Unsupported(refusal(status))),
            None => {}
        }
        self.sizes.push(request.operations.len());
        if request.operations.len() > self.habits.takes || bytes > self.habits.takes_bytes {
            return Err(Failure::Permanent(refusal(413)));
        }
        let (mut made, mut errors, mut results) = (HashMap::new(), 0, Vec::new());
        for operation in &request.operations {
            let mut result = self.carry_out(operation, &made);
            if let (Some(name), Some(location)) = (&operation.bulk_id, &result.location) {
                made.insert(name.clone(), crate::address::decoded_last_segment(location));
            }
            errors += u32::from(!result.is_success());
            result.bulk_id = operation.bulk_id.clone().filter(|_| self.habits.names);
            results.push(result);
            if request.fail_on_errors.is_some_and(|limit| errors >= limit) {
                break;
            }
        }
        Ok(BulkAnswer { status: 200, results, secrets: Default::default() })
    }

    fn run(&mut self, limits: &Bulk, operations: &[BulkOperation], limit: Option<u32>) -> BulkOutcome {
        let base = BaseUrl::new(BASE.parse().unwrap());
        let mut course = Course::new(&base, limits, operations.to_vec(), limit);
        let mut requests = 0;
        while let Some(step) = course.next() {
            requests += 1;
            assert!(requests <= 4 * operations.len() + 8, "the course does not end");
            match step {
                Step::Together(sent, request) => {
                    assert_eq!(sent.len(), request.operations.len());
                    assert!(!sent.is_empty() && request.fail_on_errors != Some(0));
                    assert_eq!(in_order(request.operations.clone()).unwrap(), request.operations);
                    let answer = self.bulk(&request);
                    course.answered(sent, &request, answer);
                }
                Step::Alone(index, operation) => {
                    self.alone += 1;
                    let result = self.carry_out(&operation, &HashMap::new());
                    let response = HttpResponse {
                        status: result.status,
                        headers: ResponseHeaders {
                            location: result.location,
                            etag: result.version,
                            ..ResponseHeaders::default()
                        },
                        body: result.response.map(|body| body.to_string().into_bytes()).unwrap_or_default(),
                        ..HttpResponse::default()
                    };
                    course.answered_alone(index, judged(&base, &operation, &response));
                }
            }
        }
        course.finish(Vec::new())
    }
}

fn unbounded() -> Habits {
    Habits { refuses: None, takes: usize::MAX, takes_bytes: usize::MAX, names: true }
}

fn limits(operations: u64, bytes: u64) -> Bulk {
    Bulk { supported: true, max_operations: Some(operations), max_payload_size: Some(bytes) }
}

/// Creates `name`, under that name, with references to others.
fn create(bulk_id: &str, name: &str, references: &[&str]) -> BulkOperation {
    let members: Vec<_> = references.iter().map(|name| json!({"value": format!("bulkId:{name}")})).collect();
    BulkOperation {
        bulk_id: Some(bulk_id.to_owned()),
        data: Some(json!({"userName": name, "members": members})),
        ..BulkOperation::new(BulkMethod::Post, "/Users")
    }
}

fn change(method: BulkMethod, path: &str, title: &str) -> BulkOperation {
    let data = (method != BulkMethod::Delete).then(|| json!({"title": title}));
    BulkOperation { data, ..BulkOperation::new(method, path) }
}

fn statuses(outcome: &BulkOutcome) -> Vec<Option<u16>> {
    let status = |outcome: &OperationOutcome| match outcome {
        OperationOutcome::Done(done) => Some(done.status),
        OperationOutcome::Failed(failure) => failure.refusal().map(|refusal| refusal.status),
        _ => None,
    };
    outcome.results.iter().map(status).collect()
}

fn operation(number: usize) -> impl Strategy<Value = BulkOperation> {
    let names = ["op0", "op1", "op2", "op3", "op5", "op7", "nobody"];
    let reference = || proptest::sample::select(names.to_vec());
    let creates =
        (0..4_u8, proptest::collection::vec(reference(), 0..3)).prop_map(move |(user, references)| {
            create(&format!("op{number}"), &format!("user{user}"), &references)
        });
    let path = prop_oneof![
        Just("/Users/old".to_owned()),
        Just("/Users/gone".to_owned()),
        Just("/Users/user1%2F%C3%BC".to_owned()),
        reference().prop_map(|name| format!("/Users/bulkId:{name}")),
    ];
    let methods = proptest::sample::select(vec![BulkMethod::Put, BulkMethod::Patch, BulkMethod::Delete]);
    let changes = (methods, path).prop_map(move |(method, path)| change(method, &path, &number.to_string()));
    prop_oneof![3 => creates, 2 => changes]
}

fn operations() -> impl Strategy<Value = Vec<BulkOperation>> {
    (0_usize..12).prop_flat_map(|count| (0..count).map(operation).collect::<Vec<_>>())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2048, ..ProptestConfig::default() })]

    /// Point 21: however operations are split over requests, each has the result it would have had alone.
    #[test]
    fn every_split_has_the_outcome_of_one_by_one(
        operations in operations(),
        fail_on_errors in proptest::option::of(0_u32..5),
        (declared_operations, declared_bytes) in (0_u64..8, prop_oneof![Just(0_u64), 150..1500_u64]),
        (takes, takes_bytes) in (1_usize..20, 300_usize..3000),
        names in any::<bool>(),
        refuses in prop_oneof![4 => Just(None), 1 => proptest::sample::select(vec![404, 405, 501]).prop_map(Some)],
    ) {
        let mut one_by_one = Server::new(unbounded());
        let alone = Bulk { supported: false, ..Bulk::default() };
        let expected = one_by_one.run(&alone, &operations, fail_on_errors);
        let mut server = Server::new(Habits { refuses, takes, takes_bytes, names });
        let bounds = limits(declared_operations, declared_bytes);
        let outcome = server.run(&bounds, &operations, fail_on_errors);
        prop_assert_eq!(&outcome.results, &expected.results);
        prop_assert_eq!(&server.store, &one_by_one.store);
        prop_assert!(outcome.results.len() == operations.len());
        if declared_operations > 0 {
            prop_assert!(server.sizes.iter().all(|size| *size as u64 <= declared_operations));
        }
        prop_assert_eq!(one_by_one.sizes.len(), 0);
    }
}

/// Point 21: bulkIds in topological order, one request where one suffices.
#[test]
fn what_is_referred_to_goes_first_and_results_keep_the_order_given() {
    let mut server = Server::new(unbounded());
    let operations = [create("tools", "tools", &["jdoe"]), create("jdoe", "jdoe", &[])];
    let outcome = server.run(&limits(0, 0), &operations, None);
    let ids: Vec<_> = outcome.results.iter().map(|result| result.done().unwrap().id.as_str()).collect();
    assert_eq!(ids, ["tools/ü", "jdoe/ü"]);
    assert_eq!((server.sizes, server.alone), (vec![2], 0), "0 means that no bound is known");
    assert_eq!(server.store["tools/ü"]["members"], json!([{"value": "jdoe/ü"}]));
}

/// Point 21: split by maxOperations; a reference across requests is the real id.
#[test]
fn references_across_requests_are_ids() {
    let mut server = Server::new(Habits { takes: 1, ..unbounded() });
    let operations = [
        create("tools", "tools", &["jdoe"]),
        create("jdoe", "jdoe", &[]),
        change(BulkMethod::Put, "/Users/bulkId:jdoe", "Boss"),
    ];
    let outcome = server.run(&limits(1, 0), &operations, None);
    assert_eq!(statuses(&outcome), [201, 201, 200].map(Some));
    assert_eq!(server.sizes, [1, 1, 1]);
    assert_eq!(server.store["tools/ü"]["members"], json!([{"value": "jdoe/ü"}]));
    assert_eq!(server.store["jdoe/ü"], json!({"title": "Boss"}));
}

/// Point 21: split by maxPayloadSize; one operation beyond it is an ordinary call.
#[test]
fn no_request_is_larger_than_the_bound_and_what_is_too_large_goes_alone() {
    let long = create("b", &"b".repeat(500), &[]);
    let operations = [create("a", "a", &[]), long, create("c", "c", &[]), create("d", "d", &[])];
    let mut server = Server::new(Habits { takes_bytes: 400, ..unbounded() });
    let outcome = server.run(&limits(0, 400), &operations, None);
    assert_eq!(statuses(&outcome), [201; 4].map(Some));
    assert_eq!((server.sizes, server.alone), (vec![1, 2], 1));
}

/// Point 21: fall back on 413.
#[test]
fn a_request_that_is_too_large_all_the_same_is_halved() {
    let operations: Vec<_> = (0..8).map(|n| create(&n.to_string(), &n.to_string(), &[])).collect();
    let mut server = Server::new(Habits { takes: 3, ..unbounded() });
    let outcome = server.run(&limits(0, 0), &operations, None);
    assert_eq!(statuses(&outcome), [201; 8].map(Some));
    assert_eq!(server.sizes, [8, 4, 2, 2, 2, 2]);
    assert_eq!(outcome.fell_back, None);
    let mut server = Server::new(Habits { takes_bytes: 0, ..unbounded() });
    let outcome = server.run(&limits(0, 0), &operations[..2], None);
    assert_eq!(statuses(&outcome), [201; 2].map(Some));
    assert_eq!((server.sizes, server.alone), (vec![2, 1, 1], 2));
}

/// Point 21: fall back on 501.
#[test]
fn without_bulk_requests_the_operations_go_one_by_one_and_that_is_told() {
    let operations = [create("tools", "tools", &["jdoe"]), create("jdoe", "jdoe", &[])];
    for status in [404, 405, 501] {
        let mut server = Server::new(Habits { refuses: Some(status), ..unbounded() });
        let outcome = server.run(&limits(0, 0), &operations, None);
        assert_eq!(statuses(&outcome), [201; 2].map(Some));
        assert_eq!((outcome.fell_back.map(|refusal| refusal.status), server.alone), (Some(status), 2));
    }
    let mut server = Server::new(unbounded());
    let outcome = server.run(&Bulk::default(), &operations, None);
    assert_eq!((outcome.fell_back, server.sizes.len()), (None, 0), "only where declared");
}

/// Point 21: failOnErrors, across requests as within one.
#[test]
fn after_so_many_failures_nothing_more_is_attempted() {
    let operations: Vec<_> = [("a", "x"), ("b", "x"), ("c", "y"), ("d", "x"), ("e", "z")]
        .map(|(bulk_id, name)| create(bulk_id, name, &[]))
        .to_vec();
    for most in [0, 1, 2, 3] {
        let outcome = Server::new(unbounded()).run(&limits(most, 0), &operations, Some(2));
        assert_eq!(statuses(&outcome), [Some(201), Some(409), Some(201), Some(409), None], "{most}");
        let because = NotAttempted::Stopped { failures: 2 };
        assert_eq!(outcome.results[4], OperationOutcome::NotAttempted { because });
    }
}

/// Point 21: what refers to something that was not made is not attempted.
#[test]
fn an_operation_whose_reference_failed_is_not_attempted() {
    let operations = [
        create("a", "x", &[]),
        create("b", "x", &[]),
        create("c", "y", &["b"]),
        create("d", "z", &["c"]),
        create("e", "w", &["nobody"]),
    ];
    for most in [0, 1, 2] {
        let outcome = Server::new(unbounded()).run(&limits(most, 0), &operations, None);
        let reasons: Vec<_> = outcome.results[2..]
            .iter()
            .map(|outcome| match outcome {
                OperationOutcome::NotAttempted { because } => because.to_string(),
                other => panic!("{other:?}"),
            })
            .collect();
        assert_eq!(
            reasons,
            [
                "it needs the resource of `bulkId:b`, which was not made",
                "it needs the resource of `bulkId:c`, which was not made",
                "it needs the resource of `bulkId:nobody`, which was not made",
            ]
        );
    }
}

#[test]
fn operations_in_a_circle_are_not_attempted_and_the_others_are() {
    let operations =
        [create("a", "a", &["b"]), create("b", "b", &["a"]), create("c", "c", &[]), create("d", "d", &["a"])];
    let outcome = Server::new(unbounded()).run(&limits(0, 0), &operations, None);
    let circle = |outcome: &OperationOutcome| {
        matches!(outcome, OperationOutcome::NotAttempted { because: NotAttempted::Circle { .. } })
    };
    assert!(circle(&outcome.results[0]) && circle(&outcome.results[1]));
    assert_eq!(outcome.results[2].done().unwrap().id, "c/ü");
    let because = NotAttempted::Reference { bulk_id: "a".to_owned() };
    assert_eq!(outcome.results[3], OperationOutcome::NotAttempted { because });
}

#[test]
fn a_path_that_would_name_something_else_and_a_name_given_twice_are_not_sent() {
    let operations = [
        change(BulkMethod::Delete, "/Users/..", ""),
        change(BulkMethod::Delete, "/Users/%2e%2e", ""),
        change(BulkMethod::Delete, "/Users/", ""),
        change(BulkMethod::Delete, "/Users", ""),
        change(BulkMethod::Put, "https://evil.example/Users/7", ""),
        create("a", "a", &[]),
        create("a", "b", &[]),
    ];
    let mut server = Server::new(unbounded());
    let outcome = server.run(&limits(0, 0), &operations, None);
    for (index, outcome) in outcome.results.iter().enumerate() {
        let unsendable = matches!(outcome, OperationOutcome::Failed(Failure::Unsendable { .. }));
        assert_eq!(unsendable, index != 5, "{outcome:?}");
    }
    assert_eq!(server.sizes, [1]);
}

/// Runs operations in requests of two, the first of which is answered with this.
fn after(answer: Result<BulkAnswer, Failure>) -> Vec<OperationOutcome> {
    let base = BaseUrl::new(BASE.parse().unwrap());
    let operations = vec![
        create("a", "a", &[]),
        change(BulkMethod::Put, "/Users/old", ""),
        create("c", "c", &["a"]),
        create("d", "d", &[]),
    ];
    let mut course = Course::new(&base, &limits(2, 0), operations, None);
    let mut server = Server::new(unbounded());
    let mut answer = Some(answer);
    while let Some(Step::Together(sent, request)) = course.next() {
        let answer = answer.take().unwrap_or_else(|| server.bulk(&request));
        course.answered(sent, &request, answer);
    }
    course.finish(Vec::new()).results
}

#[test]
fn where_the_answer_is_lost_its_operations_are_in_doubt_and_no_more_are_sent() {
    let lost = Failure::Interrupted { cause: "reset".into() };
    let results = after(Err(lost.clone()));
    assert_eq!(
        results[..2],
        [OperationOutcome::InDoubt(lost.clone()), OperationOutcome::InDoubt(lost.clone())]
    );
    let unsent = OperationOutcome::NotAttempted { because: NotAttempted::Broken(lost) };
    assert_eq!(results[2..], [unsent.clone(), unsent]);
}

#[test]
fn where_nothing_was_sent_nothing_is_in_doubt() {
    let nobody = Failure::Unreachable { cause: "refused".into() };
    let results = after(Err(nobody.clone()));
    assert_eq!(results[..2], [OperationOutcome::Failed(nobody.clone()), OperationOutcome::Failed(nobody)]);
}

#[test]
fn an_operation_that_the_answer_does_not_mention_is_in_doubt() {
    let said = BulkResult { bulk_id: Some("a".into()), ..BulkResult::new(BulkMethod::Post, 400) };
    let results = after(Ok(BulkAnswer { status: 200, results: vec![said], secrets: Default::default() }));
    assert!(matches!(&results[0], OperationOutcome::Failed(Failure::Permanent(_))));
    assert!(matches!(&results[1], OperationOutcome::InDoubt(Failure::Unreadable { .. })), "{results:?}");
    assert!(matches!(&results[2], OperationOutcome::NotAttempted { .. }));
    assert!(results[3].done().is_some(), "the others go on");
}

#[test]
fn a_result_is_judged_like_an_answer_of_its_own() {
    let results = [
        BulkResult { bulk_id: Some("a".into()), ..BulkResult::new(BulkMethod::Post, 500) },
        BulkResult {
            location: Some(format!("{BASE}/Users/old")),
            response: Some(json!({"status": 412, "detail": "changed"})),
            ..BulkResult::new(BulkMethod::Put, 412)
        },
    ];
    let answer = BulkAnswer { status: 200, results: results.to_vec(), secrets: Default::default() };
    let results = after(Ok(answer));
    assert!(matches!(&results[0], OperationOutcome::InDoubt(Failure::Unavailable { .. })));
    let detail = Some("changed".to_owned());
    let refusal = Refusal { status: 412, scim_type: None, detail };
    assert_eq!(results[1], OperationOutcome::Failed(Failure::PreconditionFailed(refusal)));
}
