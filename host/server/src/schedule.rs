//! Which resource is due. Pure: time is handed in, chance as well.

use crate::setup::ScheduledResource;
use std::time::Duration;
use tokio::time::Instant;

/// The resources of one provider and when each is due.
#[derive(Debug)]
pub(crate) struct Schedule {
    entries: Vec<Entry>,
    retry: Duration,
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
        Self { entries, retry }
    }

    /// The resources that are due, in the order of the configuration.
    pub(crate) fn due(&self, now: Instant) -> Vec<ScheduledResource> {
        self.entries.iter().filter(|entry| entry.due <= now).map(|entry| entry.resource.clone()).collect()
    }

    /// When the next one is due.
    pub(crate) fn next(&self) -> Option<Instant> {
        self.entries.iter().map(|entry| entry.due).min()
    }

    /// Notes that a resource was synced, or could not be, and returns the time until it is due again. `chance` is
    /// from 0 to 1: many tenants with one interval must not all come at the same moment.
    pub(crate) fn done(
        &mut self,
        resource: &ScheduledResource,
        succeeded: bool,
        now: Instant,
        chance: f64,
    ) -> Duration {
        let Some(entry) = self.entries.iter_mut().find(|entry| entry.resource == *resource) else {
            return resource.interval;
        };
        entry.failures = if succeeded { 0 } else { entry.failures.saturating_add(1) };
        let doubled = |failures: u32| self.retry.saturating_mul(1 << (failures - 1).min(20));
        let wait = match entry.failures {
            0 => resource.interval,
            failures => doubled(failures).min(resource.interval),
        };
        // A twentieth more or less.
        let wait = wait.mul_f64(0.95 + 0.1 * chance.clamp(0.0, 1.0));
        entry.due = now + wait;
        wait
    }
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
}
