//! One change as a loop: each round asks what still differs, writes it, and looks at what came of it.
//!
//! A round is repeated where the resource was changed by somebody else in between (412), where an answer was
//! lost, where a method turned out not to work, where a write that was answered with success did not arrive,
//! and once where the answer shows drift. The number of rounds is bounded.

use super::known::Known;
use super::progress::Progress;
use super::sorting_out::Refused;
use super::writing::{Answered, Course, Written, as_shown, attribute};
use super::{Kind, Provider, members, verify};
use crate::call::CallReport;
use crate::capability::Capability;
use crate::failure::{ClientError, Failure};
use scimwright_profile::Verification;
use scimwright_scim::{AttributePath, Desired, PatchOperation, PatchRequest, Resource, ScimType, diff};
use std::borrow::Cow;
use std::collections::HashSet;
use std::sync::atomic::Ordering;

/// How many rounds one change may take.
const MAX_ROUNDS: u32 = 6;

/// A change that is under way.
pub(super) struct Rounds<'a> {
    provider: &'a Provider,
    kind: &'a Kind,
    /// What is wanted, without members that are refused.
    desired: Cow<'a, Desired>,
    /// What was known when it began.
    before: &'a Known,
    /// The resource as it is known to be now, what was learned, and who was refused.
    course: Course<'a>,
    call: Option<CallReport>,
    /// What goes wrong if the next round is one too many.
    error: Option<ClientError>,
    /// Whether the resource was read again, because it had moved on or an answer was lost.
    reread: bool,
    /// What the next round has to write, where that does not follow from what was sent before.
    drift: Option<PatchRequest>,
    looked_for_drift: bool,
    ignored: Vec<AttributePath>,
}

/// A resource after its change, or after as much of it as could be done.
pub(super) struct Changed {
    pub(super) seen: Resource,
    /// What was wanted, without members that were refused.
    pub(super) sent: Desired,
    /// The last request that changed it; none where nothing had to be sent.
    pub(super) call: Option<CallReport>,
    /// What the provider took without a word and does not keep.
    pub(super) ignored: Vec<AttributePath>,
    /// Members that the provider refused.
    pub(super) refused: Vec<Refused>,
    /// What kept it from coming to an end.
    pub(super) error: Option<ClientError>,
}

impl<'a> Rounds<'a> {
    pub(super) fn new(
        provider: &'a Provider,
        kind: &'a Kind,
        desired: &'a Desired,
        before: &'a Known,
    ) -> Self {
        let progress = Progress::new(kind, before.seen.clone());
        Self {
            provider,
            kind,
            desired: Cow::Borrowed(desired),
            before,
            course: Course { progress, lessons: Vec::new(), refused: Vec::new() },
            call: None,
            error: None,
            reread: false,
            drift: None,
            looked_for_drift: false,
            ignored: Vec::new(),
        }
    }

    pub(super) async fn run(mut self) -> Changed {
        let manner = self.provider.knowledge().manner(self.kind).clone();
        let outcome = self.go_round().await;
        let mut knowledge = self.provider.knowledge();
        let Course { progress, lessons, refused } = self.course;
        match &outcome {
            Ok(()) => lessons.into_iter().for_each(|lesson| knowledge.say(lesson)),
            // A way that did not lead anywhere is not the provider's.
            Err(_) if !lessons.is_empty() => *knowledge.manner(self.kind) = manner,
            Err(_) => {}
        }
        drop(knowledge);
        Changed {
            seen: progress.into_resource(),
            sent: self.desired.into_owned(),
            call: self.call,
            ignored: self.ignored,
            refused,
            error: outcome.err(),
        }
    }

