//! Maps job codes and flags to roles and entitlements, by a table in a setting.
//!
//! Who may do what is the operator's business and changes more often than code. So the tables are settings, and the
//! mapping is what reads them.
//!
//! - `table`: a table of a setting

mod table;

use scimwright_guest::prelude::*;
use table::Table;

mapping! {
    /// Maps job codes and flags to roles and entitlements, by a table in a setting.
    reads: ["job_code", "department_id", "flags"],
    writes: ["roles", "entitlements"],
    settings: [
        Setting::required("job_roles", "The roles of job codes: 100=nurse,staff; 2*=doctor; *=everybody."),
        Setting::optional("department_entitlements", "The entitlements of departments: ICU=icu-door."),
        Setting::optional("flag_entitlements", "The entitlements of flags: keyholder=master-key."),
        Setting::optional("default_role", "The role of job codes that the table has not; else they are errors."),
    ],
    map: map,
}

fn map(ctx: &Context, record: &Record) -> Result<AttributeMap, MappingError> {
    Ok(attributes! {
        "roles": roles(ctx, record)?,
        "entitlements": entitlements(ctx, record)?,
    })
}

/// The roles of the job. The first one is the primary (RFC 7643 §2.4: at most one is).
fn roles(ctx: &Context, record: &Record) -> Result<Vec<Complex>, MappingError> {
    let table = Table::of_setting(ctx, "job_roles")?;
    let job = record.optional_text("job_code")?;
    let mut roles = table.values(job.as_deref());
    if let Some(job) = job.as_deref().filter(|job| !table.has(job)) {
        roles.insert(0, default_role(ctx, job)?);
    }
    let role = |(at, role): (usize, &str)| {
        let primary = (at == 0).then_some(true);
        complex! { "value": role, "type": "job", "primary": primary }
    };
    Ok(functions::distinct(roles).into_iter().enumerate().map(role).collect())
}

/// A job code that nobody entered into the table. Guessing is bad in both directions, so it is an error, unless
/// the operator has said what is harmless.
fn default_role<'a>(ctx: &'a Context, job: &str) -> Result<&'a str, MappingError> {
    let role = ctx.setting("default_role").ok_or_else(|| {
        MappingError::field("job_code", format!("`{job}` is in no line of the setting `job_roles`"))
    })?;
    log::warn!("a job code is not in the table", field = "job_code", value = job, role = role);
    Ok(role)
}

/// The entitlements of the department and of every flag. What their tables have not entitles to nothing: there are
/// departments and flags for other purposes.
fn entitlements(ctx: &Context, record: &Record) -> Result<Vec<Complex>, MappingError> {
    let departments = Table::of_setting(ctx, "department_entitlements")?;
    let by_flag = Table::of_setting(ctx, "flag_entitlements")?;
    let department = record.optional_text("department_id")?;
    let flags = record.many("flags")?;
    let flags = flags.iter().flat_map(|flag| functions::split_list(flag));

    let mut entitlements: Vec<(&str, &str)> = Vec::new();
    let of_department =
        departments.values(department.as_deref()).into_iter().map(|value| (value, "department"));
    let of_flags = flags.flat_map(|flag| by_flag.values(Some(flag))).map(|value| (value, "flag"));
    for (value, kind) in of_department.chain(of_flags) {
        // One that comes twice is one entitlement, of where it came from first.
        if !entitlements.iter().any(|(known, _)| *known == value) {
            entitlements.push((value, kind));
        }
    }
    Ok(entitlements.into_iter().map(|(value, kind)| complex! { "value": value, "type": kind }).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_case_maps_as_expected() {
        let report =
            testing::run_mapping_cases::<Mapping>(concat!(env!("CARGO_MANIFEST_DIR"), "/cases")).unwrap();
        assert!(report.failed.is_empty(), "{report}");
    }

    #[test]
    fn a_code_that_gets_the_default_is_told() {
        let ctx = testing::context::<Mapping>()
            .with_setting("job_roles", "100=nurse")
            .with_setting("default_role", "guest");
        Mapping::map(&ctx, &Record::builder("hr", "E1").text("job_code", "999").build()).unwrap();
        let lines: Vec<_> = testing::logs().iter().map(ToString::to_string).collect();
        assert_eq!(lines, ["warn: a job code is not in the table (field=job_code, value=999, role=guest)"]);
    }
}
