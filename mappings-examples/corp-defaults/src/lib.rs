//! Fills in what a mapping left open.
//!
//! A default-values module sees the record and what the mappings before it made of it, and offers values.
//! The host takes those whose attribute is open: left out by every mapping. What a mapping cleared stays so.

use scimwright_guest::prelude::*;

/// The defaults. Each comes from a setting of the module; a setting set to `""` turns its default off.
#[derive(Debug)]
pub struct CorpDefaults;

scimwright_guest::export!(CorpDefaults: defaulter);

/// Attribute and the setting that its default comes from.
const DEFAULTS: [(&str, &str); 4] = [
    ("userType", "user_type"),
    ("preferredLanguage", "preferred_language"),
    ("locale", "locale"),
    ("timezone", "timezone"),
];

impl Describe for CorpDefaults {
    fn describe() -> Manifest {
        Manifest::new("corp-defaults", env!("CARGO_PKG_VERSION"))
            .description("Fills in user type, language, time zone and display name.")
            .writes(DEFAULTS.map(|(attribute, _)| attribute))
            .writes(["displayName"])
            .setting(Setting::optional("user_type", "What kind of user people are.").default("Employee"))
            .setting(Setting::optional("preferred_language", "The language to address people in: en-GB."))
            .setting(Setting::optional("locale", "How to write dates and numbers for people: en-GB."))
            .setting(Setting::optional("timezone", "Where people are, as in the IANA list: Europe/Berlin."))
    }
}

impl SupplyDefaults for CorpDefaults {
    fn defaults(
        ctx: &Context,
        _record: &Record,
        mapped: &AttributeMap,
    ) -> Result<AttributeMap, MappingError> {
        let mut defaults = AttributeMap::new();
        for (attribute, setting) in DEFAULTS {
            if mapped.is_open(attribute) {
                defaults.set_opt(attribute, ctx.setting(setting));
            }
        }
        if mapped.is_open("displayName") {
            defaults.set_opt("displayName", mapped.text("userName"));
        }
        Ok(defaults)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_case_gives_the_expected_defaults() {
        let report =
            testing::run_default_cases::<CorpDefaults>(concat!(env!("CARGO_MANIFEST_DIR"), "/cases"))
                .unwrap();
        assert!(report.failed.is_empty(), "{report}");
    }
}
