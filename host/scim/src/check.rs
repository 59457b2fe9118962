//! What a provider would refuse, found before anything is sent.
//!
//! A refusal after the fact names one mistake, in the provider's words; here all of them are named, in the
//! words of whoever wrote the mapping. Nothing is changed: [`prepare`](crate::prepare()) leaves out what
//! cannot be sent, this says what is missing from the rest.
//!
//! Only what would be sent is looked at. What a provider already holds and nobody wants to change is its own
//! affair, even where it breaks the provider's schema.

use crate::compare::{Rule, folded};
use crate::desired::{Desired, DesiredValue};
use crate::diff::{Conflict, diff_and_conflicts};
use crate::json::{self, is_unassigned};
use crate::patch::PatchPath;
use crate::path::AttributePath;
use crate::resource::Resource;
use crate::schema::{Attribute, DataType};
use crate::schema_set::SchemaSet;
use serde_json::Value;
use std::borrow::Cow;
use std::collections::BTreeSet;
use std::fmt;

/// What the wanted state is about to be used for.
#[derive(Debug, Clone, Copy)]
pub enum Occasion<'a> {
    /// A new resource.
    Create,
    /// A change of one that is there.
    Change {
        /// The last state sent, if any, as for [`diff`](crate::diff()).
        sent: Option<&'a Desired>,
        /// The resource as the provider last showed it.
        seen: &'a Resource,
    },
}

/// Something about a wanted state that its author should know before it is sent.
#[derive(Debug, Clone, PartialEq)]
pub struct Finding {
    /// The attribute or sub-attribute.
    pub path: AttributePath,
    /// What is the matter with it.
    pub problem: Problem,
}

/// What is the matter with an attribute.
#[derive(Debug, Clone, PartialEq)]
pub enum Problem {
    /// It has to have a value and would have none.
    Missing {
        /// Who says so.
        required_by: Requirer,
        /// Whether it has a value now, which the change would take away.
        cleared: bool,
    },
    /// It is immutable and has another value.
    Conflict(Conflict),
    /// It is true or false, and has another value.
    NotBoolean {
        /// The value.
        value: String,
    },
    /// It says whether the person may work, does say so now, and would say nothing.
    ActiveCleared,
    /// Its value is none of those that the schema suggests.
    NotCanonical {
        /// The value.
        value: String,
        /// What the schema suggests.
        suggested: Vec<String>,
    },
}

/// Who requires an attribute.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Requirer {
    /// The schema (RFC 7643 section 7).
    Schema,
    /// The provider, beyond what its schema says.
    Provider,
}

/// What follows from a finding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Severity {
    /// Worth saying; what is wanted can be sent.
    Note,
    /// This part of what is wanted cannot be had; the rest can be sent.
    Conflict,
    /// The provider would refuse the whole request.
    Refusal,
}

impl Finding {
    /// What follows from it.
    ///
    /// A value outside `canonicalValues` is a note and no more: RFC 7643 section 7 calls them suggestions, and
    /// providers that list `work` and `home` take other types.
    #[must_use]
    pub fn severity(&self) -> Severity {
        match self.problem {
            Problem::Missing { .. } | Problem::NotBoolean { .. } | Problem::ActiveCleared => {
                Severity::Refusal
            }
            Problem::Conflict(_) => Severity::Conflict,
            Problem::NotCanonical { .. } => Severity::Note,
        }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = &self.path;
        match &self.problem {
            Problem::Missing { required_by, cleared } => {
                let what = if *cleared { "cannot be cleared" } else { "is missing" };
                let whose = match required_by {
                    Requirer::Schema => "the provider's schema",
                    Requirer::Provider => "the provider",
                };
                write!(f, "`{path}` {what}: {whose} requires it")
            }
            Problem::Conflict(conflict) => conflict.fmt(f),
            Problem::NotBoolean { value } => {
                let shown: String = value.chars().take(40).collect();
                write!(f, "`{path}` is `{shown}`; it has to be true or false")
            }
            Problem::ActiveCleared => write!(
                f,
                "`{path}` would be cleared, which means whatever the provider takes it for; say true or false, or leave \
                 it as it is"
            ),
            Problem::NotCanonical { value, suggested } => {
                let shown: String = value.chars().take(40).collect();
                let suggested: Vec<_> = suggested.iter().map(|one| format!("`{one}`")).collect();
                write!(f, "`{path}` is `{shown}`; the schema suggests {}", suggested.join(", "))
            }
        }
    }
}

