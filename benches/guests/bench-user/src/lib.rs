//! The benchmark's mapping as a scimwright mapping module: typed values in, typed values out.

use bench_workload::{Person, Refusal, User, rules};
use scimwright_guest::prelude::*;
use std::borrow::Cow;

/// The mapping.
#[derive(Debug)]
pub struct BenchUser;

scimwright_guest::export!(BenchUser: mapper);

impl Describe for BenchUser {
    fn describe() -> Manifest {
        Manifest::new("bench-user", env!("CARGO_PKG_VERSION"))
            .description("Maps 12 fields of a person to 8 attributes of a SCIM User.")
            .reads([
                "given_name",
                "family_name",
                "preferred_name",
                "email",
                "phone",
                "mobile",
                "job_title",
                "grade",
                "department",
                "division",
                "employed",
                "starts_at",
            ])
            .writes(["userName", "name", "displayName", "emails", "phoneNumbers", "active", "title"])
            .writes_enterprise(["department"])
            .reuse(1_000)
    }
}

impl MapAttributes for BenchUser {
    fn map(ctx: &Context, record: &Record) -> Result<Outcome, MappingError> {
        let person = read(record)?;
        let user = rules::map(&person, ctx.now())
            .map_err(|Refusal { field, message }| MappingError::field(field, message))?;
        Ok(attributes(user).into())
    }
}

fn read(record: &Record) -> Result<Person<'_>, MappingError> {
    let text = |field| -> Result<Cow<'_, str>, MappingError> {
        Ok(record.optional_text(field)?.unwrap_or_default())
    };
    Ok(Person {
        given_name: text("given_name")?,
        family_name: text("family_name")?,
        preferred_name: text("preferred_name")?,
        email: text("email")?,
        phone: text("phone")?,
        mobile: text("mobile")?,
        job_title: text("job_title")?,
        grade: record.integer("grade")?,
        department: text("department")?,
        division: text("division")?,
        employed: record.boolean("employed")?,
        starts_at: text("starts_at")?,
    })
}

fn attributes(user: User) -> AttributeMap {
    let mut map = AttributeMap::new();
    map.set("userName", user.user_name);
    map.complex("name")
        .set("formatted", user.name.formatted)
        .set("familyName", user.name.family_name)
        .set("givenName", user.name.given_name);
    map.set("displayName", user.display_name);
    for email in user.emails {
        map.add("emails").set("value", email.value).set("type", email.r#type).set("primary", email.primary);
    }
    for phone in user.phone_numbers {
        map.add("phoneNumbers").set("value", phone.value).set("type", phone.r#type);
    }
    map.set("active", user.active);
    map.set("title", user.title);
    map.enterprise().set("department", user.enterprise.department);
    map
}
