//! Damaged components. Nothing that stands in a file may take the host down: it is loaded or refused, and
//! what is loaded runs inside its limits.

use crate::guests::{Guest, Says, host, id, map};
use scimwright_mapping::{Grants, Limits};
use std::time::Duration;

/// Numbers that look random and are the same in every run.
struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> usize {
        // xorshift64, by Marsaglia.
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 16).unwrap()
    }

    fn below(&mut self, end: usize) -> usize {
        self.next() % end
    }

    /// Damages bytes in one of the ways in which files get damaged.
    fn damage(&mut self, bytes: &mut Vec<u8>) {
        let at = self.below(bytes.len());
        match self.below(6) {
            0 => bytes[at] ^= 1 << self.below(8),
            1 => bytes[at] = u8::try_from(self.below(256)).unwrap(),
            2 => bytes.truncate(at.max(8)),
            3 => drop(bytes.drain(at..(at + 1 + self.below(8)).min(bytes.len()))),
            4 => bytes.insert(at, u8::try_from(self.below(256)).unwrap()),
            _ => {
                let length = self.below(64).min(bytes.len() - at);
                let from = self.below(bytes.len() - length);
                let piece = bytes[from..from + length].to_vec();
                bytes[at..at + length].copy_from_slice(&piece);
            }
        }
    }
}

#[test]
fn thousands_of_damaged_components_are_loaded_or_refused_and_never_hurt_the_host() {
    let host = host();
    let limits = Limits { cpu: Duration::from_millis(20), ..Limits::default() };
    let sound = Guest::echo(Says::default()).component();
    let mut numbers = Numbers(0x5c1_3a9e_77b1);
    let (mut refused, mut ran) = (0, 0);
    for _ in 0..3000 {
        let mut wasm = sound.clone();
        for _ in 0..=numbers.below(3) {
            numbers.damage(&mut wasm);
        }
        match host.load_bytes(id(), &wasm, limits, Vec::new(), Grants::default()) {
            Ok(module) => {
                // What it says is its own affair.
                let _ = map(&module);
                ran += 1;
            }
            Err(error) => {
                assert!(error.to_string().starts_with("module `guest`"), "{error}");
                refused += 1;
            }
        }
    }
    assert!(refused > 1000, "the damage is too mild: {refused} refused, {ran} ran");
    map(&Guest::echo(Says::default()).load(&host, Limits::default()).unwrap()).unwrap();
}

#[test]
fn random_bytes_behind_a_sound_beginning_are_refused() {
    let host = host();
    let sound = Guest::echo(Says::default()).component();
    let mut numbers = Numbers(99);
    for length in 0..2000 {
        let mut bytes = sound[..8 + numbers.below(64)].to_vec();
        bytes.extend((0..length % 200).map(|_| u8::try_from(numbers.below(256)).unwrap()));
        assert!(host.load_bytes(id(), &bytes, Limits::default(), Vec::new(), Grants::default()).is_err());
    }
}
