//! `mapping!` says what the long form says.

use scimwright_guest::prelude::*;

mod people {
    use super::*;

    mapping! {
        /// Maps people
        /// to SCIM Users.
        reads: ["email", "left_on"],
        writes: ["userName"],
        writes_enterprise: ["department"],
        lookups: ["departments"],
        settings: [
            Setting::optional("domain", "The domain of login names.").default("example.com"),
            Setting::required("region", "Where people are."),
        ],
        reuse: 100,
        map: map,
    }

    fn map(ctx: &Context, record: &Record) -> Result<Outcome, MappingError> {
        if record.optional_date("left_on")?.is_some() {
            return Ok(Outcome::skip("left"));
        }
        let name = functions::before(&record.text("email")?, "@").unwrap_or_default().to_owned();
        Ok(attributes! { "userName": format!("{name}@{}", ctx.required_setting("domain")?) }.into())
    }
}

mod both {
    use super::*;

    mapping! {
        name: "both",
        version: "2.0.0",
        defaults: inner::defaults,
        map: |_: &Context, record: &Record| record.text("n").map(|n| attributes! { "userName": n }),
    }

    mod inner {
        use super::*;

        pub(super) fn defaults(
            _: &Context,
            _: &Record,
            _: &AttributeMap,
        ) -> Result<AttributeMap, MappingError> {
            Ok(attributes! { "userType": "Employee" })
        }
    }
}

#[test]
fn a_declared_mapping_has_the_manifest_that_is_written_out() {
    let written = Manifest::new("scimwright-guest", env!("CARGO_PKG_VERSION"))
        .description("Maps people to SCIM Users.")
        .reads(["email", "left_on"])
        .writes(["userName"])
        .writes_enterprise(["department"])
        .lookups(["departments"])
        .setting(Setting::optional("domain", "The domain of login names.").default("example.com"))
        .setting(Setting::required("region", "Where people are."))
        .reuse(100);
    assert_eq!(people::Mapping::describe(), written);
    assert_eq!(both::Mapping::describe(), Manifest::new("both", "2.0.0"));
}

#[test]
fn a_declared_mapping_maps_and_skips() {
    let ctx = testing::context::<people::Mapping>();
    let record = Record::builder("hr", "1").text("email", "ada@old.example");
    let mapped = people::Mapping::map(&ctx, &record.clone().build()).unwrap();
    assert_eq!(mapped.to_json(), json!({ "userName": "ada@example.com" }));
    let skipped = people::Mapping::map(&ctx, &record.text("left_on", "2024-01-01").build()).unwrap();
    assert_eq!(skipped, Outcome::skip("left"));
}

#[test]
fn a_declared_mapping_may_map_and_supply_defaults() {
    let ctx = testing::context::<both::Mapping>();
    let record = Record::builder("hr", "1").text("n", "ada").build();
    assert_eq!(both::Mapping::map(&ctx, &record).unwrap().to_json(), json!({ "userName": "ada" }));
    let defaults = both::Mapping::defaults(&ctx, &record, &AttributeMap::new()).unwrap();
    assert_eq!(Outcome::from(defaults).to_json(), json!({ "userType": "Employee" }));
}

#[test]
fn a_mistake_in_a_pattern_is_the_authors_and_not_the_records() {
    let error: MappingError = functions::replace_regex("a", "(?=a)", "b").unwrap_err().into();
    assert_eq!(error.kind(), "other");
    assert!(error.to_string().starts_with("pattern `(?=a)`: `(?` is not portable"), "{error}");
}
