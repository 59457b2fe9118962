//! What one operation of a bulk request needs of another, and an order that heeds it.
//!
//! Before a resource is created nobody knows its id, so operations name it `bulkId:` and the name of the
//! operation that creates it (RFC 7644 section 3.7.2): as a value in the data, as the last part of a `$ref`,
//! or as a part of the path. Whoever carries the operations out puts the id in its place.

use super::{BulkMethod, BulkOperation};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use serde_json::Value;
use std::collections::{BTreeSet, HashMap};

/// What a reference begins with.
const PREFIX: &str = "bulkId:";

/// What RFC 3986 section 2.3 lets stand in a path as it is.
const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// References to resources whose ids nobody knows.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}: no operation before this one created {}", list(.bulk_ids), if .bulk_ids.len() == 1 { "it" } else { "them" })]
pub struct Unresolved {
    /// The names referred to, without `bulkId:`, each once.
    pub bulk_ids: Vec<String>,
}

/// Operations that wait for each other in a circle, so that none of them can be first.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("the bulk operations {} need each other: none of them can be carried out first", list(.bulk_ids))]
pub struct Circular {
    /// The names of the operations on the circle, each needing the one after it, and the last the first.
    pub bulk_ids: Vec<String>,
    /// All operations, as they were given.
    pub operations: Vec<BulkOperation>,
}

fn list(bulk_ids: &[String]) -> String {
    let quoted: Vec<_> = bulk_ids.iter().map(|one| format!("`{PREFIX}{one}`")).collect();
    quoted.join(", ")
}

impl BulkOperation {
    /// The names of the operations that this one refers to, each once.
    ///
    /// A reference is a whole string in the data, or a part between slashes of a `$ref` or of the path. A
    /// filter inside the path of a PATCH operation is not looked into: what is only now created cannot be
    /// among the values that are there.
    ///
    /// ```
    /// use scimwright_scim::{BulkMethod, BulkOperation};
    /// use serde_json::json;
    ///
    /// let operation = BulkOperation {
    ///     data: Some(json!({"displayName": "Tools", "members": [{"value": "bulkId:jdoe"}]})),
    ///     ..BulkOperation::new(BulkMethod::Put, "/Groups/bulkId:tools")
    /// };
    /// assert_eq!(operation.references(), ["tools", "jdoe"]);
    /// ```
    #[must_use]
    pub fn references(&self) -> Vec<String> {
        let mut found = Vec::new();
        each_segment(&self.path, |_, name| note(&mut found, name));
        if let Some(data) = &self.data {
            each_text(data, &mut |text, is_url| {
                if is_url {
                    each_segment(text, |_, name| note(&mut found, name));
                } else if let Some(name) = text.strip_prefix(PREFIX) {
                    note(&mut found, name);
                }
            });
        }
        found
    }

    /// Puts ids in the place of references, percent-encoded where they stand in a path. All of them or none.
    ///
    /// # Errors
    /// [`Unresolved`] names the references for which `id_of` knows no id; nothing is changed then.
    pub fn resolve(&mut self, mut id_of: impl FnMut(&str) -> Option<String>) -> Result<(), Unresolved> {
        let mut ids = HashMap::new();
        let mut unknown = Vec::new();
        for name in self.references() {
            match id_of(&name) {
                Some(id) => {
                    ids.insert(name, id);
                }
                None => unknown.push(name),
            }
        }
        if !unknown.is_empty() {
            return Err(Unresolved { bulk_ids: unknown });
        }
        if ids.is_empty() {
            return Ok(());
        }
        self.path = resolve_segments(&self.path, &ids);
        if let Some(data) = &mut self.data {
            each_text_mut(data, &mut |text, is_url| {
                if is_url {
                    *text = resolve_segments(text, &ids);
                } else if let Some(id) = text.strip_prefix(PREFIX).and_then(|name| ids.get(name)) {
                    *text = id.clone();
                }
            });
        }
        Ok(())
    }
}

/// The operations in an order in which each comes after those that it refers to, and otherwise as they were.
///
/// Operations on one and the same resource keep their order among themselves. A reference to something that
/// none of the operations creates bears on nothing here; the provider may know it from elsewhere.
///
/// # Errors
/// [`Circular`] when there is no such order. RFC 7644 section 3.7.1 wants a provider to try all the same; a
/// client does better to create one of the resources without the reference, and to add it afterwards.
pub fn in_order(operations: Vec<BulkOperation>) -> Result<Vec<BulkOperation>, Circular> {
    let needs = needs(&operations);
    let mut needed_by = vec![Vec::new(); operations.len()];
    for (index, needs) in needs.iter().enumerate() {
        for &needed in needs {
            needed_by[needed].push(index);
        }
    }
    let mut open: Vec<usize> = needs.iter().map(BTreeSet::len).collect();
    let mut ready: BTreeSet<usize> = (0..operations.len()).filter(|&index| open[index] == 0).collect();
    let mut order = Vec::with_capacity(operations.len());
    // Always the earliest that waits for nothing, so that the order given is kept as far as it can be.
    while let Some(next) = ready.pop_first() {
        order.push(next);
        for &waiting in &needed_by[next] {
            open[waiting] -= 1;
            if open[waiting] == 0 {
                ready.insert(waiting);
            }
        }
    }
    if order.len() < operations.len() {
        return Err(Circular { bulk_ids: a_circle(&operations, &needs, &open), operations });
    }
    let mut slots: Vec<Option<BulkOperation>> = operations.into_iter().map(Some).collect();
    Ok(order.into_iter().filter_map(|index| slots[index].take()).collect())
}

