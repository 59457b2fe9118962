//! A record on its way to an operation: mapped, its links resolved, compared with what is known of its resource.
//!
//! Nothing here changes anything at the provider, or in what is remembered.

use crate::cycle::Cycle;
use crate::decide::{self, Decision};
use crate::digest::Parts;
use crate::error::ProvisionError;
use crate::event::Mode;
use crate::layers::{Layers, Mapped, Recall};
use crate::matching::Claim;
use crate::members::Joined;
use crate::one::Existing;
use crate::operation::{Mark, Operation, Step, Waiting, Wish};
use crate::provisioner::Reach;
use crate::scope::Standpoint;
use crate::setback::Trouble;
use crate::target::RowTarget;
use jiff::Timestamp;
use scimwright_client::{Found, Known};
use scimwright_mapping::{
    AttributeMap, CallContext, Operation as Occasion, Outcome, RecordLink, UnresolvedLink,
};
use scimwright_record::{Record, RecordKey};
use scimwright_scim::{AttributeName, AttributePath, Desired, DesiredValue, Resource};
use scimwright_state::{Link, LinkScope, Setback, SetbackKind};
use serde_json::{Value, json};
use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Instant;

/// What deciding came to for one record.
pub(crate) enum Decided<'c> {
    /// This is to be done. What the record is found by stays claimed until it is.
    Do(Box<Operation>, Option<Claim<'c>>),
    /// It does not concern the provider: it is out of scope, for this reason, and until then where that is known.
    OutOfScope(Option<Link>, String, Option<Timestamp>),
    /// It waits for another try until then.
    Waits(Option<Link>, Setback),
    /// It cannot be done. With the fingerprint of the record, so that it is known again.
    Cannot(Option<Link>, Trouble, Option<String>),
}

/// A record that can be mapped, with everything that is known of it.
pub(crate) struct Prepared {
    pub(crate) record: Record,
    has_link: bool,
    link: Option<Link>,
    setback: Option<Setback>,
    joined: Option<Joined>,
    due_at: Option<Timestamp>,
    recall: Recall,
}

impl Prepared {
    /// A record that is mapped whatever is known of it.
    pub(crate) fn unknown(record: Record, has_link: bool) -> Self {
        let recall = Recall::default();
        Self { record, has_link, link: None, setback: None, joined: None, due_at: None, recall }
    }
}

/// What is known before a record is mapped.
pub(crate) enum Outlook<'c> {
    /// It has to be mapped.
    Map(Box<Prepared>),
    /// It need not be.
    Decided(Box<Decided<'c>>),
}

