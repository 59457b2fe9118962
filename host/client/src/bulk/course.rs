//! The course of a bulk call: what is sent next, and what an answer means for what is left. No I/O.
//!
//! The operations wait in an order in which each comes after those it refers to. As many as the limits allow
//! go into the next request. A reference to an operation of the same request stays as it is, `bulkId:x`, for
//! the provider to resolve; one to an operation of an earlier request has become an id by then.

use super::pairing::pair;
use super::{BulkOutcome, Done, NotAttempted, OperationOutcome};
use crate::address::{BaseUrl, decoded_last_segment};
use crate::call::CallReport;
use crate::failure::{Failure, Refusal};
use crate::judge::{self, BulkAnswer, Deleted};
use crate::message::{HttpResponse, ResponseHeaders};
use scimwright_scim::bulk::in_order;
use scimwright_scim::{Bulk, BulkMethod, BulkOperation, BulkRequest};
use std::collections::{HashMap, HashSet, VecDeque};

/// A bulk call in the middle.
#[derive(Debug)]
pub(crate) struct Course {
    base: BaseUrl,
    in_bulk: bool,
    /// None means that no bound is known.
    max_operations: Option<usize>,
    max_bytes: Option<usize>,
    fail_on_errors: Option<u32>,
    failures: u32,
    operations: Vec<BulkOperation>,
    outcomes: Vec<Option<OperationOutcome>>,
    /// The operation that creates the resource of this name.
    creates: HashMap<String, usize>,
    waiting: VecDeque<usize>,
    /// Refused in bulk for their size, although they were alone in it.
    too_large: HashSet<usize>,
    broken: Option<Failure>,
    fell_back: Option<Refusal>,
}

/// What is to be sent next.
#[derive(Debug)]
pub(crate) enum Step {
    /// These operations in one request.
    Together(Vec<usize>, BulkRequest),
    /// This operation as a call of its own.
    Alone(usize, BulkOperation),
}

impl Course {
    pub(crate) fn new(
        base: &BaseUrl,
        limits: &Bulk,
        operations: Vec<BulkOperation>,
        fail_on_errors: Option<u32>,
    ) -> Self {
        // RFC 7643 section 5 requires both numbers; where there is none, providers write 0.
        let bound = |limit: Option<u64>| limit.filter(|limit| *limit > 0);
        let bound = |limit| bound(limit).map(|limit| usize::try_from(limit).unwrap_or(usize::MAX));
        let mut course = Self {
            base: base.clone(),
            in_bulk: limits.supported,
            max_operations: bound(limits.max_operations),
            max_bytes: bound(limits.max_payload_size),
            fail_on_errors: fail_on_errors.filter(|errors| *errors > 0),
            failures: 0,
            outcomes: vec![None; operations.len()],
            operations,
            creates: HashMap::new(),
            waiting: VecDeque::new(),
            too_large: HashSet::new(),
            broken: None,
            fell_back: None,
        };
        course.name_creates();
        course.arrange();
        course
    }

    /// RFC 7644 section 3.7: every create has a name, and no two have the same.
    fn name_creates(&mut self) {
        let mut taken: HashSet<String> =
            self.operations.iter().filter_map(|operation| operation.bulk_id.clone()).collect();
        for index in 0..self.operations.len() {
            if let Err(failure) = sendable(&self.base, &self.operations[index]) {
                self.outcomes[index] = Some(OperationOutcome::Failed(failure));
                continue;
            }
            let operation = &mut self.operations[index];
            if operation.method != BulkMethod::Post {
                continue;
            }
            let name = operation.bulk_id.get_or_insert_with(|| free_name(index, &taken)).clone();
            taken.insert(name.clone());
            if self.creates.contains_key(&name) {
                let reason = format!("the bulkId `{name}` is that of another operation too");
                self.outcomes[index] = Some(OperationOutcome::Failed(Failure::Unsendable { reason }));
                continue;
            }
            self.creates.insert(name, index);
        }
    }

