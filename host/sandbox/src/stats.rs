//! What the sandbox was asked: requests counted by method and endpoint, and answers by status.
//!
//! Tests and the quickstart prove with these numbers that a second run sends nothing. They are kept at the
//! provider's side, where a client cannot be mistaken about what it sent.

use crate::message::Method;
use crate::plays::Rule;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A snapshot of the counts since the sandbox started.
///
/// The JSON form is what `/_sandbox/stats` answers.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stats {
    /// Requests by method and endpoint: `"PATCH /Users/{id}": 3`.
    pub requests: BTreeMap<String, u64>,
    /// Answers by HTTP status.
    pub statuses: BTreeMap<u16, u64>,
    /// Resources that exist now, by resource type.
    pub resources: BTreeMap<String, u64>,
    /// How often requests went against a rule of the provider that is played; see
    /// [`Plays`](crate::Plays).
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub broken_rules: BTreeMap<Rule, u64>,
}

impl Stats {
    /// How often a method met an endpoint, as it stands in `requests`: `count("POST", "/Users")`.
    #[must_use]
    pub fn count(&self, method: &str, endpoint: &str) -> u64 {
        self.requests.get(&format!("{method} {endpoint}")).copied().unwrap_or(0)
    }

    /// All requests.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.requests.values().sum()
    }

    /// Requests that ask for a change: every POST that is no search, PUT, PATCH and DELETE.
    #[must_use]
    pub fn writes(&self) -> u64 {
        let writes = |key: &str| !key.starts_with("GET ") && !key.ends_with("/.search");
        self.requests.iter().filter(|(key, _)| writes(key)).map(|(_, count)| count).sum()
    }

    /// Requests that were turned away because there were too many (429).
    #[must_use]
    pub fn throttled(&self) -> u64 {
        self.statuses.get(&429).copied().unwrap_or(0)
    }

    /// How often requests went against this rule of the provider that is played.
    #[must_use]
    pub fn broken(&self, rule: Rule) -> u64 {
        self.broken_rules.get(&rule).copied().unwrap_or(0)
    }

    /// What was added after `earlier` was taken. `resources` stays what it is now.
    #[must_use]
    pub fn since(&self, earlier: &Self) -> Self {
        Self {
            requests: grown(&self.requests, &earlier.requests),
            statuses: grown(&self.statuses, &earlier.statuses),
            resources: self.resources.clone(),
            broken_rules: grown(&self.broken_rules, &earlier.broken_rules),
        }
    }
}

fn grown<K: Ord + Clone>(now: &BTreeMap<K, u64>, earlier: &BTreeMap<K, u64>) -> BTreeMap<K, u64> {
    let growth = |key: &K, count: u64| count.saturating_sub(earlier.get(key).copied().unwrap_or(0));
    now.iter()
        .map(|(key, count)| (key.clone(), growth(key, *count)))
        .filter(|(_, count)| *count > 0)
        .collect()
}

/// The counts as they are kept.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    requests: BTreeMap<(&'static str, Method), u64>,
    statuses: BTreeMap<u16, u64>,
}

impl Counters {
    /// Counts one exchange.
    pub(crate) fn count(&mut self, method: Method, endpoint: &'static str, status: u16) {
        *self.requests.entry((endpoint, method)).or_default() += 1;
        *self.statuses.entry(status).or_default() += 1;
    }

    /// The counts so far, with how many resources there are.
    pub(crate) fn snapshot(&self, resources: BTreeMap<String, u64>) -> Stats {
        let requests = self
            .requests
            .iter()
            .map(|((endpoint, method), count)| (format!("{} {endpoint}", method.as_str()), *count))
            .collect();
        Stats { requests, statuses: self.statuses.clone(), resources, broken_rules: BTreeMap::new() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_search_is_no_write_though_it_is_a_post() {
        let mut counters = Counters::default();
        counters.count(Method::Post, "/Users/.search", 200);
        counters.count(Method::Post, "/Users", 201);
        counters.count(Method::Get, "/Users", 200);
        let stats = counters.snapshot(BTreeMap::new());
        assert_eq!((stats.total(), stats.writes()), (3, 1));
        assert_eq!(stats.count("POST", "/Users"), 1);
    }

    #[test]
    fn the_difference_of_two_snapshots_names_only_what_was_added() {
        let mut counters = Counters::default();
        counters.count(Method::Post, "/Users", 201);
        let before = counters.snapshot(BTreeMap::new());
        counters.count(Method::Patch, "/Users/{id}", 200);
        let since = counters.snapshot(BTreeMap::new()).since(&before);
        assert_eq!(since.requests, BTreeMap::from([("PATCH /Users/{id}".to_owned(), 1)]));
    }

    #[test]
    fn broken_rules_are_named_in_the_json_and_left_out_where_there_are_none() {
        let mut stats = Stats::default();
        assert!(serde_json::to_value(&stats).unwrap().get("broken_rules").is_none());
        stats.broken_rules.insert(Rule::MemberRemoval, 2);
        let printed = serde_json::to_value(&stats).unwrap();
        assert_eq!(printed["broken_rules"]["member_removal"], 2);
        assert_eq!(serde_json::from_value::<Stats>(printed).unwrap(), stats);
        assert_eq!(stats.since(&stats).broken(Rule::MemberRemoval), 0);
    }
}
