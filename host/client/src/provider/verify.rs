//! What of a write did not arrive. Pure: three resources and a patch go in, the rest of the patch comes out.
//!
//! A provider may normalise what it is sent, and that is no reason to complain. So an operation counts as not
//! carried out only where it would still change something and the attribute is just as it was before the
//! write. Values of a list are looked at one by one.

use scimwright_scim::{
    AttributeName, AttributePath, Comparison, Filter, FilterValue, PatchOperation, PatchPath, PatchRequest,
    Resource, SchemaSet,
};
use serde_json::Value;
use std::collections::HashSet;

/// The operations that had no effect.
pub(super) fn outstanding(
    patch: &PatchRequest,
    before: &Resource,
    after: &Resource,
    schemas: &SchemaSet,
) -> PatchRequest {
    let members = Members::of(after);
    let left = patch.operations.iter().filter_map(|operation| match members.judge(operation) {
        Some(left) => left,
        None => had_no_effect(operation, before, after, schemas).then(|| operation.clone()),
    });
    PatchRequest::new(left.collect())
}

/// Who is in a group, for looking up many. Providers add parts of their own to a member (`$ref`, `display`,
/// `type`): its `value` is who it is.
struct Members(HashSet<String>);

impl Members {
    fn of(group: &Resource) -> Self {
        let shown = group.values(&AttributePath::new(AttributeName::MEMBERS));
        Self(shown.into_iter().filter_map(member_id).collect())
    }

    /// What of an operation on members did not arrive: `Some(None)` for nothing, and none where the operation
    /// is about something else.
    #[expect(clippy::option_option, reason = "whether it is judged, and then what is left of it")]
    fn judge(&self, operation: &PatchOperation) -> Option<Option<PatchOperation>> {
        let PatchPath::Attribute { path, filter } = operation.path()? else { return None };
        if path.attribute != AttributeName::MEMBERS || path.schema.is_some() || path.sub.is_some() {
            return None;
        }
        match (operation, filter) {
            (PatchOperation::Add { path, value: Value::Array(added) }, None) => {
                let is_missing = |member: &&Value| member_id(member).is_some_and(|id| !self.0.contains(&id));
                let missing: Vec<Value> = added.iter().filter(is_missing).cloned().collect();
                let left = PatchOperation::Add { path: path.clone(), value: missing.clone().into() };
                Some((!missing.is_empty()).then_some(left))
            }
            (PatchOperation::Remove { .. }, Some(Filter::Compare { operator, value, .. }))
                if *operator == Comparison::Equal =>
            {
                let FilterValue::Text(id) = value else { return None };
                Some(self.0.contains(id).then(|| operation.clone()))
            }
            _ => None,
        }
    }
}

fn member_id(member: &Value) -> Option<String> {
    let parts = member.as_object()?;
    let (_, value) = parts.iter().find(|(name, _)| AttributeName::VALUE == *name.as_str())?;
    value.as_str().map(str::to_owned)
}

/// Whether a change is about members and nothing else.
pub(super) fn only_about_members(patch: &PatchRequest) -> bool {
    patch.operations.iter().all(|operation| match operation.path() {
        Some(PatchPath::Attribute { path, .. }) => path.attribute == AttributeName::MEMBERS,
        _ => false,
    })
}

/// Whether all that is left is members to be taken out.
pub(super) fn only_removes_members(patch: &PatchRequest) -> bool {
    let each = |operation: &PatchOperation| PatchRequest::new(vec![operation.clone()]);
    !patch.is_empty() && patch.operations.iter().all(|operation| removes_members(&each(operation)))
}

/// Whether anybody is taken out of a group, by name or by naming those who stay.
pub(super) fn removes_members(patch: &PatchRequest) -> bool {
    patch.operations.iter().any(|operation| match operation {
        PatchOperation::Remove { path: PatchPath::Attribute { path, .. } }
        | PatchOperation::Replace { path: Some(PatchPath::Attribute { path, .. }), .. } => {
            path.attribute == AttributeName::MEMBERS && path.sub.is_none()
        }
        _ => false,
    })
}

