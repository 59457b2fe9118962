//! A resource as clients see it: what they wrote, and around it what the sandbox computes.

use crate::catalogue::Catalogue;
use crate::condition::Tags;
use crate::kind::Kind;
use crate::store::{Member, ResourceId, Row, Store};
use scimwright_scim::Resource;
use serde_json::{Map, Value, json};
use std::collections::{HashSet, VecDeque};
use url::Url;

/// Writes representations; lives as long as the look at the store.
#[derive(Clone, Copy)]
pub(crate) struct Representation<'a> {
    pub(crate) catalogue: &'a Catalogue,
    pub(crate) base_url: &'a Url,
    pub(crate) tags: &'a Tags,
    pub(crate) store: &'a Store,
}

impl Representation<'_> {
    /// The URL of a resource: `meta.location`, and `$ref` wherever it is mentioned.
    pub(crate) fn location(&self, kind: Kind, id: ResourceId) -> String {
        format!("{}/{}/{id}", self.base_url, kind.endpoint())
    }

    /// The whole resource, every attribute that may ever be returned.
    pub(crate) fn of(&self, kind: Kind, row: &Row) -> Resource {
        self.with_parts(kind, row, |_| true)
    }

    /// The resource without the attributes nobody `wants`, where leaving them out saves work: `members` and
    /// `groups` cost a look-up for each entry.
    pub(crate) fn with_parts(&self, kind: Kind, row: &Row, wants: impl Fn(&str) -> bool) -> Resource {
        let attributes = row.attributes();
        let mut resource = Resource::new();
        let whole = resource.as_map_mut();
        whole.insert("schemas".to_owned(), self.schemas(kind, &attributes));
        whole.insert("id".to_owned(), row.id.to_string().into());
        whole.extend(attributes);
        let computed = match kind {
            Kind::Group if wants("members") => Some(("members", self.members(row))),
            Kind::User if wants("groups") => Some(("groups", self.groups(row.id))),
            _ => None,
        };
        if let Some((name, values)) = computed.filter(|(_, values)| !values.is_empty()) {
            whole.insert(name.to_owned(), Value::Array(values));
        }
        whole.insert("meta".to_owned(), self.meta(kind, row));
        resource
    }

    /// RFC 7643 section 3: the core schema, and each extension the resource has attributes of.
    fn schemas(&self, kind: Kind, attributes: &Map<String, Value>) -> Value {
        let definition = self.catalogue.of(kind);
        let extensions = definition.schemas.extensions().iter().map(|schema| schema.id.as_str());
        let present = extensions.filter(|urn| attributes.contains_key(*urn));
        std::iter::once(definition.core.id.as_str()).chain(present).collect()
    }

    fn meta(&self, kind: Kind, row: &Row) -> Value {
        let mut meta = json!({
            "resourceType": kind.name(),
            "created": row.created.to_string(),
            "lastModified": row.modified.to_string(),
            "location": self.location(kind, row.id),
        });
        if let Some(tag) = self.tags.of(row) {
            meta["version"] = tag.into();
        }
        meta
    }

    fn members(&self, row: &Row) -> Vec<Value> {
        let entry = |member: &Member| {
            let (kind, resource) = self.store.find(member.id)?;
            Some(json!({
                "value": member.id.to_string(),
                "$ref": self.location(kind, member.id),
                "type": kind.name(),
                "display": member.display.as_deref().unwrap_or(resource.label()),
            }))
        };
        row.members().iter().filter_map(entry).collect()
    }

    /// RFC 7643 section 4.1.2: the groups a user belongs to, directly or through groups in groups. A group is
    /// named once, so that groups containing each other end the search.
    fn groups(&self, id: ResourceId) -> Vec<Value> {
        let mut found = Vec::new();
        let mut seen = HashSet::new();
        let mut pending = VecDeque::from([(id, "direct")]);
        while let Some((listed, belonging)) = pending.pop_front() {
            for group in self.store.groups_listing(listed) {
                if seen.insert(group.id) {
                    found.push(json!({
                        "value": group.id.to_string(),
                        "$ref": self.location(Kind::Group, group.id),
                        "display": group.label(),
                        "type": belonging,
                    }));
                    pending.push_back((group.id, "indirect"));
                }
            }
        }
        found
    }
}
