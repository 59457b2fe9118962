//! The benchmark's record as the host has it, and what a mapping made of it as JSON.

use anyhow::{Context, bail};
use bench_workload::Call;
use scimwright_mapping::{CallContext, Mapped, Operation, Outcome};
use scimwright_record::{FieldValue, Record, RecordKey, SourceName};
use scimwright_scim::builtin;
use serde_json::Value;

/// The record of [`Call::example`].
///
/// # Errors
/// Never, unless the example has a name that is none.
pub fn record() -> anyhow::Result<Record> {
    let call = Call::example();
    let person = call.person;
    let text = |text: std::borrow::Cow<'_, str>| FieldValue::Text(text.into_owned());
    Ok(Record::new(SourceName::parse(&call.source)?, RecordKey::parse(&call.key)?)
        .with("given_name", text(person.given_name))
        .with("family_name", text(person.family_name))
        .with("preferred_name", text(person.preferred_name))
        .with("email", text(person.email))
        .with("phone", text(person.phone))
        .with("mobile", text(person.mobile))
        .with("job_title", text(person.job_title))
        .with("grade", FieldValue::Integer(person.grade))
        .with("department", text(person.department))
        .with("division", text(person.division))
        .with("employed", FieldValue::Boolean(person.employed))
        .with("starts_at", FieldValue::DateTime(person.starts_at.into_owned())))
}

/// What the mapping may know besides: the rest of [`Call::example`].
///
/// # Errors
/// Never, unless the example has a name that is none.
pub fn context() -> anyhow::Result<CallContext> {
    let call = Call::example();
    Ok(CallContext {
        tenant: call.tenant.parse()?,
        provider: call.provider.parse()?,
        resource_type: call.resource_type.parse()?,
        operation: Operation::Update,
        now: call.now.into_owned(),
    })
}

/// The user that a mapping made, as the provider would get it, without the list of schemas.
///
/// # Errors
/// When the mapping skipped the record.
pub fn user(mapped: &Mapped) -> anyhow::Result<Value> {
    let attributes = match &mapped.outcome {
        Outcome::Provision(attributes) => attributes,
        Outcome::Skip(reason) => bail!("the example was skipped: {reason}"),
    };
    let (desired, _) = attributes.resolve(&mut |_| None);
    let mut user = desired.to_resource(builtin::user_resource_type()).into_value();
    user.as_object_mut().context("a resource is an object")?.shift_remove("schemas");
    Ok(user)
}

#[cfg(test)]
mod tests {
    use super::*;
    use bench_user::BenchUser;
    use scimwright_guest::testing;
    use scimwright_guest::{MapAttributes, Record as GuestRecord};

    #[test]
    fn the_guest_makes_the_expected_user_of_the_record_the_host_has() {
        let record = record().unwrap();
        let mut builder = GuestRecord::builder(record.source().as_str(), record.key().as_str());
        for field in record.fields() {
            use scimwright_guest::FieldValue as Guest;
            let value = match &field.value {
                FieldValue::Text(text) => Guest::Text(text.clone()),
                FieldValue::DateTime(text) => Guest::DateTime(text.clone()),
                FieldValue::Integer(number) => Guest::Integer(*number),
                FieldValue::Boolean(truth) => Guest::Boolean(*truth),
                other => panic!("{other:?}"),
            };
            builder = builder.field(field.name.as_str(), value);
        }
        let context = testing::context::<BenchUser>();
        let outcome = BenchUser::map(&context, &builder.build()).unwrap();
        assert_eq!(outcome.to_json(), bench_workload::expected());
    }
}
