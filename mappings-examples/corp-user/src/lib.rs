//! Maps the people of a company to SCIM Users.
//!
//! One function an attribute, so that a reader who looks for `userName` finds all of its rules in one place.
//! A blank field clears its attribute: what was removed in the source is removed at the provider.
//!
//! - `status`: whether somebody is active
//! - `user_name`: the login name, from the mail address or built from the name

mod status;
mod user_name;

use scimwright_guest::prelude::*;
use std::borrow::Cow;

/// The mapping. See the crate's README for the table of fields and attributes.
#[derive(Debug)]
pub struct CorpUser;

scimwright_guest::export!(CorpUser: mapper);

impl Describe for CorpUser {
    fn describe() -> Manifest {
        Manifest::new("corp-user", env!("CARGO_PKG_VERSION"))
            .description("Maps the people of a company to SCIM Users.")
            .reads([
                "employee_id",
                "given_name",
                "family_name",
                "preferred_name",
                "email",
                "phone",
                "mobile",
                "job_title",
                "department",
                "division",
                "cost_center",
                "manager_id",
                "status",
                "locale",
            ])
            .writes([
                "externalId",
                "userName",
                "name",
                "displayName",
                "emails",
                "phoneNumbers",
                "active",
                "title",
                "preferredLanguage",
                "locale",
            ])
            .writes_enterprise(["employeeNumber", "department", "division", "costCenter", "manager"])
            .setting(
                Setting::optional("domain", "The domain of login names that are built from a person's name.")
                    .default("example.com"),
            )
            .setting(Setting::optional(
                "country_code",
                "The country of telephone numbers that do not name theirs, for example +49.",
            ))
            .setting(
                Setting::optional("leave_is_active", "Whether people on leave keep their access.")
                    .default("true"),
            )
    }
}

impl MapAttributes for CorpUser {
    fn map(ctx: &Context, record: &Record) -> Result<Outcome, MappingError> {
        let person = Person::read(record)?;
        let mut map = AttributeMap::new();
        map.set("externalId", record.key());
        map.set("userName", person.user_name(ctx)?);
        set_name(&mut map, &person);
        set_emails(&mut map, &person);
        set_phone_numbers(&mut map, ctx, record)?;
        map.set("active", status::active(ctx, record)?);
        map.set_or_clear("title", record.optional_text("job_title")?);
        set_language(&mut map, record)?;
        set_enterprise(&mut map, record)?;
        Ok(map.into())
    }
}

/// The fields that more than one attribute is made of, cleaned.
struct Person {
    given: String,
    family: String,
    preferred: String,
    email: Option<String>,
}

impl Person {
    fn read(record: &Record) -> Result<Self, MappingError> {
        let name = |field| -> Result<String, MappingError> {
            Ok(record.optional_text(field)?.map(|text| functions::clean_name(&text)).unwrap_or_default())
        };
        Ok(Self {
            given: name("given_name")?,
            family: name("family_name")?,
            preferred: name("preferred_name")?,
            email: record.optional_text("email")?.map(read_email).transpose()?,
        })
    }

    /// The mail address is what people know as their login; who has none gets one built from the name.
    fn user_name(&self, ctx: &Context) -> Result<String, MappingError> {
        if let Some(email) = &self.email {
            return Ok(email.clone());
        }
        user_name::from_name(&self.given, &self.family, ctx.setting("domain")).ok_or_else(|| {
            MappingError::field(
                "email",
                "is blank, and no login name can be built: that takes a name with Latin, Greek or Cyrillic \
                 letters and the setting `domain`",
            )
        })
    }

    /// The name that colleagues use, in the order of its script.
    fn display_name(&self) -> String {
        let first = if self.preferred.is_empty() { &self.given } else { &self.preferred };
        functions::full_name(first, &self.family)
    }
}

