//! Records that did not come through, and when they are tried again.
//!
//! A failure waits with its record and holds nobody else up. The first retry comes with the next run; after that the
//! waits grow, quickly to hours where the provider refuses for good, slowly where it was only not there. A record
//! that changes is tried at once.

use crate::cycle::Cycle;
use crate::error::ProvisionError;
use crate::event::{Action, RecordEvent};
use crate::operation::Operation;
use crate::provisioner::Patience;
use crate::whose::Whose;
use futures::TryStreamExt;
use jiff::{SignedDuration, Timestamp};
use scimwright_client::{ClientError, FailureClass};
use scimwright_record::RecordKey;
use scimwright_state::{Link, LinkScope, Setback, SetbackKind, TenantState};
use std::collections::HashSet;
use std::sync::atomic::Ordering;
use std::time::Duration;

/// How many calls in a row may fail through the provider's fault before the run gives up on it.
const IN_A_ROW: u32 = 25;

/// The most records whose setbacks are known by heart; where there are more, each record is looked up.
const BY_HEART: u64 = 50_000;

/// Which records have a setback, so that the others need no look.
#[derive(Debug)]
pub(crate) enum Setbacks {
    /// These.
    Of(HashSet<RecordKey>),
    /// Too many to know by heart.
    Many,
}

impl Setbacks {
    /// Reads which records of a scope have one.
    pub(crate) async fn read(state: &TenantState, scope: &LinkScope) -> Result<Self, ProvisionError> {
        let count: u64 = state.count_setbacks(scope).await?.iter().map(|(_, count, _)| count).sum();
        if count > BY_HEART {
            return Ok(Self::Many);
        }
        let keys = state.setbacks(scope, None).map_ok(|setback| setback.key).try_collect();
        Ok(Self::Of(keys.await?))
    }
}

/// Why a record cannot be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Trouble {
    pub(crate) kind: SetbackKind,
    pub(crate) reason: String,
    /// Whose resource the record may be after.
    pub(crate) whose: Whose,
}

impl Trouble {
    /// It stays so until somebody changes something.
    pub(crate) fn permanent(reason: String) -> Self {
        Self { kind: SetbackKind::Permanent, reason, whose: Whose::Untold }
    }

    /// What it claims belongs to another record, which may be the same person under an older key.
    pub(crate) fn contesting(owner: RecordKey, reason: String) -> Self {
        Self { whose: Whose::Of(vec![owner]), ..Self::permanent(reason) }
    }

    /// It was looked for, and has nothing to do with anybody else.
    pub(crate) fn its_own(self) -> Self {
        Self { whose: Whose::Nobodys, ..self }
    }

    /// The record failed before anybody could tell whether there is a resource of its own, or of whom.
    pub(crate) fn not_looked_for(self) -> Self {
        Self { whose: Whose::Unclear, ..self }
    }

    /// It was written, but for a reference that the provider refuses. It is tried again in every run.
    pub(crate) fn left_open(reason: String) -> Self {
        Self { kind: SetbackKind::OpenReference, ..Self::permanent(reason) }
    }

    /// It may pass by itself.
    pub(crate) fn temporary(reason: String) -> Self {
        Self { kind: SetbackKind::Temporary, ..Self::permanent(reason) }
    }

    /// What a failed call means for the record that it was made for.
    pub(crate) fn of(error: &ClientError) -> Self {
        let kind = match error.kind.class() {
            FailureClass::Retry => SetbackKind::Temporary,
            // Somebody changed it under our hands, or the answer was lost: another look settles it.
            FailureClass::Conflict if error.kind.refusal().is_none_or(|refusal| refusal.status == 412) => {
                SetbackKind::Temporary
            }
            _ if error.may_have_been_executed() => SetbackKind::Temporary,
            FailureClass::Conflict
            | FailureClass::Permanent
            | FailureClass::Authentication
            | FailureClass::Ours => SetbackKind::Permanent,
        };
        Self { kind, ..Self::permanent(error.to_string()) }
    }
}

/// What is noted with a failure: a claim stands until the record was looked at, which one that may pass had no time for.
fn with_claim(kind: SetbackKind, before: Option<String>, now: Option<String>) -> Option<String> {
    let stands = |before: &String| kind == SetbackKind::Temporary && Whose::of_mark(before).is_claim();
    before.filter(stands).or(now)
}

