//! One member that a provider refuses must not keep the others out.
//!
//! A request that is refused is taken apart until it is clear whose fault it was. Whoever was to go and is gone
//! already, or was to come and is there, is no failure; whoever cannot come is named. That costs requests, so
//! the group is read first where it shows its members: what is as wanted by now need not be asked for.

use super::progress::Progress;
use super::writing::{Answered, as_shown};
use super::{Kind, Provider, Unwritable, members};
use crate::dialect::{Part, Single, Step, member_id, value_id};
use crate::failure::{ClientError, Failure, Refusal};
use scimwright_scim::{Desired, ScimType};
use std::collections::VecDeque;

/// How many requests may be refused while none succeeds, before it is taken for the provider's way.
const VAIN: usize = 16;

/// A member that the provider refuses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Refused {
    /// Its `value`.
    pub(super) id: String,
    /// Whether it was to come; otherwise it was to go.
    pub(super) adding: bool,
    /// What the provider said.
    because: String,
}

impl From<Refused> for Unwritable {
    fn from(refused: Refused) -> Self {
        let Refused { id, adding, because } = refused;
        Self::MemberRefused { id, adding, because }
    }
}

impl Provider {
    /// Carries out a refused step in smaller ones. `Ok(None)` where that is no way, and the refusal stands.
    pub(super) async fn sort_out(
        &self,
        kind: &Kind,
        id: &str,
        (step, error): (&Step, &ClientError),
        progress: &mut Progress<'_>,
        desired: &Desired,
        refused: &mut Vec<Refused>,
    ) -> Result<Option<Option<Answered>>, ClientError> {
        if !may_be_about_a_member(error) {
            return Ok(None);
        }
        let Some(mut whole) = Part::of(step.standard(), progress.now(), kind.schemas()) else {
            return Ok(None);
        };
        // A group that is gone is the caller's to make again.
        let fresh = self.client.retrieve(kind.resource_type(), id).await?.value;
        let keeps_members = self.keeps_members(kind);
        let progressed = match keeps_members {
            true => false,
            false => whole.leave_out_done(&fresh),
        };
        let fresh = as_shown(keeps_members, progress.now(), fresh);
        progress.is(fresh);
        if whole.is_empty() {
            return Ok(Some(None));
        }
        // What is not shown would be added to the body of a PUT as it is wanted, with whoever is refused.
        let mut desired = desired.clone();
        desired.remove(&members::path());
        let mut course =
            Course { last: None, refused: Vec::new(), unclear: Vec::new(), vain: 0, taken: false };
        let mut queue: VecDeque<Part> = match progressed {
            true => VecDeque::from([whole]),
            false if whole.single().is_some() => {
                course.judge(self, kind, &whole, error, progress)?;
                VecDeque::new()
            }
            false => whole.taken_apart().into(),
        };
        while let Some(part) = queue.pop_front() {
            let standard = part.standard();
            let steps = self.translate(kind, progress.now(), &standard).steps;
            let mut outcome = Ok(());
            for step in &steps {
                match self.carry_out(kind, id, progress, step, &desired).await {
                    Ok(answered) => course.last = Some(answered),
                    Err(error) => {
                        outcome = Err(error);
                        break;
                    }
                }
            }
            let error = match outcome {
                Ok(()) => {
                    course.taken |= part.only_removes();
                    continue;
                }
                Err(error) if may_be_about_a_member(&error) && !part.has_others() => error,
                Err(error) => return Err(error),
            };
            course.vain += 1;
            let hopeless = course.last.is_none() && course.vain > VAIN;
            // Nobody can be taken out in this way, neither the first nor all the others.
            let no_way_out = part.only_removes() && !course.taken && !course.unclear.is_empty();
            if hopeless || no_way_out {
                return Ok(None);
            }
            match part.single() {
                Some(_) => course.judge(self, kind, &part, &error, progress)?,
                None => queue.extend(part.taken_apart()),
            }
        }
        if !course.unclear.is_empty() && !course.taken {
            return Ok(None);
        }
        // Part of a refused request may have been carried out all the same.
        if !keeps_members && !course.refused.is_empty() {
            let fresh = self.client.retrieve(kind.resource_type(), id).await?.value;
            let there = members::ids(&fresh);
            course.refused.retain(|one| !there.contains(&one.id));
            progress.is(fresh);
        }
        refused.extend(course.refused.into_iter().chain(course.unclear));
        Ok(Some(course.last))
    }
}

/// What came of the parts so far.
struct Course {
    last: Option<Answered>,
    refused: Vec<Refused>,
    /// Removals of which it is not clear yet whether the provider refuses the member or the way.
    unclear: Vec<Refused>,
    vain: usize,
    /// Whether a removal succeeded.
    taken: bool,
}

impl Course {
    /// What the refusal of a single member means.
    fn judge(
        &mut self,
        provider: &Provider,
        kind: &Kind,
        part: &Part,
        error: &ClientError,
        progress: &mut Progress<'_>,
    ) -> Result<(), ClientError> {
        let keeps_members = provider.keeps_members(kind);
        let (Some(single), Some(refusal)) = (part.single(), error.kind.refusal()) else {
            return Err(error.clone());
        };
        let id = match single {
            Single::Removal(value) => value_id(value),
            Single::Addition(member) => member_id(member),
        };
        let Some(id) = id else { return Err(error.clone()) };
        let named = refusal.detail.as_ref().is_some_and(|detail| detail.contains(&id));
        let because = error.kind.to_string();
        match single {
            // Where the members are shown, it was seen to be there a moment ago.
            Single::Removal(_) if keeps_members && is_gone(refusal, named) => {
                self.taken = true;
                progress.did(&part.standard());
            }
            Single::Removal(_) => self.unclear.push(Refused { id, adding: false, because }),
            Single::Addition(_) if keeps_members && is_there(refusal) => progress.did(&part.standard()),
            // There may be no such route at all.
            Single::Addition(_)
                if refusal.status == 404 && !named && self.last.is_none() && !provider.has_patched(kind) =>
            {
                return Err(error.clone());
            }
            Single::Addition(_) => self.refused.push(Refused { id, adding: true, because }),
        }
        Ok(())
    }
}

/// Whether a refusal may be one member's fault.
pub(super) fn may_be_about_a_member(error: &ClientError) -> bool {
    let by_kind = matches!(error.kind, Failure::Permanent(_) | Failure::NotFound(_) | Failure::Conflict(_));
    by_kind
        && error.kind.refusal().is_some_and(|refusal| matches!(refusal.status, 400 | 404 | 409 | 413 | 422))
}

/// Whether somebody who was to go was not there.
fn is_gone(refusal: &Refusal, named: bool) -> bool {
    refusal.is(&ScimType::NoTarget) || refusal.status == 404 && named
}

/// Whether somebody who was to come was there.
fn is_there(refusal: &Refusal) -> bool {
    refusal.status == 409 || refusal.is(&ScimType::Uniqueness)
}