/// Names everything about a wanted state that its provider would refuse or may trip over.
///
/// `desired` is what [`prepare`](crate::prepare()) left. `also_required` are attributes that the provider
/// requires beyond its schema. One with a sub-attribute has to be there where the attribute has one value; of
/// a multi-valued attribute every value has to have it, and there may be none.
///
/// ```
/// use scimwright_scim::check::{Occasion, Severity, check};
/// use scimwright_scim::{AttributePath, Desired, builtin};
/// use serde_json::json;
///
/// let mut desired = Desired::new();
/// desired.set(&AttributePath::parse("emails")?, json!([{"value": "z@example.com", "type": "office"}]));
/// let also = [AttributePath::parse("name.familyName")?];
/// let findings = check(&desired, Occasion::Create, &builtin::user_schema_set(), &also);
/// let said: Vec<_> = findings.iter().map(ToString::to_string).collect();
/// assert_eq!(said, [
///     "`userName` is missing: the provider's schema requires it",
///     "`name.familyName` is missing: the provider requires it",
///     "`emails.type` is `office`; the schema suggests `work`, `home`, `other`",
/// ]);
/// assert_eq!(findings[2].severity(), Severity::Note);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use]
pub fn check(
    desired: &Desired,
    occasion: Occasion<'_>,
    schemas: &SchemaSet,
    also_required: &[AttributePath],
) -> Vec<Finding> {
    let (requirements, conflicts) = Requirements::new(desired, occasion, schemas);
    findings(desired, &requirements, conflicts, also_required)
}

/// [`check`] of a create whose body ([`Desired::to_resource`]) has been made already.
#[must_use]
pub fn check_create(
    desired: &Desired,
    body: &Resource,
    schemas: &SchemaSet,
    also_required: &[AttributePath],
) -> Vec<Finding> {
    let result = Cow::Borrowed(body);
    let requirements = Requirements { schemas, result, before: None, touched: None };
    findings(desired, &requirements, Vec::new(), also_required)
}

fn findings(
    desired: &Desired,
    requirements: &Requirements<'_>,
    conflicts: Vec<Conflict>,
    also_required: &[AttributePath],
) -> Vec<Finding> {
    let schemas = requirements.schemas;
    let mut findings = Vec::new();
    requirements.check(also_required, &mut findings);
    findings.extend(
        conflicts
            .into_iter()
            .map(|conflict| Finding { path: conflict.path.clone(), problem: Problem::Conflict(conflict) }),
    );
    for (path, wanted) in desired.iter() {
        let Some(attribute) = schemas.find_attribute(path) else { continue };
        let place = || schemas.spelled(path, Some(attribute));
        match wanted {
            DesiredValue::Set(wanted) => {
                let mut wrong = Vec::new();
                not_boolean(&place, wanted, attribute, &mut wrong);
                if !wrong.is_empty() && requirements.is_ours(&place()) {
                    findings.append(&mut wrong);
                }
                canonical_values(&place, wanted, attribute, &mut findings);
            }
            DesiredValue::Clear if requirements.takes_the_say(&place()) => {
                findings.push(Finding { path: place(), problem: Problem::ActiveCleared });
            }
            DesiredValue::Clear => {}
        }
    }
    findings
}

/// Names text and numbers in the place of a truth value: a receiver that is lenient may take them for either.
fn not_boolean(
    path: &dyn Fn() -> AttributePath,
    wanted: &Value,
    attribute: &Attribute,
    findings: &mut Vec<Finding>,
) {
    let wrong = |value: &Value, declared: &Attribute| {
        let is_wrong = declared.data_type == DataType::Boolean && !value.is_boolean() && !value.is_null();
        is_wrong
            .then(|| Problem::NotBoolean { value: value.as_str().map_or(value.to_string(), str::to_owned) })
    };
    let values = match wanted {
        Value::Array(items) => items.as_slice(),
        single => std::slice::from_ref(single),
    };
    for value in values {
        findings.extend(wrong(value, attribute).map(|problem| Finding { path: path(), problem }));
        for (name, value) in value.as_object().into_iter().flatten() {
            let Some(part) = attribute.sub_attribute(name) else { continue };
            let named = || path().with_sub(part.name.clone());
            findings.extend(wrong(value, part).map(|problem| Finding { path: named(), problem }));
        }
    }
}

/// What the resource would be, and which of its attributes are ours to answer for.
struct Requirements<'a> {
    schemas: &'a SchemaSet,
    result: Cow<'a, Resource>,
    /// What is there now; nothing before a create.
    before: Option<&'a Resource>,
    /// The attributes that the change touches; `None` when it makes all of them.
    touched: Option<BTreeSet<AttributePath>>,
}