    /// Lets the operations wait in an order in which each comes after those it needs.
    fn arrange(&mut self) {
        let mut left: Vec<usize> =
            (0..self.operations.len()).filter(|index| self.outcomes[*index].is_none()).collect();
        loop {
            // A name for each, so that it is known again in the order; only those of creates bear on it.
            let named = left.iter().map(|index| {
                let operation = self.operations[*index].clone();
                let name = match operation.method {
                    BulkMethod::Post => operation.bulk_id.clone(),
                    _ => Some(index.to_string()),
                };
                BulkOperation { bulk_id: name, ..operation }
            });
            let index_of = |operation: &BulkOperation| {
                let name = operation.bulk_id.as_deref()?;
                match operation.method {
                    BulkMethod::Post => self.creates.get(name).copied(),
                    _ => name.parse().ok(),
                }
            };
            match in_order(named.collect()) {
                Ok(ordered) => {
                    self.waiting = ordered.iter().filter_map(index_of).collect();
                    return;
                }
                Err(circle) => {
                    let on_circle: HashSet<usize> =
                        circle.bulk_ids.iter().filter_map(|name| self.creates.get(name).copied()).collect();
                    for index in &on_circle {
                        let because = NotAttempted::Circle { bulk_ids: circle.bulk_ids.clone() };
                        self.outcomes[*index] = Some(OperationOutcome::NotAttempted { because });
                    }
                    let before = left.len();
                    left.retain(|index| !on_circle.contains(index));
                    // Only creates are referred to, so that every circle is made of them.
                    if left.len() == before {
                        return;
                    }
                }
            }
        }
    }

    /// What is to be sent next; none where nothing is left.
    pub(crate) fn next(&mut self) -> Option<Step> {
        loop {
            if let Some(because) = self.stop() {
                self.waiting.clear();
                for outcome in self.outcomes.iter_mut().filter(|outcome| outcome.is_none()) {
                    *outcome = Some(OperationOutcome::NotAttempted { because: because.clone() });
                }
            }
            self.waiting.front()?;
            let (indices, operations) = self.fill();
            match operations.len() {
                // All that were looked at refer to what is not there.
                0 => continue,
                _ if self.in_bulk && !self.is_for_itself(&indices, &operations) => {
                    let fail_on_errors = self.fail_on_errors.map(|limit| limit - self.failures);
                    return Some(Step::Together(indices, BulkRequest { fail_on_errors, operations }));
                }
                _ => {
                    let (index, operation) = indices.into_iter().zip(operations).next()?;
                    return Some(Step::Alone(index, operation));
                }
            }
        }
    }

    fn stop(&self) -> Option<NotAttempted> {
        if let Some(failure) = &self.broken {
            return Some(NotAttempted::Broken(failure.clone()));
        }
        let limit = self.fail_on_errors?;
        (self.failures >= limit).then_some(NotAttempted::Stopped { failures: self.failures })
    }

    /// Whether an operation that is alone in its request does better as a call of its own.
    fn is_for_itself(&self, indices: &[usize], operations: &[BulkOperation]) -> bool {
        let ([index], [operation]) = (indices, operations) else { return false };
        self.too_large.contains(index)
            || self.max_bytes.is_some_and(|max| envelope_bytes() + bytes(operation) > max)
    }

    /// Takes as many of those that wait as fit into one request.
    fn fill(&mut self) -> (Vec<usize>, Vec<BulkOperation>) {
        let (mut indices, mut operations): (Vec<usize>, Vec<BulkOperation>) = Default::default();
        let mut size = envelope_bytes();
        let most = if self.in_bulk { self.max_operations.unwrap_or(usize::MAX) } else { 1 };
        while let Some(&index) = self.waiting.front()
            && indices.len() < most
            && self.stop().is_none()
        {
            let operation = match self.resolved(index, &indices) {
                Ok(Some(operation)) => operation,
                // Its path can only be sent when the id is known, which is after this request.
                Ok(None) => break,
                // What goes before it may use up the failures that are to be borne.
                Err(_) if !indices.is_empty() => break,
                Err(because) => {
                    self.waiting.pop_front();
                    // A provider that were asked would refuse it, and count that.
                    self.settle(index, OperationOutcome::NotAttempted { because });
                    continue;
                }
            };
            let more = bytes(&operation) + 1;
            let fits = self.max_bytes.is_none_or(|max| size + more <= max);
            if !indices.is_empty() && (!fits || self.too_large.contains(&index)) {
                break;
            }
            size += more;
            self.waiting.pop_front();
            indices.push(index);
            operations.push(operation);
            if !fits || self.too_large.contains(&index) {
                break;
            }
        }
        (indices, operations)
    }

