//! Changing a resource: by PATCH in the provider's dialect, or by PUT after reading and merging.
//!
//! One change is a loop. Each round asks what still differs, writes it, and ends when nothing does. A round is
//! repeated where the resource was changed by somebody else in between (412), where a method turned out not to
//! work, and where a write that was answered with success did not arrive. The number of rounds is bounded.

use super::known::Known;
use super::notice::Notice;
use super::{Kind, Provider, Unwritable, is_lack, verify};
use crate::call::{Action, CallReport, Subject};
use crate::capability::Capability;
use crate::dialect::{self, Step, Translation};
use crate::failure::{ClientError, Failure};
use crate::message::Method;
use scimwright_profile::{MemberRemoval, ResourceQuirks, Update, Verification};
use scimwright_scim::check::Occasion;
use scimwright_scim::{AttributeName, AttributePath, Desired, PatchPath, PatchRequest, Resource, diff};
use serde_json::Value;
use std::sync::atomic::Ordering;

/// How many rounds one change may take.
const MAX_ROUNDS: u32 = 6;

/// A resource after a change.
#[derive(Debug, Clone)]
pub struct Updated {
    /// What is to be remembered of it now.
    pub known: Known,
    /// The last request that changed it; none where nothing had to be sent.
    pub call: Option<CallReport>,
    /// What is wanted and cannot be had. It was not sent.
    pub unwritable: Vec<Unwritable>,
}

/// A request that a change would be.
#[derive(Debug, Clone, PartialEq)]
pub struct PlannedWrite {
    /// PATCH or PUT.
    pub method: Method,
    /// The body. That of a PUT rests on the resource as it was last seen, and is made anew from what the
    /// provider has when it is sent.
    pub body: Value,
}

/// A change that is under way.
struct Change<'a> {
    kind: &'a Kind,
    desired: &'a Desired,
}

impl Change<'_> {
    /// What has to be done from here.
    fn from(&self, known: &Known) -> PatchRequest {
        diff(self.desired, known.sent.as_ref(), &known.seen, self.kind.schemas())
    }
}

/// How a round ended that did not fail.
enum Round {
    /// What was to be written was, and this is how the resource is now.
    Written(Box<Resource>, CallReport),
    /// This way failed, and there is another.
    Otherwise(ClientError),
}

impl Provider {
    /// Changes a resource so that it is as wanted. The wanted state has to be [prepared](Kind::prepare).
    ///
    /// What is not mentioned is left alone. Where nothing differs from what was last sent and seen, nothing is
    /// sent.
    ///
    /// # Errors
    /// [`Failure::NotFound`] where the resource is gone, [`Failure::PreconditionFailed`] where others change
    /// it faster than we do, [`Failure::NotApplied`] where the provider says yes and does not do it, and all
    /// others. A change in several requests may have been carried out in part; to try again is safe.
    pub async fn update(
        &self,
        kind: &Kind,
        known: &Known,
        desired: &Desired,
    ) -> Result<Updated, ClientError> {
        let _turn = self.shared.writers.turn(&kind.resource_type().endpoint, &known.id).await;
        let (desired, unwritable) = kind.reconcile(desired.clone(), known);
        let change = Change { kind, desired: &desired };
        let occasion = Occasion::Change { sent: known.sent.as_ref(), seen: &known.seen };
        if let Some(failure) = kind.objection(&desired, occasion) {
            let subject = Subject::new(Action::Modify, &kind.resource_type().name, Some(&known.id));
            return Err(self.client.unsent(subject, failure));
        }
        let (known, call) = self.bring_about(&change, known.clone()).await?;
        if call.is_some() {
            self.shared.rosters.enter(kind, &known.seen).await;
        }
        Ok(Updated { known: Known { sent: Some(desired), ..known }, call, unwritable })
    }

    /// The rounds. What they teach about removing members is kept if they come to a good end.
    async fn bring_about(
        &self,
        change: &Change<'_>,
        known: Known,
    ) -> Result<(Known, Option<CallReport>), ClientError> {
        let mut lessons = Vec::new();
        let outcome = self.rounds(change, known, &mut lessons).await;
        let mut knowledge = self.knowledge();
        match &outcome {
            Ok(_) => lessons.into_iter().for_each(|lesson| knowledge.say(lesson)),
            Err(_) if lessons.is_empty() => {}
            Err(_) => {
                knowledge.removal.remove(&change.kind.resource_type().name);
            }
        }
        drop(knowledge);
        outcome
    }