/// An address that is wrong is an error and not dropped: it is the login, and somebody should correct it.
fn read_email(text: Cow<'_, str>) -> Result<String, MappingError> {
    functions::email_address(&text)
        .ok_or_else(|| MappingError::field("email", format!("`{text}` is not a mail address")))
}

fn set_name(map: &mut AttributeMap, person: &Person) {
    let some = |text: String| (!text.is_empty()).then_some(text);
    map.complex("name")
        .set_opt("formatted", some(functions::full_name(&person.given, &person.family)))
        .set_opt("familyName", some(person.family.clone()))
        .set_opt("givenName", some(person.given.clone()));
    map.set_or_clear("displayName", some(person.display_name()));
}

fn set_emails(map: &mut AttributeMap, person: &Person) {
    map.clear("emails");
    if let Some(email) = &person.email {
        map.add("emails").set("value", email).set("type", "work").set("primary", true);
    }
}

/// A number that cannot be read is treated as blank: a person without a telephone can work, a person
/// without an account cannot.
fn set_phone_numbers(map: &mut AttributeMap, ctx: &Context, record: &Record) -> Result<(), MappingError> {
    map.clear("phoneNumbers");
    for (field, kind) in [("phone", "work"), ("mobile", "mobile")] {
        let Some(text) = record.optional_text(field)? else { continue };
        match functions::phone_number(&text, ctx.setting("country_code")) {
            Some(number) => {
                map.add("phoneNumbers").set("value", number).set("type", kind);
            }
            None => log::warn!("dropped what is no telephone number", field = field, value = text),
        }
    }
    Ok(())
}

/// One column stands for both: RFC 7643 §4.1.1 has `preferredLanguage` for the language people read, and
/// `locale` for how dates and numbers are written for them.
fn set_language(map: &mut AttributeMap, record: &Record) -> Result<(), MappingError> {
    let text = record.optional_text("locale")?;
    let tag = text.as_deref().and_then(functions::language_tag);
    if let (Some(text), None) = (&text, &tag) {
        log::warn!("dropped what is no language tag", field = "locale", value = text);
    }
    // Left out where the file has none: people choose their own language, and a default may fill it in.
    map.set_opt("preferredLanguage", tag.as_ref());
    map.set_opt("locale", tag);
    Ok(())
}

fn set_enterprise(map: &mut AttributeMap, record: &Record) -> Result<(), MappingError> {
    let manager = record.optional_text("manager_id")?.filter(|manager| {
        let is_self = manager == record.key();
        if is_self {
            log::warn!("nobody is their own manager", field = "manager_id", value = manager);
        }
        !is_self
    });
    map.enterprise()
        .set_or_clear("employeeNumber", record.optional_text("employee_id")?)
        .set_or_clear("department", record.optional_text("department")?)
        .set_or_clear("division", record.optional_text("division")?)
        .set_or_clear("costCenter", record.optional_text("cost_center")?)
        .link_or_clear("manager", manager.map(RecordLink::user));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_case_maps_as_expected() {
        let report =
            testing::run_mapping_cases::<CorpUser>(concat!(env!("CARGO_MANIFEST_DIR"), "/cases")).unwrap();
        assert!(report.failed.is_empty(), "{report}");
    }

    #[test]
    fn what_is_dropped_is_told_with_its_field_and_value() {
        let record = Record::builder("hr", "E1")
            .text("email", "ada@example.com")
            .text("mobile", "n/a")
            .text("locale", "German")
            .text("manager_id", "E1")
            .build();
        CorpUser::map(&testing::context::<CorpUser>(), &record).unwrap();
        let lines: Vec<_> = testing::logs().iter().map(ToString::to_string).collect();
        assert_eq!(
            lines,
            [
                "warn: dropped what is no telephone number (field=mobile, value=n/a)",
                "warn: dropped what is no language tag (field=locale, value=German)",
                "warn: nobody is their own manager (field=manager_id, value=E1)",
            ]
        );
    }
}
