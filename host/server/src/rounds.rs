//! One provider's rounds: what is due is synced together, one round after the other, so that no two write to one provider
//! and one state at once.
//!
//! A provider in quarantine is slept over until its time has come. That is said when it begins, when the provider is
//! tried again, and when it is over.

use crate::event::Happening;
use crate::schedule::Schedule;
use crate::setup::{Provisioners, ScheduledResource, Trouble};
use crate::tenant::{TenantWork, chance};
use crate::turns::Turns;
use futures::future::{Either, select};
use jiff::Timestamp;
use scimwright_provision::{Event, Mode, ProvisionError, RunOptions, quarantine, run_round};
use scimwright_record::{ProviderName, ResourceTypeName};
use scimwright_state::{LinkScope, ProviderQuarantine, RunKind, TenantState};
use std::pin::pin;
use std::time::Duration;
use tokio::time::Instant;

/// Added to the end of a quarantine, which is known to the millisecond.
const A_MOMENT: Duration = Duration::from_millis(10);

/// The rounds of one provider.
pub(crate) struct Rounds<'a> {
    work: &'a TenantWork,
    state: &'a TenantState,
    turns: &'a Turns,
    provider: &'a ProviderName,
    provisioners: &'a dyn Provisioners,
    schedule: Schedule,
    /// Until when the provider is left alone, as it was said last.
    shut: Option<Timestamp>,
}

/// What came of the types of a round: each with its failure, if it failed.
type Outcomes = Vec<(ScheduledResource, Option<String>)>;

impl<'a> Rounds<'a> {
    pub(crate) fn new(
        work: &'a TenantWork,
        state: &'a TenantState,
        turns: &'a Turns,
        provider: &'a ProviderName,
        schedule: Schedule,
        provisioners: &'a dyn Provisioners,
    ) -> Self {
        Self { work, state, turns, provider, provisioners, schedule, shut: None }
    }

    /// Syncs what is due, for ever.
    pub(crate) async fn run(mut self) -> Result<(), Trouble> {
        while let Some(next) = self.schedule.next() {
            let told = pin!(self.work.stop.requested());
            let due = pin!(tokio::time::sleep_until(next));
            let worked = pin!(self.turns.worked_by_hand(self.provider));
            match select(told, select(due, worked)).await {
                Either::Left(_) => return Ok(()),
                Either::Right((Either::Left(_), _)) => self.round().await?,
                // It may have gone into quarantine, or come out of it.
                Either::Right((Either::Right(_), _)) => drop(self.is_shut().await?),
            }
        }
        Ok(())
    }

    /// One round over what is due.
    async fn round(&mut self) -> Result<(), Trouble> {
        let _turn = match select(pin!(self.work.stop.requested()), pin!(self.turns.take(self.provider))).await
        {
            Either::Left(_) => return Ok(()),
            Either::Right((turn, _)) => turn,
        };
        if self.is_shut().await? {
            return Ok(());
        }
        let due = self.schedule.due(Instant::now());
        if self.shut.is_some() {
            self.work.say(Happening::ProviderTried { provider: self.provider.clone() });
        }
        let types: Vec<ResourceTypeName> =
            due.iter().map(|resource| resource.resource_type.clone()).collect();
        let made = {
            let told = pin!(self.work.stop.requested());
            match select(told, self.provisioners.make(self.provider, &types)).await {
                Either::Left(_) => return Ok(()),
                Either::Right((made, _)) => made,
            }
        };
        let made = match made {
            Ok(made) => made,
            Err(trouble) => {
                let away = trouble.provider_is_away.then(|| trouble.reason.clone());
                if away.is_some() {
                    self.note(away.as_deref()).await?;
                }
                for ScheduledResource { provider, resource_type, .. } in &due {
                    let scope =
                        LinkScope { provider: provider.clone(), resource_type: resource_type.clone() };
                    let noted = self.state.note_unbegun(RunKind::Sync, &scope, &trouble.reason).await;
                    noted.map_err(|error| Trouble(error.to_string()))?;
                }
                let all = due.into_iter().map(|resource| (resource, Some(trouble.to_string())));
                self.synced(all.collect(), away.is_some());
                return Ok(());
            }
        };
        let observer = |about: &LinkScope, event: &Event| self.work.say_of_run(about, event);
        let options = RunOptions { stop: self.work.stop.clone(), ..RunOptions::default() };
        let finished = run_round(&made, Mode::Sync, &options, &observer).await;
        let causes = || finished.iter().filter_map(|finish| finish.outcome.as_ref().err());
        if causes().any(|unfinished| matches!(unfinished.cause, ProvisionError::Stopped)) {
            return Ok(());
        }
        let unreachable = causes().find_map(|unfinished| match &unfinished.cause {
            ProvisionError::Provider(error) => Some(error.to_string()),
            _ => None,
        });
        self.note(unreachable.as_deref()).await?;
        let outcomes = due.into_iter().map(|resource| {
            let finish = finished.iter().find(|finish| finish.resource_type == resource.resource_type);
            let failure = match finish {
                Some(finish) => finish.outcome.as_ref().err().map(ToString::to_string),
                None => Some(format!("the provider has no resource type `{}`", resource.resource_type)),
            };
            (resource, failure)
        });
        self.synced(outcomes.collect(), unreachable.is_some());
        Ok(())
    }

