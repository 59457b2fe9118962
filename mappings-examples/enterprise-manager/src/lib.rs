//! Maps employment to the enterprise extension (RFC 7643 §4.3), with what a source of departments says.
//!
//! The record has the key of a department; its name, division, cost center and head stand in another source.
//! The manager is a link to a record: the host puts the provider's id there.

use scimwright_guest::prelude::*;

mapping! {
    /// Maps employment to the enterprise extension, with what a source of departments says.
    reads: ["employee_number", "department_id", "cost_center", "manager_id"],
    writes_enterprise: ["employeeNumber", "department", "division", "costCenter", "manager"],
    lookups: ["departments"],
    settings: [
        Setting::optional("unknown_department", "What a department that is not there does: fail or clear.")
            .default("fail"),
    ],
    map: map,
}

fn map(ctx: &Context, record: &Record) -> Result<AttributeMap, MappingError> {
    let department = Department::of(ctx, record)?;
    let manager = manager(record, &department)?;
    // Somebody may count to another cost center than the rest of the department.
    let cost_center = record.optional_text("cost_center")?.map(Into::into).or(department.cost_center);
    Ok(attributes! {
        enterprise: {
            "employeeNumber": record.optional_text("employee_number")?,
            "department": department.name,
            "division": department.division,
            "costCenter": cost_center,
            "manager": { "value": manager.map(RecordLink::user) },
        },
    })
}

/// What the source says of a department. Of somebody who is in none, nothing.
#[derive(Debug, Default)]
struct Department {
    name: Option<String>,
    division: Option<String>,
    cost_center: Option<String>,
    head: Option<String>,
}

impl Department {
    fn of(ctx: &Context, record: &Record) -> Result<Self, MappingError> {
        let Some(id) = record.optional_text("department_id")? else { return Ok(Self::default()) };
        // A source that cannot be read is an error by itself: nobody loses a department over a broken disk.
        let fields = ["name", "division", "cost_center", "head_id"];
        let Some(found) = lookup::lookup("departments", &id, &fields)? else { return unknown(ctx, &id) };
        let text = |field| Ok::<_, MappingError>(found.optional_text(field)?.map(Into::into));
        Ok(Self {
            name: text("name")?,
            division: text("division")?,
            cost_center: text("cost_center")?,
            head: text("head_id")?,
        })
    }
}

/// A key that leads nowhere is a mistake of one of the two sources, and somebody should correct it.
fn unknown(ctx: &Context, id: &str) -> Result<Department, MappingError> {
    match ctx.required_setting("unknown_department")? {
        "fail" => Err(MappingError::field("department_id", format!("there is no department `{id}`"))),
        "clear" => {
            log::warn!("there is no such department", field = "department_id", value = id);
            Ok(Department::default())
        }
        other => Err(MappingError::other(format!(
            "setting `unknown_department`: `{other}` is neither `fail` nor `clear`"
        ))),
    }
}

/// Who has no manager reports to the head of the department. The head then reports to nobody here, and whoever
/// is entered as their own manager neither.
fn manager(record: &Record, department: &Department) -> Result<Option<String>, MappingError> {
    let entered = record.optional_text("manager_id")?;
    if entered.as_deref() == Some(record.key()) {
        log::warn!("nobody is their own manager", field = "manager_id", value = record.key());
        return Ok(None);
    }
    let head = department.head.clone().filter(|head| head != record.key());
    Ok(entered.map(Into::into).or(head))
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
    fn without_the_grant_nobody_loses_a_department() {
        let record = Record::builder("hr", "E1").text("department_id", "D1").build();
        let error = Mapping::map(&testing::context::<Mapping>(), &record).unwrap_err();
        assert_eq!(error.kind(), "lookup-failed");
    }
}