    async fn rounds(
        &self,
        change: &Change<'_>,
        mut known: Known,
        lessons: &mut Vec<Notice>,
    ) -> Result<(Known, Option<CallReport>), ClientError> {
        let kind = change.kind;
        let mut last_call = None;
        let mut last_error = None;
        // Whether the resource was read again, after a 412 or a lost answer.
        let mut reread = false;
        for _ in 0..MAX_ROUNDS {
            let patch = change.from(&known);
            if patch.is_empty() {
                return Ok((known, last_call));
            }
            match self.write(kind, &known, &patch, lessons).await {
                Ok(Round::Written(seen, call)) => {
                    last_call = Some(call.clone());
                    let left = self.verify(kind, &known, &patch, *seen, lessons).await?;
                    known.seen = left.seen;
                    if left.patch.is_empty() {
                        return Ok((known, last_call));
                    }
                    last_error = Some(not_applied(&left.patch, call));
                    if !verify::only_removes_members(&left.patch) || !self.removes_otherwise(kind, lessons) {
                        break;
                    }
                }
                Ok(Round::Otherwise(error)) => last_error = Some(error),
                Err(error) => {
                    let moved_on = matches!(error.kind, Failure::PreconditionFailed(_));
                    // A lost answer is looked into once; a second one in a row is for the caller to know.
                    let lost = error.may_have_been_executed() && !reread;
                    if !moved_on && !lost {
                        return Err(error);
                    }
                    let fresh = self.client.retrieve(kind.resource_type(), &known.id).await?.value;
                    if moved_on && reread && fresh == known.seen {
                        // Nothing has changed since we read it, and still its own version is refused.
                        self.observe_lack(Capability::ETag, error.kind.to_string());
                    }
                    reread = true;
                    known.seen = as_shown(kind, &known.seen, fresh);
                    if lost {
                        // What it was to do may be done: then there is no difference left.
                        last_call = Some((*error.call).clone());
                    }
                    last_error = Some(error);
                }
            }
        }
        // A round that ends without a result leaves an error behind.
        last_error.map_or(Ok((known, last_call)), Err)
    }

    /// The requests that [`update`](Self::update) would send; nothing is sent.
    #[must_use]
    pub fn planned(&self, kind: &Kind, known: &Known, desired: &Desired) -> Vec<PlannedWrite> {
        let patch = Change { kind, desired }.from(known);
        let mut seen = known.seen.clone();
        let mut planned = Vec::new();
        for step in self.translate(kind, &seen, &patch).steps {
            planned.push(match &step {
                Step::Patch { body, .. } => PlannedWrite { method: Method::Patch, body: body.clone() },
                Step::Put { standard } => {
                    let body = replacement(kind, &seen, standard, &known.id);
                    PlannedWrite { method: Method::Put, body: body.into_value() }
                }
            });
            seen = predicted(kind, &seen, step.standard());
        }
        planned
    }

    /// Writes a difference, in as many requests as the provider's habits ask for.
    async fn write(
        &self,
        kind: &Kind,
        known: &Known,
        patch: &PatchRequest,
        lessons: &mut Vec<Notice>,
    ) -> Result<Round, ClientError> {
        let mut seen = known.seen.clone();
        let mut last = None;
        let Translation { steps, unpatchable } = self.translate(kind, &seen, patch);
        if !unpatchable.is_empty() {
            return Err(self.client.unsent(
                Subject::new(Action::Modify, &kind.resource_type().name, Some(&known.id)),
                Failure::Unsendable {
                    reason: format!("the provider cannot change {}", listed(&unpatchable)),
                },
            ));
        }
        for step in steps {
            let written = match &step {
                Step::Patch { body, standard } => self.patch(kind, &known.id, &seen, body, standard).await,
                Step::Put { standard } => self.put(kind, &known.id, &seen, standard).await,
            };
            match written {
                Ok((now, call)) => {
                    seen = now;
                    last = Some(call);
                }
                Err(error) => {
                    let there_is_another = self.another_way(kind, &known.id, &step, &error, lessons).await?;
                    return if there_is_another { Ok(Round::Otherwise(error)) } else { Err(error) };
                }
            }
        }
        match last {
            Some(call) => Ok(Round::Written(Box::new(seen), call)),
            None => Err(self.client.unsent(
                Subject::new(Action::Modify, &kind.resource_type().name, Some(&known.id)),
                Failure::Unsendable { reason: format!("nothing can be sent for {}", listed(&paths(patch))) },
            )),
        }
    }

    /// The way this provider wants a change written.
    fn translate(&self, kind: &Kind, seen: &Resource, patch: &PatchRequest) -> Translation {
        if patch.is_empty() {
            return Translation::default();
        }
        dialect::translate(patch, seen, kind.schemas(), &self.quirks_now(kind))
    }

