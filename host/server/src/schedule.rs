//! Which resources of a provider are due. Pure: time is handed in, chance as well.
//!
//! Types with the same interval stay together, so that they go in one round: they get the same chance, whoever comes out
//! of step falls in again, and where the provider itself fails, nobody tries alone.

use crate::setup::ScheduledResource;
use std::time::Duration;
use tokio::time::Instant;

/// The resources of one provider and when each is due.
#[derive(Debug)]
pub(crate) struct Schedule {
    entries: Vec<Entry>,
    retry: Duration,
    /// How many rounds in a row the provider could not be worked with.
    away: u32,
    /// Until then nothing is asked of it.
    shut: Option<Instant>,
}

#[derive(Debug)]
struct Entry {
    resource: ScheduledResource,
    due: Instant,
    failures: u32,
}

impl Schedule {
    /// Everything is due at once: a service that starts does not know what it missed. After a failure the next
    /// attempt comes after `retry`, then after twice that, and never later than the resource's interval.
    pub(crate) fn new(resources: Vec<ScheduledResource>, now: Instant, retry: Duration) -> Self {
        let entries =
            resources.into_iter().map(|resource| Entry { resource, due: now, failures: 0 }).collect();
        Self { entries, retry, away: 0, shut: None }
    }

    /// The resources that are due, in the order of the configuration.
    pub(crate) fn due(&self, now: Instant) -> Vec<ScheduledResource> {
        self.entries.iter().filter(|entry| entry.due <= now).map(|entry| entry.resource.clone()).collect()
    }

    /// When the next one is due.
    pub(crate) fn next(&self) -> Option<Instant> {
        let first = self.entries.iter().map(|entry| entry.due).min()?;
        Some(self.shut.map_or(first, |shut| first.max(shut)))
    }

    /// Nothing is due before this moment.
    pub(crate) fn shut(&mut self, until: Instant) {
        self.shut = Some(until);
    }

    /// What is due is due.
    pub(crate) fn open(&mut self) {
        self.shut = None;
    }

    /// Notes that a resource was synced, or could not be, and returns the time until it is due again. `chance` is
    /// from 0 to 1: many tenants with one interval must not all come at the same moment. All resources of one round have
    /// the same `now` and the same `chance`.
    pub(crate) fn done(
        &mut self,
        resource: &ScheduledResource,
        succeeded: bool,
        now: Instant,
        chance: f64,
    ) -> Duration {
        let in_step = self.entries.iter().find(|entry| {
            // Whoever has just been tried again by itself goes on with those it belongs to.
            entry.failures == 0
                && entry.due > now
                && entry.resource.interval == resource.interval
                && entry.resource != *resource
        });
        let in_step = in_step.map(|entry| entry.due);
        let doubled = self.doubled();
        let Some(entry) = self.entries.iter_mut().find(|entry| entry.resource == *resource) else {
            return resource.interval;
        };
        entry.failures = if succeeded { 0 } else { entry.failures.saturating_add(1) };
        entry.due = match (entry.failures, in_step) {
            (0, Some(due)) => due,
            (0, None) => now + varied(resource.interval, chance),
            (failures, _) => now + varied(doubled(failures).min(resource.interval), chance),
        };
        entry.due - now
    }

    /// Notes that the provider could be worked with.
    pub(crate) fn provider_answered(&mut self) {
        self.away = 0;
    }

    /// Notes that the provider could not be worked with for these, and returns the time until all of them are
    /// due again. Nobody knocks at the same closed door in between.
    pub(crate) fn provider_away(
        &mut self,
        failed: &[ScheduledResource],
        now: Instant,
        chance: f64,
    ) -> Duration {
        self.away = self.away.saturating_add(1);
        let doubled = self.doubled()(self.away);
        let shortest = failed.iter().map(|resource| resource.interval).min().unwrap_or(doubled);
        let wait = varied(doubled.min(shortest), chance);
        for entry in &mut self.entries {
            if entry.due < now + wait || failed.contains(&entry.resource) {
                entry.due = now + wait;
            }
        }
        wait
    }

    fn doubled(&self) -> impl Fn(u32) -> Duration + use<> {
        let retry = self.retry;
        move |failures| retry.saturating_mul(1 << failures.saturating_sub(1).min(20))
    }
}

