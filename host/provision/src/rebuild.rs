//! Links found again from what is at the provider, after the state was lost.
//!
//! Every resource of the type is read once, and every record mapped once; nothing is sent that changes anything. A
//! record and a resource are linked where each is the only one for the other, by the attributes in `match`, and only
//! after both sides were read to their ends. What agrees counts as sent by us, so the next sync sends the true
//! differences and nothing else.

use crate::cycle::Cycle;
use crate::error::ProvisionError;
use crate::event::{Mode, Observer};
use crate::links::{found, row};
use crate::provisioner::{Provisioner, RunOptions};
use crate::round::in_order;
use crate::rules::UnreadableRows;
use crate::spill::{Place, Spill};
use crate::tally::Tally;
use crate::wanted::{Wanted, WantedResource};
use futures::{StreamExt, TryStreamExt};
use scimwright_client::{MatchKey, Query};
use scimwright_record::{Record, RecordKey, Row};
use scimwright_scim::{Desired, DesiredValue, Resource, SchemaSet, compare};
use scimwright_state::{
    Action, LinkChange, LinkScope, Noted, Ownership, RunId, RunKind, RunOutcome, RunReport, Settlement,
};
use serde::Serialize;
use serde_json::Value;
use std::collections::HashMap;
use std::pin::pin;

/// How a record or a resource fared when links were rebuilt.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
pub enum Finding {
    /// They belong together.
    Linked {
        /// The record.
        key: RecordKey,
        /// The resource.
        resource_id: String,
    },
    /// No resource is the record's: the next sync makes one.
    NoResource {
        /// The record.
        key: RecordKey,
    },
    /// Nobody can say which resource is the record's.
    Unclear {
        /// The record.
        key: RecordKey,
        /// Why.
        reason: String,
    },
    /// The record is not to have a resource, so nobody looked for one.
    OutOfScope {
        /// The record.
        key: RecordKey,
        /// Why.
        reason: String,
    },
    /// No record is the resource's.
    NoRecord {
        /// The resource.
        resource_id: String,
        /// What it is called there.
        name: Option<String>,
    },
}

/// What came of rebuilding the links of one resource type.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Rebuilt {
    /// Resources at the provider.
    pub resources: u64,
    /// Records in the source.
    pub records: u64,
    /// Links that were there already, and stay.
    pub kept: u64,
    /// Links that were made.
    pub linked: u64,
    /// Records without a resource.
    pub without_resource: u64,
    /// Records of which nobody can say which resource is theirs.
    pub unclear: u64,
    /// Records out of scope.
    pub out_of_scope: u64,
    /// Resources without a record.
    pub without_record: u64,
}

impl Rebuilt {
    /// Adds the figures of another resource type.
    pub fn add(&mut self, other: &Self) {
        self.resources += other.resources;
        self.records += other.records;
        self.kept += other.kept;
        self.linked += other.linked;
        self.without_resource += other.without_resource;
        self.unclear += other.unclear;
        self.out_of_scope += other.out_of_scope;
        self.without_record += other.without_record;
    }
}

/// Is told of every finding, with the resource type and provider that it is about.
pub type Findings<'a> = &'a (dyn Fn(&LinkScope, &Finding) + Send + Sync);

/// Rebuilds the links of these resource types of one provider, those that others point at first. Each has a result of
/// its own.
pub async fn rebuild(
    provisioners: &[Provisioner],
    ownership: Ownership,
    findings: Findings<'_>,
    notices: &dyn Observer,
) -> Vec<(LinkScope, Result<Rebuilt, ProvisionError>)> {
    let mut results = Vec::new();
    for provisioner in in_order(provisioners) {
        let outcome = provisioner.rebuild_links(ownership, findings, notices).await;
        results.push((provisioner.scope(), outcome));
    }
    results
}

/// A resource at the provider that no link claims.
struct Stray {
    id: String,
    name: Option<String>,
    place: Place,
    /// The record that it is, as long as that is the only one.
    claim: Claim,
}

/// Who claims a resource.
enum Claim {
    Nobody,
    /// With what is to be noted as sent.
    One(RecordKey, Place),
    Several(Vec<RecordKey>),
}

/// Everything at the provider that no link claims, found by what records are matched by.
struct Strays<'a> {
    match_by: &'a [MatchKey],
    schemas: &'a SchemaSet,
    all: Vec<Stray>,
    /// By the number of the key and the first of its values, in small letters: whoever is found is looked at closely.
    index: HashMap<(usize, String), Vec<usize>>,
    spill: Spill,
}