    /// Whether the provider is left alone at this moment. Then nothing is due until its time has come.
    async fn is_shut(&mut self) -> Result<bool, Trouble> {
        let access = self.provisioners.access(self.provider);
        let known = self.state.provider_quarantine(self.provider).await;
        let known = known.map_err(|error| Trouble(error.to_string()))?;
        let known = known.filter(|known| known.access == access);
        match known {
            Some(known) if quarantine::is_shut(&known, &access, Timestamp::now()) => {
                self.left_alone(&known);
                return Ok(true);
            }
            // Somebody else worked with it meanwhile.
            None if self.shut.is_some() => self.is_back(),
            _ => self.schedule.open(),
        }
        Ok(false)
    }

    /// Notes whether the provider could be worked with, and says so where it is left alone from now on, or is not any
    /// more.
    async fn note(&mut self, failure: Option<&str>) -> Result<(), Trouble> {
        let access = self.provisioners.access(self.provider);
        let noted = quarantine::note(self.state, self.provider, &access, failure).await;
        match noted.map_err(|error| Trouble(error.to_string()))? {
            Some(shut) => self.left_alone(&shut),
            None if failure.is_none() && self.shut.is_some() => self.is_back(),
            None => {}
        }
        Ok(())
    }

    fn left_alone(&mut self, quarantine: &ProviderQuarantine) {
        // As the state keeps it, so that it is the same one when it is read again.
        let until = Timestamp::from_millisecond(quarantine.until.as_millisecond());
        let (failures, until) = (quarantine.failures, until.unwrap_or(quarantine.until));
        let left = Duration::try_from(until.duration_since(Timestamp::now())).unwrap_or_default();
        self.schedule.shut(Instant::now() + left + A_MOMENT);
        if self.shut != Some(until) {
            self.shut = Some(until);
            let (provider, reason) = (self.provider.clone(), quarantine.reason.clone());
            self.work.say(Happening::ProviderQuarantined { provider, failures, until, reason });
        }
    }

    fn is_back(&mut self) {
        self.schedule.open();
        self.shut = None;
        self.work.say(Happening::ProviderBack { provider: self.provider.clone() });
    }

    /// Says what came of the types of a round, and when each of them is due again.
    fn synced(&mut self, outcomes: Outcomes, provider_is_away: bool) {
        let (now, chance) = (Instant::now(), chance());
        let (failed, settled): (Outcomes, Outcomes) =
            outcomes.into_iter().partition(|(_, failure)| failure.is_some() && provider_is_away);
        if !provider_is_away {
            self.schedule.provider_answered();
        }
        for (resource, failure) in settled {
            let next_in = self.schedule.done(&resource, failure.is_none(), now, chance);
            self.say_synced(&resource, failure, next_in);
        }
        let away: Vec<_> = failed.iter().map(|(resource, _)| resource.clone()).collect();
        if !away.is_empty() {
            self.schedule.provider_away(&away, now, chance);
        }
        let next_in = self.schedule.next().map_or(Duration::ZERO, |next| next - now);
        for (resource, failure) in failed {
            self.say_synced(&resource, failure, next_in);
        }
    }

