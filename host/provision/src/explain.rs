//! Where each attribute of one record's resource comes from, what was sent of it, what is there, and what the next sync
//! would do. Nothing is changed anywhere.

use crate::cycle::Cycle;
use crate::error::ProvisionError;
use crate::event::{Action, Mode, Observer, PlannedRequest};
use crate::origin::{ModuleVersion, Origin};
use crate::prospect::{Prospect, at};
use crate::provisioner::{Provisioner, RunOptions};
use crate::record::Decided;
use crate::rows::{Filled, RowValue};
use crate::tally::Tally;
use crate::wanted::{Wanted, WantedResource};
use crate::whereabouts::{Whereabouts, whereabouts};
use crate::witness::{Witness, Witnessed, plain};
use scimwright_client::Failure;
use scimwright_record::{Record, RecordKey, SourceName};
use scimwright_scim::{AttributePath, Desired, DesiredValue, Resource};
use scimwright_state::{LastChange, Link, LinkScope, Setback, Standing};
use serde::Serialize;
use serde_json::{Map, Value, json};
use std::sync::Arc;

/// One record's resource, explained.
#[derive(Debug, Clone, Serialize)]
pub struct Explanation {
    /// The record.
    pub key: RecordKey,
    /// The provider and the resource type.
    #[serde(flatten)]
    pub scope: LinkScope,
    /// The source.
    pub source: SourceName,
    /// The fields of the record, those of other records that rows and modules name included.
    pub fields: Map<String, Value>,
    /// Why no resource is wanted of it: it is out of scope, or cannot be mapped, or is not in the source any more.
    pub unwanted: Option<String>,
    /// Whether the source has no such record any more. Then there are no fields, and nothing says what is wanted.
    pub left: bool,
    /// Its attributes.
    pub attributes: Vec<ExplainedAttribute>,
    /// The modules that were called, in order.
    pub modules: Vec<Witnessed>,
    /// The provider's id, where the record has a resource.
    pub resource_id: Option<String>,
    /// Whether the resource is at the provider.
    pub there: There,
    /// When the resource was created or adopted, as far as the client log goes back.
    pub made: Option<Change>,
    /// What the next sync would do.
    pub next: NextStep,
}

/// Whether a resource is at the provider.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "state", content = "reason", rename_all = "kebab-case")]
pub enum There {
    /// It was read just now.
    Read,
    /// It was not asked for; what is shown is what was seen last.
    AsLastSeen,
    /// It is gone.
    Gone,
    /// There is no link.
    NoLink,
    /// The provider did not answer as it should; what is shown is what was seen last.
    Unreadable(String),
}

/// One attribute of a resource.
#[derive(Debug, Clone, Serialize)]
pub struct ExplainedAttribute {
    /// Its path.
    pub path: String,
    /// The layers that gave it, or parts of it. None where it is not wanted any more.
    pub layers: Vec<Value>,
    /// What it is to be; absent where nothing is said of it, null where it is to be cleared.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub wanted: Option<Value>,
    /// What was sent last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sent: Option<Value>,
    /// What is at the provider.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seen: Option<Value>,
    /// When it was last written.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_change: Option<Change>,
    /// The records whose resources it waits for.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub waits_for: Vec<String>,
}

/// When something was written, and by which run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Change {
    /// When.
    pub at: String,
    /// The run; none for a call by hand.
    pub run: Option<String>,
    /// What was done.
    pub action: String,
}

/// What the next sync would do about a record.
#[derive(Debug, Clone, Serialize)]
pub struct NextStep {
    /// What.
    pub action: Action,
    /// The attributes that would change.
    pub changes: Vec<String>,
    /// Why.
    pub reason: Option<String>,
    /// The requests that it would send.
    pub requests: Vec<PlannedRequest>,
}

impl From<LastChange> for Change {
    fn from(change: LastChange) -> Self {
        Self {
            at: change.at.to_string(),
            run: change.run.map(|run| run.to_string()),
            action: change.action.to_string(),
        }
    }
}

