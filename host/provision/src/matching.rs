//! Who is looking for which resource just now.
//!
//! The search itself is the client's; here it is made sure that two records under way do not search and
//! create for one and the same login.

use scimwright_client::MatchKey;
use scimwright_record::RecordKey;
use scimwright_scim::Desired;
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::{Arc, Mutex, PoisonError};

/// What the records under way without a link are going to be found by.
///
/// Two records with one login could otherwise be created and searched at the same time, and the second would
/// adopt what the first has just made. Only records under way are here, so this stays small.
#[derive(Debug, Default)]
pub(crate) struct Claims(Arc<Held>);

/// The values that are claimed, and by whom.
type Held = Mutex<HashMap<String, RecordKey>>;

/// The match values of one record, given back when it is dropped.
#[derive(Debug)]
pub(crate) struct Claim {
    held: Arc<Held>,
    values: Vec<String>,
}

/// Another record under way has the same value.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Contested {
    /// That record.
    pub(crate) by: RecordKey,
    /// The attributes they share.
    pub(crate) match_key: MatchKey,
}

impl Claims {
    /// Claims a record's match values for as long as the claim lives.
    pub(crate) fn claim(
        &self,
        key: &RecordKey,
        match_by: &[MatchKey],
        desired: &Desired,
    ) -> Result<Claim, Contested> {
        let mut held = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut claim = Claim { held: Arc::clone(&self.0), values: Vec::with_capacity(match_by.len()) };
        for match_key in match_by {
            // The values of a key are claimed as one: half a name in common is no clash.
            let Some(filter) = match_key.filter(desired) else { continue };
            // Many providers compare without case, so that is how far apart two values have to be.
            let value = filter.to_string().to_lowercase();
            match held.entry(value.clone()) {
                Entry::Occupied(other) => {
                    let contested = Contested { by: other.get().clone(), match_key: match_key.clone() };
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

impl Drop for Claim {
    fn drop(&mut self) {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        for value in &self.values {
            held.remove(value);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use scimwright_scim::AttributePath;

    fn desired(user_name: &str, external_id: &str) -> Desired {
        let mut desired = Desired::new();
        desired.set(&AttributePath::parse("userName").unwrap(), serde_json::json!(user_name));
        desired.set(&AttributePath::parse("externalId").unwrap(), serde_json::json!(external_id));
        desired
    }

    #[test]
    fn two_records_under_way_cannot_claim_one_login_whatever_its_case() {
        let claims = Claims::default();
        let match_by = ["externalId", "userName"].map(|path| AttributePath::parse(path).unwrap().into());
        let key = |text: &str| RecordKey::parse(text).unwrap();
        let first = claims.claim(&key("E1"), &match_by, &desired("JDoe", "E1")).unwrap();
        let contested = claims.claim(&key("E2"), &match_by, &desired("jdoe", "E2")).unwrap_err();
        assert_eq!(contested, Contested { by: key("E1"), match_key: match_by[1].clone() });
        // What the second could claim was given back, and so is everything once the first is done.
        drop(first);
        assert!(claims.claim(&key("E3"), &match_by, &desired("jdoe", "E2")).is_ok());
    }
    #[test]
    fn two_people_with_one_family_name_do_not_stand_in_each_others_way() {
        let claims = Claims::default();
        let path = |text: &str| AttributePath::parse(text).unwrap();
        let match_by = [MatchKey::new([path("name.familyName"), path("name.givenName")]).unwrap()];
        let named = |given: &str| {
            let mut desired = Desired::new();
            desired.set(&path("name.familyName"), serde_json::json!("Doe"));
            desired.set(&path("name.givenName"), serde_json::json!(given));
            desired
        };
        let key = |text: &str| RecordKey::parse(text).unwrap();
        let _jo = claims.claim(&key("E1"), &match_by, &named("Jo")).unwrap();
        let _ann = claims.claim(&key("E2"), &match_by, &named("Ann")).unwrap();
        let contested = claims.claim(&key("E3"), &match_by, &named("JO")).unwrap_err();
        assert_eq!(contested, Contested { by: key("E1"), match_key: match_by[0].clone() });
    }
}