/// For each operation, the indices of those that have to come before it.
fn needs(operations: &[BulkOperation]) -> Vec<BTreeSet<usize>> {
    let mut created_by = HashMap::new();
    for (index, operation) in operations.iter().enumerate() {
        // RFC 7644 section 3.7: a bulkId is unique; should it not be, the first one counts.
        if let (BulkMethod::Post, Some(name)) = (operation.method, &operation.bulk_id) {
            created_by.entry(name.as_str()).or_insert(index);
        }
    }
    // Only a POST is referred to, and only others wait for the one before them on their path: so this adds
    // no circle.
    let mut last_on: HashMap<&str, usize> = HashMap::new();
    let mut needs = Vec::with_capacity(operations.len());
    for (index, operation) in operations.iter().enumerate() {
        let references = operation.references();
        let mut before: BTreeSet<usize> =
            references.iter().filter_map(|name| created_by.get(name.as_str()).copied()).collect();
        if operation.method != BulkMethod::Post {
            before.extend(last_on.insert(operation.path.as_str(), index));
        }
        needs.push(before);
    }
    needs
}

/// The names along one circle. From an operation that still waits, what it waits for also still waits; so
/// going on comes back to where it was.
fn a_circle(operations: &[BulkOperation], needs: &[BTreeSet<usize>], open: &[usize]) -> Vec<String> {
    let waits = |index: &usize| open[*index] > 0;
    let mut trail = Vec::new();
    let mut visited_at = vec![None; operations.len()];
    let mut next = (0..operations.len()).find(waits);
    while let Some(index) = next {
        if let Some(start) = visited_at[index] {
            trail.drain(..start);
            break;
        }
        visited_at[index] = Some(trail.len());
        trail.push(index);
        next = needs[index].iter().copied().find(waits);
    }
    trail.into_iter().filter_map(|index| operations[index].bulk_id.clone()).collect()
}

fn note(found: &mut Vec<String>, name: &str) {
    if !name.is_empty() && !found.iter().any(|known| known == name) {
        found.push(name.to_owned());
    }
}

/// Every part of a path that is a reference: where it stands, and the name in it.
fn each_segment(path: &str, mut found: impl FnMut(std::ops::Range<usize>, &str)) {
    let mut start = 0;
    for segment in path.split_inclusive(['/', '?', '#']) {
        let text = segment.trim_end_matches(['/', '?', '#']);
        // The colon may be percent-encoded too, and what a name holds has to be where it is no URL character.
        let decoded = percent_decode_str(text).decode_utf8_lossy();
        if let Some(name) = decoded.strip_prefix(PREFIX) {
            found(start..start + text.len(), name);
        }
        start += segment.len();
    }
}

fn resolve_segments(path: &str, ids: &HashMap<String, String>) -> String {
    let mut resolved = String::with_capacity(path.len());
    let mut copied = 0;
    each_segment(path, |place, name| {
        if let Some(id) = ids.get(name) {
            resolved.push_str(&path[copied..place.start]);
            resolved.extend(utf8_percent_encode(id, SEGMENT));
            copied = place.end;
        }
    });
    resolved.push_str(&path[copied..]);
    resolved
}

/// Every string in the data, and whether it stands under `$ref` and so is a URL.
fn each_text(value: &Value, found: &mut impl FnMut(&str, bool)) {
    fn walk(value: &Value, is_url: bool, found: &mut impl FnMut(&str, bool)) {
        match value {
            Value::String(text) => found(text, is_url),
            Value::Array(items) => items.iter().for_each(|item| walk(item, is_url, found)),
            Value::Object(members) => members.iter().for_each(|(key, value)| walk(value, is_ref(key), found)),
            _ => {}
        }
    }
    walk(value, false, found);
}

fn each_text_mut(value: &mut Value, change: &mut impl FnMut(&mut String, bool)) {
    fn walk(value: &mut Value, is_url: bool, change: &mut impl FnMut(&mut String, bool)) {
        match value {
            Value::String(text) => change(text, is_url),
            Value::Array(items) => items.iter_mut().for_each(|item| walk(item, is_url, change)),
            Value::Object(members) => {
                members.iter_mut().for_each(|(key, value)| walk(value, is_ref(key), change));
            }
            _ => {}
        }
    }
    walk(value, false, change);
}

