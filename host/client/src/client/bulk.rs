//! Bulk calls: the steps of a course, each sent and its answer given back to it.

use super::Client;
use crate::address::decoded_last_segment;
use crate::bulk::{self, BulkOutcome, Course, Done, Step};
use crate::call::{Action, CallReport, Exchange, Subject};
use crate::failure::{ClientError, Failure};
use crate::judge;
use crate::message::HttpResponse;
use scimwright_scim::{Bulk, BulkMethod, BulkOperation, ResourceType};

impl Client {
    /// Carries many operations out in as few requests as the limits allow (RFC 7644 section 3.7), and returns
    /// a result for each, in the order given.
    ///
    /// `limits` are the provider's, as discovered; a bound that is 0 or absent is taken as not known. They are
    /// sent in an order in which each comes after those that it refers to by `bulkId:`, and
    /// [`bulk_path`](Self::bulk_path) says where. Where the provider turns out to have no bulk requests, they
    /// are sent one by one, which [`BulkOutcome::fell_back`] tells; where `limits` says that it has none, they
    /// are from the start. After `fail_on_errors` failures, no more are attempted.
    ///
    /// ```no_run
    /// # use scimwright_client::Client;
    /// # use scimwright_scim::{Bulk, BulkMethod, BulkOperation, ResourceType};
    /// # async fn example(client: Client, users: ResourceType, groups: ResourceType, limits: Bulk)
    /// # -> Result<(), Box<dyn std::error::Error>> {
    /// use serde_json::json;
    ///
    /// let jdoe = BulkOperation {
    ///     bulk_id: Some("jdoe".into()),
    ///     data: Some(json!({"userName": "jdoe"})),
    ///     ..BulkOperation::new(BulkMethod::Post, client.bulk_path(&users, None)?)
    /// };
    /// let tools = BulkOperation {
    ///     bulk_id: Some("tools".into()),
    ///     data: Some(json!({"displayName": "Tools", "members": [{"value": "bulkId:jdoe"}]})),
    ///     ..BulkOperation::new(BulkMethod::Post, client.bulk_path(&groups, None)?)
    /// };
    /// let outcome = client.bulk(&limits, vec![tools, jdoe], None).await;
    /// assert_eq!(outcome.results.len(), 2);
    /// # Ok(())
    /// # }
    /// ```
    pub async fn bulk(
        &self,
        limits: &Bulk,
        operations: Vec<BulkOperation>,
        fail_on_errors: Option<u32>,
    ) -> BulkOutcome {
        let mut course = Course::new(&self.shared.base, limits, operations, fail_on_errors);
        let mut calls = Vec::new();
        while let Some(step) = course.next() {
            match step {
                Step::Together(sent, request) => {
                    let subject = Subject::new(Action::Bulk, "Bulk", None);
                    let answer = self.call(subject, self.requests().bulk(&request), judge::bulk).await;
                    course.answered(sent, &request, logged(answer, &mut calls));
                }
                Step::Alone(index, operation) => {
                    let answer = self.operation(&operation).await;
                    course.answered_alone(index, logged(answer, &mut calls));
                }
            }
        }
        course.finish(calls)
    }

    /// Where a bulk operation on this resource is done, or a create where there is none yet: relative to the
    /// base URL, the id percent-encoded (RFC 7644 section 3.7).
    ///
    /// # Errors
    /// [`Failure::Unsendable`] where no address can name the id.
    pub fn bulk_path(&self, kind: &ResourceType, id: Option<&str>) -> Result<String, Failure> {
        self.requests().bulk_path(kind, id)
    }

    /// An operation of a bulk request as a call of its own. Its path names a collection, `Users`, and that is
    /// what the log has for the resource type.
    async fn operation(&self, operation: &BulkOperation) -> Result<Exchange<Done>, ClientError> {
        let segment = decoded_last_segment(&operation.path);
        let above = operation.path.trim_end_matches('/').rsplit_once('/').map_or("", |(above, _)| above);
        let (action, collection, id) = match operation.method {
            BulkMethod::Post => (Action::Create, segment, None),
            BulkMethod::Put => (Action::Replace, decoded_last_segment(above), Some(segment)),
            BulkMethod::Patch => (Action::Modify, decoded_last_segment(above), Some(segment)),
            BulkMethod::Delete => (Action::Delete, decoded_last_segment(above), Some(segment)),
        };
        let subject = Subject::new(action, &collection, id.as_deref());
        let judge = |response: &HttpResponse| bulk::judged(&self.shared.base, operation, response);
        let mut done = self.call(subject, self.requests().operation(operation), judge).await?;
        done.call.subject.resource_id = Some(done.value.id.clone());
        Ok(done)
    }
}

/// What an answer says, its call put aside for the log.
fn logged<T>(answer: Result<Exchange<T>, ClientError>, calls: &mut Vec<CallReport>) -> Result<T, Failure> {
    match answer {
        Ok(Exchange { value, call }) => {
            calls.push(call);
            Ok(value)
        }
        Err(ClientError { call, kind }) => {
            calls.push(*call);
            Err(kind)
        }
    }
}