impl<'a> Cycle<'a> {
    /// Decides what a record needs.
    pub(crate) async fn decide(&self, record: Record) -> Result<Decided<'_>, ProvisionError> {
        let link = self.provisioner.state.link(&self.scope, record.key()).await?;
        match self.prepare(record, link).await? {
            Outlook::Decided(decided) => Ok(*decided),
            Outlook::Map(prepared) => match self.map_all(vec![*prepared]).await?.pop() {
                Some((prepared, mapped)) => self.conclude(prepared, mapped).await,
                None => Err(ProvisionError::Worker("a record got lost on the way".to_owned())),
            },
        }
    }

    /// Looks at all that decides about a record before it is mapped.
    pub(crate) async fn prepare(
        &self,
        record: Record,
        link: Option<Link>,
    ) -> Result<Outlook<'_>, ProvisionError> {
        let decided = |decided| Ok(Outlook::Decided(Box::new(decided)));
        let key = record.key().clone();
        let setback = self.setback_of(&key).await?;
        self.absent.see(&record);
        let standpoint = match self.provisioner.rules.scope.look(&record, self.began) {
            Ok(standpoint) => standpoint,
            Err(reason) => {
                return decided(self.unmappable(&record, link, setback, Trouble::permanent(reason)));
            }
        };
        self.trace("scope", || match &standpoint {
            Standpoint::In { until } => {
                json!({ "in_scope": true, "until": until.map(|until| until.to_string()) })
            }
            Standpoint::Out { reason, .. } => json!({ "in_scope": false, "reason": reason }),
        });
        let until = match standpoint {
            Standpoint::In { until } => until,
            Standpoint::Out { reason, until } => return decided(Decided::OutOfScope(link, reason, until)),
        };
        let joined = match self.joined(&key).await? {
            Ok(joined) => joined,
            Err(trouble) => return decided(self.unmappable(&record, link, setback, trouble)),
        };
        let due_at = [until, joined.as_ref().and_then(|joined| joined.until)].into_iter().flatten().min();
        let recall = self.recall(link.as_ref(), setback.as_ref(), joined.as_ref());
        Ok(Outlook::Map(Box::new(Prepared {
            record,
            has_link: link.is_some(),
            link,
            setback,
            joined,
            due_at,
            recall,
        })))
    }

    /// What becomes of a record that cannot even be mapped: it waits for its time like any other, unless it changed or
    /// the configuration did.
    fn unmappable(
        &self,
        record: &Record,
        link: Option<Link>,
        setback: Option<Setback>,
        trouble: Trouble,
    ) -> Decided<'_> {
        let mut parts = Parts::default();
        parts.take(&self.provisioner.recipe);
        parts.take(&trouble.reason);
        parts.take_fields(record);
        let identity = Some(parts.hex());
        let as_before =
            setback.filter(|setback| setback.kind.is_failure() && setback.fingerprint == identity);
        match as_before.filter(|setback| self.waits(setback)) {
            Some(setback) => Decided::Waits(link, setback),
            None => Decided::Cannot(link, trouble, identity),
        }
    }

    /// Decides about a record that was mapped.
    pub(crate) async fn conclude(
        &self,
        prepared: Prepared,
        mapped: Mapped,
    ) -> Result<Decided<'_>, ProvisionError> {
        let Prepared { record, link, setback, joined, due_at, .. } = prepared;
        let key = record.key().clone();
        let Mapped { fingerprint, identity, result } = mapped;
        self.trace_modules();
        let layered = match result {
            Ok(Some(layered)) => layered,
            Ok(None) => {
                return Ok(match (link, setback) {
                    (link, Some(setback)) if self.waits(&setback) => Decided::Waits(link, setback),
                    (Some(link), _) => Decided::Do(Box::new(unchanged(link)), None),
                    (None, _) => {
                        let reason = "it changed while it was being looked at".to_owned();
                        Decided::Cannot(None, Trouble::temporary(reason), None)
                    }
                });
            }
            Err(error) => {
                // Nothing is wrong with the record, and the next one would fare no better.
                if let Some(unavailable) = error.unavailable() {
                    self.halt.request();
                    return Err(ProvisionError::ModuleUnavailable(unavailable));
                }
                return Ok(Decided::Cannot(link, Trouble::permanent(error.to_string()), identity));
            }
        };
        let mut attributes = match layered.outcome {
            Outcome::Provision(attributes) => attributes,
            Outcome::Skip(reason) => return Ok(Decided::OutOfScope(link, reason, None)),
        };
        let mut additive = None;
        if let Some(joined) = joined {
            additive = joined.additive();
            joined.put(&mut attributes);
        }
        let (desired, unresolved) = self.resolve(&attributes).await?;
        self.trace("wanted", || {
            let waits = unresolved
                .iter()
                .map(|link| format!("{} {} ({})", link.link.resource_type, link.link.key, link.path));
            json!({ "attributes": desired, "waits_for": waits.collect::<Vec<_>>() })
        });
        self.trace_known(link.as_ref());
        let create_only = layered.create_only;
        // What an existing resource keeps waits for nobody.
        let unresolved: Vec<_> = match &link {
            Some(_) => unresolved.into_iter().filter(|link| !is_kept(link, &create_only)).collect(),
            None => unresolved,
        };
        let mut waiting = waiting(&attributes, &unresolved, &create_only, fingerprint.as_ref());
        if let Some(waiting) = &mut waiting {
            waiting.additive = additive.as_ref().map(ToString::to_string);
        }
        // One that waits for others is cleared, or written again, once they were looked for.
        let is_open = setback.as_ref().is_some_and(|setback| setback.kind == SetbackKind::OpenReference);
        let wish = Wish {
            had_setback: setback.is_some() && !(is_open && waiting.is_some()),
            waiting,
            additive,
            desired,
            create_only,
            unresolved,
            mark: Mark { fingerprint, due_at },
            identity,
            deactivate: false,
        };
        match link {
            Some(link) if self.existing == Existing::Refuse => {
                let reason = format!(
                    "the record has resource {} at `{}` already; `scimwright provision` would bring it up to date",
                    link.resource_id, self.provisioner.provider
                );
                Ok(Decided::Cannot(Some(link), Trouble::permanent(reason), None))
            }
            Some(link) => Ok(Decided::Do(Box::new(self.decide_linked(link, wish).await?), None)),
            None => self.decide_unlinked(key, wish).await,
        }
    }

    /// Decides for a record whose resource is known.
    async fn decide_linked(&self, mut link: Link, mut wish: Wish) -> Result<Operation, ProvisionError> {
        let mut desired = self.sparing_strangers(&wish, &link.seen).await?;
        // Whoever is spared has to be there: one who is not would be put in, and one who came since would be lost.
        if (wish.additive.is_some() || desired != wish.desired) && self.would_change(&link, &desired) {
            link.seen = self.look(&link).await?;
            desired = self.sparing_strangers(&wish, &link.seen).await?;
        }
        let desired = self.left_as_seen(desired, &wish.create_only, &link.seen);
        let mut desired = decide::reactivated(&link, desired);
        wish.deactivate = decide::postpone_deactivation(&mut desired, Some(&link.sent), &link.seen);
        let (desired, unwritable) = self.provisioner.kind.reconcile(desired, &known(&link));
        for wish in unwritable {
            self.note(&link.key, wish.to_string());
        }
        let (key, decision) =
            (link.key.clone(), decide::for_link(&link, &desired, self.provisioner.kind.schemas()));
        let link = Box::new(link);
        let (step, changes) = match decision {
            Decision::Nothing => (Step::Nothing(link), Vec::new()),
            Decision::Remember => (Step::Remember(link), Vec::new()),
            Decision::Change(changes) => (Step::Update(link), changes),
        };
        Ok(Operation { key, step, desired, changes, reason: None, wish })
    }

    /// Whether there is anything to write.
    pub(crate) fn would_change(&self, link: &Link, desired: &Desired) -> bool {
        let decision = decide::for_link(link, desired, self.provisioner.kind.schemas());
        matches!(decision, Decision::Change(_))
    }

    /// The resource as it is now. Where it cannot be read, as it was seen: the change will meet the same reason and
    /// say so.
    pub(crate) async fn look(&self, link: &Link) -> Result<Resource, ProvisionError> {
        if self.offline {
            return Ok(link.seen.clone());
        }
        match self.target.look(&self.provisioner.kind, &known(link)).await {
            Ok(seen) => Ok(seen),
            Err(error) => self.provider_failed(error).map(|_| link.seen.clone()),
        }
    }

    /// Decides for a record without a link: somebody may have made its resource before.
    pub(crate) async fn decide_unlinked(
        &self,
        key: RecordKey,
        wish: Wish,
    ) -> Result<Decided<'_>, ProvisionError> {
        let rules = &self.provisioner.rules;
        // A plan notes for good what its resources are found by, in the order of the source.
        let claimed = match self.mode {
            Mode::Plan => Ok(None),
            Mode::Sync | Mode::Apply => self.claims.claim(&key, &rules.matching, &wish.desired).map(Some),
        };
        let claim = match claimed {
            Ok(claim) => claim,
            Err(contested) => {
                let reason = format!(
                    "record {} has the same {} and is being provisioned; two records claim one resource",
                    contested.by, contested.match_key
                );
                return Ok(Decided::Cannot(None, Trouble::permanent(reason), wish.identity));
            }
        };
        if self.began_empty {
            return Ok(Decided::Do(Box::new(creation(key, wish)), claim));
        }
        if self.offline {
            let reason = format!(
                "`{}` was not asked: a resource there that matches would be adopted in place of this",
                self.provisioner.provider
            );
            return Ok(Decided::Do(
                Box::new(Operation { reason: Some(reason), ..creation(key, wish) }),
                claim,
            ));
        }
        let identity = wish.identity.clone();
        let found = self.target.find(&self.provisioner.kind, &rules.matching, &wish.desired).await;
        let operation = match found {
            Ok(Found::One(resource)) if self.existing == Existing::Refuse => {
                Err(Trouble::permanent(self.exists(&resource)))
            }
            Ok(Found::One(resource)) => self.decide_adoption(key, *resource, wish).await?,
            Ok(Found::None) => Ok(creation(key, wish)),
            Ok(Found::NothingToMatchBy) if !self.unsettled.contains(&key) => Ok(creation(key, wish)),
            Ok(unclear) => Err(Trouble::permanent(self.cannot_match(&unclear))),
            Err(error) => Err(self.provider_failed(error)?),
        };
        Ok(match operation {
            Ok(operation) => Decided::Do(Box::new(operation), claim),
            Err(trouble) => Decided::Cannot(None, trouble, identity),
        })
    }

    /// Decides for a resource that was there before.
    pub(crate) async fn decide_adoption(
        &self,
        key: RecordKey,
        resource: Resource,
        mut wish: Wish,
    ) -> Result<Result<Operation, Trouble>, ProvisionError> {
        let Some(id) = resource.id_text() else {
            let reason = "the provider returned a matching resource without an id".to_owned();
            return Ok(Err(Trouble::permanent(reason)));
        };
        if let Some(reason) = self.owner(&id).await? {
            return Ok(Err(Trouble::permanent(reason)));
        }
        // What an earlier run of ours began to create is ours, not adopted.
        let ours = self.unsettled.contains(&key);
        if !ours && !self.provisioner.rules.adopt {
            let reason = format!(
                "resource {id} at `{}` matches this record, and adopt = false; `scimwright links adopt` takes it over",
                self.provisioner.provider
            );
            return Ok(Err(Trouble::permanent(reason)));
        }
        let desired = self.sparing_strangers(&wish, &resource).await?;
        let desired = self.left_as_seen(desired, &wish.create_only, &resource);
        let mut desired = self.provisioner.kind.revived(desired, &resource);
        wish.deactivate = decide::postpone_deactivation(&mut desired, None, &resource);
        let change = decide::for_adoption(&resource, &desired, self.provisioner.kind.schemas());
        let step = Step::Adopt { resource: Box::new(resource), ours };
        Ok(Ok(Operation { key, step, desired, changes: change.unwrap_or_default(), reason: None, wish }))
    }

    /// Runs the layers over these records, on as many threads as there are cores, where waiting hurts nobody. The order
    /// stays.
    pub(crate) async fn map_all(
        &self,
        prepared: Vec<Prepared>,
    ) -> Result<Vec<(Prepared, Mapped)>, ProvisionError> {
        let layers = &self.provisioner.layers;
        if layers.columns {
            for (module, field) in
                prepared.iter().flat_map(|prepared| layers.missing_fields(&prepared.record))
            {
                self.note_once(format!(
                    "module `{module}` reads the field `{field}`, which source `{}` does not have; to the module it \
                     is empty",
                    self.provisioner.source.name()
                ));
            }
        }
        let began = Instant::now();
        let mapped = match layers.are_rows_only() {
            // Quicker than any other thread could be asked.
            true => prepared.into_iter().map(|prepared| self.course().map(prepared)).collect(),
            false => self.map_on_all_cores(prepared).await?,
        };
        self.tally.mapped(began.elapsed());
        Ok(mapped)
    }

    async fn map_on_all_cores(
        &self,
        prepared: Vec<Prepared>,
    ) -> Result<Vec<(Prepared, Mapped)>, ProvisionError> {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let share = prepared.len().div_ceil(cores).max(1);
        let mut left = prepared.into_iter();
        let mut shares = Vec::with_capacity(cores);
        loop {
            let share: Vec<Prepared> = left.by_ref().take(share).collect();
            if share.is_empty() {
                break;
            }
            let course = self.course();
            shares.push(tokio::task::spawn_blocking(move || {
                share.into_iter().map(|prepared| course.map(prepared)).collect::<Vec<_>>()
            }));
        }
        let mut mapped = Vec::new();
        for share in shares {
            mapped.extend(share.await.map_err(|error| ProvisionError::Worker(error.to_string()))?);
        }
        Ok(mapped)
    }

    /// What every record of the run is told.
    fn course(&self) -> Course {
        Course {
            layers: Arc::clone(&self.provisioner.layers),
            mode: self.mode,
            context: CallContext {
                tenant: self.provisioner.tenant.clone(),
                provider: self.provisioner.provider.clone(),
                resource_type: self.provisioner.rules.resource_type.clone(),
                operation: Occasion::Preview,
                now: self.now.clone(),
            },
        }
    }

    /// What is known of a record from the time before, so that one that needs nothing need not be mapped.
    fn recall(&self, link: Option<&Link>, setback: Option<&Setback>, joined: Option<&Joined>) -> Recall {
        let linked = link
            .filter(|link| link.due_at.is_none_or(|due| due > self.began))
            .filter(|_| self.reach() == Reach::Changed && setback.is_none())
            .and_then(|link| link.fingerprint.clone());
        let failed = setback
            .filter(|setback| setback.kind.is_failure() && self.waits(setback))
            .and_then(|setback| setback.fingerprint.clone());
        let mut salt = self.provisioner.recipe.clone();
        if let Some(joined) = joined {
            salt.push_str(&joined.digest());
        }
        Recall { linked, failed, salt }
    }

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
        wish: &Wish,
        seen: &Resource,
    ) -> Result<Desired, ProvisionError> {
        let mut desired = wish.desired.clone();
        if let Some(path) = &wish.additive {
            keep_everybody(&mut desired, path, seen);
        }
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
            for item in there {
                let Some(id) = id_in(item).filter(|id| !known.contains(id)) else { continue };
                if self.provisioner.state.link_by_resource(&scope, &id).await?.is_none() {
                    wanted.push(by_id(&id));
                }
            }
            desired.set(&path, DesiredValue::Set(Value::Array(wanted)));
            done.push(path);
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

    pub(crate) fn exists(&self, resource: &Resource) -> String {
        format!(
            "resource {} at `{}` matches this record already; `scimwright provision` would take it over",
            resource.id_text().unwrap_or_default(),
            self.provisioner.provider
        )
    }

    pub(crate) fn cannot_match(&self, found: &Found) -> String {
        match found {
            Found::NothingToMatchBy => {
                "an earlier run may have created this resource and lost the answer, and \
                 the mapping gives none of the attributes in `match` to look for it by; add one"
                    .to_owned()
            }
            found => format!("`{}`: {found}", self.provisioner.provider),
        }
    }

    /// Why a resource cannot be this record's, where it is another's.
    pub(crate) async fn owner(&self, id: &str) -> Result<Option<String>, ProvisionError> {
        let Some(owner) = self.provisioner.state.link_by_resource(&self.scope, id).await? else {
            return Ok(None);
        };
        self.contest(&owner.key);
        Ok(Some(format!(
            "resource {id} at `{}` matches this record, but belongs to record {} already; if that is the same person \
             under an older key, give the record its older key back",
            self.provisioner.provider, owner.key
        )))
    }
}

