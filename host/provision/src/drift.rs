//! What was changed at a provider behind our back, and how it is brought back.
//!
//! Every resource of the type is read once, in pages, and compared with its link. What a list says is not believed when
//! it says that something is wrong: the resource itself is read before it counts as changed or missing. A value that
//! the provider keeps in another form, and kept so when it was last seen, has not changed.
//!
//! An answer without a body (204) shows nothing, so what was seen is then only what we sent. Where such a value is found in
//! a form that differs from it in case, spaces or punctuation, that is the provider's form and no drift.
//!
//! A repair writes what was sent last, and nothing that changed in the source since: that is a sync's affair. It goes
//! the way of every operation, under the threshold of deprovisioning.

use crate::anew::MadeAnew;
use crate::cycle::Cycle;
use crate::decide;
use crate::error::ProvisionError;
use crate::event::{Action, Event, Mode, Observer, RecordEvent, Summary};
use crate::links;
use crate::operation::{Mark, Operation, Step, Wish};
use crate::provisioner::{Patience, Provisioner, RunOptions};
use crate::rebuild::name_of;
use crate::round::{Peers, in_order};
use crate::stop::StopSignal;
use crate::tally::Tally;
use futures::TryStreamExt;
use scimwright_client::{ClientError, Failure, Query};
use scimwright_record::RecordKey;
use scimwright_scim::{AttributePath, Desired, DesiredValue, Resource, SchemaSet, compare, diff};
use scimwright_state::{Deferred, Link, LinkScope, RunKind, RunOutcome, Standing};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// What is looked for, and what is done about it.
#[derive(Debug, Clone, Default)]
pub struct DriftOptions {
    /// Only the resource of this record, read by itself.
    pub key: Option<RecordKey>,
    /// Brings back what differs.
    pub repair: bool,
    /// Brings it back however much it is.
    pub unlimited: bool,
    /// Ends it early.
    pub stop: StopSignal,
}

/// Something that is not as it was left.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
pub enum DriftFinding {
    /// Somebody deleted the resource.
    Missing {
        /// The record.
        key: RecordKey,
        /// The resource that was there.
        resource_id: String,
    },
    /// Somebody changed the resource, in attributes that we look after.
    Changed {
        /// The record.
        key: RecordKey,
        /// The resource.
        resource_id: String,
        /// What differs.
        attributes: Vec<Drifted>,
        /// What it was made, where somebody made it active or inactive.
        #[serde(skip_serializing_if = "Option::is_none")]
        active: Option<bool>,
    },
    /// No link claims the resource.
    Nobodys {
        /// The resource.
        resource_id: String,
        /// What it is called there.
        name: Option<String>,
    },
}

/// An attribute that somebody changed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Drifted {
    /// Its path.
    pub path: String,
    /// What was sent last; null where it was cleared.
    pub sent: Value,
    /// What is there now; null where there is nothing.
    pub found: Value,
}

/// What came of it for one resource type.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct DriftReport {
    /// Resources at the provider.
    pub resources: u64,
    /// Those that are as they were left.
    pub as_left: u64,
    /// Those that somebody changed.
    pub changed: u64,
    /// Those of them that were made active or inactive.
    pub flipped: u64,
    /// Those that somebody deleted.
    pub missing: u64,
    /// Those that no link claims.
    pub nobodys: u64,
    /// What the repair did.
    pub repair: Option<Summary>,
    /// How many a repair would bring back.
    #[serde(skip)]
    damaged: u64,
}

impl DriftReport {
    /// How many resources are not as they were left.
    #[must_use]
    pub fn drifted(&self) -> u64 {
        self.changed + self.missing
    }

    /// Adds the figures of another resource type.
    pub fn add(&mut self, other: &Self) {
        self.resources += other.resources;
        self.as_left += other.as_left;
        self.changed += other.changed;
        self.flipped += other.flipped;
        self.missing += other.missing;
        self.nobodys += other.nobodys;
        if let Some(repair) = &other.repair {
            self.repaired(repair);
        }
    }

    fn repaired(&mut self, summary: &Summary) {
        self.repair.get_or_insert_with(|| Summary { complete: true, ..Summary::default() }).add(summary);
    }
}

