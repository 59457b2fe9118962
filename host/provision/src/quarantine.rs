//! A provider that cannot be worked with at all is left alone for a while.
//!
//! One failed round is bad luck. After three in a row the provider is in quarantine: nothing is asked of it until its
//! time has come, and then one round tries. Each further failure doubles the wait, a success ends it all. Other
//! providers have nothing to do with it.

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

/// Whether the provider may be worked with now.
///
/// # Errors
/// [`ProvisionError::Quarantined`] where it may not, unless it is to be tried now; [`ProvisionError::State`] where the
/// state cannot be read.
pub async fn admit(
    state: &TenantState,
    provider: &ProviderName,
    patience: Patience,
) -> Result<(), ProvisionError> {
    match state.provider_quarantine(provider).await? {
        Some(quarantine) if patience == Patience::Wait && is_shut(&quarantine, Timestamp::now()) => {
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

/// Whether nothing is asked of the provider at this moment.
#[must_use]
pub fn is_shut(quarantine: &ProviderQuarantine, now: Timestamp) -> bool {
    quarantine.failures >= FAILURES && quarantine.until > now
}

/// Notes how a round with a provider ended: with the reason why it could not be worked with, or well. Returns the
/// quarantine that it is in now.
///
/// # Errors
/// [`ProvisionError::State`] where the state cannot be written.
pub async fn note(
    state: &TenantState,
    provider: &ProviderName,
    failure: Option<&str>,
) -> Result<Option<ProviderQuarantine>, ProvisionError> {
    let known = state.provider_quarantine(provider).await?;
    let Some(reason) = failure else {
        if known.is_some() {
            state.lift_provider_quarantine(provider).await?;
        }
        return Ok(None);
    };
    let now = Timestamp::now();
    let failures = known.as_ref().map_or(0, |known| known.failures).saturating_add(1);
    let wait = SignedDuration::try_from(wait_after(failures).unwrap_or_default()).unwrap_or_default();
    let quarantine = ProviderQuarantine {
        failures,
        reason: reason.to_owned(),
        since: known.map_or(now, |known| known.since),
        until: now.checked_add(wait).unwrap_or(now),
    };
    state.put_provider_quarantine(provider, &quarantine).await?;
    Ok(is_shut(&quarantine, now).then_some(quarantine))
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
            assert_eq!(note(&state, &acme, Some("nobody answers")).await.unwrap(), None);
            admit(&state, &acme, Patience::Wait).await.unwrap();
        }
        let shut = note(&state, &acme, Some("nobody answers")).await.unwrap().unwrap();
        assert_eq!(shut.failures, 3);
        let refused = admit(&state, &acme, Patience::Wait).await.unwrap_err();
        assert!(refused.to_string().contains("nobody answers"), "{refused}");
        admit(&state, &acme, Patience::TryNow).await.unwrap();
        admit(&state, &ProviderName::parse("globex").unwrap(), Patience::Wait).await.unwrap();
        note(&state, &acme, None).await.unwrap();
        admit(&state, &acme, Patience::Wait).await.unwrap();
        assert_eq!(note(&state, &acme, Some("again")).await.unwrap(), None, "the count begins anew");
    }
}
