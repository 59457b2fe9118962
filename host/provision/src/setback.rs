//! Records that did not come through, and when they are tried again.
//!
//! A failure waits with its record and holds nobody else up. The first retry comes with the next run; after that the
//! waits grow, quickly to hours where the provider refuses for good, slowly where it was only not there. A record
//! that changes is tried at once.

use crate::cycle::Cycle;
use crate::error::ProvisionError;
use crate::event::{Action, RecordEvent};
use crate::provisioner::Patience;
use jiff::{SignedDuration, Timestamp};
use scimwright_client::{ClientError, FailureClass};
use scimwright_record::RecordKey;
use scimwright_state::{Link, Setback, SetbackKind};
use std::sync::atomic::Ordering;
use std::time::Duration;

/// Why a record cannot be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Trouble {
    pub(crate) kind: SetbackKind,
    pub(crate) reason: String,
}

impl Trouble {
    /// It stays so until somebody changes something.
    pub(crate) fn permanent(reason: String) -> Self {
        Self { kind: SetbackKind::Permanent, reason }
    }

    /// It may pass by itself.
    pub(crate) fn temporary(reason: String) -> Self {
        Self { kind: SetbackKind::Temporary, reason }
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
        Self { kind, reason: error.to_string() }
    }
}

/// How long a record waits after so many failed attempts. The first retry comes with the next run.
pub(crate) fn wait_after(kind: SetbackKind, attempts: u32) -> Duration {
    const MINUTE: u64 = 60;
    let (first, factor, longest) = match kind {
        SetbackKind::Temporary | SetbackKind::Skipped => (MINUTE, 3, 6 * 60 * MINUTE),
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
        match self.setbacks.load(Ordering::Relaxed) {
            true => Ok(self.provisioner.state.setback(&self.scope, key).await?),
            false => Ok(None),
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
        self.remember_setback(key, trouble.kind, &trouble.reason, fingerprint).await?;
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
        let earlier = self.setback_of(key).await?;
        let now = Timestamp::now();
        let same = earlier
            .as_ref()
            .is_some_and(|earlier| (earlier.kind == SetbackKind::Skipped) == (kind == SetbackKind::Skipped));
        let attempts =
            earlier.as_ref().filter(|_| same).map_or(0, |earlier| earlier.attempts).saturating_add(1);
        let wait = SignedDuration::try_from(wait_after(kind, attempts)).unwrap_or(SignedDuration::ZERO);
        let next_try = match kind {
            SetbackKind::Skipped => None,
            SetbackKind::Temporary | SetbackKind::Permanent => now.checked_add(wait).ok(),
        };
        let setback = Setback {
            key: key.clone(),
            kind,
            reason: reason.to_owned(),
            attempts,
            since: earlier.filter(|_| same).map_or(now, |earlier| earlier.since),
            last: now,
            next_try,
            fingerprint,
            run,
        };
        state.put_setback(&self.scope, &setback).await?;
        self.setbacks.store(true, Ordering::Relaxed);
        Ok(())
    }

    /// Forgets the setback of a record that needs nothing any more.
    pub(crate) async fn clear_setback(&self, key: &RecordKey) -> Result<(), ProvisionError> {
        if self.run.is_some() && self.setbacks.load(Ordering::Relaxed) {
            self.provisioner.state.clear_setback(&self.scope, key).await?;
        }
        Ok(())
    }

    /// Tells a failure of one record, which is reported, from one that every record would meet.
    pub(crate) fn provider_failed(&self, error: ClientError) -> Result<Trouble, ProvisionError> {
        if error.kind.concerns_every_call() { Err(error.into()) } else { Ok(Trouble::of(&error)) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_retry_comes_with_the_next_run_and_the_waits_grow_to_a_bound() {
        let minutes =
            |kind| (1..=8).map(|attempts| wait_after(kind, attempts).as_secs() / 60).collect::<Vec<_>>();
        assert_eq!(minutes(SetbackKind::Temporary), [0, 1, 3, 9, 27, 81, 243, 360]);
        assert_eq!(minutes(SetbackKind::Permanent), [0, 10, 40, 160, 640, 1440, 1440, 1440]);
        assert_eq!(wait_after(SetbackKind::Permanent, u32::MAX).as_secs() / 60, 1440);
    }
}
