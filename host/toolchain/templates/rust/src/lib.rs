//! Maps people to SCIM Users.

use scimwright_guest::prelude::*;

struct People;
scimwright_guest::export!(People: mapper);

impl Describe for People {
    fn describe() -> Manifest {
        Manifest::new("my-mapping", env!("CARGO_PKG_VERSION"))
            .description("Maps people to SCIM Users.")
            // The host passes these fields of a record and no others.
            .reads(["given_name", "family_name", "email", "status"])
            // Setting another attribute is an error.
            .writes(["externalId", "userName", "name", "emails", "active"])
    }
}

impl MapAttributes for People {
    fn map(_: &Context, record: &Record) -> Result<Outcome, MappingError> {
        // Blank or missing: an error that names the field, and the record waits until somebody corrects it.
        let email = record.text("email")?.to_lowercase();
        if !email.contains('@') {
            return Err(MappingError::field("email", format!("`{email}` is not a mail address")));
        }
        let mut map = AttributeMap::new();
        map.set("externalId", record.key());
        map.set("userName", &email);
        map.complex("name")
            .set_opt("givenName", record.optional_text("given_name")?)
            .set_opt("familyName", record.optional_text("family_name")?);
        map.add("emails").set("value", &email).set("type", "work").set("primary", true);
        map.set("active", record.optional_text("status")?.as_deref() != Some("left"));
        Ok(map.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_case_maps_as_expected() {
        let report =
            testing::run_mapping_cases::<People>(concat!(env!("CARGO_MANIFEST_DIR"), "/cases")).unwrap();
        assert!(report.failed.is_empty(), "{report}");
    }
}