/// The layers, and what they are told besides the record.
struct Course {
    layers: Arc<Layers>,
    context: CallContext,
    mode: Mode,
}

impl Course {
    fn map(&self, prepared: Prepared) -> (Prepared, Mapped) {
        let operation = match (self.mode, prepared.has_link) {
            (Mode::Plan, _) => Occasion::Preview,
            (Mode::Sync | Mode::Apply, false) => Occasion::Create,
            (Mode::Sync | Mode::Apply, true) => Occasion::Update,
        };
        let context = CallContext { operation, ..self.context.clone() };
        let mapped = self.layers.map_unless_known(&context, &prepared.record, &prepared.recall);
        (prepared, mapped)
    }
}

fn creation(key: RecordKey, wish: Wish) -> Operation {
    let desired = wish.desired.clone();
    Operation { key, step: Step::Create, desired, changes: Vec::new(), reason: None, wish }
}

/// A record that is as it was when its resource was brought up to date.
fn unchanged(link: Link) -> Operation {
    let mark = Mark { fingerprint: link.fingerprint.clone(), due_at: link.due_at };
    let wish = Wish { desired: link.sent.clone(), mark, ..Wish::default() };
    let (key, desired) = (link.key.clone(), link.sent.clone());
    Operation { key, step: Step::Nothing(Box::new(link)), desired, changes: Vec::new(), reason: None, wish }
}