impl Provisioner {
    /// Explains the resource of one record. `offline` asks the provider nothing: what was seen last stands for what is
    /// there.
    ///
    /// # Errors
    /// [`ProvisionError`] where the source has no such record or cannot be read as far as it, and when the provider or
    /// the state cannot be worked with.
    pub async fn explain(
        &self,
        key: &RecordKey,
        offline: bool,
        observer: &dyn Observer,
    ) -> Result<Explanation, ProvisionError> {
        let (listening, witness) = self.with_witness();
        listening.explain_with(key, offline, observer, &witness).await
    }

    /// The same, with somebody who listens to the calls of its modules.
    pub(crate) fn with_witness(&self) -> (Self, Arc<Witness>) {
        let witness = Arc::new(Witness::before(self.layers.recorder.clone()));
        let mut layers = self.layers.as_ref().clone();
        layers.recorder = Some(witness.clone());
        (Self { layers: Arc::new(layers), ..self.clone() }, witness)
    }

    async fn explain_with(
        &self,
        key: &RecordKey,
        offline: bool,
        observer: &dyn Observer,
        witness: &Witness,
    ) -> Result<Explanation, ProvisionError> {
        let link = self.state.link(&self.scope(), key).await?;
        let record = match (self.record(key).await, &link) {
            (Ok(record), _) => record,
            (Err(ProvisionError::NoSuchRecord { .. }), Some(link)) => {
                return self.explain_leaver(link, offline, observer).await;
            }
            (Err(error), _) => return Err(error),
        };
        let tally = Tally::new(observer, self.scope());
        let options = RunOptions { offline, ..RunOptions::default() };
        let cycle = Cycle::begin(self, Mode::Plan, None, &options, &tally).await?;
        let wide = self.layers.widen(&record).unwrap_or_else(|_| record.clone());
        let wanted = cycle.wanted(record.clone(), link.is_some()).await?;
        let modules = witness.take();
        let (there, seen) = cycle.look_there(link.as_ref(), offline).await?;
        let next = cycle.next_step(record, &self.whereabouts_of(key).await?).await?;
        let (unwanted, wanted) = match wanted {
            Wanted::Resource(wanted) => (None, Some(*wanted)),
            Wanted::Out(reason) => (Some(format!("out of scope: {reason}")), None),
            Wanted::Cannot(reason) => (Some(reason), None),
        };
        let mut changes = self.state.last_changes(&cycle.scope, key).await?;
        let made =
            changes.iter().position(|change| change.path.is_empty()).map(|at| changes.remove(at).into());
        let attributes = self.attributes(&wide, wanted.as_ref(), link.as_ref(), seen.as_ref(), &changes);
        let fields = wide.fields().iter();
        Ok(Explanation {
            key: key.clone(),
            scope: cycle.scope.clone(),
            source: self.source.name().clone(),
            fields: fields.map(|field| (field.name.clone(), plain(&field.value))).collect(),
            unwanted,
            left: false,
            attributes,
            modules,
            resource_id: link.map(|link| link.resource_id),
            there,
            made,
            next,
        })
    }

    /// The resource of a record that the source does not have any more: what was sent of it, what is there, and what
    /// becomes of it.
    async fn explain_leaver(
        &self,
        link: &Link,
        offline: bool,
        observer: &dyn Observer,
    ) -> Result<Explanation, ProvisionError> {
        let (key, scope) = (&link.key, self.scope());
        let tally = Tally::new(observer, scope.clone());
        let options = RunOptions { offline, ..RunOptions::default() };
        let cycle = Cycle::begin(self, Mode::Plan, None, &options, &tally).await?;
        let (there, seen) = cycle.look_there(Some(link), offline).await?;
        let found = self.whereabouts_of(key).await?;
        let source = self.source.name();
        let mut left = format!("source `{source}` has no such record any more");
        if link.standing == Standing::Disabled {
            left = format!("{left}; disabled since {}", at(link.updated_at));
        }
        let action = match found.prospect {
            Some(Prospect::Disable | Prospect::DisableThenDelete { .. }) => Action::Disable,
            Some(Prospect::Delete | Prospect::DeleteByDisabling) => Action::Delete,
            Some(Prospect::StaysDisabled | Prospect::StaysDeleted | Prospect::DeleteFrom(_)) => {
                Action::Unchanged
            }
            _ => Action::Skip,
        };
        let reason = found.what_becomes().trim_start_matches("; ").to_owned();
        let mut changes = self.state.last_changes(&scope, key).await?;
        let made =
            changes.iter().position(|change| change.path.is_empty()).map(|at| changes.remove(at).into());
        let nothing = Record::new(source.clone(), key.clone());
        Ok(Explanation {
            key: key.clone(),
            source: source.clone(),
            fields: Map::new(),
            unwanted: Some(left),
            left: true,
            attributes: self.attributes(&nothing, None, Some(link), seen.as_ref(), &changes),
            modules: Vec::new(),
            resource_id: Some(link.resource_id.clone()),
            there,
            made,
            next: NextStep { action, changes: Vec::new(), reason: Some(reason), requests: Vec::new() },
            scope,
        })
    }

