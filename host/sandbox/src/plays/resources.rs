//! What a resource has to be at a played provider, what becomes of its values, and when it ends.

use super::{Play, Rule};
use crate::catalogue::Definition;
use crate::fault;
use crate::kind::Kind;
use crate::message::Response;
use crate::store::{Content, Row};
use scimwright_profile::{Deletion, Disabling};
use scimwright_scim::{Resource, ScimError};
use serde_json::{Map, Value};

impl Play {
    /// Whether an attribute of a resource is never shown.
    pub(crate) fn hides(&self, kind: Kind, attribute: &str) -> bool {
        kind == Kind::Group && attribute == "members" && !self.role.group.members_readable
    }

    /// Whether a resource of this type may be created from the body.
    ///
    /// # Errors
    /// 400 for an attribute that is missing, or for too many members or untyped ones.
    pub(crate) fn accepts_new(&self, kind: Kind, body: &Map<String, Value>) -> Result<(), ScimError> {
        self.has_required(kind, body)?;
        self.may_begin_with(kind, field(body, "members"))
    }

    /// Whether a resource of this type may be replaced by the body.
    ///
    /// # Errors
    /// 400 for an attribute that is missing, the `id` among them, or for untyped members.
    pub(crate) fn accepts_replacement(
        &self,
        kind: Kind,
        id: &str,
        body: &Map<String, Value>,
    ) -> Result<(), ScimError> {
        if self.of(kind).id_in_put && field(body, "id").and_then(Value::as_str) != Some(id) {
            let error = fault::invalid_value(format!("`id` has to be in the body, and to be `{id}`"));
            return Err(self.broke(Rule::IdInPut, error));
        }
        self.has_required(kind, body)?;
        self.are_typed(kind, field(body, "members"))
    }

    fn has_required(&self, kind: Kind, body: &Map<String, Value>) -> Result<(), ScimError> {
        let required = &self.of(kind).required;
        if required.is_empty() {
            return Ok(());
        }
        let mut resource = Resource::new();
        *resource.as_map_mut() = body.clone();
        let said = |value: &&Value| !value.is_null() && value.as_str().is_none_or(|text| !text.is_empty());
        match required.iter().find(|path| !resource.values(path).iter().any(said)) {
            Some(missing) => {
                Err(self.broke(Rule::Required, fault::invalid_value(format!("`{missing}` is required here"))))
            }
            None => Ok(()),
        }
    }

    /// Holds the attributes that a resource is to have to what this provider keeps, and makes them so.
    ///
    /// # Errors
    /// 400 for several values where only one is kept.
    pub(crate) fn settle(
        &self,
        kind: Kind,
        definition: &Definition,
        attributes: &mut Map<String, Value>,
    ) -> Result<(), ScimError> {
        let single_valued = &self.of(kind).single_valued;
        if !single_valued.is_empty() {
            let mut resource = Resource::new();
            std::mem::swap(resource.as_map_mut(), attributes);
            let several =
                |value: Option<&Value>| value.and_then(Value::as_array).is_some_and(|it| it.len() > 1);
            let odd = single_valued
                .iter()
                .find(|path| several(resource.get(&definition.schemas.canonical(path).without_sub())));
            if let Some(odd) = odd {
                let error = fault::invalid_value(format!("`{odd}` may have one value only"));
                return Err(self.broke(Rule::SingleValued, error));
            }
            std::mem::swap(resource.as_map_mut(), attributes);
        }
        if kind == Kind::User {
            self.normalise(attributes);
        }
        Ok(())
    }

    /// `attributes` have the spelling of the schemas.
    fn normalise(&self, attributes: &mut Map<String, Value>) {
        let normalises = self.role.manners.normalises;
        if normalises.user_name_in_lower_case
            && let Some(Value::String(user_name)) = attributes.get_mut("userName")
        {
            *user_name = user_name.to_lowercase();
        }
        if normalises.one_email
            && let Some(Value::Array(emails)) = attributes.get_mut("emails")
        {
            let kept = emails.iter().position(|email| email["primary"] == true).unwrap_or(0);
            emails.swap(0, kept);
            emails.truncate(1);
        }
        if normalises.display_name
            && let Some(name) = attributes.get("name")
        {
            let parts = ["givenName", "familyName"].map(|part| name[part].as_str().unwrap_or_default());
            let display_name = parts.join(" ").trim().to_owned();
            if !display_name.is_empty() {
                attributes.insert("displayName".to_owned(), display_name.into());
            }
        }
    }

    /// What becomes of the answer to a change.
    pub(crate) fn answered(&self, response: Response) -> Response {
        if self.role.manners.writes_answered_empty {
            return Response { status: 204, body: None, ..response };
        }
        response
    }

    /// Whether a change is the end of the resource.
    pub(crate) fn ends(&self, kind: Kind, before: &Content, after: &Content) -> bool {
        let inactive = |content: &Content| content.attributes.get("active") == Some(&Value::Bool(false));
        self.of(kind).disabling == Disabling::Deletes && inactive(after) && !inactive(before)
    }

    /// What a deletion leaves behind, if anything. A resource that cannot be inactive leaves nothing.
    pub(crate) fn tombstone(&self, kind: Kind, row: &Row) -> Option<Content> {
        if kind != Kind::User || self.of(kind).deletion != Deletion::Tombstone {
            return None;
        }
        let mut content = row.content();
        content.attributes.insert("active".to_owned(), Value::Bool(false));
        Some(content)
    }
}

/// The member of a JSON object with this name, whatever its case.
pub(super) fn field<'a>(object: &'a Map<String, Value>, name: &str) -> Option<&'a Value> {
    object.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value)
}