    /// The operation with ids in the place of references, but for those to operations beside it; none where
    /// its path refers to one of them, which few providers resolve.
    fn resolved(&self, index: usize, beside: &[usize]) -> Result<Option<BulkOperation>, NotAttempted> {
        let mut operation = self.operations[index].clone();
        let is_beside = |name: &str| self.creates.get(name).is_some_and(|index| beside.contains(index));
        let path = BulkOperation { data: None, ..operation.clone() };
        if path.references().iter().any(|name| is_beside(name)) {
            return Ok(None);
        }
        let resolved = operation.resolve(|name| {
            if is_beside(name) {
                return Some(format!("bulkId:{name}"));
            }
            let creator = *self.creates.get(name)?;
            self.outcomes[creator].as_ref()?.done().map(|done| done.id.clone())
        });
        match resolved {
            Ok(()) => Ok(Some(operation)),
            Err(unresolved) => {
                let bulk_id = unresolved.bulk_ids.into_iter().next().unwrap_or_default();
                Err(NotAttempted::Reference { bulk_id })
            }
        }
    }

    /// Takes in the answer to a bulk request.
    pub(crate) fn answered(
        &mut self,
        sent: Vec<usize>,
        request: &BulkRequest,
        answer: Result<BulkAnswer, Failure>,
    ) {
        let answer = match answer {
            Ok(answer) => answer,
            Err(failure) => return self.refused(sent, failure),
        };
        let results = pair(&request.operations, answer.results);
        let errors = results.iter().flatten().filter(|result| !result.is_success()).count();
        let stopped = request.fail_on_errors.is_some_and(|limit| errors >= limit as usize);
        let mut untried = Vec::new();
        for ((index, operation), result) in sent.into_iter().zip(&request.operations).zip(results) {
            let outcome = match result {
                Some(result) => {
                    let response = HttpResponse {
                        status: result.status,
                        headers: ResponseHeaders {
                            location: result.location,
                            etag: result.version,
                            ..ResponseHeaders::default()
                        },
                        body: result.response.map(|body| body.to_string().into_bytes()).unwrap_or_default(),
                        secrets: answer.secrets.clone(),
                        ..HttpResponse::default()
                    };
                    match judged(&self.base, operation, &response) {
                        Ok(done) => OperationOutcome::Done(done),
                        Err(failure) => self.failed(index, failure),
                    }
                }
                None if stopped => {
                    untried.push(index);
                    continue;
                }
                None => OperationOutcome::InDoubt(Failure::Unreadable {
                    status: answer.status,
                    reason: "it does not say what became of this operation".to_owned(),
                }),
            };
            self.settle(index, outcome);
        }
        // Should the provider have counted as a failure what is none, such as the deletion of what was gone,
        // they get their turn again.
        self.wait_again(untried);
    }

    /// Takes in the answer to an operation that was sent alone.
    pub(crate) fn answered_alone(&mut self, index: usize, answer: Result<Done, Failure>) {
        let outcome = match answer {
            Ok(done) => OperationOutcome::Done(done),
            Err(failure) => {
                if concerns_all(&failure) {
                    self.broken = Some(failure.clone());
                }
                self.failed(index, failure)
            }
        };
        self.settle(index, outcome);
    }

    /// The request as a whole was refused, or has no answer.
    fn refused(&mut self, sent: Vec<usize>, failure: Failure) {
        let refusal = failure.refusal().cloned();
        match (&failure, refusal) {
            // RFC 7644 section 3.7.4: more than the provider takes, whatever it declares.
            (_, Some(refusal)) if refusal.status == 413 => {
                match sent.as_slice() {
                    [only] => {
                        self.too_large.insert(*only);
                    }
                    several => self.max_operations = Some(several.len() / 2),
                }
                self.wait_again(sent);
            }
            (Failure::NotFound(_) | Failure::Unsupported(_), Some(refusal)) => {
                self.in_bulk = false;
                self.fell_back = Some(refusal);
                self.wait_again(sent);
            }
            _ => {
                for index in sent {
                    let outcome = self.failed(index, failure.clone());
                    self.settle(index, outcome);
                }
                // The next request could be one that the provider understands.
                if !matches!(failure, Failure::Permanent(_)) {
                    self.broken = Some(failure);
                }
            }
        }
    }

