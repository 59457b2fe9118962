//! The resources that a probing makes: written down before they are asked for, so that none is forgotten.
//!
//! Nothing is ever deleted but what is in this list; and where only a name is known, because an answer was lost,
//! the resource is looked up and has to have exactly that name.

use super::Probe;
use scimwright_client::{Client, Deleted, Query};
use scimwright_scim::{AttributePath, Filter, Resource, ResourceType};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// What every name begins with.
pub(crate) const PREFIX: &str = "scimwright-probe";

/// The resources of one probing.
pub(crate) struct Scratch {
    /// Different for every probing, so that nobody else's resource has it.
    stem: String,
    made: Mutex<Vec<Made>>,
}

/// A resource that was made, or may have been.
#[derive(Debug, Clone)]
struct Made {
    resource_type: ResourceType,
    /// `userName` or `displayName`.
    named_by: &'static str,
    name: String,
    /// None until the provider says.
    id: Option<String>,
}

impl Scratch {
    pub(super) fn new() -> Self {
        let moment = jiff::Timestamp::now().as_microsecond();
        Self { stem: format!("{PREFIX}-{moment:x}"), made: Mutex::default() }
    }

    /// What all names of this probing begin with.
    pub(crate) fn stem(&self) -> &str {
        &self.stem
    }

    /// Writes down that a resource is about to be made. Returns the number by which it is known here.
    pub(super) fn announce(&self, resource_type: &ResourceType, named_by: &'static str, name: &str) -> usize {
        let mut made = self.made();
        made.push(Made { resource_type: resource_type.clone(), named_by, name: name.to_owned(), id: None });
        made.len() - 1
    }

    /// Writes down its id.
    pub(super) fn arrived(&self, number: usize, id: &str) {
        if let Some(made) = self.made().get_mut(number) {
            made.id = Some(id.to_owned());
        }
    }

    /// Writes down that it was not made.
    pub(super) fn refused(&self, number: usize) {
        // An empty name is nobody's, so that nobody is looked for.
        if let Some(made) = self.made().get_mut(number) {
            made.name.clear();
        }
    }

    fn made(&self) -> MutexGuard<'_, Vec<Made>> {
        self.made.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What became of the resources of a probing.
#[derive(Debug, Clone, Default)]
pub(crate) struct Swept {
    /// How many were deleted.
    pub(crate) deleted: usize,
    /// What could not be deleted, and why: `User 2819c (scimwright-probe-…): …`.
    pub(crate) left: Vec<String>,
}

impl Probe {
    /// Deletes everything that was made, the last first, so that groups go before their members.
    pub(crate) async fn sweep(&self) -> Swept {
        let client = self.client();
        let mut swept = Swept::default();
        let made = self.scratch.made().clone();
        for one in made.iter().rev().filter(|one| one.id.is_some() || !one.name.is_empty()) {
            let ids = match &one.id {
                Some(id) => Ok(vec![id.clone()]),
                None => lost(&client, one).await,
            };
            let what = &one.resource_type.name;
            match ids {
                Ok(ids) => {
                    for id in ids {
                        match client.delete(&one.resource_type, &id, None).await {
                            Ok(gone) => swept.deleted += usize::from(gone.value == Deleted::Now),
                            Err(error) => swept.left.push(format!("{what} {id} ({}): {error}", one.name)),
                        }
                    }
                }
                Err(reason) => swept.left.push(format!("perhaps a {what} named {}: {reason}", one.name)),
            }
        }
        swept
    }
}

/// The ids of a resource whose creation was not confirmed.
async fn lost(client: &Client, one: &Made) -> Result<Vec<String>, String> {
    let path = AttributePath::parse(one.named_by).map_err(|error| error.to_string())?;
    let query = Query::filtered(Filter::eq(path.clone(), one.name.as_str()));
    let page = client.query(&one.resource_type, &query).await.map_err(|error| error.to_string())?;
    // A filter may be ignored.
    let is_it = |resource: &&Resource| {
        let name = resource.get(&path).and_then(serde_json::Value::as_str);
        name.is_some_and(|name| name.eq_ignore_ascii_case(&one.name))
    };
    Ok(page.value.resources.iter().filter(is_it).filter_map(Resource::id_text).collect())
}