/// What has to wait for the links in it.
fn waiting(
    attributes: &AttributeMap,
    unresolved: &[UnresolvedLink],
    create_only: &[RowTarget],
    fingerprint: Option<&String>,
) -> Option<Waiting> {
    if unresolved.is_empty() {
        return None;
    }
    let attributes: AttributeMap = attributes
        .iter()
        .filter(|(path, _)| unresolved.iter().any(|link| link.path.same_attribute(path)))
        .map(|(path, value)| (path.clone(), value.clone()))
        .collect();
    let create_only = create_only.iter().map(ToString::to_string).collect();
    Some(Waiting { attributes, create_only, additive: None, fingerprint: fingerprint.cloned() })
}

/// Adds to the values that are wanted of a list all those that are in it already.
fn keep_everybody(desired: &mut Desired, path: &AttributePath, seen: &Resource) {
    let (Some(Value::Array(wanted)), Some(Value::Array(there))) = (desired.value(path), seen.get(path))
    else {
        return;
    };
    let mut wanted = wanted.clone();
    let known: HashSet<String> = wanted.iter().filter_map(id_in).collect();
    wanted.extend(there.iter().filter_map(id_in).filter(|id| !known.contains(id)).map(|id| by_id(&id)));
    desired.set(path, DesiredValue::Set(Value::Array(wanted)));
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

/// Whether an existing resource keeps what this link would go into.
fn is_kept(link: &UnresolvedLink, create_only: &[RowTarget]) -> bool {
    create_only.iter().any(|target| target.is_whole() && target.attribute().same_attribute(&link.path))
}

/// What a link remembers, as the client wants it.
pub(crate) fn known(link: &Link) -> Known {
    Known { id: link.resource_id.clone(), sent: Some(link.sent.clone()), seen: link.seen.clone() }
}
