//! Many operations in one request (RFC 7644 section 3.7).
//!
//! Each operation is answered as the request it stands for would be, after the ids of what was created before
//! it have taken the place of its `bulkId:` references. The operations come in an order in which every
//! reference is known by then; the results come in the order of the operations as they were carried out.

use crate::fault;
use crate::message::{Method, Request, Response};
use crate::provider::Provider;
use crate::route::{BASE_PATH, Endpoint};
use jiff::Timestamp;
use scimwright_scim::bulk::{Unresolved, in_order};
use scimwright_scim::{BulkMethod, BulkOperation, BulkRequest, BulkResponse, BulkResult, ScimError};
use serde_json::Value;
use std::collections::HashMap;

/// What the creations of a request came to, by their bulkId: the id of the resource, or nothing where it
/// failed.
type Created = HashMap<String, Option<String>>;

impl Provider {
    /// RFC 7644 section 3.7
    pub(crate) fn carry_out_bulk(&self, request: &Request, now: Timestamp) -> Result<Response, ScimError> {
        let limits = self.bulk;
        // RFC 7644 section 3.7.4: which limit was exceeded is said.
        if request.body_len() > limits.max_payload_bytes.get() {
            let detail =
                format!("a bulk request may have {} bytes (maxPayloadSize)", limits.max_payload_bytes);
            return Err(fault::too_large(detail));
        }
        let bulk = BulkRequest::from_value(Value::Object(self.body(request)?))?;
        let count = bulk.operations.len();
        if count > limits.max_operations.get() {
            let most = limits.max_operations;
            let detail = format!("a bulk request may have {most} operations (maxOperations), not {count}");
            return Err(fault::too_large(detail));
        }
        // RFC 7644 section 3.7.1: what refers to itself in a circle may be answered with 409.
        let operations =
            in_order(bulk.operations).map_err(|circular| ScimError::new(409, circular.to_string()))?;
        let mut created = Created::new();
        let mut failures = 0;
        let mut results = Vec::with_capacity(operations.len());
        for operation in operations {
            let result = self.carry_out(operation, request, &mut created, now);
            failures += u32::from(!result.is_success());
            results.push(result);
            // RFC 7644 section 3.7.3: 0 would stop before the first; it is taken for no bound.
            if bulk.fail_on_errors.is_some_and(|most| most > 0 && failures >= most) {
                break;
            }
        }
        Ok(Response::json(200, &BulkResponse { operations: results }.to_value()))
    }

    fn carry_out(
        &self,
        mut operation: BulkOperation,
        request: &Request,
        created: &mut Created,
        now: Timestamp,
    ) -> BulkResult {
        let resolved = operation.resolve(|name| created.get(name).cloned().flatten());
        let answer = match resolved {
            Ok(()) => self.answer_operation(&operation, request, created, now),
            Err(unresolved @ Unresolved { .. }) => Err(fault::invalid_value(unresolved.to_string())),
        };
        let response = answer.unwrap_or_else(|error| Response::error(&error));
        let body = response.value();
        let succeeded = response.status < 400;
        let BulkOperation { method, bulk_id, path, .. } = operation;
        if let (BulkMethod::Post, Some(name)) = (method, &bulk_id) {
            let id = body["id"].as_str().filter(|_| succeeded).map(str::to_owned);
            created.entry(name.clone()).or_insert(id);
        }
        BulkResult {
            version: response.header("ETag").map(str::to_owned),
            // RFC 7644 section 3.7: the location is there, except where a POST failed.
            location: match method {
                BulkMethod::Post => response.header("Location").map(str::to_owned),
                _ => Some(format!("{}{path}", self.base_url)),
            },
            bulk_id,
            // RFC 7644 section 3.7.3: the body is there where the operation failed.
            response: (!succeeded).then_some(body),
            ..BulkResult::new(method, response.status)
        }
    }

    fn answer_operation(
        &self,
        operation: &BulkOperation,
        request: &Request,
        created: &Created,
        now: Timestamp,
    ) -> Result<Response, ScimError> {
        if operation.method == BulkMethod::Post {
            match &operation.bulk_id {
                None => return Err(fault::invalid_syntax("a POST has to have a `bulkId`")),
                Some(name) if created.contains_key(name) => {
                    return Err(fault::invalid_value(format!("the bulkId `{name}` was used before")));
                }
                Some(_) => {}
            }
        }
        let alone = Request {
            content_type: request.content_type.clone(),
            if_match: operation.version.clone(),
            ..Request::new(method(operation.method), &format!("{BASE_PATH}{}", operation.path))
        };
        let alone = match &operation.data {
            Some(data) => alone.with_body(data),
            None => alone,
        };
        match Endpoint::of(&alone.path) {
            endpoint @ (Endpoint::Collection(_) | Endpoint::Resource(..)) => {
                self.answer(&endpoint, &alone, now)
            }
            _ => {
                let detail = format!("`{}` is no path of resources, such as `/Users`", operation.path);
                Err(fault::invalid_value(detail))
            }
        }
    }
}

fn method(method: BulkMethod) -> Method {
    match method {
        BulkMethod::Post => Method::Post,
        BulkMethod::Put => Method::Put,
        BulkMethod::Patch => Method::Patch,
        BulkMethod::Delete => Method::Delete,
    }
}