    fn writes_by_put(&self, kind: &Kind) -> bool {
        if self.knowledge().put_refused.contains(&kind.resource_type().name) {
            return false;
        }
        match kind.quirks.update {
            Update::Put => true,
            Update::Patch => false,
            Update::Declared => !self.can(Capability::Patch),
        }
    }

    /// The profile's quirks, with what was learned since.
    fn quirks_now(&self, kind: &Kind) -> ResourceQuirks {
        let learned = self.knowledge().removal.get(&kind.resource_type().name).copied();
        ResourceQuirks {
            update: if self.writes_by_put(kind) { Update::Put } else { Update::Patch },
            member_removal: learned.unwrap_or(kind.quirks.member_removal),
            ..kind.quirks.clone()
        }
    }

    /// RFC 7644 section 3.5.2.
    async fn patch(
        &self,
        kind: &Kind,
        id: &str,
        seen: &Resource,
        body: &Value,
        standard: &PatchRequest,
    ) -> Result<(Resource, CallReport), ClientError> {
        let answer = self.client.modify_with(kind.resource_type(), id, body, self.if_match(seen)).await?;
        let mut now = match answer.value.resource {
            Some(shown) => as_shown(kind, &predicted(kind, seen, standard), shown),
            // 204: the provider did as it was told.
            None => predicted(kind, seen, standard),
        };
        set_version(&mut now, answer.value.version.as_deref());
        Ok((now, answer.call))
    }

    /// RFC 7644 section 3.5.1. What we do not manage survives, as it is read before.
    async fn put(
        &self,
        kind: &Kind,
        id: &str,
        seen: &Resource,
        standard: &PatchRequest,
    ) -> Result<(Resource, CallReport), ClientError> {
        let current = self.client.retrieve(kind.resource_type(), id).await?.value;
        let current = as_shown(kind, seen, current);
        let body = replacement(kind, &current, standard, id);
        let answer = self.client.replace(kind.resource_type(), id, &body, self.if_match(&current)).await?;
        let mut now = match answer.value.resource {
            Some(shown) => as_shown(kind, &body, shown),
            None => body,
        };
        set_version(&mut now, answer.value.version.as_deref());
        Ok((now, answer.call))
    }

    /// RFC 7644 section 3.14: writes are conditional where the provider declares that versions mean something.
    fn if_match<'r>(&self, seen: &'r Resource) -> Option<&'r str> {
        seen.version().filter(|_| self.can(Capability::ETag))
    }

    /// Whether there is another way to write after this failure; then it is taken in the next round.
    async fn another_way(
        &self,
        kind: &Kind,
        id: &str,
        step: &Step,
        error: &ClientError,
        lessons: &mut Vec<Notice>,
    ) -> Result<bool, ClientError> {
        let is_refused = matches!(&error.kind, Failure::Permanent(refusal) if refusal.status == 400);
        if is_refused && verify::removes_members(step.standard()) {
            return Ok(self.removes_otherwise(kind, lessons));
        }
        let lacks = is_lack(&error.kind) || self.route_is_missing(kind, id, error).await?;
        if !lacks {
            return Ok(false);
        }
        let because = error.kind.to_string();
        let resource_type = kind.resource_type().name.clone();
        Ok(match step {
            Step::Patch { .. } if kind.quirks.update == Update::Declared => {
                self.observe_lack(Capability::Patch, because)
            }
            Step::Put { .. } if error.call.method == Method::Put => {
                let mut knowledge = self.knowledge();
                let is_new = knowledge.put_refused.insert(resource_type.clone());
                knowledge.say(Notice::RefusesPut { resource_type, because });
                is_new
            }
            _ => false,
        })
    }

    /// A 404 to a write means that the resource is gone, or that there is no such route. If the resource can
    /// be read, it is the route.
    async fn route_is_missing(
        &self,
        kind: &Kind,
        id: &str,
        error: &ClientError,
    ) -> Result<bool, ClientError> {
        if !matches!(error.kind, Failure::NotFound(_)) || error.call.method == Method::Get {
            return Ok(false);
        }
        match self.client.retrieve(kind.resource_type(), id).await {
            Ok(_) => Ok(true),
            Err(read) if matches!(read.kind, Failure::NotFound(_)) => Ok(false),
            Err(read) => Err(read),
        }
    }

    /// Reads again what was written, where the profile asks for it.
    async fn verify(
        &self,
        kind: &Kind,
        before: &Known,
        patch: &PatchRequest,
        seen: Resource,
        lessons: &[Notice],
    ) -> Result<Outstanding, ClientError> {
        let number = self.shared.writes.fetch_add(1, Ordering::Relaxed);
        let due = match kind.quirks.verification {
            // A way to remove members that was found by trying is not believed.
            _ if !lessons.is_empty() => true,
            Verification::Never => false,
            Verification::Sampled(share) => number.is_multiple_of(share.get()),
            Verification::Always => true,
        };
        if !due {
            return Ok(Outstanding { patch: PatchRequest::new(Vec::new()), seen });
        }
        let fresh = self.client.retrieve(kind.resource_type(), &before.id).await?;
        let shown = as_shown(kind, &seen, fresh.value);
        let patch = verify::outstanding(patch, &before.seen, &shown, kind.schemas());
        Ok(Outstanding { patch, seen: shown })
    }

    /// Finds another way to remove members than the one that did not work; false where there is none.
    fn removes_otherwise(&self, kind: &Kind, lessons: &mut Vec<Notice>) -> bool {
        let Some(instead) = after_vain(self.quirks_now(kind).member_removal) else { return false };
        let resource_type = kind.resource_type().name.clone();
        self.knowledge().removal.insert(resource_type.clone(), instead);
        // Of several ways that were tried, the last is the one that works.
        *lessons = vec![Notice::RemovesOtherwise { resource_type, instead }];
        true
    }
}

