//! What an administrator decides about one resource type at one provider.
//!
//! These are plain values, checked where the configuration is read. Provisioning obeys them and asks
//! nobody else.

use crate::members::MemberRules;
use crate::provisioner::Reach;
use crate::rows::{AttributeRow, RowValue};
use crate::scope::ScopeRules;
use scimwright_client::MatchKey;
use scimwright_record::{ModuleName, RecordKey, ResourceTypeName, SourceName};
use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

/// How the records of one source become resources of one type.
#[derive(Debug, Clone)]
pub struct ResourceRules {
    /// The type at the provider: `User`.
    pub resource_type: ResourceTypeName,
    /// The source whose records are provisioned.
    pub source: SourceName,
    /// The keys by which a record without a link finds its resource, tried in this order.
    pub matching: Arc<[MatchKey]>,
    /// Whether a resource that was there before is taken over by the record that matches it.
    pub adopt: bool,
    /// Which records count.
    pub scope: ScopeRules,
    /// Where it stands who belongs to whom.
    pub members: Option<MemberRules>,
    /// Attribute rows of the configuration: the first layer of the mapping.
    pub rows: Vec<AttributeRow>,
    /// Mapping modules, in order; a later one wins over an earlier one and over the rows.
    pub modules: Vec<ModuleName>,
    /// Default-values modules, in order; each fills only what is still open.
    pub defaults: Vec<ModuleName>,
    /// What happens to a resource whose record left scope.
    pub deprovision: DeprovisionRules,
    /// How far a cycle of the service reaches.
    pub reach: Reach,
    /// How often a cycle of the service reaches everything all the same.
    pub full_every: Duration,
    /// How often a service syncs it; as the service's configuration says where this says nothing.
    pub interval: Option<Duration>,
    /// How many records may be on their way to the provider at once; at least 1.
    pub concurrency: usize,
}

impl ResourceRules {
    /// The modules that rows take single attributes from, each once.
    #[must_use]
    pub fn scripts(&self) -> Vec<&ModuleName> {
        let mut scripts = Vec::new();
        for row in &self.rows {
            if let RowValue::Script { module, .. } = &row.value
                && !scripts.contains(&module)
            {
                scripts.push(module);
            }
        }
        scripts
    }
}

/// What happens to a resource whose record left scope, and what stops it.
#[derive(Debug, Clone)]
pub struct DeprovisionRules {
    /// What to do with such a resource.
    pub action: DeprovisionAction,
    /// How many may be deprovisioned in one run.
    pub threshold: Threshold,
    /// Whether resources that existed before we found them may be deprovisioned.
    pub include_adopted: bool,
    /// Records whose resources are never deprovisioned.
    pub protected: HashSet<RecordKey>,
    /// What a row means whose key cannot be read: it may be any of the people who seem to have left.
    pub unreadable_rows: UnreadableRows,
    /// Whether the provider deletes what is made inactive, as its profile says. What is done to it is the same; what is
    /// said of it is what becomes of it.
    pub disabling_deletes: bool,
}

/// What to do with a resource whose record left scope.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeprovisionAction {
    /// Leave it.
    Nothing,
    /// Set `active` to false.
    Disable,
    /// Delete it.
    Delete,
    /// Set `active` to false, and delete it when it has been so for this time. Whoever comes back before is
    /// active again.
    DisableThenDelete {
        /// How long it stays disabled.
        after: Duration,
    },
}

/// What a row without a readable key does to deprovisioning.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UnreadableRows {
    /// Nobody is deprovisioned until the row is mended.
    Hold,
    /// Deprovisioning goes on; whoever stands in that row may lose the account.
    Ignore,
}

/// The most resources that one run may deprovision. Both bounds hold where both are given.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Threshold {
    /// The share of the active linked resources, from 0.0 to 1.0; rounded up to whole resources, so that a
    /// company of ten may lose one under 5 %.
    pub share: Option<f64>,
    /// A plain number.
    pub count: Option<u64>,
}

impl Threshold {
    /// How many of `population` active resources may go in one run.
    ///
    /// ```
    /// use scimwright_provision::Threshold;
    ///
    /// let five_percent = Threshold { share: Some(0.05), count: None };
    /// assert_eq!(five_percent.allowed(1_000), 50);
    /// assert_eq!(five_percent.allowed(10), 1);
    /// assert_eq!(five_percent.allowed(0), 0);
    /// ```
    #[must_use]
    pub fn allowed(&self, population: u64) -> u64 {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            clippy::cast_precision_loss,
            reason = "populations are far below 2^52, and a share is between 0 and 1"
        )]
        let by_share = self.share.map(|share| (population as f64 * share.clamp(0.0, 1.0)).ceil() as u64);
        let by_count = self.count;
        [by_share, by_count].into_iter().flatten().min().unwrap_or(population).min(population)
    }
}

impl Default for Threshold {
    /// Five percent, which stops the usual accidents: a truncated export, a wrong filter, an empty table.
    fn default() -> Self {
        Self { share: Some(0.05), count: None }
    }
}

impl std::fmt::Display for Threshold {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match (self.share, self.count) {
            (Some(share), Some(count)) => write!(f, "{} % and {count}", share * 100.0),
            (Some(share), None) => write!(f, "{} %", share * 100.0),
            (None, Some(count)) => write!(f, "{count}"),
            (None, None) => f.write_str("no limit"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Point 25: a mass-change guard, by share and by number.
    #[test]
    fn the_tighter_of_two_bounds_counts() {
        let both = Threshold { share: Some(0.1), count: Some(3) };
        assert_eq!(both.allowed(100), 3);
        assert_eq!(both.allowed(20), 2);
    }

    /// Point 25: a mass-change guard that can be taken away, and can hold everybody.
    #[test]
    fn no_bound_allows_everybody_and_zero_allows_nobody() {
        assert_eq!(Threshold { share: None, count: None }.allowed(7), 7);
        assert_eq!(Threshold { share: Some(0.0), count: None }.allowed(7), 0);
        assert_eq!(Threshold { share: None, count: Some(0) }.allowed(7), 0);
    }
}
