//! Whom and what somebody wants in a plan.

use crate::event::Action;
use scimwright_record::RecordKey;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// What of a plan is shown and written. Everything is decided all the same: who left is known only when everybody was
/// read, and how many may go does not depend on who is looking.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlanFilter {
    /// Only these records; all of them where none is named.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub keys: BTreeSet<RecordKey>,
    /// Only these kinds of operations; all of them where none is named.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub only: BTreeSet<Action>,
}

impl PlanFilter {
    /// Whether everything is wanted.
    #[must_use]
    pub fn is_all(&self) -> bool {
        self.keys.is_empty() && self.only.is_empty()
    }

    /// Whether this record is wanted at all.
    pub(crate) fn concerns(&self, key: &RecordKey) -> bool {
        self.keys.is_empty() || self.keys.contains(key)
    }

    /// Whether this is wanted.
    pub(crate) fn admits(&self, key: &RecordKey, action: Action) -> bool {
        self.concerns(key) && (self.only.is_empty() || self.only.contains(&action))
    }

    /// Whether a record without a resource gets one by this plan.
    pub(crate) fn makes(&self, key: &RecordKey) -> bool {
        self.admits(key, Action::Create) || self.admits(key, Action::Adopt)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_filter_names_records_and_kinds_and_none_means_all() {
        let key = |text: &str| RecordKey::parse(text).unwrap();
        let all = PlanFilter::default();
        assert!(all.is_all() && all.admits(&key("E1"), Action::Delete));
        let some = PlanFilter { keys: [key("E1")].into(), only: [Action::Update].into() };
        assert!(some.admits(&key("E1"), Action::Update));
        assert!(!some.admits(&key("E2"), Action::Update) && !some.admits(&key("E1"), Action::Delete));
        assert!(some.concerns(&key("E1")) && !some.makes(&key("E1")));
    }
}