/// What of a write did not arrive.
struct Outstanding {
    patch: PatchRequest,
    /// The resource as it is.
    seen: Resource,
}

/// The way to remove members that is tried after one that was ignored or refused. None of them leaves a group emptier
/// than is wanted: `remove` with a value is not among them, as some servers then remove everybody.
fn after_vain(form: MemberRemoval) -> Option<MemberRemoval> {
    match form {
        MemberRemoval::Filter | MemberRemoval::Value => Some(MemberRemoval::Replace),
        MemberRemoval::Replace => Some(MemberRemoval::Put),
        MemberRemoval::Put => None,
    }
}

fn not_applied(patch: &PatchRequest, call: CallReport) -> ClientError {
    ClientError { call: Box::new(call), kind: Failure::NotApplied { what: listed(&paths(patch)) } }
}

fn paths(patch: &PatchRequest) -> Vec<PatchPath> {
    patch.operations.iter().filter_map(|operation| operation.path().cloned()).collect()
}

/// The first three, and how many there are beyond.
fn listed(paths: &[PatchPath]) -> String {
    let shown: Vec<String> = paths.iter().take(3).map(|path| format!("`{path}`")).collect();
    match paths.len().saturating_sub(3) {
        0 => shown.join(", "),
        more => format!("{} and {more} more", shown.join(", ")),
    }
}

/// What the provider shows, with the members that it does not show.
fn as_shown(kind: &Kind, expected: &Resource, mut shown: Resource) -> Resource {
    if !kind.quirks.members_readable {
        keep_members(expected, &mut shown);
    }
    shown
}

/// The resource as it must be after a change that was carried out.
fn predicted(kind: &Kind, seen: &Resource, standard: &PatchRequest) -> Resource {
    let mut now = seen.clone();
    if standard.apply(&mut now, kind.schemas()).is_err() {
        tracing::debug!("a change that the provider accepted does not apply to what we know of the resource");
    }
    now
}

/// The body of a PUT: the resource as it is, with the change, and without what only the provider may write.
fn replacement(kind: &Kind, current: &Resource, standard: &PatchRequest, id: &str) -> Resource {
    let changed = predicted(kind, current, standard);
    // Nothing more is wanted of it; what only the provider may write is dropped.
    let mut body = Desired::new().merge_into(None, &changed, kind.schemas());
    dialect::fill_member_types(&mut body, &kind.quirks);
    if kind.quirks.id_in_put {
        body.set(&AttributePath::new(AttributeName::ID), id.into());
    }
    body
}

/// Puts the members that we know of in the place of those that are shown: none, or others than were sent
/// (Canaille shows user names where it was sent ids).
pub(super) fn keep_members(from: &Resource, to: &mut Resource) {
    let members = AttributePath::new(AttributeName::MEMBERS);
    match from.get(&members) {
        Some(known) => {
            to.set(&members, known.clone());
        }
        None => {
            to.remove(&members);
        }
    }
}

/// A version that is not known any more must not be named in `If-Match`.
fn set_version(resource: &mut Resource, version: Option<&str>) {
    let path = AttributePath::new(AttributeName::META).with_sub(AttributeName::VERSION);
    match version {
        Some(version) => {
            resource.set(&path, version.into());
        }
        None => {
            resource.remove(&path);
        }
    }
}