    async fn go_round(&mut self) -> Result<(), ClientError> {
        for _ in 0..MAX_ROUNDS {
            let patch = match self.drift.take() {
                Some(drift) => drift,
                None => self.difference(),
            };
            if patch.is_empty() {
                return Ok(());
            }
            let earlier = self.course.progress.now().clone();
            let known_refused = self.course.refused.len();
            let round =
                self.provider.write(self.kind, &self.before.id, &patch, &self.desired, &mut self.course);
            let outcome = round.await;
            let patch = self.without_refused(patch, known_refused);
            match outcome {
                Ok(Written::Otherwise(error)) => self.error = Some(error),
                Ok(Written::Done(None)) => return Ok(()),
                Ok(Written::Done(Some(answered))) => {
                    if self.is_settled(&patch, &earlier, answered).await? {
                        return Ok(());
                    }
                }
                Err(error) => self.recover(error).await?,
            }
        }
        // A round that ends without a result leaves an error behind.
        self.error.take().map_or(Ok(()), Err)
    }

    /// What has to be done from here.
    fn difference(&mut self) -> PatchRequest {
        let seen = self.course.progress.now();
        diff(&self.desired, self.before.sent.as_ref(), seen, self.kind.schemas())
    }

    /// Takes members that were refused just now out of what is wanted, and out of what was to be done.
    fn without_refused(&mut self, patch: PatchRequest, known: usize) -> PatchRequest {
        let refused = &self.course.refused[known..];
        if refused.is_empty() {
            return patch;
        }
        let (coming, going): (Vec<_>, Vec<_>) = refused.iter().partition(|one| one.adding);
        let ids = |refused: Vec<&Refused>| refused.into_iter().map(|one| one.id.clone()).collect();
        let (coming, going): (HashSet<String>, HashSet<String>) = (ids(coming), ids(going));
        members::leave_out(self.desired.to_mut(), &coming, &going, self.before.sent.as_ref());
        members::without(patch, &coming, &going)
    }

    /// Whether a write that was answered with success is all there is to be done.
    async fn is_settled(
        &mut self,
        patch: &PatchRequest,
        earlier: &Resource,
        answered: Answered,
    ) -> Result<bool, ClientError> {
        let Answered { call, shown, without_members } = answered;
        self.call = Some(call.clone());
        // Where members are not shown, reading says nothing of them.
        let says_nothing = self.provider.keeps_members(self.kind) && verify::only_about_members(patch);
        let due = self.is_check_due() && !says_nothing;
        let schemas = self.kind.schemas();
        // An answer that shows the resource as it was is worth a second look, and so is one that shows a group
        // without members that should have some; of the second kind there is one.
        let doubtful = without_members && !self.provider.answers_without_members(self.kind);
        let suspicious = doubtful
            || shown && !verify::outstanding(patch, earlier, self.course.progress.now(), schemas).is_empty();
        if due || suspicious {
            let fresh =
                self.provider.client.retrieve(self.kind.resource_type(), &self.before.id).await?.value;
            let expects_members = self.course.progress.has_members();
            self.provider.learn_about_members(self.kind, &fresh, expects_members, without_members);
            let now = as_shown(self.provider.keeps_members(self.kind), self.course.progress.now(), fresh);
            self.course.progress.is(now);
            let left = verify::outstanding(patch, earlier, self.course.progress.now(), schemas);
            if !left.is_empty() {
                return self.not_applied(&left, call, due);
            }
        }
        Ok(!(shown || due) || !self.finds_drift(patch))
    }

    /// What follows from a write that did not arrive.
    fn not_applied(&mut self, left: &PatchRequest, call: CallReport, due: bool) -> Result<bool, ClientError> {
        let error = ClientError { call: Box::new(call), kind: Failure::NotApplied { what: listed(left) } };
        if verify::only_removes_members(left) {
            let Some(lesson) = self.provider.removes_otherwise(self.kind) else { return Err(error) };
            // Of several ways that were tried, the last is the one that works.
            self.course.lessons = vec![lesson];
            self.error = Some(error);
            return Ok(false);
        }
        // Something that is kept although it was to go may be somebody's withdrawn address. Something that is
        // not kept is worth saying, and no reason to try for ever.
        let keeps =
            left.operations.iter().any(|operation| matches!(operation, PatchOperation::Remove { .. }));
        if due || keeps {
            return Err(error);
        }
        self.ignored.extend(attributes(left));
        Ok(true)
    }