fn is_ref(key: &str) -> bool {
    key.eq_ignore_ascii_case("$ref")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    fn post(name: &str, needs: &[&str]) -> BulkOperation {
        let members: Vec<_> = needs.iter().map(|one| json!({"value": format!("bulkId:{one}")})).collect();
        BulkOperation {
            bulk_id: Some(name.into()),
            data: Some(json!({"displayName": name, "members": members})),
            ..BulkOperation::new(BulkMethod::Post, "/Groups")
        }
    }

    fn names(operations: &[BulkOperation]) -> Vec<&str> {
        operations.iter().filter_map(|one| one.bulk_id.as_deref()).collect()
    }

    /// Point 18: an id is percent-encoded where it comes to stand in a path, and nowhere else.
    #[test]
    fn references_are_found_and_replaced_wherever_they_may_stand() {
        let mut operation = BulkOperation {
            data: Some(json!({
                "displayName": "about bulkId:a",
                "members": [
                    {"value": "bulkId:a", "$ref": "../Users/bulkId:a?x=1"},
                    {"value": "bulkId:c d"},
                    {"value": "bulkId:"},
                ],
            })),
            ..BulkOperation::new(BulkMethod::Patch, "/Groups/bulkId:b")
        };
        assert_eq!(operation.references(), ["b", "a", "c d"]);
        operation.resolve(|name| Some(format!("id of/{name}"))).unwrap();
        assert_eq!(operation.path, "/Groups/id%20of%2Fb");
        assert_eq!(
            operation.data.unwrap(),
            json!({
                "displayName": "about bulkId:a",
                "members": [
                    {"value": "id of/a", "$ref": "../Users/id%20of%2Fa?x=1"},
                    {"value": "id of/c d"},
                    {"value": "bulkId:"},
                ],
            })
        );
    }

    #[test]
    fn a_reference_that_nobody_knows_leaves_the_operation_as_it_was() {
        let mut operation = post("x", &["a", "b", "a"]);
        let before = operation.clone();
        let error = operation.resolve(|name| (name == "a").then(|| "1".into())).unwrap_err();
        assert_eq!(error.to_string(), "`bulkId:b`: no operation before this one created it");
        assert_eq!(operation, before);
    }

    /// Point 21: what is referred to comes first.
    #[test]
    fn operations_follow_those_they_refer_to_and_keep_their_order_otherwise() {
        let operations =
            vec![post("z", &["c"]), post("a", &[]), post("b", &["c"]), post("c", &["d"]), post("d", &[])];
        assert_eq!(names(&in_order(operations).unwrap()), ["a", "d", "c", "z", "b"]);
        let plain = vec![post("z", &["elsewhere"]), post("a", &[]), post("m", &["a"])];
        assert_eq!(names(&in_order(plain).unwrap()), ["z", "a", "m"]);
    }

    #[test]
    fn operations_on_one_resource_keep_their_order() {
        let add = BulkOperation {
            bulk_id: Some("add".into()),
            data: Some(json!({"Operations": [{"op": "add", "path": "members", "value": "bulkId:u"}]})),
            ..BulkOperation::new(BulkMethod::Patch, "/Groups/1")
        };
        let delete = BulkOperation {
            bulk_id: Some("delete".into()),
            ..BulkOperation::new(BulkMethod::Delete, "/Groups/1")
        };
        let ordered = in_order(vec![add, delete, post("u", &[])]).unwrap();
        assert_eq!(names(&ordered), ["u", "add", "delete"]);
    }

    #[test]
    fn a_circle_is_named_and_the_operations_come_back() {
        let operations =
            vec![post("x", &["a"]), post("a", &["b"]), post("b", &["c"]), post("c", &["a"]), post("d", &[])];
        let error = in_order(operations.clone()).unwrap_err();
        assert_eq!(error.operations, operations);
        assert_eq!(
            error.to_string(),
            "the bulk operations `bulkId:a`, `bulkId:b`, `bulkId:c` need each other: none of them can be \
             carried out first"
        );
        assert_eq!(in_order(vec![post("me", &["me"])]).unwrap_err().bulk_ids, ["me"]);
    }

    proptest! {
        /// Point 21: whatever the order given, an order without circles is found and is one.
        #[test]
        fn every_order_without_circles_is_found(
            edges in prop::collection::vec((0usize..12, 0usize..12), 0..24),
            shuffled in Just((0usize..12).collect::<Vec<_>>()).prop_shuffle(),
        ) {
            let name = |index: usize| format!("n{index}");
            let operations: Vec<_> = shuffled
                .iter()
                .map(|&index| {
                    // Edges lead from greater to smaller numbers only, so there is no circle.
                    let needs: Vec<_> = edges
                        .iter()
                        .filter(|(from, to)| *from == index && to < from)
                        .map(|(_, to)| name(*to))
                        .collect();
                    post(&name(index), &needs.iter().map(String::as_str).collect::<Vec<_>>())
                })
                .collect();
            let ordered = in_order(operations.clone()).unwrap();
            prop_assert_eq!(ordered.len(), operations.len());
            for (at, operation) in ordered.iter().enumerate() {
                for needed in operation.references() {
                    prop_assert!(names(&ordered[..at]).contains(&needed.as_str()), "{:?}", names(&ordered));
                }
            }
            prop_assert_eq!(in_order(ordered.clone()).unwrap(), ordered);
        }
    }
}
