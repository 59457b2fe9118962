//! Links and rules for tests.

use crate::rules::{DeprovisionAction, DeprovisionRules, Threshold, UnreadableRows};
use jiff::Timestamp;
use scimwright_scim::{Desired, Resource};
use scimwright_state::{Link, Ownership, RunId, Standing};
use std::collections::HashSet;

/// The link of record `E1`, made and last changed at this moment.
pub(crate) fn link(ownership: Ownership, standing: Standing, at: Timestamp) -> Link {
    Link {
        key: "E1".parse().unwrap(),
        resource_id: "r1".into(),
        ownership,
        standing,
        sent: Desired::new(),
        seen: Resource::new(),
        version: None,
        created_at: at,
        updated_at: at,
        run: RunId::generate(),
        fingerprint: None,
        due_at: None,
    }
}

/// Rules with this action, and everything else as it is by default.
pub(crate) fn rules(action: DeprovisionAction) -> DeprovisionRules {
    DeprovisionRules {
        action,
        threshold: Threshold::default(),
        include_adopted: false,
        protected: HashSet::new(),
        unreadable_rows: UnreadableRows::Hold,
        disabling_deletes: false,
    }
}
