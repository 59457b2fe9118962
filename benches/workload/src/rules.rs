//! From the record to a user of 8 attributes: what a mapping author would write.

use crate::person::Person;
use crate::text;
use serde::Serialize;
use std::fmt;

/// The user, with the eight attributes that the mapping sets.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct User {
    /// The login name.
    pub user_name: String,
    /// The name in its parts.
    pub name: Name,
    /// The name that colleagues use.
    pub display_name: String,
    /// The work address.
    pub emails: Vec<Email>,
    /// Desk and mobile phone, those that there are.
    pub phone_numbers: Vec<PhoneNumber>,
    /// Whether they have begun, and are still there.
    pub active: bool,
    /// Job title and grade.
    pub title: String,
    /// The attributes of RFC 7643 section 4.3.
    #[serde(rename = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User")]
    pub enterprise: Enterprise,
}

/// A name in its parts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Name {
    /// The whole name.
    pub formatted: String,
    /// Last name.
    pub family_name: String,
    /// First name.
    pub given_name: String,
}

/// One address.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Email {
    /// The address, in lower case.
    pub value: String,
    /// `work`.
    pub r#type: &'static str,
    /// Whether it is the one to use.
    pub primary: bool,
}

/// One telephone number.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PhoneNumber {
    /// The number without punctuation.
    pub value: String,
    /// `work` or `mobile`.
    pub r#type: &'static str,
}

/// The attributes of the enterprise extension.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Enterprise {
    /// Division and department.
    pub department: String,
}

/// A record that cannot be mapped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// The field at fault.
    pub field: &'static str,
    /// What is wrong with it.
    pub message: String,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "field `{}` {}", self.field, self.message)
    }
}

impl std::error::Error for Refusal {}

/// Maps one person, at a moment given as RFC 3339 text in UTC.
///
/// # Errors
/// [`Refusal`] when the address is none, which is the login, so that somebody has to correct it.
pub fn map(person: &Person<'_>, now: &str) -> Result<User, Refusal> {
    let email = text::email_address(&person.email).ok_or_else(|| Refusal {
        field: "email",
        message: format!("is `{}`, which is not a mail address", person.email),
    })?;
    let given = text::name(&person.given_name);
    let family = text::name(&person.family_name);
    let preferred = text::name(&person.preferred_name);
    let first = if preferred.is_empty() { &given } else { &preferred };

    let phones = [(&person.phone, "work"), (&person.mobile, "mobile")];
    let phone_numbers = phones
        .into_iter()
        .filter_map(|(written, r#type)| Some(PhoneNumber { value: text::phone_number(written)?, r#type }));
    Ok(User {
        user_name: email.clone(),
        display_name: text::joined(first, " ", &family),
        name: Name { formatted: text::joined(&given, " ", &family), family_name: family, given_name: given },
        emails: vec![Email { value: email, r#type: "work", primary: true }],
        phone_numbers: phone_numbers.collect(),
        // Both are RFC 3339 in UTC, which sorts as text.
        active: person.employed && *person.starts_at <= *now,
        title: format!("{}, grade {}", person.job_title.trim(), person.grade),
        enterprise: Enterprise {
            department: text::joined(person.division.trim(), ": ", person.department.trim()),
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Call, expected};

    fn mapped(change: impl FnOnce(&mut Person<'static>)) -> Result<User, Refusal> {
        let mut call = Call::example();
        change(&mut call.person);
        map(&call.person, &call.now)
    }

    #[test]
    fn the_example_maps_as_expected() {
        assert_eq!(serde_json::to_value(mapped(|_| ()).unwrap()).unwrap(), expected());
    }

    #[test]
    fn a_call_survives_its_journey_as_json() {
        let json = serde_json::to_vec(&Call::example()).unwrap();
        assert_eq!(serde_json::from_slice::<Call<'_>>(&json).unwrap(), Call::example());
    }

    #[test]
    fn who_has_not_begun_is_not_active() {
        assert!(!mapped(|person| person.starts_at = "2026-03-02T00:00:00Z".into()).unwrap().active);
        assert!(!mapped(|person| person.employed = false).unwrap().active);
    }

    #[test]
    fn what_is_blank_is_left_out() {
        let user = mapped(|person| {
            person.preferred_name = " ".into();
            person.mobile = "".into();
            person.division = "".into();
        });
        let user = user.unwrap();
        assert_eq!(user.display_name, "Zoë Martin");
        assert_eq!(user.phone_numbers.len(), 1);
        assert_eq!(user.enterprise.department, "Research");
    }

    #[test]
    fn an_address_that_is_none_is_refused_by_field() {
        let refusal = mapped(|person| person.email = "zoe at example".into()).unwrap_err();
        assert_eq!(refusal.to_string(), "field `email` is `zoe at example`, which is not a mail address");
    }
}