impl<'a> Requirements<'a> {
    /// And what is wanted and cannot be had.
    fn new(desired: &Desired, occasion: Occasion<'a>, schemas: &'a SchemaSet) -> (Self, Vec<Conflict>) {
        match occasion {
            Occasion::Create => {
                let result = Cow::Owned(desired.to_resource(schemas.resource_type()));
                (Self { schemas, result, before: None, touched: None }, Vec::new())
            }
            Occasion::Change { sent, seen } => {
                let (patch, conflicts) = diff_and_conflicts(desired, sent, seen, schemas);
                let touched = patch.operations.iter().filter_map(|operation| match operation.path()? {
                    PatchPath::Attribute { path, .. } => Some(path.without_sub()),
                    PatchPath::Extension(_) => None,
                });
                let touched: BTreeSet<_> = touched.collect();
                // Nothing is made of what nothing is done to: a change of one attribute of a group does not
                // copy its members.
                let result = Cow::Owned(match touched.is_empty() {
                    true => Resource::new(),
                    false => desired.merge_patch(patch, seen, schemas),
                });
                (Self { schemas, result, before: Some(seen), touched: Some(touched) }, conflicts)
            }
        }
    }

    fn check(&self, also_required: &[AttributePath], findings: &mut Vec<Finding>) {
        for (schema, attribute) in self.schemas.definitions() {
            let required = |part: &Attribute| part.required && !part.is_read_only();
            if attribute.is_read_only()
                || !attribute.required && !attribute.sub_attributes.iter().any(required)
            {
                continue;
            }
            let path =
                AttributePath { schema: schema.cloned(), attribute: attribute.name.clone(), sub: None };
            if !self.is_ours(&path) {
                continue;
            }
            // `schemas` is made from the others.
            if path.schema.is_none() && path.attribute == crate::AttributeName::SCHEMAS {
                continue;
            }
            if attribute.required && self.follows(&path) && self.is_empty(&path) {
                findings.push(self.missing(&path, Requirer::Schema));
                continue;
            }
            let parts = attribute.sub_attributes.iter();
            for part in parts.filter(|part| required(part)) {
                let part = path.with_sub(part.name.clone());
                if self.lacks_part(&part) {
                    findings.push(self.missing(&part, Requirer::Schema));
                }
            }
        }
        for path in also_required {
            let path = self.schemas.canonical(path);
            if self.is_ours(&path.without_sub())
                && self.lacks(&path)
                && findings.iter().all(|finding| finding.path != path && finding.path != path.without_sub())
            {
                findings.push(self.missing(&path, Requirer::Provider));
            }
        }
    }

    fn is_ours(&self, path: &AttributePath) -> bool {
        self.touched.as_ref().is_none_or(|touched| touched.contains(path))
    }

    /// Whether clearing it takes away what the resource says of the person's access.
    fn takes_the_say(&self, path: &AttributePath) -> bool {
        let says_so = |seen: &Resource| seen.get(path) == Some(&Value::Bool(true));
        *path == AttributePath::new(crate::AttributeName::ACTIVE)
            && self.is_ours(path)
            && self.before.is_some_and(says_so)
    }

    /// Whether the resource follows the path's schema. What an extension requires it requires of those that
    /// use it (RFC 7643 section 6).
    fn follows(&self, path: &AttributePath) -> bool {
        path.schema.as_ref().is_none_or(|urn| {
            self.before.is_some()
                || self.schemas.requires(urn)
                || json::field(self.result.as_map(), urn.as_str()).is_some()
        })
    }

    fn is_empty(&self, path: &AttributePath) -> bool {
        self.result.get(path).is_none_or(is_unassigned)
    }

    /// Whether what the provider requires is not there.
    fn lacks(&self, path: &AttributePath) -> bool {
        let multi_valued = self.schemas.find_attribute(path).is_some_and(|attribute| attribute.multi_valued);
        match (&path.sub, multi_valued) {
            (Some(_), true) => self.lacks_part(path),
            _ => self.is_empty(path),
        }
    }

    /// Whether one of the attribute's values lacks the part.
    fn lacks_part(&self, path: &AttributePath) -> bool {
        let Some(sub) = &path.sub else { return false };
        let values = self.result.values(&path.without_sub());
        values.iter().filter(|value| !is_unassigned(value)).any(|value| match value {
            Value::Object(parts) => json::field(parts, sub.as_str()).is_none_or(is_unassigned),
            // A value without parts is its own `value`.
            _ => *sub != crate::AttributeName::VALUE,
        })
    }

