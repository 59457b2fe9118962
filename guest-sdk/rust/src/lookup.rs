//! Single records of other sources, where the configuration grants it.
//!
//! A look-up makes the mapping dearer for the host than a pure one; put what you can into the record itself
//! (a join in the source's query, for example) and look up the rest.

use crate::outcome::MappingError;
use crate::record::Record;

/// Finds the record with this key in another source, cut down to the fields named.
///
/// The source has to stand in the manifest's [`lookups`](crate::Manifest::lookups) and in the
/// configuration's `grants`. In native tests it answers from
/// [`testing::provide_lookup`](crate::testing::provide_lookup), in golden cases from their `lookups`.
///
/// # Errors
/// [`MappingError::LookupFailed`] when the source is not granted or could not be read.
pub fn lookup(source: &str, key: &str, fields: &[&str]) -> Result<Option<Record>, MappingError> {
    answer(source, key, fields).map_err(MappingError::LookupFailed)
}

#[cfg(target_arch = "wasm32")]
fn answer(source: &str, key: &str, fields: &[&str]) -> Result<Option<Record>, String> {
    use crate::bindings::scimwright::mapping::lookup;

    let fields: Vec<String> = fields.iter().map(|&field| field.to_owned()).collect();
    match lookup::lookup(source, key, &fields) {
        Ok(found) => Ok(found.map(Record::from)),
        Err(lookup::LookupError::NotGranted(_)) => Err(not_granted(source)),
        Err(lookup::LookupError::Unavailable(reason)) => Err(unavailable(source, &reason)),
    }
}

#[cfg(not(target_arch = "wasm32"))]
fn answer(source: &str, key: &str, fields: &[&str]) -> Result<Option<Record>, String> {
    use crate::testing::NoAnswer;

    crate::testing::answer_lookup(source, key, fields).map_err(|none| match none {
        NoAnswer::NotGranted => not_granted(source),
        NoAnswer::Unavailable(reason) => unavailable(source, &reason),
    })
}

fn unavailable(source: &str, reason: &str) -> String {
    format!("source `{source}` could not be read: {reason}")
}

fn not_granted(source: &str) -> String {
    format!("source `{source}` is not granted to this module; name it in the module's `grants.lookups`")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing;

    #[test]
    fn a_look_up_gets_only_the_fields_that_it_names() {
        testing::provide_lookup(
            Record::builder("sites", "BER").text("city", "Berlin").text("rent", "1").build(),
        );
        let site = lookup("sites", "BER", &["city"]).unwrap().unwrap();
        assert_eq!(site.text("city").unwrap(), "Berlin");
        assert!(site.field("rent").is_none());
        assert_eq!(lookup("sites", "PAR", &["city"]), Ok(None));
    }

    #[test]
    fn a_source_that_no_test_provides_is_not_granted() {
        let error = lookup("salaries", "E1", &["amount"]).unwrap_err();
        assert_eq!(error.kind(), "lookup-failed");
        assert!(error.to_string().starts_with("source `salaries` is not granted"), "{error}");
    }
}
