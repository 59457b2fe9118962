//! One difference as requests: PATCH in the provider's dialect, or PUT after reading and merging; and what
//! there is to try when one is refused.

use super::notice::Notice;
use super::progress::Progress;
use super::sorting_out::Refused;
use super::{Kind, Manner, Provider, is_lack, verify};
use crate::call::{Action, CallReport, Exchange, Subject};
use crate::capability::Capability;
use crate::dialect::{self, Step, Translation};
use crate::failure::{ClientError, Failure, Refusal};
use crate::judge::Modified;
use crate::message::Method;
use scimwright_profile::{MemberRemoval, ResourceQuirks, Update};
use scimwright_scim::{
    AttributeName, AttributePath, Desired, DesiredValue, PatchOperation, PatchPath, PatchRequest, Resource,
    ScimType,
};
use serde_json::Value;

/// How a write ended that did not fail.
pub(super) enum Written {
    /// It was answered with success, but for members that were refused.
    Done(Option<Answered>),
    /// This way failed, and there is another.
    Otherwise(ClientError),
}

/// What a change has come to so far, over all its writes.
pub(super) struct Course<'k> {
    /// The resource as it is now.
    pub(super) progress: Progress<'k>,
    /// What was learned about the provider; it counts if the change comes to a good end.
    pub(super) lessons: Vec<Notice>,
    /// Members that the provider refuses.
    pub(super) refused: Vec<Refused>,
}

/// The answer to one request.
pub(super) struct Answered {
    /// The request.
    pub(super) call: CallReport,
    /// Whether the provider showed the resource; otherwise it is as it must be.
    pub(super) shown: bool,
    /// Whether it showed a group without members that has some.
    pub(super) without_members: bool,
}

impl Provider {
    /// Writes a difference, in as many requests as the provider's habits ask for. How far it came is in
    /// `progress`, also where it fails.
    pub(super) async fn write(
        &self,
        kind: &Kind,
        id: &str,
        patch: &PatchRequest,
        desired: &Desired,
        course: &mut Course<'_>,
    ) -> Result<Written, ClientError> {
        let Course { progress, lessons, refused } = course;
        let unsendable = |reason| {
            let subject = Subject::new(Action::Modify, &kind.resource_type().name, Some(id));
            self.client.unsent(subject, Failure::Unsendable { reason })
        };
        let by_put = self.writes_by_put(kind);
        let Translation { steps, unpatchable } = self.translate(kind, progress.now(), patch);
        if let Some(path) = unpatchable.first() {
            return Err(unsendable(format!("the provider cannot change `{path}`")));
        }
        if steps.is_empty() {
            // A difference always comes to a request; one that does not must not pass for done.
            return Err(unsendable("the difference comes to no request".to_owned()));
        }
        let mut last: Option<Answered> = None;
        for step in steps {
            let error = match self.carry_out(kind, id, progress, &step, desired).await {
                Ok(answered) => {
                    last = Some(answered);
                    continue;
                }
                Err(error) => error,
            };
            let sorted_out = self.sort_out(kind, id, (&step, &error), progress, desired, refused).await?;
            match sorted_out {
                Some(answered) => last = answered.or(last),
                None => {
                    let there_is_another =
                        self.another_way(kind, id, (&step, by_put), &error, lessons).await?;
                    return if there_is_another { Ok(Written::Otherwise(error)) } else { Err(error) };
                }
            }
        }
        Ok(Written::Done(last))
    }

    /// Sends one request, and takes down what came of it.
    pub(super) async fn carry_out(
        &self,
        kind: &Kind,
        id: &str,
        progress: &mut Progress<'_>,
        step: &Step,
        desired: &Desired,
    ) -> Result<Answered, ClientError> {
        match step {
            Step::Patch { body, standard } => self.patch(kind, id, progress, body, standard).await,
            Step::Put { standard } => self.put(kind, id, progress, standard, desired).await,
        }
    }

