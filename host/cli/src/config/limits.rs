//! `[limits]`: what a call of a module may use; and the ceilings of a server with many tenants.
//!
//! A tenant's `[limits]` hold for each of its modules, a `[module.NAME.limits]` for that one. Above both stands
//! the `server.toml` beside `tenants/`: what it says nobody exceeds, whatever their own files say.

use super::reader::TableReader;
use scimwright_mapping::Limits;
use std::ops::RangeInclusive;
use std::time::Duration;

/// A limit: its key, in which bounds it makes sense, and where it goes.
struct Key {
    name: &'static str,
    bounds: RangeInclusive<u64>,
    get: fn(&Limits) -> u64,
    set: fn(&mut Limits, u64),
}

const KEYS: [Key; 8] = [
    Key {
        name: "cpu_ms",
        bounds: 1..=60_000,
        get: |limits| millis(limits.cpu),
        set: |limits, value| limits.cpu = Duration::from_millis(value),
    },
    Key {
        name: "wall_ms",
        bounds: 1..=600_000,
        get: |limits| millis(limits.wall),
        set: |limits, value| limits.wall = Duration::from_millis(value),
    },
    Key {
        name: "memory_mb",
        bounds: 1..=1_024,
        get: |limits| limits.memory_bytes as u64 >> 20,
        set: |limits, value| limits.memory_bytes = bytes(value << 20),
    },
    Key {
        name: "output_kb",
        bounds: 1..=65_536,
        get: |limits| limits.output_bytes as u64 >> 10,
        set: |limits, value| limits.output_bytes = bytes(value << 10),
    },
    Key {
        name: "log_kb",
        bounds: 1..=65_536,
        get: |limits| limits.log_bytes as u64 >> 10,
        set: |limits, value| limits.log_bytes = bytes(value << 10),
    },
    Key {
        name: "lookups",
        bounds: 0..=100_000,
        get: |limits| u64::from(limits.lookups),
        set: |limits, value| limits.lookups = u32::try_from(value).unwrap_or(u32::MAX),
    },
    Key {
        name: "file_mb",
        bounds: 1..=1_024,
        get: |limits| limits.file_bytes >> 20,
        set: |limits, value| limits.file_bytes = value << 20,
    },
    Key {
        name: "instances",
        bounds: 1..=64,
        get: |limits| u64::from(limits.instances),
        set: |limits, value| limits.instances = u32::try_from(value).unwrap_or(u32::MAX),
    },
];

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

fn bytes(count: u64) -> usize {
    usize::try_from(count).unwrap_or(usize::MAX)
}

/// Reads limits, starting from those that hold otherwise.
pub(super) fn read(table: TableReader<'_>, base: Limits) -> Limits {
    let mut limits = base;
    for key in &KEYS {
        if let Some(value) = table.whole_number(key.name, key.bounds.clone()) {
            (key.set)(&mut limits, value);
        }
    }
    table.finish();
    limits
}

/// What limits may be at most; nothing is said of a limit that is not among them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Ceilings(Vec<(&'static str, u64)>);

impl Ceilings {
    /// Reads ceilings, starting from those that hold otherwise.
    pub(super) fn read(table: TableReader<'_>, base: &Self) -> Self {
        let mut ceilings = base.clone();
        for key in &KEYS {
            if let Some(value) = table.whole_number(key.name, key.bounds.clone()) {
                ceilings.0.retain(|(name, _)| *name != key.name);
                ceilings.0.push((key.name, value));
            }
        }
        table.finish();
        ceilings
    }

    /// The limits as they may be, and a sentence for each that was cut.
    pub(crate) fn cut(&self, mut limits: Limits) -> (Limits, Vec<String>) {
        let mut cut = Vec::new();
        for key in &KEYS {
            let Some((_, most)) = self.0.iter().find(|(name, _)| *name == key.name) else { continue };
            let wanted = (key.get)(&limits);
            if wanted > *most {
                (key.set)(&mut limits, *most);
                cut.push(format!("{} is {most} and not {wanted}: server.toml allows no more", key.name));
            }
        }
        (limits, cut)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_limit_has_a_key_that_says_in_its_unit_what_holds() {
        let mut limits = Limits::default();
        let before: Vec<_> = KEYS.iter().map(|key| (key.name, (key.get)(&limits))).collect();
        let expected = [
            ("cpu_ms", 50),
            ("wall_ms", 2000),
            ("memory_mb", 32),
            ("output_kb", 256),
            ("log_kb", 16),
            ("lookups", 32),
            ("file_mb", 64),
            ("instances", 16),
        ];
        assert_eq!(before, expected);
        for key in &KEYS {
            (key.set)(&mut limits, 7);
            assert_eq!((key.get)(&limits), 7, "{}", key.name);
        }
    }

    #[test]
    fn a_ceiling_cuts_what_is_above_it_and_raises_nothing() {
        let ceilings = Ceilings(vec![("cpu_ms", 20), ("memory_mb", 64)]);
        let (limits, cut) = ceilings.cut(Limits::default());
        assert_eq!((limits.cpu, limits.memory_bytes), (Duration::from_millis(20), 32 << 20));
        assert_eq!(cut, ["cpu_ms is 20 and not 50: server.toml allows no more"]);
    }
}