fn had_no_effect(
    operation: &PatchOperation,
    before: &Resource,
    after: &Resource,
    schemas: &SchemaSet,
) -> bool {
    let Some(PatchPath::Attribute { path, filter }) = operation.path() else { return false };
    let mut again = after.clone();
    let alone = PatchRequest::new(vec![operation.clone()]);
    // A filter that selects nothing any more is an error to apply: what it selected is gone.
    if !matches!(alone.apply(&mut again, schemas), Ok(true)) {
        return false;
    }
    let attribute = path.without_sub();
    let is_list =
        filter.is_some() || schemas.find_attribute(&attribute).is_some_and(|found| found.multi_valued);
    match operation {
        PatchOperation::Remove { .. } if filter.is_some() => true,
        // Of a list, the provider may show other values for reasons of its own; what counts is whether it is
        // as it was.
        _ if is_list => after.get(&attribute) == before.get(&attribute),
        _ => after.get(path) == before.get(path),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use scimwright_scim::builtin;
    use serde_json::json;

    fn group(members: &[&str]) -> Resource {
        let members: Vec<Value> = members.iter().map(|id| json!({"value": id})).collect();
        Resource::from_value(json!({"id": "g", "displayName": "Guides", "members": members})).unwrap()
    }

    fn left(operations: Value, before: &Resource, after: &Resource) -> Vec<String> {
        let patch = PatchRequest::parse(&json!({
            "schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"], "Operations": operations,
        }))
        .unwrap();
        let schemas = SchemaSet::new(builtin::resource_type("Group").unwrap().clone(), builtin::schemas());
        outstanding(&patch, before, after, &schemas)
            .operations
            .iter()
            .map(|operation| operation.to_value().to_string())
            .collect()
    }

    /// Point 12: verify after write.
    #[test]
    fn a_member_that_is_still_there_was_not_removed() {
        let removals = json!([
            {"op": "remove", "path": "members[value eq \"1\"]"},
            {"op": "remove", "path": "members[value eq \"2\"]"},
        ]);
        let before = group(&["1", "2", "3"]);
        assert_eq!(left(removals.clone(), &before, &group(&["3"])), [""; 0]);
        let ignored = left(removals, &before, &group(&["2", "3"]));
        assert_eq!(ignored, [r#"{"op":"remove","path":"members[value eq \"2\"]"}"#]);
    }

    #[test]
    fn a_member_that_did_not_arrive_was_not_added() {
        let addition = json!([{"op": "add", "path": "members", "value": [{"value": "4"}, {"value": "5"}]}]);
        let missing = left(addition, &group(&["1"]), &group(&["1", "4"]));
        assert_eq!(missing, [r#"{"op":"add","path":"members","value":[{"value":"5"}]}"#]);
    }

    #[test]
    fn a_member_that_is_shown_with_more_parts_has_arrived() {
        let addition = json!([{"op": "add", "path": "members", "value": [{"value": "4"}]}]);
        let shown =
            json!({"members": [{"value": "4", "display": "Zoë", "$ref": "https://acme.example/v2/Users/4"}]});
        assert_eq!(left(addition, &group(&[]), &Resource::from_value(shown).unwrap()), [""; 0]);
    }

    /// Point 5: a value that the provider normalises is no value that did not arrive.
    #[test]
    fn a_value_that_is_kept_in_another_form_has_arrived() {
        let rename = json!([{"op": "replace", "path": "displayName", "value": "Tour Guides"}]);
        let shown = |name: &str| Resource::from_value(json!({"id": "g", "displayName": name})).unwrap();
        assert_eq!(left(rename.clone(), &shown("Guides"), &shown("TOUR GUIDES")), [""; 0]);
        assert_eq!(left(rename, &shown("Guides"), &shown("Guides")).len(), 1);
    }
}