    /// The way this provider wants a change written.
    pub(super) fn translate(&self, kind: &Kind, seen: &Resource, patch: &PatchRequest) -> Translation {
        if patch.is_empty() {
            return Translation::default();
        }
        let manner = self.knowledge().manner(kind).clone();
        let quirks = ResourceQuirks {
            update: if self.writes_by_put(kind) { Update::Put } else { Update::Patch },
            member_removal: manner.removal.unwrap_or(kind.quirks.member_removal),
            ..kind.quirks.clone()
        };
        match manner.whole_lists {
            true => dialect::translate(&with_whole_lists(kind, seen, patch), seen, kind.schemas(), &quirks),
            false => dialect::translate(patch, seen, kind.schemas(), &quirks),
        }
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

    /// RFC 7644 section 3.5.2.
    async fn patch(
        &self,
        kind: &Kind,
        id: &str,
        progress: &mut Progress<'_>,
        body: &Value,
        standard: &PatchRequest,
    ) -> Result<Answered, ClientError> {
        let version = self.if_match(progress.version());
        let answer = self.client.modify_with(kind.resource_type(), id, body, version).await?;
        self.note_patched(kind);
        // 204: the provider did as it was told.
        progress.did(standard);
        Ok(self.take_down(kind, progress, answer))
    }

    /// RFC 7644 section 3.5.1. What we do not manage survives, as it is read before.
    async fn put(
        &self,
        kind: &Kind,
        id: &str,
        progress: &mut Progress<'_>,
        standard: &PatchRequest,
        desired: &Desired,
    ) -> Result<Answered, ClientError> {
        let current = self.client.retrieve(kind.resource_type(), id).await?.value;
        let seen = progress.now();
        let current = as_shown(self.keeps_members(kind), seen, current);
        let body = replacement(kind, (&current, seen), standard, desired, id);
        let version = self.if_match(current.version());
        let answer = self.client.replace(kind.resource_type(), id, &body, version).await?;
        progress.is(body);
        Ok(self.take_down(kind, progress, answer))
    }

    /// Takes down what an answer shows.
    fn take_down(&self, kind: &Kind, progress: &mut Progress<'_>, answer: Exchange<Modified>) -> Answered {
        let Exchange { value: Modified { resource, version }, call } = answer;
        let (shown, mut without_members) = (resource.is_some(), false);
        if let Some(resource) = resource {
            let keeps_members = self.keeps_members(kind);
            without_members =
                !keeps_members && !self.notes_members(kind, &resource) && progress.has_members();
            match keeps_members || without_members {
                true => progress.is_but_for_members(resource),
                false => progress.is(resource),
            }
        }
        progress.set_version(version.as_deref());
        Answered { call, shown, without_members }
    }

    /// RFC 7644 section 3.14: writes are conditional where the provider declares that versions mean something.
    fn if_match<'r>(&self, version: Option<&'r str>) -> Option<&'r str> {
        version.filter(|_| self.can(Capability::ETag))
    }

    /// Whether there is another way to write after this failure; then it is taken in the next round. `by_put`
    /// says how changes were written when the step was made: somebody else may have learned more since.
    async fn another_way(
        &self,
        kind: &Kind,
        id: &str,
        (step, by_put): (&Step, bool),
        error: &ClientError,
        lessons: &mut Vec<Notice>,
    ) -> Result<bool, ClientError> {
        // What has no target any more has moved on, and is worked out anew.
        let is_refused = |refusal: &Refusal| refusal.status == 400 && !refusal.is(&ScimType::NoTarget);
        if matches!(&error.kind, Failure::Permanent(refusal) if is_refused(refusal)) {
            let lesson = match verify::removes_members(step.standard()) {
                true => self.removes_otherwise(kind),
                false => self.writes_whole_lists(kind, step.standard()),
            };
            // Of several ways that were tried, the last is the one that works.
            return Ok(lesson.map(|lesson| *lessons = vec![lesson]).is_some());
        }
        let lacks = is_lack(&error.kind) || self.route_is_missing(kind, id, error).await?;
        if !lacks {
            return Ok(false);
        }
        let because = error.kind.to_string();
        let resource_type = kind.resource_type().name.clone();
        Ok(match step {
            Step::Patch { .. } if kind.quirks.update == Update::Declared => {
                self.observe_lack(Capability::Patch, because);
                self.writes_by_put(kind)
            }
            Step::Put { .. } if by_put && error.call.method == Method::Put => {
                let mut knowledge = self.knowledge();
                knowledge.put_refused.insert(resource_type.clone());
                knowledge.say(Notice::RefusesPut { resource_type, because });
                true
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

    /// Finds another way to remove members than the one that did not work, if there is one.
    pub(super) fn removes_otherwise(&self, kind: &Kind) -> Option<Notice> {
        let mut knowledge = self.knowledge();
        let Manner { removal, .. } = knowledge.manner(kind);
        let instead = after_vain(removal.unwrap_or(kind.quirks.member_removal))?;
        *removal = Some(instead);
        Some(Notice::RemovesOtherwise { resource_type: kind.resource_type().name.clone(), instead })
    }

    /// Writes the whole of a list from now on, where a part of one was refused.
    fn writes_whole_lists(&self, kind: &Kind, refused: &PatchRequest) -> Option<Notice> {
        let mut knowledge = self.knowledge();
        let Manner { whole_lists, .. } = knowledge.manner(kind);
        if *whole_lists || !refused.operations.iter().any(selects_values) {
            return None;
        }
        *whole_lists = true;
        Some(Notice::WritesWholeLists { resource_type: kind.resource_type().name.clone() })
    }
}

/// The way to remove members that is tried after one that was ignored or refused. None of them leaves a group
/// emptier than is wanted: `remove` with a value is not among them, as some servers then remove everybody.
fn after_vain(form: MemberRemoval) -> Option<MemberRemoval> {
    match form {
        MemberRemoval::Filter | MemberRemoval::Value => Some(MemberRemoval::Replace),
        MemberRemoval::Replace => Some(MemberRemoval::Put),
        MemberRemoval::Put => None,
    }
}

/// Whether an operation is about some values of a list, and not about a group's members.
fn selects_values(operation: &PatchOperation) -> bool {
    match operation.path() {
        Some(PatchPath::Attribute { path, filter: Some(_) }) => path.attribute != AttributeName::MEMBERS,
        _ => false,
    }
}

/// The same patch with a list replaced, or removed, as a whole where only some of its values were to change.
fn with_whole_lists(kind: &Kind, seen: &Resource, patch: &PatchRequest) -> PatchRequest {
    let result = Desired::new().merge_into(None, &predicted(kind, seen.clone(), patch), kind.schemas());
    let lists: Vec<AttributePath> =
        patch.operations.iter().filter(|operation| selects_values(operation)).filter_map(attribute).collect();
    let mut written: Vec<AttributePath> = Vec::new();
    let mut operations = Vec::new();
    for operation in &patch.operations {
        let Some(path) = attribute(operation).filter(|path| lists.contains(path)) else {
            operations.push(operation.clone());
            continue;
        };
        if written.contains(&path) {
            continue;
        }
        operations.push(match result.get(&path) {
            Some(value) => PatchOperation::Replace { path: Some(path.clone().into()), value: value.clone() },
            None => PatchOperation::Remove { path: path.clone().into() },
        });
        written.push(path);
    }
    PatchRequest::new(operations)
}

/// The attribute that an operation is about.
pub(super) fn attribute(operation: &PatchOperation) -> Option<AttributePath> {
    match operation.path()? {
        PatchPath::Attribute { path, .. } => Some(path.without_sub()),
        PatchPath::Extension(_) => None,
    }
}

/// The resource as it must be after a change that was carried out.
pub(super) fn predicted(kind: &Kind, mut now: Resource, standard: &PatchRequest) -> Resource {
    if standard.apply(&mut now, kind.schemas()).is_err() {
        tracing::debug!("a change that the provider accepted does not apply to what we know of the resource");
    }
    now
}

/// The body of a PUT: the resource as it is, with the change, and without what only the provider may write. The
/// change was worked out from what was seen, which may be older.
///
/// A provider need not show all that it keeps (`returned: request`), and what a PUT leaves out it may clear. So
/// what is wanted and not shown is in the body too.
pub(super) fn replacement(
    kind: &Kind,
    (current, seen): (&Resource, &Resource),
    standard: &PatchRequest,
    desired: &Desired,
    id: &str,
) -> Resource {
    let changed = carried_over(kind, current, seen, standard);
    let mut body = Desired::new().merge_into(None, &changed, kind.schemas());
    for (path, wanted) in desired.iter() {
        let DesiredValue::Set(wanted) = wanted else { continue };
        match (body.get(path), wanted) {
            (None, wanted) => {
                body.set(path, wanted.clone());
            }
            (Some(Value::Object(shown)), Value::Object(wanted)) => {
                let mut whole = shown.clone();
                for (name, part) in wanted.iter().filter(|(_, part)| !part.is_null()) {
                    if !whole.keys().any(|known| known.eq_ignore_ascii_case(name)) {
                        whole.insert(name.clone(), part.clone());
                    }
                }
                body.set(path, Value::Object(whole));
            }
            _ => {}
        }
    }
    dialect::fill_member_types(&mut body, &kind.quirks);
    if kind.quirks.id_in_put {
        body.set(&AttributePath::new(AttributeName::ID), id.into());
    }
    body
}

/// A resource with a change that was worked out from an older state of it.
///
/// What somebody else did in between may leave an operation without its target. Such a one must not take the
/// others with it, and its attribute is made what it would have become.
fn carried_over(kind: &Kind, current: &Resource, seen: &Resource, standard: &PatchRequest) -> Resource {
    let mut changed = current.clone();
    if standard.apply(&mut changed, kind.schemas()).is_ok() {
        return changed;
    }
    let wanted = predicted(kind, seen.clone(), standard);
    for operation in &standard.operations {
        let alone = PatchRequest::new(vec![operation.clone()]);
        if alone.apply(&mut changed, kind.schemas()).is_err()
            && let Some(path) = attribute(operation)
        {
            match wanted.get(&path) {
                Some(value) => changed.set(&path, value.clone()),
                None => changed.remove(&path).is_some(),
            };
        }
    }
    changed
}

/// What the provider shows, with the members as we know them where it does not show them.
pub(super) fn as_shown(keeps_members: bool, expected: &Resource, mut shown: Resource) -> Resource {
    if keeps_members {
        keep_members(expected, &mut shown);
    }
    shown
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