    fn missing(&self, path: &AttributePath, required_by: Requirer) -> Finding {
        let cleared =
            self.before.is_some_and(|seen| seen.values(path).iter().any(|value| !is_unassigned(value)));
        Finding { path: path.clone(), problem: Problem::Missing { required_by, cleared } }
    }
}

fn canonical_values(
    path: &dyn Fn() -> AttributePath,
    wanted: &Value,
    attribute: &Attribute,
    findings: &mut Vec<Finding>,
) {
    let values = match wanted {
        Value::Array(items) => items.as_slice(),
        single => std::slice::from_ref(single),
    };
    for value in values {
        match value {
            Value::Object(parts) => {
                for (name, part) in parts {
                    if let Some(declared) = attribute.sub_attribute(name) {
                        let place = || path().with_sub(declared.name.clone());
                        canonical_values(&place, part, declared, findings);
                    }
                }
            }
            Value::String(text) if !is_suggested(text, attribute) => {
                let suggested = attribute.canonical_values.clone();
                let problem = Problem::NotCanonical { value: text.clone(), suggested };
                let finding = Finding { path: path(), problem };
                if !findings.contains(&finding) {
                    findings.push(finding);
                }
            }
            _ => {}
        }
    }
}

fn is_suggested(text: &str, attribute: &Attribute) -> bool {
    // RFC 7643 section 7: canonicalValues are strings. What nobody may read is not named in a finding.
    if attribute.canonical_values.is_empty()
        || attribute.data_type != DataType::String
        || attribute.is_hidden()
    {
        return true;
    }
    let rule = Rule::of(Some(attribute));
    attribute.canonical_values.iter().any(|one| folded(one, rule) == folded(text, rule))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::{Mutability, Schema};
    use crate::{builtin, testing, urn};
    use proptest::prelude::*;
    use serde_json::json;

    fn desired(value: Value) -> Desired {
        serde_json::from_value(value).unwrap()
    }

    fn path(text: &str) -> AttributePath {
        AttributePath::parse(text).unwrap()
    }

    /// Users at a provider that is stricter than the RFC.
    fn strict() -> SchemaSet {
        let mut user = builtin::user_schema().clone();
        for attribute in &mut user.attributes {
            match attribute.name.as_str() {
                "userName" => attribute.mutability = Mutability::Immutable,
                "displayName" => attribute.required = true,
                "name" | "emails" => {
                    let wanted = ["familyName", "value"];
                    attribute
                        .sub_attributes
                        .iter_mut()
                        .filter(|part| wanted.contains(&part.name.as_str()))
                        .for_each(|part| part.required = true);
                }
                _ => {}
            }
        }
        let mut enterprise = builtin::enterprise_user_schema().clone();
        enterprise.attributes[0].required = true;
        SchemaSet::new(builtin::user_resource_type().clone(), &[user, enterprise])
    }

    fn said(findings: &[Finding]) -> String {
        let lines = findings.iter().map(|finding| format!("{:?}: {finding}", finding.severity()));
        lines.collect::<Vec<_>>().join("\n")
    }

    /// Point 3: what is required is missed before anything is sent, in attributes and in their parts.
    #[test]
    fn everything_that_a_create_lacks_is_named_at_once() {
        let wanted = desired(json!({
            "displayName": "",
            "name": {"givenName": "Zoë"},
            "emails": [{"value": "a"}, {"type": "work"}, {}],
            format!("{}:department", urn::ENTERPRISE_USER): "Tools",
        }));
        let also =
            ["name.givenName", "name.middleName", "emails.type", "phoneNumbers.type", "title", "userName"];
        let findings = check(&wanted, Occasion::Create, &strict(), &also.map(path));
        insta::assert_snapshot!(said(&findings), @r#"
        Refusal: `userName` is missing: the provider's schema requires it
        Refusal: `name.familyName` is missing: the provider's schema requires it
        Refusal: `emails.value` is missing: the provider's schema requires it
        Refusal: `urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:employeeNumber` is missing: the provider's schema requires it
        Refusal: `name.middleName` is missing: the provider requires it
        Refusal: `emails.type` is missing: the provider requires it
        Refusal: `title` is missing: the provider requires it
        "#);
    }

    /// Point 3: an extension that nobody uses requires nothing.
    #[test]
    fn what_an_extension_requires_it_requires_of_those_that_use_it() {
        let wanted = desired(json!({"userName": "a", "displayName": "A"}));
        assert_eq!(check(&wanted, Occasion::Create, &strict(), &[]), []);
        let mut resource_type = builtin::user_resource_type().clone();
        resource_type.extensions[0].required = true;
        let schemas = SchemaSet::new(resource_type, strict().extensions());
        let findings = check(&wanted, Occasion::Create, &schemas, &[]);
        assert!(
            said(&findings).ends_with("User:employeeNumber` is missing: the provider's schema requires it")
        );
    }

    /// Point 3: a change that clears what is required, or gives an immutable attribute another value.
    #[test]
    fn a_change_is_checked_for_what_it_touches_and_nothing_else() {
        let seen = json!({
            "userName": "jdoe", "displayName": "J", "emails": [{"type": "home"}],
            "name": {"familyName": "Doe", "givenName": "J"}, "title": "t",
        });
        let seen = Resource::from_value(seen).unwrap();
        let change = |wanted: Value, sent: Option<Value>| {
            let sent = sent.map(desired);
            let occasion = Occasion::Change { sent: sent.as_ref(), seen: &seen };
            said(&check(&desired(wanted), occasion, &strict(), &[path("title")]))
        };
        let all = json!({
            "userName": "jsmith", "displayName": null, "title": null, "nickName": "n",
            "name": {"familyName": null, "givenName": "K"},
        });
        insta::assert_snapshot!(change(all, None), @r#"
        Refusal: `name.familyName` cannot be cleared: the provider's schema requires it
        Refusal: `displayName` cannot be cleared: the provider's schema requires it
        Refusal: `title` cannot be cleared: the provider requires it
        Conflict: `userName` stays "jdoe": it is immutable, so it cannot become "jsmith"
        "#);
        // The provider's own e-mail has no value; nobody touches it. What was sent is not sent again.
        let settled = json!({"userName": "other", "displayName": null, "title": "t2"});
        assert_eq!(change(settled.clone(), Some(settled)), "");
        // A user name that differs in case only is the same value to the provider.
        assert_eq!(change(json!({"userName": "JDOE"}), None), "");
    }

    /// Point 3: canonicalValues are suggestions (RFC 7643 section 7), compared as the values are.
    #[test]
    fn a_value_that_the_schema_does_not_suggest_is_noted_once() {
        let wanted = desired(json!({
            "userName": "a",
            "emails": [{"type": "WORK", "value": "a"}, {"type": "büro", "value": "b"}, {"type": "büro", "value": "c"}],
        }));
        let findings = check(&wanted, Occasion::Create, &builtin::user_schema_set(), &[]);
        assert_eq!(
            said(&findings),
            "Note: `emails.type` is `büro`; the schema suggests `work`, `home`, `other`"
        );
    }

    /// Point 27: what nobody may read is in no finding.
    #[test]
    fn a_hidden_value_is_never_named() {
        let mut user = builtin::user_schema().to_value();
        let password = user["attributes"].as_array_mut().unwrap();
        password.iter_mut().find(|one| one["name"] == "password").unwrap()["canonicalValues"] = json!(["x"]);
        let user = Schema::from_value(&user).unwrap();
        let schemas = SchemaSet::new(builtin::user_resource_type().clone(), &[user]);
        let wanted = desired(json!({"userName": "a", "password": "s3cret"}));
        assert_eq!(check(&wanted, Occasion::Create, &schemas, &[]), []);
    }

    proptest! {
        /// Point 3: a create that the check passes holds everything that is required.
        #[test]
        fn a_create_without_refusal_has_all_that_is_required((wanted, _) in testing::user_change()) {
            let schemas = strict();
            let refused = check(&wanted, Occasion::Create, &schemas, &[])
                .iter()
                .any(|finding| finding.severity() == Severity::Refusal);
            let body = wanted.to_resource(schemas.resource_type());
            let has = |text| body.get(&path(text)).is_some_and(|value| !is_unassigned(value));
            let whole = has("userName")
                && has("displayName")
                && (!has("name") || has("name.familyName"))
                && body.values(&path("emails")).len() == body.values(&path("emails.value")).len()
                && (body.as_map().get(urn::ENTERPRISE_USER.as_str()).is_none()
                    || has(&format!("{}:employeeNumber", urn::ENTERPRISE_USER)));
            prop_assert_eq!(refused, !whole, "{:?}", body);
        }
    }
}
