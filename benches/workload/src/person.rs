//! The record that is mapped: 12 fields, four types.

use serde::{Deserialize, Serialize};
use std::borrow::Cow;

/// One person, as a source has them. Borrowed where it can be: no side pays for copies that its mapping does
/// not need.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Person<'a> {
    /// First name.
    #[serde(borrow)]
    pub given_name: Cow<'a, str>,
    /// Last name.
    pub family_name: Cow<'a, str>,
    /// What they like to be called; blank for most.
    pub preferred_name: Cow<'a, str>,
    /// Work address.
    pub email: Cow<'a, str>,
    /// Desk phone, as people write it.
    pub phone: Cow<'a, str>,
    /// Mobile phone, as people write it.
    pub mobile: Cow<'a, str>,
    /// Job title.
    pub job_title: Cow<'a, str>,
    /// Pay grade.
    pub grade: i64,
    /// Department.
    pub department: Cow<'a, str>,
    /// Division, of which the department is a part.
    pub division: Cow<'a, str>,
    /// Whether there is a contract.
    pub employed: bool,
    /// First day, as RFC 3339 text in UTC.
    pub starts_at: Cow<'a, str>,
}

/// What a mapping is handed: the record, and what the contract in `wit/` says besides it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Call<'a> {
    /// On whose behalf.
    #[serde(borrow)]
    pub tenant: Cow<'a, str>,
    /// For which provider.
    pub provider: Cow<'a, str>,
    /// Which resource type is wanted.
    pub resource_type: Cow<'a, str>,
    /// Why the mapping is asked.
    pub operation: Cow<'a, str>,
    /// The moment of the run, as RFC 3339 text in UTC.
    pub now: Cow<'a, str>,
    /// The source's name.
    pub source: Cow<'a, str>,
    /// The record's key.
    pub key: Cow<'a, str>,
    /// The record's fields.
    pub person: Person<'a>,
}

impl Call<'static> {
    /// The call that all sides are measured with.
    #[must_use]
    pub fn example() -> Self {
        Self {
            tenant: "default".into(),
            provider: "acme".into(),
            resource_type: "User".into(),
            operation: "update".into(),
            now: "2026-03-01T08:00:00Z".into(),
            source: "hr".into(),
            key: "E1001".into(),
            person: Person {
                given_name: "Zoë".into(),
                family_name: "Martin".into(),
                preferred_name: "Zo".into(),
                email: "Zoe.Martin@example.com".into(),
                phone: "+33 1 23 45 67 89".into(),
                mobile: "+33 (0)6 12 34 56 78".into(),
                job_title: "Engineer".into(),
                grade: 7,
                department: "Research".into(),
                division: "Products".into(),
                employed: true,
                starts_at: "2024-03-01T00:00:00Z".into(),
            },
        }
    }
}