/// Is told of every finding, with the resource type and provider that it is about.
pub type DriftFindings<'a> = &'a (dyn Fn(&LinkScope, &DriftFinding) + Send + Sync);

/// Looks for drift in these resource types of one provider. Each has a result of its own.
pub async fn drift(
    provisioners: &[Provisioner],
    options: &DriftOptions,
    findings: DriftFindings<'_>,
    observer: &dyn Observer,
) -> Vec<(LinkScope, Result<DriftReport, ProvisionError>)> {
    let mut results = Vec::new();
    let mut anew = MadeAnew::default();
    let ordered = in_order(provisioners);
    for provisioner in &ordered {
        let outcome = provisioner.look_for_drift(options, findings, observer, &mut anew).await;
        results.push((provisioner.scope(), outcome));
    }
    for (provisioner, (_, outcome)) in ordered.iter().zip(&mut results) {
        if anew.is_empty() || outcome.is_err() {
            continue;
        }
        let pointed = provisioner.point_anew(&anew, options, observer).await;
        match (pointed, &mut *outcome) {
            (Ok(Some(summary)), Ok(report)) => report.repaired(&summary),
            (Ok(_), _) => {}
            (Err(error), outcome) => *outcome = Err(error),
        }
    }
    results
}

/// What is to be brought back, put aside until everything was looked at.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Damage {
    Missing,
    Changed { found: Resource, paths: Vec<AttributePath> },
}

/// The attributes that we look after and that are neither as we want them nor as they were when we last looked.
pub(crate) fn drifted(link: &Link, found: &Resource, schemas: &SchemaSet) -> Vec<AttributePath> {
    let is_drift = |path: &AttributePath, value: &DesiredValue| {
        let mut alone = Desired::new();
        alone.set(path, value.clone());
        // The order of a list says nothing.
        let writes = |seen: &Resource| {
            let patch = diff(&alone, None, seen, schemas);
            let mut operations: Vec<String> =
                patch.operations.iter().map(|operation| format!("{operation:?}")).collect();
            operations.sort();
            operations
        };
        let now = writes(found);
        if now.is_empty() {
            return false;
        }
        let (then, is) = (there(&link.seen, path), there(found, path));
        let as_before = compare::same_state(&then, &is, schemas.find(path));
        !(as_before && now == writes(&link.seen))
    };
    link.sent.iter().filter(|(path, value)| is_drift(path, value)).map(|(path, _)| path.clone()).collect()
}

/// Whether two values say the same to a person: letters and digits agree, whatever becomes of case, spaces and
/// punctuation. What a list holds may stand in another order.
fn same_but_for_form(sent: &Value, found: &Value) -> bool {
    fn form(value: &Value) -> Value {
        match value {
            Value::String(text) => {
                let bare = text.chars().filter(|letter| letter.is_alphanumeric());
                let bare: String = bare.flat_map(char::to_lowercase).collect();
                // Of nothing but punctuation, every sign counts.
                Value::String(if bare.is_empty() { text.clone() } else { bare })
            }
            Value::Array(items) => {
                let mut items: Vec<Value> = items.iter().map(form).collect();
                items.sort_by_key(ToString::to_string);
                items.into()
            }
            Value::Object(parts) => {
                Value::Object(parts.iter().map(|(name, value)| (name.to_lowercase(), form(value))).collect())
            }
            other => other.clone(),
        }
    }
    let (sent, found) = (form(sent), form(found));
    compare::echoes(&found, &sent, None)
}

/// What the resource was made, where somebody made it active or inactive, whether or not we look after that.
fn flipped(link: &Link, found: &Resource) -> Option<bool> {
    let path = decide::active();
    let is = found.get(&path)?.as_bool()?;
    let sent = link.sent.value(&path).and_then(Value::as_bool);
    // RFC 7643 section 4.1.1 leaves the default open; who was never said to be inactive is active.
    let was = sent.or_else(|| link.seen.get(&path)?.as_bool()).unwrap_or(true);
    (is != was).then_some(is)
}

fn there(resource: &Resource, path: &AttributePath) -> Value {
    resource.get(path).cloned().unwrap_or(Value::Null)
}

