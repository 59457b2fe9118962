//! Which ids were seen.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::hash::{BuildHasher, RandomState};

/// Which ids were seen, and in which pass last. Each takes the same room however long it is: it is kept as
/// two independent keyed hashes, so that two ids are confused less often than memory fails.
#[derive(Debug, Default)]
pub(super) struct SeenIds {
    keys: [RandomState; 2],
    passes: HashMap<[u64; 2], u8>,
    pass: u8,
}

/// What is known of an id that was just seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Sight {
    /// It was not seen before.
    pub new: bool,
    /// It was not seen before in this pass.
    pub new_in_pass: bool,
}

impl SeenIds {
    pub(super) fn begin_pass(&mut self) {
        self.pass = self.pass.saturating_add(1);
    }

    pub(super) fn look(&mut self, id: &str) -> Sight {
        let [first, second] = &self.keys;
        match self.passes.entry([first.hash_one(id), second.hash_one(id)]) {
            Entry::Vacant(place) => {
                place.insert(self.pass);
                Sight { new: true, new_in_pass: true }
            }
            Entry::Occupied(mut place) => {
                Sight { new: false, new_in_pass: place.insert(self.pass) != self.pass }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_new_once_and_once_more_in_each_pass() {
        let mut seen = SeenIds::default();
        let [first, again] = [seen.look("7"), seen.look("7")];
        assert_eq!(first, Sight { new: true, new_in_pass: true });
        assert_eq!(again, Sight { new: false, new_in_pass: false });
        seen.begin_pass();
        let [first, again] = [seen.look("7"), seen.look("7")];
        assert_eq!(first, Sight { new: false, new_in_pass: true });
        assert_eq!(again, Sight { new: false, new_in_pass: false });
    }
}
