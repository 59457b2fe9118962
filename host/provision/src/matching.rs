//! Who is looking for which resource just now.
//!
//! The search itself is the client's; here it is made sure that two records under way do not search and
//! create for one and the same login.

use scimwright_record::RecordKey;
use scimwright_scim::{AttributePath, Desired, Filter, FilterValue};
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::{Mutex, PoisonError};

/// What the records under way without a link are going to be found by.
///
/// Two records with one login could otherwise be created and searched at the same time, and the second would
/// adopt what the first has just made. Only records under way are here, so this stays small.
#[derive(Debug, Default)]
pub(crate) struct Claims(Mutex<HashMap<String, RecordKey>>);

/// The match values of one record, given back when it is dropped.
#[derive(Debug)]
pub(crate) struct Claim<'a> {
    claims: &'a Claims,
    values: Vec<String>,
}

/// Another record under way has the same value.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Contested {
    /// That record.
    pub(crate) by: RecordKey,
    /// The attribute they share.
    pub(crate) path: AttributePath,
}

impl Claims {
    /// Claims a record's match values for as long as the claim lives.
    pub(crate) fn claim(
        &self,
        key: &RecordKey,
        attributes: &[AttributePath],
        desired: &Desired,
    ) -> Result<Claim<'_>, Contested> {
        let mut held = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut claim = Claim { claims: self, values: Vec::with_capacity(attributes.len()) };
        for path in attributes {
            let Some(filter) = equality(path, desired) else { continue };
            // Many providers compare without case, so that is how far apart two values have to be.
            let value = filter.to_string().to_lowercase();
            match held.entry(value.clone()) {
                Entry::Occupied(other) => {
                    let contested = Contested { by: other.get().clone(), path: path.clone() };
                    // Dropping the claim takes the lock again.
                    drop(held);
                    return Err(contested);
                }
                Entry::Vacant(place) => {
                    place.insert(key.clone());
                    claim.values.push(value);
                }
            }
        }
        Ok(claim)
    }
}

/// The filter that finds resources with the record's value in this attribute; none where it has no single
/// value there.
fn equality(path: &AttributePath, desired: &Desired) -> Option<Filter> {
    match FilterValue::try_from(desired.value(path)?) {
        Ok(FilterValue::Null) | Err(_) => None,
        Ok(value) => Some(Filter::eq(path.clone(), value)),
    }
}

impl Drop for Claim<'_> {
    fn drop(&mut self) {
        let mut held = self.claims.0.lock().unwrap_or_else(PoisonError::into_inner);
        for value in &self.values {
            held.remove(value);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn desired(user_name: &str, external_id: &str) -> Desired {
        let mut desired = Desired::new();
        desired.set(&AttributePath::parse("userName").unwrap(), serde_json::json!(user_name));
        desired.set(&AttributePath::parse("externalId").unwrap(), serde_json::json!(external_id));
        desired
    }

    #[test]
    fn two_records_under_way_cannot_claim_one_login_whatever_its_case() {
        let claims = Claims::default();
        let paths = ["externalId", "userName"].map(|path| AttributePath::parse(path).unwrap());
        let key = |text: &str| RecordKey::parse(text).unwrap();
        let first = claims.claim(&key("E1"), &paths, &desired("JDoe", "E1")).unwrap();
        let contested = claims.claim(&key("E2"), &paths, &desired("jdoe", "E2")).unwrap_err();
        assert_eq!(contested, Contested { by: key("E1"), path: paths[1].clone() });
        // What the second could claim was given back, and so is everything once the first is done.
        drop(first);
        assert!(claims.claim(&key("E3"), &paths, &desired("jdoe", "E2")).is_ok());
    }
}
