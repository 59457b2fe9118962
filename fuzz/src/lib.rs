//! What the fuzz targets share.
//!
//! What has to hold is said once, beside the tests of the crate that it holds for, and so is how JSON is changed
//! so that it stays JSON; here only bytes become input. A finding becomes a test there, too: the input, and what
//! it broke.

#[path = "../../host/scim/tests/all/laws.rs"]
pub mod laws;
#[path = "../../host/scim/tests/all/mutate.rs"]
pub mod mutate;

use mutate::Dice;
use serde_json::Value;

/// The bytes as JSON, if they are. A body from the wire is read the same way.
pub fn json(bytes: &[u8]) -> Option<Value> {
    serde_json::from_slice(bytes).ok()
}

/// Changes the input in place and returns its new length: most often as JSON, now and then as the bytes that
/// `otherwise` knows how to change.
pub fn mutate_json(
    bytes: &mut [u8],
    length: usize,
    most: usize,
    seed: u32,
    otherwise: impl FnOnce(&mut [u8], usize, usize) -> usize,
) -> usize {
    let changed = json(&bytes[..length]).filter(|_| seed % 8 != 0).map(|value| {
        let mut dice = Dice::new(seed.into());
        let rounds = 1 + seed % 3;
        (0..rounds).fold(value, |value, _| mutate::json(&value, &mut dice)).to_string()
    });
    match changed {
        Some(text) if text.len() <= most => {
            bytes[..text.len()].copy_from_slice(text.as_bytes());
            text.len()
        }
        _ => otherwise(bytes, length, most),
    }
}
