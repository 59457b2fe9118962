//! JSON as the body of a PATCH, applied to resources.

#![no_main]

use libfuzzer_sys::{fuzz_mutator, fuzz_target, fuzzer_mutate};
use scimwright_fuzz::{json, laws, mutate_json};

fuzz_target!(|bytes: &[u8]| {
    if let Some(body) = json(bytes) {
        laws::patch(&body);
    }
});

fuzz_mutator!(|bytes: &mut [u8], length: usize, most: usize, seed: u32| {
    mutate_json(bytes, length, most, seed, fuzzer_mutate)
});
