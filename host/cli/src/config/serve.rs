//! `[serve]`, and how often a resource is synced while `scimwright serve` runs.
//!
//! ```toml
//! [serve]
//! interval = "15m"            # every resource, unless it says otherwise
//!
//! [[provider.acme.resource]]
//! interval = "5m"             # this one
//! ```

use super::reader::TableReader;
use std::time::Duration;

/// How often a resource is synced unless the configuration says otherwise.
const DEFAULT_INTERVAL: Duration = Duration::from_secs(15 * 60);
/// The shortest interval that makes sense, and the longest.
const BOUNDS: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(7 * 24 * 3600));

/// `[serve]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Serve {
    /// How often a resource is synced that says nothing itself.
    pub(crate) interval: Duration,
}

impl Default for Serve {
    fn default() -> Self {
        Self { interval: DEFAULT_INTERVAL }
    }
}

impl Serve {
    pub(super) fn read(table: TableReader<'_>) -> Self {
        let interval = interval(&table).unwrap_or(DEFAULT_INTERVAL);
        table.finish();
        Self { interval }
    }
}

/// The key `interval` of a table.
pub(super) fn interval(table: &TableReader<'_>) -> Option<Duration> {
    length(table, "interval")
}

/// A key that holds a length of time, from a second to a week.
pub(super) fn length(table: &TableReader<'_>, key: &'static str) -> Option<Duration> {
    let text = table.text(key)?;
    match duration(&text.value) {
        Some(duration) if (BOUNDS.0..=BOUNDS.1).contains(&duration) => Some(duration),
        Some(_) => {
            let message = format!("`{}` is not between a second and a week", text.value);
            table.file().note_with_help(text.span, message, "write, for example, \"15m\"");
            None
        }
        None => {
            let message = format!("`{}` is no length of time", text.value);
            let help = "write a whole number and its unit: \"30s\", \"15m\", \"2h\", \"1d\"";
            table.file().note_with_help(text.span, message, help);
            None
        }
    }
}

/// `30s`, `15m`, `2h`, `1d`.
fn duration(text: &str) -> Option<Duration> {
    let text = text.trim();
    let (number, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    let seconds = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3_600,
        "d" => 24 * 3_600,
        _ => return None,
    };
    number.trim().parse::<u64>().ok()?.checked_mul(seconds).map(Duration::from_secs)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_length_of_time_is_a_number_and_its_unit() {
        let seconds = |text| duration(text).map(|duration| duration.as_secs());
        assert_eq!(
            ["30s", "15m", "2h", " 1 d "].map(seconds),
            [Some(30), Some(900), Some(7_200), Some(86_400)]
        );
        assert_eq!(
            ["", "15", "m", "1.5h", "-1s", "15 min", "99999999999999999999d", "5é"].map(seconds),
            [None; 8]
        );
    }
}