/// A twentieth more or less.
fn varied(wait: Duration, chance: f64) -> Duration {
    wait.mul_f64(0.95 + 0.1 * chance.clamp(0.0, 1.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resource(resource_type: &str, seconds: u64) -> ScheduledResource {
        ScheduledResource {
            provider: "acme".parse().unwrap(),
            resource_type: resource_type.parse().unwrap(),
            interval: Duration::from_secs(seconds),
        }
    }

    #[test]
    fn everything_is_due_at_the_start_and_then_on_its_own_interval() {
        let start = Instant::now();
        let (users, groups) = (resource("User", 100), resource("Group", 10));
        let mut schedule = Schedule::new(vec![users.clone(), groups.clone()], start, Duration::from_secs(5));
        assert_eq!(schedule.due(start), [users.clone(), groups.clone()]);
        schedule.done(&users, true, start, 0.5);
        schedule.done(&groups, true, start, 0.5);
        assert_eq!(schedule.due(start), []);
        assert_eq!(schedule.next(), Some(start + Duration::from_secs(10)));
        assert_eq!(schedule.due(start + Duration::from_secs(10)), [groups]);
    }

    #[test]
    fn a_failure_is_tried_again_sooner_then_later_and_never_later_than_the_interval() {
        let now = Instant::now();
        let users = resource("User", 30);
        let mut schedule = Schedule::new(vec![users.clone()], now, Duration::from_secs(5));
        let waits: Vec<_> =
            (0..4).map(|_| schedule.done(&users, false, now, 0.5).as_secs_f64().round()).collect();
        assert_eq!(waits, [5.0, 10.0, 20.0, 30.0]);
        assert!((schedule.done(&users, true, now, 0.5).as_secs_f64() - 30.0).abs() < 0.01);
        assert!((schedule.done(&users, false, now, 0.5).as_secs_f64() - 5.0).abs() < 0.01);
    }

    #[test]
    fn chance_moves_a_moment_by_a_twentieth_at_most() {
        let now = Instant::now();
        let users = resource("User", 100);
        let mut schedule = Schedule::new(vec![users.clone()], now, Duration::from_secs(5));
        assert!((schedule.done(&users, true, now, 0.0).as_secs_f64() - 95.0).abs() < 0.01);
        assert!((schedule.done(&users, true, now, 1.0).as_secs_f64() - 105.0).abs() < 0.01);
    }

    #[test]
    fn types_with_one_interval_stay_together_and_fall_in_again_after_a_failure_of_their_own() {
        let start = Instant::now();
        let second = Duration::from_secs(1);
        let (users, groups) = (resource("User", 100), resource("Group", 100));
        let mut schedule = Schedule::new(vec![users.clone(), groups.clone()], start, 5 * second);
        schedule.done(&users, true, start, 0.9);
        schedule.done(&groups, true, start, 0.9);
        let next = schedule.next().unwrap();
        assert_eq!(schedule.due(next), [users.clone(), groups.clone()]);

        // Users fail by themselves, and are tried again alone. Then they go on with the groups.
        schedule.done(&users, false, next, 0.1);
        schedule.done(&groups, true, next, 0.1);
        let alone = schedule.next().unwrap();
        assert_eq!(schedule.due(alone), std::slice::from_ref(&users));
        schedule.done(&users, true, alone, 0.7);
        let together = schedule.next().unwrap();
        assert!(together > next + 90 * second, "{:?}", together - next);
        assert_eq!(schedule.due(together), [users, groups]);
    }

    #[test]
    fn a_provider_that_is_away_is_tried_for_all_its_types_at_once() {
        let start = Instant::now();
        let second = Duration::from_secs(1);
        let (users, groups, roles) = (resource("User", 100), resource("Group", 100), resource("Role", 5_000));
        let all = vec![users.clone(), groups.clone(), roles.clone()];
        let mut schedule = Schedule::new(all, start, 5 * second);
        schedule.done(&users, false, start, 0.5);
        schedule.done(&groups, true, start, 0.5);
        schedule.done(&roles, true, start, 0.5);
        // One of them finds the door closed: the next one does not knock for itself in between.
        let mut now = start + 98 * second;
        let mut waits = Vec::new();
        for _ in 0..3 {
            let due = schedule.due(now);
            waits.push(schedule.provider_away(&due, now, 0.5).as_secs_f64().round());
            now = schedule.next().unwrap();
            assert_eq!(schedule.due(now), [users.clone(), groups.clone()]);
        }
        assert_eq!(waits, [5.0, 10.0, 20.0]);
        // It is back: the next failure is a first one.
        schedule.provider_answered();
        assert_eq!(schedule.provider_away(&[users], now, 0.5).as_secs_f64().round(), 5.0);
    }

    #[test]
    fn nothing_is_due_while_a_provider_is_left_alone_and_everything_then() {
        let start = Instant::now();
        let (users, groups) = (resource("User", 10), resource("Group", 30));
        let mut schedule = Schedule::new(vec![users.clone(), groups.clone()], start, Duration::from_secs(5));
        let until = start + Duration::from_secs(300);
        schedule.shut(until);
        assert_eq!(schedule.next(), Some(until));
        assert_eq!(schedule.due(until), [users, groups]);
        schedule.open();
        assert_eq!(schedule.next(), Some(start));
    }
}
