//! Decides what a record needs. Nothing here sends, stores or waits.
//!
//! The diff is against what we last sent and saw: an attribute that we want as we wanted it last time needs
//! nothing, even where the provider keeps it in another form.

use scimwright_scim::{
    AttributeName, AttributePath, Desired, DesiredValue, PatchRequest, Resource, SchemaSet, diff,
};
use scimwright_state::{Link, Standing};
use serde_json::Value;

/// What a record with a link needs.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Decision {
    /// Nothing at all.
    Nothing,
    /// Nothing is sent, but what we want has another spelling now and is to be remembered.
    Remember,
    /// The resource is changed, in these attributes. How it is written is the provider's affair.
    Change(Vec<String>),
}

/// The attributes that a difference changes, in the spelling of PATCH paths.
pub(crate) fn paths(patch: &PatchRequest) -> Vec<String> {
    let mut paths: Vec<String> = Vec::new();
    for operation in &patch.operations {
        let path = operation.path().map_or_else(|| "(several)".to_owned(), ToString::to_string);
        if !paths.contains(&path) {
            paths.push(path);
        }
    }
    paths
}

/// Decides for a record whose resource we know.
pub(crate) fn for_link(link: &Link, desired: &Desired, schemas: &SchemaSet) -> Decision {
    let patch = diff(desired, Some(&link.sent), &link.seen, schemas);
    if !patch.is_empty() {
        Decision::Change(paths(&patch))
    } else if *desired != link.sent || link.standing == Standing::Disabled {
        Decision::Remember
    } else {
        Decision::Nothing
    }
}

/// Decides for a resource that was there before we came: only what differs is changed.
pub(crate) fn for_adoption(
    resource: &Resource,
    desired: &Desired,
    schemas: &SchemaSet,
) -> Option<Vec<String>> {
    let patch = diff(desired, None, resource, schemas);
    (!patch.is_empty()).then(|| paths(&patch))
}

/// What is wanted of a resource that is to be disabled; everything else stays as it was wanted.
pub(crate) fn disabled(link: &Link) -> Desired {
    let mut desired = link.sent.clone();
    desired.set(&active(), DesiredValue::Set(Value::Bool(false)));
    desired
}

/// Makes sure that a person who came back can work again, whether or not the mapping mentions `active`.
pub(crate) fn reactivated(link: &Link, mut desired: Desired) -> Desired {
    if link.standing == Standing::Disabled && desired.get(&active()).is_none() {
        desired.set(&active(), DesiredValue::Set(Value::Bool(true)));
    }
    desired
}

/// Takes out of what is wanted that somebody who is active becomes inactive: that is a deprovision, which comes last
/// and under the same guards, whoever asks for it. Whether there was such a wish.
pub(crate) fn postpone_deactivation(desired: &mut Desired, sent: Option<&Desired>, seen: &Resource) -> bool {
    let inactive = Value::Bool(false);
    let was = match sent.and_then(|sent| sent.value(&active())) {
        Some(sent) => sent,
        None => seen.get(&active()).unwrap_or(&Value::Bool(true)),
    };
    if desired.value(&active()) != Some(&inactive) || *was == inactive {
        return false;
    }
    match sent.and_then(|sent| sent.get(&active())) {
        Some(sent) => desired.set(&active(), sent.clone()),
        None => {
            desired.remove(&active());
        }
    }
    true
}

/// Whether a provider shows a resource as inactive.
pub(crate) fn is_inactive(seen: &Resource) -> bool {
    seen.get(&active()) == Some(&Value::Bool(false))
}

/// RFC 7643 section 4.1.1: whether the person may use the service.
pub(crate) fn active() -> AttributePath {
    AttributePath::new(AttributeName::ACTIVE)
}

#[cfg(test)]
mod tests {
    use super::*;
    use scimwright_scim::builtin;
    use scimwright_state::{Ownership, RunId};
    use serde_json::json;

    fn desired(entries: &[(&str, Value)]) -> Desired {
        let mut desired = Desired::new();
        for (path, value) in entries {
            desired.set(&AttributePath::parse(path).unwrap(), value.clone());
        }
        desired
    }

    fn link(sent: Desired, seen: Value, standing: Standing) -> Link {
        let now = jiff::Timestamp::UNIX_EPOCH;
        Link {
            key: scimwright_record::RecordKey::parse("E1").unwrap(),
            resource_id: "r1".into(),
            ownership: Ownership::Created,
            standing,
            sent,
            seen: Resource::from_value(seen).unwrap(),
            version: None,
            created_at: now,
            updated_at: now,
            run: RunId::generate(),
            fingerprint: None,
            due_at: None,
        }
    }

    fn decide(link: &Link, desired: &Desired) -> Decision {
        for_link(link, desired, &builtin::user_schema_set())
    }

    /// Point 5: a value that the provider normalises is not written for ever.
    #[test]
    fn what_was_sent_before_needs_nothing_even_if_the_provider_shows_it_otherwise() {
        let wanted = desired(&[("userName", json!("JDoe")), ("title", json!("Engineer"))]);
        let link = link(wanted.clone(), json!({"userName": "jdoe", "title": "ENGINEER"}), Standing::Active);
        assert_eq!(decide(&link, &wanted), Decision::Nothing);
    }

    #[test]
    fn only_what_differs_is_changed() {
        let sent = desired(&[("userName", json!("jdoe")), ("title", json!("Engineer"))]);
        let link = link(sent, json!({"userName": "jdoe", "title": "Engineer"}), Standing::Active);
        let wanted = desired(&[("userName", json!("jdoe")), ("title", json!("Head of Engineering"))]);
        let Decision::Change(change) = decide(&link, &wanted) else { panic!("a change is needed") };
        assert_eq!(change, ["title"]);
    }

    #[test]
    fn an_attribute_that_is_left_out_is_left_alone_and_forgotten() {
        let sent = desired(&[("userName", json!("jdoe")), ("title", json!("Engineer"))]);
        let link = link(sent, json!({"userName": "jdoe", "title": "Engineer"}), Standing::Active);
        assert_eq!(decide(&link, &desired(&[("userName", json!("jdoe"))])), Decision::Remember);
    }

    /// Point 24: a disable sets `active`, and nothing else.
    #[test]
    fn disabling_touches_nothing_but_active() {
        let sent = desired(&[("userName", json!("jdoe")), ("active", json!(true))]);
        let link = link(sent, json!({"userName": "jdoe", "active": true}), Standing::Active);
        let Decision::Change(change) = decide(&link, &disabled(&link)) else { panic!("a change is needed") };
        assert_eq!(change, ["active"]);
    }

    /// Point 24: who comes back is active again.
    #[test]
    fn whoever_comes_back_is_active_again_though_the_mapping_never_says_so() {
        let sent = desired(&[("userName", json!("jdoe")), ("active", json!(false))]);
        let link = link(sent, json!({"userName": "jdoe", "active": false}), Standing::Disabled);
        let wanted = reactivated(&link, desired(&[("userName", json!("jdoe"))]));
        let Decision::Change(change) = decide(&link, &wanted) else { panic!("a change is needed") };
        assert_eq!(change, ["active"]);
        // A mapping that does say so has the last word.
        let wanted = reactivated(&link, desired(&[("active", json!(false))]));
        assert_eq!(wanted.value(&active()), Some(&json!(false)));
    }
}