/// What a record is, as far as its attributes tell.
enum Match {
    One(usize),
    None,
    Unclear(String),
}

impl Strays<'_> {
    fn add(&mut self, id: String, resource: &Resource) -> Result<(), ProvisionError> {
        let place = self.spill.put(resource)?;
        for (number, key) in self.match_by.iter().enumerate() {
            let Some(first) = key.paths().first() else { continue };
            for value in resource.values(first) {
                if let Some(text) = searched(value) {
                    self.index.entry((number, text)).or_default().push(self.all.len());
                }
            }
        }
        self.all.push(Stray { id, name: name_of(resource), place, claim: Claim::Nobody });
        Ok(())
    }

    /// The resource that is a record's by the first key that finds anything.
    fn find(&mut self, desired: &Desired) -> Result<Match, ProvisionError> {
        let mut asked = false;
        for (number, key) in self.match_by.iter().enumerate() {
            let Some(filter) = key.filter(desired) else { continue };
            asked = true;
            let first = key.paths().first().and_then(|path| searched(desired.value(path)?));
            let candidates =
                first.and_then(|text| self.index.get(&(number, text)).cloned()).unwrap_or_default();
            let mut matching = Vec::new();
            for candidate in candidates {
                let Some(stray) = self.all.get(candidate) else { continue };
                let resource: Resource = self.spill.take(stray.place)?;
                if !matching.contains(&candidate) && filter.matches(&resource, self.schemas) {
                    matching.push(candidate);
                }
            }
            match matching.as_slice() {
                [] => {}
                [one] => return Ok(Match::One(*one)),
                several => {
                    let ids: Vec<&str> = several
                        .iter()
                        .filter_map(|index| Some(self.all.get(*index)?.id.as_str()))
                        .take(5)
                        .collect();
                    return Ok(Match::Unclear(format!(
                        "several resources have its {key}: {}",
                        ids.join(", ")
                    )));
                }
            }
        }
        Ok(match asked {
            true => Match::None,
            false => Match::Unclear("the mapping gives none of the attributes in `match`".to_owned()),
        })
    }

    /// Notes that a resource is this record's, unless another one says the same.
    fn claim(&mut self, index: usize, key: RecordKey, sent: Place) {
        let Some(stray) = self.all.get_mut(index) else { return };
        stray.claim = match std::mem::replace(&mut stray.claim, Claim::Nobody) {
            Claim::Nobody => Claim::One(key, sent),
            Claim::One(other, _) => Claim::Several(vec![other, key]),
            Claim::Several(mut others) => {
                others.push(key);
                Claim::Several(others)
            }
        };
    }
}

/// A value as it is searched for.
fn searched(value: &Value) -> Option<String> {
    match value {
        Value::String(text) if !text.trim().is_empty() => Some(text.to_lowercase()),
        Value::Bool(_) | Value::Number(_) => Some(value.to_string()),
        _ => None,
    }
}

/// What a person would call the resource.
pub(crate) fn name_of(resource: &Resource) -> Option<String> {
    let text = |name: &str| {
        let found = resource.as_map().iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
        found.and_then(|(_, value)| value.as_str()).map(str::to_owned)
    };
    text("userName").or_else(|| text("displayName"))
}

/// What of the wish is there already, as the schema's rules compare it.
fn agreed(desired: &Desired, seen: &Resource, schemas: &SchemaSet) -> Desired {
    let mut agreed = Desired::new();
    for (path, value) in desired.iter() {
        let attribute = schemas.find(path);
        let agrees = match (value, seen.get(path)) {
            (DesiredValue::Set(wanted), Some(seen)) => compare::echoes(seen, wanted, attribute),
            (DesiredValue::Set(wanted), None) => wanted.as_array().is_some_and(Vec::is_empty),
            (_, seen) => seen.is_none(),
        };
        if agrees {
            agreed.set(path, value.clone());
        }
    }
    agreed
}

/// A record without a link, what is wanted of it, and what it had while it was in scope where it is not any more.
type Unlinked = (RecordKey, Wanted, Option<Box<WantedResource>>);