    fn is_check_due(&self) -> bool {
        let number = self.provider.shared.writes.fetch_add(1, Ordering::Relaxed);
        match self.kind.quirks.verification {
            // A way that was found by trying is not believed.
            _ if !self.course.lessons.is_empty() => true,
            Verification::Never => false,
            Verification::Sampled(share) => number.is_multiple_of(share.get()),
            Verification::Always => true,
        }
    }

    /// Looks for what was as wanted when the change began, is not part of it, and is otherwise now: somebody
    /// else's doing. What was not as wanted to begin with is a form that the provider prefers, and stays.
    fn finds_drift(&mut self, patch: &PatchRequest) -> bool {
        if self.looked_for_drift || self.before.sent.is_none() {
            return false;
        }
        self.looked_for_drift = true;
        let schemas = self.kind.schemas();
        let preferred = attributes(&diff(&self.desired, None, &self.before.seen, schemas));
        let touched = attributes(patch);
        let now = diff(&self.desired, None, self.course.progress.now(), schemas).operations.into_iter();
        let drifted: Vec<_> = now
            .filter(|operation| {
                let attribute = attribute(operation);
                attribute.is_some_and(|path| !preferred.contains(&path) && !touched.contains(&path))
            })
            .collect();
        let found = !drifted.is_empty();
        self.drift = found.then(|| PatchRequest::new(drifted));
        found
    }

    /// Reads the resource again where that may help; otherwise the failure stands.
    async fn recover(&mut self, error: ClientError) -> Result<(), ClientError> {
        let moved_on = is_stale(&error.kind);
        // A lost answer is looked into once; a second one in a row is for the caller to know.
        let lost = error.may_have_been_executed() && !self.reread;
        if !moved_on && !lost {
            return Err(error);
        }
        let fresh = self.provider.client.retrieve(self.kind.resource_type(), &self.before.id).await?.value;
        if moved_on && self.reread && fresh == *self.course.progress.now() {
            if !matches!(error.kind, Failure::PreconditionFailed(_)) {
                return Err(error);
            }
            // Nothing has changed since we read it, and still its own version is refused.
            self.provider.observe_lack(Capability::ETag, error.kind.to_string());
        }
        self.reread = true;
        let now = as_shown(self.provider.keeps_members(self.kind), self.course.progress.now(), fresh);
        self.course.progress.is(now);
        if lost {
            // What it was to do may be done: then there is no difference left.
            self.call = Some((*error.call).clone());
        }
        self.error = Some(error);
        Ok(())
    }
}

/// Whether what we took for the provider's state is not its state any more: its version is another (412), or an
/// operation selects a value that is gone (RFC 7644 section 3.12, `noTarget`). Without versions, the second is
/// how it shows that somebody else was there.
fn is_stale(failure: &Failure) -> bool {
    match failure {
        Failure::PreconditionFailed(_) => true,
        Failure::Permanent(refusal) => refusal.is(&ScimType::NoTarget),
        _ => false,
    }
}

/// The attributes that a patch is about, each once.
fn attributes(patch: &PatchRequest) -> Vec<AttributePath> {
    let mut paths = Vec::new();
    for path in patch.operations.iter().filter_map(attribute) {
        if !paths.contains(&path) {
            paths.push(path);
        }
    }
    paths
}

/// The first three paths, and how many there are beyond.
fn listed(patch: &PatchRequest) -> String {
    let paths: Vec<_> = patch.operations.iter().filter_map(PatchOperation::path).collect();
    let shown: Vec<String> = paths.iter().take(3).map(|path| format!("`{path}`")).collect();
    match paths.len().saturating_sub(3) {
        0 => shown.join(", "),
        more => format!("{} and {more} more", shown.join(", ")),
    }
}