/// How long a record waits after so many failed attempts. The first retry comes with the next run.
pub(crate) fn wait_after(kind: SetbackKind, attempts: u32) -> Duration {
    const MINUTE: u64 = 60;
    let (first, factor, longest) = match kind {
        SetbackKind::Temporary | SetbackKind::Skipped | SetbackKind::OpenReference => {
            (MINUTE, 3, 6 * 60 * MINUTE)
        }
        SetbackKind::Permanent => (10 * MINUTE, 4, 24 * 60 * MINUTE),
    };
    match attempts {
        0 | 1 => Duration::ZERO,
        attempts => {
            let grown = (2..attempts).fold(first, |wait, _| wait.saturating_mul(factor).min(longest));
            Duration::from_secs(grown)
        }
    }
}

impl Cycle<'_> {
    /// The setback of a record, where it has one.
    pub(crate) async fn setback_of(&self, key: &RecordKey) -> Result<Option<Setback>, ProvisionError> {
        match &self.setbacks {
            Setbacks::Of(keys) if !keys.contains(key) => Ok(None),
            _ => Ok(self.provisioner.state.setback(&self.scope, key).await?),
        }
    }

    /// Whether its time has not come.
    pub(crate) fn waits(&self, setback: &Setback) -> bool {
        self.patience == Patience::Wait && setback.next_try.is_some_and(|next| next > self.began)
    }

    /// Reports that a record did not work, and remembers it.
    pub(crate) async fn fail(
        &self,
        key: &RecordKey,
        link: Option<&Link>,
        trouble: Trouble,
        fingerprint: Option<String>,
    ) -> Result<(), ProvisionError> {
        let trouble = match link {
            Some(_) => trouble,
            None => self.unless_known(key, trouble).await?,
        };
        self.contest(key, &trouble.whose);
        match trouble.kind {
            SetbackKind::OpenReference => self.remember_open_reference(key, &trouble.reason).await?,
            kind => {
                let mark = trouble.whose.mark().or(fingerprint);
                self.remember_setback(key, kind, &trouble.reason, mark).await?;
            }
        }
        if self.run.is_none() && link.is_none() {
            // Whoever points at it in a plan is to know that it will not be there.
            self.pass.release(key, &trouble.reason).await?;
        }
        self.report_failure(key, link, trouble);
        Ok(())
    }

    /// Reports that something did not work.
    pub(crate) fn report_failure(&self, key: &RecordKey, link: Option<&Link>, trouble: Trouble) {
        self.settled(RecordEvent {
            key: key.clone(),
            action: Action::Fail,
            resource_id: link.map(|link| link.resource_id.clone()),
            changes: Vec::new(),
            reason: Some(trouble.reason),
            requests: Vec::new(),
        });
    }

    /// Writes down why a record is not as it should be. A plan writes nothing.
    pub(crate) async fn remember_setback(
        &self,
        key: &RecordKey,
        kind: SetbackKind,
        reason: &str,
        fingerprint: Option<String>,
    ) -> Result<(), ProvisionError> {
        let Some(run) = self.run else { return Ok(()) };
        let state = &self.provisioner.state;
        let earlier = state.setback(&self.scope, key).await?.filter(|earlier| earlier.kind.is_failure());
        let now = Timestamp::now();
        let attempts = earlier.as_ref().map_or(0, |earlier| earlier.attempts).saturating_add(1);
        let before = earlier.as_ref().and_then(|earlier| earlier.fingerprint.clone());
        let fingerprint = with_claim(kind, before, fingerprint);
        let wait = match fingerprint.as_deref().map(Whose::of_mark) {
            // As long as it may be anybody, somebody who left has to wait with it.
            Some(Whose::Unclear) => Duration::ZERO,
            _ => wait_after(kind, attempts),
        };
        let next_try = now.checked_add(SignedDuration::try_from(wait).unwrap_or(SignedDuration::ZERO)).ok();
        let setback = Setback {
            key: key.clone(),
            kind,
            reason: reason.to_owned(),
            attempts,
            since: earlier.map_or(now, |earlier| earlier.since),
            last: now,
            next_try,
            fingerprint,
            run,
        };
        Ok(state.put_setback(&self.scope, &setback).await?)
    }

    /// Writes down that a record is out of scope, and until when where that is known. What was written before is not
    /// written again: there may be many of them.
    pub(crate) async fn remember_skip(
        &self,
        key: &RecordKey,
        reason: &str,
        until: Option<Timestamp>,
    ) -> Result<(), ProvisionError> {
        let earlier = self.setback_of(key).await?;
        self.remember_state_of(key, SetbackKind::Skipped, reason, until, earlier).await
    }

    /// Writes down that a reference of a resource that is there was left out, and why. It is due in every run: whose
    /// resource it waits for may be there by then.
    pub(crate) async fn remember_open_reference(
        &self,
        key: &RecordKey,
        reason: &str,
    ) -> Result<(), ProvisionError> {
        // Carrying out what the record needs may have cleared it since the run began.
        let earlier = self.provisioner.state.setback(&self.scope, key).await?;
        let since = earlier.as_ref().filter(|earlier| earlier.kind == SetbackKind::OpenReference);
        let due = since.map_or_else(Timestamp::now, |earlier| earlier.since);
        self.remember_state_of(key, SetbackKind::OpenReference, reason, Some(due), earlier).await
    }

    /// Forgets that a reference was left out.
    pub(crate) async fn clear_open_reference(&self, key: &RecordKey) -> Result<(), ProvisionError> {
        let earlier = self.setback_of(key).await?;
        if self.run.is_some() && earlier.is_some_and(|earlier| earlier.kind == SetbackKind::OpenReference) {
            self.provisioner.state.clear_setback(&self.scope, key).await?;
        }
        Ok(())
    }

    /// Writes down what is no failure. What stands there already is not written again.
    async fn remember_state_of(
        &self,
        key: &RecordKey,
        kind: SetbackKind,
        reason: &str,
        due: Option<Timestamp>,
        earlier: Option<Setback>,
    ) -> Result<(), ProvisionError> {
        let Some(run) = self.run else { return Ok(()) };
        let earlier = earlier.filter(|earlier| earlier.kind == kind);
        if earlier.as_ref().is_some_and(|earlier| earlier.reason == reason && earlier.next_try == due) {
            return Ok(());
        }
        let now = Timestamp::now();
        let setback = Setback {
            key: key.clone(),
            kind,
            reason: reason.to_owned(),
            attempts: 0,
            since: earlier.map_or(now, |earlier| earlier.since),
            last: now,
            next_try: due,
            fingerprint: None,
            run,
        };
        Ok(self.provisioner.state.put_setback(&self.scope, &setback).await?)
    }

    /// Forgets the setback of a record that needs nothing any more.
    pub(crate) async fn clear_setback(&self, operation: &Operation) -> Result<(), ProvisionError> {
        if self.run.is_some() && operation.wish.had_setback {
            self.provisioner.state.clear_setback(&self.scope, &operation.key).await?;
        }
        Ok(())
    }

    /// Tells a failure of one record, which is reported, from one that every record would meet: nobody is there, or
    /// so many calls in a row failed in a way that has nothing to do with them that the next one will, too.
    pub(crate) fn provider_failed(&self, error: ClientError) -> Result<Trouble, ProvisionError> {
        let is_theirs = matches!(error.kind.class(), FailureClass::Retry | FailureClass::Authentication);
        let in_a_row = match is_theirs {
            true => self.failures.fetch_add(1, Ordering::Relaxed) + 1,
            false => {
                self.provider_works();
                0
            }
        };
        match error.kind.concerns_every_call() || in_a_row >= IN_A_ROW {
            true => Err(error.into()),
            false => Ok(Trouble::of(&error)),
        }
    }

    /// Notes that a call went well, or failed for a reason of its own.
    pub(crate) fn provider_works(&self) {
        self.failures.store(0, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_claim_stands_until_the_record_was_looked_at() {
        let claim = || Whose::Of(vec![RecordKey::parse("E2").unwrap()]).mark();
        let identity = || Some("a digest".to_owned());
        assert_eq!(with_claim(SetbackKind::Temporary, claim(), identity()), claim());
        assert_eq!(with_claim(SetbackKind::Permanent, claim(), identity()), identity());
        assert_eq!(with_claim(SetbackKind::Temporary, identity(), None), None);
        assert_eq!(with_claim(SetbackKind::Temporary, None, identity()), identity());
    }

    #[test]
    fn the_first_retry_comes_with_the_next_run_and_the_waits_grow_to_a_bound() {
        let minutes =
            |kind| (1..=8).map(|attempts| wait_after(kind, attempts).as_secs() / 60).collect::<Vec<_>>();
        assert_eq!(minutes(SetbackKind::Temporary), [0, 1, 3, 9, 27, 81, 243, 360]);
        assert_eq!(minutes(SetbackKind::Permanent), [0, 10, 40, 160, 640, 1440, 1440, 1440]);
        assert_eq!(wait_after(SetbackKind::Permanent, u32::MAX).as_secs() / 60, 1440);
    }
}
