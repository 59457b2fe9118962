//! Which result of a bulk response belongs to which operation.
//!
//! RFC 7644 section 3.7 has a result carry the `bulkId`; but only creates need one, some providers do not
//! send it back, and one that stops early has fewer results than operations. So a result is known by its
//! bulkId, else by the resource it names, else by its place.

use scimwright_scim::{BulkMethod, BulkOperation, BulkResult};

/// The result of each operation, where there is one.
pub(super) fn pair(operations: &[BulkOperation], results: Vec<BulkResult>) -> Vec<Option<BulkResult>> {
    let mut left: Vec<Option<BulkResult>> = results.into_iter().map(Some).collect();
    let mut paired: Vec<Option<BulkResult>> = operations
        .iter()
        .map(|operation| {
            let name = operation.bulk_id.as_deref()?;
            take(&mut left, |result| result.bulk_id.as_deref() == Some(name))
        })
        .collect();
    for (operation, place) in operations.iter().zip(&mut paired) {
        if place.is_none() && operation.method != BulkMethod::Post {
            *place = take(&mut left, |result| {
                may_be_of(operation, result) && names(operation, result) == Some(true)
            });
        }
    }
    // What is left is told apart by its place alone: results come in the order of the operations.
    let mut left = left.into_iter().flatten().filter(|result| result.bulk_id.is_none()).peekable();
    for (operation, place) in operations.iter().zip(&mut paired) {
        if place.is_none() {
            *place = left
                .next_if(|result| may_be_of(operation, result) && names(operation, result) != Some(false));
        }
    }
    paired
}

fn take(results: &mut [Option<BulkResult>], wanted: impl Fn(&BulkResult) -> bool) -> Option<BulkResult> {
    results.iter_mut().find(|place| place.as_ref().is_some_and(&wanted))?.take()
}

fn may_be_of(operation: &BulkOperation, result: &BulkResult) -> bool {
    result.method.is_none_or(|method| method == operation.method)
}

/// Whether the result's location is that of the operation's resource; none where that cannot be said.
fn names(operation: &BulkOperation, result: &BulkResult) -> Option<bool> {
    let segment = |path: &str| path.trim_end_matches('/').rsplit('/').next().map(str::to_owned);
    let location = result.location.as_deref()?;
    (operation.method != BulkMethod::Post).then(|| segment(location) == segment(&operation.path))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn operation(method: BulkMethod, path: &str, bulk_id: Option<&str>) -> BulkOperation {
        BulkOperation { bulk_id: bulk_id.map(str::to_owned), ..BulkOperation::new(method, path) }
    }

    fn result(method: BulkMethod, bulk_id: Option<&str>, location: Option<&str>, status: u16) -> BulkResult {
        BulkResult {
            bulk_id: bulk_id.map(str::to_owned),
            location: location.map(str::to_owned),
            ..BulkResult::new(method, status)
        }
    }

    fn statuses(operations: &[BulkOperation], results: Vec<BulkResult>) -> Vec<Option<u16>> {
        pair(operations, results).into_iter().map(|result| result.map(|result| result.status)).collect()
    }

    #[test]
    fn results_are_told_apart_by_name_by_resource_and_by_place() {
        use BulkMethod::{Delete, Patch, Post};
        let operations = [
            operation(Post, "/Users", Some("a")),
            operation(Post, "/Users", Some("b")),
            operation(Patch, "/Users/1", None),
            operation(Patch, "/Users/2", None),
            operation(Delete, "/Users/3", None),
        ];
        let at = |id: &str| format!("https://acme.example/Users/{id}");
        let named = vec![
            result(Patch, None, Some(&at("2")), 202),
            result(Post, Some("b"), None, 409),
            result(Patch, None, Some(&at("1")), 200),
            result(Post, Some("a"), Some(&at("9")), 201),
            result(Delete, None, None, 204),
        ];
        assert_eq!(statuses(&operations, named), [201, 409, 200, 202, 204].map(Some));
        let by_place = [201, 409, 200, 202, 204]
            .map(|status| BulkResult { method: None, ..result(Post, None, None, status) });
        assert_eq!(statuses(&operations, by_place.to_vec()), [201, 409, 200, 202, 204].map(Some));
    }

    #[test]
    fn a_result_that_belongs_to_no_operation_is_given_to_none() {
        use BulkMethod::{Patch, Post};
        let operations = [operation(Post, "/Users", Some("a")), operation(Patch, "/Users/1", None)];
        let strange = vec![
            result(Post, Some("z"), None, 201),
            result(Patch, None, Some("https://acme.example/Users/2"), 200),
        ];
        assert_eq!(statuses(&operations, strange), [None, None]);
        let stopped = vec![result(Post, Some("a"), None, 409)];
        assert_eq!(statuses(&operations, stopped), [Some(409), None]);
    }
}