impl Provisioner {
    async fn rebuild_links(
        &self,
        ownership: Ownership,
        findings: Findings<'_>,
        notices: &dyn Observer,
    ) -> Result<Rebuilt, ProvisionError> {
        self.check_rules()?;
        self.check_address(Mode::Sync).await?;
        self.layers.available().map_err(ProvisionError::ModuleUnavailable)?;
        let scope = self.scope();
        let run = self.state.begin_run(RunKind::Rebuild, &scope).await?;
        let tally = Tally::new(notices, scope);
        let outcome = async {
            // Without a run of its own the cycle writes nothing.
            let cycle = Cycle::begin(self, Mode::Plan, None, &RunOptions::default(), &tally).await?;
            cycle.rebuild(run, ownership, findings).await
        }
        .await;
        let (ended, figures) = match &outcome {
            Ok(rebuilt) => (RunOutcome::Completed, serde_json::to_value(rebuilt).unwrap_or_default()),
            Err(_) => (RunOutcome::Failed, Value::Null),
        };
        let reason = outcome.as_ref().err().map(ToString::to_string);
        let closed = self.state.finish_run(run, &RunReport::new(ended, figures).because(reason)).await;
        let rebuilt = outcome?;
        closed?;
        Ok(rebuilt)
    }
}

impl Cycle<'_> {
    async fn rebuild(
        &self,
        run: RunId,
        ownership: Ownership,
        findings: Findings<'_>,
    ) -> Result<Rebuilt, ProvisionError> {
        let mut rebuilt = Rebuilt::default();
        let mut strays = self.read_strays(&mut rebuilt).await?;
        self.match_records(&mut strays, &mut rebuilt, findings).await?;
        for index in 0..strays.all.len() {
            self.settle_stray(run, ownership, &mut strays, index, &mut rebuilt, findings).await?;
        }
        // What changed since some earlier reading says nothing about links that are new.
        self.provisioner.state.set_watermark(&self.scope, None).await?;
        Ok(rebuilt)
    }

    async fn read_strays(&self, rebuilt: &mut Rebuilt) -> Result<Strays<'_>, ProvisionError> {
        let kind = &self.provisioner.kind;
        let mut strays = Strays {
            match_by: &self.provisioner.rules.matching,
            schemas: kind.schemas(),
            all: Vec::new(),
            index: HashMap::new(),
            spill: Spill::new()?,
        };
        let mut pages = self.target.get_pages(kind, Query::default());
        while let Some(page) = pages.try_next().await? {
            for resource in page.value {
                rebuilt.resources += 1;
                let Some(id) = resource.id_text() else { continue };
                match self.provisioner.state.link_by_resource(&self.scope, &id).await? {
                    Some(_) => rebuilt.kept += 1,
                    None => strays.add(id, &resource)?,
                }
            }
        }
        Ok(strays)
    }

    async fn match_records(
        &self,
        strays: &mut Strays<'_>,
        rebuilt: &mut Rebuilt,
        findings: Findings<'_>,
    ) -> Result<(), ProvisionError> {
        let rows = self.provisioner.source.read().await.map_err(ProvisionError::Source)?;
        let twice = self.look_ahead().await?.map_err(ProvisionError::Source)?;
        let twice = &twice;
        let wanted = rows
            .map(|row| async move {
                match row.map_err(ProvisionError::Source)? {
                    Row::Record(position, record) => {
                        let noted = self.pass.note(record.key(), &position.to_string()).await?;
                        match (noted, twice.places_of(record.key())) {
                            (Noted::Duplicate { .. }, _) => Ok(None),
                            (Noted::First, None) => self.wanted_unlinked(record).await,
                            // Whose resource it would be, nobody knows.
                            (Noted::First, Some(two)) => {
                                let (trouble, _) = Self::neither_counts(position, &two);
                                Ok(Some((record.key().clone(), Wanted::Cannot(trouble.reason), None)))
                            }
                        }
                    }
                    Row::Malformed(malformed) => match malformed.key {
                        Some(key) => {
                            let reason = format!("{}: {}", malformed.position, malformed.message);
                            Ok(Some((key, Wanted::Cannot(reason), None)))
                        }
                        None if self.ignores_unreadable_rows() => Ok(None),
                        // It may be anybody, and whoever it is has no claim.
                        None => Err(ProvisionError::Inconclusive(format!(
                            "{} of source `{}` cannot be read, so nobody knows whose it is: {}",
                            malformed.position,
                            self.provisioner.source.name(),
                            malformed.message
                        ))),
                    },
                }
            })
            .buffered(self.provisioner.rules.concurrency.max(1));
        let mut wanted = pin!(wanted);
        while let Some(record) = wanted.try_next().await? {
            rebuilt.records += 1;
            let Some((key, wanted, former)) = record else { continue };
            let unclear = match wanted {
                Wanted::Out(reason) => {
                    // Somebody who left, and whose row is still there: the next sync does with the resource what is due.
                    if let Some(former) = former
                        && let Match::One(index) = strays.find(&former.desired)?
                    {
                        let place = strays.spill.put(&former.desired)?;
                        strays.claim(index, key, place);
                        continue;
                    }
                    rebuilt.out_of_scope += 1;
                    findings(&self.scope, &Finding::OutOfScope { key, reason });
                    continue;
                }
                Wanted::Cannot(reason) => reason,
                Wanted::Resource(wanted) => match strays.find(&wanted.desired)? {
                    Match::One(index) => {
                        let place = strays.spill.put(&wanted.desired)?;
                        strays.claim(index, key, place);
                        continue;
                    }
                    Match::None => {
                        rebuilt.without_resource += 1;
                        findings(&self.scope, &Finding::NoResource { key });
                        continue;
                    }
                    Match::Unclear(reason) => reason,
                },
            };
            rebuilt.unclear += 1;
            findings(&self.scope, &Finding::Unclear { key, reason: unclear });
        }
        Ok(())
    }

    fn ignores_unreadable_rows(&self) -> bool {
        self.provisioner.rules.deprovision.unreadable_rows == UnreadableRows::Ignore
    }

    /// What is wanted of a record, unless it has a link.
    async fn wanted_unlinked(&self, record: Record) -> Result<Option<Unlinked>, ProvisionError> {
        let key = record.key().clone();
        if self.provisioner.state.link(&self.scope, &key).await?.is_some() {
            return Ok(None);
        }
        let wanted = self.wanted(record.clone(), true).await?;
        let former = match &wanted {
            Wanted::Out(_) => match self.wanted_in_scope_or_not(record, true).await? {
                Wanted::Resource(former) => Some(former),
                Wanted::Out(_) | Wanted::Cannot(_) => None,
            },
            Wanted::Resource(_) | Wanted::Cannot(_) => None,
        };
        Ok(Some((key, wanted, former)))
    }

    async fn settle_stray(
        &self,
        run: RunId,
        ownership: Ownership,
        strays: &mut Strays<'_>,
        index: usize,
        rebuilt: &mut Rebuilt,
        findings: Findings<'_>,
    ) -> Result<(), ProvisionError> {
        let Some(stray) = strays.all.get_mut(index) else { return Ok(()) };
        match std::mem::replace(&mut stray.claim, Claim::Nobody) {
            Claim::Nobody => {
                rebuilt.without_record += 1;
                let (resource_id, name) = (stray.id.clone(), stray.name.clone());
                findings(&self.scope, &Finding::NoRecord { resource_id, name });
            }
            Claim::Several(keys) => {
                rebuilt.without_record += 1;
                let names: Vec<&str> = keys.iter().map(RecordKey::as_str).collect();
                let reason = format!("resource {} matches several records: {}", stray.id, names.join(", "));
                for key in keys {
                    rebuilt.unclear += 1;
                    findings(&self.scope, &Finding::Unclear { key, reason: reason.clone() });
                }
            }
            Claim::One(key, sent) => {
                let (id, place) = (stray.id.clone(), stray.place);
                let seen: Resource = strays.spill.take(place)?;
                let desired: Desired = strays.spill.take(sent)?;
                let sent = agreed(&desired, &seen, strays.schemas);
                let link = found(key.clone(), id.clone(), ownership, seen, sent, run);
                let log = row(&self.scope, &link, Some(run), Action::Adopt, "link found again");
                let settlement = Settlement { link: Some(LinkChange::Put(&link)), log };
                self.provisioner.state.settle(&self.scope, &key, &settlement).await?;
                rebuilt.linked += 1;
                findings(&self.scope, &Finding::Linked { key, resource_id: id });
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use scimwright_scim::builtin;
    use serde_json::json;

    #[test]
    fn what_the_provider_keeps_in_another_form_agrees_and_what_differs_does_not() {
        let desired: Desired = serde_json::from_value(json!({
            "userName": "JDoe", "title": "Head", "emails": [{ "value": "a@example.com", "type": "work" }],
        }))
        .unwrap();
        let seen = Resource::from_value(json!({
            "userName": "jdoe", "title": "Engineer",
            "emails": [{ "value": "a@example.com", "type": "work", "display": "A" }],
        }))
        .unwrap();
        let agreed = agreed(&desired, &seen, &builtin::user_schema_set());
        let paths: Vec<String> = agreed.iter().map(|(path, _)| path.to_string()).collect();
        assert_eq!(paths, ["userName", "emails"]);
    }
}