    fn say_synced(&self, resource: &ScheduledResource, failure: Option<String>, next_in: Duration) {
        self.work.say(Happening::Synced {
            provider: resource.provider.clone(),
            resource_type: resource.resource_type.clone(),
            failure,
            next_in,
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::ServiceEvent;
    use crate::service::ServiceOptions;
    use crate::setup::{OpenTenant, TenantSetup, Unmade};
    use futures::FutureExt;
    use futures::future::BoxFuture;
    use scimwright_provision::{Provisioner, StopSignal};
    use scimwright_record::TenantName;
    use scimwright_state::StateStore;
    use std::sync::{Arc, Mutex};

    struct Nobody(TenantName);

    impl TenantSetup for Nobody {
        fn tenant(&self) -> &TenantName {
            &self.0
        }

        fn open(&self) -> BoxFuture<'_, Result<OpenTenant, Trouble>> {
            async { Err(Trouble("nothing is opened here".to_owned())) }.boxed()
        }

        fn has_changed(&self) -> bool {
            false
        }
    }

    /// A provider that is away until it is back.
    #[derive(Default)]
    struct Away {
        is_back: Mutex<bool>,
        asked: Mutex<Vec<usize>>,
    }

    impl Provisioners for Away {
        fn access(&self, _: &ProviderName) -> String {
            "this way".to_owned()
        }

        fn make<'a>(
            &'a self,
            _: &'a ProviderName,
            due: &'a [ResourceTypeName],
        ) -> BoxFuture<'a, Result<Vec<Provisioner>, Unmade>> {
            self.asked.lock().unwrap().push(due.len());
            let is_back = *self.is_back.lock().unwrap();
            let away = || Unmade { reason: "nobody answers".to_owned(), provider_is_away: true };
            async move { if is_back { Ok(Vec::new()) } else { Err(away()) } }.boxed()
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_quarantine_counts_rounds_and_is_said_when_it_begins_when_it_is_tried_and_when_it_ends() {
        let folder = tempfile::tempdir().unwrap();
        let store = StateStore::open(&folder.path().join("state.db")).await.unwrap();
        let state = store.tenant(&TenantName::default());
        let said: Arc<Mutex<Vec<String>>> = Arc::default();
        let hear = {
            let said = Arc::clone(&said);
            move |event: &ServiceEvent| {
                let line = event.to_json();
                said.lock().unwrap().push(line["event"].as_str().unwrap_or_default().to_owned());
            }
        };
        let work = TenantWork {
            setup: Arc::new(Nobody(TenantName::default())),
            options: ServiceOptions::default(),
            stop: StopSignal::new(),
            observer: Arc::new(hear),
        };
        let acme: ProviderName = "acme".parse().unwrap();
        let of = |resource_type: &str| ScheduledResource {
            provider: acme.clone(),
            resource_type: resource_type.parse().unwrap(),
            interval: Duration::from_secs(900),
        };
        let now = Instant::now();
        let schedule = Schedule::new(vec![of("User"), of("Group")], now, Duration::from_secs(30));
        let away = Away::default();
        let turns = Turns::default();
        let mut rounds = Rounds::new(&work, &state, &turns, &acme, schedule, &away);

        // Both types fail together, and three rounds are three.
        for failures in 1..=3 {
            rounds.round().await.unwrap();
            let quarantine = state.provider_quarantine(&acme).await.unwrap().unwrap();
            assert_eq!(quarantine.failures, failures);
            tokio::time::sleep_until(rounds.schedule.next().unwrap().min(now + Duration::from_secs(120)))
                .await;
        }
        assert_eq!(*away.asked.lock().unwrap(), [2, 2, 2]);
        let mut expected = vec!["synced"; 4];
        expected.extend(["provider-quarantined", "synced", "synced"]);
        assert_eq!(*said.lock().unwrap(), expected);

        // While it lasts nothing is asked, and nothing is said.
        for _ in 0..3 {
            rounds.round().await.unwrap();
        }
        assert!(rounds.schedule.next().unwrap() > Instant::now() + Duration::from_secs(240));
        assert_eq!((away.asked.lock().unwrap().len(), said.lock().unwrap().len()), (3, expected.len()));

        // Its time has come: one round tries for all, and the wait is a longer one.
        let over = |known: ProviderQuarantine| ProviderQuarantine { until: known.since, ..known };
        let known = state.provider_quarantine(&acme).await.unwrap().unwrap();
        state.put_provider_quarantine(&acme, &over(known)).await.unwrap();
        tokio::time::sleep(Duration::from_secs(300)).await;
        said.lock().unwrap().clear();
        rounds.round().await.unwrap();
        assert_eq!(*said.lock().unwrap(), ["provider-tried", "provider-quarantined", "synced", "synced"]);
        let known = state.provider_quarantine(&acme).await.unwrap().unwrap();
        assert_eq!(known.failures, 4);

        // It is back.
        state.put_provider_quarantine(&acme, &over(known)).await.unwrap();
        *away.is_back.lock().unwrap() = true;
        tokio::time::sleep(Duration::from_secs(600)).await;
        said.lock().unwrap().clear();
        rounds.round().await.unwrap();
        assert_eq!(*said.lock().unwrap(), ["provider-tried", "provider-back", "synced", "synced"]);
        assert_eq!(state.provider_quarantine(&acme).await.unwrap(), None);
    }
}
