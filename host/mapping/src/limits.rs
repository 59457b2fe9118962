//! What one call of a module may use, and what it did use.

use crate::text;
use std::fmt;
use std::time::Duration;

/// What one call of a module may use. Each limit is finite; what enforces it is named beside it.
///
/// The defaults suit a mapping of some ten fields with room to spare: such a call uses well under a
/// millisecond and two mebibytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
pub struct Limits {
    /// CPU time of the calling thread, host functions included: 50 ms. Looked at on every tick, so a
    /// module is stopped about a millisecond after the limit.
    #[serde(rename = "cpu_ms", serialize_with = "text::as_millis")]
    pub cpu: Duration,
    /// Time on the clock on the wall, look-ups included: 2 s. Looked at on every tick and after every
    /// look-up; a look-up is told its deadline, and cannot be interrupted otherwise.
    #[serde(rename = "wall_ms", serialize_with = "text::as_millis")]
    pub wall: Duration,
    /// Memories and tables of the instance together, from its first moment: 32 MiB. Growth beyond it is
    /// refused.
    pub memory_bytes: usize,
    /// What the host holds after taking in a result: text and bytes as they are, list items at their
    /// size in the host. 256 KiB. The same bound holds for what one call of `log` or `lookup` passes in.
    /// Counted before anything is allocated.
    pub output_bytes: usize,
    /// What is kept of the messages that a call logs: 16 KiB. Messages beyond it are left out and counted.
    pub log_bytes: usize,
    /// How many look-ups one call may make: 32. The next one ends the call.
    pub lookups: u32,
    /// The size of a module's file: 64 MiB. A larger one is not read.
    pub file_bytes: u64,
    /// How many instances of the module may exist at once, under one set of settings: 16. More calls wait.
    pub instances: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            cpu: Duration::from_millis(50),
            wall: Duration::from_secs(2),
            memory_bytes: 32 << 20,
            output_bytes: 256 << 10,
            log_bytes: 16 << 10,
            lookups: 32,
            file_bytes: 64 << 20,
            instances: 16,
        }
    }
}

impl Limits {
    /// Of each limit the tighter one, and the names of those that `ceiling` cut, as a configuration spells them.
    #[must_use]
    pub fn tightest(&self, ceiling: &Self) -> (Self, Vec<&'static str>) {
        let mut cut = Vec::new();
        let limits = Self {
            cpu: tighter("cpu_ms", self.cpu, ceiling.cpu, &mut cut),
            wall: tighter("wall_ms", self.wall, ceiling.wall, &mut cut),
            memory_bytes: tighter("memory_mb", self.memory_bytes, ceiling.memory_bytes, &mut cut),
            output_bytes: tighter("output_kb", self.output_bytes, ceiling.output_bytes, &mut cut),
            log_bytes: tighter("log_kb", self.log_bytes, ceiling.log_bytes, &mut cut),
            lookups: tighter("lookups", self.lookups, ceiling.lookups, &mut cut),
            file_bytes: tighter("file_mb", self.file_bytes, ceiling.file_bytes, &mut cut),
            instances: tighter("instances", self.instances, ceiling.instances, &mut cut),
        };
        (limits, cut)
    }
}

fn tighter<T: Ord>(name: &'static str, wanted: T, ceiling: T, cut: &mut Vec<&'static str>) -> T {
    if wanted > ceiling {
        cut.push(name);
        return ceiling;
    }
    wanted
}

/// What one call used.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize)]
pub struct Usage {
    /// CPU time of the calling thread, from the instance's creation to the result.
    #[serde(rename = "cpu_ms", serialize_with = "text::as_millis")]
    pub cpu: Duration,
    /// Time on the clock on the wall, waiting for a free instance not included.
    #[serde(rename = "wall_ms", serialize_with = "text::as_millis")]
    pub wall: Duration,
    /// The most that memories and tables held together.
    pub memory_bytes: usize,
    /// The size of the result, counted as [`Limits::output_bytes`] counts.
    pub output_bytes: usize,
    /// What was kept of the messages logged.
    pub log_bytes: usize,
    /// How many look-ups were made.
    pub lookups: u32,
    /// Instructions executed, as wasmtime counts its fuel: the same for the same call on every machine. Only
    /// where [`HostOptions::count_fuel`](crate::HostOptions::count_fuel) is set.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fuel: Option<u64>,
    /// Whether the instance was made for this call.
    pub fresh: bool,
}

impl Usage {
    /// The figures, each beside the limit it counts against: `memory 1.3 of 32 MiB`.
    #[must_use]
    pub fn against(&self, limits: &Limits) -> impl fmt::Display + use<> {
        let (used, limits) = (*self, *limits);
        std::fmt::from_fn(move |f| {
            write!(
                f,
                "CPU {} of {}, time {} of {}, memory {} of {}, output {} of {}, log {} of {}, look-ups {} of {}",
                text::millis(used.cpu),
                text::millis(limits.cpu),
                text::millis(used.wall),
                text::millis(limits.wall),
                text::bytes(used.memory_bytes as u64),
                text::bytes(limits.memory_bytes as u64),
                text::bytes(used.output_bytes as u64),
                text::bytes(limits.output_bytes as u64),
                text::bytes(used.log_bytes as u64),
                text::bytes(limits.log_bytes as u64),
                used.lookups,
                limits.lookups,
            )
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn usage_stands_beside_its_limit() {
        let usage = Usage { cpu: Duration::from_micros(400), memory_bytes: 1_376_256, ..Usage::default() };
        let text = usage.against(&Limits::default()).to_string();
        assert!(text.starts_with("CPU 400 µs of 50 ms"), "{text}");
        assert!(text.contains("memory 1.3 MiB of 32 MiB"), "{text}");
    }

    #[test]
    fn the_tighter_of_two_limits_counts_and_what_was_cut_is_named() {
        let wanted =
            Limits { cpu: Duration::from_millis(80), lookups: 5, instances: 40, ..Limits::default() };
        let (limits, cut) = wanted.tightest(&Limits::default());
        assert_eq!(limits, Limits { lookups: 5, ..Limits::default() });
        assert_eq!(cut, ["cpu_ms", "instances"]);
        assert_eq!(limits.tightest(&Limits::default()), (limits, Vec::new()));
    }

    #[test]
    fn times_are_milliseconds_in_json() {
        let json =
            serde_json::to_value(Limits { cpu: Duration::from_micros(1500), ..Limits::default() }).unwrap();
        assert_eq!((&json["cpu_ms"], &json["wall_ms"]), (&1.5.into(), &2000.0.into()));
    }
}
