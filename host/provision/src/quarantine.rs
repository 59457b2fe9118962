//! A provider that cannot be worked with at all is left alone for a while.
//!
//! One failed round is bad luck. After three in a row the provider is in quarantine: nothing is asked of it until its
//! time has come, and then one round tries. Each further failure doubles the wait, a success ends it all. Other
//! providers have nothing to do with it, and neither has another way to the same one: who corrects its address or where
//! its credentials come from begins anew.

use crate::error::ProvisionError;
use crate::provisioner::Patience;
use jiff::{SignedDuration, Timestamp};
use scimwright_record::ProviderName;
use scimwright_state::{ProviderQuarantine, TenantState};
use std::time::Duration;

/// How many rounds in a row have to fail.
pub const FAILURES: u32 = 3;

const FIRST_WAIT: Duration = Duration::from_secs(5 * 60);
const LONGEST_WAIT: Duration = Duration::from_secs(6 * 60 * 60);

/// How long nothing is asked of a provider after so many failed rounds in a row.
#[must_use]
pub fn wait_after(failures: u32) -> Option<Duration> {
    let doublings = failures.checked_sub(FAILURES)?;
    Some(FIRST_WAIT.saturating_mul(1 << doublings.min(10)).min(LONGEST_WAIT))
}

/// Whether the provider may be worked with now. `access` is a digest of the way to it: its address and where its
/// credentials come from.
///
/// # Errors
/// [`ProvisionError::Quarantined`] where it may not, unless it is to be tried now; [`ProvisionError::State`] where the
/// state cannot be read.
pub async fn admit(
    state: &TenantState,
    provider: &ProviderName,
    access: &str,
    patience: Patience,
) -> Result<(), ProvisionError> {
    match state.provider_quarantine(provider).await? {
        Some(quarantine) if patience == Patience::Wait && is_shut(&quarantine, access, Timestamp::now()) => {
            Err(ProvisionError::Quarantined {
                provider: provider.clone(),
                failures: quarantine.failures,
                until: quarantine.until,
                reason: quarantine.reason,
            })
        }
        _ => Ok(()),
    }
}

/// Whether nothing is asked of the provider in this way at this moment.
#[must_use]
pub fn is_shut(quarantine: &ProviderQuarantine, access: &str, now: Timestamp) -> bool {
    quarantine.access == access && quarantine.failures >= FAILURES && quarantine.until > now
}

/// Notes how a round with a provider ended: with the reason why it could not be worked with, or well. Returns the
/// quarantine that it is in now.
///
/// # Errors
/// [`ProvisionError::State`] where the state cannot be written.
pub async fn note(
    state: &TenantState,
    provider: &ProviderName,
    access: &str,
    failure: Option<&str>,
) -> Result<Option<ProviderQuarantine>, ProvisionError> {
    let known = state.provider_quarantine(provider).await?;
    let Some(reason) = failure else {
        if known.is_some() {
            state.lift_provider_quarantine(provider).await?;
        }
        return Ok(None);
    };
    // What another way to it came to says nothing about this one.
    let known = known.filter(|known| known.access == access);
    let now = Timestamp::now();
    let failures = known.as_ref().map_or(0, |known| known.failures).saturating_add(1);
    let wait = SignedDuration::try_from(wait_after(failures).unwrap_or_default()).unwrap_or_default();
    let quarantine = ProviderQuarantine {
        access: access.to_owned(),
        failures,
        reason: reason.to_owned(),
        since: known.map_or(now, |known| known.since),
        until: now.checked_add(wait).unwrap_or(now),
    };
    state.put_provider_quarantine(provider, &quarantine).await?;
    Ok(is_shut(&quarantine, access, now).then_some(quarantine))
}

#[cfg(test)]
mod tests {
    use super::*;
    use scimwright_record::TenantName;
    use scimwright_state::StateStore;

    #[test]
    fn two_failures_are_bad_luck_and_the_waits_double_to_a_bound() {
        let minutes: Vec<_> =
            (1..=12).map(|failures| wait_after(failures).map(|wait| wait.as_secs() / 60)).collect();
        let expected = [0, 0, 5, 10, 20, 40, 80, 160, 320, 360, 360, 360];
        assert_eq!(minutes, expected.map(|minutes| (minutes > 0).then_some(minutes)));
        assert_eq!(wait_after(u32::MAX), Some(LONGEST_WAIT));
    }

    #[tokio::test]
    async fn the_third_failure_in_a_row_shuts_the_door_and_a_success_opens_it() {
        let folder = tempfile::tempdir().unwrap();
        let store = StateStore::open(&folder.path().join("state.db")).await.unwrap();
        let state = store.tenant(&TenantName::default());
        let acme = ProviderName::parse("acme").unwrap();
        for _ in 0..2 {
            assert_eq!(note(&state, &acme, "here", Some("nobody answers")).await.unwrap(), None);
            admit(&state, &acme, "here", Patience::Wait).await.unwrap();
        }
        let shut = note(&state, &acme, "here", Some("nobody answers")).await.unwrap().unwrap();
        assert_eq!(shut.failures, 3);
        let refused = admit(&state, &acme, "here", Patience::Wait).await.unwrap_err();
        assert!(refused.to_string().contains("nobody answers"), "{refused}");
        admit(&state, &acme, "here", Patience::TryNow).await.unwrap();
        admit(&state, &acme, "elsewhere", Patience::Wait).await.unwrap();
        admit(&state, &ProviderName::parse("globex").unwrap(), "here", Patience::Wait).await.unwrap();
        note(&state, &acme, "here", None).await.unwrap();
        admit(&state, &acme, "here", Patience::Wait).await.unwrap();
        assert_eq!(note(&state, &acme, "here", Some("again")).await.unwrap(), None, "the count begins anew");
    }

    #[tokio::test]
    async fn another_way_to_a_provider_begins_anew() {
        let folder = tempfile::tempdir().unwrap();
        let store = StateStore::open(&folder.path().join("state.db")).await.unwrap();
        let state = store.tenant(&TenantName::default());
        let acme = ProviderName::parse("acme").unwrap();
        for _ in 0..3 {
            note(&state, &acme, "wrong", Some("nobody answers")).await.unwrap();
        }
        admit(&state, &acme, "wrong", Patience::Wait).await.unwrap_err();
        for failures in 1..=2 {
            assert_eq!(note(&state, &acme, "right", Some("503")).await.unwrap(), None, "{failures}");
        }
        assert_eq!(note(&state, &acme, "right", Some("503")).await.unwrap().unwrap().failures, 3);
        admit(&state, &acme, "right", Patience::Wait).await.unwrap_err();
    }
}