/// The link as it has to be for the next comparison: what was found counts as seen, and what drifted as never sent.
pub(crate) fn seen_as(link: &Link, found: Resource, paths: &[AttributePath]) -> Link {
    let mut sent = link.sent.clone();
    for path in paths {
        sent.remove(path);
    }
    Link { version: found.version().map(str::to_owned), seen: found, sent, ..link.clone() }
}

impl Provisioner {
    async fn look_for_drift(
        &self,
        options: &DriftOptions,
        findings: DriftFindings<'_>,
        observer: &dyn Observer,
        anew: &mut MadeAnew,
    ) -> Result<DriftReport, ProvisionError> {
        let mode = if options.repair { Mode::Sync } else { Mode::Plan };
        self.check_address(mode).await?;
        if options.repair {
            self.layers.available().map_err(ProvisionError::ModuleUnavailable)?;
        }
        let scope = self.scope();
        let run = match options.repair {
            true => Some(self.state.begin_run(RunKind::Drift, &scope).await?),
            false => None,
        };
        let tally = Tally::new(observer, scope);
        let run_options =
            RunOptions { patience: Patience::TryNow, stop: options.stop.clone(), ..RunOptions::default() };
        let outcome = async {
            let cycle = Cycle::begin(self, mode, run, &run_options, &tally).await?;
            let mut report = DriftReport::default();
            match &options.key {
                Some(key) => cycle.look_at_one(key, &mut report, findings).await?,
                None => cycle.look_at_all(&mut report, findings).await?,
            }
            if options.repair {
                cycle.repair(&report, options, anew).await?;
            }
            Ok(report)
        };
        let outcome: Result<DriftReport, ProvisionError> = outcome.await;
        let summary = tally.summary();
        if let Some(run) = run {
            let ended = match &outcome {
                Ok(_) => RunOutcome::Completed,
                Err(ProvisionError::Stopped) => RunOutcome::Stopped,
                Err(_) => RunOutcome::Failed,
            };
            let closed = self.close(run, ended, &summary).await;
            return outcome
                .and_then(|report| closed.map(|()| DriftReport { repair: Some(summary), ..report }));
        }
        outcome
    }
}