    fn wait_again(&mut self, sent: Vec<usize>) {
        sent.into_iter().rev().for_each(|index| self.waiting.push_front(index));
    }

    /// What a failure means for an operation. One that refers to a resource which was not made could not but
    /// fail, and it is the same whether the provider found that out or we did.
    fn failed(&self, index: usize, failure: Failure) -> OperationOutcome {
        if failure.leaves_outcome_open() {
            return OperationOutcome::InDoubt(failure);
        }
        let made = |name: &String| {
            let creator = self.creates.get(name)?;
            self.outcomes[*creator].as_ref()?.done()
        };
        let missing = self.operations[index].references().into_iter().find(|name| made(name).is_none());
        match missing {
            Some(bulk_id) if failure.refusal().is_some() && !concerns_all(&failure) => {
                OperationOutcome::NotAttempted { because: NotAttempted::Reference { bulk_id } }
            }
            _ => OperationOutcome::Failed(failure),
        }
    }

    fn settle(&mut self, index: usize, outcome: OperationOutcome) {
        if outcome.done().is_none() {
            self.failures += 1;
        }
        self.outcomes[index] = Some(outcome);
    }

    /// The results, once nothing is left.
    pub(crate) fn finish(self, calls: Vec<CallReport>) -> BulkOutcome {
        let unsent =
            || OperationOutcome::NotAttempted { because: NotAttempted::Stopped { failures: self.failures } };
        let results = self.outcomes.into_iter().map(|outcome| outcome.unwrap_or_else(unsent)).collect();
        BulkOutcome { results, calls, fell_back: self.fell_back }
    }
}

/// What the answer to one operation means, however it came.
pub(crate) fn judged(
    base: &BaseUrl,
    operation: &BulkOperation,
    response: &HttpResponse,
) -> Result<Done, Failure> {
    let status = response.status;
    let changed = |version, resource| {
        let id = decoded_last_segment(&operation.path);
        Done { id, version, status, adopted: false, resource }
    };
    match operation.method {
        BulkMethod::Post => {
            let made = judge::created(response, base, &operation.path)?;
            let adopted = made.adopted;
            Ok(Done { id: made.id, version: made.version, status, adopted, resource: made.resource })
        }
        BulkMethod::Put | BulkMethod::Patch => {
            let modified = judge::modified(response)?;
            Ok(changed(modified.version, modified.resource))
        }
        BulkMethod::Delete => match judge::deleted(response)? {
            Deleted::Now | Deleted::AlreadyGone => Ok(changed(None, None)),
        },
    }
}

/// Whether a failure would be that of the next request as well.
fn concerns_all(failure: &Failure) -> bool {
    match failure {
        Failure::Unreachable { .. }
        | Failure::TimedOut { .. }
        | Failure::Interrupted { .. }
        | Failure::Authentication(_)
        | Failure::Throttled { .. }
        | Failure::Redirected { .. } => true,
        Failure::Unavailable { refusal, .. } => refusal.status != 500,
        _ => false,
    }
}

/// Whether a path names what it means: below the base URL, and a resource unless it is to be created.
fn sendable(base: &BaseUrl, operation: &BulkOperation) -> Result<(), Failure> {
    let path = operation.path.as_str();
    let segments: Vec<&str> = path.trim_start_matches('/').split('/').collect();
    let least = if operation.method == BulkMethod::Post { 1 } else { 2 };
    let is_plain = path.starts_with('/')
        && !path.contains(['?', '#'])
        && segments.len() >= least
        && base.names_each_segment(path);
    if is_plain {
        return Ok(());
    }
    let reason = format!("the path {path:?} of a bulk operation would name something else");
    Err(Failure::Unsendable { reason })
}

fn free_name(index: usize, taken: &HashSet<String>) -> String {
    let mut name = format!("operation-{}", index + 1);
    while taken.contains(&name) {
        name.push('+');
    }
    name
}

fn bytes(operation: &BulkOperation) -> usize {
    operation.to_value().to_string().len()
}

/// What a bulk request has around its operations.
fn envelope_bytes() -> usize {
    let empty = BulkRequest { fail_on_errors: Some(u32::MAX), operations: Vec::new() };
    empty.to_value().to_string().len()
}
