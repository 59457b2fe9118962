//! One step for one record: what deciding ends with, and carrying out begins with.
//!
//! A sync carries each operation out as soon as it is decided, a plan writes it down, and whoever applies the plan
//! carries out what was written. So there is one place that decides and one that acts, and they share nothing but
//! this.

use crate::error::ProvisionError;
use crate::event::{Action, RecordEvent};
use crate::plan::draft::Planned;
use crate::target::RowTarget;
use jiff::Timestamp;
use scimwright_mapping::{AttributeMap, UnresolvedLink};
use scimwright_record::RecordKey;
use scimwright_scim::{AttributePath, Desired, Resource};
use scimwright_state::Link;

/// What is to be done for one record.
#[derive(Debug, Clone)]
pub(crate) struct Operation {
    /// The record.
    pub(crate) key: RecordKey,
    /// What is to be done.
    pub(crate) step: Step,
    /// What the resource is to be afterwards, and what is remembered as sent.
    pub(crate) desired: Desired,
    /// The attributes that change, in the spelling of PATCH paths.
    pub(crate) changes: Vec<String>,
    /// Why, where the record itself is not the reason.
    pub(crate) reason: Option<String>,
    /// The wish before it was fitted to the resource at hand: what a new one would get.
    pub(crate) wish: Wish,
}

/// What a mapping wants of a record's resource, whichever that turns out to be.
#[derive(Debug, Clone, Default)]
pub(crate) struct Wish {
    /// The attributes, prepared for the provider.
    pub(crate) desired: Desired,
    /// What counts for a new resource only.
    pub(crate) create_only: Vec<RowTarget>,
    /// Links that point at nothing yet, so that the lists they belong to are not whole.
    pub(crate) unresolved: Vec<UnresolvedLink>,
    /// A list that nobody is to be taken out of: where its values come from could not be read to the end.
    pub(crate) additive: Option<AttributePath>,
    /// What has to wait for another record's resource.
    pub(crate) waiting: Option<Waiting>,
    /// What is noted on the link once everything is done.
    pub(crate) mark: Mark,
    /// What the record and its mapping are, noted with a failure.
    pub(crate) identity: Option<String>,
    /// The record failed before, or was out of scope.
    pub(crate) had_setback: bool,
    /// The resource is to become inactive, in its time.
    pub(crate) deactivate: bool,
}

/// What is remembered of a record besides what was sent.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub(crate) struct Mark {
    /// What the record and its mapping were; none where the record is to be mapped again in any case.
    pub(crate) fingerprint: Option<String>,
    /// When it has to be looked at again although nothing changed.
    pub(crate) due_at: Option<Timestamp>,
}

/// What is done to the resource.
#[derive(Debug, Clone)]
pub(crate) enum Step {
    /// Nothing at all.
    Nothing(Box<Link>),
    /// Nothing is sent, but what is wanted has another spelling now and is to be remembered.
    Remember(Box<Link>),
    /// It is made.
    Create,
    /// One that was there already is linked, and changed where it differs.
    Adopt {
        /// The resource, as it was found.
        resource: Box<Resource>,
        /// An earlier run of ours began to make it, so it is ours.
        ours: bool,
    },
    /// It is changed.
    Update(Box<Link>),
    /// It is disabled: its record left.
    Disable(Box<Link>),
    /// It is made inactive, because the mapping says so.
    Deactivate(Box<Link>),
    /// It is deleted.
    Delete(Box<Link>),
}

/// Work for a later phase.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Work {
    /// References are to be filled in. In a plan: in a resource that will be so by then.
    FillIn(Waiting, Option<Box<Planned>>),
    /// The mapping makes the resource inactive, which counts as a deprovision. With what is noted on the link when that
    /// is done, and in a plan, with what the resource will be by then.
    Deactivate(Mark, Option<Box<Planned>>),
}

impl Work {
    /// Reads it back from where it was put aside.
    pub(crate) fn read(work: serde_json::Value) -> Result<Self, ProvisionError> {
        serde_json::from_value(work).map_err(|error| ProvisionError::Worker(error.to_string()))
    }
}

/// Attributes that wait for the resource of another record.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
pub(crate) struct Waiting {
    /// The attributes, with their links.
    pub(crate) attributes: AttributeMap,
    /// What of them counts for a new resource only, in the spelling of rows.
    pub(crate) create_only: Vec<String>,
    /// The list that nobody is to be taken out of, in the spelling of rows.
    pub(crate) additive: Option<String>,
    /// The fingerprint of the record, noted on its link once nothing waits any more.
    pub(crate) fingerprint: Option<String>,
}

impl Waiting {
    /// What is wanted of it once its links are resolved, as far as they are.
    pub(crate) fn wish(&self, resolved: Desired, dangling: Vec<UnresolvedLink>) -> Wish {
        let additive = self.additive.as_ref().and_then(|path| path.parse().ok());
        Wish { desired: resolved, unresolved: dangling, additive, ..Wish::default() }
    }
}

impl Operation {
    /// What is reported of it when it is done, or planned.
    pub(crate) fn action(&self) -> Action {
        match &self.step {
            Step::Nothing(_) | Step::Remember(_) => Action::Unchanged,
            Step::Create | Step::Adopt { ours: true, .. } => Action::Create,
            Step::Adopt { ours: false, .. } => Action::Adopt,
            Step::Update(_) => Action::Update,
            // The mapping had done it before: what is left to do is to remember.
            Step::Disable(_) if self.changes.is_empty() => Action::Unchanged,
            Step::Disable(_) | Step::Deactivate(_) => Action::Disable,
            Step::Delete(_) => Action::Delete,
        }
    }

    /// What is noted on the link when it is done. As long as something waits, the record is looked at in every run.
    pub(crate) fn mark(&self) -> Mark {
        let mark = self.wish.mark.clone();
        match (&self.wish.waiting, self.wish.deactivate) {
            (None, false) => mark,
            (Some(_), false) => Mark { fingerprint: None, ..mark },
            (_, true) => Mark { fingerprint: None, due_at: Some(Timestamp::now()) },
        }
    }

    /// The resource that it concerns, where there is one.
    pub(crate) fn resource_id(&self) -> Option<String> {
        match &self.step {
            Step::Create => None,
            Step::Adopt { resource, .. } => resource.id_text(),
            Step::Nothing(link)
            | Step::Remember(link)
            | Step::Update(link)
            | Step::Disable(link)
            | Step::Deactivate(link)
            | Step::Delete(link) => Some(link.resource_id.clone()),
        }
    }

    /// The event that reports it.
    pub(crate) fn event(&self) -> RecordEvent {
        RecordEvent {
            key: self.key.clone(),
            action: self.action(),
            resource_id: self.resource_id(),
            changes: self.changes.clone(),
            reason: self.reason.clone(),
            requests: Vec::new(),
        }
    }
}