    /// What the state and the source say of a record.
    async fn whereabouts_of(&self, key: &RecordKey) -> Result<Whereabouts, ProvisionError> {
        let configured = (&self.rules, self.source.as_ref());
        whereabouts(&self.state, &self.scope(), Some(configured), None, &[], key).await
    }

    fn attributes(
        &self,
        record: &Record,
        wanted: Option<&WantedResource>,
        link: Option<&Link>,
        seen: Option<&Resource>,
        changes: &[LastChange],
    ) -> Vec<ExplainedAttribute> {
        let none = Desired::new();
        let desired = wanted.map_or(&none, |wanted| &wanted.desired);
        let sent = link.map_or(&none, |link| &link.sent);
        let mut paths: Vec<AttributePath> = Vec::new();
        let unresolved = wanted.map_or(&[][..], |wanted| &wanted.unresolved);
        let all = desired.iter().map(|(path, _)| path).chain(unresolved.iter().map(|link| &link.path));
        for path in all.chain(sent.iter().map(|(path, _)| path)) {
            let path = self.kind.schemas().canonical(path).without_sub();
            if !paths.contains(&path) {
                paths.push(path);
            }
        }
        paths
            .into_iter()
            .map(|path| {
                let waits = unresolved.iter().filter(|link| link.path.same_attribute(&path));
                let written = changes.iter().filter(|change| {
                    change.path.parse::<AttributePath>().is_ok_and(|known| known.same_attribute(&path))
                        || change.path.split('[').next() == Some(path.to_string().as_str())
                });
                ExplainedAttribute {
                    layers: wanted.map(|wanted| self.layers_of(&path, wanted, record)).unwrap_or_default(),
                    wanted: value_in(desired, &path),
                    sent: value_in(sent, &path),
                    seen: seen.and_then(|seen| seen.get(&path)).cloned(),
                    last_change: written.max_by_key(|change| change.at).cloned().map(Change::from),
                    waits_for: waits
                        .map(|waits| format!("{} {}", waits.link.resource_type, waits.link.key))
                        .collect(),
                    path: path.to_string(),
                }
            })
            .collect()
    }

    fn layers_of(&self, path: &AttributePath, wanted: &WantedResource, record: &Record) -> Vec<Value> {
        let origins = wanted.layered.origins.iter().filter(|(known, _)| known.same_attribute(path));
        let mut layers: Vec<Value> = origins.map(|(_, origin)| layer(origin, record)).collect();
        if wanted.members.as_ref().is_some_and(|members| members.same_attribute(path)) {
            let source = self.members.as_ref().map(|source| source.name().clone());
            layers.push(json!({ "layer": "members", "source": source }));
        }
        layers
    }
}

fn value_in(desired: &Desired, path: &AttributePath) -> Option<Value> {
    let mut parts = desired.iter().filter(|(known, _)| known.same_attribute(path));
    parts.next().map(|(_, value)| match value {
        DesiredValue::Set(value) => value.clone(),
        DesiredValue::Clear => Value::Null,
    })
}

