//! Single requests, as plain as they can be, and what came of them.
//!
//! A refusal is an answer here, and often the very thing to find out. Only where no answer came, or none to
//! anything would, is there an error.

use super::Probe;
use scimwright_client::{CallReport, ClientError, Exchange, Failure, OperationOutcome, Query};
use scimwright_scim::{Bulk, BulkMethod, BulkOperation, ListResponse, Resource, ResourceType, urn};
use serde_json::{Value, json};

/// What a provider answered.
#[derive(Debug, Clone)]
pub(super) struct Answer {
    /// The status.
    pub(super) status: u16,
    /// The resource, where one came.
    pub(super) resource: Option<Resource>,
    /// What was refused.
    refusal: Option<Failure>,
}

impl Answer {
    pub(super) fn is_ok(&self) -> bool {
        self.refusal.is_none()
    }

    /// Where it was refused as what the provider does not do.
    pub(super) fn is_unsupported(&self) -> bool {
        matches!(self.refusal, Some(Failure::Unsupported(_) | Failure::NotFound(_)))
    }

    /// `answered 200`, or `refused (400 invalidPath)`.
    pub(super) fn words(&self) -> String {
        match self.refusal.as_ref().map(Failure::refusal) {
            None => format!("answered {}", self.status),
            Some(Some(refusal)) => match &refusal.scim_type {
                Some(scim_type) => format!("refused ({} {scim_type})", refusal.status),
                None => format!("refused ({})", refusal.status),
            },
            Some(None) => format!("answered {} with something that is not SCIM", self.status),
        }
    }
}

/// Turns a refusal into an answer. What the provider could not be asked at all stays an error, and so do
/// credentials that it does not accept.
fn answer<T>(
    outcome: Result<Exchange<T>, ClientError>,
    resource: impl FnOnce(T) -> Option<Resource>,
) -> anyhow::Result<Answer> {
    match outcome {
        Ok(Exchange { value, call }) => {
            Ok(Answer { status: call.status.unwrap_or_default(), resource: resource(value), refusal: None })
        }
        Err(error) => refused(*error.call, error.kind),
    }
}

fn refused(call: CallReport, kind: Failure) -> anyhow::Result<Answer> {
    match call.status {
        Some(status) if !matches!(kind, Failure::Authentication(_) | Failure::Throttled { .. }) => {
            Ok(Answer { status, resource: None, refusal: Some(kind) })
        }
        _ => Err(ClientError { call: Box::new(call), kind }.into()),
    }
}

impl Probe {
    /// Creates a resource that is written down first, and returns its id, where it has one.
    pub(super) async fn create(
        &self,
        resource_type: &ResourceType,
        named_by: &'static str,
        resource: &Resource,
    ) -> anyhow::Result<(Answer, Option<String>)> {
        let name = resource.as_map().get(named_by).and_then(Value::as_str).unwrap_or_default();
        let number = self.scratch.announce(resource_type, named_by, name);
        let made = self.client().create(resource_type, resource).await;
        let id = made.as_ref().ok().map(|made| made.value.id.clone());
        match (&made, &id) {
            (_, Some(id)) => self.scratch.arrived(number, id),
            (Err(error), None) if !error.may_have_been_executed() => self.scratch.refused(number),
            _ => {}
        }
        Ok((answer(made, |created| created.resource)?, id))
    }

    /// The resource as it is now.
    pub(super) async fn read(&self, resource_type: &ResourceType, id: &str) -> anyhow::Result<Answer> {
        answer(self.client().retrieve(resource_type, id).await, Some)
    }

    /// A PATCH with these operations, sent as they stand here.
    pub(super) async fn patch(
        &self,
        resource_type: &ResourceType,
        id: &str,
        operations: Value,
        if_match: Option<&str>,
    ) -> anyhow::Result<Answer> {
        let client = self.client();
        let operation = BulkOperation {
            version: if_match.map(str::to_owned),
            data: Some(json!({ "schemas": [urn::PATCH_OP], "Operations": operations })),
            ..BulkOperation::new(BulkMethod::Patch, client.bulk_path(resource_type, Some(id))?)
        };
        // Where there are no bulk requests, an operation is a request of its own, and its body is not looked at.
        let mut outcome = client.bulk(&Bulk::default(), vec![operation], None).await;
        let (Some(result), Some(call)) = (outcome.results.pop(), outcome.calls.pop()) else {
            anyhow::bail!("the PATCH was not sent");
        };
        match result {
            OperationOutcome::Done(done) => {
                Ok(Answer { status: done.status, resource: done.resource, refusal: None })
            }
            OperationOutcome::Failed(failure) | OperationOutcome::InDoubt(failure) => refused(call, failure),
            OperationOutcome::NotAttempted { because } => anyhow::bail!("the PATCH was not sent: {because}"),
        }
    }

    /// A PUT of this body.
    pub(super) async fn put(
        &self,
        resource_type: &ResourceType,
        id: &str,
        body: &Resource,
    ) -> anyhow::Result<Answer> {
        answer(self.client().replace(resource_type, id, body, None).await, |modified| modified.resource)
    }

    /// A DELETE.
    pub(super) async fn delete(&self, resource_type: &ResourceType, id: &str) -> anyhow::Result<Answer> {
        answer(self.client().delete(resource_type, id, None).await, |_| None)
    }

    /// One page of users, or none where the query was refused.
    pub(super) async fn page(&self, query: Query) -> anyhow::Result<(Answer, ListResponse)> {
        let mut page = ListResponse::default();
        let asked = self.client().query(self.users.resource_type(), &query).await;
        let answer = answer(asked, |listed| {
            page = listed;
            None
        })?;
        Ok((answer, page))
    }
}
