//! Many operations in few requests (RFC 7644 section 3.7), and one result for each of them.
//!
//! - [`BulkOutcome`] and [`OperationOutcome`] here: what the caller gets
//! - `course`: what is sent next, and what an answer means for what is left
//! - `pairing`: which result belongs to which operation
//!
//! How the operations are spread over requests is nobody's business but this folder's: whether they go in
//! one request, in ten, or each alone because the provider has no bulk requests after all, the outcome is the
//! same. It has to be, since what a provider declares about its limits is as likely wrong as right.

mod course;
#[cfg(test)]
mod model;
mod pairing;

pub(crate) use course::{Course, Step, judged};

use crate::call::CallReport;
use crate::failure::{Failure, Refusal};
use scimwright_scim::Resource;
use std::fmt;

/// What became of all operations of a bulk call.
#[derive(Debug, Clone)]
pub struct BulkOutcome {
    /// A result for each operation, in the order in which they were given.
    pub results: Vec<OperationOutcome>,
    /// The calls that were made, for the client log; each request is one.
    pub calls: Vec<CallReport>,
    /// What `/Bulk` was answered with, where the provider has none although it was said to. The operations
    /// were then sent one by one.
    pub fell_back: Option<Refusal>,
}

/// What became of one operation.
#[derive(Debug, Clone, PartialEq)]
pub enum OperationOutcome {
    /// It was carried out.
    Done(Done),
    /// It was refused, or could not be sent. It has changed nothing.
    Failed(Failure),
    /// It was not sent, or not tried. It has changed nothing.
    NotAttempted {
        /// Why not.
        because: NotAttempted,
    },
    /// Nobody knows: the answer was lost, or does not say. Look at what the provider has before trying again.
    InDoubt(Failure),
}

impl OperationOutcome {
    /// What was done, where it was.
    #[must_use]
    pub fn done(&self) -> Option<&Done> {
        match self {
            Self::Done(done) => Some(done),
            _ => None,
        }
    }
}

/// An operation that was carried out.
#[derive(Debug, Clone, PartialEq)]
pub struct Done {
    /// The provider's id of the resource.
    pub id: String,
    /// The resource's version afterwards, where the provider said it.
    pub version: Option<String>,
    /// The status of this operation. 404 or 410 of a delete means that the resource was gone before.
    pub status: u16,
    /// A create was answered with 200 in place of 201: see [`Created::adopted`](crate::Created::adopted).
    pub adopted: bool,
    /// The resource afterwards, where the provider returned it.
    pub resource: Option<Resource>,
}

/// Why an operation was not tried.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NotAttempted {
    /// It refers to the resource of an operation that has made none, or to none of these operations.
    Reference {
        /// The operation's name, without `bulkId:`.
        bulk_id: String,
    },
    /// It and others need each other, so that none can be first.
    Circle {
        /// The names on the circle, each needing the one after it.
        bulk_ids: Vec<String>,
    },
    /// As many operations as were to be borne had failed before.
    Stopped {
        /// How many.
        failures: u32,
    },
    /// A request before it failed in a way that the next would have too.
    Broken(Failure),
}

impl fmt::Display for NotAttempted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Reference { bulk_id } => {
                write!(f, "it needs the resource of `bulkId:{bulk_id}`, which was not made")
            }
            Self::Circle { bulk_ids } => {
                write!(f, "`{}` need each other, so that none can be first", bulk_ids.join("`, `"))
            }
            Self::Stopped { failures } => write!(f, "{failures} operations before it failed"),
            Self::Broken(failure) => write!(f, "a request before it failed: {failure}"),
        }
    }
}
