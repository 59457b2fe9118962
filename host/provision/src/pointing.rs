//! What points at other records' resources: ids in the place of keys, and those who are spared because nobody knows
//! whether they are wanted.

use crate::cycle::Cycle;
use crate::error::ProvisionError;
use crate::operation::Wish;
use crate::target::RowTarget;
use scimwright_mapping::{AttributeMap, RecordLink, UnresolvedLink};
use scimwright_record::RecordKey;
use scimwright_scim::{AttributeName, AttributePath, Desired, DesiredValue, Resource};
use scimwright_state::LinkScope;
use serde_json::{Value, json};
use std::collections::{HashMap, HashSet};

impl Cycle<'_> {
    /// The attributes as the provider is to have them, and those that wait for another record's resource.
    pub(crate) async fn resolve(
        &self,
        attributes: &AttributeMap,
    ) -> Result<(Desired, Vec<UnresolvedLink>), ProvisionError> {
        let ids = self.resource_ids(attributes).await?;
        Ok(self.resolve_with(attributes, &ids))
    }

    /// The attributes with these ids in the place of links, as the provider is to have them, and those of other links.
    pub(crate) fn resolve_with(
        &self,
        attributes: &AttributeMap,
        ids: &HashMap<RecordLink, String>,
    ) -> (Desired, Vec<UnresolvedLink>) {
        let (desired, unresolved) = attributes.resolve(&mut |link| ids.get(link).cloned());
        let (mut desired, left_out) = self.provisioner.kind.prepare(desired);
        // Once a run, and not once a record.
        left_out.into_iter().for_each(|note| self.note_once(note));
        // A password would be stored with the link and shown in plans.
        if desired.remove(&AttributePath::new(AttributeName::PASSWORD)).is_some() {
            self.note_once("`password` is left out: passwords are not provisioned".to_owned());
        }
        (desired, unresolved)
    }

    /// What is wanted, with everybody who is in a list that nobody is to be taken out of, and with those values of
    /// other lists that may belong to a link that points at nothing yet. Whoever is in a group and unknown here may be
    /// the one who could not be found, so as long as somebody is missing, nobody but people we know is taken out.
    pub(crate) async fn sparing_strangers(
        &self,
        key: &RecordKey,
        wish: &Wish,
        seen: &Resource,
    ) -> Result<Desired, ProvisionError> {
        let mut desired = wish.desired.clone();
        let mut done: Vec<AttributePath> = Vec::new();
        for link in &wish.unresolved {
            let path = link.path.without_sub();
            let Some(Value::Array(there)) = seen.get(&path) else { continue };
            if done.iter().any(|known| known.same_attribute(&path)) {
                continue;
            }
            let scope = LinkScope {
                provider: self.provisioner.provider.clone(),
                resource_type: link.link.resource_type.clone(),
            };
            let mut wanted = match desired.value(&path) {
                Some(Value::Array(wanted)) => wanted.clone(),
                _ => Vec::new(),
            };
            let known: HashSet<String> = wanted.iter().filter_map(id_in).collect();
            let mut anybody = false;
            for missing in wish.unresolved.iter().filter(|other| other.path.same_attribute(&link.path)) {
                anybody = anybody || self.may_be_anybody(key, &missing.link).await?;
            }
            for item in there {
                let Some(id) = id_in(item).filter(|id| !known.contains(id)) else { continue };
                let spared = match self.provisioner.state.link_by_resource(&scope, &id).await? {
                    None => true,
                    // The one who could not be found may be this one under another key.
                    Some(owner) => anybody || self.is_contested_as(&scope.resource_type, &owner.key),
                };
                if spared {
                    wanted.push(by_id(&id));
                }
            }
            desired.set(&path, DesiredValue::Set(Value::Array(wanted)));
            done.push(path);
        }
        if let Some(path) = &wish.additive {
            keep_everybody(&mut desired, path, seen);
        }
        Ok(desired)
    }

    /// The ids of the resources that the links point at, as far as there are any.
    pub(crate) async fn resource_ids(
        &self,
        attributes: &AttributeMap,
    ) -> Result<HashMap<RecordLink, String>, ProvisionError> {
        let mut by_type: HashMap<_, Vec<RecordKey>> = HashMap::new();
        for link in attributes.links() {
            by_type.entry(link.resource_type.clone()).or_default().push(link.key.clone());
        }
        let mut ids = HashMap::new();
        for (resource_type, keys) in by_type {
            let scope = LinkScope {
                provider: self.provisioner.provider.clone(),
                resource_type: resource_type.clone(),
            };
            for (key, id) in self.provisioner.state.resource_ids(&scope, &keys).await? {
                ids.insert(RecordLink { resource_type: resource_type.clone(), key }, id);
            }
        }
        Ok(ids)
    }

    /// What is wanted of a resource that is there: without what counts for new ones only.
    pub(crate) fn left_as_seen(
        &self,
        mut desired: Desired,
        create_only: &[RowTarget],
        seen: &Resource,
    ) -> Desired {
        for target in create_only {
            target.leave_as_seen(&mut desired, seen, self.provisioner.kind.schemas());
        }
        desired
    }
}

/// Adds to the values that are wanted of a list all those that are in it already.
fn keep_everybody(desired: &mut Desired, path: &AttributePath, seen: &Resource) {
    let Some(Value::Array(there)) = seen.get(path) else { return };
    let mut wanted = match desired.get(path) {
        Some(DesiredValue::Set(Value::Array(wanted))) => wanted.clone(),
        // Of those who are wanted, not one was found.
        Some(DesiredValue::Clear) => Vec::new(),
        Some(DesiredValue::Set(_)) | None => return,
    };
    let known: HashSet<String> = wanted.iter().filter_map(id_in).collect();
    wanted.extend(there.iter().filter_map(id_in).filter(|id| !known.contains(id)).map(|id| by_id(&id)));
    desired.set(path, DesiredValue::Set(Value::Array(wanted)));
}

/// The resources that a list refers to, and would not any more.
pub(crate) fn taken_out(desired: &Desired, seen: &Resource, path: &AttributePath) -> HashSet<String> {
    let wanted: HashSet<String> = match desired.get(path) {
        None => return HashSet::new(),
        Some(DesiredValue::Set(Value::Array(wanted))) => wanted.iter().filter_map(id_in).collect(),
        Some(_) => HashSet::new(),
    };
    let Some(Value::Array(there)) = seen.get(path) else { return HashSet::new() };
    there.iter().filter_map(id_in).filter(|id| !wanted.contains(id)).collect()
}

/// A value of a list that refers to this resource. What else the provider shows of it is its own affair, and not for us
/// to write.
fn by_id(id: &str) -> Value {
    json!({ "value": id })
}

/// The id that a value of a list refers to.
fn id_in(item: &Value) -> Option<String> {
    item.get("value").and_then(Value::as_str).map(str::to_owned)
}