impl Cycle<'_> {
    async fn look_at_all(
        &self,
        report: &mut DriftReport,
        findings: DriftFindings<'_>,
    ) -> Result<(), ProvisionError> {
        let (state, kind) = (&self.provisioner.state, &self.provisioner.kind);
        // A list that breaks off is an error, and nothing follows from it.
        let mut pages = self.target.get_pages(kind, Query::default());
        while let Some(page) = pages.try_next().await? {
            self.go_on()?;
            for resource in page.value {
                report.resources += 1;
                let Some(id) = resource.id_text() else { continue };
                let Some(link) = state.link_by_resource(&self.scope, &id).await? else {
                    report.nobodys += 1;
                    let name = name_of(&resource);
                    findings(&self.scope, &DriftFinding::Nobodys { resource_id: id, name });
                    continue;
                };
                self.pass.note(&link.key, "the provider").await?;
                let untouched = drifted(&link, &resource, kind.schemas()).is_empty();
                match untouched && flipped(&link, &resource).is_none() {
                    true => report.as_left += 1,
                    false => self.look_closely(link, report, findings).await?,
                }
            }
        }
        let mut unseen = self.pass.leavers(true);
        while let Some(leaver) = unseen.try_next().await? {
            self.go_on()?;
            self.look_closely(leaver.link, report, findings).await?;
        }
        Ok(())
    }

    async fn look_at_one(
        &self,
        key: &RecordKey,
        report: &mut DriftReport,
        findings: DriftFindings<'_>,
    ) -> Result<(), ProvisionError> {
        let Some(link) = self.provisioner.state.link(&self.scope, key).await? else { return Ok(()) };
        report.resources += 1;
        self.look_closely(link, report, findings).await
    }

    /// Reads a resource by itself, and puts aside what has to be brought back.
    async fn look_closely(
        &self,
        link: Link,
        report: &mut DriftReport,
        findings: DriftFindings<'_>,
    ) -> Result<(), ProvisionError> {
        let (key, resource_id) = (link.key.clone(), link.resource_id.clone());
        let Some(found) = self.read_resource(&link.resource_id).await? else {
            report.missing += 1;
            report.damaged += 1;
            findings(&self.scope, &DriftFinding::Missing { key, resource_id });
            return self.put_aside(&link.key, &Damage::Missing).await;
        };
        let mut paths = drifted(&link, &found, self.provisioner.kind.schemas());
        let unseen = self.unseen(&link, &paths).await?;
        paths.retain(|path| {
            !(unseen.contains(path)
                && link.sent.value(path).is_some_and(|sent| same_but_for_form(sent, &there(&found, path))))
        });
        let active = flipped(&link, &found);
        if paths.is_empty() && active.is_none() {
            report.as_left += 1;
            return Ok(());
        }
        let attributes: Vec<Drifted> = paths
            .iter()
            .map(|path| Drifted {
                path: path.to_string(),
                sent: link.sent.value(path).cloned().unwrap_or(Value::Null),
                found: there(&found, path),
            })
            .collect();
        report.changed += 1;
        report.flipped += u64::from(active.is_some());
        findings(&self.scope, &DriftFinding::Changed { key, resource_id, attributes, active });
        // Whoever locks an account there has a reason. Unless we say what it is to be, it is not ours to unlock.
        if paths.is_empty() {
            return Ok(());
        }
        report.damaged += 1;
        self.put_aside(&link.key, &Damage::Changed { found, paths }).await
    }

    /// Those of these attributes that no answer ever showed as they were written last: the answer had no body, and what
    /// counts as seen is what we sent.
    async fn unseen(
        &self,
        link: &Link,
        paths: &[AttributePath],
    ) -> Result<Vec<AttributePath>, ProvisionError> {
        if paths.is_empty() {
            return Ok(Vec::new());
        }
        let schemas = self.provisioner.kind.schemas();
        let changes = self.provisioner.state.last_changes(&self.scope, &link.key).await?;
        let was_answered_empty = |path: &AttributePath| {
            let written = changes.iter().filter(|change| {
                let plain = change.path.split('[').next().unwrap_or_default();
                plain
                    .parse::<AttributePath>()
                    .is_ok_and(|known| schemas.canonical(&known).same_attribute(path))
            });
            written.max_by_key(|change| change.at).is_some_and(|change| change.http_status == Some(204))
        };
        let is_as_sent = |path: &AttributePath| {
            let sent = link.sent.value(path).cloned().unwrap_or(Value::Null);
            compare::echoes(&there(&link.seen, path), &sent, schemas.find(path))
        };
        let unseen = paths.iter().filter(|path| was_answered_empty(path) && is_as_sent(path));
        Ok(unseen.cloned().collect())
    }

    async fn put_aside(&self, key: &RecordKey, damage: &Damage) -> Result<(), ProvisionError> {
        let damage =
            serde_json::to_value(damage).map_err(|error| ProvisionError::Scratch(error.to_string()))?;
        Ok(self.pass.defer(key, &damage).await?)
    }

    /// The resource with this id; none where there is none.
    pub(crate) async fn read_resource(&self, id: &str) -> Result<Option<Resource>, ClientError> {
        match self.target.get_by_id(&self.provisioner.kind, id).await {
            Ok(exchange) => Ok(Some(exchange.value)),
            Err(error) if matches!(error.kind, Failure::NotFound(_)) => Ok(None),
            Err(error) => Err(error),
        }
    }

    async fn repair(
        &self,
        report: &DriftReport,
        options: &DriftOptions,
        anew: &mut MadeAnew,
    ) -> Result<(), ProvisionError> {
        let threshold = &self.provisioner.rules.deprovision.threshold;
        let links = self.provisioner.state.count_links(&self.scope, None).await?;
        let (damaged, allowed) = (report.damaged, threshold.allowed(links));
        if damaged > allowed && !options.unlimited && options.key.is_none() {
            let reason = format!(
                "{damaged} of {links} resources are not as they were left, and max_deprovision = {threshold} allows \
                 {allowed}; if they are to be brought back, run `scimwright drift --repair --yes`"
            );
            self.tally.held(damaged);
            self.tally.emit(Event::Held { candidates: damaged, reason });
            return Ok(());
        }
        // What is put off by a repair belongs to a pass of its own, so that neither is taken for the other.
        let mut lost = Vec::new();
        let mut damages = self.pass.deferred();
        while let Some(Deferred { key, work }) = damages.try_next().await? {
            self.go_on()?;
            let damage =
                serde_json::from_value(work).map_err(|error| ProvisionError::Scratch(error.to_string()))?;
            match damage {
                Damage::Missing => lost.push(key),
                Damage::Changed { found, paths } => self.bring_back(&key, found, &paths, anew).await?,
            }
        }
        if !lost.is_empty() {
            self.make_anew(lost, anew).await?;
        }
        Ok(())
    }

    /// Writes what was sent last once more, as far as it is not there.
    pub(crate) async fn bring_back(
        &self,
        key: &RecordKey,
        found: Resource,
        paths: &[AttributePath],
        anew: &MadeAnew,
    ) -> Result<(), ProvisionError> {
        let Some(run) = &self.run else { return Ok(()) };
        let Some(link) = self.provisioner.state.link(&self.scope, key).await? else { return Ok(()) };
        let (desired, _) = anew.pointing(&link.sent, self.provisioner.kind.schemas());
        let mark = Mark { fingerprint: link.fingerprint.clone(), due_at: link.due_at };
        let wish = Wish { desired: desired.clone(), mark, ..Wish::default() };
        let known = Box::new(seen_as(&link, found.clone(), paths));
        let operation = Operation {
            key: key.clone(),
            step: match link.standing {
                Standing::Active => Step::Update(known),
                Standing::Disabled => Step::Disable(known),
            },
            desired,
            changes: paths.iter().map(ToString::to_string).collect(),
            reason: None,
            wish,
        };
        self.carry_out(run, operation).await?;
        self.pass_on_notices();
        self.look_at_repaired(key, &found, paths).await
    }

    /// Looks at what was written where the answer did not show it, so that a form of the provider's own is named once and
    /// not for ever. What is still as it was before the repair is not taken for that.
    async fn look_at_repaired(
        &self,
        key: &RecordKey,
        before: &Resource,
        paths: &[AttributePath],
    ) -> Result<(), ProvisionError> {
        let Some(link) = self.provisioner.state.link(&self.scope, key).await? else { return Ok(()) };
        if self.unseen(&link, paths).await?.is_empty() {
            return Ok(());
        }
        let Some(found) = self.read_resource(&link.resource_id).await? else { return Ok(()) };
        let schemas = self.provisioner.kind.schemas();
        let is_as_before = |path: &AttributePath| {
            compare::same_state(&there(before, path), &there(&found, path), schemas.find(path))
        };
        if paths.iter().any(is_as_before) {
            self.note(key, "was written, answered with success, and is still as it was".to_owned());
            return Ok(());
        }
        let seen = Link { version: found.version().map(str::to_owned), seen: found, ..link };
        Ok(self.provisioner.state.put_link(&self.scope, &seen).await?)
    }

    /// Makes resources anew that somebody deleted, for records that are still there and in scope.
    async fn make_anew(&self, lost: Vec<RecordKey>, anew: &mut MadeAnew) -> Result<(), ProvisionError> {
        let options =
            RunOptions { patience: Patience::TryNow, stop: self.stop.clone(), ..RunOptions::default() };
        let cycle = Cycle::begin(self.provisioner, Mode::Sync, self.run, &options, self.tally).await?;
        for key in lost {
            self.go_on()?;
            let forgotten = self.provisioner.state.link(&self.scope, &key).await?;
            let former = forgotten.as_ref().map(|link| link.resource_id.clone());
            links::forget_as(
                &self.provisioner.state,
                &self.scope,
                &key,
                self.run,
                "somebody deleted it there",
            )
            .await?;
            let outcome = match self.provisioner.record(&key).await {
                Ok(_) if forgotten.is_some_and(|link| link.standing == Standing::Disabled) => {
                    Err("it was disabled, and somebody deleted it there".to_owned())
                }
                Ok(record) => Ok(record),
                Err(error @ ProvisionError::NoSuchRecord { .. }) => {
                    Err(format!("somebody deleted it there, and it is not made anew: {error}"))
                }
                Err(error @ ProvisionError::UnusableRecord { .. }) => Err(error.to_string()),
                Err(error) => return Err(error),
            };
            match outcome {
                Ok(record) => {
                    cycle.treat_one(record).await?;
                    let made = self.provisioner.state.link(&self.scope, &key).await?;
                    if let (Some(former), Some(made)) = (former, made) {
                        anew.note(former, made.resource_id);
                    }
                }
                Err(reason) => self.settled(RecordEvent {
                    key,
                    action: Action::Skip,
                    resource_id: None,
                    changes: Vec::new(),
                    reason: Some(reason),
                    requests: Vec::new(),
                }),
            }
        }
        cycle.fill_in_references(&Peers::none()).await
    }

    /// Takes what a resource is now for what was last seen of it, so that whatever differs is put right.
    pub(crate) async fn see_again(&self, key: &RecordKey) -> Result<(), ProvisionError> {
        let state = &self.provisioner.state;
        let Some(link) = state.link(&self.scope, key).await? else { return Ok(()) };
        match self.read_resource(&link.resource_id).await? {
            Some(found) => {
                let paths = drifted(&link, &found, self.provisioner.kind.schemas());
                let again = Link { fingerprint: None, ..seen_as(&link, found, &paths) };
                state.put_link(&self.scope, &again).await?;
            }
            None => {
                let message = format!(
                    "resource {} is not at the provider any more; somebody deleted it there. It is looked for again",
                    link.resource_id
                );
                links::forget_as(state, &self.scope, key, self.run, "somebody deleted it there").await?;
                self.note(key, message);
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use scimwright_scim::builtin;
    use scimwright_state::{Ownership, RunId};
    use serde_json::json;

    fn drift(sent: Value, seen: Value, found: Value) -> Vec<String> {
        let resource = |value| Resource::from_value(value).unwrap();
        let key = RecordKey::parse("E1").unwrap();
        let sent: Desired = serde_json::from_value(sent).unwrap();
        let link =
            links::found(key, "r1".into(), Ownership::Created, resource(seen), sent, RunId::generate());
        let paths = drifted(&link, &resource(found), &builtin::user_schema_set());
        paths.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn what_the_provider_keeps_in_another_form_is_no_drift_and_what_somebody_changed_is() {
        let (sent, seen) = (json!({ "userName": "JDoe" }), json!({ "userName": "jdoe" }));
        assert_eq!(drift(sent.clone(), seen.clone(), json!({ "userName": "jdoe" })), [""; 0]);
        assert_eq!(drift(sent.clone(), seen.clone(), json!({ "userName": "other" })), ["userName"]);
        // Somebody made it what we wanted all along.
        assert_eq!(drift(sent, seen, json!({ "userName": "JDoe" })), [""; 0]);
    }

    #[test]
    fn another_form_is_another_case_other_spaces_or_punctuation_and_nothing_else() {
        let same = |sent: Value, found: Value| same_but_for_form(&sent, &found);
        assert!(same(json!("Zoe.New@X.example"), json!("zoe.new@x.example")));
        assert!(same(json!("+49 (30) 1234"), json!("+49301234")));
        assert!(same(
            json!([{ "value": "B" }, { "value": "A" }]),
            json!([{ "Value": "a", "$ref": "x" }, { "value": "b" }])
        ));
        assert!(!same(json!("zoe"), json!("zoey")));
        assert!(!same(json!("zoe"), json!(null)));
        assert!(!same(json!("-"), json!("")) && !same(json!("-"), json!(null)));
        assert!(!same(json!([{ "value": "a" }]), json!([{ "value": "a" }, { "value": "b" }])));
        assert!(!same(json!(true), json!(false)));
    }

    #[test]
    fn what_we_do_not_look_after_is_nobodys_business_and_the_order_of_a_list_says_nothing() {
        let sent =
            json!({ "emails": [{ "value": "a@x.example" }, { "value": "b@x.example" }], "nickName": null });
        let seen = json!({ "emails": [{ "value": "a@x.example" }, { "value": "b@x.example" }] });
        let turned = json!({
            "title": "by hand", "emails": [{ "value": "b@x.example", "display": "B" }, { "value": "a@x.example" }],
        });
        assert_eq!(drift(sent.clone(), seen.clone(), turned), [""; 0]);
        let worse = json!({ "nickName": "by hand", "emails": [{ "value": "a@x.example" }] });
        let mut found = drift(sent, seen, worse);
        found.sort();
        assert_eq!(found, ["emails", "nickName"]);
    }
}
