//! The fuzzer's seeds, mutated a bounded number of times: what `cargo xtask fuzz` does for hours, for a second.

use crate::laws;
use crate::mutate::{self, Dice};
use proptest::prelude::*;
use serde_json::Value;
use std::fs;
use std::path::Path;

/// The seeds of a fuzz target, in an order that is the same everywhere.
fn seeds(target: &str) -> Vec<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus").join(target);
    let mut files: Vec<_> = fs::read_dir(&folder)
        .unwrap_or_else(|error| panic!("{}: {error}", folder.display()))
        .map(|entry| entry.unwrap().path())
        .collect();
    files.sort();
    assert!(files.len() > 3, "{} has hardly any seeds", folder.display());
    files.iter().map(|file| fs::read_to_string(file).unwrap()).collect()
}

fn values(target: &str) -> Vec<Value> {
    seeds(target).iter().map(|seed| serde_json::from_str(seed).unwrap()).collect()
}

/// A seed, and what a few changes one after the other make of it.
fn mutations<T: Clone + std::fmt::Debug + 'static>(
    seeds: Vec<T>,
    mutate: fn(&T, &mut Dice) -> T,
) -> impl Strategy<Value = T> {
    (prop::sample::select(seeds), any::<u64>(), 0usize..8).prop_map(move |(seed, number, rounds)| {
        let mut dice = Dice::new(number);
        (0..rounds).fold(seed, |input, _| mutate(&input, &mut dice))
    })
}

#[test]
fn every_seed_is_what_it_is_meant_to_be() {
    for text in seeds("filter") {
        scimwright_scim::Filter::parse(&text).unwrap();
        laws::filter(&text);
    }
    for text in seeds("path") {
        scimwright_scim::PatchPath::parse(&text).unwrap();
        laws::path(&text);
    }
    for body in values("patch") {
        scimwright_scim::PatchRequest::parse(&body).unwrap();
        laws::patch(&body);
    }
    values("messages").iter().for_each(laws::message);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1024))]

    #[test]
    fn whatever_a_filter_is_the_laws_hold(
        text in mutations(seeds("filter"), |text, dice| mutate::text(text, dice))
    ) {
        laws::filter(&text);
    }

    #[test]
    fn whatever_a_path_is_the_laws_hold(text in mutations(seeds("path"), |text, dice| mutate::text(text, dice))) {
        laws::path(&text);
    }

    /// Point 6: a patch is carried out whole or not at all, and by the rules, whatever it is.
    #[test]
    fn whatever_a_patch_is_the_laws_hold(body in mutations(values("patch"), mutate::json)) {
        laws::patch(&body);
    }

    /// Point 22: whatever a provider sends is read or refused, and what is read survives the wire.
    #[test]
    fn whatever_a_message_is_the_laws_hold(body in mutations(values("messages"), mutate::json)) {
        laws::message(&body);
    }
}