fn layer(origin: &Origin, record: &Record) -> Value {
    let module = |kind: &str, module: &ModuleVersion| json!({ "layer": kind, "module": module.name, "version": module.version, "digest": module.digest });
    match origin {
        Origin::Module(version) => module("module", version),
        Origin::Default(version) => module("default", version),
        Origin::Row(row) => {
            let field = |name: &String| record.field(name).map(plain);
            let mut line = json!({ "layer": "row", "row": row.target.to_string() });
            match &row.from {
                RowValue::Field(name) => {
                    line["field"] = name.as_str().into();
                    line["value"] = field(name).unwrap_or_default();
                }
                RowValue::Constant(value) => line["constant"] = value.clone(),
                RowValue::Link { resource_type, field: name } => {
                    line["link"] = resource_type.as_str().into();
                    line["field"] = name.as_str().into();
                    line["value"] = field(name).unwrap_or_default();
                }
                RowValue::Script { module, attribute } => {
                    line["script"] = module.as_str().into();
                    line["attribute"] = attribute.to_string().into();
                }
            }
            if let Some(version) = &row.module {
                line["version"] = version.version.as_str().into();
                line["digest"] = version.digest.as_str().into();
            }
            match row.filled {
                Filled::Default => line["default"] = true.into(),
                Filled::Cleared => line["cleared"] = true.into(),
                Filled::Value | Filled::Nothing => {}
            }
            line
        }
    }
}

impl Cycle<'_> {
    /// How the resource is at the provider.
    async fn look_there(
        &self,
        link: Option<&Link>,
        offline: bool,
    ) -> Result<(There, Option<Resource>), ProvisionError> {
        let Some(link) = link else { return Ok((There::NoLink, None)) };
        if offline {
            return Ok((There::AsLastSeen, Some(link.seen.clone())));
        }
        match self.target.get_by_id(&self.provisioner.kind, &link.resource_id).await {
            Ok(exchange) => Ok((There::Read, Some(exchange.value))),
            Err(error) if matches!(error.kind, Failure::NotFound(_)) => Ok((There::Gone, None)),
            Err(error) => Ok((There::Unreadable(error.to_string()), Some(link.seen.clone()))),
        }
    }

    async fn next_step(&self, record: Record, found: &Whereabouts) -> Result<NextStep, ProvisionError> {
        let step = |action, reason| NextStep { action, changes: Vec::new(), reason, requests: Vec::new() };
        let waiting = |setback: &Setback| {
            let until = setback.next_try.map(|next| format!("; next try {next}")).unwrap_or_default();
            format!("{}{until}", setback.reason)
        };
        let key = record.key().clone();
        let decided = self.decide(record).await?;
        let setback = self.setback_of(&key).await?.filter(|setback| self.waits(setback));
        Ok(match decided {
            Decided::Do(operation, _) => {
                let mut reason = operation.reason.clone();
                let is_protected = self.provisioner.rules.deprovision.protected.contains(&key);
                if operation.wish.deactivate && is_protected {
                    let stays = Prospect::Protected.sentence("sync");
                    reason = Some(format!("the mapping makes it inactive; {stays}"));
                } else if operation.wish.deactivate {
                    let deletes = self.provisioner.rules.deprovision.disabling_deletes;
                    let end = if deletes { ", which deletes it there" } else { "" };
                    reason = Some(format!(
                        "the mapping makes it inactive: it is disabled after everybody else{end}"
                    ));
                } else if let Some(setback) = &setback {
                    reason = Some(format!(
                        "it failed before, and waits unless the record changes: {}",
                        waiting(setback)
                    ));
                }
                NextStep {
                    action: self.as_it_ends(operation.action()),
                    changes: operation.changes.clone(),
                    reason,
                    requests: self.requests_of(&operation),
                }
            }
            Decided::OutOfScope(link, reason, _) => step(
                Action::Skip,
                Some(match link {
                    Some(_) => format!("{reason}{}", found.what_becomes()),
                    None => reason,
                }),
            ),
            Decided::Waits(_, setback) => step(Action::Wait, Some(waiting(&setback))),
            Decided::Cannot(_, trouble, _) => step(Action::Fail, Some(trouble.reason)),
        })
    }
}
